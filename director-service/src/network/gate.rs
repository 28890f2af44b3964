//! Decides which connections are taken: by address before the handshake, by key right after it.

use super::link::Link;
use director_primitives::PublicKey;
use libp2p::{Multiaddr, multiaddr::Protocol, swarm::ConnectionId};
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The key is not in the set, see [`super::Handle::allow`].
    #[error("the key is not in the set of those who may connect")]
    NotAllowed,
    /// Too many handshakes are under way.
    #[error("too many handshakes are under way")]
    TooManyPending,
    /// Too many handshakes with this address are under way.
    #[error("too many handshakes with this address are under way")]
    TooManyPendingFromAddress,
    /// There are as many connections as there may be.
    #[error("there are as many connections as there may be")]
    TooManyConnections,
    /// The key has several connections already whose protocol is not settled.
    #[error("the key has several connections already")]
    TooManyOfPeer,
    /// Nobody takes the events that wait.
    #[error("too many connections came and went unseen")]
    Busy,
    /// The swarm shuts down.
    #[error("shutting down")]
    ShuttingDown,
}

impl Refusal {
    /// All reasons, in the order of [`super::Stats::refused`].
    pub const ALL: [Self; 7] = [
        Self::NotAllowed,
        Self::TooManyPending,
        Self::TooManyPendingFromAddress,
        Self::TooManyConnections,
        Self::TooManyOfPeer,
        Self::Busy,
        Self::ShuttingDown,
    ];

    /// A short name, for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAllowed => "not_allowed",
            Self::TooManyPending => "too_many_pending",
            Self::TooManyPendingFromAddress => "too_many_pending_from_address",
            Self::TooManyConnections => "too_many_connections",
            Self::TooManyOfPeer => "too_many_of_peer",
            Self::Busy => "busy",
            Self::ShuttingDown => "shutting_down",
        }
    }
}

/// Connections of one key: the one that is up, its successor, and one that is closing. Without this,
/// one key could use up everybody's connections.
const MAX_OF_PEER: usize = 3;

/// Limits of the gate, see [`super::Limits`].
pub(super) struct GateLimits {
    pub(super) connections: usize,
    pub(super) pending: usize,
    pub(super) pending_per_ip: usize,
}

/// Who may connect and who is connected.
pub(super) struct Gate {
    limits: GateLimits,
    allowed: HashSet<PublicKey>,
    pending: HashMap<ConnectionId, Option<IpAddr>>,
    links: HashMap<ConnectionId, Arc<Link>>,
}

impl Gate {
    pub(super) fn new(limits: GateLimits) -> Self {
        Self { limits, allowed: HashSet::new(), pending: HashMap::new(), links: HashMap::new() }
    }

    /// Before the handshake. A stranger's address can be refused, its key is not known yet.
    pub(super) fn begin(
        &mut self,
        id: ConnectionId,
        address: Option<IpAddr>,
    ) -> Result<(), Refusal> {
        if self.pending.len() >= self.limits.pending {
            return Err(Refusal::TooManyPending);
        }
        // On loopback everybody is a neighbour: a devnet connects all its validators at once.
        if let Some(address) = address.filter(|address| !address.is_loopback()) {
            let of_address = self.pending.values().filter(|of| **of == Some(address));
            if of_address.count() >= self.limits.pending_per_ip {
                return Err(Refusal::TooManyPendingFromAddress);
            }
        }
        self.pending.insert(id, address);
        Ok(())
    }

    /// The handshake is done or has failed.
    pub(super) fn end(&mut self, id: ConnectionId) {
        self.pending.remove(&id);
    }

    /// After the handshake.
    pub(super) fn admit(&mut self, link: &Arc<Link>) -> Result<(), Refusal> {
        if !self.allowed.contains(&link.peer) {
            return Err(Refusal::NotAllowed);
        }
        if self.links.len() >= self.limits.connections {
            return Err(Refusal::TooManyConnections);
        }
        let of_peer = self.links.values().filter(|of| of.peer == link.peer);
        if of_peer.count() >= MAX_OF_PEER {
            return Err(Refusal::TooManyOfPeer);
        }
        self.links.insert(link.id, link.clone());
        Ok(())
    }

    /// The connection is gone.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Arc<Link>> {
        self.links.remove(&id)
    }

    /// Whether this key may connect.
    pub(super) fn allows(&self, key: &PublicKey) -> bool {
        self.allowed.contains(key)
    }

    /// Replaces the set. Returns the connections that have to go.
    pub(super) fn allow(&mut self, keys: HashSet<PublicKey>) -> Vec<Arc<Link>> {
        self.allowed = keys;
        self.links.values().filter(|link| !self.allowed.contains(&link.peer)).cloned().collect()
    }

    /// All connections.
    pub(super) fn links(&self) -> Vec<Arc<Link>> {
        self.links.values().cloned().collect()
    }
}

/// The IP address in a multiaddr.
pub(super) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    address.iter().find_map(|protocol| match protocol {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.into()),
        _ => None,
    })
}
