//! Changes places between directors that live.
//!
//! * upon a standby that is wanted more than the primary, after a while: they change places, the new
//!   one first; so a director that joins or comes back takes its share, and nobody is without a connection;
//! * upon `Move`: the same at once, then the connection ends;
//! * upon a primary that does not do what it should: the standby takes over, and the primary is avoided.

use super::{Core, Output, links::DRAINING_MS, session::Slot, watch::Relayed};
use crate::{
    client::{Event, signer::Keys},
    repair::Millis,
};
use director_primitives::{PublicKey, Role};

/// A change of places that takes longer is called off.
const SWAP_MS: u64 = 3_000;

/// So long after a primary was left the next one is left only for a standby that is not blamed itself; twice as long after each time
/// that it was left for one that is.
const LEAVE_AGAIN_MS: u64 = 5_000;

/// How long a director that has no room, or is about to stop, is not wanted.
const FULL_MS: u64 = 10_000;

impl<K: Keys> Core<K> {
    /// A director has all that it has told; what it was asked to be, it is.
    pub(super) fn attached(&mut self, now: Millis, director: PublicKey, out: &mut Vec<Output>) {
        let Some(session) = self.links.session_mut(&director) else { return };
        let is_new = session.level_since.is_none();
        session.level_since.get_or_insert(now);
        let attached = session.attaching.take();
        (session.answered_at, session.unanswered) = (now, 0);
        let slot = session.slot;
        if attached.is_some_and(|(role, _)| role == Role::Primary) {
            session.primary_since = Some(now);
            self.relayed = Relayed::since(now);
        }
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
        self.judge_anew();
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
            Slot::Primary => {
                self.swap(now, out);
                self.connect(now, out);
            }
            Slot::Standby | Slot::Probe => self.drop_link(now, &from, out),
        }
    }

    /// The primary does not do what it should: the standby takes over, and the primary is avoided.
    pub(super) fn move_away(&mut self, now: Millis, out: &mut Vec<Output>) {
        let (Some(primary), Some(standby)) = (self.links.primary(), self.standby()) else { return };
        // Not to and fro between two that are both blamed; but one that was blamed a while ago, or was about to stop, is better than one
        // that does not do what it should. Each time that takes longer: one of the two may lie about the other.
        let is_blamed = self.choice.is_avoided(&standby, now);
        let (left_at, pause_ms) = self.left.unwrap_or((0, 0));
        if is_blamed && now < left_at.saturating_add(pause_ms) {
            return;
        }
        let longest = self.config.avoid_ms;
        let is_long_ago = now >= left_at.saturating_add(2 * longest);
        let next = match is_blamed && !is_long_ago {
            true => (2 * pause_ms).clamp(LEAVE_AGAIN_MS, longest),
            false => LEAVE_AGAIN_MS,
        };
        self.left = Some((now, next));
        tracing::warn!(
            director = %hex::encode(primary.0),
            "this director keeps messages back; moving to another one"
        );
        self.choice.avoid(&primary, now, self.config.avoid_ms);
        self.drop_link(now, &primary, out);
        if self.links.primary() == Some(standby) {
            out.push(Output::Tell(Event::Moved { from: primary, to: standby }));
        }
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
}
