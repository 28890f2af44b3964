//! Runs the swarm: listens, dials, and closes everything at the end.

use super::{
    Config, DownReason, Events, Handle, ListenFault, Multiaddr, NetworkError, Side, Socket,
    behaviour::{Behaviour, key_of, peer_id_of},
    handshakes::Worker,
    hub::Hub,
    link::lock,
    listeners::Listeners,
    transport,
};
use director_primitives::{H256, PublicKey};
use futures::StreamExt;
use libp2p::{
    StreamProtocol, Swarm, TransportError,
    core::transport::ListenerId,
    identity,
    swarm::{
        DialError, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use std::{convert::Infallible, io, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};

/// Name of the protocol on the chain with this genesis hash: peers of another chain speak another one.
pub fn protocol_name(genesis_hash: &H256) -> String {
    format!("/director/1/{}", hex::encode(&genesis_hash[..8]))
}

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
    let protocol = StreamProtocol::try_from_owned(protocol_name(&config.genesis_hash));
    let protocol = protocol.map_err(|_| NetworkError::Key)?;
    let hub = Arc::new(Hub::new(local, protocol, config.side, config.limits));
    // The mesh has few callers, and nobody calls a validator.
    let worker = (config.side == Side::Public).then(Worker::start).transpose();
    let worker = worker.map_err(NetworkError::Thread)?;
    let swarm = transport::swarm(keypair, &hub, worker.as_ref().map(Worker::handshakes))?;
    let mut actor = Actor::new(swarm, hub.clone(), worker);

    actor.listeners.set(config.listen.clone(), Instant::now());
    for address in config.listen {
        actor.open(&address).map_err(|source| NetworkError::Listen { address, source })?;
    }
    while !actor.listeners.are_open() {
        let event = actor.swarm.select_next_some().await;
        if let SwarmEvent::ListenerClosed { listener_id, reason: Err(source), .. } = event {
            let closed = actor.listeners.closed(listener_id, Instant::now());
            let address = closed.map_or_else(Multiaddr::empty, |(address, _)| address);
            return Err(NetworkError::Listen { address, source: source.into() });
        }
        actor.on_event(event);
    }
    tokio::spawn(watch_over(hub.clone(), actor.run()));
    Ok((Handle::new(hub.clone()), Events(hub)))
}

/// Runs a swarm to its end and tells of it, also if that is a panic: else its user would wait for ever.
pub(super) async fn watch_over(hub: Arc<Hub>, run: impl Future<Output = ()> + Send + 'static) {
    if let Err(error) = tokio::spawn(run).await
        && error.is_panic()
    {
        // Nobody else sets it.
        let _ = hub.panic.set(format!("the network ({:?}): {error}", hub.side));
    }
    hub.listening.send_replace(Vec::new());
    hub.ingress.finish();
    hub.stopped.send_replace(true);
}

/// The swarm, and what it is to do.
struct Actor {
    swarm: Swarm<Behaviour>,
    hub: Arc<Hub>,
    listeners: Listeners,
    /// Computes handshakes; ends with the swarm.
    worker: Option<Worker>,
}

impl Actor {
    fn new(swarm: Swarm<Behaviour>, hub: Arc<Hub>, worker: Option<Worker>) -> Self {
        let listeners = Listeners::new(Duration::from_millis(hub.limits.relisten_ms));
        Self { swarm, hub, listeners, worker }
    }

    async fn run(mut self) {
        while !self.hub.is_stopping() {
            self.listen_due();
            self.dial_due();
            let due = lock(&self.hub.dialer).next_due();
            let due = [due, self.listeners.next_due()].into_iter().flatten().min();
            let wait = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                () = self.hub.changed.notified() => {}
                () = wait => {}
            }
        }
        let links = lock(&self.hub.gate).links();
        for link in links {
            self.hub.close(&link, DownReason::Shutdown);
        }
        // Its connections' tasks end with it.
        drop(self.swarm);
        if let Some(worker) = self.worker {
            worker.end().await;
        }
    }

    fn listen_due(&mut self) {
        let now = Instant::now();
        let wanted = lock(&self.hub.wanted_listeners).take();
        if let Some(wanted) = wanted {
            for id in self.listeners.set(wanted, now) {
                // Its connections stay.
                self.swarm.remove_listener(id);
            }
            self.say_listening();
        }
        for address in self.listeners.due(now) {
            if let Err(fault) = self.open(&address) {
                let delay = self.listeners.failed(&address, now);
                tracing::warn!("cannot listen on {address}: {fault}; trying again in {delay:?}");
            }
        }
    }

    fn open(&mut self, address: &Multiaddr) -> Result<(), ListenFault> {
        let id = open(&mut self.swarm, address)?;
        self.listeners.opened(address, id);
        Ok(())
    }

    fn say_listening(&self) {
        let addresses = self.listeners.addresses();
        self.hub.listening.send_if_modified(|before| {
            let changed = *before != addresses;
            *before = addresses;
            changed
        });
    }

    fn dial_due(&mut self) {
        let due = lock(&self.hub.dialer).due(Instant::now());
        for (peer, addresses) in due {
            if let Err(error) = dial(&mut self.swarm, &self.hub, peer, addresses) {
                self.hub.dial_failed(peer, error);
            }
        }
    }

    fn on_event(&mut self, event: SwarmEvent<Infallible>) {
        match event {
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                if let Some(peer) = key_of(&peer) {
                    self.hub.dial_failed(peer, explain(&error));
                }
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                tracing::debug!(from = %send_back_addr, %error, "connection refused")
            }
            SwarmEvent::NewListenAddr { listener_id, address } => {
                self.listeners.listens(listener_id, address);
                self.say_listening();
            }
            SwarmEvent::ExpiredListenAddr { listener_id, address } => {
                self.listeners.expired(listener_id, &address);
                self.say_listening();
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(%error, "a listener has trouble; it goes on");
            }
            SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                self.on_listener_closed(listener_id, reason)
            }
            _ => {}
        }
    }

    fn on_listener_closed(&mut self, id: ListenerId, reason: io::Result<()>) {
        // `None`: we closed it.
        if let Some((address, delay)) = self.listeners.closed(id, Instant::now()) {
            tracing::warn!(?reason, "listening on {address} ended; trying again in {delay:?}");
            self.say_listening();
        }
    }
}

fn open(swarm: &mut Swarm<Behaviour>, address: &Multiaddr) -> Result<ListenerId, ListenFault> {
    if let Some(socket) = Socket::of(address).filter(|socket| socket.address().port() != 0) {
        socket.probe()?;
    }
    swarm.listen_on(address.clone()).map_err(|error| match error {
        TransportError::Other(source) => source.into(),
        TransportError::MultiaddrNotSupported(_) => io::Error::new(
            io::ErrorKind::InvalidInput,
            "not an address to listen on; write it as /ip4/127.0.0.1/tcp/30400 or \
             /ip4/127.0.0.1/udp/30400/quic-v1",
        )
        .into(),
    })
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
