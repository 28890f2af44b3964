//! Tells others what this director has, and hears what other directors have.
//!
//! * upon a heartbeat's time: the entries that changed go to the directors and to those that stand by; every
//!   [`HASH_EVERY`]th time they go before the heartbeat, which has the hash of all that was told so far;
//! * upon a hash that is not that of what was heard of a director: it is asked for all of its vector, at most
//!   every [`REQUEST_MS`], and after twice the time each time that this did not help;
//! * upon a new connection of a director, or a request: all that was told so far, in parts;
//! * upon a validator that says what it wants: the same, once this director has caught up with the others
//!   ([`Director::is_ready`]). A validator takes it for where the sequences stood when it came.
//!
//! The hash is of what was *told*, not of what is there in that moment: otherwise it would differ whenever
//! something is on its way.
//!
//! # Bounds
//!
//! An entry for each registered validator, and for each of them and each director. Of a director at most
//! [`ENTRIES_PER_S`] are looked at.

use super::{Crypto, Director, Link, Millis, Output, Refusal, rates::Bucket, repair::Wanted};
use crate::repair::{Claims, parts};
use director_primitives::{
    Control, H256, PublicKey, Snapshot, Vector, VectorEntry, VectorSummary,
    repair::{MAX_VECTOR_ENTRIES, VectorEntries},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// So many heartbeats, and one of them has the hash.
const HASH_EVERY: u64 = 10;

/// Shortest time from one request for all of a vector to the next, in milliseconds, and the longest pause after
/// requests that did not help.
const REQUEST_MS: u64 = 2_000;
const MAX_REQUEST_MS: u64 = 64_000;

/// Entries of one director that are looked at in a second, and what it may save up: a delta of 1,500 five
/// times a second is half of it.
const ENTRIES_PER_S: u64 = 16_000;
const BURST_MS: u64 = 2_000;

/// A director that has started tells validators what it has after this time, in milliseconds, whether it has caught up or not:
/// a validator that is told nothing asks twice more, every four seconds, and goes elsewhere.
const TELL_AT_LAST_MS: u64 = 8_000;

/// What is kept about what one director says.
#[derive(Debug)]
struct Ear {
    entries: Bucket,
    /// When it may be asked for all of its vector again, and how much later the next time.
    not_before: Millis,
    pause_ms: u64,
}

impl Default for Ear {
    fn default() -> Self {
        let entries = Bucket::full(ENTRIES_PER_S, BURST_MS, 1);
        Self { entries, not_before: 0, pause_ms: REQUEST_MS }
    }
}

/// What was told, and how what others tell is taken.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    told: Claims,
    beats: u64,
    ears: BTreeMap<PublicKey, Ear>,
    /// Validators that are told all of it once this director has caught up.
    waiting: BTreeSet<PublicKey>,
}

impl Vectors {
    /// Forgets origins that are gone.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&PublicKey) -> bool) {
        self.waiting.retain(&mut keep);
        self.told.retain(keep);
    }

    /// A director is gone.
    pub(super) fn lost(&mut self, director: &PublicKey) {
        self.ears.remove(director);
    }

    /// Those of them that have been told all of it.
    pub(super) fn without_waiting(&self, peers: &Arc<[PublicKey]>) -> Arc<[PublicKey]> {
        if self.waiting.is_empty() {
            return peers.clone();
        }
        peers.iter().filter(|peer| !self.waiting.contains(peer)).copied().collect()
    }

    /// The hash of what was told.
    pub(super) fn hash(&self) -> VectorSummary {
        VectorSummary::Hash(self.told.hash())
    }
}

impl<C: Crypto> Director<C> {
    /// What changed since this was asked last, as a message and as what goes into the heartbeat: then
    /// there is a message for the directors only if the heartbeat has the hash.
    pub(super) fn next_delta(&mut self) -> (VectorEntries, VectorSummary) {
        let changed = self.windows.take_changed(MAX_VECTOR_ENTRIES as usize);
        self.vectors.told.take(&changed);
        self.vectors.beats += 1;
        let is_hash = self.vectors.beats.is_multiple_of(HASH_EVERY);
        let entries = crate::repair::entries(changed);
        let summary = match is_hash {
            true => self.vectors.hash(),
            false => VectorSummary::Delta(entries.to_vec()),
        };
        (entries, summary)
    }

    /// All that was told so far, for somebody who has not heard it.
    pub(super) fn tell_vector(&self, to: PublicKey, link: Link, out: &mut Vec<Output>) {
        let all: Vec<_> = self.vectors.told.entries().copied().collect();
        let mut parts = parts(&all).peekable();
        while let Some(entries) = parts.next() {
            let vector = Vector { entries, complete: parts.peek().is_none() };
            out.push(Output::Send { to, link, message: Control::Vector(vector) });
        }
    }

    /// As [`Self::tell_vector`], for a validator, and not before this director has caught up: of what it does not have yet the
    /// validator would think that there was nothing when it came, and miss all of it from then on.
    pub(super) fn tell_validator(&mut self, now: Millis, to: PublicKey, out: &mut Vec<Output>) {
        if self.has_caught_up(now, TELL_AT_LAST_MS) {
            self.tell_vector(to, Link::Public, out);
        } else {
            self.vectors.waiting.insert(to);
        }
    }

    /// Tells those that wait for it.
    pub(super) fn tell_waiting(&mut self, now: Millis, out: &mut Vec<Output>) {
        if self.vectors.waiting.is_empty() || !self.has_caught_up(now, TELL_AT_LAST_MS) {
            return;
        }
        // With all that it has caught up with since the last heartbeat.
        self.beat_now(now, out);
        for to in std::mem::take(&mut self.vectors.waiting) {
            // Who has gone since is nobody's business.
            if self.members.seat(&to).is_some() {
                self.tell_vector(to, Link::Public, out);
            }
        }
    }

    /// Somebody wants to hear all of it.
    pub(super) fn vector_request(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        (from, link): (PublicKey, Link),
        out: &mut Vec<Output>,
    ) {
        if link == Link::Public && !snapshot.is_authorized(&from) {
            return self.refuse(Refusal::Unauthorized);
        }
        if !self.budgets.may_ask_for_all(&from, link, now) {
            return self.refuse(Refusal::RateLimited);
        }
        match link {
            Link::Public => self.tell_validator(now, from, out),
            // It has to know how far others are, to catch up itself.
            Link::Mesh => self.tell_vector(from, link, out),
        }
    }

    /// A director says what it has. What it says of origins that the chain does not have, and of epochs that
    /// nobody would believe, is left out.
    pub(super) fn heard_vector(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        from: PublicKey,
        entries: &[VectorEntry],
        complete: bool,
    ) {
        let ear = self.vectors.ears.entry(from).or_default();
        if !ear.entries.take(entries.len() as u64, now) {
            return self.refuse(Refusal::RateLimited);
        }
        let believable = |entry: &&VectorEntry| {
            let last = self.windows.last_epoch(&entry.origin);
            snapshot.validator_by_peer_key(&entry.origin).is_some()
                && entry.epoch <= last.saturating_add(self.config.max_epoch_jump)
        };
        let entries: Vec<_> = entries.iter().filter(believable).copied().collect();
        let wanted = Wanted { windows: &self.windows, snapshot };
        self.planner.claim(now, &from, &entries, &wanted);
        if complete {
            self.planner.completed(&from);
        }
    }

    /// A director says what the hash of all is that it has told.
    pub(super) fn heard_hash(
        &mut self,
        now: Millis,
        from: PublicKey,
        hash: &H256,
        out: &mut Vec<Output>,
    ) {
        let ear = self.vectors.ears.entry(from).or_default();
        if self.planner.claims(&from).is_some_and(|claims| claims.hash() == *hash) {
            ear.pause_ms = REQUEST_MS;
            return;
        }
        self.stats.vectors_mismatched += 1;
        if now < ear.not_before {
            return;
        }
        ear.not_before = now.saturating_add(ear.pause_ms);
        ear.pause_ms = (2 * ear.pause_ms).min(MAX_REQUEST_MS);
        out.push(Output::Send { to: from, link: Link::Mesh, message: Control::VectorRequest });
    }
}
