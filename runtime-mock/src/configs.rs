//! Configures the pallets.

use crate::{
    AccountId, Balance, Balances, Block, BlockNumber, DirectorRegistry, Nonce, PalletInfo, Runtime,
    RuntimeCall, RuntimeEvent, RuntimeFreezeReason, RuntimeHoldReason, RuntimeOrigin, RuntimeTask,
    Session, SessionKeys, System, VERSION, ValidatorRegistry,
};
use frame_support::{
    PalletId, derive_impl, parameter_types,
    traits::{
        ConstU8, ConstU32, ConstU64, ConstU128, EitherOfDiverse, VariantCountOf,
        tokens::imbalance::ResolveTo,
    },
    weights::{
        IdentityFee, Weight,
        constants::{RocksDbWeight, WEIGHT_REF_TIME_PER_SECOND},
    },
};
use frame_system::{
    EnsureRoot,
    limits::{BlockLength, BlockWeights},
};
use pallet_transaction_payment::{ConstFeeMultiplier, FungibleAdapter, Multiplier};
use sp_core::crypto::KeyTypeId;
use sp_runtime::{
    Perbill,
    traits::{AccountIdConversion, ConvertInto, One, OpaqueKeys},
};
use sp_version::RuntimeVersion;

/// The token, in its smallest units.
pub const UNIT: Balance = 1_000_000_000_000;
/// A thousandth of the token.
pub const MILLI_UNIT: Balance = UNIT / 1_000;
/// What an account has at least.
pub const EXISTENTIAL_DEPOSIT: Balance = MILLI_UNIT;

/// Blocks between two checkpoints.
pub const CHECKPOINT_INTERVAL: BlockNumber = 10;
/// Blocks in which governance may cancel a slash: short, so that a devnet shows the end of it.
pub const SLASH_DEFER_PERIOD: BlockNumber = 5;
/// Blocks for which stake stays slashable after an exit, and a rotated key punishable.
pub const UNBONDING_PERIOD: BlockNumber = 200;
/// Least stake of a validator.
pub const MIN_STAKE: Balance = 1_000 * UNIT;
/// Least directors.
pub const MIN_DIRECTORS: u32 = 3;
/// Most directors.
pub const MAX_DIRECTORS: u32 = 7;
/// Most registered validators.
pub const MAX_VALIDATORS: u32 = 1_000;
/// Most validators of a session.
pub const MAX_ACTIVE_VALIDATORS: u32 = 100;
/// Largest part of the set that a session may lose.
pub const MAX_SET_LOSS: Perbill = Perbill::from_percent(33);
/// Blocks of a session: short, so that a devnet shows the set change.
pub const SESSION_LENGTH: BlockNumber = 10;
/// Blocks after which a director that has not renewed its record shows as stale.
pub const STALE_AFTER: BlockNumber = 1_200;

/// Least part of the stake that a double sign costs.
pub const BASE_FRACTION: Perbill = Perbill::from_percent(5);
/// Part of what was taken that a reporting director gets.
pub const REWARD_FRACTION: Perbill = Perbill::from_percent(10);

/// Blocks for which a council motion can be voted on.
const MOTION_DURATION: BlockNumber = 200;
/// What a block may take in all: two seconds of a reference machine.
const MAX_BLOCK_WEIGHT: Weight =
    Weight::from_parts(WEIGHT_REF_TIME_PER_SECOND.saturating_mul(2), u64::MAX);

parameter_types! {
    pub const BlockHashCount: BlockNumber = 2_400;
    pub const Version: RuntimeVersion = VERSION;
    pub Weights: BlockWeights =
        BlockWeights::with_sensible_defaults(MAX_BLOCK_WEIGHT, Perbill::from_percent(75));
    pub Length: BlockLength = BlockLength::builder().max_length(5 * 1024 * 1024).build();
    pub MaxProposalWeight: Weight = Perbill::from_percent(50) * Weights::get().max_block;
    pub FeeMultiplier: Multiplier = Multiplier::one();
    pub const MaxSetLoss: Perbill = MAX_SET_LOSS;
    pub const BaseFraction: Perbill = BASE_FRACTION;
    pub const RewardFraction: Perbill = REWARD_FRACTION;
    pub SlashDestination: AccountId = slash_destination();
}

/// Account that gets what slashing takes: nobody has its key.
pub fn slash_destination() -> AccountId {
    PalletId(*b"dap/slsh").into_account_truncating()
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type Block = Block;
    type BlockWeights = Weights;
    type BlockLength = Length;
    type AccountId = AccountId;
    type Nonce = Nonce;
    type BlockHashCount = BlockHashCount;
    type DbWeight = RocksDbWeight;
    type Version = Version;
    type AccountData = pallet_balances::AccountData<Balance>;
    // Generic, as the prefix of no chain in particular.
    type SS58Prefix = frame_support::traits::ConstU16<42>;
    type MaxConsumers = ConstU32<16>;
}

impl pallet_timestamp::Config for Runtime {
    type Moment = u64;
    type OnTimestampSet = ();
    // A devnet may seal every few milliseconds.
    type MinimumPeriod = ConstU64<0>;
    type WeightInfo = ();
}

impl pallet_balances::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
    type Balance = Balance;
    type DustRemoval = ();
    type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
    type AccountStore = System;
    type ReserveIdentifier = [u8; 8];
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxLocks = ConstU32<50>;
    type MaxReserves = ();
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type DoneSlashHandler = ();
}

impl pallet_transaction_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type OnChargeTransaction = FungibleAdapter<Balances, ()>;
    type WeightToFee = IdentityFee<Balance>;
    type LengthToFee = IdentityFee<Balance>;
    type FeeMultiplierUpdate = ConstFeeMultiplier<FeeMultiplier>;
    type OperationalFeeMultiplier = ConstU8<5>;
    type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
}

/// The council among the instances of `pallet-collective`.
pub type CouncilCollective = pallet_collective::Instance1;

/// At least two thirds of the council.
pub type TwoThirdsOfCouncil =
    pallet_collective::EnsureProportionAtLeast<AccountId, CouncilCollective, 2, 3>;

/// Decides about directors and slashes: the council, or root in development.
pub type Governance = EitherOfDiverse<EnsureRoot<AccountId>, TwoThirdsOfCouncil>;

impl pallet_collective::Config<CouncilCollective> for Runtime {
    type RuntimeOrigin = RuntimeOrigin;
    type Proposal = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type MotionDuration = ConstU32<MOTION_DURATION>;
    type MaxProposals = ConstU32<100>;
    type MaxMembers = ConstU32<10>;
    type DefaultVote = pallet_collective::PrimeDefaultVote;
    type WeightInfo = pallet_collective::weights::SubstrateWeight<Runtime>;
    type SetMembersOrigin = EnsureRoot<AccountId>;
    type MaxProposalWeight = MaxProposalWeight;
    type DisapproveOrigin = EnsureRoot<AccountId>;
    type KillOrigin = EnsureRoot<AccountId>;
    type Consideration = ();
}

impl pallet_sudo::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WeightInfo = pallet_sudo::weights::SubstrateWeight<Runtime>;
}

impl pallet_session::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type ShouldEndSession = Sessions;
    type NextSessionRotation = Sessions;
    type SessionManager = ValidatorRegistry;
    type SessionHandler = NobodyAuthors;
    type Keys = SessionKeys;
    type DisablingStrategy = ();
    type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type KeyDeposit = ConstU128<0>;
}

/// Takes note of no set: the development node seals by a timer. A chain has its consensus pallets here.
pub struct NobodyAuthors;

impl pallet_session::SessionHandler<AccountId> for NobodyAuthors {
    const KEY_TYPE_IDS: &'static [KeyTypeId] = &[];

    fn on_genesis_session<Ks: OpaqueKeys>(_: &[(AccountId, Ks)]) {}

    fn on_new_session<Ks: OpaqueKeys>(_: bool, _: &[(AccountId, Ks)], _: &[(AccountId, Ks)]) {}

    fn on_disabled(_: u32) {}
}

/// When a session ends.
pub type Sessions = pallet_session::PeriodicSessions<ConstU32<SESSION_LENGTH>, ConstU32<0>>;

impl pallet_director_registry::Config for Runtime {
    type GovernanceOrigin = Governance;
    type OnDirectorSetChange = ValidatorRegistry;
    type PeerKeyInUse = ValidatorRegistry;
    type MinDirectors = ConstU32<MIN_DIRECTORS>;
    type MaxDirectors = ConstU32<MAX_DIRECTORS>;
    type StaleAfter = ConstU32<STALE_AFTER>;
    type WeightInfo = pallet_director_registry::weights::Measured<Runtime>;
}

impl pallet_validator_registry::Config for Runtime {
    type RuntimeHoldReason = RuntimeHoldReason;
    type Currency = Balances;
    type Directors = DirectorRegistry;
    type MinStake = ConstU128<MIN_STAKE>;
    type UnbondingPeriod = ConstU32<UNBONDING_PERIOD>;
    type CheckpointInterval = ConstU32<CHECKPOINT_INTERVAL>;
    type MaxValidators = ConstU32<MAX_VALIDATORS>;
    type MaxDirectors = ConstU32<MAX_DIRECTORS>;
    type MaxActiveValidators = ConstU32<MAX_ACTIVE_VALIDATORS>;
    type MaxSetLoss = MaxSetLoss;
    type SessionKeys = Session;
    type WeightInfo = pallet_validator_registry::weights::Measured<Runtime>;
}

impl pallet_slashing_evidence::Config for Runtime {
    type Currency = Balances;
    type Offenders = ValidatorRegistry;
    type OffenceHandler = ();
    type Directors = DirectorRegistry;
    type CancelOrigin = Governance;
    type SlashDestination = ResolveTo<SlashDestination, Balances>;
    type SlashDeferPeriod = ConstU32<SLASH_DEFER_PERIOD>;
    // Two offences are one attack as long as both can be punished.
    type CorrelationWindow = ConstU32<UNBONDING_PERIOD>;
    type BaseFraction = BaseFraction;
    type RewardFraction = RewardFraction;
    type MaxOffenders = ConstU32<MAX_VALIDATORS>;
    type WeightInfo = pallet_slashing_evidence::weights::Measured<Runtime>;
}
