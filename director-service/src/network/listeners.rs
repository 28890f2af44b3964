//! Keeps the listeners in line with the addresses that are wanted, and tries again what fails.
//!
//! Knows no swarm: it says what to open and close, and hears what came of it.

use super::Multiaddr;
use libp2p::core::transport::ListenerId;
use std::time::Duration;
use tokio::time::Instant;

/// The longest delay is so many times the first.
const LONGEST: u32 = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { retry_at: Instant },
    Open(ListenerId),
}

struct Listener {
    wanted: Multiaddr,
    state: State,
    /// With the real ports.
    addresses: Vec<Multiaddr>,
    failures: u32,
}

/// Where to listen, and what came of it.
pub(super) struct Listeners {
    first_delay: Duration,
    all: Vec<Listener>,
}

impl Listeners {
    pub(super) fn new(first_delay: Duration) -> Self {
        Self { first_delay, all: Vec::new() }
    }

    /// Replaces the set. Those that stay are not touched; returns those to close.
    pub(super) fn set(&mut self, wanted: Vec<Multiaddr>, now: Instant) -> Vec<ListenerId> {
        let (stay, go) = std::mem::take(&mut self.all)
            .into_iter()
            .partition::<Vec<_>, _>(|listener| wanted.contains(&listener.wanted));
        self.all = stay;
        for wanted in wanted {
            if !self.all.iter().any(|listener| listener.wanted == wanted) {
                let state = State::Closed { retry_at: now };
                self.all.push(Listener { wanted, state, addresses: Vec::new(), failures: 0 });
            }
        }
        let id = |listener: Listener| match listener.state {
            State::Open(id) => Some(id),
            State::Closed { .. } => None,
        };
        go.into_iter().filter_map(id).collect()
    }

    /// What to open now. Each is asked for until [`Self::opened`] or [`Self::failed`].
    pub(super) fn due(&self, now: Instant) -> Vec<Multiaddr> {
        let is_due =
            |of: &&Listener| matches!(of.state, State::Closed { retry_at } if retry_at <= now);
        self.all.iter().filter(is_due).map(|listener| listener.wanted.clone()).collect()
    }

    /// When [`Self::due`] has something next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let retry_at = |listener: &Listener| match listener.state {
            State::Closed { retry_at } => Some(retry_at),
            State::Open(_) => None,
        };
        self.all.iter().filter_map(retry_at).min()
    }

    /// A listener is being opened; its addresses follow.
    pub(super) fn opened(&mut self, wanted: &Multiaddr, id: ListenerId) {
        if let Some(listener) = self.all.iter_mut().find(|of| of.wanted == *wanted) {
            listener.state = State::Open(id);
        }
    }

    /// An address could not be listened on. Returns after how long it is tried again.
    pub(super) fn failed(&mut self, wanted: &Multiaddr, now: Instant) -> Duration {
        let first = self.first_delay;
        let Some(listener) = self.all.iter_mut().find(|of| of.wanted == *wanted) else {
            return first;
        };
        let delay = first.saturating_mul(1 << listener.failures.min(16)).min(first * LONGEST);
        listener.failures = listener.failures.saturating_add(1);
        listener.state = State::Closed { retry_at: now + delay };
        listener.addresses.clear();
        delay
    }

    /// A listener listens at this address.
    pub(super) fn listens(&mut self, id: ListenerId, address: Multiaddr) {
        if let Some(listener) = self.of(id) {
            listener.failures = 0;
            listener.addresses.push(address);
        }
    }

    /// A listener does not listen at this address any more.
    pub(super) fn expired(&mut self, id: ListenerId, address: &Multiaddr) {
        if let Some(listener) = self.of(id) {
            listener.addresses.retain(|of| of != address);
        }
    }

    /// A listener has ended by itself: returns for which address, and after how long it is opened
    /// again. `None` if it was not wanted any more.
    pub(super) fn closed(&mut self, id: ListenerId, now: Instant) -> Option<(Multiaddr, Duration)> {
        let wanted = self.of(id)?.wanted.clone();
        let delay = self.failed(&wanted, now);
        Some((wanted, delay))
    }

    fn of(&mut self, id: ListenerId) -> Option<&mut Listener> {
        self.all.iter_mut().find(|listener| listener.state == State::Open(id))
    }

    /// Where we listen, in the order in which it is wanted, with the real ports.
    pub(super) fn addresses(&self) -> Vec<Multiaddr> {
        self.all.iter().flat_map(|listener| listener.addresses.iter().cloned()).collect()
    }

    /// Whether every listener listens.
    pub(super) fn are_open(&self) -> bool {
        self.all.iter().all(|listener| !listener.addresses.is_empty())
    }
}
