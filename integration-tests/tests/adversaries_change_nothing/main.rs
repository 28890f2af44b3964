//! One authorized validator after the other misbehaves in a way of its own, while honest ones speak: these get
//! every message of each other once, nobody accuses or revokes them, and a counter says what was done.
//!
//! Strangers, who are not authorized, have tests of their own, and so have those who sign two blocks.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod scene;

use codec::Compact;
use director_primitives::{H256, KeyRole, Priority, PublicKey};
use director_service::{
    chain::{ChainError, Included},
    client::LocalKey,
    testing::{
        CacheFlusher, FarVoter, Flooder, Forger, Poisoner, Repeater, SmallOrder, StaleVoter,
    },
};
use futures::future::{join_all, try_join_all};
use integration_tests::{
    chain::{FEES, STAKE},
    keys::Identity,
    metrics::Metrics,
    network::{Network, Plan},
};
use scene::Scene;
use std::time::Duration;
use subxt::{dynamic::tx, utils::Static};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(280);

/// Bounds a step.
const SOON: Duration = Duration::from_secs(30);

/// Honest ones.
const VALIDATORS: usize = 5;

/// Messages a second of all of them together.
const PER_S: u64 = 150;

/// Messages that a director's cache holds by default (`limits.seen_messages`).
const CACHE: usize = 10_000;

/// Revocations that a scene ends with.
const NOBODY: u64 = 0;

const BAD_SIGNATURE: &str = "refused_total{reason=\"bad_signature\"}";
const FOREIGN_ORIGIN: &str = "refused_total{reason=\"foreign_origin\"}";
const RATE_LIMITED: &str = "refused_total{reason=\"rate_limited\"}";

#[tokio::test(flavor = "multi_thread")]
async fn adversaries_change_nothing() {
    timeout(PATIENCE, run()).await.expect("done within the bound");
}

async fn run() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan::quick(VALIDATORS, dir.path());
    let network = Network::start(&plan, |_| {}).await.unwrap();
    let cast: Vec<_> = (1..=8).map(|n| Identity::validator(VALIDATORS + n)).collect();
    let funds = cast.iter().map(|of| (of.id(), STAKE + FEES)).collect();
    network.chain.fund(funds).await.unwrap();
    try_join_all(cast.iter().map(|of| network.chain.register(of, STAKE))).await.unwrap();

    a_flooder_is_limited(&network, &cast[0]).await;
    a_repeater_is_heard_once(&network, &cast[1]).await;
    a_poisoner_suppresses_nothing(&network, &cast[2]).await;
    a_stale_voter_says_nothing_new(&network, &cast[3]).await;
    a_far_voter_is_not_kept(&network, &cast[4]).await;
    a_cache_flusher_is_remembered(&network, &cast[5]).await;
    keys_of_small_order_open_nothing(&network, &cast[6]).await;
    a_forger_is_cut_off(&network, &cast[7]).await;

    network.shutdown().await;
}

/// More than the limit of a class, at once. Of Bulk, whose limit is low: what the others let pass would be more than
/// a debug build carries without delay.
async fn a_flooder_is_limited(network: &Network, identity: &Identity) {
    let scene = Scene::begin(network, "flooder", identity, 0).await;
    let flood = Flooder::new(scene.author()).burst(Priority::Bulk, 2_000);
    scene.send(&flood);
    // 200 at once and 200 a second pass.
    scene.counted(&[("rate_limited_total{class=\"bulk\"}", 1_000)]).await;
    // What is within the limits goes its way: to all, and once.
    scene.all_or_none_heard(&flood).await;
    scene.end(NOBODY).await;
}

/// The same frame, hundreds of times, by all directors.
async fn a_repeater_is_heard_once(network: &Network, identity: &Identity) {
    let scene = Scene::begin(network, "repeater", identity, 1).await;
    let repeated = Repeater::new(scene.author()).repeat(300);
    for director in &network.directors {
        for envelope in &repeated {
            scene.probe.send(director.identity.peer_key(), envelope).unwrap();
        }
    }
    scene.counted(&[("loops_prevented_total", 299)]).await;
    scene.heard(&repeated[..1]).await;
    scene.end(NOBODY).await;
}

/// Bad copies, of its own messages before they come and of others' as they come.
async fn a_poisoner_suppresses_nothing(network: &Network, identity: &Identity) {
    let mut scene = Scene::begin(network, "poisoner", identity, 2).await;
    let mut poisoner = Poisoner::new(scene.author());
    let own = poisoner.own(5);
    scene.send(own.as_flattened());
    scene.probe.receive_until(|received| received.len() >= 5).await.unwrap();
    let copies = scene.probe.received.iter().take(5).map(|of| poisoner.copy(of));
    scene.send(&copies.collect::<Vec<_>>());
    scene.counted(&[(BAD_SIGNATURE, 5), (FOREIGN_ORIGIN, 5)]).await;
    let right: Vec<_> = own.into_iter().map(|[_, right]| right).collect();
    scene.heard(&right).await;
    scene.end(NOBODY).await;
}

/// One old vote in ever new envelopes, and messages of an epoch that is over.
async fn a_stale_voter_says_nothing_new(network: &Network, identity: &Identity) {
    let scene = Scene::begin(network, "stale voter", identity, 0).await;
    let mut voter = StaleVoter::new(scene.author(), scene.vote(0).await);
    let (votes, past) = (voter.repeat(20), voter.from_the_past(10));
    scene.send(&votes);
    scene.send(&past);
    let refused = [
        ("refused_total{reason=\"repeated_vote\"}", 19),
        ("refused_total{reason=\"old_epoch\"}", 10),
    ];
    scene.counted(&refused).await;
    scene.heard(&votes[..1]).await;
    scene.not_heard(&votes[1..]);
    scene.not_heard(&past);
    scene.end(NOBODY).await;
}

/// Votes for checkpoints that nobody will see.
async fn a_far_voter_is_not_kept(network: &Network, identity: &Identity) {
    let scene = Scene::begin(network, "far voter", identity, 1).await;
    let genesis = network.chain.genesis_hash;
    let key = LocalKey::from_seed(&identity.checkpoint_secret());
    let mut voter = FarVoter::new(scene.author(), genesis, key);
    let votes = voter.votes(network.next_checkpoint() + 1_000, 50);
    scene.send(&votes);
    scene.counted(&[("refused_total{reason=\"vote_too_far_ahead\"}", 100)]).await;
    scene.not_heard(&votes);
    scene.end(NOBODY).await;
}

/// More than the cache holds, as fast as it may, and what it said before once more.
async fn a_cache_flusher_is_remembered(network: &Network, identity: &Identity) {
    let scene = Scene::begin(network, "cache flusher", identity, 2).await;
    let mut flusher = CacheFlusher::new(scene.author(), 5);
    let first = flusher.first().to_vec();
    scene.send(&first);
    scene.heard(&first).await;
    // 150 of each class in 100 ms at most, of the 2,000 that it may say in a second.
    let mut beats = interval(Duration::from_millis(100));
    // What a busy machine has kept back does not come at once: that would be too much.
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut left = CACHE + 500;
    while left > 0 {
        beats.tick().await;
        let flush = flusher.flush(left.min(450));
        left -= flush.len();
        scene.send(&flush);
        scene.heard(&flush[flush.len() - 3..]).await;
    }
    scene.send(&first);
    scene.counted(&[("replays_after_eviction_total", first.len() as u64)]).await;
    // Nothing was refused, so the cache is flushed indeed; and nobody got anything again.
    let now = Metrics::of(scene.home()).await.unwrap();
    assert_eq!(scene.grown(&now, RATE_LIMITED), 0);
    scene.heard(&first).await;
    scene.end(NOBODY).await;
}

/// Keys that verify anything: the chain takes none of them, so no director does.
async fn keys_of_small_order_open_nothing(network: &Network, identity: &Identity) {
    let scene = Scene::begin(network, "small order", identity, 0).await;
    let registrant = Identity::named("small-order".into());
    network.chain.fund(vec![(registrant.id(), STAKE + FEES)]).await.unwrap();
    let keys = SmallOrder.keys();
    let attempts = keys.iter().flat_map(|key| [(Some(*key), None), (None, Some(*key))]);
    let refused = attempts.map(|(checkpoint, peer)| {
        let registrant = &registrant;
        async move { register(network, registrant, checkpoint, peer).await.unwrap_err() }
    });
    for error in join_all(refused).await {
        let expected = ChainError::Refused("ValidatorRegistry.SmallOrderKey".into());
        assert_eq!(error, expected);
    }
    let on_chain = network.chain.node.validator(&registrant.id()).await.unwrap();
    assert_eq!(on_chain, None);

    let lies = SmallOrder.envelopes(scene.probe.epoch);
    let votes = SmallOrder.votes(&mut scene.author(), scene.vote(0).await.vote);
    scene.send(&lies);
    scene.send(&votes);
    let refused = [(FOREIGN_ORIGIN, 14), ("refused_total{reason=\"foreign_vote_key\"}", 14)];
    scene.counted(&refused).await;
    scene.not_heard(&lies);
    scene.not_heard(&votes);
    scene.end(NOBODY).await;
}

/// Wrong signatures over its own connection, until its director has had enough.
async fn a_forger_is_cut_off(network: &Network, identity: &Identity) {
    let mut scene = Scene::begin(network, "forger", identity, 1).await;
    let mut forger = Forger::new(scene.author());
    let victim = &network.identities[0];
    let stolen = victim.vote(&network.chain.genesis_hash, 1, H256::repeat_byte(0xbb));
    let mut lies = Vec::new();
    for _ in 0..6 {
        lies.push(forger.unsigned());
        lies.push(forger.in_the_name_of(victim.peer_key()));
        lies.push(forger.foreign_vote(stolen));
    }
    scene.send(&lies);
    let foreign_vote = ("refused_total{reason=\"foreign_vote_key\"}", 6);
    scene.counted(&[(BAD_SIGNATURE, 6), (FOREIGN_ORIGIN, 6), foreign_vote]).await;

    // The first vote of a checkpoint is looked at when a second one comes.
    let mut votes = Vec::new();
    for n in 0..12 {
        votes.push(forger.unsigned_vote(scene.vote(n).await));
    }
    scene.send(&votes);
    scene.counted(&[("invalid_votes_total", 8), ("revocations_signed_total", 1)]).await;
    let home = scene.home().identity.peer_key();
    scene.probe.stay_away(&home);
    timeout(SOON, scene.probe.is_cut_off(&home)).await.expect("it is served still").unwrap();
    scene.not_heard(&lies);
    scene.end(1).await;
}

/// Registers a validator of whose keys one is another's.
async fn register(
    network: &Network,
    registrant: &Identity,
    checkpoint: Option<PublicKey>,
    peer: Option<PublicKey>,
) -> Result<Included, ChainError> {
    let genesis = &network.chain.genesis_hash;
    let forged = SmallOrder.signature();
    let own = |role| registrant.possession(genesis, role);
    let call = tx(
        "ValidatorRegistry",
        "register",
        (
            Static(Compact(STAKE)),
            Static(checkpoint.unwrap_or(registrant.checkpoint_key())),
            Static(if checkpoint.is_some() { forged } else { own(KeyRole::Checkpoint) }),
            Static(peer.unwrap_or(registrant.peer_key())),
            Static(if peer.is_some() { forged } else { own(KeyRole::ValidatorPeer) }),
        ),
    );
    network.chain.call(&call, &registrant.account).await
}
