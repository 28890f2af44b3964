//! Who is not authorized by the directors is heard by nobody and hears nothing.
//!
//! One probe goes all the way: a stranger, then a candidate, then authorized. What it may not do
//! first works later with the very same bytes, so that the refusals are known to be none of its own
//! making.

#![allow(clippy::unwrap_used)]

use codec::{DecodeAll, Encode};
use director_primitives::{Answer, Envelope, PayloadKind, PublicKey, SignedEnvelope, SignedVote};
use integration_tests::{
    chain::{FEES, STAKE},
    director::Director,
    keys::Identity,
    network::{Network, Plan},
    probe::{Probe, sign},
};
use std::time::Duration;
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(150);

/// Bounds a wait for what a director counts, which it publishes a moment later.
const SOON: Duration = Duration::from_secs(20);

const VALIDATORS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_not_heard() {
    timeout(PATIENCE, run()).await.expect("done within the bound");
}

async fn run() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan::quick(VALIDATORS, dir.path());
    let network = Network::start(&plan, |_| {}).await.unwrap();
    let identity = Identity::validator(VALIDATORS + 1);
    let mut probe = Probe::start(identity.clone(), network.chain.genesis_hash).await.unwrap();

    a_stranger_is_turned_away(&network, &mut probe).await;

    network.chain.fund(vec![(identity.id(), STAKE + FEES)]).await.unwrap();
    network.chain.register(&identity, STAKE).await.unwrap();
    let said = a_candidate_is_not_heard(&network, &mut probe).await;
    it_hears_and_is_heard_once_authorized(&network, &mut probe, &said).await;
    nobody_speaks_for_another(&network, &mut probe).await;
    the_mesh_is_for_directors(&network, &identity).await;

    let totals = network.shared.ledger().totals();
    assert_eq!(totals.duplicates, 0);
    probe.shutdown().await;
    network.shutdown().await;
}

async fn a_stranger_is_turned_away(network: &Network, probe: &mut Probe) {
    for director in &network.directors {
        let key = director.identity.peer_key();
        for (name, port) in [("public", director.ports.public), ("mesh", director.ports.mesh)] {
            let refused = probe.knock(key, port).await.unwrap();
            assert!(refused.is_some(), "a stranger is let in at the {name} port");
        }
    }
    assert!(probe.received.is_empty() && probe.told.is_empty(), "a stranger is told something");
}

/// Returns what it said in vain.
async fn a_candidate_is_not_heard(network: &Network, probe: &mut Probe) -> [SignedEnvelope; 2] {
    for director in &network.directors {
        let welcome = enter(probe, director).await;
        assert!(!welcome, "a candidate is welcomed as authorized");
    }
    let said = [opaque(probe, 1), vote(network, probe, 2).await];
    for envelope in &said {
        assert!(envelope.verify(&network.chain.genesis_hash));
        for director in &network.directors {
            probe.send(director.identity.peer_key(), envelope).unwrap();
        }
    }
    let checkpoint = network.next_checkpoint();
    network.wait_for_all_votes(checkpoint).await.unwrap();
    for director in &network.directors {
        probe.fence(director.identity.peer_key()).await.unwrap();
    }
    assert_eq!(probe.received, [], "a candidate receives what others say");
    for envelope in &said {
        assert_eq!(network.who_heard(envelope), [0; 0], "a candidate is heard");
    }
    for director in &network.directors {
        refused(director, &[("unauthorized", 2)]).await;
    }
    said
}

async fn it_hears_and_is_heard_once_authorized(
    network: &Network,
    probe: &mut Probe,
    said: &[SignedEnvelope],
) {
    let home = network.directors[0].identity.peer_key();
    let answer = probe.ask(home, &network.chain.node).await.unwrap();
    assert!(matches!(answer, Answer::Approved { .. }), "{answer:?}");
    for director in &network.directors {
        let welcome = probe.welcome(director.identity.peer_key()).await.unwrap();
        assert!(welcome.authorized);
    }
    assert_eq!(network.who_heard(&said[0]), [0; 0], "what was refused is heard afterwards");

    for envelope in said {
        probe.send(home, envelope).unwrap();
        network.wait_until_heard(envelope).await.unwrap();
    }
    let checkpoint = network.next_checkpoint();
    let origins: Vec<_> = network.identities.iter().map(Identity::peer_key).collect();
    let has_vote_of = |received: &[SignedEnvelope], origin: &PublicKey| {
        received.iter().map(|signed| &signed.envelope).any(|envelope| {
            let vote = SignedVote::decode_all(&mut &*envelope.payload);
            envelope.origin == *origin && vote.is_ok_and(|of| of.vote.checkpoint == checkpoint)
        })
    };
    let all = |received: &[SignedEnvelope]| origins.iter().all(|of| has_vote_of(received, of));
    probe.receive_until(all).await.unwrap();
}

async fn nobody_speaks_for_another(network: &Network, probe: &mut Probe) {
    let genesis = &network.chain.genesis_hash;
    let home = &network.directors[0];
    let victim = &network.identities[0];
    let own = |seq| opaque(probe, seq).envelope;
    let of_victim = |seq| Envelope { origin: victim.peer_key(), ..own(seq) };
    let checkpoint = network.next_checkpoint() - 1;
    let stolen = victim.vote(genesis, checkpoint, network.chain.genesis_hash);
    let lies = [
        ("another's envelope, rightly signed", sign(victim, genesis, of_victim(3))),
        ("another's name, signed by itself", sign(&probe.identity, genesis, of_victim(4))),
        ("its own name, signed by another", sign(victim, genesis, own(5))),
        ("another's vote", probe.envelope(6, PayloadKind::CheckpointVote, stolen.encode())),
    ];
    for (_, lie) in &lies {
        probe.send(home.identity.peer_key(), lie).unwrap();
    }
    // Whoever has what was sent after them would have had them.
    let truth = opaque(probe, 7);
    probe.send(home.identity.peer_key(), &truth).unwrap();
    network.wait_until_heard(&truth).await.unwrap();
    for (name, lie) in &lies {
        assert_eq!(network.who_heard(lie), [0; 0], "{name} is passed on");
    }
    let reasons = [("foreign_origin", 2), ("bad_signature", 1), ("foreign_vote_key", 1)];
    refused(home, &reasons).await;
    // And the one they were about is heard as before, and not accused.
    network.wait_for_all_votes(network.next_checkpoint()).await.unwrap();
    for director in &network.directors {
        let status = director.status().await.unwrap();
        assert_eq!(status["evidence"].as_array().map(Vec::len), Some(0), "{status:#}");
    }
}

async fn the_mesh_is_for_directors(network: &Network, authorized: &Identity) {
    let genesis = network.chain.genesis_hash;
    let mut probe = Probe::start(authorized.clone(), genesis).await.unwrap();
    for director in &network.directors {
        let (key, port) = (director.identity.peer_key(), director.ports.mesh);
        let refused = probe.knock(key, port).await.unwrap();
        assert!(refused.is_some(), "a validator is let into the mesh");
    }
    assert!(probe.received.is_empty() && probe.told.is_empty());
    probe.shutdown().await;

    // It is the key that counts: with a director's, the same door opens.
    let [first, second, ..] = network.directors.as_slice() else { panic!("too few directors") };
    let mut probe = Probe::start(second.identity.clone(), genesis).await.unwrap();
    let refused = probe.knock(first.identity.peer_key(), first.ports.mesh).await.unwrap();
    assert_eq!(refused, None);
    probe.shutdown().await;
}

/// Whether the director welcomes the probe as authorized.
async fn enter(probe: &mut Probe, director: &Director) -> bool {
    let key = director.identity.peer_key();
    probe.enter(key, director.ports.public).await.unwrap().authorized
}

fn opaque(probe: &Probe, seq: u64) -> SignedEnvelope {
    let topic = b"test".to_vec().try_into().unwrap();
    probe.envelope(seq, PayloadKind::Opaque(topic), b"does anybody hear me?".to_vec())
}

/// A vote for a checkpoint that is finalized.
async fn vote(network: &Network, probe: &Probe, seq: u64) -> SignedEnvelope {
    let snapshot = network.chain.node.ready().await.unwrap();
    let interval = snapshot.domain.checkpoint_interval;
    let checkpoint = snapshot.number / interval;
    let block = network.chain.node.block_hash(checkpoint * interval).await.unwrap();
    let vote = probe.identity.vote(&network.chain.genesis_hash, checkpoint, block.unwrap());
    probe.envelope(seq, PayloadKind::CheckpointVote, vote.encode())
}

/// Waits until a director has refused exactly so many messages for these reasons.
async fn refused(director: &Director, reasons: &[(&str, u64)]) {
    let counted = director.wait_for_status(SOON, |status| {
        let of = &status["stats"]["refused"];
        reasons.iter().all(|(reason, count)| of[reason].as_u64() == Some(*count))
    });
    counted.await.unwrap();
}
