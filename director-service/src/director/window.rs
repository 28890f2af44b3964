//! Remembers which places in an origin's sequences are taken, long after the seen-cache forgot, and which
//! are missing.
//!
//! Per origin the latest epoch counts alone, and in it each class has a window of the
//! [`WINDOW`] places up to the highest that was taken. While places are missing it reaches back to the
//! first of them, over [`MAX_WINDOW`] places at most; what is missing below that is given up. A place
//! below the window counts as taken: it was, or it comes too late. For each taken place the window keeps
//! a tag of what was signed there, so that a second, different envelope for it is told from a replay.
//!
//! ```text
//!  1 ... below | x x x x x x . x x . . x x      x taken, . missing
//!                          ^ contiguous   ^ top
//! ```
//!
//! What is given up while the window still reaches there is not waited for any more, and taken if it comes.

use crate::repair::{Have, Sequence};
use director_primitives::{Priority, PublicKey, VectorEntry};
use std::{
    collections::{HashMap, VecDeque, hash_map::DefaultHasher},
    hash::Hasher,
};

/// Places that a window covers. Half a second of one origin's share at full load is 250 messages;
/// the rest is for detours.
pub(super) const WINDOW: u64 = 4_096;

/// Most places that a window covers while some are missing: 64 KiB of tags.
pub(super) const MAX_WINDOW: u64 = 16_384;

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

/// What has changed with a place that was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Places between it and the highest before it are missing.
    pub(super) leaves_hole: bool,
    /// Missing places that have fallen below the window. Of a jump ahead those alone that a window would
    /// have reached, so that one wild number does not spoil the count.
    pub(super) given_up: u64,
}

#[derive(Debug, Default)]
struct Window {
    /// Places up to this one are below the window.
    below: u64,
    /// Up to this one nothing is missing but what was given up. Not less than `below`.
    contiguous: u64,
    /// Tags of the places after `below`, 0 for free ones; the last one is taken.
    tags: VecDeque<u32>,
}

impl Window {
    fn place(&self, seq: u64, tag: Tag) -> Place {
        match self.tag(seq) {
            None if seq <= self.below => Place::Passed,
            None | Some(0) => Place::Free,
            Some(taken) if taken == tag.0 => Place::Repeat,
            Some(_) => Place::Conflict,
        }
    }

    fn tag(&self, seq: u64) -> Option<u32> {
        let at = usize::try_from(seq.checked_sub(self.below + 1)?).ok()?;
        self.tags.get(at).copied()
    }

    fn top(&self) -> u64 {
        self.below + self.tags.len() as u64
    }

    fn take(&mut self, seq: u64, tag: Tag) -> Taken {
        let leaves_hole = seq.saturating_sub(1) > self.top();
        let farthest = seq.saturating_sub(MAX_WINDOW);
        let lowest = farthest.max(self.contiguous.min(seq.saturating_sub(WINDOW)));
        let given_up = self.pass(lowest);
        let Some(at) = seq.checked_sub(self.below + 1) else {
            return Taken { leaves_hole: false, given_up };
        };
        // Less than MAX_WINDOW: `below` is at least `seq - MAX_WINDOW`.
        let at = at as usize;
        if self.tags.len() <= at {
            self.tags.resize(at + 1, 0);
        }
        self.tags[at] = tag.0;
        self.advance();
        Taken { leaves_hole: leaves_hole && self.contiguous < seq, given_up }
    }

    /// Moves the lower end up to this place. Returns how many places are given up by that.
    fn pass(&mut self, lowest: u64) -> u64 {
        let mut missing = 0;
        while self.below < lowest {
            let Some(tag) = self.tags.pop_front() else {
                let from = self.below.max(self.contiguous);
                missing += lowest.saturating_sub(from).min(MAX_WINDOW);
                self.below = lowest;
                break;
            };
            self.below += 1;
            missing += u64::from(tag == 0 && self.below > self.contiguous);
        }
        self.contiguous = self.contiguous.max(self.below);
        missing
    }

    /// Each place is passed once.
    fn advance(&mut self) {
        while let Some(next) = self.contiguous.checked_add(1)
            && self.tag(next).is_some_and(|tag| tag != 0)
        {
            self.contiguous = next;
        }
    }

    /// Waits no more for what is missing up to this place, which may be beyond the highest that was taken. Returns how
    /// many places that are.
    fn give_up(&mut self, to: u64) -> u64 {
        let places = self.contiguous.saturating_add(1)..=to.min(self.top());
        let missing = places.filter(|seq| self.tag(*seq) == Some(0)).count() as u64;
        let beyond = to.saturating_sub(self.top().max(self.contiguous));
        let missing = missing.saturating_add(beyond);
        self.contiguous = self.contiguous.max(to);
        self.advance();
        missing
    }

    fn holes(&self, to: u64, most: usize) -> Vec<(u64, u64)> {
        let mut holes: Vec<(u64, u64)> = Vec::new();
        let top = self.top();
        let places = self.contiguous.saturating_add(1)..=to.min(top);
        for seq in places.filter(|seq| self.tag(*seq) == Some(0)) {
            let is_full = holes.len() >= most;
            match holes.last_mut() {
                Some((_, until)) if *until + 1 == seq => *until = seq,
                _ if is_full => return holes,
                _ => holes.push((seq, seq)),
            }
        }
        let beyond = top.max(self.contiguous);
        if to > beyond && holes.len() < most {
            holes.push((beyond + 1, to));
        }
        holes
    }
}

#[derive(Debug, Default)]
struct OriginWindows {
    epoch: u64,
    classes: [Window; 4],
    /// Whether it is on the list of those that have changed.
    is_listed: bool,
}

impl OriginWindows {
    /// A later epoch takes the place of what was there. Whether this is one.
    fn begin(&mut self, epoch: u64) -> bool {
        let is_new = epoch > self.epoch;
        if is_new {
            *self = Self { epoch, is_listed: self.is_listed, ..Self::default() };
        }
        is_new
    }

    fn entry(&self, origin: PublicKey) -> VectorEntry {
        let contiguous = std::array::from_fn(|class| self.classes[class].contiguous);
        VectorEntry { origin, epoch: self.epoch, contiguous }
    }
}

/// The windows of all origins.
#[derive(Debug)]
pub(super) struct Windows {
    max_epoch_jump: u64,
    origins: HashMap<PublicKey, OriginWindows>,
    /// Origins of which more is there than was told, the first to change first.
    changed: VecDeque<PublicKey>,
}

impl Windows {
    pub(super) fn new(max_epoch_jump: u64) -> Self {
        Self { max_epoch_jump, origins: HashMap::new(), changed: VecDeque::new() }
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

    /// Takes a free place, for a verified envelope only.
    pub(super) fn take(
        &mut self,
        origin: &PublicKey,
        epoch: u64,
        class: Priority,
        seq: u64,
        tag: Tag,
    ) -> Taken {
        let windows = self.origins.entry(*origin).or_default();
        let is_new = windows.begin(epoch);
        if epoch != windows.epoch {
            return Taken::default();
        }
        let window = &mut windows.classes[class.index()];
        let before = window.contiguous;
        let taken = window.take(seq, tag);
        if (is_new || window.contiguous != before) && !windows.is_listed {
            windows.is_listed = true;
            self.changed.push_back(*origin);
        }
        taken
    }

    /// Waits no more for what is missing of a sequence up to this number. Returns how many numbers that are.
    pub(super) fn give_up(&mut self, of: &Sequence, to: u64) -> u64 {
        let windows = self.origins.entry(of.origin).or_default();
        // Perhaps nothing of it ever came here, and enough others say that it is gone.
        windows.begin(of.epoch);
        if windows.epoch != of.epoch {
            return 0;
        }
        if !windows.is_listed {
            windows.is_listed = true;
            self.changed.push_back(of.origin);
        }
        windows.classes[of.class.index()].give_up(to)
    }

    /// Highest epoch of an origin, 0 if it never spoke.
    pub(super) fn last_epoch(&self, origin: &PublicKey) -> u64 {
        self.origins.get(origin).map_or(0, |windows| windows.epoch)
    }

    /// At most so many entries that changed since they were taken here.
    pub(super) fn take_changed(&mut self, most: usize) -> Vec<VectorEntry> {
        let mut entries = Vec::with_capacity(self.changed.len().min(most));
        while entries.len() < most {
            let Some(origin) = self.changed.pop_front() else { break };
            // Not there any more: it was forgotten.
            let Some(windows) = self.origins.get_mut(&origin) else { continue };
            windows.is_listed = false;
            entries.push(windows.entry(origin));
        }
        entries
    }

    /// Forgets origins that are gone.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&PublicKey) -> bool) {
        self.origins.retain(|origin, _| keep(origin));
        self.changed.retain(keep);
    }

    fn window(&self, of: &Sequence) -> Option<&Window> {
        let windows = self.origins.get(&of.origin).filter(|windows| windows.epoch == of.epoch)?;
        Some(&windows.classes[of.class.index()])
    }
}

impl Have for Windows {
    fn contiguous(&self, of: &Sequence) -> Option<u64> {
        let last = self.last_epoch(&of.origin);
        if of.epoch < last || of.epoch - last > self.max_epoch_jump {
            return None;
        }
        Some(self.window(of).map_or(0, |window| window.contiguous))
    }

    fn top(&self, of: &Sequence) -> u64 {
        self.window(of).map_or(0, Window::top)
    }

    fn holes(&self, of: &Sequence, to: u64, most: usize) -> Vec<(u64, u64)> {
        match self.window(of) {
            Some(window) => window.holes(to, most),
            None if to > 0 && most > 0 => vec![(1, to)],
            None => Vec::new(),
        }
    }
}
