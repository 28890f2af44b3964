//! Fetches what this director misses from the others, and serves out of the log what others miss.
//!
//! * upon a [`Fetch`] of a director or an authorized validator: frames out of the log, oldest first in each
//!   range, up to a page; then a [`Fetched`] that says what is gone, what was sent, and so what is to be asked
//!   for again;
//! * upon a [`Fetched`], and whenever time goes by: the [`crate::repair::Planner`] says whom to ask for what, and
//!   what nobody has any more;
//! * upon a frame that was asked for: it goes its usual way (`relay`), but not to the other directors: they see
//!   in the vectors what they miss.
//!
//! # Bounds
//!
//! Whoever asks has two buckets, for questions and for bytes. A validator whose bytes are used up is told to
//! ask again; a director that asks more often than it may gets no answer.

use super::{
    Config, Crypto, Director, Frame, Link, Millis, Output, Refusal, log::Log, rates::Bucket,
    window::Windows,
};
use crate::repair::{Action, Have, Sequence};
use director_primitives::{
    Control, Fetch, Fetched, Priority, PublicKey, Range, Served, Snapshot,
    threshold::tolerated_liars,
};
use std::collections::HashMap;

/// Questions a second of a validator: as many control messages as its connection takes.
const FETCHES_PER_S: u64 = 32;

/// Times a second that somebody may ask for all of the vector, or say where it stopped, and for how long it
/// may save that up: 1,000 entries are 72 KB.
const ALL_PER_S: u64 = 2;
const ALL_BURST_MS: u64 = 4_000;

/// Who was asked so long ago for what another one sends now has kept it back. The next one is asked sooner (after 100 ms), which is
/// no fault of a director that is far away: so long, a question may go unanswered.
const KEPT_BACK_MS: Millis = 400;

/// What somebody may still ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    fetches: Bucket,
    pub(super) bytes: Bucket,
    all: Bucket,
}

/// The budgets of all that have asked for something: of registered validators and directors.
#[derive(Debug)]
pub(super) struct Budgets {
    mesh: Budget,
    public: Budget,
    known: HashMap<PublicKey, Budget>,
}

impl Budgets {
    pub(super) fn new(config: &Config) -> Self {
        let budget = |fetches_per_s, bytes_per_s, burst_ms| Budget {
            fetches: Bucket::full(fetches_per_s, 1_000, 1),
            bytes: Bucket::full(bytes_per_s, burst_ms, config.fetch_page_bytes as u64),
            all: Bucket::full(ALL_PER_S, ALL_BURST_MS, 1),
        };
        Self {
            mesh: budget(config.mesh_fetches_per_s, config.mesh_fetch_bytes_per_s, 1_000),
            public: budget(FETCHES_PER_S, config.fetch_bytes_per_s, 2_000),
            known: HashMap::new(),
        }
    }

    /// What this peer may still ask for; all of it when it is new.
    pub(super) fn of(&mut self, peer: &PublicKey, link: Link) -> &mut Budget {
        let full = match link {
            Link::Mesh => self.mesh,
            Link::Public => self.public,
        };
        self.known.entry(*peer).or_insert(full)
    }

    /// Whether it may be told everything once more.
    pub(super) fn may_ask_for_all(&mut self, peer: &PublicKey, link: Link, now: Millis) -> bool {
        self.of(peer, link).all.take(1, now)
    }

    /// Forgets who is not registered any more.
    pub(super) fn retain(&mut self, snapshot: &Snapshot) {
        self.known.retain(|peer, _| {
            snapshot.validator_by_peer_key(peer).is_some()
                || snapshot.director_by_peer_key(peer).is_some()
        });
    }
}

/// What there is of origins that may speak: what others say would be refused, so it is not asked for.
pub(super) struct Wanted<'a> {
    pub(super) windows: &'a Windows,
    pub(super) snapshot: &'a Snapshot,
}

impl Have for Wanted<'_> {
    fn contiguous(&self, of: &Sequence) -> Option<u64> {
        self.windows.contiguous(of).filter(|_| self.snapshot.is_authorized(&of.origin))
    }

    fn top(&self, of: &Sequence) -> u64 {
        self.windows.top(of)
    }

    fn holes(&self, of: &Sequence, to: u64, most: usize) -> Vec<(u64, u64)> {
        self.windows.holes(of, to, most)
    }
}

/// Frames that are put together for one peer, one page at most.
#[derive(Debug)]
pub(super) struct Replay {
    frames: Vec<(Priority, Frame)>,
    left: usize,
    is_full: bool,
}

impl Replay {
    pub(super) fn new(page_bytes: usize) -> Self {
        Self { frames: Vec::new(), left: page_bytes, is_full: false }
    }

    /// Adds what the log has of numbers `first..=last`. The first number for which there was no room any
    /// more, if there is one.
    pub(super) fn take(
        &mut self,
        now: Millis,
        log: &Log,
        of: &Sequence,
        (first, last): (u64, u64),
        bytes: &mut Bucket,
    ) -> Option<u64> {
        for (number, frame) in log.range(of, first, last) {
            // A frame that is longer than a page is one.
            let fits = frame.len() <= self.left || self.frames.is_empty();
            if self.is_full || !fits || !bytes.take(frame.len() as u64, now) {
                self.is_full = true;
                return Some(number);
            }
            self.left = self.left.saturating_sub(frame.len());
            self.frames.push((of.class, frame.clone()));
        }
        None
    }
}

impl<C: Crypto> Director<C> {
    /// Somebody misses something.
    pub(super) fn fetch(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        (from, link): (PublicKey, Link),
        fetch: &Fetch,
        out: &mut Vec<Output>,
    ) {
        if link == Link::Public && !snapshot.is_authorized(&from) {
            return self.refuse(Refusal::Unauthorized);
        }
        if !self.budgets.of(&from, link).fetches.take(1, now) {
            return self.refuse(Refusal::RateLimited);
        }
        self.stats.fetches_served += 1;
        let mut replay = Replay::new(self.config.fetch_page_bytes);
        let mut answer = Fetched::default();
        for range in &fetch.ranges {
            let served = self.serve(now, (&from, link), range, &mut replay);
            // As many as were asked for.
            let _ = answer.ranges.try_push(served);
        }
        self.replay(from, link, replay, out);
        out.push(Output::Send { to: from, link, message: Control::Fetched(answer) });
    }

    /// Adds what there is of a range, and says what became of it.
    fn serve(
        &mut self,
        now: Millis,
        (from, link): (&PublicKey, Link),
        range: &Range,
        replay: &mut Replay,
    ) -> Served {
        let of = Sequence::from(range);
        let Range { origin, epoch, first, last, .. } = *range;
        let nothing = first.saturating_sub(1);
        // Nobody is sent its own words, and numbers begin with 1.
        if origin == *from || first == 0 || last < first {
            return Served { range: *range, gone_to: last, served_to: last };
        }
        // Up to here everything has been here, or is given up. Of an epoch that is over nothing more comes.
        let been = match self.windows.contiguous(&of) {
            Some(contiguous) => contiguous,
            None if epoch < self.windows.last_epoch(&origin) => u64::MAX,
            None => 0,
        };
        let there = self.log.range(&of, first, u64::MAX).next().map(|(number, _)| number);
        let gone_to = been.min(there.map_or(u64::MAX, |number| number - 1)).max(nothing);
        let from_number = gone_to.saturating_add(1);
        let stopped = match from_number <= last {
            true => {
                let bytes = &mut self.budgets.of(from, link).bytes;
                replay.take(now, &self.log, &of, (from_number, last), bytes)
            }
            false => None,
        };
        let sent_to = stopped.map_or(last, |number| number - 1);
        // The first of what was to be sent that is missing here too.
        let mut missing = from_number.max(been.saturating_add(1));
        for (number, _) in self.log.range(&of, missing, sent_to) {
            if number > missing {
                break;
            }
            missing = number.saturating_add(1);
        }
        let served_to = sent_to.min(missing.saturating_sub(1)).max(nothing);
        Served { range: *range, gone_to, served_to }
    }

    /// Hands over what was put together.
    pub(super) fn replay(
        &mut self,
        to: PublicKey,
        link: Link,
        replay: Replay,
        out: &mut Vec<Output>,
    ) {
        let frames = replay.frames;
        if !frames.is_empty() {
            self.stats.replayed_bytes += frames.iter().map(|(_, f)| f.len() as u64).sum::<u64>();
            out.push(Output::Replay { to, link, frames });
        }
    }

    /// A director has answered.
    pub(super) fn fetched(
        &mut self,
        now: Millis,
        from: PublicKey,
        fetched: &Fetched,
        out: &mut Vec<Output>,
    ) {
        if self.planner.fetched(now, &from, fetched) {
            self.repair(now, out);
        }
    }

    /// Asks for what is missing, and gives up what nobody has.
    pub(super) fn repair(&mut self, now: Millis, out: &mut Vec<Output>) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        let wanted = Wanted { windows: &self.windows, snapshot: &snapshot };
        for action in self.planner.plan(now, &wanted) {
            match action {
                Action::Fetch(to, fetch) => {
                    self.stats.fetches_asked += 1;
                    out.push(Output::Send { to, link: Link::Mesh, message: Control::Fetch(fetch) });
                }
                Action::GiveUp(sequence, to) => {
                    self.stats.given_up += self.windows.give_up(&sequence, to);
                }
            }
        }
    }

    /// Whether a frame with this place that this director handed over was asked for.
    pub(super) fn is_repair(&self, from: &PublicKey, of: &Sequence, number: u64) -> bool {
        self.planner.behind() > 0 && self.planner.asked(from, of, number).is_some()
    }

    /// Whether another director was asked for this long ago, has not said that it does not have it, and has not sent it.
    pub(super) fn is_withheld(
        &self,
        now: Millis,
        from: &PublicKey,
        of: &Sequence,
        number: u64,
    ) -> bool {
        let keeps_back = |peer: &&PublicKey| {
            let asked = self.planner.asked(peer, of, number);
            *peer != from
                && asked.is_some_and(|at| now >= at.saturating_add(KEPT_BACK_MS))
                && !self.planner.is_gone(peer, of, number)
        };
        self.planner.peers().any(|peer| keeps_back(&peer))
    }

    /// Brings those who are asked in line with those who are connected.
    pub(super) fn sync_peers(&mut self, out: &mut Vec<Output>) {
        let mesh = self.members.mesh().clone();
        let gone: Vec<_> = self
            .planner
            .peers()
            .filter(|peer| mesh.binary_search(peer).is_err())
            .copied()
            .collect();
        for peer in &gone {
            self.planner.lost(peer);
            self.vectors.lost(peer);
        }
        for peer in mesh.iter() {
            if self.planner.claims(peer).is_none() {
                self.meet(*peer, out);
            }
        }
        let directors = self.snapshot.as_ref().map(|snapshot| snapshot.directors.active.len());
        self.planner.all_connected(directors == Some(mesh.len() + 1));
        // One more than may lie.
        let liars = tolerated_liars(directors.unwrap_or(0) as u32);
        self.planner.set(|settings| settings.claims_to_give_up = liars as usize + 1);
    }

    /// A director is connected anew.
    pub(super) fn meet(&mut self, peer: PublicKey, out: &mut Vec<Output>) {
        self.planner.connected(peer, 0, false);
        self.vectors.lost(&peer);
        self.tell_vector(peer, Link::Mesh, out);
    }
}
