//! Chooses the director to connect to, and when.

use crate::network::Multiaddr;
use director_primitives::{PublicKey, Snapshot, runtime_api::EndpointScope};
use std::time::Duration;

/// Where a director can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectorAddress {
    /// Its peer key.
    pub peer_key: PublicKey,
    /// Its public addresses, `/ip4/203.0.113.7/tcp/30400`.
    pub addresses: Vec<Multiaddr>,
}

/// The active directors with their public addresses, as the chain has them. Those without an
/// address that can be read are left out.
pub fn directors_on_chain(snapshot: &Snapshot) -> Vec<DirectorAddress> {
    let directors = snapshot.directors.active.iter().map(|director| {
        let public = director.endpoints.iter().filter(|of| of.scope == EndpointScope::Public);
        let address = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse().ok();
        let addresses = public.filter_map(|of| address(&of.address)).collect();
        DirectorAddress { peer_key: director.peer_key, addresses }
    });
    directors.filter(|director| !director.addresses.is_empty()).collect()
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
    /// `directors` is not empty.
    pub(super) fn new(directors: Vec<DirectorAddress>, base: Duration, max: Duration) -> Self {
        Self { directors, current: 0, failures: 0, base, max }
    }

    pub(super) fn current(&self) -> &DirectorAddress {
        &self.directors[self.current]
    }

    /// The current one failed: moves to the next one and says how long to wait before it is
    /// dialed. `chance` is a random number in 0..1: full jitter, so that validators which lose a
    /// director together do not arrive together.
    pub(super) fn failed(&mut self, chance: f64) -> Duration {
        let rounds = self.failures / self.directors.len() as u32;
        self.failures = self.failures.saturating_add(1);
        self.current = (self.current + 1) % self.directors.len();
        let ceiling = self.base.saturating_mul(1 << rounds.min(16)).min(self.max);
        ceiling.mul_f64(chance.clamp(0.0, 1.0))
    }

    /// The current one took us.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }
}
