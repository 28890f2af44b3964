//! Runs the swarm: listens, dials, and closes everything at the end.

use super::{
    Config, DownReason, Events, Handle, Multiaddr, NetworkError,
    behaviour::{Behaviour, key_of, peer_id_of},
    hub::Hub,
    link::lock,
    muxer,
};
use director_primitives::PublicKey;
use futures::StreamExt;
use libp2p::{
    StreamProtocol, Swarm, SwarmBuilder, TransportError, identity,
    multiaddr::Protocol,
    noise,
    swarm::{
        DialError, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
    tcp, yamux,
};
use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// Two streams are ours; a few more while they are negotiated.
const MAX_STREAMS: usize = 8;

/// Starts a swarm. It listens when this returns; nobody may connect before [`Handle::allow`].
///
/// # Errors
///
/// See [`NetworkError`].
pub async fn start(config: Config) -> Result<(Handle, Events), NetworkError> {
    let mut seed = *config.secret;
    let keypair =
        identity::Keypair::ed25519_from_bytes(&mut seed).map_err(|_| NetworkError::Key)?;
    let local = key_of(&keypair.public().to_peer_id()).ok_or(NetworkError::Key)?;
    let protocol = format!("/director/1/{}", hex::encode(&config.genesis_hash[..8]));
    let protocol = StreamProtocol::try_from_owned(protocol).map_err(|_| NetworkError::Key)?;
    let hub = Arc::new(Hub::new(local, protocol, config.side, config.limits));
    let mut swarm = swarm(keypair, &hub)?;

    for address in &config.listen {
        listen(&mut swarm, address).map_err(|source| NetworkError::Listen {
            address: address.clone(),
            source: source.into(),
        })?;
    }
    let mut listening = Vec::new();
    while listening.len() < config.listen.len() {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => listening.push(address),
            SwarmEvent::ListenerClosed { addresses, reason: Err(source), .. } => {
                let address = addresses.first().or(config.listen.first());
                return Err(NetworkError::Listen {
                    address: address.cloned().unwrap_or_else(Multiaddr::empty),
                    source: source.into(),
                });
            }
            _ => {}
        }
    }
    let handle = Handle::new(hub.clone(), listening);
    tokio::spawn(run(swarm, hub.clone()));
    Ok((handle, Events(hub)))
}

fn swarm(keypair: identity::Keypair, hub: &Arc<Hub>) -> Result<Swarm<Behaviour>, NetworkError> {
    let streams = || {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(MAX_STREAMS);
        muxer::Config(config)
    };
    let timeout = Duration::from_millis(hub.limits.handshake_timeout_ms);
    let swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(
            tcp::Config::default().nodelay(true),
            noise::Config::new,
            streams,
        )
        .map_err(|_| NetworkError::Key)?
        .with_quic_config(|mut config| {
            config.handshake_timeout = timeout;
            config.max_concurrent_stream_limit = MAX_STREAMS as u32;
            config
        })
        .with_behaviour(|_| Behaviour(hub.clone()))
        .map_err(|_| NetworkError::Key)?
        // The handler says when a connection is not wanted any more; then at once.
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::ZERO))
        .with_connection_timeout(timeout)
        .build();
    Ok(swarm)
}

/// libp2p listens with SO_REUSEPORT: a second process of the same user would silently share the
/// port and get every other connection. So we try the port without it first.
fn listen(swarm: &mut Swarm<Behaviour>, address: &Multiaddr) -> io::Result<()> {
    match socket_of(address) {
        Some(Socket::Tcp(socket)) => drop(TcpListener::bind(socket)?),
        Some(Socket::Udp(socket)) => drop(UdpSocket::bind(socket)?),
        None => {}
    }
    match swarm.listen_on(address.clone()) {
        Ok(_) => Ok(()),
        Err(TransportError::Other(source)) => Err(source),
        Err(TransportError::MultiaddrNotSupported(_)) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not an address to listen on; write it as /ip4/127.0.0.1/tcp/30400 or \
             /ip4/127.0.0.1/udp/30400/quic-v1",
        )),
    }
}

enum Socket {
    Tcp(SocketAddr),
    Udp(SocketAddr),
}

fn socket_of(address: &Multiaddr) -> Option<Socket> {
    let mut parts = address.iter();
    let ip: IpAddr = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) if port != 0 => Some(Socket::Tcp((ip, port).into())),
        Protocol::Udp(port) if port != 0 => Some(Socket::Udp((ip, port).into())),
        _ => None,
    }
}

async fn run(mut swarm: Swarm<Behaviour>, hub: Arc<Hub>) {
    while !hub.is_stopping() {
        dial_due(&mut swarm, &hub);
        let due = lock(&hub.dialer).next_due();
        let wait = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = swarm.select_next_some() => on_event(&hub, event),
            () = hub.changed.notified() => {}
            () = wait => {}
        }
    }
    let links = lock(&hub.gate).links();
    for link in links {
        hub.close(&link, DownReason::Shutdown);
    }
    // Its connections' tasks end with it.
    drop(swarm);
    hub.ingress.finish();
    hub.stopped.send_replace(true);
}

fn dial_due(swarm: &mut Swarm<Behaviour>, hub: &Hub) {
    let due = lock(&hub.dialer).due(Instant::now());
    for (peer, addresses) in due {
        if let Err(error) = dial(swarm, hub, peer, addresses) {
            hub.dial_failed(peer, error);
        }
    }
}

fn dial(
    swarm: &mut Swarm<Behaviour>,
    hub: &Hub,
    peer: PublicKey,
    addresses: Vec<Multiaddr>,
) -> Result<(), String> {
    if !lock(&hub.gate).allows(&peer) {
        return Err("its key is not in the set of those who may connect".to_owned());
    }
    let id = peer_id_of(&peer).ok_or("its key makes no peer id")?;
    let options = DialOpts::peer_id(id)
        // An older connection may be closing still.
        .condition(PeerCondition::NotDialing)
        .addresses(addresses)
        .allocate_new_port()
        .build();
    swarm.dial(options).map_err(|error| explain(&error))
}

fn on_event(hub: &Hub, event: SwarmEvent<std::convert::Infallible>) {
    match event {
        SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
            if let Some(peer) = key_of(&peer) {
                hub.dial_failed(peer, explain(&error));
            }
        }
        SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
            tracing::debug!(from = %send_back_addr, %error, "connection refused")
        }
        SwarmEvent::ListenerError { error, .. } => {
            tracing::warn!(%error, "a listener has trouble; it goes on");
        }
        SwarmEvent::ListenerClosed { addresses, reason, .. } => {
            tracing::error!(?addresses, ?reason, "a listener has closed; restart to listen again")
        }
        _ => {}
    }
}

/// One line for a log.
fn explain(error: &DialError) -> String {
    match error {
        DialError::NoAddresses => "it has no address".to_owned(),
        DialError::WrongPeerId { obtained, address } => {
            format!("{address} is somebody else: {obtained}")
        }
        DialError::Transport(attempts) => {
            let attempt = |(address, error): &(Multiaddr, TransportError<io::Error>)| match error {
                TransportError::MultiaddrNotSupported(_) => {
                    format!(
                        "{address}: not supported, use /ip4 or /ip6 with /tcp or /udp/…/quic-v1"
                    )
                }
                TransportError::Other(error) => format!("{address}: {}", root_cause(error)),
            };
            let attempts: Vec<_> = attempts.iter().map(attempt).collect();
            attempts.join("; ")
        }
        other => other.to_string(),
    }
}

fn root_cause(error: &io::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
