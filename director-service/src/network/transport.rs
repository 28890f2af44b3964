//! Builds the swarm: TCP with Noise and Yamux, or QUIC.
//!
//! The Noise of callers is computed on a thread of its own where there is one (`handshakes`). Between
//! Noise and Yamux the key is known, and whoever may not connect is refused there: nothing of Yamux is
//! made for it, and its socket is closed without asking it.

use super::{
    Multiaddr, NetworkError,
    behaviour::{Behaviour, key_of},
    gate::Refusal,
    handshakes::Handshakes,
    hub::Hub,
    link::lock,
    muxer,
    pass::{Guarded, Pass},
};
use futures::{AsyncRead, AsyncWrite, future::BoxFuture};
use libp2p::{
    PeerId, Swarm, SwarmBuilder, Transport, TransportError,
    core::{
        ConnectedPoint,
        upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo, Version},
    },
    identity,
    multiaddr::Protocol,
    noise, tcp,
};
use std::{
    error::Error,
    io,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::Instant;

/// A swarm that listens nowhere yet. Without a thread for handshakes they are computed where messages are
/// relayed.
pub(super) fn swarm(
    keypair: identity::Keypair,
    hub: &Arc<Hub>,
    handshakes: Option<Handshakes>,
) -> Result<Swarm<Behaviour>, NetworkError> {
    let timeout = Duration::from_millis(hub.limits.handshake_timeout_ms);
    let noise = noise::Config::new(&keypair).map_err(|_| NetworkError::Key)?;
    let authentication = Authentication { noise, hub: hub.clone(), handshakes };
    let window_bytes = hub.limits.window_bytes.max(muxer::MIN_WINDOW);
    let (of, multiplexed) = (hub.clone(), hub.clone());
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .map(move |socket, way| Guarded::new(socket, pass_of(&of, &way)))
        .upgrade(Version::V1Lazy)
        .authenticate(authentication)
        .multiplex_ext(move |_: &PeerId, way: &ConnectedPoint| {
            muxer::Config::new(window_bytes, begun_pass(&multiplexed, way))
        });
    let swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_quic_config(|mut config| {
            config.handshake_timeout = timeout;
            config.max_concurrent_stream_limit = muxer::MAX_STREAMS as u32;
            let window_bytes = u32::try_from(window_bytes).unwrap_or(u32::MAX);
            config.max_connection_data = window_bytes;
            config.max_stream_data = window_bytes;
            config
        })
        .with_other_transport(|_| tcp)
        .map_err(|_| NetworkError::Key)?
        .with_behaviour(|_| Behaviour(hub.clone()))
        .map_err(|_| NetworkError::Key)?
        // The handler says when a connection is not wanted any more; then at once.
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::ZERO))
        // From the first byte to the last of the multiplexer's: all that is before the handler.
        .with_connection_timeout(timeout)
        .build();
    Ok(swarm)
}

/// What the gate has given the connection, or what is ours if we dial.
fn pass_of(hub: &Hub, way: &ConnectedPoint) -> Arc<Pass> {
    match way {
        ConnectedPoint::Listener { local_addr, send_back_addr } => {
            let pass = lock(&hub.gate).pass(local_addr, send_back_addr);
            pass.unwrap_or_else(|| {
                // Cannot happen: the gate is asked before a handshake begins.
                let pass = Pass::default();
                pass.evict();
                Arc::new(pass)
            })
        }
        ConnectedPoint::Dialer { address, .. } => {
            let pass = Arc::<Pass>::default();
            // Whom we dial may say as much as it likes.
            pass.take();
            let mut dialed = lock(&hub.dialed);
            dialed.retain(|_, pass| pass.strong_count() > 0);
            dialed.insert(without_peer(address), Arc::downgrade(&pass));
            pass
        }
    }
}

/// The pass that [`pass_of`] has given a connection whose handshake is under way.
fn begun_pass(hub: &Hub, way: &ConnectedPoint) -> Arc<Pass> {
    let pass = match way {
        ConnectedPoint::Listener { local_addr, send_back_addr } => {
            lock(&hub.gate).pass(local_addr, send_back_addr)
        }
        ConnectedPoint::Dialer { address, .. } => {
            lock(&hub.dialed).get(&without_peer(address)).and_then(Weak::upgrade)
        }
    };
    // Without one the connection is about to end: nothing has to be counted.
    pass.unwrap_or_default()
}

/// The pass of a connection that we dialed, once.
pub(super) fn dialed_pass(hub: &Hub, address: &Multiaddr) -> Option<Arc<Pass>> {
    lock(&hub.dialed).remove(&without_peer(address))?.upgrade()
}

fn without_peer(address: &Multiaddr) -> Multiaddr {
    address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect()
}

/// The reason in an error of [`Authentication`], however deep it is.
pub(super) fn refusal_in(error: &TransportError<io::Error>) -> Option<Refusal> {
    let TransportError::Other(error) = error else { return None };
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(AuthenticationError::Refused(refusal)) = error.downcast_ref() {
            return Some(*refusal);
        }
        // An `io::Error` does not name what it wraps as its source, but the source of that.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// Noise, and then the gate.
#[derive(Clone)]
struct Authentication {
    noise: noise::Config,
    hub: Arc<Hub>,
    handshakes: Option<Handshakes>,
}

/// Why a peer is not who may connect.
#[derive(Debug, thiserror::Error)]
enum AuthenticationError {
    #[error(transparent)]
    Noise(#[from] noise::Error),
    #[error(transparent)]
    Refused(Refusal),
    #[error("the thread that computes handshakes has ended, or failed in this one")]
    Interrupted,
}

impl UpgradeInfo for Authentication {
    type Info = <noise::Config as UpgradeInfo>::Info;
    type InfoIter = <noise::Config as UpgradeInfo>::InfoIter;

    fn protocol_info(&self) -> Self::InfoIter {
        self.noise.protocol_info()
    }
}

impl<C> InboundConnectionUpgrade<C> for Authentication
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = (PeerId, noise::Output<C>);
    type Error = AuthenticationError;
    type Future = BoxFuture<'static, Result<Self::Output, AuthenticationError>>;

    fn upgrade_inbound(self, socket: C, info: Self::Info) -> Self::Future {
        Box::pin(async move {
            let noise = self.noise.upgrade_inbound(socket, info);
            let shaken = match &self.handshakes {
                Some(handshakes) => handshakes.run(noise).await,
                None => Some(noise.await),
            };
            let (peer, socket) = shaken.ok_or(AuthenticationError::Interrupted)??;
            let key = key_of(&peer).ok_or(Refusal::NotAllowed);
            let checked = key.and_then(|key| lock(&self.hub.gate).check(&key, Instant::now()));
            checked.map_err(AuthenticationError::Refused)?;
            Ok((peer, socket))
        })
    }
}

impl<C> OutboundConnectionUpgrade<C> for Authentication
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = (PeerId, noise::Output<C>);
    type Error = AuthenticationError;
    type Future = BoxFuture<'static, Result<Self::Output, AuthenticationError>>;

    fn upgrade_outbound(self, socket: C, info: Self::Info) -> Self::Future {
        Box::pin(async move { Ok(self.noise.upgrade_outbound(socket, info).await?) })
    }
}
