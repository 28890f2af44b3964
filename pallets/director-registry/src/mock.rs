//! A runtime with this pallet alone.

#![allow(clippy::unwrap_used, unreachable_pub)]

use crate as pallet_director_registry;
use director_primitives::{
    H256, KeyRole, PublicKey,
    runtime_api::{Endpoint, EndpointScope, Endpoints, Region},
    test_utils::TestKey,
    traits::{OnDirectorSetChange, PeerKeyInUse},
};
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU32, ConstU64, Hooks},
};
use frame_system::EnsureRoot;
use sp_io::TestExternalities;
use sp_runtime::{BuildStorage, DispatchResult};

pub(crate) type AccountId = u64;

pub(crate) const MAX_DIRECTORS: u32 = 4;
pub(crate) const STALE_AFTER: u64 = 50;

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
    pub type DirectorRegistry = pallet_director_registry::Pallet<Test>;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
}

parameter_types! {
    /// Who was told to be activated, in order.
    pub static Activated: Vec<AccountId> = Vec::new();
    /// Who was told to be removed, in order.
    pub static Removed: Vec<AccountId> = Vec::new();
    /// Keys that validators have.
    pub static ValidatorKeys: Vec<PublicKey> = Vec::new();
}

pub struct Others;

impl OnDirectorSetChange<AccountId> for Others {
    fn on_director_activated(activated: &AccountId) {
        Activated::mutate(|all| all.push(*activated));
    }

    fn on_director_removed(removed: &AccountId) {
        Removed::mutate(|all| all.push(*removed));
    }
}

impl PeerKeyInUse for Others {
    fn is_in_use(key: &PublicKey) -> bool {
        ValidatorKeys::get().contains(key)
    }
}

impl pallet_director_registry::Config for Test {
    type GovernanceOrigin = EnsureRoot<AccountId>;
    type OnDirectorSetChange = Others;
    type PeerKeyInUse = Others;
    type MinDirectors = ConstU32<2>;
    type MaxDirectors = ConstU32<MAX_DIRECTORS>;
    type StaleAfter = ConstU64<STALE_AFTER>;
    type WeightInfo = ();
}

/// The chain's genesis hash.
pub(crate) const GENESIS: H256 = H256([7; 32]);

/// A chain at block 1 with nobody invited.
pub(crate) fn new_test_ext() -> TestExternalities {
    with_invited(vec![])
}

/// A chain at block 1 with these accounts invited at genesis.
pub(crate) fn with_invited(invited: Vec<AccountId>) -> TestExternalities {
    let storage = RuntimeGenesisConfig {
        director_registry: pallet_director_registry::GenesisConfig { invited },
        ..Default::default()
    };
    let mut ext = TestExternalities::new(storage.build_storage().unwrap());
    #[cfg(feature = "runtime-benchmarks")]
    ext.register_extension(sp_keystore::KeystoreExt::new(
        sp_keystore::testing::MemoryKeystore::new(),
    ));
    ext.execute_with(|| {
        System::initialize(&1, &GENESIS, &Default::default());
        DirectorRegistry::integrity_test();
    });
    ext
}

/// Ends the step: the state must be sound.
pub(crate) fn check() {
    DirectorRegistry::do_try_state().unwrap();
}

/// Goes on to a later block.
pub(crate) fn go_to(block: u64) {
    System::set_block_number(block);
    check();
}

pub(crate) fn add(director: AccountId) -> DispatchResult {
    let result = DirectorRegistry::add_director(RuntimeOrigin::root(), director);
    check();
    result
}

pub(crate) fn remove(director: AccountId) -> DispatchResult {
    let result = DirectorRegistry::remove_director(RuntimeOrigin::root(), director);
    check();
    result
}

/// Activates `director` with its own key, everything in order.
pub(crate) fn activate(director: AccountId) -> DispatchResult {
    activate_with(director, &TestKey::new(director))
}

/// Activates `director` with `key`.
pub(crate) fn activate_with(director: AccountId, key: &TestKey) -> DispatchResult {
    let result = DirectorRegistry::activate(
        RuntimeOrigin::signed(director),
        key.public(),
        key.possession(&GENESIS, director, KeyRole::DirectorPeer),
        endpoints(),
        region(),
        100,
    );
    check();
    result
}

/// Invites and activates.
pub(crate) fn add_active(director: AccountId) {
    add(director).unwrap();
    activate(director).unwrap();
}

pub(crate) fn endpoints() -> Endpoints {
    let endpoint =
        |scope, address: &[u8]| Endpoint { scope, address: address.to_vec().try_into().unwrap() };
    vec![
        endpoint(EndpointScope::Public, b"/ip4/203.0.113.7/tcp/30400"),
        endpoint(EndpointScope::Mesh, b"/ip4/100.64.0.7/tcp/30401"),
    ]
    .try_into()
    .unwrap()
}

pub(crate) fn region() -> Region {
    b"eu-central".to_vec().try_into().unwrap()
}

pub(crate) fn swap(director: AccountId, successor: AccountId) -> DispatchResult {
    let result = DirectorRegistry::swap_director(RuntimeOrigin::root(), director, successor);
    check();
    result
}

pub(crate) fn rotate(director: AccountId, key: &TestKey) -> DispatchResult {
    let result = DirectorRegistry::rotate_peer_key(
        RuntimeOrigin::signed(director),
        key.public(),
        key.possession(&GENESIS, director, KeyRole::DirectorPeer),
    );
    check();
    result
}
