//! A director that the council adds is joined by all others at once; one that it removes is cut off by
//! all, and its word counts no more.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use anyhow::{Context, ensure};
use director_primitives::{Decision, Snapshot, runtime_api::ValidatorStatus};
use integration_tests::{
    chain::FEES,
    keys::Identity,
    namespaces::{self, MESH_PORT, Plan, Site, World, established},
    probe::Probe,
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(150);

/// Bounds a step.
const SOON: Duration = Duration::from_secs(30);

/// From finalization until all others have cut off one that was removed: before silence would have done so. How long
/// it takes is printed; this is for debug builds on a busy machine.
const CUT_OFF: Duration = Duration::from_secs(8);

/// How often the kernel's table is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Host number of the director that is added.
const FOURTH: u16 = 4;

/// Blocks in which too few votes get nobody authorized.
const IN_VAIN: u64 = 4;

#[test]
fn directors_come_and_go_by_governance() {
    namespaces::test(PATIENCE, run);
}

async fn run(dir: PathBuf) -> anyhow::Result<()> {
    let mut world = World::start(&dir, Plan::default()).await?;
    world.wait_until_linked(SOON).await?;
    let pids = world.sites.iter().map(Site::pid).collect::<anyhow::Result<Vec<_>>>()?;

    a_new_one_is_joined(&mut world).await?;
    world.network.wait_for_all_votes(world.network.next_checkpoint()).await?;

    let removed = one_is_cut_off(&mut world).await?;
    world.wait_until_ready(SOON).await?;
    world.wait_until_linked(SOON).await?;
    world.network.wait_for_all_votes(world.network.next_checkpoint()).await?;
    its_key_opens_nothing(&world, &removed).await?;
    its_vote_counts_for_nothing(&world, &removed.identity).await?;

    let now = world.sites.iter().map(Site::pid).collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(now[..2] == [pids[0], pids[2]], "somebody was started again");
    ensure!(world.network.shared.ledger().totals().duplicates == 0);
    world.shutdown().await;
    drop(removed);
    Ok(())
}

async fn a_new_one_is_joined(world: &mut World) -> anyhow::Result<()> {
    let identity = Identity::director(usize::from(FOURTH));
    let (id, node) = (identity.id(), world.node()?);
    let site = Site::start(&world.lan, identity, FOURTH, world.dir(), node).await?;
    ensure!(
        established(site.pid()?, MESH_PORT)?.is_empty(),
        "somebody connects to one not invited"
    );
    let chain = world.chain();
    let invited = [id.clone()];
    let funds = vec![(id.clone(), FEES)];
    tokio::try_join!(chain.fund(funds), chain.invite_directors(&invited))?;
    ensure!(established(site.pid()?, MESH_PORT)?.is_empty(), "somebody connects to one not active");

    let finalized = finalized_when(world, move |snapshot| snapshot.director(&id).is_some());
    world.chain().activate_at(&site.identity, site.endpoints()).await?;
    world.sites.push(site);
    let finalized = timeout(SOON, finalized).await???;
    world.wait_until_linked(SOON).await.context("after the activation was finalized")?;
    eprintln!(
        "a new director is joined by all others {:?} after finalization",
        finalized.elapsed()
    );
    Ok(())
}

/// Removes the second director.
async fn one_is_cut_off(world: &mut World) -> anyhow::Result<Site> {
    let removed = world.sites.remove(1);
    let (id, pid) = (removed.identity.id(), removed.pid()?);
    let connected = async {
        // Two directors that dial each other at once have two connections for a moment.
        while established(pid, MESH_PORT)?.len() != 3 {
            sleep(LOOK).await;
        }
        anyhow::Ok(())
    };
    timeout(SOON, connected).await.context("it is not connected to all others")??;
    let (gone, account) = (id.clone(), id.clone());
    let finalized = finalized_when(world, move |snapshot| snapshot.director(&gone).is_none());
    let cut_off = async {
        let finalized = finalized.await??;
        while !established(pid, MESH_PORT)?.is_empty() {
            ensure!(
                finalized.elapsed() < CUT_OFF,
                "still connected {CUT_OFF:?} after finalization"
            );
            sleep(LOOK).await;
        }
        Ok(finalized.elapsed())
    };
    let (_, took) = tokio::try_join!(world.chain().remove_director(&account), cut_off)?;
    eprintln!("a removed director has no link left {took:?} after finalization");
    Ok(removed)
}

/// Neither from where it lives nor from where a director lives.
async fn its_key_opens_nothing(world: &World, removed: &Site) -> anyhow::Result<()> {
    let genesis = world.chain().genesis_hash;
    let [first, second, ..] = world.sites.as_slice() else { panic!("too few directors") };
    for home in [&removed.namespace, &second.namespace] {
        let mut probe = Probe::start_in(home, removed.identity.clone(), genesis).await?;
        for address in [first.mesh(), first.public()] {
            let refused = timeout(SOON, probe.knock_at(first.key(), address.clone())).await??;
            ensure!(refused.is_some(), "it is let in at {address}");
        }
        ensure!(probe.told.is_empty() && probe.received.is_empty());
        probe.shutdown().await;
    }
    ensure!(established(removed.pid()?, MESH_PORT)?.is_empty(), "it came back");
    Ok(())
}

/// Its approval and another's are one, and two are needed.
async fn its_vote_counts_for_nothing(world: &World, removed: &Identity) -> anyhow::Result<()> {
    let newcomer = world.newcomer("newcomer").await?;
    newcomer.register(world).await?;
    let (chain, sender) = (world.chain(), &newcomer.identity.account);
    let other = &world.sites[0].identity;
    let account = newcomer.identity.id();
    let votes = [removed, other];
    // Whether the chain refuses the call or passes over the vote is its own business.
    let _ = chain.submit_votes(&account, Decision::Approve, &votes, sender).await;
    let mut head = chain.node.head();
    let later = head.borrow().context("there are blocks")?.number + IN_VAIN;
    timeout(SOON, head.wait_for(|head| head.is_some_and(|of| of.number >= later))).await??;
    let status = newcomer.on_chain(world).await?.status;
    ensure!(status == ValidatorStatus::Candidate, "a removed director's vote counts: {status:?}");

    let votes = [&world.sites[1].identity, other];
    chain.submit_votes(&account, Decision::Approve, &votes, sender).await?;
    let status = newcomer.on_chain(world).await?.status;
    ensure!(status == ValidatorStatus::Authorized, "two directors' votes do not: {status:?}");
    newcomer.probe.shutdown().await;
    Ok(())
}

/// When the test's own follower of the chain hears of it.
fn finalized_when(
    world: &World,
    holds: impl Fn(&Snapshot) -> bool + Send + Sync + 'static,
) -> JoinHandle<anyhow::Result<Instant>> {
    let mut finalized = world.chain().node.finalized();
    tokio::spawn(async move {
        let known = |snapshot: &Option<Arc<Snapshot>>| snapshot.as_deref().is_some_and(&holds);
        finalized.wait_for(known).await?;
        Ok(Instant::now())
    })
}
