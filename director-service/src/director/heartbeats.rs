//! Tells the other directors that this one lives and how much room it has, and listens to them.
//!
//! * upon a tick, every `heartbeat_ms`: a signed heartbeat to each connected director, with what changed in the
//!   vector (`vectors`); every `validator_heartbeat_ms` one to the validators, with the vector's hash;
//! * upon a heartbeat: it counts if an active director signed it for itself and it is newer than the last;
//! * upon a validator that there is no room for: a [`Redirect`] to the directors that lately said that
//!   they have some, the emptiest first.

use super::{Crypto, Director, Link, Millis, Output, Refusal};
use director_primitives::{
    AccountId32, Control, Heartbeat, PublicKey, Redirect, SignedHeartbeat, Snapshot, Vector,
    VectorSummary, message::MAX_REDIRECTS, runtime_api::DirectorInfo, signing_bytes,
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
    cpu_permille: u16,
    bandwidth_bytes_per_s: u64,
    finalized: u64,
    /// Our clock when it came less its own when it was sent.
    clock_ms: i64,
}

/// What a director said of itself last, for whoever looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its peer key.
    pub director: PublicKey,
    /// How long ago that was, in milliseconds.
    pub age_ms: u64,
    /// The way of the heartbeat and the difference of the two clocks together, in milliseconds.
    pub clock_ms: i64,
    /// Validators on its seats.
    pub validators: u32,
    /// Validators that it has room for; 0 while it drains.
    pub capacity: u32,
    /// How busy its processors are, in thousandths.
    pub cpu_permille: u16,
    /// Bytes a second that it could still write.
    pub bandwidth_bytes_per_s: u64,
    /// Its newest finalized block.
    pub finalized: u64,
}

/// What this director carries and can still carry, as its owner measures it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub(super) cpu_permille: u16,
    pub(super) bandwidth_bytes_per_s: u64,
}

/// The last heartbeat of each active director.
#[derive(Debug, Default)]
pub(super) struct Heartbeats {
    sent_at: Option<Millis>,
    validators_told_at: Option<Millis>,
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

    /// What each director said last.
    pub(super) fn neighbours(&self, now: Millis) -> impl Iterator<Item = Neighbour> + '_ {
        self.heard.iter().map(move |(director, heard)| Neighbour {
            director: *director,
            age_ms: now.saturating_sub(heard.at),
            clock_ms: heard.clock_ms,
            validators: heard.validators,
            capacity: heard.capacity,
            cpu_permille: heard.cpu_permille,
            bandwidth_bytes_per_s: heard.bandwidth_bytes_per_s,
            finalized: heard.finalized,
        })
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

/// Whether something is due that comes at such intervals; then it is done now.
fn is_due(last: &mut Option<Millis>, now: Millis, every_ms: u64) -> bool {
    let due = last.is_none_or(|at| now >= at.saturating_add(every_ms));
    if due {
        *last = Some(now);
    }
    due
}

impl<C: Crypto> Director<C> {
    /// Time went by.
    pub(super) fn beat(&mut self, now: Millis, out: &mut Vec<Output>) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        let Some(us) = snapshot.director(&self.config.account) else { return };
        let (mesh, standbys) = (self.members.mesh().clone(), self.members.standbys().clone());
        let heartbeat_ms = self.config.heartbeat_ms;
        // Also if nobody hears it: whoever comes is told where the sequences stand now, not where they stood when somebody did.
        if is_due(&mut self.heartbeats.sent_at, now, heartbeat_ms) {
            let (delta, summary) = self.next_delta();
            let is_hash = matches!(summary, VectorSummary::Hash(_));
            let delta = Some(delta).filter(|delta| !delta.is_empty());
            let delta = delta.map(|entries| Control::Vector(Vector { entries, complete: false }));
            // Who waits for all of it would take a part for where the sequences stood.
            let told = self.vectors.without_waiting(&standbys);
            if let Some(delta) = &delta
                && !told.is_empty()
            {
                let (to, message) = (told, delta.clone());
                out.push(Output::SendAll { to, link: Link::Public, message });
            }
            if !mesh.is_empty() {
                // The hash is of what was told before it.
                if let Some(delta) = delta.filter(|_| is_hash) {
                    self.tell_mesh(None, &delta, out);
                }
                let heartbeat = self.heartbeat_of(now, &snapshot, us, summary);
                self.tell_mesh(None, &heartbeat, out);
            }
        }
        let hearers = [self.members.public().clone(), standbys];
        let validator_ms = self.config.validator_heartbeat_ms;
        if hearers.iter().any(|to| !to.is_empty())
            && is_due(&mut self.heartbeats.validators_told_at, now, validator_ms)
        {
            let hash = self.vectors.hash();
            let message = self.heartbeat_of(now, &snapshot, us, hash);
            for to in hearers.into_iter().filter(|to| !to.is_empty()) {
                let message = message.clone();
                out.push(Output::SendAll { to, link: Link::Public, message });
            }
        }
    }

    /// The same, whatever was said when.
    pub(super) fn beat_now(&mut self, now: Millis, out: &mut Vec<Output>) {
        self.heartbeats.sent_at = None;
        self.beat(now, out);
    }

    /// A signed sign of life.
    fn heartbeat_of(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        us: &DirectorInfo<AccountId32>,
        vector: VectorSummary,
    ) -> Control {
        let (_, validators) = self.members.visitors();
        let heartbeat = Heartbeat {
            director: self.config.peer_key,
            time_ms: self.config.unix_ms(now),
            validators: u32::try_from(validators).unwrap_or(u32::MAX),
            capacity: if self.drain.is_some() { 0 } else { us.capacity },
            cpu_permille: self.load.cpu_permille,
            bandwidth_bytes_per_s: self.load.bandwidth_bytes_per_s,
            finalized: snapshot.number,
            vector,
        };
        let bytes = signing_bytes(&snapshot.domain.genesis_hash, &heartbeat);
        let signature = self.crypto.sign(&bytes);
        self.stats.heartbeats_sent += 1;
        Control::Heartbeat(SignedHeartbeat { heartbeat, signature })
    }

    /// A director tells of itself.
    pub(super) fn heartbeat(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        from: PublicKey,
        signed: &SignedHeartbeat,
        out: &mut Vec<Output>,
    ) {
        let Heartbeat {
            director,
            time_ms,
            validators,
            capacity,
            cpu_permille,
            bandwidth_bytes_per_s,
            finalized,
            ref vector,
        } = signed.heartbeat;
        let last = self.heartbeats.heard.get(&director);
        // Not "later": its clock may have been set back, and nobody else speaks on its connection.
        let is_new = last.is_none_or(|last| time_ms != last.time_ms);
        if director != from
            || snapshot.director_by_peer_key(&director).is_none()
            || !is_new
            || !self.crypto.verify_heartbeat(&snapshot.domain.genesis_hash, signed)
        {
            return self.refuse(Refusal::BadHeartbeat);
        }
        self.stats.heartbeats_heard += 1;
        let heard = Heard {
            at: now,
            time_ms,
            validators,
            capacity,
            cpu_permille,
            bandwidth_bytes_per_s,
            finalized,
            clock_ms: self.config.unix_ms(now).wrapping_sub(time_ms) as i64,
        };
        self.heartbeats.heard.insert(director, heard);
        match vector {
            VectorSummary::Delta(entries) => {
                self.heard_vector(now, snapshot, from, entries, false);
            }
            VectorSummary::Hash(hash) => self.heard_hash(now, from, hash, out),
        }
    }

    /// What a validator is told that there is no room for.
    pub(super) fn no_room(&self, now: Millis, peer: PublicKey, out: &mut Vec<Output>) {
        let redirect = self.heartbeats.redirect(now, self.config.heartbeat_ms);
        let message = Control::Redirect(redirect);
        out.push(Output::Send { to: peer, link: Link::Public, message });
    }
}
