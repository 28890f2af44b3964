//! Ten thousand connection attempts a minute from strangers, half a dozen addresses at once, cost no
//! validator a message or its connection, and a director next to no memory and little time.
//!
//! What it does to latency is printed here and only roughly bounded: `cargo xtask bench relay` measures.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use anyhow::{Context, ensure};
use integration_tests::namespaces::{
    self, Crowd, PUBLIC_PORT, Plan, Site, World, cpu_time, established,
};
use std::{path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(150);

/// Bounds a step.
const SOON: Duration = Duration::from_secs(30);

/// How long the strangers knock at least.
const FLOOD: Duration = Duration::from_secs(15);

/// Ten thousand a minute.
const PER_S: u32 = 167;

/// How often they knock at least for the test to say something: on a busy machine they take longer.
const LEAST: u64 = 2_000;

/// Addresses that they come from.
const HOMES: usize = 6;

/// Checkpoints before the strangers come, to compare with.
const QUIET_CHECKPOINTS: u64 = 5;

/// What p99 may become, in milliseconds and in times of what it was: far more than it should.
const WORST_P99_MS: f64 = 2_000.0;
const WORST_P99_TIMES: f64 = 10.0;

/// What a director may have more of memory afterwards, in KiB. A stranger costs less than 64 KiB while
/// it is there, and a director lets 512 of them be there.
const MOST_KIB: u64 = 16 * 1024;

/// What one attempt may cost a director, of the processor's time.
const MOST_CPU: Duration = Duration::from_millis(6);

#[test]
fn a_flood_of_strangers_changes_nothing() {
    namespaces::test(PATIENCE, run);
}

async fn run(dir: PathBuf) -> anyhow::Result<()> {
    let world = World::start(&dir, Plan { block_time_ms: 250, ..Plan::default() }).await?;
    let target = &world.sites[0];
    let homes = (1..=HOMES).map(|n| world.other(&format!("stranger-{n}")));
    let homes = homes.collect::<anyhow::Result<Vec<_>>>()?;

    let first = world.network.next_checkpoint();
    wait_for_votes(&world, first, first + QUIET_CHECKPOINTS).await?;
    let quiet = p99(&world);
    let (cpu, rss) = (cpu_time(target.pid()?)?, rss(target)?);
    let connections = world.network.shared.progress().ready.clone();
    // Of validators that have it as primary or as standby.
    let served = established(target.pid()?, PUBLIC_PORT)?.len();
    world.network.shared.ledger().forget_latencies();

    let started = Instant::now();
    let crowd = Crowd::start(&homes, target, world.chain().genesis_hash, PER_S);
    let mut most_sockets = 0;
    let from = world.network.next_checkpoint();
    while started.elapsed() < FLOOD || crowd.attempts().tried < LEAST {
        most_sockets = most_sockets.max(established(target.pid()?, PUBLIC_PORT)?.len());
        sleep(Duration::from_millis(100)).await;
    }
    let (attempts, seconds) = (crowd.attempts(), started.elapsed().as_secs_f64());
    drop(crowd);
    wait_for_votes(&world, from, world.network.next_checkpoint()).await?;
    let (loud, used) = (p99(&world), cpu_time(target.pid()?)?.saturating_sub(cpu));
    let grown = rss_after(target, rss)?;

    eprintln!(
        "{} attempts, {:.0} a second, {} of them refused with their key; at most {most_sockets} sockets; \
         the director used {used:?}, grew by {grown} KiB; p99 {quiet:.1} ms before, {loud:.1} ms then",
        attempts.tried,
        attempts.tried as f64 / seconds,
        attempts.turned_away,
    );
    ensure!(attempts.let_in == 0, "strangers are let in: {attempts:?}");
    ensure!(loud < WORST_P99_MS.max(quiet * WORST_P99_TIMES), "p99 was {quiet} ms, is {loud} ms");
    ensure!(used < MOST_CPU * attempts.tried as u32, "an attempt costs too much: {used:?} in all");
    ensure!(grown < MOST_KIB, "the director has grown by {grown} KiB");
    let now = world.network.shared.progress().ready.clone();
    ensure!(now == connections, "validators have lost their connection: {connections:?}, {now:?}");
    target.wait_for_status(SOON, |of| of["ready"] == true).await?;

    nothing_is_left(target, served).await?;
    world.shutdown().await;
    Ok(())
}

/// Waits until all votes of these checkpoints are where they belong.
async fn wait_for_votes(world: &World, first: u64, last: u64) -> anyhow::Result<()> {
    for checkpoint in first..=last {
        let votes = timeout(SOON, world.network.wait_for_all_votes(checkpoint)).await;
        votes.with_context(|| format!("votes of checkpoint {checkpoint} are lost"))??;
    }
    let totals = world.network.shared.ledger().totals();
    ensure!(totals.duplicates == 0, "{totals:?}");
    Ok(())
}

fn p99(world: &World) -> f64 {
    world.network.shared.ledger().latency_ms(0.99)
}

fn rss(site: &Site) -> anyhow::Result<u64> {
    site.running()?.rss_kib().context("the kernel does not say")
}

fn rss_after(site: &Site, before: u64) -> anyhow::Result<u64> {
    Ok(rss(site)?.saturating_sub(before))
}

/// Whether only the validators' connections are there, once the strangers' sockets are closed.
async fn nothing_is_left(site: &Site, validators: usize) -> anyhow::Result<()> {
    let pid = site.pid()?;
    let closed = async {
        while established(pid, PUBLIC_PORT)?.len() != validators {
            sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    timeout(SOON, closed).await.context("strangers' sockets are left")?
}
