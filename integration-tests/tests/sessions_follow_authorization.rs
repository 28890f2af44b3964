//! Whom the directors authorize validates within three sessions; who leaves or is revoked, was never
//! authorized or has no session keys, does not.

#![allow(clippy::unwrap_used)]

use anyhow::bail;
use director_primitives::{AccountId32, Decision, RevocationReason};
use director_service::chain::{Head, interface::validator_registry::events};
use futures::future::try_join_all;
use integration_tests::{
    chain::{Chain, FEES, STAKE, UNIT, block_of, dev_account},
    director::Ports,
    keys::Identity,
};
use std::time::Duration;
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);

const BLOCK_TIME_MS: u64 = 100;

/// `SESSION_LENGTH` of the mock runtime, three times: one session ends, one is planned, one begins.
const THREE_SESSIONS: u64 = 3 * 10;

/// Where nobody listens: no director runs here.
const NOWHERE: Ports = Ports { mesh: 1, public: 2, http: 3 };

#[tokio::test(flavor = "multi_thread")]
async fn sessions_follow_authorization() {
    timeout(PATIENCE, run()).await.expect("done within the bound");
}

async fn run() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::start(dir.path(), BLOCK_TIME_MS).await.unwrap();
    let directors = [1, 2, 3].map(Identity::director);
    let validators = [1, 2, 3, 4, 5].map(Identity::validator);
    let ids = [0, 1, 2, 3, 4].map(|at: usize| validators[at].id());
    begin(&chain, &directors, &validators).await;
    // All but the last have session keys, all but the fourth are authorized.
    try_join_all(validators[..4].iter().map(|of| chain.set_session_keys(of))).await.unwrap();
    let start = chain.node.head().borrow().unwrap();
    assert!(chain.session_validators(start).await.unwrap().is_empty());

    let mut authorized = start;
    for id in [&ids[0], &ids[1], &ids[2], &ids[4]] {
        authorized = vote(&chain, id, Decision::Approve, &directors[..2]).await;
        let found: Vec<events::ValidatorAuthorized> = chain.events(authorized).await.unwrap();
        let [event] = found.as_slice() else { panic!("not one event: {found:?}") };
        assert_eq!(
            (event.validator.0, event.approvals, event.directors),
            ((*id).clone().into(), 2, 3)
        );
    }
    // Those with most stake first.
    becomes(&chain, authorized, &[&ids[2], &ids[1], &ids[0]]).await.unwrap();

    let keys = block_of(chain.set_session_keys(&validators[4]).await.unwrap());
    becomes(&chain, keys, &[&ids[4], &ids[2], &ids[1], &ids[0]]).await.unwrap();

    for (leaving, left) in [(4, &[&ids[2], &ids[1], &ids[0]][..]), (1, &[&ids[2], &ids[0]])] {
        let exit = block_of(chain.request_exit(&validators[leaving]).await.unwrap());
        becomes(&chain, exit, left).await.unwrap();
    }

    let operator = Decision::Revoke(RevocationReason::Operator);
    let revoked = vote(&chain, &ids[2], operator, &directors[1..]).await;
    let after = becomes(&chain, revoked, &[&ids[0]]).await.unwrap();

    let planned: Vec<events::SessionPlanned> = chain.events(after).await.unwrap();
    assert_eq!(planned.iter().map(|event| event.validators).collect::<Vec<_>>(), [1]);
    chain.process.stop().await;
}

/// Three active directors, and validators with stake, the last one with most.
async fn begin(chain: &Chain, directors: &[Identity], validators: &[Identity]) {
    let invited: Vec<_> = directors.iter().map(Identity::id).collect();
    let funds = directors.iter().map(|of| (of.id(), FEES));
    let funds = funds.chain(validators.iter().map(|of| (of.id(), 2 * STAKE))).collect();
    tokio::try_join!(chain.invite_directors(&invited), chain.fund(funds)).unwrap();
    let activate = directors.iter().map(|director| chain.activate(director, NOWHERE));
    let stake = (1..).zip(validators).map(|(more, validator)| async move {
        anyhow::Ok(chain.register(validator, STAKE + more * UNIT).await?)
    });
    tokio::try_join!(try_join_all(activate), try_join_all(stake)).unwrap();
}

/// Where directors decided about a validator. Whoever brings the votes need not be anybody in particular.
async fn vote(
    chain: &Chain,
    validator: &AccountId32,
    decision: Decision,
    directors: &[Identity],
) -> Head {
    let directors: Vec<_> = directors.iter().collect();
    let sender = dev_account("Eve");
    block_of(chain.submit_votes(validator, decision, &directors, &sender).await.unwrap())
}

/// The block within three sessions `since` from which on these are the session's validators.
async fn becomes(chain: &Chain, since: Head, expected: &[&AccountId32]) -> anyhow::Result<Head> {
    let mut blocks = chain.node.blocks(Some(since.number));
    loop {
        let block = blocks.next().await;
        let set = chain.session_validators(block).await?;
        if set.iter().eq(expected.iter().copied()) {
            return Ok(block);
        }
        if block.number > since.number + THREE_SESSIONS {
            bail!("three sessions after block {} still {set:?}", since.number);
        }
    }
}
