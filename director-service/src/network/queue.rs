//! Keeps what waits for one peer, by urgency and bounded in bytes.

use super::{
    Frame,
    frame::{HEADER_LEN, Kind, header},
    meter::{Lease, Meter},
};
use director_primitives::Priority;
use std::{collections::VecDeque, sync::Arc};

/// Most bytes of one write: one yamux frame, one Noise record, one TCP write.
pub(super) const WRITE_LEN: usize = 16 * 1024;

/// A slice shorter than this is not worth its header: it waits for the next write.
const MIN_SLICE_LEN: usize = 1024;

/// What an entry costs beside its bytes, so that a million empty frames are not free.
const ENTRY_COST: usize = 64;

/// Memory of an entry, with the room that a growing queue has to spare: a frame that waits for a
/// thousand peers is there once, and its entries a thousand times.
const ENTRY_MEMORY: usize = 2 * size_of::<Entry>();

/// A frame on its way out, shared by all queues that it waits in: made once a message, so that a
/// queue's entry is a pointer and the frame's memory is counted once.
pub(super) struct Outgoing {
    kind: Kind,
    frame: Frame,
    /// When it was queued, on the hub's clock.
    queued_us: u64,
    _lease: Lease,
}

impl Outgoing {
    pub(super) fn new(kind: Kind, frame: Frame, queued_us: u64, meter: &Arc<Meter>) -> Arc<Self> {
        let lease = meter.lease(frame.len() + ENTRY_COST);
        Arc::new(Self { kind, frame, queued_us, _lease: lease })
    }

    pub(super) fn class(&self) -> Priority {
        self.kind.class()
    }

    fn cost(&self) -> usize {
        self.frame.len() + ENTRY_COST
    }
}

struct Entry {
    outgoing: Arc<Outgoing>,
    /// Bytes of it that are on their way already.
    offset: usize,
}

impl Entry {
    fn remaining(&self) -> usize {
        self.outgoing.frame.len() - self.offset
    }

    /// Bytes of the shortest slice that is worth its header.
    fn least(&self) -> usize {
        self.remaining().min(MIN_SLICE_LEN)
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

/// How soon a queue wants to be written; less is sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// At once: something Critical, a slice of a block, or a whole write's worth of anything.
    Now,
    /// A little later, unless the socket is idle: High.
    Soon,
    /// Later, unless the socket is idle: Normal alone.
    Later,
    /// Nothing waits.
    Never,
}

/// What a queue wants, Bulk apart: that may wait for an acknowledgement, and who waits for one must
/// still be woken for a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wants {
    others: Urgency,
    bulk: bool,
}

impl Wants {
    /// Whether the peer's task has to know, if it knew of `before`.
    pub(super) fn is_more_than(self, before: Self) -> bool {
        self.others < before.others || self.bulk && !before.bulk
    }
}

/// What [`Lanes::fill`] took out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Filled {
    /// Frames whose last byte it was.
    pub(super) finished: u64,
    /// Bytes of Bulk.
    pub(super) bulk_bytes: usize,
    /// When the first finished frame of each class was queued: of a lane's frames it waited longest.
    pub(super) queued_us: [Option<u64>; 4],
}

/// The queues of one peer, one lane a class.
pub(super) struct Lanes {
    lanes: [Lane; 4],
    limits: [usize; 4],
    meter: Arc<Meter>,
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Lanes {
    pub(super) fn new(limits: [usize; 4], meter: Arc<Meter>) -> Self {
        Self { lanes: Default::default(), limits, meter }
    }

    /// Bytes that wait, whoever else they wait for.
    pub(super) fn bytes(&self) -> usize {
        self.lanes.iter().map(|lane| lane.bytes).sum()
    }

    /// How soon the next write is wanted, if so many bytes of Bulk may be written.
    pub(super) fn urgency(&self, bulk_room: usize) -> Urgency {
        let [critical, high, normal, bulk] = &self.lanes;
        let waits = |lane: &Lane| !lane.entries.is_empty();
        // Less room than a slice is worth is none.
        let bulk = bulk.entries.front().is_some_and(|first| bulk_room >= first.least());
        if waits(critical) || bulk || high.bytes + normal.bytes >= WRITE_LEN {
            Urgency::Now
        } else if waits(high) {
            Urgency::Soon
        } else if waits(normal) {
            Urgency::Later
        } else {
            Urgency::Never
        }
    }

    /// What it wants, whether Bulk may be written now or not.
    pub(super) fn wants(&self) -> Wants {
        let bulk = !self.lanes[Priority::Bulk.index()].entries.is_empty();
        Wants { others: self.urgency(0), bulk }
    }

    /// Adds a frame by the rule of its class.
    pub(super) fn push(&mut self, outgoing: Arc<Outgoing>) -> Pushed {
        let class = outgoing.class();
        let limit = self.limits[class.index()];
        let lane = &mut self.lanes[class.index()];
        let (len, cost) = (outgoing.frame.len(), outgoing.cost());
        if len == 0 || len > outgoing.kind.max_len() || cost > limit {
            return Pushed::TooLarge;
        }
        let mut dropped = 0;
        while lane.bytes + cost > limit {
            if class <= Priority::High {
                return Pushed::Overflow;
            }
            // The peer has a part of the first one if it is under way: it must get the rest.
            let under_way = lane.entries.front().is_some_and(|first| first.offset > 0);
            match lane.entries.remove(usize::from(under_way)) {
                Some(oldest) => {
                    lane.bytes -= oldest.outgoing.cost();
                    self.meter.subtract(ENTRY_MEMORY);
                }
                None => return Pushed::TooLarge,
            }
            dropped += 1;
        }
        lane.bytes += cost;
        lane.entries.push_back(Entry { outgoing, offset: 0 });
        self.meter.add(ENTRY_MEMORY);
        Pushed::Queued { dropped }
    }

    /// Appends what is most urgent to `out` until it has [`WRITE_LEN`] bytes, and of Bulk no more than
    /// `bulk_room`.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>, bulk_room: usize) -> Filled {
        let filled = self.drain(out, bulk_room);
        self.meter.subtract(filled.finished as usize * ENTRY_MEMORY);
        filled
    }

    fn drain(&mut self, out: &mut Vec<u8>, bulk_room: usize) -> Filled {
        let mut filled = Filled::default();
        for (class, lane) in self.lanes.iter_mut().enumerate() {
            while let Some(entry) = lane.entries.front_mut() {
                let outgoing = &entry.outgoing;
                let remaining = entry.remaining();
                let mut room = WRITE_LEN.saturating_sub(out.len() + HEADER_LEN);
                if class == Priority::Bulk.index() {
                    room = room.min(bulk_room - filled.bulk_bytes);
                }
                if room < entry.least() {
                    return filled;
                }
                let len = remaining.min(room);
                out.extend_from_slice(&header(outgoing.kind, len, len < remaining));
                out.extend_from_slice(&outgoing.frame[entry.offset..][..len]);
                entry.offset += len;
                if class == Priority::Bulk.index() {
                    filled.bulk_bytes += len;
                }
                if len == remaining {
                    lane.bytes -= outgoing.cost();
                    filled.finished += 1;
                    filled.queued_us[class].get_or_insert(outgoing.queued_us);
                    lane.entries.pop_front();
                }
            }
        }
        filled
    }

    /// Gives back the room that a burst took and that is empty now.
    pub(super) fn shrink(&mut self) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.entries.is_empty()) {
            lane.entries = VecDeque::new();
        }
    }

    /// Throws everything away. Returns how many frames that were, by class.
    pub(super) fn clear(&mut self) -> [u64; 4] {
        let left: [u64; 4] = std::array::from_fn(|at| self.lanes[at].entries.len() as u64);
        self.lanes = Default::default();
        self.meter.subtract(left.iter().sum::<u64>() as usize * ENTRY_MEMORY);
        left
    }
}
