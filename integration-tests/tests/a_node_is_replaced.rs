//! A director that knows several nodes goes on when the one in use drops, lags or is on a fork, never follows one of
//! another chain, and says all of that; and it says when its account has too little.

#![allow(clippy::unwrap_used)]

use director_service::chain::{Connection, Head, Node, Settings};
use integration_tests::{
    chain::{Chain, FEES},
    director::Director,
    keys::Identity,
    process::Managed,
    proxy::Proxy,
    upgrade::{SPEC_VERSION, built, with_version},
};
use serde_json::Value;
use std::{path::Path, time::Duration};
use tokio::time::{sleep, timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(150);

/// Bounds a wait for what a director says of itself.
const SOON: Duration = Duration::from_secs(45);

/// How often something is looked at that cannot be awaited.
const LOOK: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn a_director_changes_its_node_and_is_never_on_another_chain() {
    timeout(PATIENCE, drops()).await.expect("done within the bound");
}

async fn drops() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let chain = Chain::start(dir, 250).await.unwrap();
    let other = other_chain(dir).await;
    let [first, second] =
        [Proxy::start(&chain.url).await.unwrap(), Proxy::start(&chain.url).await.unwrap()];
    let identity = Identity::director(1);
    let urls = [first.url.as_str(), &second.url, &other.url];
    let director = Director::start_on_several(identity.clone(), dir, &urls).await.unwrap();
    director.wait_for_status(SOON, |of| uses(of, 0)).await.unwrap();

    // An account without money.
    let is_poor = |of: &Value| of["warnings"].to_string().contains("has 0 of the smallest unit");
    director.wait_for_status(SOON, is_poor).await.unwrap();
    assert!(director.page("readyz").await.unwrap().contains("chain.min_balance"));
    assert!(metric(&director, "director_account_low 1").await);
    director.process.wait_for_log("the account has less than it should", SOON).await.unwrap();

    // The one in use drops: the next.
    first.cut();
    let status = director.wait_for_status(SOON, |of| uses(of, 1)).await.unwrap();
    goes_on(&director, &status).await;
    assert!(metric(&director, "director_chain_endpoint_in_use{endpoint=\"1\"} 1").await);
    assert!(metric(&director, "director_chain_endpoint_in_use{endpoint=\"0\"} 0").await);
    assert!(metric(&director, "director_chain_endpoint_changes_total 1").await);

    // Nobody is left but a node of another chain.
    second.cut();
    let refused = |of: &Value| of["nodes"][2]["trouble"].to_string().contains("genesis");
    director
        .wait_for_status(SOON, |of| refused(of) && !of["ready"].as_bool().unwrap())
        .await
        .unwrap();
    let status = director.status().await.unwrap();
    assert!((0..3).all(|index| !uses(&status, index)), "{status:#}");
    first.mend();
    let status = director.wait_for_status(SOON, |of| uses(of, 0)).await.unwrap();
    goes_on(&director, &status).await;

    chain.fund(vec![(identity.id(), FEES)]).await.unwrap();
    director.wait_for_status(SOON, |of| !is_poor(of)).await.unwrap();
    director.process.wait_for_log("the account has enough again", SOON).await.unwrap();
    assert!(metric(&director, "director_account_low 0").await);

    director.stop().await;
    other.process.stop().await;
    chain.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lags_is_left_and_one_on_a_fork_is_not_taken() {
    timeout(PATIENCE, lags()).await.expect("done within the bound");
}

async fn lags() {
    let dir = tempfile::tempdir().unwrap();
    let [base, stale, forked] = ["base", "stale", "forked"].map(|name| dir.path().join(name));
    for copy in [&stale, &forked] {
        std::fs::create_dir(copy).unwrap();
    }
    let chain = Chain::start_in(dir.path(), &base, 50).await.unwrap();
    reaches(&chain.node, 5).await;
    chain.process.stop().await;
    for copy in [&stale, &forked] {
        copy_dir(&base.join("db"), &copy.join("db"));
    }

    // One that never finalizes anything more, one that goes its own way, and the one that everybody is on.
    let start = async |base: &Path, block_time_ms: u64, more: &[&str]| {
        let base_path = base.display().to_string();
        let arguments = [&["--base-path", base_path.as_str()][..], more].concat();
        Chain::start_with(&arguments, base, block_time_ms).await.unwrap()
    };
    let stale = start(&stale, 600_000, &["--finalize-after", "1000"]).await;
    let chain = start(&base, 200, &[]).await;
    let forked = start(&forked, 200, &[]).await;
    let known = reaches(&stale.node, 1).await;
    let urls = [&stale.url, &forked.url, &chain.url].map(String::clone);

    let settings = Settings {
        look_interval: LOOK,
        genesis_hash: Some(chain.genesis_hash),
        ..Settings::of_several(Vec::new())
    };
    let node =
        Node::start(Settings { urls: vec![urls[0].clone(), urls[2].clone()], ..settings.clone() });
    let node = node.unwrap();
    reaches(&node, known.number + 3).await;
    assert_eq!((node.endpoints().last(), node.endpoints().changes), (Some(1), 1));

    // Ahead or not, a node that has finalized something else is none to change to.
    let node = Node::start(Settings { urls: vec![urls[2].clone(), urls[1].clone()], ..settings });
    let node = node.unwrap();
    reaches(&node, known.number + 3).await;
    while !node.endpoints().all[1].trouble.as_ref().is_some_and(|why| why.contains("fork")) {
        sleep(LOOK).await;
    }
    chain.process.stop().await;
    // It knows no other: rather none than that one, however often it tries.
    let mut connection = node.connection();
    connection.wait_for(|of| *of != Connection::Connected).await.unwrap();
    for _ in 0..2 {
        connection.changed().await.unwrap();
    }
    assert_eq!(node.endpoints().last(), Some(0));

    for other in [stale, forked] {
        other.process.stop().await;
    }
}

/// A node whose first block has another runtime in it.
async fn other_chain(dir: &Path) -> Other {
    let runtime = dir.join("other.wasm");
    std::fs::write(&runtime, with_version(&built().unwrap(), SPEC_VERSION + 1).unwrap()).unwrap();
    let runtime = runtime.display().to_string();
    let arguments = ["--dev", "--runtime", &runtime, "--rpc-port", "0", "--exit-on-stdin-eof"];
    let arguments: Vec<_> = arguments.map(String::from).into();
    let program = integration_tests::process::sibling("mock-node").unwrap();
    let log = dir.join("other.log");
    let mut process = Managed::spawn("other", &program, &arguments, log).unwrap();
    let url = process.wait_for_line("ready rpc=", SOON).await.unwrap();
    Other { process, url }
}

struct Other {
    process: Managed,
    url: String,
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy_dir(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// Waits for a finalized block with this number or a later one.
async fn reaches(node: &Node, number: u64) -> Head {
    let mut head = node.head();
    let reached = head.wait_for(|head| head.is_some_and(|head| head.number >= number)).await;
    reached.unwrap().unwrap()
}

/// Waits until the director has heard of later blocks.
async fn goes_on(director: &Director, status: &Value) {
    let block = |of: &Value| of["finalized"]["number"].as_u64().unwrap();
    director.wait_for_status(SOON, |of| block(of) > block(status) + 1).await.unwrap();
}

fn uses(status: &Value, index: usize) -> bool {
    status["nodes"][index]["in_use"] == true
}

async fn metric(director: &Director, line: &str) -> bool {
    director.page("metrics").await.unwrap().lines().any(|of| of == line)
}
