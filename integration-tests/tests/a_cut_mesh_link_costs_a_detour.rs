//! The mesh between two of three directors is cut, silently, while validators speak: what one of the two passes on
//! reaches the other by the third; and the link comes back by itself.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use anyhow::{Context, ensure};
use integration_tests::{
    load::Load,
    namespaces::{self, Net, Plan, World},
};
use std::{path::PathBuf, time::Duration};
use tokio::time::{sleep, timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(150);

/// Bounds a step.
const SOON: Duration = Duration::from_secs(40);

/// How long the link is cut: longer than it takes to notice (10 s).
const CUT: Duration = Duration::from_secs(14);

/// Messages a second of all validators together.
const RATE: u64 = 150;

/// A detour is fast; this is for debug builds on a busy machine.
const FAST_MS: f64 = 4_000.0;

#[test]
fn a_cut_mesh_link_costs_a_detour() {
    namespaces::test(PATIENCE, run);
}

async fn run(dir: PathBuf) -> anyhow::Result<()> {
    let world = World::start(&dir, Plan { validators: 6, ..Plan::default() }).await?;
    world.wait_until_linked(SOON).await?;
    let load = Load::start(world.network.shared.clone(), RATE);
    sleep(Duration::from_secs(2)).await;
    world.network.shared.ledger().forget_latencies();

    route(&world, "add")?;
    sleep(CUT).await;
    let p99 = world.network.shared.ledger().latency_ms(0.99);
    eprintln!("while the link is cut, 99 of 100 deliveries take at most {p99:.1} ms");
    ensure!(p99 < FAST_MS, "{p99} ms");

    route(&world, "del")?;
    world.wait_until_linked(SOON).await.context("the link comes back")?;
    sleep(Duration::from_secs(1)).await;
    let published = load.stop().await;
    ensure!(published.refused == 0);
    let all =
        world.network.wait_until(|network| Ok(network.shared.ledger().totals().outstanding() == 0));
    let arrived = timeout(SOON, all).await;
    let totals = world.network.shared.ledger().totals();
    ensure!(arrived.is_ok(), "{totals:?}");
    ensure!(totals.duplicates == 0, "{totals:?}");
    let gaps = world.network.shared.progress().gaps.clone();
    ensure!(gaps.is_empty(), "{gaps:?}");
    world.shutdown().await;
    Ok(())
}

/// Makes packets between the first two directors vanish, or go through again.
fn route(world: &World, command: &str) -> anyhow::Result<()> {
    let [one, other] = [&world.sites[0], &world.sites[1]];
    for (from, to) in [(one, other), (other, one)] {
        let route = format!("route {command} blackhole {}", to.address(Net::Mesh));
        from.namespace.ip(&[&route])?;
    }
    Ok(())
}
