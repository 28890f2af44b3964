//! Numbers, signs and keeps what a validator publishes.

use super::{
    MessageId, Stats,
    compression::Packed,
    signer::{LocalKey, Signer},
    stats::Counters,
};
use crate::network::{Frame, Handle, Payload, Sent};
use codec::Encode;
use director_primitives::{
    Envelope, H256, PayloadKind, Priority, PublicKey, SignedEnvelope, envelope::MAX_PAYLOAD_LEN,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
};

/// Why a message is not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The payload is longer than [`MAX_PAYLOAD_LEN`].
    #[error("the payload has {0} bytes, at most {MAX_PAYLOAD_LEN} may be published; split it")]
    TooLong(usize),
    /// As much waits as may wait.
    #[error("the outbox is full: no director takes messages now; try again when it does")]
    Full,
}

struct Entry {
    class: Priority,
    frame: Frame,
}

/// What is to be sent, after what was sent and may have to be sent again.
pub(super) struct Outbox {
    key: LocalKey,
    genesis_hash: H256,
    epoch: u64,
    /// A message with this epoch has left: it stays.
    settled: bool,
    last_seq: [u64; 4],
    entries: VecDeque<Entry>,
    /// How many of `entries` were sent on this connection.
    sent: usize,
    bytes: usize,
    max_bytes: usize,
    /// The director that takes our messages.
    open: Option<PublicKey>,
}

impl Outbox {
    pub(super) fn new(key: LocalKey, genesis_hash: H256, epoch: u64, max_bytes: usize) -> Self {
        Self {
            key,
            genesis_hash,
            epoch,
            settled: false,
            last_seq: [0; 4],
            entries: VecDeque::new(),
            sent: 0,
            bytes: 0,
            max_bytes,
            open: None,
        }
    }

    fn sign(&self, envelope: Envelope) -> Frame {
        let signature = self.key.sign_statement(&self.genesis_hash, &envelope);
        SignedEnvelope { envelope, signature }.encode().into()
    }

    pub(super) fn push(
        &mut self,
        class: Priority,
        packed: Packed,
    ) -> Result<MessageId, PublishError> {
        let Packed { kind, encoding, payload } = packed;
        // What was sent is kept as long as there is room for it.
        while self.bytes + payload.len() > self.max_bytes && self.sent > 0 {
            self.pop();
        }
        if self.bytes + payload.len() > self.max_bytes && !self.entries.is_empty() {
            return Err(PublishError::Full);
        }
        self.last_seq[class.index()] += 1;
        let (epoch, seq) = (self.epoch, self.last_seq[class.index()]);
        let frame = self.sign(Envelope {
            origin: self.key.key(),
            epoch,
            class,
            seq,
            kind,
            encoding,
            payload,
        });
        self.bytes += frame.len();
        self.entries.push_back(Entry { class, frame });
        Ok(MessageId { epoch, class, seq })
    }

    fn pop(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.frame.len();
            self.sent = self.sent.saturating_sub(1);
        }
    }

    /// A director tells the last epoch that it knows of us. Before anything was sent, a higher one
    /// moves us above it, and what waits is signed anew. Returns whether all is well: after that a
    /// higher one means that somebody else uses our key.
    pub(super) fn settle(&mut self, last_epoch: u64) -> bool {
        if self.settled {
            return last_epoch <= self.epoch;
        }
        if last_epoch >= self.epoch {
            self.epoch = last_epoch.saturating_add(1);
            for at in 0..self.entries.len() {
                // Our own encoding, so it decodes.
                if let Ok(signed) = SignedEnvelope::from_bytes(&self.entries[at].frame) {
                    let envelope = Envelope { epoch: self.epoch, ..signed.envelope };
                    self.entries[at].frame = self.sign(envelope);
                }
            }
        }
        true
    }

    /// From here on this director takes our messages; it gets all that we have.
    pub(super) fn open(&mut self, director: PublicKey) {
        self.open = Some(director);
        self.sent = 0;
    }

    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Hands to `send` what was not sent yet, until it says no.
    pub(super) fn flush(&mut self, mut send: impl FnMut(&PublicKey, Priority, Frame) -> bool) {
        let Some(director) = self.open else { return };
        while let Some(entry) = self.entries.get(self.sent) {
            if !send(&director, entry.class, entry.frame.clone()) {
                // `Down` follows; then it is sent again to the next one.
                break;
            }
            self.settled = true;
            self.sent += 1;
        }
    }
}

/// What publishers and the client's task share.
pub(super) struct Shared {
    pub(super) handle: Handle,
    pub(super) counters: Counters,
    outbox: Mutex<Outbox>,
    compress_from: usize,
}

impl Shared {
    pub(super) fn new(handle: Handle, outbox: Outbox, compress_from: usize) -> Self {
        let (counters, outbox) = (Counters::default(), Mutex::new(outbox));
        Self { handle, counters, outbox, compress_from }
    }

    pub(super) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what can be sent.
    pub(super) fn flush(&self, outbox: &mut Outbox) {
        outbox.flush(|director, class, frame| {
            self.handle.send(director, class, Payload::Envelope(frame)) == Sent::Queued
        });
    }
}

/// Publishes for a client; clones publish for the same one.
#[derive(Clone)]
pub struct Publisher(pub(super) Arc<Shared>);

impl Publisher {
    /// Publishes a message to all other validators. It leaves at once, or waits until a director
    /// takes it. Waits for nobody; a long payload is compressed here, at 1 MiB in some milliseconds.
    ///
    /// Before the first `Welcome` of a director the epoch in the answer may still change: compare
    /// only class and number until then.
    ///
    /// # Errors
    ///
    /// See [`PublishError`]; then nothing was published and no number is used up.
    pub fn publish(
        &self,
        kind: PayloadKind,
        class: Priority,
        payload: Vec<u8>,
    ) -> Result<MessageId, PublishError> {
        // Before the lock: it takes a while, and what is received must not wait for it.
        let packed = Packed::new(kind, payload, self.0.compress_from)?;
        let mut outbox = self.0.outbox();
        let id = outbox.push(class, packed)?;
        // Under the same lock, so that numbers leave in order.
        self.0.flush(&mut outbox);
        self.0.counters.published.fetch_add(1, Relaxed);
        Ok(id)
    }

    pub(super) fn key(&self) -> PublicKey {
        self.0.handle.local_key()
    }

    /// What came, went and was dropped.
    pub fn stats(&self) -> Stats {
        self.0.counters.read()
    }

    pub(super) async fn shutdown(&self) {
        self.0.handle.shutdown().await;
    }
}
