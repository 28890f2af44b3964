//! Keeps relayed frames for a while, for whoever missed them.
//!
//! A ring in the order in which frames were passed on, bounded by bytes and by age, with an index by
//! sequence. Bulk has a ring of its own and at most half of the bytes, so that blocks do not push out all
//! votes; beside that, whatever is oldest makes room.
//!
//! Frames are shared with the queues that they wait in: what is in the log alone is what nobody waits
//! for any more.
//!
//! # Bounds
//!
//! `Config::log_bytes`, of frames with [`ENTRY_BYTES`] each and [`SEQUENCE_BYTES`] for each sequence that any
//! of them belongs to; `Config::log_ms`. A frame that is longer than all of it is not kept.

use super::{Frame, Millis};
use crate::repair::Sequence;
use codec::Decode;
use director_primitives::{Priority, PublicKey};
use std::collections::{HashMap, VecDeque};

/// What an entry costs beside its frame: its places in ring and index, each list up to half empty, and the
/// counts of the shared frame.
const ENTRY_BYTES: usize = 96;

/// What a sequence costs beside its entries.
const SEQUENCE_BYTES: usize = 256;

/// Where a frame stands in its origin's sequences; read from the frame, so that the ring need not keep it.
pub(super) fn place_of(mut frame: &[u8]) -> Option<(Sequence, u64)> {
    let rest = &mut frame;
    let origin = PublicKey::decode(rest).ok()?;
    let epoch = u64::decode(rest).ok()?;
    let class = Priority::decode(rest).ok()?;
    let number = u64::decode(rest).ok()?;
    Some((Sequence { origin, epoch, class }, number))
}

#[derive(Debug)]
struct Entry {
    at: Millis,
    /// `None` once its origin is gone.
    frame: Option<Frame>,
}

/// Entries in the order in which they came.
#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Entry>,
    /// How many entries came before the first one.
    passed: u64,
    bytes: usize,
}

impl Ring {
    fn get(&self, id: u64) -> Option<&Frame> {
        let at = usize::try_from(id.checked_sub(self.passed)?).ok()?;
        self.entries.get(at)?.frame.as_ref()
    }
}

/// A number and which entry has it; ascending. A number may be there twice: both halves of a double sign.
type Index = VecDeque<(u64, u64)>;

/// The frames, and where to find them.
#[derive(Debug)]
pub(super) struct Log {
    max_bytes: usize,
    max_ms: u64,
    /// Bulk, and everything else.
    rings: [Ring; 2],
    index: HashMap<Sequence, Index>,
    frames: usize,
}

fn ring_of(class: Priority) -> usize {
    usize::from(class != Priority::Bulk)
}

impl Log {
    pub(super) fn new(max_bytes: usize, max_ms: u64) -> Self {
        Self { max_bytes, max_ms, rings: Default::default(), index: HashMap::new(), frames: 0 }
    }

    /// Of which sequences there is something, in no order.
    pub(super) fn sequences(&self) -> impl Iterator<Item = &Sequence> {
        self.index.keys()
    }

    /// Keeps a frame, and drops what makes room for it.
    pub(super) fn push(&mut self, now: Millis, frame: Frame) {
        let Some((sequence, number)) = place_of(&frame) else { return };
        let bytes = frame.len() + ENTRY_BYTES;
        let ring = ring_of(sequence.class);
        let most =
            if sequence.class == Priority::Bulk { self.max_bytes / 2 } else { self.max_bytes };
        if bytes + SEQUENCE_BYTES > most {
            return;
        }
        let Ring { entries, passed, bytes: held } = &mut self.rings[ring];
        let id = *passed + entries.len() as u64;
        entries.push_back(Entry { at: now, frame: Some(frame) });
        *held += bytes;
        self.frames += 1;
        let index = self.index.entry(sequence).or_default();
        match index.back() {
            Some(last) if *last > (number, id) => {
                let at = index.partition_point(|entry| *entry < (number, id));
                index.insert(at, (number, id));
            }
            _ => index.push_back((number, id)),
        }
        while self.rings[0].bytes > self.max_bytes / 2 {
            self.drop_first(0);
        }
        while self.bytes() > self.max_bytes {
            let [bulk, rest] = &self.rings;
            let at = |ring: &Ring| ring.entries.front().map_or(Millis::MAX, |entry| entry.at);
            self.drop_first(usize::from(at(rest) <= at(bulk)));
        }
    }

    /// Drops what is too old.
    pub(super) fn expire(&mut self, now: Millis) {
        let max_ms = self.max_ms;
        let is_old = |entry: &Entry| now.saturating_sub(entry.at) > max_ms;
        for ring in 0..self.rings.len() {
            while self.rings[ring].entries.front().is_some_and(is_old) {
                self.drop_first(ring);
            }
        }
    }

    fn drop_first(&mut self, ring: usize) {
        let Ring { entries, passed, bytes } = &mut self.rings[ring];
        let Some(entry) = entries.pop_front() else { return };
        let id = *passed;
        *passed += 1;
        let Some(frame) = entry.frame else { return };
        *bytes -= frame.len() + ENTRY_BYTES;
        self.frames -= 1;
        let Some((sequence, number)) = place_of(&frame) else { return };
        let Some(index) = self.index.get_mut(&sequence) else { return };
        if index.front() == Some(&(number, id)) {
            index.pop_front();
        } else if let Ok(at) = index.binary_search(&(number, id)) {
            index.remove(at);
        }
        if index.is_empty() {
            self.index.remove(&sequence);
        }
    }

    /// What is there of numbers `first..=last` of a sequence, in ascending order.
    pub(super) fn range(
        &self,
        of: &Sequence,
        first: u64,
        last: u64,
    ) -> impl Iterator<Item = (u64, &Frame)> {
        let ring = &self.rings[ring_of(of.class)];
        let index = self.index.get(of);
        let from = index.map_or(0, |index| index.partition_point(|(number, _)| *number < first));
        let numbers = index.into_iter().flat_map(move |index| index.range(from..));
        numbers
            .take_while(move |(number, _)| *number <= last)
            .filter_map(|(number, id)| Some((*number, ring.get(*id)?)))
    }

    /// Forgets origins that are gone.
    pub(super) fn retain(&mut self, keep: impl Fn(&PublicKey) -> bool) {
        let Self { rings, index, frames, .. } = self;
        index.retain(|sequence, entries| {
            let stays = keep(&sequence.origin);
            let ring = &mut rings[ring_of(sequence.class)];
            for (_, id) in entries.iter().filter(|_| !stays) {
                // Its place goes when it is the oldest.
                let entry = ring.entries.get_mut((id - ring.passed) as usize);
                if let Some(frame) = entry.and_then(|entry| entry.frame.take()) {
                    ring.bytes -= frame.len() + ENTRY_BYTES;
                    *frames -= 1;
                }
            }
            stays
        });
    }

    /// Bytes of it, as they are bounded.
    pub(super) fn bytes(&self) -> usize {
        self.rings[0].bytes + self.rings[1].bytes + self.index.len() * SEQUENCE_BYTES
    }

    /// How many frames are there.
    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    /// How long the oldest frame has been there, in milliseconds.
    pub(super) fn oldest_ms(&self, now: Millis) -> u64 {
        let firsts = self.rings.iter().filter_map(|ring| ring.entries.front());
        firsts.map(|entry| now.saturating_sub(entry.at)).max().unwrap_or(0)
    }
}
