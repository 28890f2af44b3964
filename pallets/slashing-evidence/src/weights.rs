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
    fn report_double_sign() -> Weight;
    /// See the benchmark of this name.
    fn cancel_slash() -> Weight;
    /// See the benchmark of this name.
    fn apply_slash() -> Weight;
    /// See the benchmark of this name.
    fn on_initialize() -> Weight;
    /// See the benchmark of this name.
    fn on_idle() -> Weight;
}

/// As measured, with the runtime's database weights.
pub struct Measured<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for Measured<T> {
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::CheckpointKeys` (r:2 w:0)
    // Proof: `ValidatorRegistry::CheckpointKeys` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::Validators` (r:1 w:1)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::AuthorizedCount` (r:1 w:1)
    // Proof: `ValidatorRegistry::AuthorizedCount` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `DirectorRegistry::Records` (r:1 w:0)
    // Proof: `DirectorRegistry::Records` (`max_values`: None, `max_size`: Some(658), added: 3133, mode: `MaxEncodedLen`)
    // Storage: `SlashingEvidence::Queue` (r:1 w:1)
    // Proof: `SlashingEvidence::Queue` (`max_values`: Some(1), `max_size`: Some(48002), added: 48497, mode: `MaxEncodedLen`)
    // Storage: `SlashingEvidence::Window` (r:1 w:1)
    // Proof: `SlashingEvidence::Window` (`max_values`: Some(1), `max_size`: Some(12002), added: 12497, mode: `MaxEncodedLen`)
    // Storage: `SlashingEvidence::Slashes` (r:0 w:1)
    // Proof: `SlashingEvidence::Slashes` (`max_values`: None, `max_size`: Some(230), added: 2705, mode: `MaxEncodedLen`)
    fn report_double_sign() -> Weight {
        // Minimum execution time: 458_300 picoseconds.
        Weight::from_parts(511_228_000, 49487)
            .saturating_add(T::DbWeight::get().reads(8_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    // Storage: `SlashingEvidence::Slashes` (r:1 w:1)
    // Proof: `SlashingEvidence::Slashes` (`max_values`: None, `max_size`: Some(230), added: 2705, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::Validators` (r:1 w:1)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::AuthorizedCount` (r:1 w:1)
    // Proof: `ValidatorRegistry::AuthorizedCount` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `SlashingEvidence::Queue` (r:1 w:1)
    // Proof: `SlashingEvidence::Queue` (`max_values`: Some(1), `max_size`: Some(48002), added: 48497, mode: `MaxEncodedLen`)
    // Storage: `SlashingEvidence::Window` (r:1 w:1)
    // Proof: `SlashingEvidence::Window` (`max_values`: Some(1), `max_size`: Some(12002), added: 12497, mode: `MaxEncodedLen`)
    fn cancel_slash() -> Weight {
        // Minimum execution time: 375_757 picoseconds.
        Weight::from_parts(410_449_000, 49487)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    // Storage: `SlashingEvidence::Slashes` (r:1 w:1)
    // Proof: `SlashingEvidence::Slashes` (`max_values`: None, `max_size`: Some(230), added: 2705, mode: `MaxEncodedLen`)
    // Storage: `SlashingEvidence::Window` (r:1 w:0)
    // Proof: `SlashingEvidence::Window` (`max_values`: Some(1), `max_size`: Some(12002), added: 12497, mode: `MaxEncodedLen`)
    // Storage: `ValidatorRegistry::Validators` (r:1 w:1)
    // Proof: `ValidatorRegistry::Validators` (`max_values`: None, `max_size`: Some(691), added: 3166, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(121), added: 2596, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:3 w:3)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `SlashingEvidence::Queue` (r:1 w:1)
    // Proof: `SlashingEvidence::Queue` (`max_values`: Some(1), `max_size`: Some(48002), added: 48497, mode: `MaxEncodedLen`)
    fn apply_slash() -> Weight {
        // Minimum execution time: 749_382 picoseconds.
        Weight::from_parts(785_235_000, 49487)
            .saturating_add(T::DbWeight::get().reads(8_u64))
            .saturating_add(T::DbWeight::get().writes(7_u64))
    }
    // Storage: `SlashingEvidence::Window` (r:1 w:1)
    // Proof: `SlashingEvidence::Window` (`max_values`: Some(1), `max_size`: Some(12002), added: 12497, mode: `MaxEncodedLen`)
    // Storage: `SlashingEvidence::Queue` (r:1 w:0)
    // Proof: `SlashingEvidence::Queue` (`max_values`: Some(1), `max_size`: Some(48002), added: 48497, mode: `MaxEncodedLen`)
    fn on_initialize() -> Weight {
        // Minimum execution time: 126_898 picoseconds.
        Weight::from_parts(132_347_000, 49487)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `SlashingEvidence::Queue` (r:1 w:0)
    // Proof: `SlashingEvidence::Queue` (`max_values`: Some(1), `max_size`: Some(48002), added: 48497, mode: `MaxEncodedLen`)
    fn on_idle() -> Weight {
        // Minimum execution time: 73_049 picoseconds.
        Weight::from_parts(78_126_000, 49487).saturating_add(T::DbWeight::get().reads(1_u64))
    }
}

impl WeightInfo for () {
    fn report_double_sign() -> Weight {
        Weight::from_parts(511_228_000, 49487)
            .saturating_add(RocksDbWeight::get().reads(8_u64))
            .saturating_add(RocksDbWeight::get().writes(5_u64))
    }
    fn cancel_slash() -> Weight {
        Weight::from_parts(410_449_000, 49487)
            .saturating_add(RocksDbWeight::get().reads(5_u64))
            .saturating_add(RocksDbWeight::get().writes(5_u64))
    }
    fn apply_slash() -> Weight {
        Weight::from_parts(785_235_000, 49487)
            .saturating_add(RocksDbWeight::get().reads(8_u64))
            .saturating_add(RocksDbWeight::get().writes(7_u64))
    }
    fn on_initialize() -> Weight {
        Weight::from_parts(132_347_000, 49487)
            .saturating_add(RocksDbWeight::get().reads(2_u64))
            .saturating_add(RocksDbWeight::get().writes(1_u64))
    }
    fn on_idle() -> Weight {
        Weight::from_parts(78_126_000, 49487).saturating_add(RocksDbWeight::get().reads(1_u64))
    }
}
