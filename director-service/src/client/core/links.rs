//! Keeps a primary and a standby, whatever becomes of directors.
//!
//! * upon a dead primary: the standby takes its place at once, told where we stopped; without one the
//!   next director is dialed, after a delay with full jitter;
//! * upon no standby while a primary takes our messages: the most wanted other director is dialed;
//! * upon a silence of `silence_ms` on a connection that had heartbeats: it is dead;
//! * upon a standby that is wanted more than the primary, after a while: they change places, the new
//!   one first; so a director that joins or comes back takes its share, and nobody is without a connection;
//! * upon `Move`: the same at once, then the connection ends.

use super::{
    Core, Output,
    session::{Session, Slot},
};
use crate::{
    client::{Event, signer::Keys},
    network::DownReason,
    repair::Millis,
};
use director_primitives::{Answer, PublicKey, Role};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A dial that takes longer does not keep us from trying another director.
const SLOW_DIAL_MS: u64 = 1_000;

/// Most dials at once.
const MAX_DIALS: usize = 3;

/// A change of places that takes longer is called off.
const SWAP_MS: u64 = 3_000;

/// How long a director has to answer `Attach`, and a standby to let us in.
const ANSWER_MS: u64 = 4_000;

/// So often a director may not answer before it is left.
const MAX_UNANSWERED: u32 = 2;

/// How long a director that has no room, or is about to stop, is not wanted.
const FULL_MS: u64 = 10_000;

/// How long a director that wants us to go is not wanted.
const DRAINING_MS: u64 = 30_000;

/// Connections and dials under way.
#[derive(Debug, Default)]
pub(in crate::client) struct Links {
    sessions: BTreeMap<PublicKey, Session>,
    dialing: BTreeMap<PublicKey, (Slot, Millis)>,
    /// Given up by us; the network has not said yet that they are gone.
    closing: BTreeSet<PublicKey>,
    /// The standby that is becoming the primary.
    swapping: Option<(PublicKey, Millis)>,
    /// When nobody is to be dialed before, since we have just lost the last one.
    dial_at: Millis,
    /// Named by a director without room.
    named: Vec<PublicKey>,
    /// When places may be changed, and a better standby looked for.
    settle_at: Millis,
    probe_at: Millis,
    /// Block at which a director said no for good.
    refused_at: HashMap<PublicKey, u64>,
}

impl Links {
    pub(in crate::client) fn session(&self, key: &PublicKey) -> Option<&Session> {
        self.sessions.get(key)
    }

    pub(in crate::client) fn session_mut(&mut self, key: &PublicKey) -> Option<&mut Session> {
        self.sessions.get_mut(key)
    }

    fn with_slot(&self, slot: Slot) -> Option<PublicKey> {
        self.sessions.iter().find(|(_, session)| session.slot == slot).map(|(key, _)| *key)
    }

    pub(in crate::client) fn primary(&self) -> Option<PublicKey> {
        self.with_slot(Slot::Primary)
    }

    pub(in crate::client) fn standby(&self) -> Option<PublicKey> {
        self.with_slot(Slot::Standby)
    }

    /// Whether it takes our messages.
    pub(in crate::client) fn is_authorized(&self, key: &PublicKey) -> bool {
        self.sessions.get(key).is_some_and(|session| session.authorized)
    }

    /// Whether it has said all that it has.
    pub(in crate::client) fn is_level(&self, key: &PublicKey) -> bool {
        self.sessions.get(key).is_some_and(|session| session.level_since.is_some())
    }

    fn is_linked(&self, key: &PublicKey) -> bool {
        self.sessions.contains_key(key)
            || self.dialing.contains_key(key)
            || self.closing.contains(key)
    }

    fn is_dialing_for(&self, slot: Slot, now: Millis) -> bool {
        let fast = |at: &Millis| now < at.saturating_add(SLOW_DIAL_MS);
        self.dialing.values().any(|(of, at)| *of == slot && fast(at))
    }

    pub(in crate::client) fn refused_at(&self, key: &PublicKey) -> Option<u64> {
        self.refused_at.get(key).copied()
    }

    pub(in crate::client) fn refused(&mut self, key: PublicKey, block: u64) {
        self.refused_at.insert(key, block);
    }

    pub(in crate::client) fn forget_refusals(&mut self, keep: impl Fn(&PublicKey) -> bool) {
        self.refused_at.retain(|key, _| keep(key));
    }

    /// All were silent for so long because we did not listen.
    pub(in crate::client) fn forgive(&mut self, ms: u64) {
        for session in self.sessions.values_mut() {
            session.heard_at = session.heard_at.saturating_add(ms);
        }
    }
}

impl<K: Keys> Core<K> {
    pub(super) fn up(&mut self, now: Millis, director: PublicKey, out: &mut Vec<Output>) {
        self.links.closing.remove(&director);
        let wanted = self.links.dialing.remove(&director).map(|(slot, _)| slot);
        let slot = match (wanted, self.links.primary()) {
            (_, None) => Slot::Primary,
            (Some(Slot::Probe), _) => Slot::Probe,
            _ if self.links.standby().is_none() => Slot::Standby,
            _ => Slot::Probe,
        };
        self.stats.connections += 1;
        self.links.sessions.insert(director, Session::new(slot, now, self.block()));
        if slot == Slot::Primary {
            out.push(Output::Tell(Event::Connected { director }));
        }
    }

    pub(super) fn down(
        &mut self,
        now: Millis,
        director: &PublicKey,
        reason: DownReason,
        out: &mut Vec<Output>,
    ) {
        let was_closing = self.links.closing.remove(director);
        if was_closing && !self.links.sessions.contains_key(director) {
            return self.connect(now, out);
        }
        let chance = self.chance.next();
        self.choice.failed(director, now, chance);
        self.lost(now, director, reason, out);
    }

    pub(super) fn dial_failed(
        &mut self,
        now: Millis,
        director: PublicKey,
        error: String,
        out: &mut Vec<Output>,
    ) {
        if self.links.dialing.remove(&director).is_none() {
            return;
        }
        let chance = self.chance.next();
        self.choice.failed(&director, now, chance);
        out.push(Output::Tell(Event::Unreachable { director, error }));
        self.connect(now, out);
    }

    /// Ends a connection. It counts as gone from here on.
    pub(super) fn drop_link(&mut self, now: Millis, director: &PublicKey, out: &mut Vec<Output>) {
        self.close(now, director, DownReason::Disconnected, out);
    }

    fn close(
        &mut self,
        now: Millis,
        director: &PublicKey,
        reason: DownReason,
        out: &mut Vec<Output>,
    ) {
        if !self.links.sessions.contains_key(director) {
            return;
        }
        self.links.closing.insert(*director);
        out.push(Output::Disconnect { director: *director });
        self.lost(now, director, reason, out);
    }

    /// A connection is gone; its place is to be filled.
    fn lost(
        &mut self,
        now: Millis,
        director: &PublicKey,
        reason: DownReason,
        out: &mut Vec<Output>,
    ) {
        let Some(session) = self.links.sessions.remove(director) else { return };
        self.planner.lost(director);
        if self.links.swapping.is_some_and(|(to, _)| to == *director) {
            self.links.swapping = None;
        }
        if session.slot == Slot::Primary {
            self.outbox().close();
            out.push(Output::Tell(Event::Disconnected { director: *director, reason }));
            match self.links.standby() {
                Some(standby) => self.promote(now, standby, out),
                None => {
                    // With many others that have lost it too.
                    let chance = self.chance.next();
                    let wait = (self.config.redial_base_ms as f64 * chance) as u64;
                    self.links.dial_at = now.saturating_add(wait);
                }
            }
        }
        self.connect(now, out);
    }

    /// The standby takes the place of a primary that is gone.
    fn promote(&mut self, now: Millis, standby: PublicKey, out: &mut Vec<Output>) {
        self.links.swapping = None;
        let Some(session) = self.links.session_mut(&standby) else { return };
        session.slot = Slot::Primary;
        let is_authorized = session.authorized;
        self.stats.failovers += 1;
        out.push(Output::Tell(Event::Connected { director: standby }));
        if is_authorized {
            self.take_up(now, standby, out);
        }
    }

    /// From here on this director sends everything and gets what we publish.
    pub(super) fn take_up(&mut self, now: Millis, director: PublicKey, out: &mut Vec<Output>) {
        self.withheld.clear();
        self.unconfirmed = 0;
        self.attach(now, director, true, out);
        self.outbox().open(director);
        out.push(Output::Flush);
        out.push(Output::Tell(Event::Authorized { director }));
        self.rest(now);
    }

    /// Nothing is changed for a while.
    fn rest(&mut self, now: Millis) {
        self.links.settle_at = self.later(now, self.config.settle_ms);
        self.links.probe_at = self.later(now, self.config.probe_ms);
    }

    /// Between half and one and a half of this time from now.
    fn later(&mut self, now: Millis, ms: u64) -> Millis {
        now.saturating_add((ms as f64 * (0.5 + self.chance.next())) as u64)
    }

    /// Dials whom we need.
    pub(super) fn connect(&mut self, now: Millis, out: &mut Vec<Output>) {
        if self.snapshot.is_none() {
            return;
        }
        let Some(primary) = self.links.primary() else {
            let other = self.links.standby().or_else(|| self.links.with_slot(Slot::Probe));
            if let Some(other) = other.filter(|key| self.links.is_authorized(key)) {
                return self.promote(now, other, out);
            }
            if now >= self.links.dial_at && !self.links.is_dialing_for(Slot::Primary, now) {
                self.dial(now, Slot::Primary, out);
            }
            return;
        };
        let wants_standby = self.config.standby && self.links.is_authorized(&primary);
        let has_standby =
            self.links.standby().is_some() || self.links.is_dialing_for(Slot::Standby, now);
        if wants_standby && !has_standby {
            self.dial(now, Slot::Standby, out);
        }
    }

    fn dial(&mut self, now: Millis, slot: Slot, out: &mut Vec<Output>) {
        if self.links.dialing.len() >= MAX_DIALS {
            return;
        }
        let links = &self.links;
        let may = |key: &PublicKey| !links.is_linked(key);
        // One that has just sent us away, or lost us for a reason, is no standby.
        let is_fit = |key: &PublicKey| {
            may(key) && (slot == Slot::Primary || !self.choice.is_avoided(key, now))
        };
        let named = links.named.iter().find(|key| is_fit(key) && self.choice.is_known(key));
        let named = named.and_then(|key| self.choice.next(now, |other| other == key));
        let next = named.or_else(|| self.choice.next(now, is_fit));
        // Better one of those than none.
        let spare = |key: &PublicKey| may(key) && self.choice.may_stand_by(key, now);
        let Some(next) = next.or_else(|| self.choice.next(now, spare)) else { return };
        let (director, addresses) = (next.peer_key, next.addresses.clone());
        self.links.named.retain(|key| *key != director);
        self.links.dialing.insert(director, (slot, now));
        out.push(Output::Dial { director, addresses });
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

    /// Directors that do not answer what we want of them, and standbys that do not let us in: an answer that
    /// never comes must not keep us from noticing what is kept back.
    pub(super) fn mind_answers(&mut self, now: Millis, out: &mut Vec<Output>) {
        let is_late = |at: Millis| now >= at.saturating_add(ANSWER_MS);
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
                _ => {}
            }
        }
    }

    /// A director has all that it has told; what it was asked to be, it is.
    pub(super) fn attached(&mut self, now: Millis, director: PublicKey, out: &mut Vec<Output>) {
        let Some(session) = self.links.session_mut(&director) else { return };
        let is_new = session.level_since.is_none();
        session.level_since.get_or_insert(now);
        let attached = session.attaching.take();
        (session.answered_at, session.unanswered) = (now, 0);
        let slot = session.slot;
        if let Some((_, at)) = attached {
            self.choice.answered(&director, now.saturating_sub(at));
        }
        let is_swapping = self.links.swapping.is_some_and(|(to, _)| to == director);
        if is_swapping && attached.is_some_and(|(role, _)| role == Role::Primary) {
            return self.swapped(now, director, out);
        }
        if slot == Slot::Probe {
            let other = self.links.standby();
            if let Some(session) = self.links.session_mut(&director) {
                session.slot = Slot::Standby;
            }
            if let Some(other) = other {
                self.drop_link(now, &other, out);
            }
        }
        if slot != Slot::Primary && is_new {
            out.push(Output::Tell(Event::Standby { director }));
            self.rest(now);
        }
        let primary = self.links.primary().and_then(|primary| self.links.session(&primary));
        if slot != Slot::Primary && primary.is_some_and(|primary| primary.is_draining) {
            self.swap(now, out);
        }
    }

    /// Primary and standby change places: the standby is asked to send everything, and as soon as it does
    /// the primary is asked to send no more.
    fn swap(&mut self, now: Millis, out: &mut Vec<Output>) {
        let Some(standby) = self.links.standby().filter(|key| self.links.is_level(key)) else {
            return;
        };
        if self.links.swapping.is_none() {
            self.links.swapping = Some((standby, now));
            self.attach(now, standby, true, out);
        }
    }

    fn swapped(&mut self, now: Millis, to: PublicKey, out: &mut Vec<Output>) {
        self.links.swapping = None;
        let Some(from) = self.links.primary() else { return };
        let is_draining = self.links.session(&from).is_some_and(|session| session.is_draining);
        for (key, slot) in [(from, Slot::Standby), (to, Slot::Primary)] {
            if let Some(session) = self.links.session_mut(&key) {
                session.slot = slot;
            }
        }
        self.stats.moves += 1;
        self.withheld.clear();
        self.unconfirmed = 0;
        self.outbox().open(to);
        out.push(Output::Flush);
        self.planner.rank(&to, 0, true);
        out.push(Output::Tell(Event::Moved { from, to }));
        if is_draining {
            self.drop_link(now, &from, out);
        } else {
            self.attach(now, from, false, out);
        }
        self.rest(now);
    }

    /// Better places, when nothing else is to be done.
    pub(super) fn settle(&mut self, now: Millis, out: &mut Vec<Output>) {
        if let Some((to, at)) = self.links.swapping
            && now >= at.saturating_add(SWAP_MS)
        {
            // It may have understood us all the same.
            self.links.swapping = None;
            self.attach(now, to, false, out);
        }
        let (Some(primary), Some(standby)) = (self.links.primary(), self.links.standby()) else {
            return;
        };
        if !self.links.is_level(&primary) || !self.links.is_level(&standby) {
            return;
        }
        let is_draining = self.links.session(&primary).is_some_and(|of| of.is_draining);
        let may_settle =
            now >= self.links.settle_at && self.choice.is_better(&standby, &primary, now);
        if is_draining || may_settle {
            return self.swap(now, out);
        }
        if now >= self.links.probe_at && self.links.dialing.is_empty() {
            self.links.probe_at = self.later(now, self.config.probe_ms);
            let links = &self.links;
            let better = self.choice.worth_a_try(now, |key| links.is_linked(key));
            if let Some(better) = better {
                let (director, addresses) = (better.peer_key, better.addresses.clone());
                self.links.dialing.insert(director, (Slot::Probe, now));
                out.push(Output::Dial { director, addresses });
            }
        }
    }

    /// A director has no room for us, for what we want of it.
    pub(super) fn redirected(
        &mut self,
        now: Millis,
        from: PublicKey,
        to: Vec<PublicKey>,
        out: &mut Vec<Output>,
    ) {
        self.choice.avoid(&from, now, FULL_MS);
        if self.links.swapping.is_some_and(|(standby, _)| standby == from) {
            self.links.swapping = None;
            let primary = self.links.primary().and_then(|primary| self.links.session(&primary));
            if !primary.is_some_and(|primary| primary.is_draining) {
                // It stays the standby.
                if let Some(session) = self.links.session_mut(&from) {
                    session.attaching = None;
                }
                return self.planner.rank(&from, 1, false);
            }
            // A standby is no help then: one that has room has to be found.
        }
        self.links.named.clone_from(&to);
        out.push(Output::Tell(Event::Redirected { from, to }));
        self.drop_link(now, &from, out);
    }

    /// A director is about to stop.
    pub(super) fn asked_to_move(&mut self, now: Millis, from: PublicKey, out: &mut Vec<Output>) {
        self.choice.avoid(&from, now, DRAINING_MS);
        let Some(session) = self.links.session_mut(&from) else { return };
        session.is_draining = true;
        match session.slot {
            Slot::Primary => self.swap(now, out),
            Slot::Standby | Slot::Probe => self.drop_link(now, &from, out),
        }
    }

    /// The primary does not do what it should: the standby takes over, and the primary is avoided.
    pub(super) fn move_away(&mut self, now: Millis, out: &mut Vec<Output>) {
        let (Some(primary), Some(standby)) = (self.links.primary(), self.standby()) else { return };
        if self.choice.is_avoided(&standby, now) {
            return;
        }
        tracing::warn!(
            director = %hex::encode(primary.0),
            "this director keeps messages back; moving to another one"
        );
        self.choice.avoid(&primary, now, self.config.avoid_ms);
        self.drop_link(now, &primary, out);
    }

    /// Another standby, if there is one.
    pub(super) fn change_standby(&mut self, now: Millis, out: &mut Vec<Output>) {
        let Some(standby) = self.links.standby() else { return };
        let links = &self.links;
        let others = |key: &PublicKey| !links.is_linked(key) && !self.choice.is_avoided(key, now);
        if self.choice.next(now, others).is_some() {
            self.choice.avoid(&standby, now, self.config.avoid_ms / 2);
            self.drop_link(now, &standby, out);
        }
    }

    /// Moves to another director, if there is one, after this one has said no.
    pub(super) fn leave(&mut self, now: Millis, director: &PublicKey, out: &mut Vec<Output>) {
        if self.choice.len() > 1 {
            self.choice.avoid(director, now, DRAINING_MS);
            self.drop_link(now, director, out);
        }
    }

    /// A director does not let us in, or not any more.
    pub(super) fn shut_out(&mut self, director: &PublicKey, answer: Answer, out: &mut Vec<Output>) {
        let Some(session) = self.links.session_mut(director) else { return };
        let was_authorized = std::mem::replace(&mut session.authorized, false);
        if session.slot != Slot::Primary {
            return;
        }
        if was_authorized {
            // What is published from here on waits for another director.
            self.outbox().close();
        }
        out.push(Output::Tell(Event::Refused(answer)));
    }
}
