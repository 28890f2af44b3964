//! What a candidate does to be admitted, and with those that do not admit it.

use super::{
    PATIENCE, authorized,
    link::{Chain, Director, client_with, next, plain_client, proof_of},
    snapshot, validator,
};
use crate::client::{
    Client, Directors, Event, Prover,
    core::admission::{ASK_AGAIN_BLOCKS, PATIENCE_BLOCKS},
};
use async_trait::async_trait;
use director_primitives::{
    AccountId32, Answer, Control, H256, Redirect, RevocationReason, Snapshot, StakeProof,
    runtime_api::ValidatorStatus,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio::{sync::mpsc, time::timeout};

/// Block `number`, at which validator 1 is a candidate.
fn candidate(number: u64) -> Snapshot {
    snapshot(number, vec![validator(1, ValidatorStatus::Candidate)])
}

fn finalize(chain: &Chain, block: Snapshot) {
    chain.send_replace(Some(Arc::new(block)));
}

async fn start(directors: &[&Director], block: Snapshot) -> (Client, Chain) {
    let directors: Vec<_> = directors.iter().map(|director| director.address()).collect();
    plain_client(1, directors.into(), Some(block)).await
}

/// Skips what is told until this.
async fn told(client: &mut Client, expected: Event) {
    while next(client).await != expected {}
}

/// Fails for the blocks it is told to, and tells of each proof that it is asked for and that is
/// dropped unmade.
struct Scripted {
    failures: Mutex<VecDeque<u64>>,
    /// Proofs of this block are never made.
    stuck: u64,
    log: mpsc::Sender<String>,
}

struct Dropped(u64, mpsc::Sender<String>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.1.try_send(format!("dropped {}", self.0));
    }
}

#[async_trait]
impl Prover for Scripted {
    async fn stake_proof(
        &self,
        _: &AccountId32,
        (number, _): (u64, H256),
    ) -> Result<StakeProof, String> {
        let _ = self.log.try_send(format!("asked {number}"));
        if number == self.stuck {
            let _dropped = Dropped(number, self.log.clone());
            return std::future::pending().await;
        }
        let mut failures = self.failures.lock().unwrap();
        if failures.front() == Some(&number) {
            failures.pop_front();
            return Err("the state is gone".into());
        }
        Ok(proof_of(number))
    }
}

#[tokio::test]
async fn asks_the_same_director_again_when_another_block_may_help() {
    let mut director = Director::start(50, 1).await;
    let (mut client, chain) = start(&[&director], candidate(1)).await;
    let peer = director.up().await;
    director.welcome(&peer, false);
    for (block, answer) in [Answer::Stale, Answer::NotRegistered, Answer::Unavailable]
        .into_iter()
        .enumerate()
        .map(|(n, answer)| (n as u64 + 1, answer))
    {
        assert_eq!(director.asked().await.request.request.block_number, block);
        director.answer(&peer, answer);
        told(&mut client, Event::Refused(answer)).await;
        finalize(&chain, candidate(block + 1));
    }
    assert_eq!(director.asked().await.request.request.block_number, 4);
}

#[tokio::test]
async fn asks_again_after_some_blocks_what_was_not_decided() {
    let mut director = Director::start(50, 1).await;
    let (mut client, chain) = start(&[&director], candidate(1)).await;
    let peer = director.up().await;
    director.welcome(&peer, false);
    for (block, votes) in [(1, 1), (1 + ASK_AGAIN_BLOCKS, 2)] {
        finalize(&chain, candidate(block));
        assert_eq!(director.asked().await.request.request.block_number, block);
        director.answer(&peer, Answer::Approved { votes, needed: 2 });
        let approved = Event::Approved { director: director.key(), votes, needed: 2 };
        told(&mut client, approved).await;
        // Not before.
        finalize(&chain, candidate(block + ASK_AGAIN_BLOCKS - 1));
    }
}

#[tokio::test]
async fn goes_to_the_next_director_when_one_says_no() {
    let refusals = [
        Answer::Denied,
        Answer::LowStake,
        Answer::StakeNotHeld,
        Answer::InvalidStakeProof,
        Answer::Revoked(RevocationReason::RateLimit),
    ];
    for refusal in refusals {
        let (mut one, mut other) = (Director::start(50, 1).await, Director::start(51, 1).await);
        let (mut client, chain) = start(&[&one, &other], candidate(1)).await;
        let peer = one.up().await;
        one.welcome(&peer, false);
        one.asked().await;
        one.answer(&peer, refusal);
        told(&mut client, Event::Refused(refusal)).await;
        one.down().await;

        other.up().await;
        other.welcome(&peer, false);
        other.asked().await;
        other.answer(&peer, Answer::Approved { votes: 2, needed: 2 });
        let approved = Event::Approved { director: other.key(), votes: 2, needed: 2 };
        told(&mut client, approved).await;
        finalize(&chain, authorized(2, 1));
        other.welcome(&peer, true);
        told(&mut client, Event::Authorized { director: other.key() }).await;
    }
}

#[tokio::test]
async fn whoever_said_no_is_not_asked_again_at_once() {
    let (mut one, mut other) = (Director::start(50, 1).await, Director::start(51, 1).await);
    let (mut client, chain) = start(&[&one, &other], candidate(1)).await;
    for director in [&mut one, &mut other] {
        let peer = director.up().await;
        director.welcome(&peer, false);
        director.asked().await;
        director.answer(&peer, Answer::Denied);
        director.down().await;
    }
    let peer = one.up().await;
    one.welcome(&peer, false);
    // What is told after the welcome shows that it was looked at.
    one.answer(&peer, Answer::Approved { votes: 0, needed: 2 });
    told(&mut client, Event::Approved { director: one.key(), votes: 0, needed: 2 }).await;
    finalize(&chain, candidate(ASK_AGAIN_BLOCKS));
    finalize(&chain, candidate(1 + ASK_AGAIN_BLOCKS));
    assert_eq!(one.asked().await.request.request.block_number, 1 + ASK_AGAIN_BLOCKS);
}

#[tokio::test]
async fn stays_with_the_only_director_and_asks_again() {
    let mut director = Director::start(50, 1).await;
    let (mut client, chain) = start(&[&director], candidate(1)).await;
    let peer = director.up().await;
    director.welcome(&peer, false);
    director.asked().await;
    director.answer(&peer, Answer::LowStake);
    told(&mut client, Event::Refused(Answer::LowStake)).await;
    finalize(&chain, candidate(1 + ASK_AGAIN_BLOCKS));
    assert_eq!(director.asked().await.request.request.block_number, 1 + ASK_AGAIN_BLOCKS);
}

#[tokio::test]
async fn leaves_a_director_that_keeps_it_waiting() {
    let (mut one, mut other) = (Director::start(50, 1).await, Director::start(51, 1).await);
    let (_client, chain) = start(&[&one, &other], candidate(1)).await;
    let peer = one.up().await;
    one.welcome(&peer, false);
    // It takes requests and says nothing.
    one.asked().await;
    finalize(&chain, candidate(1 + PATIENCE_BLOCKS));
    one.down().await;
    other.up().await;
    other.welcome(&peer, false);
    other.asked().await;
}

#[tokio::test]
async fn an_authorized_validator_goes_elsewhere_when_one_director_revokes_it() {
    let (mut one, mut other) = (Director::start(50, 1).await, Director::start(51, 1).await);
    let (mut client, _chain) = start(&[&one, &other], authorized(1, 1)).await;
    let peer = one.up().await;
    one.welcome(&peer, true);
    told(&mut client, Event::Authorized { director: one.key() }).await;
    let revoked = Answer::Revoked(RevocationReason::Operator);
    one.answer(&peer, revoked);
    told(&mut client, Event::Refused(revoked)).await;
    one.down().await;
    other.up().await;
    other.welcome(&peer, true);
    told(&mut client, Event::Authorized { director: other.key() }).await;
}

#[tokio::test]
async fn a_late_refusal_does_not_undo_an_authorization() {
    let (mut one, other) = (Director::start(50, 1).await, Director::start(51, 1).await);
    let (mut client, _chain) = start(&[&one, &other], authorized(1, 1)).await;
    let peer = one.up().await;
    one.welcome(&peer, true);
    one.answer(&peer, Answer::LowStake);
    one.answer(&peer, Answer::Approved { votes: 2, needed: 2 });
    told(&mut client, Event::Authorized { director: one.key() }).await;
    let approved = Event::Approved { director: one.key(), votes: 2, needed: 2 };
    assert_eq!(next(&mut client).await, approved);
}

#[tokio::test]
async fn a_full_director_leads_to_one_with_room() {
    let mut one = Director::start(50, 1).await;
    let (middle, mut last) = (Director::start(51, 1).await, Director::start(52, 1).await);
    let (mut client, _chain) = start(&[&one, &middle, &last], authorized(1, 1)).await;
    let peer = one.up().await;
    let to = vec![last.key(), middle.key()];
    let directors = to.clone().try_into().unwrap();
    one.say(&peer, Control::Redirect(Redirect { directors }));
    told(&mut client, Event::Redirected { from: one.key(), to }).await;
    one.down().await;
    last.up().await;
    last.welcome(&peer, true);
    told(&mut client, Event::Authorized { director: last.key() }).await;
}

async fn scripted(
    directors: &[&Director],
    failures: &[u64],
    stuck: u64,
) -> (Client, Chain, mpsc::Receiver<String>) {
    let directors: Vec<_> = directors.iter().map(|director| director.address()).collect();
    let directors = Directors::from(directors);
    let (log, logged) = mpsc::channel(16);
    let failures = Mutex::new(failures.iter().copied().collect());
    let prover = Arc::new(Scripted { failures, stuck, log });
    let (client, chain) = client_with(1, directors, Some(candidate(1)), prover).await;
    (client, chain, logged)
}

async fn logged(log: &mut mpsc::Receiver<String>) -> String {
    timeout(PATIENCE, log.recv()).await.expect("something should be logged").unwrap()
}

#[tokio::test]
async fn a_proof_that_fails_is_made_again_with_the_next_block() {
    let mut director = Director::start(50, 1).await;
    let (_client, chain, mut log) = scripted(&[&director], &[1], 0).await;
    let peer = director.up().await;
    director.welcome(&peer, false);
    assert_eq!(logged(&mut log).await, "asked 1");
    // The task may not have told the client yet that it failed.
    let mut block = 1;
    let application = loop {
        block += 1;
        finalize(&chain, candidate(block));
        let soon = std::time::Duration::from_millis(50);
        if let Ok(application) = timeout(soon, director.asked()).await {
            break application;
        }
    };
    assert!(application.request.request.block_number > 1);
}

#[tokio::test]
async fn nothing_waits_for_a_proof_and_it_ends_with_its_connection() {
    let (mut one, mut other) = (Director::start(50, 1).await, Director::start(51, 1).await);
    let (mut client, chain, mut log) = scripted(&[&one, &other], &[], 1).await;
    let peer = one.up().await;
    one.welcome(&peer, false);
    assert_eq!(logged(&mut log).await, "asked 1");
    // Everything else goes on.
    one.answer(&peer, Answer::Approved { votes: 1, needed: 2 });
    told(&mut client, Event::Approved { director: one.key(), votes: 1, needed: 2 }).await;
    one.handle.shutdown().await;
    assert_eq!(logged(&mut log).await, "dropped 1");
    finalize(&chain, candidate(2));
    other.up().await;
    other.welcome(&peer, false);
    assert_eq!(other.asked().await.stake_proof, proof_of(2));
}
