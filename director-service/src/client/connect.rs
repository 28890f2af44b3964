//! Says which directors there are, and which of them is wanted most.

use crate::network::Multiaddr;
use director_primitives::{
    PublicKey, Snapshot,
    envelope::fingerprint,
    runtime_api::{DirectorInfo, EndpointScope},
};

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
    /// they change.
    OnChain,
}

impl From<Vec<DirectorAddress>> for Directors {
    fn from(directors: Vec<DirectorAddress>) -> Self {
        Self::Fixed(directors)
    }
}

/// Which director is wanted most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// By a hash of the validator's key and the director's account, weighted by the director's capacity
    /// ([weighted rendezvous hashing](https://en.wikipedia.org/wiki/Rendezvous_hashing)): all validators
    /// together spread by capacity without a word between them, and a director that comes or goes
    /// moves only those that it gets or had.
    Rendezvous,
    /// The one that answers fastest. All are connected to once, to find out.
    Nearest,
    /// The one with most room, as they say themselves. All are connected to once, to find out.
    LeastLoaded,
    /// In the order in which they are listed.
    Pinned,
}

/// A director that may be connected to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) address: DirectorAddress,
    /// What its place in the order is made of: its account, or its key if that is not known.
    id: [u8; 32],
    capacity: u32,
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

pub(super) fn candidates_on_chain(snapshot: &Snapshot) -> Vec<Candidate> {
    let active = snapshot.directors.active.iter();
    active
        .filter_map(|director| {
            let address = public_address(director)?;
            let id = *AsRef::<[u8; 32]>::as_ref(&director.account);
            Some(Candidate { address, id, capacity: director.capacity })
        })
        .collect()
}

pub(super) fn fixed_candidates(directors: Vec<DirectorAddress>) -> Vec<Candidate> {
    let of = |address: DirectorAddress| {
        let id = address.peer_key.0;
        Candidate { address, id, capacity: 1 }
    };
    directors.into_iter().map(of).collect()
}

/// How long one that is avoided is not even a standby, in milliseconds.
const REST_MS: u64 = 3_000;

/// A director, and how we have fared with it.
#[derive(Clone, Debug)]
struct Known {
    candidate: Candidate,
    /// The smaller, the more wanted: exponentially distributed, faster with more capacity.
    rendezvous: f64,
    failures: u32,
    not_before: u64,
    avoided_at: u64,
    avoid_until: u64,
    rtt_ms: Option<u64>,
    /// Validators by places.
    load: Option<f64>,
}

/// Puts the directors into order.
#[derive(Debug)]
pub(super) struct Choice {
    strategy: Strategy,
    own_key: PublicKey,
    known: Vec<Known>,
    base_ms: u64,
    max_ms: u64,
}

impl Choice {
    pub(super) fn new(strategy: Strategy, own_key: PublicKey, base_ms: u64, max_ms: u64) -> Self {
        Self { strategy, own_key, known: Vec::new(), base_ms, max_ms }
    }

    /// Takes another list; returns whether it is another one. What is known of those that stay is kept.
    pub(super) fn update(&mut self, candidates: Vec<Candidate>) -> bool {
        if self.known.iter().map(|known| &known.candidate).eq(&candidates) {
            return false;
        }
        let own_key = self.own_key;
        let known = candidates.into_iter().map(|candidate| {
            let earlier = self.find(&candidate.address.peer_key).cloned();
            let rendezvous = rendezvous(&own_key, &candidate);
            match earlier {
                Some(earlier) => Known { candidate, rendezvous, ..earlier },
                None => Known {
                    candidate,
                    rendezvous,
                    failures: 0,
                    not_before: 0,
                    avoided_at: 0,
                    avoid_until: 0,
                    rtt_ms: None,
                    load: None,
                },
            }
        });
        self.known = known.collect();
        true
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = PublicKey> {
        self.known.iter().map(|known| known.candidate.address.peer_key)
    }

    pub(super) fn is_known(&self, director: &PublicKey) -> bool {
        self.find(director).is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    fn find(&self, director: &PublicKey) -> Option<&Known> {
        self.known.iter().find(|known| known.candidate.address.peer_key == *director)
    }

    fn find_mut(&mut self, director: &PublicKey) -> Option<&mut Known> {
        self.known.iter_mut().find(|known| known.candidate.address.peer_key == *director)
    }

    /// The smaller, the more wanted; `None` if it is to be found out.
    fn score(&self, at: usize) -> Option<f64> {
        let known = &self.known[at];
        match self.strategy {
            Strategy::Rendezvous => Some(known.rendezvous),
            Strategy::Nearest => known.rtt_ms.map(|rtt| rtt as f64),
            Strategy::LeastLoaded => known.load,
            Strategy::Pinned => Some(at as f64),
        }
    }

    /// All of them, the most wanted first; those that are to be avoided last, and before those that are
    /// known those that are to be found out.
    fn ranked(&self, now: u64) -> Vec<&Known> {
        let mut order: Vec<_> = (0..self.known.len()).collect();
        order.sort_by(|a, b| {
            let key = |at: &usize| {
                let known = &self.known[*at];
                let is_avoided = now < known.avoid_until;
                (is_avoided, self.score(*at).unwrap_or(f64::NEG_INFINITY), known.rendezvous)
            };
            let ((a, b, c), (x, y, z)) = (key(a), key(b));
            a.cmp(&x).then(b.total_cmp(&y)).then(c.total_cmp(&z))
        });
        order.into_iter().map(|at| &self.known[at]).collect()
    }

    /// The most wanted one that may be dialed now.
    pub(super) fn next(
        &self,
        now: u64,
        may: impl Fn(&PublicKey) -> bool,
    ) -> Option<&DirectorAddress> {
        let mut ranked = self.ranked(now).into_iter();
        let may_dial =
            |known: &&Known| now >= known.not_before && may(&known.candidate.address.peer_key);
        ranked.find(may_dial).map(|known| &known.candidate.address)
    }

    /// Whether `one` is so much more wanted than `other` that it is worth to move.
    pub(super) fn is_better(&self, one: &PublicKey, other: &PublicKey, now: u64) -> bool {
        let at = |key: &PublicKey| {
            self.known.iter().position(|known| known.candidate.address.peer_key == *key)
        };
        let (Some(one), Some(other)) = (at(one), at(other)) else { return false };
        if now < self.known[one].avoid_until {
            return false;
        }
        let (Some(one), Some(other)) = (self.score(one), self.score(other)) else { return false };
        match self.strategy {
            Strategy::Rendezvous | Strategy::Pinned => one < other,
            // What is measured wavers.
            Strategy::Nearest => one + 2.0 < other * 0.7,
            Strategy::LeastLoaded => one + 0.02 < other * 0.8,
        }
    }

    /// A director that is worth a connection beside those that are there: a better one than these, or one
    /// of which too little is known.
    pub(super) fn worth_a_try(
        &self,
        now: u64,
        linked: impl Fn(&PublicKey) -> bool,
    ) -> Option<&DirectorAddress> {
        let ranked = self.ranked(now);
        // Two are linked: what is not among the best two is not worth it.
        let best = ranked.into_iter().take(2);
        let mut free = best.filter(|known| !linked(&known.candidate.address.peer_key));
        free.find(|known| now >= known.not_before.max(known.avoid_until))
            .map(|known| &known.candidate.address)
    }

    /// Nothing came of this one: not again before a while. `chance` is a random number in 0..1: full
    /// jitter, so that validators which lose a director together do not arrive together.
    pub(super) fn failed(&mut self, director: &PublicKey, now: u64, chance: f64) {
        let (base_ms, max_ms) = (self.base_ms, self.max_ms);
        if let Some(known) = self.find_mut(director) {
            let ceiling = base_ms.saturating_mul(1 << known.failures.min(16)).min(max_ms);
            known.failures = known.failures.saturating_add(1);
            let wait = (ceiling as f64 * chance.clamp(0.0, 1.0)) as u64;
            known.not_before = now.saturating_add(wait);
        }
    }

    /// Not this one for so long, if there is another.
    pub(super) fn avoid(&mut self, director: &PublicKey, now: u64, ms: u64) {
        if let Some(known) = self.find_mut(director) {
            known.avoided_at = now;
            known.avoid_until = known.avoid_until.max(now.saturating_add(ms));
        }
    }

    /// Whether it may stand by, if no other one can: even one that is not wanted shows what the primary keeps
    /// back. But one that has just sent us away would do so again.
    pub(super) fn may_stand_by(&self, director: &PublicKey, now: u64) -> bool {
        let rested = |known: &Known| now >= known.avoid_until.min(known.avoided_at + REST_MS);
        self.find(director).is_some_and(rested)
    }

    pub(super) fn is_avoided(&self, director: &PublicKey, now: u64) -> bool {
        self.find(director).is_some_and(|known| now < known.avoid_until)
    }

    /// It took us.
    pub(super) fn succeeded(&mut self, director: &PublicKey) {
        if let Some(known) = self.find_mut(director) {
            known.failures = 0;
        }
    }

    /// How long it took to answer. Smoothed as in RFC 6298.
    pub(super) fn answered(&mut self, director: &PublicKey, rtt_ms: u64) {
        if let Some(known) = self.find_mut(director) {
            known.rtt_ms = Some(known.rtt_ms.map_or(rtt_ms, |rtt| (rtt * 7 + rtt_ms) / 8));
        }
    }

    /// What it says of itself.
    pub(super) fn loaded(&mut self, director: &PublicKey, validators: u32, capacity: u32) {
        if let Some(known) = self.find_mut(director) {
            known.load = Some(f64::from(validators) / f64::from(capacity.max(1)));
        }
    }
}

/// The place of a director in the order of a validator: with the uniform number `h` in 0..1,
/// `-ln(h) / capacity`, of which the smallest is that of each director in proportion to its capacity.
fn rendezvous(own_key: &PublicKey, candidate: &Candidate) -> f64 {
    let hash = fingerprint(&[own_key.as_ref(), &candidate.id[..]].concat());
    let mut number = [0; 8];
    number.copy_from_slice(&hash[..8]);
    let uniform = (u64::from_le_bytes(number) as f64 + 1.0) / (u64::MAX as f64 + 2.0);
    -uniform.ln() / f64::from(candidate.capacity.max(1))
}
