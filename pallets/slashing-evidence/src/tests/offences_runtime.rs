//! A runtime whose offences are slashed elsewhere: `pallet-offences` is told, and whoever handles its
//! offences (staking, in a real one) slashes.

#![allow(unreachable_pub)]

use crate as pallet_slashing_evidence;
use crate::mock::Everybody;
use crate::*;
use director_primitives::{
    KeyRole,
    test_utils::TestKey,
    traits::{Handling, OffenceHandler},
};
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU32, ConstU64},
};
use frame_system::EnsureRoot;
use sp_io::TestExternalities;
use sp_runtime::{BuildStorage, Perbill};
use sp_staking::{
    SessionIndex,
    offence::{Kind, Offence as StakingOffence, OffenceDetails, OnOffenceHandler, ReportOffence},
};

pub(crate) type AccountId = u64;
pub(crate) type Balance = u64;

pub(crate) const GENESIS: H256 = H256([7; 32]);
pub(crate) const FUNDS: Balance = 100_000;
pub(crate) const UNBONDING: u64 = 100;
pub(crate) const DIRECTOR: AccountId = 90;
pub(crate) const VALIDATOR: AccountId = 1;

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
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system::Pallet<Test>;
    #[runtime::pallet_index(1)]
    pub type Balances = pallet_balances::Pallet<Test>;
    #[runtime::pallet_index(2)]
    pub type DirectorRegistry = pallet_director_registry::Pallet<Test>;
    #[runtime::pallet_index(3)]
    pub type ValidatorRegistry = pallet_validator_registry::Pallet<Test>;
    #[runtime::pallet_index(4)]
    pub type SlashingEvidence = pallet_slashing_evidence::Pallet<Test>;
    #[runtime::pallet_index(5)]
    pub type Offences = pallet_offences::Pallet<Test>;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type AccountStore = System;
}

impl pallet_director_registry::Config for Test {
    type GovernanceOrigin = EnsureRoot<AccountId>;
    type OnDirectorSetChange = ValidatorRegistry;
    type PeerKeyInUse = ValidatorRegistry;
    type MinDirectors = ConstU32<1>;
    type MaxDirectors = ConstU32<7>;
    type StaleAfter = ConstU64<50>;
    type WeightInfo = ();
}

parameter_types! {
    pub const MaxSetLoss: Perbill = Perbill::from_percent(33);
    pub const BaseFraction: Perbill = Perbill::from_percent(10);
    pub const RewardFraction: Perbill = Perbill::from_percent(20);
}

impl pallet_validator_registry::Config for Test {
    type RuntimeHoldReason = RuntimeHoldReason;
    type Currency = Balances;
    type Directors = DirectorRegistry;
    type MinStake = ConstU64<1_000>;
    type UnbondingPeriod = ConstU64<UNBONDING>;
    type CheckpointInterval = ConstU64<10>;
    type MaxValidators = ConstU32<10>;
    type MaxDirectors = ConstU32<7>;
    type MaxActiveValidators = ConstU32<10>;
    type MaxSetLoss = MaxSetLoss;
    type SessionKeys = Everybody;
    type WeightInfo = ();
}

impl pallet_slashing_evidence::Config for Test {
    type Currency = Balances;
    type Offenders = ValidatorRegistry;
    type OffenceHandler = ByOffences;
    type Directors = DirectorRegistry;
    type CancelOrigin = EnsureRoot<AccountId>;
    type SlashDestination = ();
    type SlashDeferPeriod = ConstU64<5>;
    type CorrelationWindow = ConstU64<20>;
    type BaseFraction = BaseFraction;
    type RewardFraction = RewardFraction;
    type MaxOffenders = ConstU32<10>;
    type WeightInfo = ();
}

impl pallet_offences::Config for Test {
    type RuntimeEvent = RuntimeEvent;
    type IdentificationTuple = AccountId;
    type OnOffenceHandler = Staking;
}

/// A double sign at a checkpoint, in the words of `pallet-offences`.
struct DoubleSign {
    offender: AccountId,
    checkpoint: u64,
    authorized: u32,
}

impl StakingOffence<AccountId> for DoubleSign {
    const ID: Kind = *b"dap:double-sign ";
    type Slot = u64;

    fn offenders(&self) -> Vec<AccountId> {
        vec![self.offender]
    }

    fn session_index(&self) -> SessionIndex {
        // A real runtime asks which session the checkpoint's block was in.
        7
    }

    fn validator_set_count(&self) -> u32 {
        self.authorized
    }

    fn slot(&self) -> u64 {
        self.checkpoint
    }

    fn slash_fraction(&self, offenders: u32) -> Perbill {
        penalty::fraction(BaseFraction::get(), offenders, self.authorized)
    }
}

/// Passes what was proven on to `pallet-offences`.
pub struct ByOffences;

impl OffenceHandler<AccountId> for ByOffences {
    fn on_double_sign(
        offence: &Offence<AccountId>,
        reporter: Option<&AccountId>,
        authorized: u32,
    ) -> Result<Handling, DispatchError> {
        let reporters = reporter.copied().into_iter().collect();
        let Offence { validator: offender, checkpoint, .. } = *offence;
        Offences::report_offence(reporters, DoubleSign { offender, checkpoint, authorized })
            .map_err(|_| DispatchError::Other("pallet-offences knows this offence already"))?;
        Ok(Handling::Elsewhere)
    }

    fn weight() -> Weight {
        // A real runtime measures what its handler of offences takes.
        Weight::from_parts(1_000_000, 0)
    }
}

/// What the handler of offences was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub(crate) offender: AccountId,
    pub(crate) reporters: Vec<AccountId>,
    pub(crate) session: SessionIndex,
    pub(crate) fraction: Perbill,
}

parameter_types! {
    pub static Handled: Vec<Told> = Vec::new();
}

/// Stands for a staking pallet: remembers what it would slash.
pub struct Staking;

impl OnOffenceHandler<AccountId, AccountId, Weight> for Staking {
    fn on_offence(
        offenders: &[OffenceDetails<AccountId, AccountId>],
        fractions: &[Perbill],
        session: SessionIndex,
    ) -> Weight {
        for (details, fraction) in offenders.iter().zip(fractions) {
            let told = Told {
                offender: details.offender,
                reporters: details.reporters.clone(),
                session,
                fraction: *fraction,
            };
            Handled::mutate(|all| all.push(told));
        }
        Weight::zero()
    }
}

pub(crate) fn checkpoint_key() -> TestKey {
    TestKey::new(1)
}

/// A chain at block 1 with one director and one validator that is a candidate.
pub(crate) fn new_test_ext() -> TestExternalities {
    let storage = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: vec![(VALIDATOR, FUNDS), (50, FUNDS), (DIRECTOR, FUNDS)],
            ..Default::default()
        },
        director_registry: pallet_director_registry::GenesisConfig { invited: vec![DIRECTOR] },
        ..Default::default()
    };
    let mut ext = TestExternalities::new(storage.build_storage().unwrap());
    ext.execute_with(|| {
        System::initialize(&1, &GENESIS, &Default::default());
        let (checkpoint, peer, director) = (checkpoint_key(), TestKey::new(2), TestKey::new(3));
        DirectorRegistry::activate(
            RuntimeOrigin::signed(DIRECTOR),
            director.public(),
            director.possession(&GENESIS, DIRECTOR, KeyRole::DirectorPeer),
            crate::mock::endpoints(),
            Default::default(),
            1,
        )
        .unwrap();
        ValidatorRegistry::register(
            RuntimeOrigin::signed(VALIDATOR),
            5_000,
            checkpoint.public(),
            checkpoint.possession(&GENESIS, VALIDATOR, KeyRole::Checkpoint),
            peer.public(),
            peer.possession(&GENESIS, VALIDATOR, KeyRole::ValidatorPeer),
        )
        .unwrap();
        check();
    });
    ext
}

pub(crate) fn check() {
    DirectorRegistry::do_try_state().unwrap();
    ValidatorRegistry::do_try_state().unwrap();
    SlashingEvidence::do_try_state().unwrap();
}

pub(crate) fn go_to(block: u64) {
    System::set_block_number(block);
    check();
}
