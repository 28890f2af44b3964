//! Counts what comes, goes and is dropped.

use super::inbox::Dropped;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What came, went and was dropped since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages published.
    pub published: u64,
    /// Messages handed to the application.
    pub delivered: u64,
    /// Messages that came again.
    pub duplicates: u64,
    /// Messages whose signature is not the origin's.
    pub forged: u64,
    /// Messages of an origin that is not registered.
    pub unknown_origin: u64,
    /// Messages that are no envelopes.
    pub malformed: u64,
    /// Messages so old that nobody knows whether they came before.
    pub stale: u64,
    /// Messages whose payload is not what it says: it does not decompress, or to more than a payload
    /// may have, or is a vote and compressed.
    pub undecompressible: u64,
    /// Own messages that came back.
    pub own: u64,
    /// Connections made.
    pub connections: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) published: AtomicU64,
    pub(super) delivered: AtomicU64,
    pub(super) connections: AtomicU64,
    dropped: [AtomicU64; Dropped::COUNT],
}

impl Counters {
    pub(super) fn drop(&self, reason: Dropped) {
        self.dropped[reason as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self) -> Stats {
        let dropped = |reason| self.dropped[reason as usize].load(Relaxed);
        Stats {
            published: self.published.load(Relaxed),
            delivered: self.delivered.load(Relaxed),
            connections: self.connections.load(Relaxed),
            duplicates: dropped(Dropped::Duplicate),
            forged: dropped(Dropped::Forged),
            unknown_origin: dropped(Dropped::UnknownOrigin),
            malformed: dropped(Dropped::Malformed),
            stale: dropped(Dropped::Stale),
            undecompressible: dropped(Dropped::Undecompressible),
            own: dropped(Dropped::Own),
        }
    }
}
