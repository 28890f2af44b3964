//! A newcomer speaks within four blocks of its registration, though everybody lives in another network:
//! with all three directors, and with two of them. With one alone it does not, and both say why.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use anyhow::{Context, ensure};
use director_primitives::{
    Answer, PayloadKind, PublicKey, SignedEnvelope, runtime_api::ValidatorStatus,
};
use integration_tests::namespaces::{self, Newcomer, Plan, World};
use serde_json::Value;
use std::{path::PathBuf, time::Duration};
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(150);

/// Bounds a step.
const SOON: Duration = Duration::from_secs(30);

/// What all of it may take: from the block in which somebody registered to the newest block when all
/// others have its first message.
const MOST_BLOCKS: u64 = 4;

/// Long enough for a busy machine to do within some blocks what takes a fraction of a second.
const BLOCK_TIME_MS: u64 = 1_000;

/// The same when the director whose turn it is to submit may be the one that is down: the next one
/// waits two blocks.
const MOST_BLOCKS_WITHOUT_ONE: u64 = MOST_BLOCKS + 3;

/// Blocks in which one director alone gets nobody authorized.
const IN_VAIN: u64 = 6;

#[test]
fn authorization_in_separate_networks() {
    namespaces::test(PATIENCE, run);
}

async fn run(dir: PathBuf) -> anyhow::Result<()> {
    let mut world =
        World::start(&dir, Plan { block_time_ms: BLOCK_TIME_MS, ..Plan::default() }).await?;
    let mut first = world.newcomer("newcomer-1").await?;
    let took = speaks(&world, &mut first, 0).await.context("with three directors")?;
    ensure!(took <= MOST_BLOCKS, "it took {took} blocks");

    world.sites[2].kill().await;
    world.wait_until_ready(SOON).await?;
    let mut second = world.newcomer("newcomer-2").await?;
    let took = speaks(&world, &mut second, 1).await.context("with two directors")?;
    ensure!(took <= MOST_BLOCKS_WITHOUT_ONE, "it took {took} blocks");

    world.sites[1].kill().await;
    world.wait_until_ready(SOON).await?;
    let mut third = world.newcomer("newcomer-3").await?;
    one_alone_says_what_is_missing(&world, &mut third).await.context("with one director")?;

    // Nothing is lost by it: the next director that comes back gives the second approval.
    world.sites[1].run().await?;
    let home = world.sites[0].key();
    let admitted = async {
        while !third.probe.welcome(home).await?.authorized {}
        anyhow::Ok(())
    };
    timeout(SOON, admitted).await.context("not authorized after the second is back")??;
    is_heard(&world, &third, home).await?;

    for newcomer in [first, second, third] {
        newcomer.probe.shutdown().await;
    }
    let totals = world.network.shared.ledger().totals();
    ensure!(totals.duplicates == 0, "{totals:?}");
    world.shutdown().await;
    Ok(())
}

/// Blocks from its registration until all others have its first message.
async fn speaks(world: &World, newcomer: &mut Newcomer, director: usize) -> anyhow::Result<u64> {
    let site = &world.sites[director];
    let registered = newcomer.register(world).await?;
    let welcome = timeout(SOON, newcomer.enter(&site.for_clients())).await??;
    ensure!(!welcome.authorized, "a candidate is welcomed as authorized");
    timeout(SOON, newcomer.is_admitted(world, site.key())).await??;
    is_heard(world, newcomer, site.key()).await?;
    let now = world.chain().node.head().borrow().context("there are blocks")?;
    let took = now.number - registered.number;
    eprintln!("from registration to the first message: {took} blocks");
    Ok(took)
}

/// Has it say something that all validators must hear.
async fn is_heard(world: &World, newcomer: &Newcomer, director: PublicKey) -> anyhow::Result<()> {
    let said = opaque(newcomer);
    newcomer.probe.send(director, &said)?;
    timeout(SOON, world.network.wait_until_heard(&said)).await.context("nobody heard it")?
}

fn opaque(newcomer: &Newcomer) -> SignedEnvelope {
    let topic = b"test".to_vec().try_into().unwrap();
    newcomer.probe.envelope(1, PayloadKind::Opaque(topic), b"here I am".to_vec())
}

async fn one_alone_says_what_is_missing(
    world: &World,
    newcomer: &mut Newcomer,
) -> anyhow::Result<()> {
    let site = &world.sites[0];
    let registered = newcomer.register(world).await?;
    timeout(SOON, newcomer.enter(&site.for_clients())).await??;
    let answer = timeout(SOON, newcomer.apply(world, site.key())).await??;
    ensure!(answer == Answer::Approved { votes: 1, needed: 2 }, "it is answered {answer:?}");

    let mut head = world.chain().node.head();
    let later = registered.number + IN_VAIN;
    timeout(SOON, head.wait_for(|head| head.is_some_and(|of| of.number >= later))).await??;
    let on_chain = newcomer.on_chain(world).await?;
    ensure!(on_chain.status == ValidatorStatus::Candidate, "{on_chain:?}");
    site.running()?.wait_for_log("1 of 2", SOON).await?;
    let account = newcomer.identity.id().to_string();
    let says_so = |status: &Value| {
        let mut waiting = status["waiting"].as_array().into_iter().flatten();
        waiting.any(|of| of["validator"] == account && of["approvals"] == 1 && of["needed"] == 2)
    };
    site.wait_for_status(SOON, says_so).await.map(drop)
}
