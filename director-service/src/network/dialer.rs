//! Remembers whom to dial and when to try again: back-off with full jitter.

use super::Multiaddr;
use director_primitives::PublicKey;
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// A connection that held for less did not work: the back-off goes on from where it was.
const STEADY: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting(Instant),
    Dialing,
    Up(Instant),
}

struct Target {
    addresses: Vec<Multiaddr>,
    once: bool,
    failures: u32,
    phase: Phase,
}

/// Whom to dial.
pub(super) struct Dialer {
    base: Duration,
    max: Duration,
    targets: HashMap<PublicKey, Target>,
}

impl Dialer {
    pub(super) fn new(base: Duration, max: Duration) -> Self {
        Self { base, max, targets: HashMap::new() }
    }

    /// Wants a connection: `once`, or until [`Self::remove`]. Dials at once, unless it is `up`.
    pub(super) fn set(
        &mut self,
        peer: PublicKey,
        addresses: Vec<Multiaddr>,
        once: bool,
        up: bool,
        now: Instant,
    ) {
        let phase = if up { Phase::Up(now) } else { Phase::Waiting(now) };
        let target = self.targets.entry(peer).or_insert(Target {
            addresses: Vec::new(),
            once,
            failures: 0,
            phase,
        });
        target.once = once;
        // With the same addresses nothing is new: the back-off goes on.
        if target.addresses != addresses {
            target.addresses = addresses;
            if matches!(target.phase, Phase::Waiting(_)) {
                target.failures = 0;
                target.phase = phase;
            }
        }
    }

    pub(super) fn remove(&mut self, peer: &PublicKey) {
        self.targets.remove(peer);
    }

    /// Whom to dial now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(PublicKey, Vec<Multiaddr>)> {
        let is_due = |target: &&mut Target| matches!(target.phase, Phase::Waiting(at) if at <= now);
        let mut due = Vec::new();
        for (peer, target) in &mut self.targets {
            if is_due(&target) {
                target.phase = Phase::Dialing;
                due.push((*peer, target.addresses.clone()));
            }
        }
        due
    }

    /// When [`Self::due`] has something next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.targets
            .values()
            .filter_map(|target| match target.phase {
                Phase::Waiting(at) => Some(at),
                _ => None,
            })
            .min()
    }

    /// A dial came to nothing. `chance` is a random number in 0..1.
    pub(super) fn failed(&mut self, peer: &PublicKey, now: Instant, chance: f64) {
        let delay = |failures| backoff(self.base, self.max, failures, chance);
        let Some(target) = self.targets.get_mut(peer) else {
            return;
        };
        if target.phase != Phase::Dialing {
            return;
        }
        if target.once {
            self.targets.remove(peer);
            return;
        }
        target.phase = Phase::Waiting(now + delay(target.failures));
        target.failures = target.failures.saturating_add(1);
    }

    /// The peer is connected, whoever dialed.
    pub(super) fn up(&mut self, peer: &PublicKey, now: Instant) {
        if let Some(target) = self.targets.get_mut(peer) {
            target.phase = Phase::Up(now);
        }
    }

    /// The peer is not connected any more.
    pub(super) fn down(&mut self, peer: &PublicKey, now: Instant, chance: f64) {
        let delay = |failures| backoff(self.base, self.max, failures, chance);
        let Some(target) = self.targets.get_mut(peer) else {
            return;
        };
        if target.once {
            self.targets.remove(peer);
            return;
        }
        if let Phase::Up(since) = target.phase
            && now.saturating_duration_since(since) >= STEADY
        {
            target.failures = 0;
        }
        target.phase = Phase::Waiting(now + delay(target.failures));
        target.failures = target.failures.saturating_add(1);
    }
}

/// Full jitter: anything between nothing and `base * 2^failures`, at most `max`.
pub(super) fn backoff(base: Duration, max: Duration, failures: u32, chance: f64) -> Duration {
    base.saturating_mul(1 << failures.min(16)).min(max).mul_f64(chance.clamp(0.0, 1.0))
}
