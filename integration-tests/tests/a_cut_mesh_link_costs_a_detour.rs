//! The mesh between two of three directors is cut, silently, while validators speak: what one of the two passes on
//! reaches the other by the third; and the link comes back by itself.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use anyhow::{Context, ensure};
use integration_tests::{
    load::Load,
    namespaces::{self, Plan, World},
    trial::{Fault, Setting, Trial},
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

    world.cut_mesh(0, 1)?;
    sleep(CUT).await;
    let p99 = world.network.shared.ledger().latency_ms(0.99);
    eprintln!("while the link is cut, 99 of 100 deliveries take at most {p99:.1} ms");
    ensure!(p99 < FAST_MS, "{p99} ms");

    world.mend_mesh(0, 1)?;
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

/// As `cargo xtask bench failover --faults cut` has it, whose bounds are for releases: it is over before anybody notices.
#[test]
fn one_that_is_cut_for_a_moment_too() {
    namespaces::test(PATIENCE, run_trial);
}

async fn run_trial(dir: PathBuf) -> anyhow::Result<()> {
    let setting = Setting {
        directors: 3,
        validators: 6,
        per_s: RATE,
        check_signatures: true,
        churn: false,
        apart: true,
        block_time_ms: 500,
        away: Duration::ZERO,
        dir,
    };
    let mut trial = Trial::start(&setting).await?;
    trial.happen(Fault::Cut).await?;
    let outcome = trial.end().await?;
    eprintln!("{outcome:?}");
    ensure!(outcome.is_whole(), "{outcome:?}");
    let [_, p99, longest] = outcome.latency_ms;
    ensure!(p99 < FAST_MS && longest > 0.0, "{outcome:?}");
    Ok(())
}
