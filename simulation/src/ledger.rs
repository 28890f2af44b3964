//! Writes down who published what and who got it.

use crate::{Millis, digest::Digest, node::Node};
use codec::{Decode, DecodeAll};
use director_primitives::{
    Envelope, H256, PayloadKind, Priority, PublicKey, SignedEnvelope, SignedVote, VectorEntry,
};
use std::collections::BTreeMap;

/// A message by its origin and payload: payloads differ.
pub(crate) type MessageId = u64;

/// Which of its origin's messages it is.
pub(crate) type Place = (PublicKey, u64, Priority, u64);

/// A message that was published.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    /// By whom.
    pub(crate) origin: u8,
    /// By which of its processes.
    pub(crate) process: u64,
    /// When.
    pub(crate) at: Millis,
    /// Its class.
    pub(crate) class: Priority,
}

/// When a process was told that numbers of an origin's epoch and class will never come, from the first to the last.
pub(crate) type Gap = (Millis, (PublicKey, u64, Priority), u64, u64);

/// What one process of a validator got.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// How often it got each message.
    pub(crate) messages: BTreeMap<MessageId, u32>,
    /// Numbers in the order of delivery, by origin, epoch and class.
    pub(crate) sequences: BTreeMap<(PublicKey, u64, Priority), Vec<u64>>,
    /// Messages that nobody published like that.
    pub(crate) strange: Vec<Place>,
    /// Ranges that it was told will never come, and when.
    pub(crate) gaps: Vec<Gap>,
    /// Directors that it was told withhold messages, and when.
    pub(crate) withheld: Vec<(Millis, PublicKey)>,
}

impl Default for Received {
    fn default() -> Self {
        Self::new()
    }
}

impl Received {
    /// Nothing.
    pub(crate) const fn new() -> Self {
        Self {
            messages: BTreeMap::new(),
            sequences: BTreeMap::new(),
            strange: Vec::new(),
            gaps: Vec::new(),
            withheld: Vec::new(),
        }
    }
}

/// A vote of a validator that does wrong, as an honest director was shown it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// The director.
    pub(crate) director: u8,
    /// Which of its processes.
    pub(crate) process: u64,
    /// When.
    pub(crate) at: Millis,
}

/// Votes of validators that do wrong: by validator and checkpoint, by block.
pub(crate) type Votes = BTreeMap<(u8, u64), BTreeMap<H256, Vec<Shown>>>;

/// Everything that was published and delivered.
#[derive(Default)]
pub(crate) struct Ledger {
    /// What honest validators published.
    pub(crate) published: BTreeMap<MessageId, Published>,
    /// Where it went, as far as it was sent.
    pub(crate) places: BTreeMap<Place, MessageId>,
    /// By validator and process.
    pub(crate) received: BTreeMap<(u8, u64), Received>,
    /// Since when a validator's process can expect everything.
    pub(crate) settled: BTreeMap<(u8, u64), Millis>,
    /// Honest directors that passed a message on: which, which process of it, when.
    pub(crate) holders: BTreeMap<Place, Vec<(u8, u64, Millis)>>,
    /// Up to where directors that do wrong told validators that they have what these said themselves: by key and epoch.
    pub(crate) confirmed: BTreeMap<(PublicKey, u64), [u64; 4]>,
    /// When nodes were first cut off for what they did.
    pub(crate) outlawed: BTreeMap<Node, Millis>,
    /// What those that do wrong voted for.
    pub(crate) votes: Votes,
    /// All deliveries.
    pub(crate) deliveries: u64,
}

/// The id of a message.
pub(crate) fn message_id(origin: &PublicKey, payload: &[u8]) -> MessageId {
    let mut digest = Digest::default();
    digest.bytes(&origin.0);
    digest.bytes(payload);
    digest.value()
}

impl Ledger {
    /// A director that does wrong tells a validator that it has its messages. One that says more than there is, is not believed.
    pub(crate) fn confirm(&mut self, entry: &VectorEntry) {
        let (origin, epoch) = (entry.origin, entry.epoch);
        let is_nonsense = Priority::ALL.into_iter().any(|class| {
            let of = (origin, epoch, class, 0)..=(origin, epoch, class, u64::MAX);
            let last = self.places.range(of).next_back().map_or(0, |((.., seq), _)| *seq);
            entry.contiguous[class.index()] > last
        });
        if is_nonsense {
            return;
        }
        let confirmed = self.confirmed.entry((entry.origin, entry.epoch)).or_default();
        for (to, told) in confirmed.iter_mut().zip(entry.contiguous) {
            *to = (*to).max(told);
        }
    }

    /// A validator publishes something.
    pub(crate) fn publish(
        &mut self,
        at: Millis,
        origin: u8,
        process: u64,
        class: Priority,
        payload: &[u8],
    ) {
        let id = message_id(&Node::Validator(origin).key(), payload);
        self.published.insert(id, Published { origin, process, at, class });
    }

    /// A validator hands an envelope of its own to a director. Whether it is the first time that it does.
    pub(crate) fn send(&mut self, frame: &[u8]) -> bool {
        let Ok(signed) = SignedEnvelope::from_bytes(frame) else { return true };
        let Envelope { origin, epoch, class, seq, payload, .. } = signed.envelope;
        let place = (origin, epoch, class, seq);
        self.places.insert(place, message_id(&origin, &payload)).is_none()
    }

    /// An honest director passes a message on, for the first time.
    pub(crate) fn hold(&mut self, at: Millis, director: u8, process: u64, frame: &[u8]) {
        if let Some(place) = place(frame) {
            self.holders.entry(place).or_default().push((director, process, at));
        }
    }

    /// An honest director is shown a message of a validator that does wrong.
    pub(crate) fn show(&mut self, shown: Shown, validator: u8, frame: &[u8]) {
        let Ok(signed) = SignedEnvelope::from_bytes(frame) else { return };
        if signed.envelope.kind != PayloadKind::CheckpointVote {
            return;
        }
        let Ok(vote) = SignedVote::decode_all(&mut &*signed.envelope.payload) else { return };
        let votes = self.votes.entry((validator, vote.vote.checkpoint)).or_default();
        votes.entry(vote.vote.block_hash).or_default().push(shown);
    }

    /// A validator's application gets a message. `is_honest` says whether its origin keeps to the rules.
    pub(crate) fn deliver(&mut self, to: (u8, u64), envelope: &Envelope, is_honest: bool) {
        let Envelope { origin, epoch, class, seq, payload, .. } = envelope;
        let id = message_id(origin, payload);
        self.deliveries += 1;
        let place = (*origin, *epoch, *class, *seq);
        let is_strange = is_honest && self.places.get(&place) != Some(&id);
        let received = self.received.entry(to).or_default();
        if is_strange {
            received.strange.push(place);
        }
        *received.messages.entry(id).or_default() += 1;
        received.sequences.entry((*origin, *epoch, *class)).or_default().push(*seq);
    }
}

/// A place in words.
pub(crate) fn name((origin, epoch, class, seq): &Place) -> String {
    match Node::of(origin) {
        Some(origin) => format!("{origin:?} {class:?} {epoch}/{seq}"),
        None => format!("{origin:?} {class:?} {epoch}/{seq}"),
    }
}

/// Where a frame stands in its origin's sequences.
pub(crate) fn place(mut frame: &[u8]) -> Option<Place> {
    let frame = &mut frame;
    let origin = PublicKey::decode(frame).ok()?;
    let epoch = u64::decode(frame).ok()?;
    let class = Priority::decode(frame).ok()?;
    Some((origin, epoch, class, u64::decode(frame).ok()?))
}
