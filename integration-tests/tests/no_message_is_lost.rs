//! Directors die, freeze, restart and drain while validators speak: every validator ends with every message,
//! once.
//!
//! How fast that goes is measured by `cargo xtask bench failover`; here times are only bounded, for debug builds on
//! a busy machine.

#![allow(clippy::unwrap_used)]

use integration_tests::trial::{Fault, Outcome, Setting, Trial};
use std::time::Duration;
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(240);

/// The longest time in which a validator may receive nothing: a failover takes half a second.
const STALL: Duration = Duration::from_secs(15);

/// How long the chain is away. While it is, nobody may hear nothing for half of that: who waits for the chain waits for all of it.
const AWAY: Duration = Duration::from_secs(12);

/// The longest time that a validator may be without a primary when its director drains: 50 ms are promised of a release.
const OUTAGE: Duration = Duration::from_secs(2);

async fn happens(fault: Fault) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let is_away = matches!(fault, Fault::ChainAway | Fault::ChainDies);
    let setting = Setting {
        directors: 3,
        validators: 9,
        per_s: 200,
        check_signatures: true,
        churn: fault == Fault::Churn,
        apart: fault.is_apart(),
        // Of a real chain these are some seconds: to connect again takes up to one of these.
        block_time_ms: if is_away { 2_000 } else { 500 },
        away: AWAY,
        dir: dir.path().into(),
    };
    let trial = async {
        let mut trial = Trial::start(&setting).await.unwrap();
        trial.happen(fault).await.unwrap();
        trial.end().await.unwrap()
    };
    let outcome = timeout(PATIENCE, trial).await.expect("done within the bound");
    println!("{fault:?}: {outcome:?}");
    assert!(outcome.is_whole(), "{outcome:?}");
    let stall = if is_away { AWAY / 2 } else { STALL };
    assert!(outcome.longest_stall() < stall, "{outcome:?}");
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_director_is_killed() {
    let outcome = happens(Fault::Kill).await;
    // By the connection that broke, or by what did not come any more: on a busy machine that may be first.
    assert!(outcome.disconnected + outcome.moved >= 3, "its validators noticed: {outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_director_is_killed_and_comes_back() {
    happens(Fault::Restart).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_director_freezes() {
    happens(Fault::Freeze).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_directors_restart_one_after_the_other() {
    happens(Fault::Rolling).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_director_drains() {
    let outcome = happens(Fault::Drain).await;
    assert_eq!(outcome.disconnected, 0, "nobody lost its connection: {outcome:?}");
    assert!(outcome.longest_outage() < OUTAGE, "nobody was without one: {outcome:?}");
    assert!(outcome.moved >= 3, "its validators moved: {outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_third_of_the_validators_leaves_and_others_come() {
    let outcome = happens(Fault::Churn).await;
    // A director that stands still for a moment, on a busy machine, is left by choice.
    assert_eq!(outcome.disconnected, 0, "the others noticed: {outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_chain_is_away_and_a_validator_signs_twice_meanwhile() {
    chain_is_away(Fault::ChainAway, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_node_is_killed_and_a_validator_signs_twice_before_it_is_back() {
    // Three from where directors are connected again, which takes them up to one here, and one that the node may have made
    // before it was killed.
    chain_is_away(Fault::ChainDies, 5).await;
}

async fn chain_is_away(fault: Fault, most: u64) {
    let outcome = happens(fault).await;
    assert_eq!(outcome.disconnected, 0, "directors lose nobody: {outcome:?}");
    let blocks = outcome.evidence_blocks.unwrap();
    assert!((1..=most).contains(&blocks), "{blocks} blocks after the return of the chain");
}
