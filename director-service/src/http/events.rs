//! Tells whoever listens what changed: server-sent events at `/api/v1/events`.
//!
//! * upon a subscription: every part once, each an event with its name (`chain`, `mesh`, …) and the JSON that
//!   `/api/v1/NAME` answers;
//! * each second: `sample`, the newest point of the history, and every part that is not as it was; of the
//!   validators only how many there are, for a page of them is asked for where it is shown;
//! * upon the director's end: nothing more, and the connection ends.
//!
//! # Bounds
//!
//! [`SUBSCRIBERS`] at once: who comes then is told so (503) and may ask for the parts instead. [`QUEUE`] events
//! wait for one that reads slowly; then what it missed is thrown away, it gets `lagged`, and every part anew.
//! Nobody waits for it. How long a connection may last is in `serve`.

use super::{Parts, Source, history::Point};
use bytes::Bytes;
use futures::{Stream, stream};
use serde::Serialize;
use std::{collections::VecDeque, convert::Infallible, sync::Arc};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    broadcast::{self, error::RecvError},
};

/// Who may listen at once: a quarter of all connections.
pub(super) const SUBSCRIBERS: usize = 16;

/// Events that wait for one that reads slowly.
const QUEUE: usize = 64;

/// Where events go.
#[derive(Debug)]
pub struct Events {
    sender: broadcast::Sender<Option<Bytes>>,
    places: Arc<Semaphore>,
}

impl Default for Events {
    fn default() -> Self {
        let (sender, _) = broadcast::channel(QUEUE);
        Self { sender, places: Arc::new(Semaphore::new(SUBSCRIBERS)) }
    }
}

/// How many validators there are, of which a page can be asked for.
#[derive(Debug, PartialEq, Serialize)]
struct Counts {
    total: u32,
    connected: u32,
}

impl Events {
    /// Tells what is not as it was `before`.
    pub fn tell(&self, before: &Parts, now: &Parts, sample: Option<Point>) {
        if self.sender.receiver_count() == 0 {
            return;
        }
        for (was, is) in parts(before).into_iter().zip(parts(now)) {
            if was != is {
                self.send(is);
            }
        }
        if let Some(sample) = sample {
            self.send(event("sample", &sample));
        }
    }

    /// The director ends: so do the streams.
    pub fn end(&self) {
        // Who comes now would wait for what never comes.
        self.places.close();
        // Nobody may be listening.
        let _ = self.sender.send(None);
    }

    fn send(&self, event: Bytes) {
        // The same.
        let _ = self.sender.send(Some(event));
    }

    /// A place among the listeners, if there is one.
    pub(super) fn subscribe(&self, source: Arc<dyn Source>) -> Option<Subscriber> {
        // In this order: who has a place hears the end.
        let receiver = self.sender.subscribe();
        let place = self.places.clone().try_acquire_owned().ok()?;
        let next = parts(&source.parts()).into();
        Some(Subscriber { source, receiver, next, _place: place })
    }
}

/// One that listens.
pub(super) struct Subscriber {
    source: Arc<dyn Source>,
    receiver: broadcast::Receiver<Option<Bytes>>,
    /// What it gets before anything new.
    next: VecDeque<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Subscriber {
    /// What it gets, until the director ends.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        stream::unfold(self, |mut this| async move {
            let event = this.event().await?;
            Some((Ok(event), this))
        })
    }

    async fn event(&mut self) -> Option<Bytes> {
        if let Some(next) = self.next.pop_front() {
            return Some(next);
        }
        match self.receiver.recv().await {
            Ok(event) => event,
            Err(RecvError::Closed) => None,
            Err(RecvError::Lagged(missed)) => {
                self.next = parts(&self.source.parts()).into();
                Some(event("lagged", &missed))
            }
        }
    }
}

/// Every part as an event.
pub(super) fn parts(parts: &Parts) -> Vec<Bytes> {
    let Parts { chain, mesh, validators, checkpoints, authorizations, evidence, alarms } = parts;
    let counts = Counts { total: validators.total, connected: validators.connected };
    vec![
        event("chain", chain),
        event("mesh", mesh),
        event("validators", &counts),
        event("checkpoints", checkpoints),
        event("authorizations", authorizations),
        event("evidence", evidence),
        event("alarms", alarms),
    ]
}

/// An event as it is written. JSON has no line breaks.
fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".into());
    format!("event: {name}\ndata: {data}\n\n").into()
}
