//! Lets the swarm ask the gate, and gives each connection its handler.

use super::{gate::Refusal, handler::Handler, hub::Hub, link::lock, transport::refusal_in};
use director_primitives::{
    PublicKey,
    keys::{from_peer_id, to_peer_id},
};
use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, ListenError, ListenFailure, NetworkBehaviour,
        THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    },
};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::time::Instant;

/// Has nothing to say to the swarm and nothing to hear of the handlers: both use the hub.
pub(super) struct Behaviour(pub(super) Arc<Hub>);

/// The key in a peer id.
pub(super) fn key_of(peer: &PeerId) -> Option<PublicKey> {
    from_peer_id(&peer.to_bytes())
}

/// The peer id of a key. `None` cannot happen: the bytes are those of an identity multihash.
pub(super) fn peer_id_of(key: &PublicKey) -> Option<PeerId> {
    PeerId::from_bytes(&to_peer_id(key)).ok()
}

impl Behaviour {
    fn refuse(&self, refusal: Refusal) -> ConnectionDenied {
        self.0.counters.refuse(refusal);
        ConnectionDenied::new(refusal)
    }

    fn established(
        &self,
        id: ConnectionId,
        peer: &PeerId,
        outbound: bool,
    ) -> Result<Handler, ConnectionDenied> {
        let link = self.0.admit(id, key_of(peer), outbound);
        let link = link.map_err(|refusal| self.refuse(refusal))?;
        Ok(Handler::new(self.0.clone(), link))
    }

    /// A handshake came to nothing. Refused ones are counted already.
    fn failed(&self, failure: ListenFailure<'_>) {
        let mut gate = lock(&self.0.gate);
        let Some(pending) = gate.end(failure.connection_id) else { return };
        let refusal = match failure.error {
            ListenError::Denied { .. } => return,
            ListenError::Transport(error) => refusal_in(error),
            _ => None,
        };
        let refusal = refusal.unwrap_or_else(|| gate.why_failed(&pending, Instant::now()));
        self.0.counters.refuse(refusal);
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let begun = lock(&self.0.gate).begin(id, local, remote, Instant::now());
        begun.map_err(|refusal| self.refuse(refusal))
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.established(id, &peer, false)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.established(id, &peer, true)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ListenFailure(failure) => self.failed(failure),
            FromSwarm::ConnectionClosed(closed) => self.0.gone(closed.connection_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
