//! Keeps a primary and a standby, whatever becomes of directors.
//!
//! * upon a dead primary: the standby takes its place at once, told where we stopped; without one the
//!   next director is dialed, after a delay with full jitter;
//! * upon no standby while a primary takes our messages: the most wanted other director is dialed.
//!
//! Which of them change places while both live, [`super::places`] says; which of them count as dead, [`super::watch`].

use super::{
    Core, Output,
    session::{Session, Slot},
};
use crate::{
    client::{Event, signer::Keys},
    network::DownReason,
    repair::Millis,
};
use director_primitives::{Answer, PublicKey};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A dial that takes longer does not keep us from trying another director.
const SLOW_DIAL_MS: u64 = 1_000;

/// Most dials at once.
const MAX_DIALS: usize = 3;

/// So many blocks, and so long, a director's node may be behind ours, and is no liar.
const LAG_BLOCKS: u64 = 2;
const LAG_MS: u64 = 4_000;

/// So often a director may take back that we are let in, and then let us in again, while the chain has us let in.
const MAX_PUT_OUT: u32 = 2;

/// How long a director that wants us to go is not wanted.
pub(super) const DRAINING_MS: u64 = 30_000;

/// Connections and dials under way.
#[derive(Debug, Default)]
pub(in crate::client) struct Links {
    pub(super) sessions: BTreeMap<PublicKey, Session>,
    pub(super) dialing: BTreeMap<PublicKey, (Slot, Millis)>,
    /// Given up by us; the network has not said yet that they are gone.
    pub(super) closing: BTreeSet<PublicKey>,
    /// The standby that is becoming the primary.
    pub(super) swapping: Option<(PublicKey, Millis)>,
    /// When nobody is to be dialed before, since we have just lost the last one.
    pub(super) dial_at: Millis,
    /// Named by a director without room.
    pub(super) named: Vec<PublicKey>,
    /// When places may be changed, and a better standby looked for.
    pub(super) settle_at: Millis,
    pub(super) probe_at: Millis,
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

    pub(super) fn is_linked(&self, key: &PublicKey) -> bool {
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

    /// The chain has come no further than this block.
    pub(in crate::client) fn turn_back(&mut self, block: u64) {
        self.refused_at.clear();
        for session in self.sessions.values_mut() {
            session.asked_at = None;
            session.since = session.since.min(block);
        }
    }

    /// Something of this director has come.
    pub(in crate::client) fn heard(&mut self, now: Millis, director: &PublicKey) {
        if let Some(session) = self.sessions.get_mut(director) {
            session.heard_at = now;
        }
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

    pub(super) fn close(
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
        if let Some(claims) = self.planner.claims(director).filter(|claims| claims.is_complete()) {
            self.told.insert(*director, claims.clone());
        }
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
        // It may have been the primary before; how it relays is judged from when it says that it is one again.
        session.primary_since = None;
        let is_authorized = session.authorized;
        self.stats.failovers += 1;
        out.push(Output::Tell(Event::Connected { director: standby }));
        if is_authorized {
            self.take_up(now, standby, out);
        }
    }

    /// From here on this director sends everything and gets what we publish.
    pub(super) fn take_up(&mut self, now: Millis, director: PublicKey, out: &mut Vec<Output>) {
        self.judge_anew();
        self.attach(now, director, true, out);
        self.outbox().open(director);
        out.push(Output::Flush);
        out.push(Output::Tell(Event::Authorized { director }));
        self.rest(now);
    }

    /// Nothing is changed for a while.
    pub(super) fn rest(&mut self, now: Millis) {
        self.links.settle_at = self.later(now, self.config.settle_ms);
        self.links.probe_at = self.later(now, self.config.probe_ms);
    }

    /// Between half and one and a half of this time from now.
    pub(super) fn later(&mut self, now: Millis, ms: u64) -> Millis {
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
        // One that is about to stop needs somebody to hand us over to.
        let is_draining = self.links.session(&primary).is_some_and(|of| of.is_draining);
        let wants_standby =
            (self.config.standby || is_draining) && self.links.is_authorized(&primary);
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

    /// Moves to another director, if there is one, after this one has said no.
    pub(super) fn leave(&mut self, now: Millis, director: &PublicKey, out: &mut Vec<Output>) {
        if self.choice.len() > 1 {
            self.choice.avoid(director, now, DRAINING_MS);
            self.drop_link(now, director, out);
        }
    }

    /// A director does not let us in, or not any more.
    pub(super) fn shut_out(
        &mut self,
        now: Millis,
        director: &PublicKey,
        answer: Answer,
        out: &mut Vec<Output>,
    ) {
        let block = self.block();
        let Some(session) = self.links.session_mut(director) else { return };
        let was_authorized = std::mem::replace(&mut session.authorized, false);
        if was_authorized {
            (session.since, session.out_since) = (block, now);
            session.put_out += 1;
        }
        let is_fickle = session.put_out >= MAX_PUT_OUT;
        if session.slot != Slot::Primary {
            return;
        }
        if was_authorized {
            // What is published from here on waits: this director would drop it.
            self.outbox().close();
        }
        out.push(Output::Tell(Event::Refused(answer)));
        let other = self.standby().filter(|key| self.links.is_authorized(key));
        if was_authorized && self.is_let_in_by_chain(now) && (other.is_some() || is_fickle) {
            self.leave(now, director, out);
        }
    }

    /// Whether the chain has us authorized for so long that each director should know.
    pub(super) fn is_let_in_by_chain(&self, now: Millis) -> bool {
        self.authorized_since.is_some_and(|(block, at)| {
            self.block() >= block.saturating_add(LAG_BLOCKS) && now >= at.saturating_add(LAG_MS)
        })
    }
}
