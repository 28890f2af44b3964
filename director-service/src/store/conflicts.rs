//! Tells of votes that were handed over as first ones where there is another, in the file or waiting for it: both halves of a proof.
//!
//! That happens when the core could not know of the first: the disk hung or failed when it was asked. [`MAX_CONFLICTS`] wait to be
//! heard at most; beyond that they are in the log alone, with both votes. Who hears of one says when it is dealt with: it outlives
//! whoever ends before.

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
    /// What the store has, and keeps.
    pub first: SignedVote,
    /// What was handed over.
    pub other: SignedVote,
}

/// What the store finds. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Conflicts(Arc<(Mutex<VecDeque<Conflict>>, Notify)>);

impl Conflicts {
    /// The oldest one, once there is one. It stays until [`Self::done`]: whoever hears of it may end before it has done anything.
    pub async fn next(&self) -> Conflict {
        loop {
            let added = self.0.1.notified();
            if let Some(next) = self.waiting().front() {
                return next.clone();
            }
            added.await;
        }
    }

    /// The oldest one was dealt with.
    pub fn done(&self) {
        self.waiting().pop_front();
    }

    pub(super) fn add(&self, found: Vec<Conflict>) {
        if found.is_empty() {
            return;
        }
        let mut waiting = self.waiting();
        for conflict in found {
            if waiting.len() < MAX_CONFLICTS {
                waiting.push_back(conflict);
            } else {
                tracing::error!(
                    ?conflict,
                    "too many validators signed two blocks while the disk could not say so: this proof is only here"
                );
            }
        }
        self.0.1.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Conflict>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
