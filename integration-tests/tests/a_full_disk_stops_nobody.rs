//! A director whose disk is full relays, detects and says so, also when it is started in that state; when
//! there is room again, its history is on disk.
//!
//! The disk is full by a limit on the size of files, which the system enforces as it does the end of a
//! disk. It holds for the director's log too.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use codec::Encode;
use director_primitives::{Answer, PayloadKind, PublicKey, SignedVote};
use director_service::{client::LocalKey, testing::Equivocator};
use integration_tests::{
    chain::{FEES, STAKE},
    director::{Director, get},
    keys::Identity,
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
    assert!(metric(&home, "director_store_failing 0").await);
    home.limit_files(Some(FULL)).unwrap();
    home.wait_for_status(SOON, is_alarmed).await.unwrap();
    assert!(metric(&home, "director_store_failing 1").await);
    assert!(get(format!("http://127.0.0.1:{}/readyz", home.ports.http)).await.is_err());
    network.wait_for_all_votes(network.next_checkpoint()).await.unwrap();

    // A director that starts on a full disk serves as well.
    let home = home.kill().await.restart_on_full_disk(dir, FULL).await.unwrap();
    home.wait_for_status(SOON, |of| is_alarmed(of) && is_linked(of)).await.unwrap();
    is_back(&mut probe, home_key).await;
    let (checkpoint, [first, second]) = two_votes(&network, &offender).await;
    let envelope = probe.envelope(1, PayloadKind::CheckpointVote, first.encode());
    probe.send(home_key, &envelope).unwrap();
    network.wait_until_heard(&envelope).await.unwrap();
    network.wait_for_all_votes(network.next_checkpoint()).await.unwrap();
    let status = home.status().await.unwrap();
    assert!(counted(&status, "votes_seen") > 0, "{status:#}");

    // There is room again.
    home.limit_files(None).unwrap();
    home.wait_for_status(SOON, |of| !is_alarmed(of)).await.unwrap();
    home.process.wait_for_log("the store writes its file again", SOON).await.unwrap();
    home.wait_until_ready(SOON).await.unwrap();

    // What came meanwhile is on disk.
    let home = home.kill().await.restart(dir).await.unwrap();
    home.wait_for_status(SOON, is_linked).await.unwrap();
    is_back(&mut probe, home_key).await;
    let envelope = probe.envelope(2, PayloadKind::CheckpointVote, second.encode());
    probe.send(home_key, &envelope).unwrap();
    let status = home.wait_for_status(SOON, |of| counted(of, "double_signs_detected") == 1).await;
    let status = status.unwrap();
    assert_eq!(status["evidence"][0]["checkpoint"], checkpoint);
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

/// Waits until the probe is connected again and knows that it may speak.
async fn is_back(probe: &mut Probe, director: PublicKey) {
    // The first welcome may be of the time before.
    while !(probe.welcome(director).await.unwrap().authorized && probe.is_connected(&director)) {}
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

async fn metric(director: &Director, line: &str) -> bool {
    let text = get(format!("http://127.0.0.1:{}/metrics", director.ports.http)).await.unwrap();
    text.lines().any(|of| of == line)
}
