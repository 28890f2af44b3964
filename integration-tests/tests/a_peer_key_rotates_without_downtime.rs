//! A director takes a new peer key while it runs: the others know it at once by the new one, validators
//! come back to it, and no message is lost.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use anyhow::{Context, ensure};
use director_primitives::PublicKey;
use director_service::client::{DirectorAddress, directors_on_chain};
use integration_tests::{
    namespaces::{self, Knock, Net, PUBLIC_PORT, Plan, Site, World, knock},
    probe::Probe,
};
use serde_json::Value;
use std::{path::PathBuf, time::Duration};
use tokio::time::{Instant, timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(150);

/// Bounds a step.
const SOON: Duration = Duration::from_secs(30);

/// What a libp2p node says first.
const HELLO: &[u8] = b"\x13/multistream/1.0.0\n";

/// Host number that the first director gets as well, after its start.
const LATER: u16 = 11;

#[test]
fn a_peer_key_rotates_without_downtime() {
    namespaces::test(PATIENCE, run);
}

async fn run(dir: PathBuf) -> anyhow::Result<()> {
    let mut world = World::start(&dir, Plan::default()).await?;
    world.wait_until_linked(SOON).await?;
    let pid = world.sites[0].pid()?;
    let first = world.network.next_checkpoint();
    let address = Net::Public.with_prefix(LATER);
    let interface = Net::Public.interface();
    world.sites[0].namespace.ip(&[&format!("address add {address} dev {interface}")])?;

    let new = rotate(&world).await?;
    let started = Instant::now();
    for site in &world.sites[1..] {
        site.wait_for_status(SOON, |status| links_to(status, &new)).await?;
    }
    let itself = world.sites[0].wait_for_status(SOON, |status| is_active_as(status, &new)).await?;
    eprintln!("the others are linked to the new key {:?} after finalization", started.elapsed());
    ensure!(world.sites[0].pid()? == pid, "it was started again");

    world.wait_until_ready(SOON).await.context("validators after the rotation")?;
    let last = world.network.next_checkpoint() + 1;
    for checkpoint in first..=last {
        let votes = timeout(SOON, world.network.wait_for_all_votes(checkpoint)).await;
        votes
            .with_context(|| format!("votes of checkpoint {checkpoint} are lost: {itself:#}"))??;
    }
    let totals = world.network.shared.ledger().totals();
    ensure!(totals.duplicates == 0, "{totals:?}");

    the_new_key_serves(&world, new).await?;
    it_listens_everywhere_still(&world).await?;
    the_old_key_is_nobody(&world).await?;
    it_survives_a_restart(&mut world, new).await?;
    world.shutdown().await;
    Ok(())
}

/// Has the first director's operator rotate its key; the new one, finalized.
async fn rotate(world: &World) -> anyhow::Result<PublicKey> {
    let site = &world.sites[0];
    let old = site.key();
    let done = site.command(&["rotate-key"], &[]).await?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "`director rotate-key` says {said}");
    let account = site.identity.id();
    let mut finalized = world.chain().node.finalized();
    let rotated = finalized.wait_for(|snapshot| {
        let known = snapshot.as_ref().and_then(|snapshot| snapshot.director(&account));
        known.is_some_and(|director| director.peer_key != old)
    });
    let snapshot = timeout(SOON, rotated).await.context("not rotated on chain")??.clone();
    let director = snapshot.as_ref().and_then(|snapshot| snapshot.director(&account));
    Ok(director.context("it is a director")?.peer_key)
}

/// Whether a status has a director with this key as connected.
fn links_to(status: &Value, key: &PublicKey) -> bool {
    let peers = status["mesh"].as_array().map_or(&[][..], Vec::as_slice);
    peers.iter().any(|peer| peer["peer"] == hex::encode(key.0) && peer["connected"] == true)
}

fn is_active_as(status: &Value, key: &PublicKey) -> bool {
    status["active"] == true && status["peer_key"] == hex::encode(key.0)
}

/// A validator that knows no more than the chain enters with the new key.
async fn the_new_key_serves(world: &World, new: PublicKey) -> anyhow::Result<()> {
    let snapshot = world.chain().node.ready().await?;
    let listed: Vec<DirectorAddress> = directors_on_chain(&snapshot);
    let listed = listed.iter().find(|director| director.peer_key == new);
    let mut newcomer = world.newcomer("newcomer").await?;
    newcomer.register(world).await?;
    let enter = newcomer.enter(listed.context("it has an address on chain")?);
    timeout(SOON, enter).await.context("a newcomer does not get in")??;
    let admitted = timeout(SOON, newcomer.is_admitted(world, new)).await;
    admitted.context("a newcomer is not admitted")??;
    newcomer.probe.shutdown().await;
    Ok(())
}

/// What is configured is 0.0.0.0: also an address that the machine got after the director's start.
async fn it_listens_everywhere_still(world: &World) -> anyhow::Result<()> {
    let outside = world.other("outside")?;
    for host in [world.sites[0].host, LATER] {
        let at = (Net::Public.address(host), PUBLIC_PORT);
        let knocked = knock(&outside, at, HELLO, SOON).await?;
        ensure!(matches!(knocked, Knock::Answered(_)), "{at:?}: {knocked:?}");
    }
    Ok(())
}

/// Whoever has the old key is a stranger.
async fn the_old_key_is_nobody(world: &World) -> anyhow::Result<()> {
    let [first, second, ..] = world.sites.as_slice() else { panic!("too few directors") };
    let (identity, genesis) = (first.identity.clone(), world.chain().genesis_hash);
    let mut probe = Probe::start_in(&first.namespace, identity, genesis).await?;
    for address in [second.mesh(), second.public()] {
        let refused = timeout(SOON, probe.knock_at(second.key(), address.clone())).await??;
        ensure!(refused.is_some(), "the old key is let in at {address}");
    }
    probe.shutdown().await;
    Ok(())
}

/// Whichever of the two files it finds the chain's key in, it takes.
async fn it_survives_a_restart(world: &mut World, new: PublicKey) -> anyhow::Result<()> {
    world.sites[0].kill().await;
    world.sites[0].run().await?;
    let linked = |site: &Site| site.host != world.sites[0].host;
    for site in world.sites.iter().filter(|site| linked(site)) {
        site.wait_for_status(SOON, |status| links_to(status, &new)).await?;
    }
    world.sites[0].wait_for_status(SOON, |status| is_active_as(status, &new)).await?;
    let votes = world.network.wait_for_all_votes(world.network.next_checkpoint());
    timeout(SOON, votes).await.context("votes are lost after the restart")?
}
