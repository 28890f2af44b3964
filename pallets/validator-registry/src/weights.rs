//! Weighs the calls of this pallet.
//!
//! These are estimates, counted by hand: database reads and writes as listed, plus generous compute
//! time. Benchmarks replace them (issue 3); until then they are meant to be too high rather than
//! too low. The only number that a caller supplies is how many votes there are, and that is the
//! length of what it really sent.

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{RuntimeDbWeight, Weight, constants::RocksDbWeight},
};

/// Weights of the calls.
pub trait WeightInfo {
    /// A validator registers.
    fn register() -> Weight;
    /// Somebody brings `votes` director votes.
    fn submit_votes(votes: u32) -> Weight;
    /// A validator leaves.
    fn request_exit() -> Weight;
    /// A validator takes its stake out, or somebody does it for it.
    fn withdraw() -> Weight;
    /// A validator replaces its checkpoint key.
    fn rotate_checkpoint_key() -> Weight;
    /// Somebody points at a validator whose stake is too low.
    fn revoke_low_stake() -> Weight;
}

/// One ed25519 verification takes about 50 µs on slow server hardware; counted double.
const VERIFY_PS: u64 = 100_000_000;
/// Dispatch, encoding, hashing, an event.
const BASE_PS: u64 = 50_000_000;
/// Bytes of proof for each key read.
const PROOF_PER_READ: u64 = 4_096;

fn estimate(db: RuntimeDbWeight, ps: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(ps, PROOF_PER_READ * reads).saturating_add(db.reads_writes(reads, writes))
}

/// Two possession proofs; two look-ups for each key in three maps; account, hold, counters.
fn register(db: RuntimeDbWeight) -> Weight {
    estimate(db, BASE_PS + 2 * VERIFY_PS, 18, 14)
}

/// For each vote: validator, director's key, stored votes, nonces, tally, at worst all for different
/// validators, each of which is decided.
fn submit_votes(db: RuntimeDbWeight, votes: u32) -> Weight {
    estimate(db, BASE_PS, 2, 1)
        .saturating_add(estimate(db, BASE_PS + VERIFY_PS, 8, 5).saturating_mul(votes.into()))
}

fn request_exit(db: RuntimeDbWeight) -> Weight {
    estimate(db, BASE_PS, 3, 3)
}

/// Validator, both keys, at most four retired ones, votes, hold, account, counter.
fn withdraw(db: RuntimeDbWeight) -> Weight {
    estimate(db, BASE_PS, 12, 12)
}

/// As many retired keys may have expired; the new key may be another validator's expired one.
fn rotate_checkpoint_key(db: RuntimeDbWeight) -> Weight {
    estimate(db, BASE_PS + VERIFY_PS, 16, 12)
}

fn revoke_low_stake(db: RuntimeDbWeight) -> Weight {
    estimate(db, BASE_PS, 3, 3)
}

/// Estimates with the runtime's database weights.
pub struct Estimated<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for Estimated<T> {
    fn register() -> Weight {
        register(T::DbWeight::get())
    }
    fn submit_votes(votes: u32) -> Weight {
        submit_votes(T::DbWeight::get(), votes)
    }
    fn request_exit() -> Weight {
        request_exit(T::DbWeight::get())
    }
    fn withdraw() -> Weight {
        withdraw(T::DbWeight::get())
    }
    fn rotate_checkpoint_key() -> Weight {
        rotate_checkpoint_key(T::DbWeight::get())
    }
    fn revoke_low_stake() -> Weight {
        revoke_low_stake(T::DbWeight::get())
    }
}

impl WeightInfo for () {
    fn register() -> Weight {
        register(RocksDbWeight::get())
    }
    fn submit_votes(votes: u32) -> Weight {
        submit_votes(RocksDbWeight::get(), votes)
    }
    fn request_exit() -> Weight {
        request_exit(RocksDbWeight::get())
    }
    fn withdraw() -> Weight {
        withdraw(RocksDbWeight::get())
    }
    fn rotate_checkpoint_key() -> Weight {
        rotate_checkpoint_key(RocksDbWeight::get())
    }
    fn revoke_low_stake() -> Weight {
        revoke_low_stake(RocksDbWeight::get())
    }
}
