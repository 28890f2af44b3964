//! The session's set follows authorization, through the real session pallet.

#![allow(clippy::unwrap_used)]

use director_primitives::{
    AccountId32, Decision, DirectorVote, H256, KeyRole, RevocationReason,
    authorization::first_nonce,
    runtime_api::{Endpoint, EndpointScope},
    test_utils::{TestKey, double_sign},
};
use frame_support::traits::{OnInitialize, fungible::Mutate};
use runtime_mock::{
    AllPalletsWithSystem, Balances, BlockNumber, DirectorRegistry, MIN_STAKE, Runtime,
    RuntimeGenesisConfig, RuntimeOrigin, SESSION_LENGTH, Session, SessionKeys, SlashingEvidence,
    System, UNIT, ValidatorRegistry,
};
use sp_runtime::BuildStorage;

const GENESIS: H256 = H256([7; 32]);

fn account(n: u8) -> AccountId32 {
    AccountId32::new([n; 32])
}

fn key(kind: u64, n: u8) -> TestKey {
    TestKey::new(kind * 1_000 + u64::from(n))
}

/// Begins every block up to `number`, with every hook of that.
fn go_to(number: BlockNumber) {
    while System::block_number() < number {
        let next = System::block_number() + 1;
        System::set_block_number(next);
        AllPalletsWithSystem::on_initialize(next);
    }
}

/// Two sessions further: one is planned while another one runs.
fn two_sessions() {
    go_to((System::block_number() / SESSION_LENGTH + 2) * SESSION_LENGTH);
}

fn activate(director: u8) {
    DirectorRegistry::add_director(RuntimeOrigin::root(), account(director)).unwrap();
    let key = key(1, director);
    let address = b"/ip4/203.0.113.7/tcp/30400".to_vec().try_into().unwrap();
    DirectorRegistry::activate(
        RuntimeOrigin::signed(account(director)),
        key.public(),
        key.possession(&GENESIS, account(director), KeyRole::DirectorPeer),
        vec![Endpoint { scope: EndpointScope::Public, address }].try_into().unwrap(),
        Default::default(),
        10,
    )
    .unwrap();
}

fn register(validator: u8, stake: u128) {
    Balances::mint_into(&account(validator), stake + UNIT).unwrap();
    let (checkpoint, peer) = (key(2, validator), key(3, validator));
    ValidatorRegistry::register(
        RuntimeOrigin::signed(account(validator)),
        stake,
        checkpoint.public(),
        checkpoint.possession(&GENESIS, account(validator), KeyRole::Checkpoint),
        peer.public(),
        peer.possession(&GENESIS, account(validator), KeyRole::ValidatorPeer),
    )
    .unwrap();
    // `pallet-session` leaves out whoever has set none.
    let origin = RuntimeOrigin::signed(account(validator));
    Session::set_keys(origin, SessionKeys {}, vec![]).unwrap();
}

fn decide(validator: u8, decision: Decision) {
    let info = ValidatorRegistry::validator_info(&account(validator)).unwrap();
    let votes: Vec<_> = [91, 92]
        .map(|director| {
            let vote = DirectorVote {
                validator: account(validator),
                registration_id: info.registration_id,
                decision,
                nonce: first_nonce(u64::from(System::block_number()) - 1),
                valid_until: u64::MAX,
            };
            key(1, director).director_vote(&GENESIS, account(director), vote)
        })
        .to_vec();
    let votes = votes.try_into().unwrap();
    ValidatorRegistry::submit_votes(RuntimeOrigin::signed(account(50)), votes).unwrap();
}

#[test]
fn sessions_rotate() {
    let storage = RuntimeGenesisConfig::default().build_storage().unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::initialize(&1, &GENESIS, &Default::default());
        (91..=93).for_each(activate);
        (1..=4).for_each(|n| register(n, MIN_STAKE + u128::from(n) * UNIT));
        two_sessions();
        assert!(Session::validators().is_empty(), "stake alone is no authorization");

        (1..=3).for_each(|n| decide(n, Decision::Approve));
        two_sessions();
        assert_eq!(Session::validators(), [3, 2, 1].map(account), "most stake first");

        decide(4, Decision::Approve);
        ValidatorRegistry::request_exit(RuntimeOrigin::signed(account(2))).unwrap();
        two_sessions();
        assert_eq!(Session::validators(), [4, 3, 1].map(account));

        decide(4, Decision::Revoke(RevocationReason::Operator));
        two_sessions();
        assert_eq!(Session::validators(), [3, 1].map(account));

        let checkpoint = u64::from(System::block_number());
        let proof = double_sign(&key(2, 3), GENESIS, checkpoint);
        SlashingEvidence::report_double_sign(RuntimeOrigin::signed(account(91)), proof).unwrap();
        two_sessions();
        assert_eq!(Session::validators(), [1].map(account));

        // The last one may leave, but a chain is never without a set.
        ValidatorRegistry::request_exit(RuntimeOrigin::signed(account(1))).unwrap();
        two_sessions();
        assert_eq!(Session::validators(), [1].map(account));
        pallet_validator_registry::Pallet::<Runtime>::do_try_state().unwrap();
    });
}
