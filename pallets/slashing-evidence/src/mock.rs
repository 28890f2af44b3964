//! A runtime with all three pallets, as a chain would have them, and balances.

#![allow(clippy::unwrap_used, unreachable_pub)]

use crate as pallet_slashing_evidence;
use crate::*;
use director_primitives::{
    Decision, DirectorVote, KeyRole, SignedVote,
    authorization::first_nonce,
    runtime_api::{Endpoint, EndpointScope, Endpoints, ValidatorInfo, ValidatorStatus},
    test_utils::{TestKey, double_sign},
};
use frame_support::{
    derive_impl, parameter_types,
    traits::{
        ConstU32, ConstU64, Hooks, IntegrityTest, ValidatorRegistration, fungible::InspectHold,
    },
};
use frame_system::EnsureRoot;
use sp_io::TestExternalities;
use sp_runtime::BuildStorage;

pub(crate) type AccountId = u64;
pub(crate) type Balance = u64;

pub(crate) const GENESIS: H256 = H256([7; 32]);
pub(crate) const STAKE: Balance = 10_000;
pub(crate) const FUNDS: Balance = 100_000;
pub(crate) const ED: Balance = 10;
pub(crate) const DEFER: u64 = 5;
pub(crate) const UNBONDING: u64 = 100;
pub(crate) const CORRELATION: u64 = 20;
pub(crate) const MAX_VALIDATORS: u32 = 15;
/// What a lone double sign costs.
pub(crate) const BASE: Perbill = Perbill::from_percent(10);
/// Directors are 90, 91, 92.
pub(crate) const DIRECTORS: [AccountId; 3] = [90, 91, 92];
/// Where slashed money goes.
pub(crate) const TREASURY: AccountId = 60;

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
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type AccountStore = System;
    type ExistentialDeposit = ConstU64<ED>;
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

impl pallet_validator_registry::Config for Test {
    type RuntimeHoldReason = RuntimeHoldReason;
    type Currency = Balances;
    type Directors = DirectorRegistry;
    type MinStake = MinStake;
    type UnbondingPeriod = ConstU64<UNBONDING>;
    type CheckpointInterval = ConstU64<10>;
    type MaxValidators = ConstU32<MAX_VALIDATORS>;
    type MaxDirectors = ConstU32<7>;
    type MaxActiveValidators = ConstU32<10>;
    type MaxSetLoss = MaxSetLoss;
    type SessionKeys = Everybody;
    type WeightInfo = ();
}

parameter_types! {
    /// Can be set, as by a runtime upgrade.
    pub storage MinStake: Balance = 1_000;
    pub const MaxSetLoss: Perbill = Perbill::from_percent(33);
    pub const BaseFraction: Perbill = BASE;
    pub const RewardFraction: Perbill = Perbill::from_percent(20);
}

/// Everybody has session keys.
pub struct Everybody;

impl ValidatorRegistration<AccountId> for Everybody {
    fn is_registered(_: &AccountId) -> bool {
        true
    }
}

/// Puts slashed money into an account.
pub struct Treasury;

impl OnUnbalanced<CreditOf<Test>> for Treasury {
    fn on_nonzero_unbalanced(credit: CreditOf<Test>) {
        <Balances as fungible::Balanced<_>>::resolve(&TREASURY, credit).unwrap();
    }
}

impl pallet_slashing_evidence::Config for Test {
    type Currency = Balances;
    type Offenders = ValidatorRegistry;
    type OffenceHandler = ();
    type Directors = DirectorRegistry;
    type CancelOrigin = EnsureRoot<AccountId>;
    type SlashDestination = Treasury;
    type SlashDeferPeriod = ConstU64<DEFER>;
    type CorrelationWindow = ConstU64<CORRELATION>;
    type BaseFraction = BaseFraction;
    type RewardFraction = RewardFraction;
    type MaxOffenders = ConstU32<MAX_VALIDATORS>;
    type WeightInfo = ();
}

/// A chain at block 1 with three active directors; everybody from 1 to 99 has money.
pub(crate) fn new_test_ext() -> TestExternalities {
    with_money(1..100)
}

/// The same with money for these accounts alone.
pub(crate) fn with_money(accounts: impl IntoIterator<Item = AccountId>) -> TestExternalities {
    let storage = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: accounts.into_iter().map(|who| (who, FUNDS)).collect(),
            ..Default::default()
        },
        director_registry: pallet_director_registry::GenesisConfig { invited: DIRECTORS.to_vec() },
        ..Default::default()
    };
    let mut ext = TestExternalities::new(storage.build_storage().unwrap());
    #[cfg(feature = "runtime-benchmarks")]
    ext.register_extension(sp_keystore::KeystoreExt::new(
        sp_keystore::testing::MemoryKeystore::new(),
    ));
    ext.execute_with(|| {
        System::initialize(&1, &GENESIS, &Default::default());
        AllPalletsWithSystem::integrity_test();
        // Before block 1, at which they may vote already.
        System::set_block_number(0);
        DIRECTORS.into_iter().for_each(activate_director);
        System::set_block_number(1);
    });
    ext
}

/// The same with the validators 1 to `n`, all authorized.
pub(crate) fn with_validators(n: u64) -> TestExternalities {
    let mut ext = new_test_ext();
    ext.execute_with(|| {
        for validator in 1..=n {
            register(validator).unwrap();
            authorize(validator);
        }
    });
    ext
}

/// Ends the step: the state must be sound, and no money made or lost.
pub(crate) fn check() {
    sound().unwrap();
}

/// Whether the state is sound, and no money was made or lost; or else what is wrong.
pub(crate) fn sound() -> Result<(), DispatchError> {
    DirectorRegistry::do_try_state()?;
    ValidatorRegistry::do_try_state()?;
    SlashingEvidence::do_try_state()?;
    let pending: Vec<_> =
        SlashingEvidence::pending_slashes().into_iter().map(|p| p.offence.validator).collect();
    for (account, validator) in pallet_validator_registry::Validators::<Test>::iter() {
        let locked = validator.punishment.is_some_and(|p| p.slash_pending);
        ensure!(locked == pending.contains(&account), "locked if and only if a slash waits");
    }
    let total: Balance = System::account_iter().map(|a| a.free + a.reserved).sum();
    ensure!(total == Balances::total_issuance(), "money came or went");
    Ok(())
}

/// All accounts' data.
trait Accounts {
    fn account_iter() -> impl Iterator<Item = pallet_balances::AccountData<Balance>>;
}

impl Accounts for System {
    fn account_iter() -> impl Iterator<Item = pallet_balances::AccountData<Balance>> {
        frame_system::Account::<Test>::iter_values().map(|info| info.data)
    }
}

/// Goes to a later block, with the hook of its begin and without that of its end.
pub(crate) fn go_to(block: u64) {
    System::set_block_number(block);
    SlashingEvidence::on_initialize(block);
    check();
}

/// Runs what is left of this block with all the weight there is.
pub(crate) fn idle() {
    SlashingEvidence::on_idle(System::block_number(), Weight::MAX);
    check();
}

pub(crate) fn last_event() -> RuntimeEvent {
    System::events().pop().unwrap().event
}

/// All events of this pallet so far.
pub(crate) fn events() -> Vec<Event<Test>> {
    let ours = |record: frame_system::EventRecord<RuntimeEvent, H256>| match record.event {
        RuntimeEvent::SlashingEvidence(event) => Some(event),
        _ => None,
    };
    System::events().into_iter().filter_map(ours).collect()
}

fn director_key(director: AccountId) -> TestKey {
    TestKey::new(1_000_000 + director)
}

/// The key with which a validator signs its votes.
pub(crate) fn checkpoint_key(validator: AccountId) -> TestKey {
    TestKey::new(2_000_000 + validator)
}

fn peer_key(validator: AccountId) -> TestKey {
    TestKey::new(3_000_000 + validator)
}

/// One endpoint, as a director needs at least.
pub(crate) fn endpoints() -> Endpoints {
    let address = b"/ip4/203.0.113.7/tcp/30400".to_vec().try_into().unwrap();
    vec![Endpoint { scope: EndpointScope::Public, address }].try_into().unwrap()
}

fn activate_director(director: AccountId) {
    let key = director_key(director);
    DirectorRegistry::activate(
        RuntimeOrigin::signed(director),
        key.public(),
        key.possession(&GENESIS, director, KeyRole::DirectorPeer),
        endpoints(),
        Default::default(),
        100,
    )
    .unwrap();
}

pub(crate) fn register(validator: AccountId) -> DispatchResult {
    let (checkpoint, peer) = (checkpoint_key(validator), peer_key(validator));
    let result = ValidatorRegistry::register(
        RuntimeOrigin::signed(validator),
        STAKE,
        checkpoint.public(),
        checkpoint.possession(&GENESIS, validator, KeyRole::Checkpoint),
        peer.public(),
        peer.possession(&GENESIS, validator, KeyRole::ValidatorPeer),
    );
    check();
    result
}

pub(crate) fn authorize(validator: AccountId) {
    submit_votes(validator, Decision::Approve, 1).unwrap();
    assert_eq!(info(validator).status, ValidatorStatus::Authorized);
}

/// Two of the three directors say the same about a validator.
pub(crate) fn submit_votes(
    validator: AccountId,
    decision: Decision,
    nonce: u64,
) -> DispatchResultWithPostInfo {
    let signed = |director| {
        let vote = DirectorVote {
            validator,
            registration_id: info(validator).registration_id,
            decision,
            nonce: first_nonce(System::block_number() - 1) + nonce,
            valid_until: 10_000,
        };
        director_key(director).director_vote(&GENESIS, director, vote)
    };
    let votes = DIRECTORS[..2].iter().map(|director| signed(*director)).collect::<Vec<_>>();
    let result =
        ValidatorRegistry::submit_votes(RuntimeOrigin::signed(50), votes.try_into().unwrap());
    check();
    result
}

pub(crate) fn exit(validator: AccountId) -> DispatchResult {
    let result = ValidatorRegistry::request_exit(RuntimeOrigin::signed(validator));
    check();
    result
}

pub(crate) fn withdraw(validator: AccountId) -> DispatchResult {
    let result = ValidatorRegistry::withdraw(RuntimeOrigin::signed(validator));
    check();
    result
}

pub(crate) fn rotate(validator: AccountId, new: &TestKey) {
    ValidatorRegistry::rotate_checkpoint_key(
        RuntimeOrigin::signed(validator),
        new.public(),
        new.possession(&GENESIS, validator, KeyRole::Checkpoint),
    )
    .unwrap();
    check();
}

pub(crate) fn info(validator: AccountId) -> ValidatorInfo<AccountId> {
    ValidatorRegistry::validator_info(&validator).unwrap()
}

pub(crate) fn held(who: AccountId) -> Balance {
    let reason = pallet_validator_registry::HoldReason::Stake.into();
    Balances::balance_on_hold(&reason, &who)
}

pub(crate) fn free(who: AccountId) -> Balance {
    Balances::free_balance(who)
}

/// A valid proof that `validator` signed two blocks for `checkpoint`.
pub(crate) fn proof(validator: AccountId, checkpoint: u64) -> DoubleSignProof {
    double_sign(&checkpoint_key(validator), GENESIS, checkpoint)
}

/// `key`'s vote for the block whose hash is this byte all over.
pub(crate) fn vote(key: &TestKey, checkpoint: u64, block: u8) -> SignedVote {
    key.vote(&GENESIS, checkpoint, H256::repeat_byte(block))
}

pub(crate) fn report(reporter: AccountId, proof: DoubleSignProof) -> DispatchResultWithPostInfo {
    let result = SlashingEvidence::report_double_sign(RuntimeOrigin::signed(reporter), proof);
    check();
    result
}

/// The director 90 reports `validator` for `checkpoint`.
pub(crate) fn report_at(validator: AccountId, checkpoint: u64) {
    report(90, proof(validator, checkpoint)).unwrap();
}

pub(crate) fn cancel(validator: AccountId) -> DispatchResult {
    let result = SlashingEvidence::cancel_slash(RuntimeOrigin::root(), validator);
    check();
    result
}

pub(crate) fn apply(validator: AccountId) -> DispatchResultWithPostInfo {
    let result = SlashingEvidence::apply_slash(RuntimeOrigin::signed(50), validator);
    check();
    result
}
