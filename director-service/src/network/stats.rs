//! Counts what comes, goes and is lost.

use super::gate::Refusal;
use director_primitives::Priority;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Why a frame was not sent, or not handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The peer is too slow. Normal and Bulk: an older frame made room; Critical and High: it was
    /// disconnected.
    Overflow,
    /// The frame is empty or longer than what may wait.
    TooLarge,
    /// The connection ended before it could be sent.
    Disconnected,
    /// Memory ran out and the peer had most waiting: it was disconnected.
    Shed,
}

impl DropReason {
    /// All reasons, in the order of [`Stats::dropped`].
    pub const ALL: [Self; 4] = [Self::Overflow, Self::TooLarge, Self::Disconnected, Self::Shed];
}

/// Buckets of a [`Distribution`]: the last one has everything from 2^24 up.
pub const BUCKETS: usize = 26;

/// How often which value came, in powers of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// Bucket 0 counts zeros, bucket `i` values of at least `2^(i-1)` and less than `2^i`.
    pub counts: [u64; BUCKETS],
    /// All values together.
    pub sum: u64,
}

/// A distribution that many tasks add to; one addition costs two relaxed increments.
#[derive(Default)]
pub(super) struct Histogram {
    counts: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, value: u64) {
        let bucket = (u64::BITS - value.leading_zeros()) as usize;
        self.counts[bucket.min(BUCKETS - 1)].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    fn read(&self) -> Distribution {
        Distribution {
            counts: std::array::from_fn(|at| self.counts[at].load(Relaxed)),
            sum: self.sum.load(Relaxed),
        }
    }
}

/// What came, went and was lost since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Peers that are connected now.
    pub connected: u64,
    /// Handshakes of inbound connections that are under way now.
    pub handshakes: u64,
    /// Connections that hold a place now: those of `connected`, and those that begin or end.
    pub connections: u64,
    /// Frames received.
    pub frames_in: u64,
    /// Bytes received, headers included.
    pub bytes_in: u64,
    /// Frames sent.
    pub frames_out: u64,
    /// Bytes sent, headers included.
    pub bytes_out: u64,
    /// Frames dropped, by class and reason (see [`DropReason::ALL`]).
    pub dropped: [[u64; DropReason::ALL.len()]; 4],
    /// Frames that came and were thrown away before the user took them, by class and reason (see
    /// [`DropReason::ALL`]): `Shed`, or `Disconnected` if they came after the end of their connection.
    pub dropped_in: [[u64; DropReason::ALL.len()]; 4],
    /// Connections refused, by reason (see [`Refusal::ALL`]).
    pub refused: [u64; Refusal::ALL.len()],
    /// Connections replaced by a newer one of the same key.
    pub replaced: u64,
    /// Bytes of all frames that wait now, each frame once (see [`super::Limits::memory_bytes`]).
    pub waiting_bytes: u64,
    /// Time in the queue in µs, by class: of each write the frame that waited longest.
    pub queue_us: [Distribution; 4],
    /// Bytes of each write.
    pub write_bytes: Distribution,
}

impl Stats {
    /// Frames of this class dropped for this reason.
    pub fn dropped(&self, class: Priority, reason: DropReason) -> u64 {
        self.dropped[class.index()][reason as usize]
    }

    /// Frames of this class that came and were dropped for this reason.
    pub fn dropped_in(&self, class: Priority, reason: DropReason) -> u64 {
        self.dropped_in[class.index()][reason as usize]
    }

    /// Connections refused for this reason.
    pub fn refused(&self, reason: Refusal) -> u64 {
        self.refused[reason as usize]
    }
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) frames_in: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) frames_out: AtomicU64,
    pub(super) bytes_out: AtomicU64,
    pub(super) replaced: AtomicU64,
    pub(super) queue_us: [Histogram; 4],
    pub(super) write_bytes: Histogram,
    dropped: [[AtomicU64; DropReason::ALL.len()]; 4],
    dropped_in: [[AtomicU64; DropReason::ALL.len()]; 4],
    refused: [AtomicU64; Refusal::ALL.len()],
}

impl Counters {
    pub(super) fn drop(&self, class: Priority, reason: DropReason, count: u64) {
        if count > 0 {
            self.dropped[class.index()][reason as usize].fetch_add(count, Relaxed);
        }
    }

    /// Counts frames that came and are not handed on, by class.
    pub(super) fn drop_in(&self, reason: DropReason, counts: [u64; 4]) {
        for (of_class, count) in self.dropped_in.iter().zip(counts) {
            if count > 0 {
                of_class[reason as usize].fetch_add(count, Relaxed);
            }
        }
    }

    pub(super) fn refuse(&self, reason: Refusal) {
        self.refused[reason as usize].fetch_add(1, Relaxed);
    }

    /// What was counted; what is there now is not.
    pub(super) fn read(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        let table = |table: &[[AtomicU64; DropReason::ALL.len()]; 4]| {
            std::array::from_fn(|class| std::array::from_fn(|reason| read(&table[class][reason])))
        };
        Stats {
            connected: 0,
            handshakes: 0,
            connections: 0,
            waiting_bytes: 0,
            queue_us: std::array::from_fn(|class| self.queue_us[class].read()),
            write_bytes: self.write_bytes.read(),
            frames_in: read(&self.frames_in),
            bytes_in: read(&self.bytes_in),
            frames_out: read(&self.frames_out),
            bytes_out: read(&self.bytes_out),
            replaced: read(&self.replaced),
            dropped: table(&self.dropped),
            dropped_in: table(&self.dropped_in),
            refused: std::array::from_fn(|reason| read(&self.refused[reason])),
        }
    }
}
