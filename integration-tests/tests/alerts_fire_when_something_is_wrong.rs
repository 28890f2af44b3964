//! The alerts of `deploy/prometheus` in a real Prometheus, without their `for:`: none fires while all is well; each fires upon the
//! fault that it is about, of real directors on a real chain, and but for the last two, and a double sign, ends with it.
//!
//! What fires here: `DirectorBalanceLow`, `DirectorStoreFailing`, `DirectorChainSilent`, `DirectorEvidenceOpen`,
//! `DirectorEvidenceStuck`, `DirectorDoubleSign`, `DirectorNoCertificates`, `DirectorDown`, `DirectorMeshLinkDown`,
//! `DirectorNotReady` and `DirectorInactive`. All of them are tested by made-up series as well (`promtool test rules`).
//!
//! Prometheus is optional: without it this test says that it is skipped, unless `REQUIRE_PROMETHEUS` is set.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use anyhow::ensure;
use integration_tests::{
    chain::{FEES, UNIT, dev_account},
    network::{Network, Plan},
    offender::Offender,
    prometheus::{self, Prometheus},
};
use std::{env, path::Path, time::Duration};
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(600);

/// Bounds a step.
const SOON: Duration = Duration::from_secs(60);

/// Of the store this has the first page; not enough to write anything.
const FULL: u64 = 4_096;

/// What an account has left that cannot pay for long.
const LITTLE: u128 = UNIT / 100;

const VALIDATORS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn alerts_fire_when_something_is_wrong() {
    if !prometheus::is_there() {
        assert!(env::var_os("REQUIRE_PROMETHEUS").is_none(), "there is no prometheus");
        return eprintln!("SKIPPED: needs Prometheus (apt-get install prometheus)");
    }
    timeout(PATIENCE, run()).await.expect("done within the bound").unwrap();
}

async fn run() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    // The chain lets nobody remove one of three.
    let plan = Plan { directors: 4, ..Plan::quick(VALIDATORS, dir.path()) };
    let mut network = Network::start(&plan, |_| {}).await?;
    let mut offender = Offender::join(&network).await?;
    for director in &network.directors {
        director.wait_until_ready(SOON).await?;
    }
    let prometheus = Prometheus::start(dir.path(), &network.directors, SOON).await?;
    prometheus.has_judged(SOON).await?;
    let firing = prometheus.firing().await?;
    ensure!(firing.is_empty(), "{firing:?} fire while all is well");

    an_account_is_emptied(&network, &prometheus).await?;
    a_disk_is_full(&network, &prometheus).await?;
    the_chain_stands_still(&network, &mut offender, &prometheus).await?;
    validators_are_silent(&network, &prometheus).await?;
    a_director_dies(&mut network, dir.path(), &prometheus).await?;
    a_director_is_removed(&network, &prometheus).await?;

    prometheus.end().await;
    offender.shutdown().await;
    network.shutdown().await;
    Ok(())
}

async fn an_account_is_emptied(network: &Network, prometheus: &Prometheus) -> anyhow::Result<()> {
    let (chain, director) = (&network.chain, &network.directors[0].identity);
    chain.empty(&director.account, &dev_account("Ferdie").id(), LITTLE).await?;
    prometheus.fires(&["DirectorBalanceLow"], SOON).await?;
    chain.fund(vec![(director.id(), FEES)]).await?;
    prometheus.is_calm(&["DirectorBalanceLow"], SOON).await
}

async fn a_disk_is_full(network: &Network, prometheus: &Prometheus) -> anyhow::Result<()> {
    let director = &network.directors[0];
    director.limit_files(Some(FULL))?;
    prometheus.fires(&["DirectorStoreFailing"], SOON).await?;
    director.limit_files(None)?;
    prometheus.is_calm(&["DirectorStoreFailing"], SOON).await?;
    director.wait_until_ready(SOON).await
}

/// And meanwhile a validator signs twice.
async fn the_chain_stands_still(
    network: &Network,
    offender: &mut Offender,
    prometheus: &Prometheus,
) -> anyhow::Result<()> {
    let node = &network.chain.process;
    // Its newest block is asked for before it stands still.
    let votes = offender.two_votes(network).await?;
    node.signal("STOP")?;
    offender.send(network, &votes)?;
    let alerts = ["DirectorChainSilent", "DirectorEvidenceOpen", "DirectorEvidenceStuck"];
    prometheus.fires(&alerts, SOON).await?;
    prometheus.fires(&["DirectorDoubleSign"], SOON).await?;
    node.signal("CONT")?;
    // The double sign stays worth a look for ten minutes.
    prometheus.is_calm(&alerts, SOON).await
}

async fn validators_are_silent(network: &Network, prometheus: &Prometheus) -> anyhow::Result<()> {
    network.pause_votes();
    prometheus.fires(&["DirectorNoCertificates"], SOON).await?;
    network.vote();
    // Of the last eight checkpoints.
    prometheus.is_calm(&["DirectorNoCertificates"], SOON).await
}

async fn a_director_dies(
    network: &mut Network,
    dir: &Path,
    prometheus: &Prometheus,
) -> anyhow::Result<()> {
    let alerts = ["DirectorDown", "DirectorMeshLinkDown"];
    let killed = network.directors.remove(2).kill().await;
    prometheus.fires(&alerts, SOON).await?;
    // At the port at which it is watched.
    network.directors.push(killed.restart_at_its_page(dir).await?);
    prometheus.is_calm(&alerts, SOON).await
}

async fn a_director_is_removed(network: &Network, prometheus: &Prometheus) -> anyhow::Result<()> {
    network.chain.remove_director(&network.directors[2].identity.id()).await?;
    prometheus.fires(&["DirectorInactive", "DirectorNotReady"], SOON).await
}
