//! Weighs the calls of this pallet: measured, not written by hand.
//!
//! By `cargo xtask weights`, on 2026-11-25: vm, AMD EPYC.
//! STEPS: `20`, REPEAT: `10`, the worst valid case of each call, see `benchmarking.rs`.
//! They are for the machine that measured; a chain measures on its reference machine.

// Components and sizes that do not matter for a call are written down all the same.
#![allow(unused_parens, clippy::unnecessary_cast)]

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{Weight, constants::RocksDbWeight},
};

/// Weights of the calls, and of what the pallet does beside them.
pub trait WeightInfo {
    /// See the benchmark of this name.
    fn add_director() -> Weight;
    /// See the benchmark of this name.
    fn remove_director() -> Weight;
    /// See the benchmark of this name.
    fn activate() -> Weight;
    /// See the benchmark of this name.
    fn update_record() -> Weight;
    /// See the benchmark of this name.
    fn refresh() -> Weight;
    /// See the benchmark of this name.
    fn swap_director() -> Weight;
    /// See the benchmark of this name.
    fn rotate_peer_key() -> Weight;
}

/// As measured, with the runtime's database weights.
pub struct Measured<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for Measured<T> {
    // Storage: `DirectorRegistry::Records` (r:1 w:0)
    // Proof: `DirectorRegistry::Records` (`max_values`: None, `max_size`: Some(658), added: 3133, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::Invited` (r:1 w:1)
    // Proof: `DirectorRegistry::Invited` (`max_values`: Some(1), `max_size`: Some(456), added: 951, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::Active` (r:1 w:0)
    // Proof: `DirectorRegistry::Active` (`max_values`: Some(1), `max_size`: Some(225), added: 720, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::SetVersion` (r:1 w:1)
    // Proof: `DirectorRegistry::SetVersion` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    fn add_director() -> Weight {
        // Minimum execution time: 70_655 picoseconds.
        Weight::from_parts(75_933_000, 4123)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `DirectorRegistry::Active` (r:1 w:1)
    // Proof: `DirectorRegistry::Active` (`max_values`: Some(1), `max_size`: Some(225), added: 720, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::Records` (r:1 w:1)
    // Proof: `DirectorRegistry::Records` (`max_values`: None, `max_size`: Some(658), added: 3133, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::Invited` (r:1 w:1)
    // Proof: `DirectorRegistry::Invited` (`max_values`: Some(1), `max_size`: Some(456), added: 951, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::SetVersion` (r:1 w:1)
    // Proof: `DirectorRegistry::SetVersion` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::FirstNonces` (r:0 w:1)
    // Proof: `ValidatorRegistry::FirstNonces` (`max_values`: None, `max_size`: Some(56), added: 2531, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::PeerKeys` (r:0 w:1)
    // Proof: `DirectorRegistry::PeerKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    fn remove_director() -> Weight {
        // Minimum execution time: 133_738 picoseconds.
        Weight::from_parts(142_322_000, 4123)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(6_u64))
    }
    // Storage: `DirectorRegistry::Invited` (r:1 w:1)
    // Proof: `DirectorRegistry::Invited` (`max_values`: Some(1), `max_size`: Some(456), added: 951, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::PeerKeys` (r:1 w:2)
    // Proof: `DirectorRegistry::PeerKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::PeerKeys` (r:1 w:0)
    // Proof: `ValidatorRegistry::PeerKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::CheckpointKeys` (r:1 w:0)
    // Proof: `ValidatorRegistry::CheckpointKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::Active` (r:1 w:1)
    // Proof: `DirectorRegistry::Active` (`max_values`: Some(1), `max_size`: Some(225), added: 720, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::Records` (r:1 w:2)
    // Proof: `DirectorRegistry::Records` (`max_values`: None, `max_size`: Some(658), added: 3133, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::SetVersion` (r:1 w:1)
    // Proof: `DirectorRegistry::SetVersion` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::FirstNonces` (r:0 w:2)
    // Proof: `ValidatorRegistry::FirstNonces` (`max_values`: None, `max_size`: Some(56), added: 2531, mode: `MaxEncodedLen`)
    fn activate() -> Weight {
        // Minimum execution time: 325_593 picoseconds.
        Weight::from_parts(369_638_000, 4123)
            .saturating_add(T::DbWeight::get().reads(8_u64))
            .saturating_add(T::DbWeight::get().writes(9_u64))
    }
    // Storage: `DirectorRegistry::Records` (r:1 w:1)
    // Proof: `DirectorRegistry::Records` (`max_values`: None, `max_size`: Some(658), added: 3133, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::SetVersion` (r:1 w:1)
    // Proof: `DirectorRegistry::SetVersion` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    fn update_record() -> Weight {
        // Minimum execution time: 93_569 picoseconds.
        Weight::from_parts(99_587_000, 4123)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `DirectorRegistry::Records` (r:1 w:1)
    // Proof: `DirectorRegistry::Records` (`max_values`: None, `max_size`: Some(658), added: 3133, mode: `MaxEncodedLen`)
    fn refresh() -> Weight {
        // Minimum execution time: 77_355 picoseconds.
        Weight::from_parts(81_721_000, 4123)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `DirectorRegistry::Invited` (r:1 w:1)
    // Proof: `DirectorRegistry::Invited` (`max_values`: Some(1), `max_size`: Some(456), added: 951, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::Records` (r:2 w:0)
    // Proof: `DirectorRegistry::Records` (`max_values`: None, `max_size`: Some(658), added: 3133, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::SetVersion` (r:1 w:1)
    // Proof: `DirectorRegistry::SetVersion` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    fn swap_director() -> Weight {
        // Minimum execution time: 87_791 picoseconds.
        Weight::from_parts(93_419_000, 7240)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `DirectorRegistry::Records` (r:1 w:1)
    // Proof: `DirectorRegistry::Records` (`max_values`: None, `max_size`: Some(658), added: 3133, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::PeerKeys` (r:1 w:2)
    // Proof: `DirectorRegistry::PeerKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::PeerKeys` (r:1 w:0)
    // Proof: `ValidatorRegistry::PeerKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::CheckpointKeys` (r:1 w:0)
    // Proof: `ValidatorRegistry::CheckpointKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::SetVersion` (r:1 w:1)
    // Proof: `DirectorRegistry::SetVersion` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    fn rotate_peer_key() -> Weight {
        // Minimum execution time: 233_346 picoseconds.
        Weight::from_parts(253_276_000, 4123)
            .saturating_add(T::DbWeight::get().reads(6_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
}

impl WeightInfo for () {
    fn add_director() -> Weight {
        Weight::from_parts(75_933_000, 4123)
            .saturating_add(RocksDbWeight::get().reads(4_u64))
            .saturating_add(RocksDbWeight::get().writes(2_u64))
    }
    fn remove_director() -> Weight {
        Weight::from_parts(142_322_000, 4123)
            .saturating_add(RocksDbWeight::get().reads(4_u64))
            .saturating_add(RocksDbWeight::get().writes(6_u64))
    }
    fn activate() -> Weight {
        Weight::from_parts(369_638_000, 4123)
            .saturating_add(RocksDbWeight::get().reads(8_u64))
            .saturating_add(RocksDbWeight::get().writes(9_u64))
    }
    fn update_record() -> Weight {
        Weight::from_parts(99_587_000, 4123)
            .saturating_add(RocksDbWeight::get().reads(2_u64))
            .saturating_add(RocksDbWeight::get().writes(2_u64))
    }
    fn refresh() -> Weight {
        Weight::from_parts(81_721_000, 4123)
            .saturating_add(RocksDbWeight::get().reads(1_u64))
            .saturating_add(RocksDbWeight::get().writes(1_u64))
    }
    fn swap_director() -> Weight {
        Weight::from_parts(93_419_000, 7240)
            .saturating_add(RocksDbWeight::get().reads(4_u64))
            .saturating_add(RocksDbWeight::get().writes(2_u64))
    }
    fn rotate_peer_key() -> Weight {
        Weight::from_parts(253_276_000, 4123)
            .saturating_add(RocksDbWeight::get().reads(6_u64))
            .saturating_add(RocksDbWeight::get().writes(4_u64))
    }
}
