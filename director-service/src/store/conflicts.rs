//! Tells of votes that were handed over as first ones where the file has another: both halves of a proof.
//!
//! That happens when the core could not know of the first: the disk hung or failed when it was asked. [`MAX_CONFLICTS`] wait to be
//! heard at most; beyond that they are in the log alone.

use director_primitives::{AccountId32, SignedVote};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Conflicts that may wait to be heard.
pub const MAX_CONFLICTS: usize = 4_096;

/// A vote that is not the first one of its slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Whose.
    pub validator: AccountId32,
    /// What the file has, and keeps.
    pub first: SignedVote,
    /// What was handed over.
    pub other: SignedVote,
}

/// What the store finds. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Conflicts(Arc<(Mutex<VecDeque<Conflict>>, Notify)>);

impl Conflicts {
    /// The next one, once there is one. If this is dropped before, none is lost.
    pub async fn next(&self) -> Conflict {
        loop {
            let added = self.0.1.notified();
            if let Some(next) = self.waiting().pop_front() {
                return next;
            }
            added.await;
        }
    }

    pub(super) fn add(&self, found: Vec<Conflict>) {
        if found.is_empty() {
            return;
        }
        let mut waiting = self.waiting();
        let room = MAX_CONFLICTS.saturating_sub(waiting.len());
        waiting.extend(found.into_iter().take(room));
        self.0.1.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Conflict>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
