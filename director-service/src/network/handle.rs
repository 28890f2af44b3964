//! Gives the user of a swarm its sending end.

use super::{
    Broadcast, DownReason, Multiaddr, Payload, Sent, Side, Stats,
    hub::Hub,
    link::{Link, lock},
};
use director_primitives::{Priority, PublicKey};
use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// Stops the swarm when the last handle is gone.
struct Guard(Arc<Hub>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Somebody who is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its key.
    pub key: PublicKey,
    /// Bytes that wait for it and of it.
    pub waiting_bytes: u64,
    /// How long a message takes there and back, by the last ping; `None` before its answer, and over QUIC.
    pub round_trip: Option<Duration>,
}

/// The sending end of a swarm. Clones are the same swarm; it stops with the last of them, or with
/// [`Handle::shutdown`].
#[derive(Clone)]
pub struct Handle {
    hub: Arc<Hub>,
    _guard: Arc<Guard>,
}

impl Handle {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { _guard: Arc::new(Guard(hub.clone())), hub }
    }

    /// Our own key.
    pub fn local_key(&self) -> PublicKey {
        self.hub.local
    }

    /// Where we listen now, with the real ports.
    pub fn listening(&self) -> Vec<Multiaddr> {
        self.hub.listening.borrow().clone()
    }

    /// The same, to wait for changes; empty after the end.
    pub fn watch_listening(&self) -> watch::Receiver<Vec<Multiaddr>> {
        self.hub.listening.subscribe()
    }

    /// Replaces the addresses to listen on. Listeners that stay are not touched, and connections stay
    /// whatever becomes of the listener they came by. An address that cannot be listened on is logged
    /// and tried again after [`super::Limits::relisten_ms`], then after twice that and so on.
    pub fn listen(&self, addresses: Vec<Multiaddr>) {
        *lock(&self.hub.wanted_listeners) = Some(addresses);
        self.hub.changed.notify_one();
    }

    /// Says who may connect, in both directions. At the start that is nobody. Connections of keys
    /// that are not among them are closed at once, but those that end already
    /// ([`Self::disconnect_after_flush`]).
    pub fn allow(&self, keys: impl IntoIterator<Item = PublicKey>) {
        let keys = keys.into_iter().collect();
        let out = lock(&self.hub.gate).allow(keys);
        for link in out {
            self.hub.close(&link, DownReason::NotAllowed);
        }
        self.hub.changed.notify_one();
    }

    /// Says which of the allowed keys may connect but have not been given the right to speak: of each
    /// at most [`super::Limits::restricted_bytes`] are read within a minute, however often it
    /// connects. Beyond that its connection ends ([`super::DownReason::Exceeded`]) and the key is
    /// refused until the minute is over. Takes effect at once, also on connections that are up. Does
    /// not let anybody in: that is [`Self::allow`].
    pub fn restrict(&self, keys: impl IntoIterator<Item = PublicKey>) {
        lock(&self.hub.gate).restrict(keys.into_iter(), Instant::now());
    }

    /// Says from which addresses handshakes are begun at all; `None`, as at the start, is from all.
    /// Others are disconnected without a byte; over QUIC after the first answer, in which our key is.
    /// Connections that are there stay, and whom we dial is not asked. Addresses of IPv4 that are
    /// written as IPv6 are the same.
    pub fn allow_addresses(&self, addresses: Option<HashSet<IpAddr>>) {
        lock(&self.hub.gate).allow_addresses(addresses);
    }

    /// Puts a frame into a peer's queue. Never waits. Control goes with the Critical class,
    /// whatever `class` says.
    pub fn send(&self, to: &PublicKey, class: Priority, payload: Payload) -> Sent {
        self.hub.send(to, class, payload)
    }

    /// Puts messages into the queues of all peers in `to` that are connected, but those that a message
    /// excepts. Never waits. What is dropped is counted ([`Self::stats`]); a peer whose queue
    /// overflows is disconnected, and nobody else notices.
    ///
    /// Nothing is written before [`Self::flush`], so that several batches in a row make one write.
    pub fn fan_out(&self, to: &[PublicKey], batch: &[Broadcast]) {
        self.hub.fan_out(to, batch);
    }

    /// Has written what [`Self::fan_out`] queued.
    pub fn flush(&self) {
        self.hub.flush();
    }

    /// Connections that have something to write since the last [`Self::flush`] and had no turn yet.
    pub fn waiting_to_write(&self) -> usize {
        self.hub.told.load(SeqCst)
    }

    /// Dials once. [`super::Event::DialFailed`] or [`super::Event::Up`] follows, unless the peer is
    /// connected already or it is its turn to dial (see the module's page).
    pub fn dial(&self, peer: PublicKey, addresses: Vec<Multiaddr>) {
        self.want(peer, addresses, true);
    }

    /// Keeps a connection to the peer: dials, and dials again after each failure and each loss with
    /// back-off and full jitter, until [`Self::forget`]. Calling it again changes the addresses.
    pub fn maintain(&self, peer: PublicKey, addresses: Vec<Multiaddr>) {
        self.want(peer, addresses, false);
    }

    fn want(&self, peer: PublicKey, addresses: Vec<Multiaddr>, once: bool) {
        let ours = match self.hub.side {
            Side::Mesh => self.hub.local.0 < peer.0,
            Side::Public => false,
            Side::Client => true,
        };
        if !ours || peer == self.hub.local {
            return;
        }
        {
            let up = self.hub.up();
            let is_up = up.contains_key(&peer);
            if !(is_up && once) {
                lock(&self.hub.dialer).set(peer, addresses, once, is_up, Instant::now());
            }
        }
        self.hub.changed.notify_one();
    }

    /// Undoes [`Self::maintain`]; an existing connection stays.
    pub fn forget(&self, peer: &PublicKey) {
        lock(&self.hub.dialer).remove(peer);
    }

    /// Ends the connection to a peer, if there is one. What waits in its queue is dropped and
    /// counted.
    pub fn disconnect(&self, peer: &PublicKey) {
        let link = self.hub.up().get(peer).cloned();
        if let Some(link) = link {
            self.hub.close(&link, DownReason::Disconnected);
        }
    }

    /// Ends the connection to a peer, if there is one, after what waits in its queue was written and
    /// the peer had the chance to read it; after half a second in any case. Nothing more is taken for the
    /// peer ([`Sent::NotConnected`]); what comes of it until then is still handed on.
    pub fn disconnect_after_flush(&self, peer: &PublicKey) {
        self.hub.leave(peer);
    }

    /// Who is connected.
    pub fn connected(&self) -> Vec<PublicKey> {
        self.hub.up().keys().copied().collect()
    }

    /// Connected peers of which something has come that [`super::Events::recv`] has not handed on yet.
    pub fn with_unread(&self) -> Vec<PublicKey> {
        let up = self.hub.up();
        up.iter().filter(|(_, link)| link.has_unread()).map(|(peer, _)| *peer).collect()
    }

    /// Who is connected, and how each is doing.
    pub fn peers(&self) -> Vec<Peer> {
        let links: Vec<_> = self.hub.up().values().cloned().collect();
        let peer = |link: &Arc<Link>| Peer {
            key: link.peer,
            waiting_bytes: link.waiting_bytes() as u64,
            round_trip: link.pass.round_trip.get(),
        };
        links.iter().map(peer).collect()
    }

    /// Whether this peer is connected.
    pub fn is_connected(&self, peer: &PublicKey) -> bool {
        self.hub.up().contains_key(peer)
    }

    /// What came, went and was lost.
    pub fn stats(&self) -> Stats {
        self.hub.stats()
    }

    /// What the swarm said when it panicked, if that was its end.
    pub fn panicked(&self) -> Option<String> {
        self.hub.panic.get().cloned()
    }

    /// Closes all connections and listeners, and returns when they are closed.
    pub async fn shutdown(&self) {
        self.hub.stop();
        let mut stopped = self.hub.stopped.subscribe();
        // An error says that the swarm is gone.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }
}
