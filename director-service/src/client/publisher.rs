//! Gives the application its sending end.

use super::{MessageId, Outbox, Stats, compression::Packed, outbox::Send, signer::LocalKey};
use crate::network::{Handle, Payload, Sent};
use director_primitives::{PayloadKind, Priority, PublicKey, envelope::MAX_PAYLOAD_LEN};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
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

/// What publishers and the client's task share.
pub(super) struct Shared {
    pub(super) handle: Handle,
    pub(super) outbox: Arc<Mutex<Outbox<LocalKey>>>,
    pub(super) started: Instant,
    published: AtomicU64,
    stats: Mutex<Stats>,
    compress_from: usize,
}

impl Shared {
    pub(super) fn new(
        handle: Handle,
        outbox: Arc<Mutex<Outbox<LocalKey>>>,
        compress_from: usize,
    ) -> Self {
        let (published, stats) = (AtomicU64::new(0), Mutex::default());
        Self { handle, outbox, started: Instant::now(), published, stats, compress_from }
    }

    /// Milliseconds since the start.
    pub(super) fn now(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// The moment that is so many milliseconds after the start.
    pub(super) fn at(&self, ms: u64) -> Instant {
        self.started + Duration::from_millis(ms)
    }

    /// Sends what can be sent.
    pub(super) fn flush(&self, outbox: &mut Outbox<LocalKey>) {
        let send: &mut Send<'_> = &mut |director, class, frame| {
            self.handle.send(director, class, Payload::Envelope(frame)) == Sent::Queued
        };
        outbox.flush(self.now(), send);
    }

    pub(super) fn set_stats(&self, stats: Stats) {
        *lock(&self.stats) = stats;
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut outbox = lock(&self.0.outbox);
        let id = outbox.push(class, packed)?;
        // Under the same lock, so that numbers leave in order.
        self.0.flush(&mut outbox);
        self.0.published.fetch_add(1, Relaxed);
        Ok(id)
    }

    /// The validator's peer key.
    pub fn key(&self) -> PublicKey {
        self.0.handle.local_key()
    }

    /// What came, went and was dropped; a moment ago.
    pub fn stats(&self) -> Stats {
        Stats { published: self.0.published.load(Relaxed), ..*lock(&self.0.stats) }
    }

    /// Own messages that are not known to be with two directors yet.
    pub fn unconfirmed(&self) -> usize {
        lock(&self.0.outbox).len()
    }

    pub(crate) async fn shutdown(&self) {
        self.0.handle.shutdown().await;
    }
}
