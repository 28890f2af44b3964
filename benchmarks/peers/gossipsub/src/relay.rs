//! Runs a relay: a swarm to which everybody connects and which publishes nothing itself.

use std::{collections::HashSet, net::SocketAddr};

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, Swarm,
    core::transport::ListenerId,
    gossipsub::{Behaviour, Event},
    multiaddr::Protocol,
    swarm::SwarmEvent,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    runtime,
};

use crate::{
    RelayArgs,
    network::{Role, multiaddr, swarm},
};

/// Runs until standard input ends.
pub(crate) fn run(args: RelayArgs) -> Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(relay(args));
    // The thread that reads standard input may hang in there.
    runtime.shutdown_background();
    result
}

async fn relay(args: RelayArgs) -> Result<()> {
    let mut swarm = swarm(Role::Relay, args.verify)?;
    let clients = listen(&mut swarm, args.listen)?;
    let mut mesh_listen = args.mesh_listen;
    let mut to_dial = args.mesh;
    // Relays that were dialled and have not subscribed yet.
    let mut dialled = HashSet::<PeerId>::new();
    let mut lines = BufReader::new(stdin()).lines();
    let mut listening = false;
    loop {
        if listening {
            for addr in to_dial.drain(..) {
                swarm.dial(multiaddr(addr))?;
            }
        }
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { return Ok(()) };
                match line.strip_prefix("mesh ").map(|addr| addr.trim().parse()) {
                    Some(Ok(addr)) => to_dial.push(addr),
                    _ => eprintln!("standard input takes lines like `mesh 127.0.0.1:4000`"),
                }
            }
            event = swarm.select_next_some() => match event {
                SwarmEvent::NewListenAddr { listener_id, address } if listener_id == clients => {
                    println!("listening {}", socket_addr(&address)?);
                    // One after the other, so that the lines come in this order.
                    match mesh_listen.take() {
                        Some(addr) => drop(listen(&mut swarm, addr)?),
                        None => listening = true,
                    }
                }
                SwarmEvent::NewListenAddr { address, .. } => {
                    println!("mesh {}", socket_addr(&address)?);
                    listening = true;
                }
                SwarmEvent::ConnectionEstablished { peer_id, endpoint, .. } if endpoint.is_dialer() => {
                    dialled.insert(peer_id);
                }
                SwarmEvent::Behaviour(Event::Subscribed { peer_id, .. }) if dialled.remove(&peer_id) => {
                    println!("ready");
                }
                SwarmEvent::OutgoingConnectionError { error, .. } => {
                    bail!("cannot dial another relay, is it running? {error}");
                }
                _ => {}
            },
        }
    }
}

fn listen(swarm: &mut Swarm<Behaviour>, addr: SocketAddr) -> Result<ListenerId> {
    swarm
        .listen_on(multiaddr(addr))
        .with_context(|| format!("cannot listen on {addr}: give port 0 for a free one"))
}

fn socket_addr(addr: &Multiaddr) -> Result<SocketAddr> {
    let mut parts = addr.iter();
    match (parts.next(), parts.next()) {
        (Some(Protocol::Ip4(ip)), Some(Protocol::Tcp(port))) => Ok((ip, port).into()),
        (Some(Protocol::Ip6(ip)), Some(Protocol::Tcp(port))) => Ok((ip, port).into()),
        _ => bail!("listens on {addr}, which is not TCP"),
    }
}
