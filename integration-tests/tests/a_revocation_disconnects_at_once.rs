//! Two of three directors revoke a validator, and all three disconnect it at once, before the chain has
//! heard of it; one alone only shuts its own door.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use anyhow::{Context, bail, ensure};
use director_primitives::{Answer, PayloadKind, PublicKey, runtime_api::ValidatorStatus};
use integration_tests::namespaces::{self, Newcomer, Plan, Site, World};
use std::{path::PathBuf, process::Output, time::Duration};
use tokio::{
    process::Command,
    time::{Instant, timeout},
};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(150);

/// Bounds a step.
const SOON: Duration = Duration::from_secs(30);

/// From the second director's word to the last director's disconnect. The node stands still meanwhile, so that it is
/// not the chain's doing; how long it took is printed. A busy machine needs most of this to start the command.
const AT_ONCE: Duration = Duration::from_secs(15);

/// Blocks in which one director's word changes nothing elsewhere.
const IN_VAIN: u64 = 6;

#[test]
fn a_revocation_disconnects_at_once() {
    namespaces::test(PATIENCE, run);
}

async fn run(dir: PathBuf) -> anyhow::Result<()> {
    let world = World::start(&dir, Plan::default()).await?;
    world.wait_until_linked(SOON).await?;
    let mut validator = world.newcomer("unwanted").await?;
    validator.register(&world).await?;
    for site in &world.sites {
        timeout(SOON, validator.enter(&site.for_clients())).await??;
    }
    let keys: Vec<PublicKey> = world.sites.iter().map(Site::key).collect();
    timeout(SOON, validator.is_admitted(&world, keys[2])).await??;
    keys.iter().for_each(|key| validator.probe.stay_away(key));

    one_alone_shuts_its_own_door(&world, &mut validator, &keys).await?;
    at_the_threshold_all_doors_shut(&world, &mut validator, &keys).await?;
    the_chain_hears_of_it(&world, &mut validator).await?;

    validator.probe.shutdown().await;
    ensure!(world.network.shared.ledger().totals().duplicates == 0);
    world.shutdown().await;
    Ok(())
}

async fn one_alone_shuts_its_own_door(
    world: &World,
    validator: &mut Newcomer,
    keys: &[PublicKey],
) -> anyhow::Result<()> {
    succeeded(&revoke(&world.sites[0], validator).await?)?;
    timeout(SOON, validator.probe.is_cut_off(&keys[0])).await.context("it is served still")??;
    let told = async {
        loop {
            match validator.probe.answer(keys[0]).await? {
                // From when it was a candidate.
                Answer::Approved { .. } | Answer::AlreadyAuthorized => {}
                Answer::Revoked(_) => return anyhow::Ok(()),
                other => bail!("it is told {other:?}"),
            }
        }
    };
    timeout(SOON, told).await.context("it is not told why")??;

    let mut head = world.chain().node.head();
    let later = head.borrow().context("there are blocks")?.number + IN_VAIN;
    timeout(SOON, head.wait_for(|head| head.is_some_and(|of| of.number >= later))).await??;
    let on_chain = validator.on_chain(world).await?;
    ensure!(on_chain.status == ValidatorStatus::Authorized, "{on_chain:?}");
    ensure!(keys[1..].iter().all(|key| validator.probe.is_connected(key)));
    let topic = b"test".to_vec().try_into().unwrap();
    let said = validator.probe.envelope(1, PayloadKind::Opaque(topic), b"still here".to_vec());
    validator.probe.send(keys[2], &said)?;
    let heard = timeout(SOON, world.network.wait_until_heard(&said)).await;
    heard.context("one director alone has silenced it")?
}

async fn at_the_threshold_all_doors_shut(
    world: &World,
    validator: &mut Newcomer,
    keys: &[PublicKey],
) -> anyhow::Result<()> {
    // The node holds still: nothing can be finalized.
    signal(world, "STOP").await?;
    // What is measured has the command's own start in it.
    let started = Instant::now();
    let revoked = revoke(&world.sites[1], validator).await?;
    for key in &keys[1..] {
        let left = AT_ONCE.saturating_sub(started.elapsed());
        let cut_off = timeout(left, validator.probe.is_cut_off(key)).await;
        cut_off.context("still connected after the second revocation")??;
    }
    eprintln!("cut off by all {:?} after `director revoke` was started", started.elapsed());
    signal(world, "CONT").await?;
    succeeded(&revoked)
}

async fn the_chain_hears_of_it(world: &World, validator: &mut Newcomer) -> anyhow::Result<()> {
    let mut head = world.chain().node.head();
    let revoked = async {
        while validator.on_chain(world).await?.status != ValidatorStatus::Revoked {
            head.changed().await?;
        }
        anyhow::Ok(())
    };
    timeout(SOON, revoked).await.context("the chain has not revoked it")??;
    for site in &world.sites {
        let refused = timeout(SOON, validator.probe.knock_at(site.key(), site.public())).await??;
        ensure!(refused.is_some(), "{} lets it in again", site.identity.name);
    }
    let votes = world.network.wait_for_all_votes(world.network.next_checkpoint());
    timeout(SOON, votes).await.context("votes are lost")?
}

async fn revoke(site: &Site, validator: &Newcomer) -> anyhow::Result<Output> {
    let account = validator.identity.id().to_string();
    site.command(&["revoke"], &["--validator", &account]).await
}

fn succeeded(output: &Output) -> anyhow::Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`director revoke` says {said}");
    Ok(())
}

/// Stops the node's process, or lets it go on. It ends with the test in either state.
async fn signal(world: &World, name: &str) -> anyhow::Result<()> {
    let pid = world.chain().process.pid().context("the node has ended")?.to_string();
    let done = Command::new("kill").args(["-s", name, &pid]).status().await?;
    ensure!(done.success());
    Ok(())
}
