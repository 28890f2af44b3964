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
    fn register() -> Weight;
    /// See the benchmark of this name.
    fn submit_votes(v: u32) -> Weight;
    /// See the benchmark of this name.
    fn request_exit() -> Weight;
    /// See the benchmark of this name.
    fn withdraw() -> Weight;
    /// See the benchmark of this name.
    fn clean_up() -> Weight;
    /// See the benchmark of this name.
    fn rotate_checkpoint_key() -> Weight;
    /// See the benchmark of this name.
    fn rotate_peer_key() -> Weight;
    /// See the benchmark of this name.
    fn revoke_low_stake() -> Weight;
    /// See the benchmark of this name.
    fn bond_more() -> Weight;
    /// See the benchmark of this name.
    fn unbond() -> Weight;
    /// See the benchmark of this name.
    fn withdraw_unbonded() -> Weight;
    /// See the benchmark of this name.
    fn new_session(v: u32) -> Weight;
}

/// As measured, with the runtime's database weights.
pub struct Measured<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for Measured<T> {
    // Storage: `ValidatorRegistry::Validators` (r:3 w:3)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::CounterForValidators` (r:1 w:1)
    // Proof: `ValidatorRegistry::CounterForValidators` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::PeerKeys` (r:2 w:9)
    // Proof: `ValidatorRegistry::PeerKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::CheckpointKeys` (r:2 w:8)
    // Proof: `ValidatorRegistry::CheckpointKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::PeerKeys` (r:2 w:0)
    // Proof: `DirectorRegistry::PeerKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(121), added: 2596, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::NextRegistrationId` (r:1 w:1)
    // Proof: `ValidatorRegistry::NextRegistrationId` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    fn register() -> Weight {
        // Minimum execution time: 978_302 picoseconds.
        Weight::from_parts(1_028_486_000, 10488)
            .saturating_add(T::DbWeight::get().reads(14_u64))
            .saturating_add(T::DbWeight::get().writes(24_u64))
    }
    // Storage: `ValidatorRegistry::Validators` (r:7 w:7)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::Records` (r:7 w:0)
    // Proof: `DirectorRegistry::Records` (`max_values`: None, `max_size`: Some(658), added: 3133, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::FirstNonces` (r:7 w:0)
    // Proof: `ValidatorRegistry::FirstNonces` (`max_values`: None, `max_size`: Some(56), added: 2531, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::Votes` (r:7 w:7)
    // Proof: `ValidatorRegistry::Votes` (`max_values`: None, `max_size`: Some(399), added: 2874, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::Active` (r:1 w:0)
    // Proof: `DirectorRegistry::Active` (`max_values`: Some(1), `max_size`: Some(225), added: 720, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::AuthorizedCount` (r:1 w:1)
    // Proof: `ValidatorRegistry::AuthorizedCount` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    /// The range of component `v` is `[1, 7]`.
    fn submit_votes(v: u32) -> Weight {
        // Minimum execution time: 740_899 picoseconds.
        Weight::from_parts(757_203_000, 22921)
            .saturating_add(Weight::from_parts(896_553_252, 0).saturating_mul(v.into()))
            .saturating_add(T::DbWeight::get().reads(17_u64))
            .saturating_add(T::DbWeight::get().reads((2_u64).saturating_mul(v.into())))
            .saturating_add(T::DbWeight::get().writes(1_u64))
            .saturating_add(T::DbWeight::get().writes((2_u64).saturating_mul(v.into())))
            .saturating_add(Weight::from_parts(0, 3166).saturating_mul(v.into()))
    }
    // Storage: `ValidatorRegistry::Validators` (r:1 w:1)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::AuthorizedCount` (r:1 w:1)
    // Proof: `ValidatorRegistry::AuthorizedCount` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn request_exit() -> Weight {
        // Minimum execution time: 74_730 picoseconds.
        Weight::from_parts(79_308_000, 4156)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `ValidatorRegistry::Validators` (r:1 w:1)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(121), added: 2596, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::CounterForValidators` (r:1 w:1)
    // Proof: `ValidatorRegistry::CounterForValidators` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::CheckpointKeys` (r:0 w:5)
    // Proof: `ValidatorRegistry::CheckpointKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::PeerKeys` (r:0 w:5)
    // Proof: `ValidatorRegistry::PeerKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::Votes` (r:0 w:1)
    // Proof: `ValidatorRegistry::Votes` (`max_values`: None, `max_size`: Some(399), added: 2874, mode: `MaxEncodedLen`)
    fn withdraw() -> Weight {
        // Minimum execution time: 472_551 picoseconds.
        Weight::from_parts(481_385_000, 4156)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(15_u64))
    }
    // Storage: `ValidatorRegistry::Validators` (r:1 w:1)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(121), added: 2596, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::CounterForValidators` (r:1 w:1)
    // Proof: `ValidatorRegistry::CounterForValidators` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::CheckpointKeys` (r:0 w:5)
    // Proof: `ValidatorRegistry::CheckpointKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::PeerKeys` (r:0 w:5)
    // Proof: `ValidatorRegistry::PeerKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::Votes` (r:0 w:1)
    // Proof: `ValidatorRegistry::Votes` (`max_values`: None, `max_size`: Some(399), added: 2874, mode: `MaxEncodedLen`)
    fn clean_up() -> Weight {
        // Minimum execution time: 476_677 picoseconds.
        Weight::from_parts(486_552_000, 4156)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(15_u64))
    }
    // Storage: `ValidatorRegistry::Validators` (r:1 w:1)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::PeerKeys` (r:1 w:4)
    // Proof: `ValidatorRegistry::PeerKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::CheckpointKeys` (r:1 w:5)
    // Proof: `ValidatorRegistry::CheckpointKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::PeerKeys` (r:1 w:0)
    // Proof: `DirectorRegistry::PeerKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    fn rotate_checkpoint_key() -> Weight {
        // Minimum execution time: 341_206 picoseconds.
        Weight::from_parts(354_667_000, 4156)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(10_u64))
    }
    // Storage: `ValidatorRegistry::Validators` (r:1 w:1)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::PeerKeys` (r:1 w:5)
    // Proof: `ValidatorRegistry::PeerKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::CheckpointKeys` (r:1 w:4)
    // Proof: `ValidatorRegistry::CheckpointKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::PeerKeys` (r:1 w:0)
    // Proof: `DirectorRegistry::PeerKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    fn rotate_peer_key() -> Weight {
        // Minimum execution time: 341_106 picoseconds.
        Weight::from_parts(356_329_000, 4156)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(10_u64))
    }
    // Storage: `ValidatorRegistry::Validators` (r:1 w:1)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::AuthorizedCount` (r:1 w:1)
    // Proof: `ValidatorRegistry::AuthorizedCount` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn revoke_low_stake() -> Weight {
        // Minimum execution time: 76_163 picoseconds.
        Weight::from_parts(80_339_000, 4156)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `ValidatorRegistry::Validators` (r:1 w:1)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(121), added: 2596, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::Active` (r:1 w:0)
    // Proof: `DirectorRegistry::Active` (`max_values`: Some(1), `max_size`: Some(225), added: 720, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::Votes` (r:1 w:0)
    // Proof: `ValidatorRegistry::Votes` (`max_values`: None, `max_size`: Some(399), added: 2874, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::Records` (r:7 w:0)
    // Proof: `DirectorRegistry::Records` (`max_values`: None, `max_size`: Some(658), added: 3133, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::FirstNonces` (r:7 w:0)
    // Proof: `ValidatorRegistry::FirstNonces` (`max_values`: None, `max_size`: Some(56), added: 2531, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::AuthorizedCount` (r:1 w:1)
    // Proof: `ValidatorRegistry::AuthorizedCount` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn bond_more() -> Weight {
        // Minimum execution time: 815_420 picoseconds.
        Weight::from_parts(869_891_000, 22921)
            .saturating_add(T::DbWeight::get().reads(20_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `ValidatorRegistry::Validators` (r:1 w:1)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    fn unbond() -> Weight {
        // Minimum execution time: 89_432 picoseconds.
        Weight::from_parts(94_420_000, 4156)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `ValidatorRegistry::Validators` (r:1 w:1)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(121), added: 2596, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn withdraw_unbonded() -> Weight {
        // Minimum execution time: 362_468 picoseconds.
        Weight::from_parts(371_362_000, 4156)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `ValidatorRegistry::Validators` (r:1001 w:1000)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::AuthorizedCount` (r:1 w:1)
    // Proof: `ValidatorRegistry::AuthorizedCount` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::Planned` (r:1 w:1)
    // Proof: `ValidatorRegistry::Planned` (`max_values`: Some(1), `max_size`: Some(3202), added: 3697, mode: `MaxEncodedLen`)
    /// The range of component `v` is `[1, 1000]`.
    fn new_session(v: u32) -> Weight {
        // Minimum execution time: 2_546_158 picoseconds.
        Weight::from_parts(5_581_193_687, 87913)
            .saturating_add(Weight::from_parts(85_337_861, 0).saturating_mul(v.into()))
            .saturating_add(T::DbWeight::get().reads(29_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(v.into())))
            .saturating_add(T::DbWeight::get().writes(2_u64))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(v.into())))
            .saturating_add(Weight::from_parts(0, 3045).saturating_mul(v.into()))
    }
}

impl WeightInfo for () {
    fn register() -> Weight {
        Weight::from_parts(1_028_486_000, 10488)
            .saturating_add(RocksDbWeight::get().reads(14_u64))
            .saturating_add(RocksDbWeight::get().writes(24_u64))
    }
    fn submit_votes(v: u32) -> Weight {
        Weight::from_parts(757_203_000, 22921)
            .saturating_add(Weight::from_parts(896_553_252, 0).saturating_mul(v.into()))
            .saturating_add(RocksDbWeight::get().reads(17_u64))
            .saturating_add(RocksDbWeight::get().reads((2_u64).saturating_mul(v.into())))
            .saturating_add(RocksDbWeight::get().writes(1_u64))
            .saturating_add(RocksDbWeight::get().writes((2_u64).saturating_mul(v.into())))
            .saturating_add(Weight::from_parts(0, 3166).saturating_mul(v.into()))
    }
    fn request_exit() -> Weight {
        Weight::from_parts(79_308_000, 4156)
            .saturating_add(RocksDbWeight::get().reads(2_u64))
            .saturating_add(RocksDbWeight::get().writes(2_u64))
    }
    fn withdraw() -> Weight {
        Weight::from_parts(481_385_000, 4156)
            .saturating_add(RocksDbWeight::get().reads(4_u64))
            .saturating_add(RocksDbWeight::get().writes(15_u64))
    }
    fn clean_up() -> Weight {
        Weight::from_parts(486_552_000, 4156)
            .saturating_add(RocksDbWeight::get().reads(4_u64))
            .saturating_add(RocksDbWeight::get().writes(15_u64))
    }
    fn rotate_checkpoint_key() -> Weight {
        Weight::from_parts(354_667_000, 4156)
            .saturating_add(RocksDbWeight::get().reads(5_u64))
            .saturating_add(RocksDbWeight::get().writes(10_u64))
    }
    fn rotate_peer_key() -> Weight {
        Weight::from_parts(356_329_000, 4156)
            .saturating_add(RocksDbWeight::get().reads(5_u64))
            .saturating_add(RocksDbWeight::get().writes(10_u64))
    }
    fn revoke_low_stake() -> Weight {
        Weight::from_parts(80_339_000, 4156)
            .saturating_add(RocksDbWeight::get().reads(2_u64))
            .saturating_add(RocksDbWeight::get().writes(2_u64))
    }
    fn bond_more() -> Weight {
        Weight::from_parts(869_891_000, 22921)
            .saturating_add(RocksDbWeight::get().reads(20_u64))
            .saturating_add(RocksDbWeight::get().writes(4_u64))
    }
    fn unbond() -> Weight {
        Weight::from_parts(94_420_000, 4156)
            .saturating_add(RocksDbWeight::get().reads(1_u64))
            .saturating_add(RocksDbWeight::get().writes(1_u64))
    }
    fn withdraw_unbonded() -> Weight {
        Weight::from_parts(371_362_000, 4156)
            .saturating_add(RocksDbWeight::get().reads(3_u64))
            .saturating_add(RocksDbWeight::get().writes(3_u64))
    }
    fn new_session(v: u32) -> Weight {
        Weight::from_parts(5_581_193_687, 87913)
            .saturating_add(Weight::from_parts(85_337_861, 0).saturating_mul(v.into()))
            .saturating_add(RocksDbWeight::get().reads(29_u64))
            .saturating_add(RocksDbWeight::get().reads((1_u64).saturating_mul(v.into())))
            .saturating_add(RocksDbWeight::get().writes(2_u64))
            .saturating_add(RocksDbWeight::get().writes((1_u64).saturating_mul(v.into())))
            .saturating_add(Weight::from_parts(0, 3045).saturating_mul(v.into()))
    }
}
