//! Notices when a checkpoint has the votes of a certificate, and how long that took.
//!
//! The certificate itself is the validators' business (`client::Voter`): a director counts votes that its detector
//! holds, whose envelopes were signed, and looks at their inner signatures only when two differ. So this is
//! for people and their alarms, and nothing is decided by it.
//!
//! * upon a tick: of the [`LOOKED_AT`] newest checkpoints with votes, whichever has more than at the last look and enough of them
//!   is counted: once for each new vote at most, and never after it is certified.

use super::{Crypto, Director, Millis, detector::Detector};
use director_primitives::{
    AccountId32, CheckpointNumber, H256, Snapshot, runtime_api::ValidatorStatus, threshold::quorum,
};
use std::collections::BTreeMap;

/// Checkpoints that may still get their votes: whoever votes later than that is too late for anybody.
pub(super) const LOOKED_AT: usize = 8;

/// How far a checkpoint is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// When there was a vote; `None` if it was there before this director was.
    pub(super) begun: Option<Millis>,
    /// When there were enough.
    pub(super) certified: Option<Millis>,
    counted: usize,
}

/// How far the newest checkpoints are.
#[derive(Debug, Default)]
pub(super) struct Certificates(BTreeMap<CheckpointNumber, Progress>);

impl Certificates {
    /// Of what is there already nobody knows when it came.
    pub(super) fn new(detector: &Detector) -> Self {
        let known = detector.newest(CheckpointNumber::MAX);
        Self(known.map(|(checkpoint, _)| (checkpoint, Progress::default())).collect())
    }

    pub(super) fn of(&self, checkpoint: CheckpointNumber) -> Progress {
        self.0.get(&checkpoint).copied().unwrap_or_default()
    }
}

/// The newest checkpoint that anybody can have a reason to vote for: others may be a block ahead. Whoever votes
/// for later ones must not hide those that count.
pub(super) fn last(snapshot: &Snapshot) -> CheckpointNumber {
    (snapshot.number / snapshot.domain.checkpoint_interval.max(1)).saturating_add(1)
}

/// Blocks that authorized validators voted for at a checkpoint, the most wanted first.
pub(super) fn blocks(
    detector: &Detector,
    snapshot: &Snapshot,
    checkpoint: CheckpointNumber,
) -> Vec<(H256, u32)> {
    let may_vote = |account: &AccountId32| {
        snapshot.validator(account).is_some_and(|of| of.status == ValidatorStatus::Authorized)
    };
    let mut blocks = BTreeMap::<H256, u32>::new();
    for (_, block) in detector.votes(checkpoint).filter(|(account, _)| may_vote(account)) {
        *blocks.entry(block).or_default() += 1;
    }
    let mut blocks: Vec<_> = blocks.into_iter().collect();
    blocks.sort_by_key(|(_, votes)| std::cmp::Reverse(*votes));
    blocks
}

impl<C: Crypto> Director<C> {
    /// Time went by.
    pub(super) fn look_for_certificates(&mut self, now: Millis) {
        let Some(snapshot) = &self.snapshot else { return };
        let needed = quorum(snapshot.authorized_count()) as usize;
        let mut oldest = None;
        for (checkpoint, votes) in self.detector.newest(last(snapshot)).take(LOOKED_AT) {
            oldest = Some(checkpoint);
            let new = || Progress { begun: Some(now), ..Progress::default() };
            let progress = self.certificates.0.entry(checkpoint).or_insert_with(new);
            if progress.certified.is_some() || votes <= progress.counted || votes < needed {
                continue;
            }
            progress.counted = votes;
            let blocks = blocks(&self.detector, snapshot, checkpoint);
            if blocks.first().is_some_and(|(_, votes)| *votes as usize >= needed) {
                progress.certified = Some(now);
                if let Some(begun) = progress.begun {
                    self.stats.certified(checkpoint, now.saturating_sub(begun));
                }
            }
        }
        if let Some(oldest) = oldest {
            self.certificates.0 = self.certificates.0.split_off(&oldest);
        }
    }
}
