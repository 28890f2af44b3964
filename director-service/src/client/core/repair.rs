//! Compares what directors say that they have with what is here, and acts on the difference.
//!
//! * upon a director that lets us in: `Attach`, with where we stopped. The first vector that it answers
//!   with says where the sequences stood when we came;
//! * upon a vector that has more than we: the [`Planner`](crate::repair::Planner) asks the primary, and the
//!   standby a little later;
//! * upon a message that the standby had to send: the primary has withheld it, or never got it. Told to the
//!   application; after some of them that the primary has not sent a moment later either we move;
//! * upon something that neither of the two sends: another standby;
//! * upon what nobody has any more: a `Gap`;
//! * upon our own messages in the vector of the standby: two directors have them. If they do not come there,
//!   they are sent again; if that does not help, the standby is changed, and then the primary.

use super::{Core, Output, session::Slot};
use crate::{
    client::{Event, inbox::Accepted, signer::Keys},
    repair::{Action, Millis, entries},
};
use director_primitives::{
    Attach, Control, Heartbeat, PublicKey, Role, Snapshot, Vector, VectorEntry, VectorSummary,
    threshold::tolerated_liars,
};

/// After this time all of a director's vector is asked for again, if it goes on to differ.
const ASK_VECTOR_MS: u64 = 10_000;

/// How often it is looked whether something is missing for good, and how much later than one standby another one is
/// asked because of it.
const LOOK_STUCK_MS: u64 = 1_000;
const UNSTUCK_MS: u64 = 30_000;

/// Directors that are asked at a time.
pub(super) const PRIMARY_AND_STANDBY: usize = 2;

/// How long something may be missing, and whose word counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// After this time another standby is asked for what somebody claims and nobody sends.
    stuck_ms: u64,
    /// After this time for what nobody claims: longer than honest directors wait before they give it up (10 s), so that a
    /// validator that leaves out a number costs nobody his standby. Never, if only one of the two that are asked may lie.
    unclaimed_ms: Option<u64>,
    /// After this time for what somebody claims and both of those that are asked say to be gone. Never, if only one may lie.
    denied_ms: Option<u64>,
    /// After this time it is given up, if those that are asked do not have it.
    give_up_ms: u64,
    /// So many of them are enough for that, if there is nothing but claims that it ever was.
    claims_after_patience: usize,
}

impl Default for Patience {
    /// One director may lie: the other one's word counts.
    fn default() -> Self {
        Self {
            stuck_ms: 8_000,
            unclaimed_ms: None,
            denied_ms: None,
            give_up_ms: 5_000,
            claims_after_patience: PRIMARY_AND_STANDBY,
        }
    }
}

impl Patience {
    /// Where two may lie, they may be our two: a third one is asked before anything is given up. What nobody but the two
    /// claims is never given up upon their words alone: all that an origin will ever say would be gone with it.
    const WITH_MORE_LIARS: Self = Self {
        stuck_ms: 4_000,
        unclaimed_ms: Some(12_000),
        denied_ms: Some(4_000),
        give_up_ms: 9_000,
        claims_after_patience: 0,
    };
}

/// Withheld messages count so long, and so many of them at most.
const WITHHELD_MS: u64 = 60_000;
const MAX_WITHHELD: usize = 1_024;

/// A message that the primary sends so little later than the standby is late, not withheld.
const LATE_MS: u64 = 100;

/// What the primary sends by itself so much later at most was not kept back: it has a backlog.
const EXCUSED_MS: u64 = 1_000;

impl<K: Keys> Core<K> {
    /// Tells a director what we want of it and where we stopped.
    pub(super) fn attach(
        &mut self,
        now: Millis,
        director: PublicKey,
        as_primary: bool,
        out: &mut Vec<Output>,
    ) {
        let role = if as_primary { Role::Primary } else { Role::Standby };
        let vector = entries(self.inbox.vector());
        let Some(session) = self.links.session_mut(&director) else { return };
        let is_first = session.attaching.is_none() && session.level_since.is_none();
        session.attaching = Some((role, now));
        let rank = u8::from(!as_primary);
        if is_first {
            self.planner.connected(director, rank, as_primary);
        } else {
            self.planner.rank(&director, rank, as_primary);
        }
        out.push(Output::Send { to: director, message: Control::Attach(Attach { role, vector }) });
    }

    /// A director says what it has.
    pub(super) fn vector(
        &mut self,
        now: Millis,
        from: PublicKey,
        vector: Vector,
        out: &mut Vec<Output>,
    ) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        let Some(session) = self.links.session(&from) else { return };
        let is_first = session.level_since.is_none();
        let own_key = self.keys.key();
        let is_known = |entry: &&VectorEntry| {
            entry.origin == own_key || snapshot.validator_by_peer_key(&entry.origin).is_some()
        };
        let entries: Vec<_> = vector.entries.iter().filter(is_known).copied().collect();
        for entry in &entries {
            if entry.origin == own_key {
                let confirmed = self.outbox().confirm(&from, entry);
                for (asked, _) in self.sent_in_vain.iter_mut().zip(confirmed).filter(|of| of.1) {
                    *asked = 0;
                }
                continue;
            }
            if is_first {
                self.inbox.begin(entry);
            }
            if let Some(before) = self.told_before(&from, entry, is_first) {
                self.inbox.grown(&before, entry);
            }
        }
        if vector.complete {
            self.inbox.join();
            self.planner.completed(&from);
        }
        self.planner.claim(now, &from, &entries, &self.inbox);
        if vector.complete {
            if let Some(claims) = self.planner.claims(&from) {
                self.inbox.told(claims);
            }
            self.attached(now, from, out);
        }
    }

    /// What a director had of the same epoch when it spoke of it last, on an earlier connection perhaps. Of what its first
    /// vector does not have it had nothing.
    fn told_before(
        &self,
        director: &PublicKey,
        entry: &VectorEntry,
        is_first: bool,
    ) -> Option<VectorEntry> {
        let claims =
            if is_first { self.told.get(director) } else { self.planner.claims(director) }?;
        match claims.get(&entry.origin) {
            Some(before) if before.epoch >= entry.epoch => Some(*before),
            _ if claims.is_complete() => Some(VectorEntry { contiguous: [0; 4], ..*entry }),
            _ => None,
        }
    }

    /// A director lives, and says in short what it has. The connection is the director's, so that its
    /// signature, which is for those who pass it on, need not be checked.
    pub(super) fn heartbeat(
        &mut self,
        now: Millis,
        from: PublicKey,
        heartbeat: &Heartbeat,
        out: &mut Vec<Output>,
    ) {
        if heartbeat.director != from {
            return;
        }
        self.choice.loaded(&from, heartbeat.validators, heartbeat.capacity);
        let has_standby = self.standby().is_some();
        let claimed = self.planner.claims(&from).map(|claims| claims.hash());
        let Some(session) = self.links.session_mut(&from) else { return };
        session.beats = true;
        let VectorSummary::Hash(hash) = heartbeat.vector else { return };
        let stood_still = session.last_hash.replace(hash) == Some(hash);
        let is_needed = session.slot == Slot::Standby || !has_standby;
        if session.level_since.is_none() || !is_needed || claimed == Some(hash) {
            return;
        }
        let asked_at = session.asked_vector_at;
        let is_long_ago = asked_at.is_none_or(|at| now >= at.saturating_add(ASK_VECTOR_MS));
        // While it moves, it differs by what is on its way.
        if is_long_ago || (stood_still && asked_at.is_none_or(|at| now >= at.saturating_add(2_000)))
        {
            session.asked_vector_at = Some(now);
            out.push(Output::Send { to: from, message: Control::VectorRequest });
        }
    }

    /// Asks for what is missing, and gives up what nobody has.
    pub(super) fn plan(&mut self, now: Millis, out: &mut Vec<Output>) {
        for action in self.planner.plan(now, &self.inbox) {
            match action {
                Action::Fetch(to, fetch) => {
                    self.stats.fetches += 1;
                    out.push(Output::Send { to, message: Control::Fetch(fetch) });
                }
                Action::GiveUp(sequence, to) => {
                    let accepted = self.inbox.give_up(&sequence, to);
                    self.accepted(now, accepted, out);
                }
            }
        }
    }

    /// A message came. If the standby had to send it, the primary has not done what it should.
    pub(super) fn notice_withholding(
        &mut self,
        now: Millis,
        from: &PublicKey,
        accepted: &Accepted,
        out: &mut Vec<Output>,
    ) {
        let (Some((sequence, seq)), Some(primary)) = (accepted.place, self.links.primary()) else {
            return;
        };
        let is_standby = self.links.session(from).is_some_and(|of| of.slot == Slot::Standby);
        // What is fetched when we have just come to the primary is not for it to answer for.
        let is_settled = self.links.is_level(&primary);
        let was_asked = self.planner.was_asked(&primary, &sequence, seq);
        if !is_standby || !is_settled || !was_asked || *from == primary {
            return;
        }
        self.stats.withheld += 1;
        let range = sequence.range(seq, seq);
        out.push(Output::Tell(Event::Withheld { director: primary, via: *from, message: range }));
        if self.withheld.len() >= MAX_WITHHELD {
            self.withheld.pop_front();
        }
        while self.withheld.front().is_some_and(|(at, _)| now > at.saturating_add(WITHHELD_MS)) {
            self.withheld.pop_front();
        }
        let had_time = |(at, _): &&(Millis, _)| now >= at.saturating_add(LATE_MS);
        let before = self.withheld.iter().take_while(had_time).count();
        self.withheld.push_back((now, (sequence, seq)));
        if before + 1 >= self.config.withheld_limit {
            self.withheld.clear();
            self.move_away(now, out);
        }
    }

    /// A message came again. What the primary sends by itself, a moment after the standby was asked for it, it has not kept
    /// back: a standby that claims messages before there are any gets them as early as the primary does.
    pub(super) fn came_late(&mut self, now: Millis, from: &PublicKey, frame: &[u8]) {
        if self.withheld.is_empty() || self.links.primary() != Some(*from) {
            return;
        }
        if let Some(place) = self.inbox.place_of(frame) {
            self.withheld
                .retain(|(at, withheld)| *withheld != place || now > at.saturating_add(EXCUSED_MS));
        }
    }

    /// Another one is primary: what the one before it has kept back, or not passed on, counts no more.
    pub(super) fn judge_anew(&mut self) {
        self.withheld.clear();
        self.sent_in_vain = Default::default();
    }

    /// So many directors there are: how many of them may lie decides what is believed.
    pub(super) fn be_patient(&mut self, snapshot: &Snapshot) {
        let directors = snapshot.directors.active.len() as u32;
        let liars = tolerated_liars(directors) as usize;
        self.patience = match liars < PRIMARY_AND_STANDBY {
            true => Patience::default(),
            false => Patience::WITH_MORE_LIARS,
        };
        let Patience { give_up_ms, claims_after_patience, .. } = self.patience;
        self.planner.set(|settings| {
            settings.give_up_ms = give_up_ms;
            // As many as may lie, and one more.
            settings.claims_to_give_up = PRIMARY_AND_STANDBY.max(liars + 1);
            settings.claims_after_patience = claims_after_patience;
            settings.words_to_give_up = if liars < PRIMARY_AND_STANDBY { 0 } else { liars + 1 };
        });
    }

    /// Something is missing for long. If it is the primary alone that claims it, and does not send it, the primary is left.
    /// Otherwise primary and standby may both keep it back, or the standby claims what there is not: another standby
    /// will tell.
    pub(super) fn mind_stuck(&mut self, now: Millis, out: &mut Vec<Output>) {
        let is_due = |at: Option<Millis>, every_ms| at.is_none_or(|at| now >= at + every_ms);
        if !is_due(self.looked_stuck_at, LOOK_STUCK_MS) {
            return;
        }
        self.looked_stuck_at = Some(now);
        if !is_due(self.unstuck_at, UNSTUCK_MS) {
            return;
        }
        let stuck = self.planner.stuck(now, &self.inbox);
        let primary = self.links.primary();
        if stuck.claimed_ms >= self.patience.stuck_ms {
            self.unstuck_at = Some(now);
            match stuck.claimed_by.as_slice() {
                [only] if Some(*only) == primary => self.move_away(now, out),
                _ => self.change_standby(now, out),
            }
            return;
        }
        let Patience { unclaimed_ms, denied_ms, .. } = self.patience;
        let is_over = |after: Option<u64>, ms: u64| after.is_some_and(|after| ms >= after);
        if is_over(unclaimed_ms, stuck.unclaimed_ms) || is_over(denied_ms, stuck.denied_ms) {
            self.unstuck_at = Some(now);
            self.change_standby(now, out);
        }
    }

    /// Our own messages are to arrive at a second director.
    pub(super) fn mind_outbox(&mut self, now: Millis, out: &mut Vec<Output>) {
        let standby = self.links.standby().and_then(|key| self.links.session(&key));
        let watched_since = standby.and_then(|standby| standby.level_since);
        // `None` in the first moments: nothing is that old.
        let until = now.checked_sub(self.config.resend_ms);
        let until = until.filter(|until| watched_since.is_some_and(|since| since <= *until));
        let again = until.map(|until| self.outbox().send_again(until)).unwrap_or_default();
        if again == [false; 4] {
            if self.outbox().waits() {
                out.push(Output::Flush);
            }
            return;
        }
        self.stats.sent_again += 1;
        out.push(Output::Flush);
        // Each class by itself: a primary may pass on all but one message. Of several the one that was asked about most counts: they
        // are one question.
        let most = |of: &[u32; 4]| of.iter().copied().max();
        let before = most(&self.sent_in_vain);
        for (asked, _) in self.sent_in_vain.iter_mut().zip(again).filter(|of| of.1) {
            *asked += 1;
        }
        let after = most(&self.sent_in_vain);
        match after.filter(|_| after > before) {
            Some(2) => self.change_standby(now, out),
            Some(4..) => {
                self.sent_in_vain = Default::default();
                self.move_away(now, out);
            }
            _ => {}
        }
    }
}
