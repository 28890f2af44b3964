//! A director that is killed remembers what it had seen, and finishes what it had begun.
//!
//! Between the two votes of a double sign the director is killed: it detects it none the less. Before
//! it can report the proof it is killed again, and the others with it: it reports the proof when it
//! comes back, alone.

#![allow(clippy::unwrap_used)]

use codec::Encode;
use director_primitives::{Answer, PayloadKind, SignedVote};
use director_service::{client::LocalKey, testing::Equivocator};
use integration_tests::{
    chain::{FEES, STAKE, SlashEvent},
    director::Director,
    keys::Identity,
    network::{Network, Plan},
    probe::Probe,
};
use serde_json::Value;
use std::{process::Command, time::Duration};
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(150);

/// Bounds a wait for what a director says of itself.
const SOON: Duration = Duration::from_secs(30);

const VALIDATORS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_director_dies_and_comes_back() {
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
    let (checkpoint, [first, second]) = two_votes(&network, &offender).await;

    let home = network.directors.remove(0);
    let home_key = home.identity.peer_key();
    let envelope = probe.envelope(1, PayloadKind::CheckpointVote, first.encode());
    probe.send(home_key, &envelope).unwrap();
    network.wait_until_heard(&envelope).await.unwrap();
    // Written in order, so that it is on disk when votes that came later went by long ago.
    network.wait_for_all_votes(network.next_checkpoint()).await.unwrap();

    let killed = home.kill().await;
    network.wait_for_all_votes(network.next_checkpoint()).await.unwrap();
    let home = killed.restart(dir).await.unwrap();
    let back = home.wait_for_status(SOON, is_linked).await.unwrap();
    assert_eq!(back["stats"]["double_signs_detected"], 0);
    probe.comes_back(home_key).await.unwrap();

    // The node holds still: nobody can report anything.
    let before = network.chain.node.head().borrow().unwrap();
    signal(&network, "STOP");
    let envelope = probe.envelope(2, PayloadKind::CheckpointVote, second.encode());
    probe.send(home_key, &envelope).unwrap();
    let status = home.wait_for_status(SOON, |of| !evidence(of).is_empty()).await.unwrap();
    let [proof] = evidence(&status) else { panic!("{status:#}") };
    assert_eq!((&proof["state"], &proof["checkpoint"]), (&"proven".into(), &checkpoint.into()));
    let status = home.wait_for_status(SOON, |of| counted(of, "double_signs_detected") == 1).await;
    assert_eq!(counted(&status.unwrap(), "proofs_from_peers"), 0);

    let others = std::mem::take(&mut network.directors);
    futures::future::join_all(others.into_iter().map(Director::kill)).await;
    let killed = home.kill().await;
    signal(&network, "CONT");
    let home = killed.restart(dir).await.unwrap();
    let slashed = is_slashed(&network, &offender, checkpoint, &home, before.number);
    timeout(SOON, slashed).await.expect("the director reports what it had proven");
    let reported = |status: &Value| evidence(status).iter().all(|of| of["state"] == "finalized");
    let status = home.wait_for_status(SOON, reported).await.unwrap();
    assert_eq!(evidence(&status).len(), 1);
    assert_eq!(counted(&status, "double_signs_detected"), 0, "it knew from its outbox alone");

    assert_eq!(network.shared.ledger().totals().duplicates, 0);
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
    let welcome = probe.enter(key, home.ports.public).await.unwrap();
    assert!(!welcome.authorized);
    let answer = probe.ask(key, &chain.node).await.unwrap();
    assert!(matches!(answer, Answer::Approved { .. }), "{answer:?}");
    assert!(probe.welcome(key).await.unwrap().authorized);
}

/// Two votes for the newest finalized checkpoint, the honest one first.
async fn two_votes(network: &Network, offender: &Identity) -> (u64, [SignedVote; 2]) {
    let snapshot = network.chain.node.ready().await.unwrap();
    let interval = snapshot.domain.checkpoint_interval;
    let checkpoint = snapshot.number / interval;
    let real = network.chain.node.block_hash(checkpoint * interval).await.unwrap();
    let key = LocalKey::from_seed(&offender.checkpoint_secret());
    let equivocator = Equivocator::new(network.chain.genesis_hash, key);
    (checkpoint, equivocator.double_sign(checkpoint, real.unwrap()))
}

/// Waits until the chain has punished the offender, upon this director's report.
async fn is_slashed(
    network: &Network,
    offender: &Identity,
    at: u64,
    reported_by: &Director,
    after: u64,
) {
    let mut blocks = network.chain.node.blocks(Some(after + 1));
    let mut proven = false;
    loop {
        for event in network.chain.slash_events(blocks.next().await).await.unwrap() {
            let (SlashEvent::Proven { validator, checkpoint, reporter, .. }
            | SlashEvent::Applied { validator, checkpoint, reporter, .. }) = &event;
            assert_eq!((validator, *checkpoint), (&offender.id(), at));
            assert_eq!(*reporter, reported_by.identity.id());
            match event {
                SlashEvent::Proven { .. } => assert!(!std::mem::replace(&mut proven, true)),
                SlashEvent::Applied { taken, reward, .. } => {
                    assert!(proven && taken > 0 && reward > 0, "{taken} {reward}");
                    return;
                }
            }
        }
    }
}

/// Whether a director is connected to all the others.
fn is_linked(status: &Value) -> bool {
    let peers = status["mesh"].as_array().map_or(&[][..], Vec::as_slice);
    peers.len() == 2 && peers.iter().all(|peer| peer["connected"] == true)
}

fn evidence(status: &Value) -> &[Value] {
    status["evidence"].as_array().map_or(&[], Vec::as_slice)
}

fn counted(status: &Value, name: &str) -> u64 {
    status["stats"][name].as_u64().unwrap()
}

/// Stops the node's process, or lets it go on. It ends with the test in either state.
fn signal(network: &Network, name: &str) {
    let pid = network.chain.process.pid().unwrap().to_string();
    assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
}
