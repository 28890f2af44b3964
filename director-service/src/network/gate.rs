//! Decides which connections are taken: by address before the handshake, by key right after it.

use super::{
    Limits, Multiaddr,
    address::{caller_of, ip_of},
    callers::Callers,
    link::Link,
    pass::{Budget, Pass},
};
use director_primitives::PublicKey;
use libp2p::swarm::ConnectionId;
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

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
    /// Nobody of the set is at this address, see [`super::Handle::allow_addresses`].
    #[error("nobody who may connect is at this address")]
    UnknownAddress,
    /// The address begins handshakes more often than it may.
    #[error("the address begins too many handshakes a second")]
    TooFastFromAddress,
    /// Addresses that nothing is known of begin handshakes more often than they may together.
    #[error("strangers begin too many handshakes a second")]
    TooManyStrangers,
    /// There are as many connections from the address as there may be.
    #[error("there are as many connections from the address as there may be")]
    TooManyFromAddress,
    /// The key is restricted and has sent more than it may, see [`super::Handle::restrict`].
    #[error("the key has sent more than it may and has to wait a minute")]
    OverBudget,
    /// The handshake was not done in time.
    #[error("the handshake was not done in time")]
    HandshakeTimeout,
    /// The handshake failed: garbage, an end, another protocol.
    #[error("the handshake failed")]
    HandshakeFailed,
    /// The handshake was not done after a second, and others were waiting.
    #[error("the handshake took its time while others were waiting")]
    MadeRoom,
    /// The key is in the set, but nothing valid came of it in time.
    #[error("nothing valid came in time")]
    SaidNothing,
    /// Nobody takes the events that wait.
    #[error("too many connections came and went unseen")]
    Busy,
    /// The swarm shuts down.
    #[error("shutting down")]
    ShuttingDown,
}

impl Refusal {
    /// All reasons, in the order of [`super::Stats::refused`].
    pub const ALL: [Self; 16] = [
        Self::NotAllowed,
        Self::TooManyPending,
        Self::TooManyPendingFromAddress,
        Self::TooManyConnections,
        Self::TooManyOfPeer,
        Self::UnknownAddress,
        Self::TooFastFromAddress,
        Self::TooManyStrangers,
        Self::TooManyFromAddress,
        Self::OverBudget,
        Self::HandshakeTimeout,
        Self::HandshakeFailed,
        Self::MadeRoom,
        Self::SaidNothing,
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
            Self::UnknownAddress => "unknown_address",
            Self::TooFastFromAddress => "too_fast_from_address",
            Self::TooManyStrangers => "too_many_strangers",
            Self::TooManyFromAddress => "too_many_from_address",
            Self::OverBudget => "over_budget",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::HandshakeFailed => "handshake_failed",
            Self::MadeRoom => "made_room",
            Self::SaidNothing => "said_nothing",
            Self::Busy => "busy",
            Self::ShuttingDown => "shutting_down",
        }
    }
}

/// Connections of one key: the one that is up, its successor, and one that is closing. Without this,
/// one key could use up everybody's connections.
const MAX_OF_PEER: usize = 3;

/// What a handshake may take when others wait: three round trips around the world, and some.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// An inbound connection whose handshake is not done.
pub(super) struct Pending {
    local: Multiaddr,
    remote: Multiaddr,
    /// Who calls, unless its calls are not counted.
    pub(super) caller: Option<IpAddr>,
    stranger: bool,
    since: Instant,
    pub(super) pass: Arc<Pass>,
}

/// Who may connect and who is connected.
pub(super) struct Gate {
    limits: Limits,
    allowed: HashSet<PublicKey>,
    budgets: HashMap<PublicKey, Arc<Budget>>,
    addresses: Option<HashSet<IpAddr>>,
    callers: Callers,
    pending: HashMap<ConnectionId, Pending>,
    links: HashMap<ConnectionId, Arc<Link>>,
}

impl Gate {
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        Self {
            callers: Callers::new(&limits, now),
            limits,
            allowed: HashSet::new(),
            budgets: HashMap::new(),
            addresses: None,
            pending: HashMap::new(),
            links: HashMap::new(),
        }
    }

    /// Before the handshake. A stranger's address can be refused, its key is not known yet.
    pub(super) fn begin(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
        now: Instant,
    ) -> Result<(), Refusal> {
        let ip = ip_of(remote);
        if let Some(known) = &self.addresses
            && !ip.is_some_and(|ip| known.contains(&ip))
        {
            return Err(Refusal::UnknownAddress);
        }
        // On loopback everybody is a neighbour: a devnet connects all its validators at once.
        let spared = |ip: &IpAddr| self.limits.spare_loopback && ip.is_loopback();
        let caller = ip.filter(|ip| !spared(ip)).map(caller_of);
        let mut stranger = true;
        if let Some(caller) = caller {
            stranger = self.callers.call(caller, now)?;
            let of_caller = self.handshakes().filter(|of| of.caller == Some(caller));
            if of_caller.count() >= self.limits.max_pending_per_ip {
                return Err(Refusal::TooManyPendingFromAddress);
            }
        }
        // Whoever is known does not wait behind strangers, and the other way round.
        let of_kind = self.handshakes().filter(|of| of.stranger == stranger);
        if of_kind.count() >= self.limits.max_pending && !self.make_room(stranger, now) {
            return Err(Refusal::TooManyPending);
        }
        let (local, remote, pass) = (local.clone(), remote.clone(), Arc::default());
        self.pending.insert(id, Pending { local, remote, caller, stranger, since: now, pass });
        Ok(())
    }

    /// Those that were not told to end.
    fn handshakes(&self) -> impl Iterator<Item = &Pending> {
        self.pending.values().filter(|pending| !pending.pass.is_evicted())
    }

    /// Ends the oldest handshake of the kind, if it has had its time: else whoever connects and does
    /// nothing would keep out everybody else.
    fn make_room(&self, stranger: bool, now: Instant) -> bool {
        let of_kind = self.handshakes().filter(|of| of.stranger == stranger);
        let oldest = of_kind.filter(|of| of.pass.is_at_socket()).min_by_key(|of| of.since);
        let slow = oldest.filter(|of| now.saturating_duration_since(of.since) >= PATIENCE);
        slow.inspect(|of| of.pass.evict()).is_some()
    }

    /// What goes with a connection whose handshake begins.
    pub(super) fn pass(&self, local: &Multiaddr, remote: &Multiaddr) -> Option<Arc<Pass>> {
        let mut pending = self.pending.values();
        let of = pending.find(|of| of.remote == *remote && of.local == *local);
        of.map(|of| of.pass.clone())
    }

    /// The handshake is done or has failed.
    pub(super) fn end(&mut self, id: ConnectionId) -> Option<Pending> {
        self.pending.remove(&id)
    }

    /// Why a handshake failed that says nothing better itself.
    pub(super) fn why_failed(&self, pending: &Pending, now: Instant) -> Refusal {
        // libp2p's clock runs from a moment before we hear of it, and a busy machine makes that longer.
        let timeout = Duration::from_millis(self.limits.handshake_timeout_ms) * 9 / 10;
        if pending.pass.is_evicted() {
            Refusal::MadeRoom
        } else if now.saturating_duration_since(pending.since) >= timeout {
            Refusal::HandshakeTimeout
        } else {
            Refusal::HandshakeFailed
        }
    }

    /// Whether this key may connect now.
    pub(super) fn check(&self, key: &PublicKey, now: Instant) -> Result<(), Refusal> {
        if !self.allowed.contains(key) {
            return Err(Refusal::NotAllowed);
        }
        if self.budgets.get(key).is_some_and(|budget| budget.is_spent(now)) {
            return Err(Refusal::OverBudget);
        }
        Ok(())
    }

    /// After the handshake.
    pub(super) fn admit(&mut self, link: &Arc<Link>, now: Instant) -> Result<(), Refusal> {
        self.check(&link.peer, now)?;
        if let Some(caller) = link.caller {
            self.callers.welcome(caller, now);
        }
        if self.links.len() >= self.limits.max_connections {
            return Err(Refusal::TooManyConnections);
        }
        let of_peer = self.links.values().filter(|of| of.peer == link.peer);
        if of_peer.count() >= MAX_OF_PEER {
            return Err(Refusal::TooManyOfPeer);
        }
        if let Some(caller) = link.caller {
            // An older one of the same key makes room for this one.
            let others = self.links.values().filter(|of| of.peer != link.peer);
            let of_caller = others.filter(|of| of.caller == Some(caller));
            if of_caller.count() >= self.limits.max_connections_per_ip {
                return Err(Refusal::TooManyFromAddress);
            }
        }
        link.pass.restrict(self.budgets.get(&link.peer).cloned());
        link.pass.take();
        self.links.insert(link.id, link.clone());
        Ok(())
    }

    /// The connection is gone.
    pub(super) fn remove(&mut self, id: ConnectionId, now: Instant) -> Option<Arc<Link>> {
        let link = self.links.remove(&id)?;
        // It will be back, and must not wait behind strangers then.
        if let Some(caller) = link.caller.filter(|_| self.allowed.contains(&link.peer)) {
            self.callers.welcome(caller, now);
        }
        Some(link)
    }

    /// Whether this key is in the set.
    pub(super) fn allows(&self, key: &PublicKey) -> bool {
        self.allowed.contains(key)
    }

    /// Replaces the set. Returns the connections that have to go.
    pub(super) fn allow(&mut self, keys: HashSet<PublicKey>) -> Vec<Arc<Link>> {
        self.allowed = keys;
        // Whoever leaves ends within a moment, after hearing why.
        let has_to_go =
            |link: &&Arc<Link>| !self.allowed.contains(&link.peer) && !link.is_leaving();
        self.links.values().filter(has_to_go).cloned().collect()
    }

    /// Replaces the keys that have a budget. Whoever stays among them keeps what is left of it.
    pub(super) fn restrict(&mut self, keys: impl Iterator<Item = PublicKey>, now: Instant) {
        let bytes = self.limits.restricted_bytes;
        let mut before = std::mem::take(&mut self.budgets);
        for key in keys {
            let budget = before.remove(&key);
            self.budgets
                .entry(key)
                .or_insert_with(|| budget.unwrap_or_else(|| Arc::new(Budget::new(bytes, now))));
        }
        for link in self.links.values() {
            link.pass.restrict(self.budgets.get(&link.peer).cloned());
        }
    }

    /// Replaces the addresses that may begin a handshake; `None` is all of them.
    pub(super) fn allow_addresses(&mut self, addresses: Option<HashSet<IpAddr>>) {
        let canonical = |set: HashSet<IpAddr>| set.iter().map(IpAddr::to_canonical).collect();
        self.addresses = addresses.map(canonical);
    }

    /// All connections.
    pub(super) fn links(&self) -> Vec<Arc<Link>> {
        self.links.values().cloned().collect()
    }

    /// Handshakes under way and connections taken.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.pending.len(), self.links.len())
    }
}
