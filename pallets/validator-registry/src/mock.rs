//! A runtime with this pallet, the real director registry and balances.

#![allow(clippy::unwrap_used, unreachable_pub)]

use crate as pallet_validator_registry;
use crate::*;
use director_primitives::{
    DirectorVote, RevocationReason, runtime_api::Endpoint, runtime_api::EndpointScope,
    test_utils::TestKey,
};
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU32, ConstU64},
};
use frame_system::EnsureRoot;
use sp_io::TestExternalities;
use sp_runtime::BuildStorage;

pub(crate) type AccountId = u64;
pub(crate) type Balance = u64;

pub(crate) const GENESIS: H256 = H256([7; 32]);
pub(crate) const MIN_STAKE: Balance = 1_000;
pub(crate) const UNBONDING: u64 = 100;
pub(crate) const MAX_VALIDATORS: u32 = 5;
pub(crate) const MAX_ACTIVE: u32 = 4;
pub(crate) const ED: Balance = 10;
/// What every account has at the start.
pub(crate) const FUNDS: Balance = 100_000;
/// Votes count up to this block unless a test says otherwise.
pub(crate) const VALID_UNTIL: u64 = 1_000;

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
    type MinStake = ConstU64<MIN_STAKE>;
    type UnbondingPeriod = ConstU64<UNBONDING>;
    type CheckpointInterval = ConstU64<10>;
    type MaxValidators = ConstU32<MAX_VALIDATORS>;
    type MaxDirectors = ConstU32<7>;
    type MaxActiveValidators = ConstU32<MAX_ACTIVE>;
    type MaxSetLoss = MaxSetLoss;
    type SessionKeys = HaveKeys;
    type WeightInfo = ();
}

parameter_types! {
    pub const MaxSetLoss: Perbill = Perbill::from_percent(34);
    /// Validators without session keys.
    pub static Keyless: Vec<AccountId> = Vec::new();
}

/// Everybody but the keyless has session keys.
pub struct HaveKeys;

impl ValidatorRegistration<AccountId> for HaveKeys {
    fn is_registered(id: &AccountId) -> bool {
        !Keyless::get().contains(id)
    }
}

/// A chain at block 1. Accounts 1 to 99 have money; directors are accounts from 90 on.
pub(crate) fn new_test_ext() -> TestExternalities {
    let storage = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: (1..100).map(|who| (who, FUNDS)).collect(),
            ..Default::default()
        },
        ..Default::default()
    };
    let mut ext = TestExternalities::new(storage.build_storage().unwrap());
    #[cfg(feature = "runtime-benchmarks")]
    ext.register_extension(sp_keystore::KeystoreExt::new(
        sp_keystore::testing::MemoryKeystore::new(),
    ));
    ext.execute_with(|| {
        System::initialize(&1, &GENESIS, &Default::default());
        ValidatorRegistry::integrity_test();
    });
    ext
}

/// A chain with `n` active directors: 90, 91, …
pub(crate) fn with_directors(n: u64) -> TestExternalities {
    let mut ext = new_test_ext();
    ext.execute_with(|| {
        // Before block 1, at which they may vote already.
        System::set_block_number(0);
        (90..90 + n).for_each(add_director);
        go_to(1);
    });
    ext
}

/// Ends the step: the state must be sound.
pub(crate) fn check() {
    DirectorRegistry::do_try_state().unwrap();
    ValidatorRegistry::do_try_state().unwrap();
}

pub(crate) fn go_to(block: u64) {
    System::set_block_number(block);
    check();
}

pub(crate) fn last_event() -> RuntimeEvent {
    System::events().pop().unwrap().event
}

/// The key with which a director signs.
pub(crate) fn director_key(director: AccountId) -> TestKey {
    TestKey::new(1_000_000 + director)
}

pub(crate) fn checkpoint_key(validator: AccountId) -> TestKey {
    TestKey::new(2_000_000 + validator)
}

pub(crate) fn peer_key(validator: AccountId) -> TestKey {
    TestKey::new(3_000_000 + validator)
}

pub(crate) fn add_director(director: AccountId) {
    DirectorRegistry::add_director(RuntimeOrigin::root(), director).unwrap();
    activate_director(director, &director_key(director)).unwrap();
}

pub(crate) fn activate_director(director: AccountId, key: &TestKey) -> DispatchResult {
    let endpoint = Endpoint {
        scope: EndpointScope::Public,
        address: b"/ip4/203.0.113.7/tcp/30400".to_vec().try_into().unwrap(),
    };
    let possession = key.possession(&GENESIS, director, KeyRole::DirectorPeer);
    let result = DirectorRegistry::activate(
        RuntimeOrigin::signed(director),
        key.public(),
        possession,
        vec![endpoint].try_into().unwrap(),
        Default::default(),
        100,
    );
    check();
    result
}

pub(crate) fn remove_director(director: AccountId) {
    DirectorRegistry::remove_director(RuntimeOrigin::root(), director).unwrap();
    check();
}

/// Registers `validator` with its own keys and the least stake.
pub(crate) fn register(validator: AccountId) -> DispatchResult {
    register_with(validator, MIN_STAKE, &checkpoint_key(validator), &peer_key(validator))
}

pub(crate) fn register_with(
    validator: AccountId,
    stake: Balance,
    checkpoint: &TestKey,
    peer: &TestKey,
) -> DispatchResult {
    let result = ValidatorRegistry::register(
        RuntimeOrigin::signed(validator),
        stake,
        checkpoint.public(),
        checkpoint.possession(&GENESIS, validator, KeyRole::Checkpoint),
        peer.public(),
        peer.possession(&GENESIS, validator, KeyRole::ValidatorPeer),
    );
    check();
    result
}

pub(crate) fn stored(validator: AccountId) -> ValidatorOf<Test> {
    Validators::<Test>::get(validator).unwrap()
}

pub(crate) fn status(validator: AccountId) -> ValidatorStatus {
    stored(validator).status
}

pub(crate) const APPROVE: Decision = Decision::Approve;
pub(crate) const REVOKE: Decision = Decision::Revoke(RevocationReason::RateLimit);

/// The nonce number `n` of a vote that is signed now, when the block before is finalized.
pub(crate) fn nonce_now(n: u64) -> u64 {
    first_nonce(System::block_number() - 1) + n
}

/// What `director` says about `validator`'s current registration, signed now.
pub(crate) fn vote(
    director: AccountId,
    validator: AccountId,
    decision: Decision,
    nonce: u64,
) -> SignedDirectorVote<AccountId> {
    let vote = DirectorVote {
        validator,
        registration_id: stored(validator).registration_id,
        decision,
        nonce: nonce_now(nonce),
        valid_until: VALID_UNTIL,
    };
    director_key(director).director_vote(&GENESIS, director, vote)
}

pub(crate) fn submit(votes: Vec<SignedDirectorVote<AccountId>>) -> DispatchResultWithPostInfo {
    let votes = votes.try_into().unwrap();
    let result = ValidatorRegistry::submit_votes(RuntimeOrigin::signed(50), votes);
    check();
    result
}

/// Authorizes `validator` with the votes of all directors, each with `nonce`.
pub(crate) fn authorize(validator: AccountId, nonce: u64) {
    let directors = <DirectorRegistry as Directors<_>>::active();
    let votes = directors.iter().map(|d| vote(*d, validator, APPROVE, nonce)).collect();
    submit(votes).unwrap();
    assert_eq!(status(validator), ValidatorStatus::Authorized);
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

pub(crate) fn rotate(validator: AccountId, new: &TestKey) -> DispatchResult {
    let result = ValidatorRegistry::rotate_checkpoint_key(
        RuntimeOrigin::signed(validator),
        new.public(),
        new.possession(&GENESIS, validator, KeyRole::Checkpoint),
    );
    check();
    result
}

pub(crate) fn held(who: AccountId) -> Balance {
    Balances::balance_on_hold(&HoldReason::Stake.into(), &who)
}

pub(crate) fn rotate_peer(validator: AccountId, new: &TestKey) -> DispatchResult {
    let result = ValidatorRegistry::rotate_peer_key(
        RuntimeOrigin::signed(validator),
        new.public(),
        new.possession(&GENESIS, validator, KeyRole::ValidatorPeer),
    );
    check();
    result
}

pub(crate) fn bond_more(validator: AccountId, amount: Balance) -> DispatchResult {
    let result = ValidatorRegistry::bond_more(RuntimeOrigin::signed(validator), amount);
    check();
    result
}

pub(crate) fn unbond(validator: AccountId, amount: Balance) -> DispatchResult {
    let result = ValidatorRegistry::unbond(RuntimeOrigin::signed(validator), amount);
    check();
    result
}

pub(crate) fn withdraw_unbonded(validator: AccountId) -> DispatchResult {
    let result = ValidatorRegistry::withdraw_unbonded(RuntimeOrigin::signed(validator));
    check();
    result
}
