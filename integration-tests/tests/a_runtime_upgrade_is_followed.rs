//! The chain's runtime is replaced while directors run: they go on with the new one; and with one that they do not
//! know how to talk to they relay, submit nothing, and say so.

#![allow(clippy::unwrap_used)]

use integration_tests::{
    chain::{Chain, SlashEvent},
    director::Director,
    network::{Network, Plan},
    offender::Offender,
    upgrade::{SPEC_VERSION, built, with_call_renamed, with_version},
};
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(180);

/// Bounds a wait for what a director says of itself.
const SOON: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_upgrade_is_followed() {
    timeout(PATIENCE, run()).await.expect("done within the bound");
}

async fn run() {
    let dir = tempfile::tempdir().unwrap();
    let mut network = Network::start(&Plan::quick(3, dir.path()), |_| {}).await.unwrap();
    let mut offender = Offender::join(&network).await.unwrap();
    let code = built().unwrap();

    // The same interface.
    let next = SPEC_VERSION + 1;
    network.chain.set_code(with_version(&code, next).unwrap()).await.unwrap();
    for director in &network.directors {
        director.wait_for_status(SOON, |of| of["spec_version"] == next).await.unwrap();
        assert!(metric(director, &format!("director_chain_spec_version {next}")).await);
        assert!(metric(director, "director_chain_compatible 1").await);
    }
    let mut blocks = network.chain.node.blocks(None);
    let checkpoint = offender.double_sign(&network).await.unwrap();
    let proven = loop {
        let block = blocks.next().await;
        let events = network.chain.slash_events(block).await.unwrap();
        if let Some(event) = events.into_iter().next() {
            break event;
        }
    };
    let SlashEvent::Proven { validator, checkpoint: at, reporter, .. } = proven else {
        panic!("{proven:?}")
    };
    assert_eq!((validator, at), (offender.identity.id(), checkpoint));
    assert!(network.name_of(&reporter).starts_with("director-"));
    network.wait_for_all_votes(network.next_checkpoint()).await.unwrap();

    // A report has another name.
    let other = with_call_renamed(&code, "report_double_sign", "report_double_vote").unwrap();
    set_code(&network.chain, with_version(&other, next + 1).unwrap()).await;
    for director in &network.directors {
        director.wait_for_status(SOON, is_alarmed).await.unwrap();
        assert!(metric(director, "director_chain_compatible 0").await);
        let said = "relaying goes on, but nothing is submitted";
        director.process.wait_for_log(said, SOON).await.unwrap();
    }
    let page = network.directors[0].page("readyz").await.unwrap();
    assert!(page.contains("SlashingEvidence.report_double_sign is missing"), "{page}");
    let before = finalized(&network.directors[0]).await;
    network.wait_for_all_votes(network.next_checkpoint()).await.unwrap();
    network.wait_for_all_votes(network.next_checkpoint()).await.unwrap();
    assert!(finalized(&network.directors[0]).await > before, "the chain is followed");
    network.check_alive().unwrap();

    offender.shutdown().await;
    network.shutdown().await;
}

/// The client here does not know the new runtime either, once it is there.
async fn set_code(chain: &Chain, code: Vec<u8>) {
    let sent = chain.set_code(code).await;
    assert!(sent.is_ok(), "{sent:?}");
}

fn is_alarmed(status: &Value) -> bool {
    status["ready"] == false && status["not_ready"].to_string().contains("submitting nothing")
}

async fn finalized(director: &Director) -> u64 {
    director.status().await.unwrap()["finalized"]["number"].as_u64().unwrap()
}

async fn metric(director: &Director, line: &str) -> bool {
    director.page("metrics").await.unwrap().lines().any(|of| of == line)
}
