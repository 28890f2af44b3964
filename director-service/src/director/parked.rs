//! Keeps frames for a moment that a block not seen yet may make right: their origins may be authorized
//! there, or have the checkpoint key there with which they vote.
//!
//! Directors do not hear of a finalized block at the same moment. What one of them accepts already
//! and passes on must not be lost at the next one because its node is 50 ms behind.

use super::{Millis, Received, header::Header};
use director_primitives::{PublicKey, Snapshot};
use std::collections::VecDeque;

/// What a parked frame costs beside its bytes.
const OVERHEAD: usize = 128;

#[derive(Debug)]
struct Waiting {
    until: Millis,
    origin: PublicKey,
    received: Received,
}

/// The frames, oldest first, bounded by their bytes.
#[derive(Debug, Default)]
pub(super) struct Parked {
    waiting: VecDeque<Waiting>,
    bytes: usize,
}

impl Parked {
    /// Keeps a frame. Gives it back if there is no room.
    pub(super) fn park(
        &mut self,
        until: Millis,
        received: Received,
        max_bytes: usize,
    ) -> Result<(), Received> {
        let bytes = received.frame.len() + OVERHEAD;
        let Ok(Header { origin, .. }) = Header::read(&received.frame) else {
            return Err(received);
        };
        if self.bytes + bytes > max_bytes {
            return Err(received);
        }
        self.bytes += bytes;
        self.waiting.push_back(Waiting { until, origin, received });
        Ok(())
    }

    /// How many frames of this origin wait.
    pub(super) fn count_of(&self, origin: &PublicKey) -> usize {
        self.waiting.iter().filter(|waiting| waiting.origin == *origin).count()
    }

    /// Bytes of them, as they are bounded.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Those whose origin is authorized now.
    pub(super) fn take_ready(&mut self, snapshot: &Snapshot) -> Vec<Received> {
        self.take(|waiting| snapshot.is_authorized(&waiting.origin))
    }

    /// Those that have waited long enough.
    pub(super) fn take_expired(&mut self, now: Millis) -> Vec<Received> {
        self.take(|waiting| waiting.until <= now)
    }

    fn take(&mut self, which: impl Fn(&Waiting) -> bool) -> Vec<Received> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.waiting);
        let (taken, left): (VecDeque<_>, VecDeque<_>) = all.into_iter().partition(which);
        self.waiting = left;
        self.bytes = self.waiting.iter().map(|w| w.received.frame.len() + OVERHEAD).sum();
        taken.into_iter().map(|waiting| waiting.received).collect()
    }
}
