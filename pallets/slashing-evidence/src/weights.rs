//! Weighs the calls of this pallet.
//!
//! These are estimates, counted by hand: database reads and writes as listed, plus generous compute
//! time. Benchmarks replace them (issue 3); until then they are meant to be too high rather than
//! too low. No number of the caller's is in them: queue and window are weighed at their bounds.

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{RuntimeDbWeight, Weight, constants::RocksDbWeight},
};

/// Weights of the calls and of the hook.
pub trait WeightInfo {
    /// Somebody reports a double sign.
    fn report_double_sign() -> Weight;
    /// Governance cancels a slash.
    fn cancel_slash() -> Weight;
    /// A slash is applied, by a call or by the hook.
    fn apply_slash() -> Weight;
    /// What the hook does in every block.
    fn on_idle() -> Weight;
}

/// One ed25519 verification takes about 50 µs on slow server hardware; counted double.
const VERIFY_PS: u64 = 100_000_000;
/// Dispatch, encoding, hashing, events.
const BASE_PS: u64 = 50_000_000;
/// Decoding and encoding queue and window with a thousand entries each.
const QUEUE_PS: u64 = 100_000_000;
/// Bytes of proof for each key read.
const PROOF_PER_READ: u64 = 4_096;

fn estimate(db: RuntimeDbWeight, ps: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(ps, PROOF_PER_READ * reads).saturating_add(db.reads_writes(reads, writes))
}

/// Two signatures; both keys' owners, genesis hash, validator, counters, queue, window, reporter.
fn report_double_sign(db: RuntimeDbWeight) -> Weight {
    estimate(db, BASE_PS + QUEUE_PS + 2 * VERIFY_PS, 12, 6)
}

fn cancel_slash(db: RuntimeDbWeight) -> Weight {
    estimate(db, BASE_PS + QUEUE_PS, 6, 6)
}

/// The validator, its hold and account, issuance, the reporter's account, where the rest goes.
fn apply_slash(db: RuntimeDbWeight) -> Weight {
    estimate(db, BASE_PS + QUEUE_PS, 10, 10)
}

fn on_idle(db: RuntimeDbWeight) -> Weight {
    estimate(db, QUEUE_PS, 2, 1)
}

/// Estimates with the runtime's database weights.
pub struct Estimated<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for Estimated<T> {
    fn report_double_sign() -> Weight {
        report_double_sign(T::DbWeight::get())
    }
    fn cancel_slash() -> Weight {
        cancel_slash(T::DbWeight::get())
    }
    fn apply_slash() -> Weight {
        apply_slash(T::DbWeight::get())
    }
    fn on_idle() -> Weight {
        on_idle(T::DbWeight::get())
    }
}

impl WeightInfo for () {
    fn report_double_sign() -> Weight {
        report_double_sign(RocksDbWeight::get())
    }
    fn cancel_slash() -> Weight {
        cancel_slash(RocksDbWeight::get())
    }
    fn apply_slash() -> Weight {
        apply_slash(RocksDbWeight::get())
    }
    fn on_idle() -> Weight {
        on_idle(RocksDbWeight::get())
    }
}
