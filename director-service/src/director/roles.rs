//! Gives validators their seats: with everything as it comes, or standing by.
//!
//! A director has room for as many validators as the chain says (`capacity`), and for as many again that
//! stand by.
//!
//! * upon a validator that connects: it has a seat as if it had said [`Role::Primary`]. If there is no room it
//!   is a guest: it is welcomed, it may send, and nothing is relayed to it;
//! * upon [`Attach`]: it has the seat that it asks for, and is sent what it misses, or it is told where there is
//!   room ([`Director::no_room`]) and has to go. Who stands by already and finds no room for more stays;
//! * upon a guest's wish to be authorized, or its silence for `guest_ms`: the same, as if it had said `Primary`;
//! * an authorized validator takes the seat of a candidate.

use super::{
    Crypto, Director, DisconnectReason, Link, Millis, Output, Refusal, members::Seat,
    repair::Replay,
};
use crate::repair::Sequence;
use director_primitives::{Attach, Priority, PublicKey, Role, Snapshot, VectorEntry};
use std::collections::BTreeMap;

impl<C: Crypto> Director<C> {
    /// As what a validator comes that has just connected.
    pub(super) fn seat_of_newcomer(&self, now: Millis, peer: &PublicKey) -> Seat {
        let room = self.snapshot.as_deref().map(|snapshot| self.room(snapshot));
        match room {
            Some(room) if !self.members.has_room(Seat::Primary, room, peer) => {
                Seat::Guest { until: now.saturating_add(self.config.guest_ms) }
            }
            // Before the first block nobody knows; it will say who may be here at all.
            _ => Seat::Primary,
        }
    }

    /// Seats of each kind.
    pub(super) fn room(&self, snapshot: &Snapshot) -> u32 {
        match snapshot.director(&self.config.account) {
            Some(_) if self.drain.is_some() => 0,
            Some(us) => us.capacity,
            // Whoever connects is disconnected for another reason.
            None => u32::MAX,
        }
    }

    /// A validator says what it wants and where it stopped.
    pub(super) fn attach(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        from: PublicKey,
        attach: &Attach,
        out: &mut Vec<Output>,
    ) {
        if !snapshot.is_authorized(&from) {
            return self.refuse(Refusal::Unauthorized);
        }
        if !self.budgets.may_ask_for_all(&from, Link::Public, now) {
            return self.refuse(Refusal::RateLimited);
        }
        let has_seat = match attach.role {
            Role::Primary => self.seat_primary(now, snapshot, &from, out),
            Role::Standby => self.seat_standby(now, snapshot, &from, out),
        };
        if has_seat {
            self.send_missed(now, snapshot, from, attach, out);
            self.tell_validator(now, from, out);
        }
    }

    /// Whether a validator may have everything as it comes. If not it is told who has room, and has to go
    /// if it has no other seat.
    pub(super) fn seat_primary(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        peer: &PublicKey,
        out: &mut Vec<Output>,
    ) -> bool {
        let seat = self.members.seat(peer);
        if seat == Some(Seat::Primary) {
            return true;
        }
        if !self.members.has_room(Seat::Primary, self.room(snapshot), peer) {
            let candidate = self.members.candidate(snapshot);
            match candidate.filter(|_| snapshot.is_authorized(peer) && self.drain.is_none()) {
                Some(candidate) => self.send_away(now, snapshot, candidate, out),
                None if seat == Some(Seat::Standby) => {
                    self.stats.redirects += 1;
                    self.no_room(now, *peer, out);
                    return false;
                }
                None => {
                    self.send_away(now, snapshot, *peer, out);
                    return false;
                }
            }
        }
        self.members.sit(snapshot, peer, Seat::Primary);
        true
    }

    fn seat_standby(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        peer: &PublicKey,
        out: &mut Vec<Output>,
    ) -> bool {
        let is_free = self.members.has_room(Seat::Standby, self.room(snapshot), peer);
        if is_free {
            self.members.sit(snapshot, peer, Seat::Standby);
        } else {
            self.send_away(now, snapshot, *peer, out);
        }
        is_free
    }

    /// Time went by: guests have to decide.
    pub(super) fn settle_guests(&mut self, now: Millis, out: &mut Vec<Output>) {
        let overdue = self.members.overdue(now);
        let Some(snapshot) = self.snapshot.clone().filter(|_| !overdue.is_empty()) else { return };
        for peer in overdue {
            self.seat_primary(now, &snapshot, &peer, out);
        }
    }

    /// There is no room: tells a validator where there is some, and ends its connection.
    fn send_away(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        peer: PublicKey,
        out: &mut Vec<Output>,
    ) {
        self.stats.redirects += 1;
        self.no_room(now, peer, out);
        let reason = DisconnectReason::Full;
        out.push(Output::Disconnect { peer, link: Link::Public, reason });
        self.members.down(Some(snapshot), &peer, Link::Public);
    }

    /// Sends what a validator misses of what it has listed, one page at most.
    fn send_missed(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        to: PublicKey,
        attach: &Attach,
        out: &mut Vec<Output>,
    ) {
        let is_known = |entry: &&VectorEntry| {
            entry.origin != to && snapshot.validator_by_peer_key(&entry.origin).is_some()
        };
        let listed: BTreeMap<_, _> =
            attach.vector.iter().filter(is_known).map(|entry| (entry.origin, entry)).collect();
        // Of epochs that are over nobody claims anything any more, so that nobody asks for them: they come first.
        let is_over = |of: &&Sequence| {
            let listed = listed.get(&of.origin);
            listed.is_some_and(|entry| entry.epoch <= of.epoch)
                && of.epoch < self.windows.last_epoch(&of.origin)
        };
        let mut sequences: Vec<_> = self.log.sequences().filter(is_over).copied().collect();
        sequences.sort_unstable_by_key(|of| (of.epoch, *of));
        let latest = listed.values().flat_map(|entry| {
            let epoch = self.windows.last_epoch(&entry.origin);
            Priority::ALL.map(|class| Sequence { origin: entry.origin, epoch, class })
        });
        sequences.extend(latest.filter(|of| listed[&of.origin].epoch <= of.epoch));
        let mut replay = Replay::new(self.config.fetch_page_bytes);
        let bucket = &mut self.budgets.of(&to, Link::Public).bytes;
        for of in sequences {
            let entry = listed[&of.origin];
            let seen = if entry.epoch == of.epoch { entry.contiguous[of.class.index()] } else { 0 };
            replay.take(now, &self.log, &of, (seen.saturating_add(1), u64::MAX), bucket);
        }
        self.replay(to, Link::Public, replay, out);
    }
}
