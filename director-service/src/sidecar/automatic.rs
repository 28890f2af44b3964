//! Says when a vote of the sidecar's own is tried again: pure.
//!
//! A vote that failed for a reason that passes (a signer that was away, a full disk, a full outbox) is asked for again: the same
//! block of the same checkpoint, never another. It makes sense while others count it: for the latest checkpoints
//! that have been finalized.

use super::engine::WINDOW;
use director_primitives::{CheckpointNumber, H256};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// From one failure to the next attempt, doubled each time.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// Longest time to the next attempt.
const MAX_DELAY: Duration = Duration::from_secs(30);

struct Vote {
    block_hash: H256,
    failures: u32,
    /// `None` while it is being signed.
    due: Option<Instant>,
}

/// Own votes that are not out yet: one for each of the latest checkpoints at most.
#[derive(Default)]
pub(super) struct Automatic {
    votes: BTreeMap<CheckpointNumber, Vote>,
}

impl Automatic {
    /// A checkpoint was finalized: its vote is due at once. Of a checkpoint that is known the block stays. Votes that nobody counts
    /// any more are given up: which, and after how many failures.
    pub(super) fn add(
        &mut self,
        checkpoint: CheckpointNumber,
        block_hash: H256,
        now: Instant,
    ) -> Vec<(CheckpointNumber, u32)> {
        let due = Some(now);
        self.votes.entry(checkpoint).or_insert(Vote { block_hash, failures: 0, due });
        let oldest = checkpoint.saturating_add(1).saturating_sub(WINDOW);
        let kept = self.votes.split_off(&oldest);
        let given_up = std::mem::replace(&mut self.votes, kept);
        given_up.into_iter().map(|(checkpoint, vote)| (checkpoint, vote.failures)).collect()
    }

    /// When the next vote is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.votes.values().filter_map(|vote| vote.due).min()
    }

    /// The votes that are due. Each waits for [`Self::done`] or [`Self::failed`].
    pub(super) fn take(&mut self, now: Instant) -> Vec<(CheckpointNumber, H256)> {
        let is_due = |vote: &mut Vote| vote.due.take_if(|due| *due <= now).is_some();
        let votes = self.votes.iter_mut();
        votes.filter_map(|(of, vote)| is_due(vote).then_some((*of, vote.block_hash))).collect()
    }

    /// It is out, or never will be.
    pub(super) fn done(&mut self, checkpoint: CheckpointNumber) {
        self.votes.remove(&checkpoint);
    }

    /// It is not out, and may be tried again; how often that was so. `None` if it is given up already.
    pub(super) fn failed(&mut self, checkpoint: CheckpointNumber, now: Instant) -> Option<u32> {
        let vote = self.votes.get_mut(&checkpoint)?;
        let delay = FIRST_DELAY.saturating_mul(1 << vote.failures.min(5)).min(MAX_DELAY);
        vote.failures = vote.failures.saturating_add(1);
        vote.due = Some(now + delay);
        Some(vote.failures)
    }

    /// How many are not out.
    pub(super) fn len(&self) -> usize {
        self.votes.len()
    }
}

#[cfg(test)]
mod tests;
