//! Tells the other directors that this one lives and how much room it has, and listens to them.
//!
//! * upon a tick, every `heartbeat_ms`: a signed heartbeat to each connected director;
//! * upon a heartbeat: it counts if an active director signed it for itself and it is newer than the last;
//! * upon a validator that there is no room for: a [`Redirect`] to the directors that lately said that
//!   they have some, the emptiest first.
//!
//! The vector of a heartbeat says nothing yet: an empty delta. Load and bandwidth are 0, not measured.

use super::{Crypto, Director, Link, Millis, Output, Refusal};
use director_primitives::{
    Control, Heartbeat, PublicKey, Redirect, SignedHeartbeat, Snapshot, VectorSummary,
    message::MAX_REDIRECTS, signing_bytes,
};
use std::collections::BTreeMap;

/// After so many heartbeats that did not come, what a director said last says nothing any more.
const MISSED: u64 = 25;

/// What a director said last.
#[derive(Debug)]
struct Heard {
    at: Millis,
    time_ms: u64,
    validators: u32,
    capacity: u32,
}

/// The last heartbeat of each active director.
#[derive(Debug, Default)]
pub(super) struct Heartbeats {
    sent_at: Option<Millis>,
    heard: BTreeMap<PublicKey, Heard>,
}

impl Heartbeats {
    /// A block was finalized: what is no director any more has said nothing.
    pub(super) fn finalized(&mut self, snapshot: &Snapshot) {
        self.heard.retain(|key, _| snapshot.director_by_peer_key(key).is_some());
    }

    /// A director has connected anew: its clock may have been set back in between.
    pub(super) fn forget(&mut self, director: &PublicKey) {
        self.heard.remove(director);
    }

    /// Directors that have room, as far as they said lately.
    pub(super) fn redirect(&self, now: Millis, heartbeat_ms: u64) -> Redirect {
        let newest = heartbeat_ms.saturating_mul(MISSED);
        let mut roomy: Vec<_> = self
            .heard
            .iter()
            .filter(|(_, heard)| now <= heard.at.saturating_add(newest))
            .filter(|(_, heard)| heard.validators < heard.capacity)
            .collect();
        // Of ten places, one that is taken weighs as much as ten of a hundred.
        roomy.sort_by_key(|(_, heard)| {
            u64::from(heard.validators) * 1_000 / u64::from(heard.capacity)
        });
        roomy.truncate(MAX_REDIRECTS as usize);
        let directors = roomy.into_iter().map(|(key, _)| *key).collect::<Vec<_>>();
        Redirect { directors: directors.try_into().unwrap_or_default() }
    }
}

impl<C: Crypto> Director<C> {
    /// Time went by.
    pub(super) fn beat(&mut self, now: Millis, out: &mut Vec<Output>) {
        let due = self.heartbeats.sent_at.map(|at| at.saturating_add(self.config.heartbeat_ms));
        let Some(snapshot) = self.snapshot.clone().filter(|_| due.is_none_or(|due| now >= due))
        else {
            return;
        };
        let us = snapshot.director(&self.config.account);
        let (Some(us), false) = (us, self.members.mesh().is_empty()) else {
            return;
        };
        self.heartbeats.sent_at = Some(now);
        let (_, validators) = self.members.connections();
        let heartbeat = Heartbeat {
            director: self.config.peer_key,
            time_ms: self.config.unix_ms(now),
            validators: u32::try_from(validators).unwrap_or(u32::MAX),
            capacity: us.capacity,
            cpu_permille: 0,
            bandwidth_bytes_per_s: 0,
            finalized: snapshot.number,
            vector: VectorSummary::Delta(Vec::new()),
        };
        let bytes = signing_bytes(&snapshot.domain.genesis_hash, &heartbeat);
        let signature = self.crypto.sign(&bytes);
        self.stats.heartbeats_sent += 1;
        self.tell_mesh(None, &Control::Heartbeat(SignedHeartbeat { heartbeat, signature }), out);
    }

    /// A director tells of itself.
    pub(super) fn heartbeat(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        from: PublicKey,
        signed: &SignedHeartbeat,
    ) {
        let Heartbeat { director, time_ms, validators, capacity, .. } = signed.heartbeat;
        let last = self.heartbeats.heard.get(&director);
        let is_new = last.is_none_or(|last| time_ms > last.time_ms);
        if director != from
            || snapshot.director_by_peer_key(&director).is_none()
            || !is_new
            || !signed.verify(&snapshot.domain.genesis_hash)
        {
            return self.refuse(Refusal::BadHeartbeat);
        }
        self.stats.heartbeats_heard += 1;
        self.heartbeats.heard.insert(director, Heard { at: now, time_ms, validators, capacity });
    }

    /// What a validator is told that there is no room for.
    pub(super) fn no_room(&self, now: Millis, peer: PublicKey, out: &mut Vec<Output>) {
        let redirect = self.heartbeats.redirect(now, self.config.heartbeat_ms);
        let message = Control::Redirect(redirect);
        out.push(Output::Send { to: peer, link: Link::Public, message });
    }
}
