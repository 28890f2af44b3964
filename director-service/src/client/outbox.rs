//! Numbers, signs, paces and keeps what a validator publishes, until two directors have it.

use super::{MessageId, PublishError, compression::Packed, pace::Pace, signer::Keys};
use crate::network::Frame;
use codec::Encode;
use director_primitives::{
    Envelope, H256, PayloadKind, Priority, PublicKey, SignedEnvelope, VectorEntry,
};
use std::collections::VecDeque;

/// Milliseconds of a clock that only goes forward.
type Millis = u64;

/// Furthest that directors' words move our epoch, all of them together: 139 years, from a clock that begins in 1970.
/// Further would use up the numbers that there are.
const MAX_EPOCH_JUMP: u64 = 1 << 42;

struct Entry {
    seq: u64,
    /// Which of all messages it is: the oldest makes room first.
    order: u64,
    frame: Frame,
    sent_at: Millis,
}

/// The messages of one class: first those that were sent on this connection, then those that wait.
#[derive(Default)]
struct Class {
    last_seq: u64,
    entries: VecDeque<Entry>,
    sent: usize,
}

/// Takes a frame for a director; `false` if it did not.
pub type Send<'a> = dyn FnMut(&PublicKey, Priority, Frame) -> bool + 'a;

/// What is to be sent, and what was sent and may have to be sent again.
///
/// A message leaves it when a second director says that it has it, beside the one that it was handed to; or,
/// the oldest first, when there is no room for a new one.
pub struct Outbox<K> {
    keys: K,
    genesis_hash: H256,
    epoch: u64,
    /// What it was before any director said anything of it.
    first_epoch: u64,
    /// A message with this epoch has left: it stays.
    settled: bool,
    classes: [Class; 4],
    published: u64,
    bytes: usize,
    max_bytes: usize,
    /// The director that takes our messages.
    open: Option<PublicKey>,
    pace: Pace,
}

impl<K: Keys> Outbox<K> {
    /// An empty one that begins with this epoch and keeps so many bytes.
    pub fn new(keys: K, genesis_hash: H256, epoch: u64, max_bytes: usize) -> Self {
        Self {
            keys,
            genesis_hash,
            epoch,
            first_epoch: epoch,
            settled: false,
            classes: Default::default(),
            published: 0,
            bytes: 0,
            max_bytes,
            open: None,
            pace: Pace::default(),
        }
    }

    fn sign(&self, envelope: Envelope) -> Frame {
        let signature = self.keys.sign_statement(&self.genesis_hash, &envelope);
        SignedEnvelope { envelope, signature }.encode().into()
    }

    /// Publishes a payload as it is, and hands to `send` what can be sent.
    ///
    /// # Errors
    ///
    /// See [`PublishError`]; then nothing was published and no number is used up.
    pub fn publish(
        &mut self,
        now: Millis,
        kind: PayloadKind,
        class: Priority,
        payload: Vec<u8>,
        send: &mut Send<'_>,
    ) -> Result<MessageId, PublishError> {
        let id = self.push(class, Packed::new(kind, payload, usize::MAX)?)?;
        self.flush(now, send);
        Ok(id)
    }

    pub(super) fn push(
        &mut self,
        class: Priority,
        packed: Packed,
    ) -> Result<MessageId, PublishError> {
        let Packed { kind, encoding, payload } = packed;
        // What was sent is kept as long as there is room for it.
        while self.bytes + payload.len() > self.max_bytes && self.drop_oldest_sent() {}
        if self.bytes + payload.len() > self.max_bytes && self.bytes > 0 {
            return Err(PublishError::Full);
        }
        let (epoch, seq) = (self.epoch, self.classes[class.index()].last_seq + 1);
        let frame = self.sign(Envelope {
            origin: self.keys.key(),
            epoch,
            class,
            seq,
            kind,
            encoding,
            payload,
        });
        self.bytes += frame.len();
        self.published += 1;
        let of = &mut self.classes[class.index()];
        of.last_seq = seq;
        of.entries.push_back(Entry { seq, order: self.published, frame, sent_at: 0 });
        Ok(MessageId { epoch, class, seq })
    }

    fn drop_oldest_sent(&mut self) -> bool {
        let sent = self.classes.iter_mut().filter(|of| of.sent > 0);
        let oldest = sent.min_by_key(|of| of.entries.front().map(|entry| entry.order));
        let Some(of) = oldest else { return false };
        of.sent -= 1;
        if let Some(entry) = of.entries.pop_front() {
            self.bytes -= entry.frame.len();
        }
        true
    }

    /// A director tells the last epoch that it knows of us. Before anything was sent, a higher one
    /// moves us above it, and what waits is signed anew. Returns whether all is well: after that a
    /// higher one means that somebody else uses our key.
    pub(super) fn settle(&mut self, last_epoch: u64) -> bool {
        if self.settled {
            return last_epoch <= self.epoch;
        }
        if last_epoch > self.first_epoch.saturating_add(MAX_EPOCH_JUMP) {
            tracing::warn!(
                last_epoch,
                "a director tells of an epoch that nobody can have used; ignored"
            );
            return true;
        }
        if last_epoch >= self.epoch {
            self.epoch = last_epoch.saturating_add(1);
            for class in 0..self.classes.len() {
                for at in 0..self.classes[class].entries.len() {
                    // Our own encoding, so it decodes.
                    let frame = &self.classes[class].entries[at].frame;
                    if let Ok(signed) = SignedEnvelope::from_bytes(frame) {
                        let envelope = Envelope { epoch: self.epoch, ..signed.envelope };
                        self.classes[class].entries[at].frame = self.sign(envelope);
                    }
                }
            }
        }
        true
    }

    /// From here on this director takes our messages; it gets all that we have.
    pub(super) fn open(&mut self, director: PublicKey) {
        self.open = Some(director);
        self.pace = Pace::default();
        for of in &mut self.classes {
            of.sent = 0;
        }
    }

    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// A director says what it has of ours. If it is not the one that we handed it to, two have it. Classes of which
    /// messages are done with that.
    pub(super) fn confirm(&mut self, director: &PublicKey, entry: &VectorEntry) -> [bool; 4] {
        let mut done = [false; 4];
        if entry.epoch != self.epoch || self.open.is_none_or(|open| open == *director) {
            return done;
        }
        let is_nonsense =
            self.classes.iter().zip(entry.contiguous).any(|(of, has)| has > of.last_seq);
        if is_nonsense {
            return done;
        }
        let classes = self.classes.iter_mut().zip(entry.contiguous);
        for ((of, confirmed), done) in classes.zip(&mut done) {
            while of.sent > 0 && of.entries.front().is_some_and(|entry| entry.seq <= confirmed) {
                if let Some(entry) = of.entries.pop_front() {
                    self.bytes -= entry.frame.len();
                    of.sent -= 1;
                    *done = true;
                }
            }
        }
        done
    }

    /// Sends again what was sent up to this moment and nobody else has. Classes of which there is something.
    pub(super) fn send_again(&mut self, until: Millis) -> [bool; 4] {
        let mut again = [false; 4];
        for (of, again) in self.classes.iter_mut().zip(&mut again) {
            let first = of.entries.front().filter(|_| of.sent > 0);
            if first.is_some_and(|entry| entry.sent_at <= until) {
                of.sent = 0;
                *again = true;
            }
        }
        again
    }

    /// Whether something waits to be sent, for its turn or for a director.
    pub(super) fn waits(&self) -> bool {
        self.classes.iter().any(|of| of.sent < of.entries.len())
    }

    /// Messages that are kept, sent or not.
    pub fn len(&self) -> usize {
        self.classes.iter().map(|of| of.entries.len()).sum()
    }

    /// Bytes of them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing is kept: everything that was published is with two directors.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands to `send` what was not sent yet, the most urgent first, until it says no or a class has
    /// sent as much as a director takes.
    pub fn flush(&mut self, now: Millis, send: &mut Send<'_>) {
        let Some(director) = self.open else { return };
        for class in Priority::ALL {
            let of = &mut self.classes[class.index()];
            while let Some(entry) = of.entries.get_mut(of.sent) {
                if !self.pace.may_send(class, entry.frame.len(), now) {
                    break;
                }
                if !send(&director, class, entry.frame.clone()) {
                    // `Down` follows; then it is sent again to the next one.
                    return;
                }
                entry.sent_at = now;
                self.settled = true;
                of.sent += 1;
            }
        }
    }
}
