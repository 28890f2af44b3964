//! Says how much a validator may send over its own connection, in each class, and whom to suspect.
//!
//! A token bucket for messages and one for bytes, for each validator and class: nothing sleeps and
//! nobody is delayed, what exceeds a bucket is refused and counted. The two are asked at different
//! moments, because they bound different work:
//!
//! ```text
//!  header ─► bytes? ─► fingerprint, seen? ─► messages? ─► signature, detector, relay
//!            │ no                            │ no
//!            ├─ a vote: allowance? ◄─────────┤          yes: signature, detector, no relay
//!            └─ refused                      └─ refused  no: refused, `votes_unseen`
//! ```
//!
//! *Bytes* are asked for before a frame is hashed, since hashing costs by the byte. *Messages* are
//! asked for only where a signature would be checked: what is known already costs next to nothing,
//! and a client that was cut off sends again all that it has, most of which its new director has seen.
//!
//! # Votes
//!
//! A vote beyond the limits of its class still goes to the detector, as long as the validator's
//! *allowance* for such votes lasts; it is relayed only if it is the second half of a double sign.
//! The allowance comes after the class and beside it, so that a validator that floods its class with
//! anything at all still has all of the allowance for votes, and a validator that keeps to the limits
//! never touches it.
//!
//! Beyond that a vote is neither checked nor shown to the detector: else one validator's flood would
//! cost everybody the CPU. That is a deliberate bound on the rule that every vote reaches the
//! detector, and it hides no offence: such a vote is not relayed either, so to all others it is as
//! if the validator had not sent it here. Should it say the same elsewhere, the director there relays
//! it over the mesh, where these limits do not hold.
//!
//! # Forgeries
//!
//! Over a validator's own connection nobody but itself can send a wrong signature: whose key stands in
//! a frame is the sender. One wrong signature makes a whole batch fail, which others' frames are in.
//! So a forgery counts for many messages, and for `suspect_ms` the sender is a suspect: its frames are
//! considered after everybody else's, and their signatures checked in a batch of their own. What peer
//! directors pass on is not suspected: there the origin is not the sender.
//!
//! # Where not
//!
//! Frames of peer directors are not limited here: a director has applied its own limits to what it
//! passes on, and whatever it refused must not be refused a second time by a sum of several.
//!
//! # Memory
//!
//! Nine buckets of 32 bytes for each registered validator that ever sent something. They are kept by
//! account, over reconnects and new peer keys: neither fills a bucket.

use super::{Link, Millis, Rates, Received};
use director_primitives::{AccountId32, Priority, Snapshot, envelope::MAX_ENVELOPE_LEN};
use std::collections::HashMap;

/// Tokens are kept in thousandths, so that a rate per second fills by the millisecond.
const UNIT: u64 = 1_000;

/// Messages that a forged one counts for beside itself. A wrong signature costs up to eight times as
/// much as one in a good batch and, once, as much as the whole batch; no honest client makes one.
const FORGERY: u64 = 20;

/// Fills at a constant pace up to its capacity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// Thousandths of a token that come in a millisecond; the same number as tokens in a second.
    per_ms: i64,
    capacity: i64,
    /// Below zero after [`Self::drain`].
    level: i64,
    at: Millis,
}

impl Bucket {
    /// A full one, for so many a second and for what `burst_ms` make of that at once; for `least` at
    /// once in any case, so that the largest single thing passes.
    pub(super) fn full(per_s: u64, burst_ms: u64, least: u64) -> Self {
        let capacity = per_s.saturating_mul(burst_ms).max(least.saturating_mul(UNIT));
        let [per_ms, capacity] = [per_s, capacity].map(signed);
        Self { per_ms, capacity, level: capacity, at: 0 }
    }

    /// Whether so many tokens could be taken.
    pub(super) fn has(&mut self, tokens: u64, now: Millis) -> bool {
        let filled = signed(now.saturating_sub(self.at)).saturating_mul(self.per_ms);
        self.level = self.level.saturating_add(filled).min(self.capacity);
        self.at = self.at.max(now);
        self.level >= signed(tokens.saturating_mul(UNIT))
    }

    /// Takes so many tokens, or none if there are not enough.
    pub(super) fn take(&mut self, tokens: u64, now: Millis) -> bool {
        let has_enough = self.has(tokens, now);
        if has_enough {
            self.level -= signed(tokens.saturating_mul(UNIT));
        }
        has_enough
    }

    /// Takes so many tokens whether they are there or not, up to a whole bucket of debt.
    fn drain(&mut self, tokens: u64) {
        let left = self.level.saturating_sub(signed(tokens.saturating_mul(UNIT)));
        self.level = left.max(-self.capacity);
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What one validator may still send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    messages: [Bucket; 4],
    bytes: [Bucket; 4],
    votes: Bucket,
    suspect_until: Millis,
}

impl Sender {
    fn new(rates: &Rates) -> Self {
        let bucket = |per_s, least| Bucket::full(per_s, rates.burst_ms, least);
        let of = |class: Priority| &rates.classes[class.index()];
        Self {
            messages: Priority::ALL.map(|class| bucket(of(class).messages_per_s, 1)),
            bytes: Priority::ALL
                .map(|class| bucket(of(class).bytes_per_s, MAX_ENVELOPE_LEN as u64)),
            votes: bucket(rates.votes_per_s, 1),
            suspect_until: 0,
        }
    }

    /// Whether it may send so many bytes more in this class.
    pub(super) fn take_bytes(&mut self, class: Priority, bytes: usize, now: Millis) -> bool {
        self.bytes[class.index()].take(bytes as u64, now)
    }

    /// Whether it may send one message more in this class.
    pub(super) fn take_message(&mut self, class: Priority, now: Millis) -> bool {
        self.messages[class.index()].take(1, now)
    }

    /// It sent a frame that it has not signed: takes what that cost, and suspects it for a while.
    pub(super) fn forged(&mut self, class: Priority, suspect_until: Millis) {
        self.messages[class.index()].drain(FORGERY);
        self.votes.drain(FORGERY);
        self.suspect_until = self.suspect_until.max(suspect_until);
    }

    /// Whether one more of its votes beyond the limits goes to the detector.
    pub(super) fn take_vote(&mut self, now: Millis) -> bool {
        self.votes.take(1, now)
    }
}

/// The buckets of all validators that have sent something.
#[derive(Debug)]
pub(super) struct Senders {
    full: Sender,
    known: HashMap<AccountId32, Sender>,
    /// From then on nobody is a suspect.
    all_trusted_from: Millis,
}

impl Senders {
    pub(super) fn new(rates: &Rates) -> Self {
        Self { full: Sender::new(rates), known: HashMap::new(), all_trusted_from: 0 }
    }

    /// What a validator may still send; all of it when it is new.
    pub(super) fn of(&mut self, validator: &AccountId32) -> &mut Sender {
        self.known.entry(validator.clone()).or_insert(self.full)
    }

    /// A validator sent a frame of this class that it has not signed.
    pub(super) fn forged(
        &mut self,
        validator: &AccountId32,
        class: Priority,
        suspect_until: Millis,
    ) {
        self.of(validator).forged(class, suspect_until);
        self.all_trusted_from = self.all_trusted_from.max(suspect_until);
    }

    /// Takes the frames of suspects out of a batch.
    pub(super) fn set_apart(
        &self,
        snapshot: &Snapshot,
        now: Millis,
        batch: Vec<Received>,
    ) -> (Vec<Received>, Vec<Received>) {
        if self.all_trusted_from <= now {
            return (batch, Vec::new());
        }
        let is_suspect = |received: &Received| {
            let validator = snapshot.validator_by_peer_key(&received.from);
            let sender = validator.and_then(|validator| self.known.get(&validator.account));
            received.link == Link::Public && sender.is_some_and(|sender| now < sender.suspect_until)
        };
        batch.into_iter().partition(|received| !is_suspect(received))
    }

    /// Forgets who is not registered any more.
    pub(super) fn retain(&mut self, snapshot: &Snapshot) {
        self.known.retain(|validator, _| snapshot.validator(validator).is_some());
    }
}
