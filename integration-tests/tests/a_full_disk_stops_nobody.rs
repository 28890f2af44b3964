//! A director whose disk is full relays, detects and says so, also when it is started in that state; when
//! there is room again, its history is on disk.
//!
//! The disk is full by a limit on the size of files, which the system enforces as it does the end of a
//! disk. It holds for the director's log too.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use codec::Encode;
use director_primitives::{Answer, PayloadKind, SignedVote};
use director_service::{client::LocalKey, testing::Equivocator};
use integration_tests::{
    chain::{FEES, STAKE},
    keys::Identity,
    metrics::{Metrics, wait_until_counted},
    network::{Network, Plan},
    probe::Probe,
};
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(200);

/// Bounds a wait for what a director says of itself: it tries the disk again after 30 s at most.
const SOON: Duration = Duration::from_secs(45);

/// Of the store this has the first page; not enough to write anything.
const FULL: u64 = 4_096;

const VALIDATORS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_nobody() {
    timeout(PATIENCE, run()).await.expect("done within the bound");
}

async fn run() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let plan = Plan::quick(VALIDATORS, dir);
    let mut network = Network::start(&plan, |_| {}).await.unwrap();
    let offender = Identity::validator(VALIDATORS + 1);
    let mut probe = Probe::start(offender.clone(), network.chain.genesis_hash).await.unwrap();
    admit(&network, &mut probe).await;
    let home = network.directors.remove(0);
    let home_key = home.identity.peer_key();

    // It fills up.
    assert_eq!(Metrics::of(&home).await.unwrap().get("store_failing"), 0.0);
    home.limit_files(Some(FULL)).unwrap();
    let before = Metrics::default();
    home.wait_for_status(SOON, is_alarmed).await.unwrap();
    wait_until_counted(&home, &before, &[("store_failing", 1)], SOON).await.unwrap();
    home.wait_until_not_ready(SOON).await.unwrap();
    network.wait_for_all_votes(network.next_checkpoint()).await.unwrap();

    // A director that starts on a full disk serves as well.
    let home = home.kill().await.restart_on_full_disk(dir, FULL).await.unwrap();
    home.wait_for_status(SOON, |of| is_alarmed(of) && is_linked(of)).await.unwrap();
    probe.comes_back(home_key).await.unwrap();
    let (checkpoint, [first, second]) = two_votes(&network, &offender).await;
    let envelope = probe.envelope(1, PayloadKind::CheckpointVote, first.encode());
    probe.send(home_key, &envelope).unwrap();
    network.wait_until_heard(&envelope).await.unwrap();
    network.wait_for_all_votes(network.next_checkpoint()).await.unwrap();
    home.wait_for_status(SOON, |of| counted(of, "votes_seen") > 0).await.unwrap();

    // There is room again.
    home.limit_files(None).unwrap();
    home.wait_for_status(SOON, |of| !is_alarmed(of)).await.unwrap();
    home.process.wait_for_log("the store writes its file again", SOON).await.unwrap();
    home.wait_until_ready(SOON).await.unwrap();

    // What came meanwhile is on disk.
    let home = home.kill().await.restart(dir).await.unwrap();
    home.wait_for_status(SOON, is_linked).await.unwrap();
    probe.comes_back(home_key).await.unwrap();
    let envelope = probe.envelope(2, PayloadKind::CheckpointVote, second.encode());
    probe.send(home_key, &envelope).unwrap();
    // The core counts before the reporter has the proof, and may be asked in between; it tells what it counted a
    // moment later, when the reporter may have it.
    let is_known = |of: &Value| {
        counted(of, "double_signs_detected") == 1 && of["evidence"][0]["checkpoint"] == checkpoint
    };
    let status = home.wait_for_status(SOON, is_known).await.unwrap();
    assert_eq!(counted(&status, "proofs_from_peers"), 0);

    network.directors.push(home);
    probe.shutdown().await;
    network.shutdown().await;
}

/// Registers the probe and has it authorized at the first director.
async fn admit(network: &Network, probe: &mut Probe) {
    let chain = &network.chain;
    chain.fund(vec![(probe.identity.id(), STAKE + FEES)]).await.unwrap();
    chain.register(&probe.identity, STAKE).await.unwrap();
    let home = &network.directors[0];
    let key = home.identity.peer_key();
    assert!(!probe.enter(key, home.ports.public).await.unwrap().authorized);
    let answer = probe.ask(key, &chain.node).await.unwrap();
    assert!(matches!(answer, Answer::Approved { .. }), "{answer:?}");
    assert!(probe.welcome(key).await.unwrap().authorized);
}

/// Two votes for the newest finalized checkpoint.
async fn two_votes(network: &Network, offender: &Identity) -> (u64, [SignedVote; 2]) {
    let snapshot = network.chain.node.ready().await.unwrap();
    let interval = snapshot.domain.checkpoint_interval;
    let checkpoint = snapshot.number / interval;
    let real = network.chain.node.block_hash(checkpoint * interval).await.unwrap();
    let key = LocalKey::from_seed(&offender.checkpoint_secret());
    let equivocator = Equivocator::new(network.chain.genesis_hash, key);
    (checkpoint, equivocator.double_sign(checkpoint, real.unwrap()))
}

/// Whether the director says that its store fails.
fn is_alarmed(status: &Value) -> bool {
    let reasons = status["not_ready"].as_array().map_or(&[][..], Vec::as_slice);
    reasons.iter().any(|reason| reason.as_str().is_some_and(|of| of.contains("the store")))
}

/// Whether a director is connected to all the others.
fn is_linked(status: &Value) -> bool {
    let peers = status["mesh"].as_array().map_or(&[][..], Vec::as_slice);
    peers.len() == 2 && peers.iter().all(|peer| peer["connected"] == true)
}

fn counted(status: &Value, name: &str) -> u64 {
    status["stats"][name].as_u64().unwrap()
}
