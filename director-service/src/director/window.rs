//! Remembers which places in an origin's sequences are taken, long after the seen-cache forgot.
//!
//! Per origin the latest epoch counts alone, and in it each class has a window of the
//! [`WINDOW`] places up to the highest that was taken. A place below the window counts as taken: it
//! was, or it comes too late. For each taken place the window keeps a tag of what was signed there,
//! so that a second, different envelope for it is told from a replay.

use director_primitives::{Priority, PublicKey};
use std::{
    collections::{HashMap, VecDeque, hash_map::DefaultHasher},
    hash::Hasher,
};

/// Places that a window covers. Half a second of one origin's share at full load is 250 messages;
/// the rest is for detours.
pub(super) const WINDOW: u64 = 4_096;

/// Short name of a signed body. Never zero.
///
/// Of the body and not of the frame: a message that is signed twice is a repeat, not a lie. It
/// decides between two words for the same refusal, so that 32 bits of an unkeyed hash are enough:
/// votes go to the detector whatever the window says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(u32);

impl Tag {
    /// The tag of an encoded envelope without its signature.
    pub(super) fn of(body: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(body);
        Self((hasher.finish() as u32).max(1))
    }
}

/// What the windows say about a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nobody was here.
    Free,
    /// The same message was here.
    Repeat,
    /// Another message was here.
    Conflict,
    /// Below the window: was taken, or comes too late.
    Passed,
    /// Of an epoch that is over.
    OldEpoch,
    /// Of an epoch further ahead than the policy allows.
    EpochTooFar,
}

#[derive(Debug, Default)]
struct Sequence {
    /// Places up to this one are below the window.
    below: u64,
    /// Tags of the places after `below`, 0 for free ones.
    tags: VecDeque<u32>,
}

impl Sequence {
    fn place(&self, seq: u64, tag: Tag) -> Place {
        let Some(at) = seq.checked_sub(self.below + 1) else {
            return Place::Passed;
        };
        match usize::try_from(at).ok().and_then(|at| self.tags.get(at)) {
            None | Some(0) => Place::Free,
            Some(taken) if *taken == tag.0 => Place::Repeat,
            Some(_) => Place::Conflict,
        }
    }

    fn take(&mut self, seq: u64, tag: Tag) {
        let lowest = seq.saturating_sub(WINDOW);
        if lowest > self.below {
            let passed = (lowest - self.below).min(self.tags.len() as u64);
            self.tags.drain(..passed as usize);
            self.below = lowest;
        }
        let Some(at) = seq.checked_sub(self.below + 1) else {
            return;
        };
        // At most WINDOW - 1: `below` is at least `seq - WINDOW`.
        let at = at as usize;
        if self.tags.len() <= at {
            self.tags.resize(at + 1, 0);
        }
        self.tags[at] = tag.0;
    }
}

#[derive(Debug, Default)]
struct OriginWindows {
    epoch: u64,
    classes: [Sequence; 4],
}

/// The windows of all origins.
#[derive(Debug)]
pub(super) struct Windows {
    max_epoch_jump: u64,
    origins: HashMap<PublicKey, OriginWindows>,
}

impl Windows {
    pub(super) fn new(max_epoch_jump: u64) -> Self {
        Self { max_epoch_jump, origins: HashMap::new() }
    }

    /// What is known about a place in an origin's sequence. Changes nothing.
    pub(super) fn place(
        &self,
        origin: &PublicKey,
        epoch: u64,
        class: Priority,
        seq: u64,
        tag: Tag,
    ) -> Place {
        let known = self.origins.get(origin);
        let last = known.map_or(0, |known| known.epoch);
        if epoch < last {
            return Place::OldEpoch;
        }
        if epoch - last > self.max_epoch_jump {
            return Place::EpochTooFar;
        }
        match known {
            Some(known) if known.epoch == epoch => known.classes[class.index()].place(seq, tag),
            _ => Place::Free,
        }
    }

    /// Takes a place, for a verified envelope only.
    pub(super) fn take(
        &mut self,
        origin: &PublicKey,
        epoch: u64,
        class: Priority,
        seq: u64,
        tag: Tag,
    ) {
        let windows = self.origins.entry(*origin).or_default();
        if epoch > windows.epoch {
            *windows = OriginWindows { epoch, ..Default::default() };
        }
        if epoch == windows.epoch {
            windows.classes[class.index()].take(seq, tag);
        }
    }

    /// Highest epoch of an origin, 0 if it never spoke.
    pub(super) fn last_epoch(&self, origin: &PublicKey) -> u64 {
        self.origins.get(origin).map_or(0, |windows| windows.epoch)
    }

    /// Forgets origins that are gone.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&PublicKey) -> bool) {
        self.origins.retain(|origin, _| keep(origin));
    }
}
