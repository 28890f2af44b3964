//! Keeps what waits for one peer, by urgency and bounded in bytes.

use super::{
    Frame,
    frame::{HEADER_LEN, Kind, header},
};
use director_primitives::Priority;
use std::collections::VecDeque;

/// Most bytes of one write: one yamux frame, one Noise record, one TCP write.
pub(super) const WRITE_LEN: usize = 16 * 1024;

/// A slice shorter than this is not worth its header: it waits for the next write.
const MIN_SLICE_LEN: usize = 1024;

/// What an entry costs beside its bytes, so that a million empty frames are not free.
const ENTRY_COST: usize = 64;

struct Entry {
    kind: Kind,
    frame: Frame,
    /// Bytes of it that are on their way already.
    offset: usize,
}

impl Entry {
    fn cost(&self) -> usize {
        self.frame.len() + ENTRY_COST
    }
}

#[derive(Default)]
struct Lane {
    entries: VecDeque<Entry>,
    bytes: usize,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits, after `dropped` older ones were thrown away for it.
    Queued { dropped: usize },
    /// It alone is longer than what may wait.
    TooLarge,
    /// No room, and frames of this class are not thrown away: the peer has to go.
    Overflow,
}

/// The queues of one peer, one lane a class.
pub(super) struct Lanes {
    lanes: [Lane; 4],
    limits: [usize; 4],
}

impl Lanes {
    pub(super) fn new(limits: [usize; 4]) -> Self {
        Self { lanes: Default::default(), limits }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.entries.is_empty())
    }

    /// Adds a frame by the rule of its class.
    pub(super) fn push(&mut self, kind: Kind, frame: Frame) -> Pushed {
        let class = kind.class();
        let limit = self.limits[class.index()];
        let lane = &mut self.lanes[class.index()];
        let entry = Entry { kind, frame, offset: 0 };
        if entry.frame.is_empty() || entry.frame.len() > kind.max_len() || entry.cost() > limit {
            return Pushed::TooLarge;
        }
        let mut dropped = 0;
        while lane.bytes + entry.cost() > limit {
            if class <= Priority::High {
                return Pushed::Overflow;
            }
            // The peer has a part of the first one if it is under way: it must get the rest.
            let under_way = lane.entries.front().is_some_and(|first| first.offset > 0);
            match lane.entries.remove(usize::from(under_way)) {
                Some(oldest) => lane.bytes -= oldest.cost(),
                None => return Pushed::TooLarge,
            }
            dropped += 1;
        }
        lane.bytes += entry.cost();
        lane.entries.push_back(entry);
        Pushed::Queued { dropped }
    }

    /// Appends what is most urgent to `out` until it has [`WRITE_LEN`] bytes. Returns how many
    /// frames were finished.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>) -> u64 {
        let mut finished = 0;
        for lane in &mut self.lanes {
            while let Some(entry) = lane.entries.front_mut() {
                let remaining = entry.frame.len() - entry.offset;
                let room = WRITE_LEN.saturating_sub(out.len() + HEADER_LEN);
                if room < remaining.min(MIN_SLICE_LEN) {
                    return finished;
                }
                let len = remaining.min(room);
                out.extend_from_slice(&header(entry.kind, len, len < remaining));
                out.extend_from_slice(&entry.frame[entry.offset..][..len]);
                entry.offset += len;
                if entry.offset == entry.frame.len() {
                    lane.bytes -= entry.cost();
                    lane.entries.pop_front();
                    finished += 1;
                }
            }
        }
        finished
    }

    /// Throws everything away. Returns how many frames that were, by class.
    pub(super) fn clear(&mut self) -> [u64; 4] {
        let left = std::array::from_fn(|at| self.lanes[at].entries.len() as u64);
        self.lanes = Default::default();
        left
    }
}
