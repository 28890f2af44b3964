//! Weighs the calls of this pallet.
//!
//! These are estimates, counted by hand: database reads and writes as listed, plus generous compute
//! time. Benchmarks replace them (issue 3); until then they are meant to be too high rather than
//! too low. Nothing in them is scaled by a number that the caller supplies.

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{Weight, constants::RocksDbWeight},
};

/// Weights of the calls.
pub trait WeightInfo {
    /// Governance invites an account.
    fn add_director() -> Weight;
    /// Governance removes a director.
    fn remove_director() -> Weight;
    /// A director activates itself.
    fn activate() -> Weight;
    /// A director changes its record.
    fn update_record() -> Weight;
    /// A director says that its record still holds.
    fn refresh() -> Weight;
}

/// One ed25519 verification takes about 50 µs on slow server hardware; counted double.
const VERIFY_PS: u64 = 100_000_000;
/// Dispatch, encoding, hashing, an event.
const BASE_PS: u64 = 30_000_000;
/// Bytes of proof for each key read.
const PROOF_PER_READ: u64 = 4_096;

fn estimate(db: frame_support::weights::RuntimeDbWeight, ps: u64, r: u64, w: u64) -> Weight {
    Weight::from_parts(ps, PROOF_PER_READ * r).saturating_add(db.reads_writes(r, w))
}

/// Estimates with the runtime's database weights.
pub struct Estimated<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for Estimated<T> {
    fn add_director() -> Weight {
        estimate(T::DbWeight::get(), BASE_PS, 3, 2)
    }
    // One read and one write are for the hook that voids the votes.
    fn remove_director() -> Weight {
        estimate(T::DbWeight::get(), BASE_PS, 6, 7)
    }
    // Key look-ups here and in the other registry, the genesis hash.
    fn activate() -> Weight {
        estimate(T::DbWeight::get(), BASE_PS + VERIFY_PS, 8, 5)
    }
    fn update_record() -> Weight {
        estimate(T::DbWeight::get(), BASE_PS, 2, 2)
    }
    fn refresh() -> Weight {
        estimate(T::DbWeight::get(), BASE_PS, 1, 1)
    }
}

impl WeightInfo for () {
    fn add_director() -> Weight {
        estimate(RocksDbWeight::get(), BASE_PS, 3, 2)
    }
    fn remove_director() -> Weight {
        estimate(RocksDbWeight::get(), BASE_PS, 6, 7)
    }
    fn activate() -> Weight {
        estimate(RocksDbWeight::get(), BASE_PS + VERIFY_PS, 8, 5)
    }
    fn update_record() -> Weight {
        estimate(RocksDbWeight::get(), BASE_PS, 2, 2)
    }
    fn refresh() -> Weight {
        estimate(RocksDbWeight::get(), BASE_PS, 1, 1)
    }
}
