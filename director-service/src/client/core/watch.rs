//! Watches directors for whether they live and do what they are there for.
//!
//! * upon a silence of `silence_ms` on a connection that had heartbeats: it is dead. What has come and waits for its
//!   turn here is no silence;
//! * upon an answer that never comes: it is asked again, then left;
//! * upon messages that nobody signed: a director that passes on some of them is left;
//! * upon messages of which most come only because we asked for them: a director that answers every question and
//!   relays nothing costs us a question for each message, and so is left.

use super::{
    Core, Output,
    session::{Session, Slot},
};
use crate::{
    client::signer::Keys,
    network::DownReason,
    repair::{Millis, Sequence},
};
use director_primitives::{Priority, PublicKey, Role};

/// How long a director has to answer `Attach`, and a standby to let us in.
const ANSWER_MS: u64 = 4_000;

/// So often a director may not answer before it is left.
const MAX_UNANSWERED: u32 = 2;

/// The primary is judged by so many messages at least, of so long at least: what was asked for too early comes a second
/// time within that.
const JUDGED: u32 = 32;
const JUDGED_MS: u64 = 5_000;

/// So often in a row most of them had to be asked for, and it is left.
const MAX_STRIKES: u32 = 2;

/// So many messages that nobody signed, on one connection, and a director is left: checking them is what costs us most.
const MAX_FORGED: u32 = 20;

/// What was missed while nobody relayed to us does not count: a primary is judged so long after it was level.
const UNJUDGED_MS: u64 = 5_000;

/// How the primary's messages came, since it was judged last. Critical and High alone: of the others a full queue may
/// drop some, for which the director is not to blame.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::client) struct Relayed {
    since: Millis,
    by_itself: u32,
    upon_question: u32,
    strikes: u32,
}

impl Relayed {
    /// From now on, of a primary that is new.
    pub(super) fn since(now: Millis) -> Self {
        Self { since: now, ..Self::default() }
    }

    /// Whether two messages of three had to be asked for, time and again.
    fn judge(&mut self, now: Millis) -> bool {
        let all = self.by_itself + self.upon_question;
        if all < JUDGED || now < self.since.saturating_add(JUDGED_MS) {
            return false;
        }
        let is_bad = 3 * self.upon_question > 2 * all;
        let strikes = if is_bad { self.strikes + 1 } else { 0 };
        *self = Self { strikes, ..Self::since(now) };
        strikes >= MAX_STRIKES
    }
}

impl<K: Keys> Core<K> {
    /// A message came for the first time. Whether the primary is to be judged by it.
    pub(super) fn mind_relaying(
        &mut self,
        now: Millis,
        from: &PublicKey,
        (sequence, seq): (Sequence, u64),
        out: &mut Vec<Output>,
    ) {
        if !self.is_judged(now, from) || sequence.class > Priority::High {
            return;
        }
        match self.planner.asked(from, &sequence, seq) {
            Some(_) => self.relayed.upon_question += 1,
            None => self.relayed.by_itself += 1,
        }
        if self.relayed.judge(now) {
            self.move_away(now, out);
        }
    }

    /// A message came again. One that we have asked for too early comes by itself and upon the question.
    pub(super) fn mind_repeat(&mut self, now: Millis, from: &PublicKey) {
        if self.is_judged(now, from) && self.relayed.upon_question > 0 {
            self.relayed.upon_question -= 1;
            self.relayed.by_itself += 1;
        }
    }

    /// A director has sent what nobody signed.
    pub(super) fn mind_forgery(&mut self, now: Millis, from: &PublicKey, out: &mut Vec<Output>) {
        let Some(session) = self.links.session_mut(from) else { return };
        session.forged += 1;
        if session.forged == MAX_FORGED {
            tracing::warn!(
                director = %hex::encode(from.0),
                "this director passes on messages that nobody signed; going to another one"
            );
            self.leave(now, from, out);
        }
    }

    fn is_judged(&self, now: Millis, from: &PublicKey) -> bool {
        let primary = self.links.session(from).filter(|of| of.slot == Slot::Primary);
        let since = primary.and_then(|primary| primary.primary_since);
        since.is_some_and(|since| now >= since.saturating_add(UNJUDGED_MS))
    }

    /// Connections of which nothing is heard any more.
    pub(super) fn mind_silence(&mut self, now: Millis, out: &mut Vec<Output>) {
        let silence_ms = self.config.silence_ms;
        let is_silent =
            |session: &Session| session.beats && now >= session.heard_at.saturating_add(silence_ms);
        let silent = self.links.sessions.iter().filter(|(_, of)| is_silent(of));
        // The standby first: it must not take the place of the primary if it is silent too.
        let primary = self.links.primary();
        let (last, first): (Vec<_>, Vec<_>) =
            silent.map(|(key, _)| *key).partition(|key| Some(*key) == primary);
        for director in first.into_iter().chain(last) {
            let chance = self.chance.next();
            self.choice.failed(&director, now, chance);
            self.choice.avoid(&director, now, 2 * silence_ms);
            self.close(now, &director, DownReason::Silent, out);
        }
    }

    /// Directors that do not answer what we want of them, and such that do not let us in: an answer that never comes must not
    /// keep us from noticing what is kept back, nor from being heard. A primary has longer while the chain has not let
    /// us in either: see [`super::admission`].
    pub(super) fn mind_answers(&mut self, now: Millis, out: &mut Vec<Output>) {
        let is_late = |at: Millis| now >= at.saturating_add(ANSWER_MS);
        let is_let_in = self.is_let_in_by_chain(now);
        let keys: Vec<_> = self.links.sessions.keys().copied().collect();
        for key in keys {
            let Some(session) = self.links.session_mut(&key) else { continue };
            let (slot, is_out) = (session.slot, !session.authorized);
            match session.attaching {
                Some((role, at)) if is_late(at) && session.unanswered < MAX_UNANSWERED => {
                    session.unanswered += 1;
                    self.attach(now, key, role == Role::Primary, out);
                }
                Some((_, at)) if is_late(at) => self.leave(now, &key, out),
                None if slot != Slot::Primary && is_out && is_late(session.answered_at) => {
                    self.leave(now, &key, out);
                }
                None if slot == Slot::Primary
                    && is_out
                    && is_let_in
                    && is_late(session.out_since) =>
                {
                    self.leave(now, &key, out);
                }
                _ => {}
            }
        }
    }
}
