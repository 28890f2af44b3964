//! Writes to the outbox, and waits for it no longer than a proof may have to wait for the disk.
//!
//! Everything is handed over at once and written as soon as the disk takes it, so a wait only makes sure that it is safe
//! before the next step. A disk that has not answered once in [`SAVING`] is not waited for again before it does.

use super::actor::Actor;
use crate::store::{Record, StoreError};
use director_primitives::H256;
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for the disk: one that hangs must keep no proof from the chain.
const SAVING: Duration = Duration::from_secs(5);

impl Actor {
    /// A proof that cannot be saved is pursued none the less.
    pub(super) async fn save(&mut self, record: &Record) {
        let hangs = self.disk_hangs();
        let mut written = self.outbox.put(record.clone());
        let saved = if hangs { None } else { timeout(SAVING, &mut written).await.ok() };
        match saved {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::error!("a proof would not survive a restart: {error}"),
            None => {
                if !hangs {
                    tracing::error!("a proof would not survive a restart: the disk hangs");
                }
                // The newest: of one proof only the last word is written.
                self.unanswered = Some(written);
            }
        }
    }

    /// Drops a proof; one that stays on disk is pursued again after a restart, and that is all.
    pub(super) fn remove(&self, id: H256) {
        // Nobody has to wait for it.
        drop(self.outbox.remove(id));
    }

    /// All that is on disk.
    pub(super) async fn read(&self) -> Result<Vec<Record>, StoreError> {
        let hangs = |_| Err(StoreError::Failed("the disk hangs".into()));
        timeout(SAVING, self.outbox.all()).await.unwrap_or_else(hangs)
    }

    fn disk_hangs(&mut self) -> bool {
        let hangs = self.unanswered.as_mut().is_some_and(|unanswered| unanswered.is_due());
        if !hangs {
            self.unanswered = None;
        }
        hangs
    }
}
