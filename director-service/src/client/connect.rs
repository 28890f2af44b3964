//! Chooses the director to connect to, and when.

use crate::network::Multiaddr;
use director_primitives::{
    PublicKey, Snapshot,
    envelope::fingerprint,
    runtime_api::{DirectorInfo, EndpointScope},
};
use std::time::Duration;

/// Where a director can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectorAddress {
    /// Its peer key.
    pub peer_key: PublicKey,
    /// Its public addresses, `/ip4/203.0.113.7/tcp/30400`.
    pub addresses: Vec<Multiaddr>,
}

/// Which directors a client connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directors {
    /// These, most wanted first, whatever the chain says.
    Fixed(Vec<DirectorAddress>),
    /// The active ones of the finalized chain, with the keys and addresses that they have there, as
    /// they change. Each validator goes through them in an order of its own, so that all together
    /// spread evenly.
    OnChain,
}

impl From<Vec<DirectorAddress>> for Directors {
    fn from(directors: Vec<DirectorAddress>) -> Self {
        Self::Fixed(directors)
    }
}

/// The active directors with their public addresses, as the chain has them. Those without an
/// address that can be read are left out.
pub fn directors_on_chain(snapshot: &Snapshot) -> Vec<DirectorAddress> {
    snapshot.directors.active.iter().filter_map(public_address).collect()
}

fn public_address<A>(director: &DirectorInfo<A>) -> Option<DirectorAddress> {
    let public = director.endpoints.iter().filter(|of| of.scope == EndpointScope::Public);
    let address = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse().ok();
    let addresses: Vec<_> = public.filter_map(|of| address(&of.address)).collect();
    let peer_key = director.peer_key;
    (!addresses.is_empty()).then_some(DirectorAddress { peer_key, addresses })
}

/// The same, in the order in which the validator with this key tries them: by a hash of its key and
/// the director's account. So a director that comes or goes changes the place of itself alone, and
/// those that lose a director spread over all others.
pub(super) fn in_own_order(snapshot: &Snapshot, own_key: &PublicKey) -> Vec<DirectorAddress> {
    let mut active: Vec<_> = snapshot.directors.active.iter().collect();
    active.sort_by_cached_key(|director| {
        fingerprint(&[own_key.as_ref(), <[u8; 32]>::as_ref(director.account.as_ref())].concat())
    });
    active.into_iter().filter_map(public_address).collect()
}

/// Goes through the list of directors, one at a time.
pub(super) struct Choice {
    directors: Vec<DirectorAddress>,
    current: usize,
    failures: u32,
    base: Duration,
    max: Duration,
}

impl Choice {
    pub(super) fn new(directors: Vec<DirectorAddress>, base: Duration, max: Duration) -> Self {
        Self { directors, current: 0, failures: 0, base, max }
    }

    /// The one to connect to; `None` if there is none at all.
    pub(super) fn current(&self) -> Option<&DirectorAddress> {
        self.directors.get(self.current)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = PublicKey> {
        self.directors.iter().map(|director| director.peer_key)
    }

    pub(super) fn knows(&self, director: &PublicKey) -> bool {
        self.position(director).is_some()
    }

    /// Whether there is another one to try.
    pub(super) fn has_others(&self) -> bool {
        self.directors.len() > 1
    }

    fn position(&self, director: &PublicKey) -> Option<usize> {
        self.directors.iter().position(|of| of.peer_key == *director)
    }

    fn is_current(&self, director: &PublicKey) -> bool {
        self.current().is_some_and(|current| current.peer_key == *director)
    }

    /// Takes another list; returns whether it is another one. The current director stays, or gives way
    /// to the first of the list if it is not there any more.
    pub(super) fn update(&mut self, directors: Vec<DirectorAddress>) -> bool {
        if self.directors == directors {
            return false;
        }
        let current = self.current().map(|current| current.peer_key);
        self.directors = directors;
        self.current = current.and_then(|key| self.position(&key)).unwrap_or(0);
        true
    }

    /// This one it is, whoever was chosen.
    pub(super) fn select(&mut self, director: &PublicKey) {
        self.current = self.position(director).unwrap_or(self.current);
    }

    /// Not this one: moves to the next one, if it is the current one.
    pub(super) fn skip(&mut self, director: &PublicKey) {
        if self.is_current(director) {
            self.current = (self.current + 1) % self.directors.len();
        }
    }

    /// A director that has no room names others: moves to the first that is known, or to the next one.
    pub(super) fn redirect(&mut self, from: &PublicKey, to: &[PublicKey]) {
        let known = to.iter().filter(|named| *named != from).find_map(|named| self.position(named));
        match known {
            Some(known) => self.current = known,
            None => self.skip(from),
        }
    }

    /// Nothing came of this one: moves to the next one if it is the current one still, and says how
    /// long to wait before the current one is dialed. `chance` is a random number in 0..1: full
    /// jitter, so that validators which lose a director together do not arrive together.
    pub(super) fn failed(&mut self, director: &PublicKey, chance: f64) -> Duration {
        self.skip(director);
        let rounds = self.failures / self.directors.len().max(1) as u32;
        self.failures = self.failures.saturating_add(1);
        let ceiling = self.base.saturating_mul(1 << rounds.min(16)).min(self.max);
        ceiling.mul_f64(chance.clamp(0.0, 1.0))
    }

    /// The current one took us.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }
}
