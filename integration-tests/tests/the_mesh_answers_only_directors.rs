//! Nobody but a director gets a byte out of the mesh port, and it is open on the private interface
//! alone; the director follows that interface when it comes late and when its address changes.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use anyhow::{Context, ensure};
use integration_tests::{
    keys::Identity,
    namespaces::{
        self, Knock, MESH_PORT, Namespace, Net, PUBLIC_PORT, Plan, Site, World, established, knock,
        listeners,
    },
    probe::Probe,
};
use serde_json::Value;
use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(150);

/// Bounds a step.
const SOON: Duration = Duration::from_secs(30);

/// How long an answer is waited for: longer than a handshake may take.
const LONG: Duration = Duration::from_secs(15);

/// A stranger that the address gives away is closed at once, not when its handshake takes too long.
const AT_ONCE: Duration = Duration::from_secs(7);

/// From the new address on chain until everybody is connected there: a dead connection is found by ten
/// seconds of silence, and dialed anew with back-off.
const FOUND: Duration = Duration::from_secs(80);

/// How often the kernel's table is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What a libp2p node says first.
const HELLO: &[u8] = b"\x13/multistream/1.0.0\n\x07/noise\n";

/// A host in the directors' network that is no director.
const STRANGER: u16 = 99;

/// Hosts that a director gets later.
const MOVED: u16 = 11;
const LATE: u16 = 4;

#[test]
fn the_mesh_answers_only_directors() {
    namespaces::test(PATIENCE, run);
}

async fn run(dir: PathBuf) -> anyhow::Result<()> {
    let mut world = World::start(&dir, Plan::default()).await?;
    world.wait_until_linked(SOON).await?;

    a_stranger_in_the_mesh_reads_nothing(&world).await?;
    the_port_is_open_on_one_interface(&world).await?;
    a_way_round_leads_nowhere(&world).await?;
    a_validators_key_opens_nothing(&world).await?;
    an_interface_is_waited_for(&world).await?;
    an_address_changes(&mut world).await?;

    ensure!(world.network.shared.ledger().totals().duplicates == 0);
    world.shutdown().await;
    Ok(())
}

async fn a_stranger_in_the_mesh_reads_nothing(world: &World) -> anyhow::Result<()> {
    let stranger = world.lan.namespace("mesh-stranger", &[(Net::Mesh, STRANGER)])?;
    for site in &world.sites {
        is_closed_at_once(&stranger, site.address(Net::Mesh)).await?;
    }
    // With the right key, too: where it is used from is wrong.
    let [first, second, ..] = world.sites.as_slice() else { panic!("too few directors") };
    let (identity, genesis) = (second.identity.clone(), world.chain().genesis_hash);
    let mut probe = Probe::start_in(&stranger, identity, genesis).await?;
    let refused = timeout(SOON, probe.knock_at(first.key(), first.mesh())).await??;
    ensure!(refused.is_some(), "a director's key opens the mesh from anywhere");
    ensure!(probe.told.is_empty() && probe.received.is_empty());
    probe.shutdown().await;
    Ok(())
}

/// Whether a connection to the mesh port from there ends at once, without a byte.
async fn is_closed_at_once(from: &Namespace, at: Ipv4Addr) -> anyhow::Result<()> {
    let openings: [&[u8]; 3] = [HELLO, b"GET / HTTP/1.0\r\n\r\n", b""];
    for first in openings {
        let knocked = knock(from, (at, MESH_PORT), first, LONG).await?;
        let Knock::Closed(after) = knocked else {
            anyhow::bail!("{} gets {knocked:?} from the mesh at {at}", from.name())
        };
        ensure!(after < AT_ONCE, "{} is closed at {at} after {after:?} only", from.name());
    }
    Ok(())
}

async fn the_port_is_open_on_one_interface(world: &World) -> anyhow::Result<()> {
    let outside = world.other("outside")?;
    for site in &world.sites {
        let public = site.address(Net::Public);
        let refused = [
            (&outside, public, MESH_PORT),
            (&site.namespace, public, MESH_PORT),
            (&site.namespace, Ipv4Addr::LOCALHOST, MESH_PORT),
        ];
        for (from, at, port) in refused {
            let knocked = knock(from, (at, port), HELLO, LONG).await?;
            ensure!(knocked == Knock::Refused, "{}: {at}:{port} {knocked:?}", from.name());
        }
        let knocked = knock(&outside, (public, PUBLIC_PORT), HELLO, LONG).await?;
        ensure!(matches!(knocked, Knock::Answered(_)), "the public port: {knocked:?}");

        let mesh: Vec<IpAddr> = listening_at(site, MESH_PORT)?;
        ensure!(mesh == [IpAddr::from(site.address(Net::Mesh))], "the mesh listens at {mesh:?}");
    }
    Ok(())
}

/// Linux takes packets for any address of the machine on any interface: somebody in the public network
/// may name a director as its router to the private one.
async fn a_way_round_leads_nowhere(world: &World) -> anyhow::Result<()> {
    let outside = world.other("sneak")?;
    let [first, second, ..] = world.sites.as_slice() else { panic!("too few directors") };
    let router = first.address(Net::Public);
    outside.ip(&[&format!("route add 100.64.0.0/10 via {router}")])?;
    for at in [first.address(Net::Mesh), second.address(Net::Mesh)] {
        let knocked = knock(&outside, (at, MESH_PORT), HELLO, Duration::from_secs(3)).await?;
        let nothing = match knocked {
            Knock::Unreachable | Knock::Refused => true,
            Knock::Closed(after) => after < AT_ONCE,
            Knock::Answered(_) | Knock::Silence => false,
        };
        ensure!(nothing, "from the public network {at} answers {knocked:?}");
    }
    Ok(())
}

async fn a_validators_key_opens_nothing(world: &World) -> anyhow::Result<()> {
    // Where a director lives, so that the address says nothing against it.
    let [first, second, ..] = world.sites.as_slice() else { panic!("too few directors") };
    let genesis = world.chain().genesis_hash;
    let validator = world.network.identities[0].clone();
    for identity in [validator, Identity::named("stranger".into())] {
        let name = identity.name.clone();
        let mut probe = Probe::start_in(&second.namespace, identity, genesis).await?;
        let refused = timeout(SOON, probe.knock_at(first.key(), first.mesh())).await??;
        ensure!(refused.is_some(), "{name} is let into the mesh");
        ensure!(probe.told.is_empty() && probe.received.is_empty());
        probe.shutdown().await;
    }
    Ok(())
}

/// A director starts before its private network is up.
async fn an_interface_is_waited_for(world: &World) -> anyhow::Result<()> {
    let identity = Identity::named("late".into());
    let namespace = world.lan.namespace("late", &[(Net::Public, LATE)])?;
    let node = world.node()?;
    let mut late = Site::prepare(namespace, identity, LATE, world.dir(), node).await?;
    late.spawn().await?;
    late.running()?.wait_for_log(Net::Mesh.interface(), SOON).await?;
    ensure!(listening_at(&late, MESH_PORT)?.is_empty(), "it listens without its interface");

    world.lan.attach(&late.namespace, Net::Mesh)?;
    let address =
        format!("address add {} dev {}", Net::Mesh.with_prefix(LATE), Net::Mesh.interface());
    late.namespace.ip(&[&address])?;
    listens_for_directors(&late, late.address(Net::Mesh)).await?;
    late.stop().await;
    Ok(())
}

/// The private network gives a director another address; it says so on chain, and nobody restarts.
async fn an_address_changes(world: &mut World) -> anyhow::Result<()> {
    let pid = world.sites[0].pid()?;
    let interface = Net::Mesh.interface();
    let [old, new] = [1, MOVED].map(|host| Net::Mesh.with_prefix(host));
    world.sites[0].namespace.ip(&[
        &format!("address del {old} dev {interface}"),
        &format!("address add {new} dev {interface}"),
    ])?;
    listens_for_directors(&world.sites[0], Net::Mesh.address(MOVED)).await?;
    ensure!(listening_at(&world.sites[0], MESH_PORT)? == [IpAddr::from(Net::Mesh.address(MOVED))]);

    // The public side stays where it is.
    let mut endpoints = world.sites[0].endpoints();
    let address = format!("/ip4/{}/tcp/{MESH_PORT}", Net::Mesh.address(MOVED)).into_bytes();
    endpoints[1].address = address.try_into().unwrap();
    world.chain().move_to(&world.sites[0].identity, endpoints).await?;
    let started = Instant::now();
    let others = world.sites.len() - 1;
    let moved = async {
        // Those at the old address are dead, and nobody knows until they were silent for a while.
        while connections_at(pid, Net::Mesh.address(MOVED))? < others {
            sleep(LOOK).await;
        }
        anyhow::Ok(())
    };
    timeout(FOUND, moved).await.context("the others have not found the new address")??;
    world.wait_until_linked(SOON).await.context("after the address changed")?;
    eprintln!("linked {:?} after the new address was finalized", started.elapsed());
    ensure!(world.sites[0].pid()? == pid, "it was started again");

    let stranger = world.lan.namespace("mesh-stranger", &[(Net::Mesh, STRANGER)])?;
    is_closed_at_once(&stranger, Net::Mesh.address(MOVED)).await?;
    let votes = world.network.wait_for_all_votes(world.network.next_checkpoint());
    timeout(SOON, votes).await.context("votes are lost over the new links")?
}

/// Established connections of the mesh with this address as their own.
fn connections_at(pid: u32, own: Ipv4Addr) -> anyhow::Result<usize> {
    let all = established(pid, MESH_PORT)?;
    Ok(all.iter().filter(|socket| socket.local.ip() == own).count())
}

fn listening_at(site: &Site, port: u16) -> anyhow::Result<Vec<IpAddr>> {
    let all = listeners(site.pid()?)?;
    Ok(all.iter().filter(|at| at.port() == port).map(|at| at.ip()).collect())
}

/// Waits until a director says that it listens there.
async fn listens_for_directors(site: &Site, at: Ipv4Addr) -> anyhow::Result<()> {
    let address = format!("/ip4/{at}/tcp/{MESH_PORT}");
    let says_so = |status: &Value| {
        let mesh = status["mesh_listen"].as_array().map_or(&[][..], Vec::as_slice);
        mesh.iter().filter_map(Value::as_str).eq([address.as_str()])
    };
    site.wait_for_status(SOON, says_so).await.map(drop)
}
