//! Takes up what a former life left, as soon as the disk gives it.

use super::{MAX_DONE, actor::Actor};
use crate::store::{Record, State};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Waits between two attempts to read the outbox: first and longest.
const RETRY_DELAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Failed attempts after which new proofs are pursued without what is on disk: a broken disk must not
/// keep them from the chain, though a report that is on its way already may then be paid for twice.
const MAX_FAILURES: u32 = 3;

/// How far that is.
#[derive(Default)]
pub(super) struct Resume {
    done: bool,
    failures: u32,
    next: Option<Instant>,
}

impl Resume {
    /// Whether the outbox was read.
    pub(super) const fn is_done(&self) -> bool {
        self.done
    }

    /// Whether pursuits have to wait for it.
    pub(super) const fn holds_up(&self) -> bool {
        !self.done && self.failures < MAX_FAILURES
    }

    /// Returns when it is to be tried again.
    pub(super) async fn due(&self) {
        match self.next {
            Some(next) if !self.done => sleep_until(next).await,
            _ => std::future::pending().await,
        }
    }

    fn failed(&mut self) {
        let (first, longest) = RETRY_DELAY;
        let doubled = first.saturating_mul(1u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.next = Some(Instant::now() + doubled.min(longest));
        self.failures = self.failures.saturating_add(1);
    }
}

impl Actor {
    /// Reads the outbox, or says when that is tried again.
    pub(super) async fn resume(&mut self) {
        let mut records = match self.read().await {
            Ok(records) => records,
            Err(error) => {
                tracing::error!("cannot read the evidence outbox, trying again: {error}");
                self.resume.failed();
                return;
            }
        };
        let held_up = self.resume.holds_up();
        self.resume.done = true;
        // What may be on its way already is followed before anything else against its validator is pursued.
        let is_signed = |record: &Record| {
            matches!(record.state, State::Signed { .. } | State::Submitted { .. })
        };
        records.sort_by_key(|record| (!is_signed(record), record.proven_at_ms));
        let done = records.iter().filter(|record| record.state.is_done()).count();
        let mut surplus = done.saturating_sub(MAX_DONE);
        for record in records {
            if record.state.is_done() && surplus > 0 {
                surplus -= 1;
                self.remove(record.proof.id());
                continue;
            }
            self.take_up(record, held_up);
        }
        if self.resume.failures > 0 {
            // What came while the disk could not be read.
            let all: Vec<_> = self.entries.values().map(|entry| entry.record.clone()).collect();
            for record in all {
                self.save(&record).await;
            }
        }
    }

    /// A proof that came anew meanwhile and is pursued already goes on as it is.
    fn take_up(&mut self, record: Record, held_up: bool) {
        let id = record.proof.id();
        let is_known = self.entries.contains_key(&id);
        if is_known && !held_up {
            return;
        }
        if !record.state.is_done() && !is_known {
            tracing::info!(proof = ?id, "resuming the report of a double sign");
            self.queue.push_back(id);
        }
        self.enter(record, true);
    }
}
