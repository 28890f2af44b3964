//! Puts the three pallets of director-anchored peering into a runtime of their own, to run and test
//! them.
//!
//! The same code runs in wasm on the development node and natively in tests. Governance is a council
//! of three; sudo is there for development. A chain team that wants the pallets finds in
//! [`configs`] what they ask of a runtime, and in [`apis`] how the director service is answered.
//!
//! # Deliberately absent
//!
//! Consensus: sessions rotate, with the set that the validator registry chooses, but the development node
//! seals by a timer and finalizes every block, so nobody needs session keys.

#![cfg_attr(not(feature = "std"), no_std)]
// The macros that make the runtime and its interface write thousands of public items.
#![allow(missing_docs, unreachable_pub)]

extern crate alloc;

pub mod apis;
pub mod configs;
pub mod genesis;

use alloc::{borrow::Cow, vec::Vec};
use sp_runtime::{
    MultiAddress, MultiSignature, generic,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
};
use sp_version::RuntimeVersion;

pub use apis::SessionKeys;
pub use configs::{
    BASE_FRACTION, CHECKPOINT_INTERVAL, EXISTENTIAL_DEPOSIT, MAX_ACTIVE_VALIDATORS, MAX_DIRECTORS,
    MAX_VALIDATORS, MILLI_UNIT, MIN_DIRECTORS, MIN_STAKE, REWARD_FRACTION, SESSION_LENGTH,
    SLASH_DEFER_PERIOD, STALE_AFTER, UNBONDING_PERIOD, UNIT, slash_destination,
};

/// Signature of an account.
pub type Signature = MultiSignature;
/// Name of an account.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// Amount of money.
pub type Balance = u128;
/// Number of a block.
pub type BlockNumber = u32;
/// Number of an account's transaction.
pub type Nonce = u32;
/// Hash of blocks and storage.
pub type Hash = sp_core::H256;
/// How a transaction names an account.
pub type Address = MultiAddress<AccountId, ()>;
/// Header of a block.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;

/// A block as the node handles it: it does not look into transactions, and its RPC gives them as hex.
pub type OpaqueBlock = generic::Block<Header, sp_runtime::OpaqueExtrinsic>;

/// What a transaction carries besides its call.
pub type TxExtension = (
    frame_system::AuthorizeCall<Runtime>,
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckEra<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    frame_system::WeightReclaim<Runtime>,
);

/// A transaction or an inherent, not checked yet.
pub type UncheckedExtrinsic =
    generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;

/// What a transaction's signature covers.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// Runs blocks.
pub type Executive = frame_executive::Executive<
    Runtime,
    Block,
    frame_system::ChainContext<Runtime>,
    Runtime,
    AllPalletsWithSystem,
>;

/// Version of this runtime. A number that the code has nowhere else: a test makes the next version by changing it
/// in the built runtime (`integration-tests/src/upgrade.rs`).
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("runtime-mock"),
    impl_name: Cow::Borrowed("runtime-mock"),
    authoring_version: 1,
    spec_version: 1_002_003,
    impl_version: 1,
    apis: apis::RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Runtime;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Timestamp = pallet_timestamp;
    #[runtime::pallet_index(2)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(3)]
    pub type TransactionPayment = pallet_transaction_payment;
    #[runtime::pallet_index(4)]
    pub type Council = pallet_collective<Instance1>;
    #[runtime::pallet_index(5)]
    pub type Sudo = pallet_sudo;
    #[runtime::pallet_index(10)]
    pub type DirectorRegistry = pallet_director_registry;
    #[runtime::pallet_index(11)]
    pub type ValidatorRegistry = pallet_validator_registry;
    #[runtime::pallet_index(12)]
    pub type SlashingEvidence = pallet_slashing_evidence;
    // Behind the registry that chooses its sets.
    #[runtime::pallet_index(20)]
    pub type Session = pallet_session;
}

#[cfg(feature = "runtime-benchmarks")]
frame_benchmarking::define_benchmarks!(
    [pallet_director_registry, DirectorRegistry]
    [pallet_validator_registry, ValidatorRegistry]
    [pallet_slashing_evidence, SlashingEvidence]
);

/// The metadata in version 16, without the length that the runtime interface puts before it: what
/// the director service is compiled against.
#[cfg(feature = "std")]
pub fn metadata_v16() -> Vec<u8> {
    let metadata =
        Runtime::metadata_at_version(16).expect("the macro writes metadata of version 16");
    (*metadata).clone()
}
