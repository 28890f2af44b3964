//! A node that says it has finalized more than there is: no other is left for it, and what was believed on its word alone
//! is dropped when another node goes on below it.

#![allow(clippy::unwrap_used)]

use director_service::chain::{Head, Node, Settings};
use integration_tests::{
    boaster::Boaster, chain::Chain, director::Director, keys::Identity, proxy::Proxy,
};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much too much is claimed.
const LEAD: u64 = 1_000_000;

/// How often something is looked at that cannot be awaited.
const LOOK: Duration = Duration::from_millis(100);

struct World {
    chain: Chain,
    honest: Proxy,
    liar: Boaster,
    _dir: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let chain = Chain::start(dir.path(), 250).await.unwrap();
        let honest = Proxy::start(&chain.url).await.unwrap();
        let liar = Boaster::start(&chain.url).await.unwrap();
        Self { chain, honest, liar, _dir: dir }
    }

    /// Follows these nodes, with little patience.
    fn follow(&self, urls: &[&str]) -> Node {
        let urls = urls.iter().map(|url| (*url).to_owned()).collect();
        let settings = Settings {
            genesis_hash: Some(self.chain.genesis_hash),
            look_interval: LOOK,
            patience: Duration::from_secs(3),
            ..Settings::of_several(urls)
        };
        Node::start(settings).unwrap()
    }

    async fn end(self) {
        self.chain.process.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_that_claims_too_much_is_not_followed() {
    timeout(PATIENCE, second()).await.expect("done within the bound");
}

async fn second() {
    let world = World::start().await;
    let node = world.follow(&[&world.honest.url, &world.liar.url]);
    let mut known = reaches(&node, |number| number > 1).await;
    world.liar.boast(LEAD);
    doubted(&node, 1).await;
    known = reaches(&node, |number| number > known.number + 10).await;
    assert_eq!((node.endpoints().last(), node.endpoints().changes), (Some(0), 0));

    // The honest one drops for a moment: nothing is taken from the other one in its place.
    world.honest.cut();
    while node.endpoints().last() != Some(1) {
        sleep(LOOK).await;
    }
    world.honest.mend();
    known = reaches(&node, |number| number > known.number + 10).await;
    assert!(known.number < LEAD);
    assert_eq!(node.endpoints().last(), Some(0));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_believed_on_one_word_is_dropped_when_another_node_is_back() {
    timeout(PATIENCE, back()).await.expect("done within the bound");
}

async fn back() {
    let world = World::start().await;
    let node = world.follow(&[&world.honest.url, &world.liar.url]);
    let known = reaches(&node, |number| number > 1).await;
    let mut blocks = node.blocks(Some(known.number));
    assert_eq!(blocks.next().await.number, known.number);
    world.liar.boast(LEAD);
    world.honest.cut();
    // Nobody else is there: rather this than nothing.
    reaches(&node, |number| number > LEAD).await;
    assert_eq!(node.endpoints().last(), Some(1));
    let mut all = node.blocks(None);
    assert!(all.next().await.number > LEAD);
    world.honest.mend();
    let real = reaches(&node, |number| number < LEAD).await;
    assert_eq!(node.endpoints().last(), Some(0));
    reaches(&node, |number| number > real.number + 5 && number < LEAD).await;
    // Who reads every block goes on with the real ones.
    while all.next().await.number > LEAD {}
    for number in known.number + 1..=real.number {
        assert_eq!(blocks.next().await.number, number);
    }
    doubted(&node, 1).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_node_may_jump_and_is_followed_when_it_comes_back() {
    timeout(PATIENCE, single()).await.expect("done within the bound");
}

async fn single() {
    let world = World::start().await;
    let node = world.follow(&[&world.liar.url]);
    reaches(&node, |number| number > 1).await;
    world.liar.boast(LEAD);
    let jumped = reaches(&node, |number| number > LEAD).await;
    reaches(&node, |number| number > jumped.number + 4).await;
    // It was the node's fault: it is not where it said.
    world.liar.boast(0);
    let real = reaches(&node, |number| number < LEAD).await;
    reaches(&node, |number| number > real.number + 4 && number < LEAD).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a director waits two minutes for a node that is below what it said"]
async fn a_director_begins_anew_from_the_real_head() {
    timeout(4 * PATIENCE, director()).await.expect("done within the bound");
}

async fn director() {
    let world = World::start().await;
    let dir = tempfile::tempdir().unwrap();
    let urls = [world.liar.url.as_str()];
    let director =
        Director::start_on_several(Identity::director(1), dir.path(), &urls).await.unwrap();
    let number = |status: &Value| status["finalized"]["number"].as_u64().unwrap_or_default();
    director.wait_for_status(PATIENCE, |of| number(of) > 1).await.unwrap();
    world.liar.boast(LEAD);
    director.wait_for_status(PATIENCE, |of| number(of) > LEAD).await.unwrap();
    world.liar.boast(0);
    let long = 2 * PATIENCE;
    let status = director.wait_for_status(long, |of| number(of) < LEAD).await.unwrap();
    director.process.wait_for_log("beginning anew", PATIENCE).await.unwrap();
    let goes_on = |of: &Value| (number(&status) + 5..LEAD).contains(&number(of));
    director.wait_for_status(PATIENCE, goes_on).await.unwrap();
    director.stop().await;
    world.end().await;
}

/// Waits for a finalized block with such a number.
async fn reaches(node: &Node, is_it: impl Fn(u64) -> bool) -> Head {
    let mut head = node.head();
    let reached = head.wait_for(|head| head.is_some_and(|head| is_it(head.number))).await;
    reached.unwrap().unwrap()
}

/// Waits until it is told that this node is not believed.
async fn doubted(node: &Node, index: usize) {
    let is_it = |trouble: &String| trouble.contains("more than time allows");
    while !node.endpoints().all[index].trouble.as_ref().is_some_and(is_it) {
        sleep(LOOK).await;
    }
}
