//! Notices when a checkpoint has the votes of a certificate, and how long that took.
//!
//! The certificate itself is the validators' business (`client::Voter`): a director counts votes that its detector
//! holds, whose envelopes were signed, and looks at their inner signatures only when two differ. So this is
//! for people and their alarms, and nothing is decided by it.
//!
//! Votes are counted of those who may vote: while a certificate is not complete, of those whom the chain calls authorized now,
//! as whoever assembles one would; once it is, of those who were then. A certificate does not lose votes when a validator leaves.
//!
//! * upon a tick: of the [`LOOKED_AT`] newest checkpoints with votes, whichever has more than at the last look and enough of them
//!   is counted: once for each new vote at most, and never after it is certified.

use super::{Crypto, Director, Millis, detector::Detector};
use director_primitives::{
    AccountId32, CheckpointNumber, H256, Snapshot, runtime_api::ValidatorStatus, threshold::quorum,
};
use std::{collections::BTreeMap, sync::Arc};

/// Checkpoints that may still get their votes: whoever votes later than that is too late for anybody.
pub(super) const LOOKED_AT: usize = 8;

/// How far a checkpoint is.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// When there was a vote; `None` if it was there before this director was.
    pub(super) begun: Option<Millis>,
    /// When there were enough.
    pub(super) certified: Option<Millis>,
    /// Who might vote then.
    voters: Option<Voters>,
    counted: usize,
}

/// How far the newest checkpoints are.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    progress: BTreeMap<CheckpointNumber, Progress>,
    /// The lowest one that a vote was seen of: from there on votes are expected.
    first: Option<CheckpointNumber>,
}

impl Certificates {
    /// Of what is there already nobody knows when it came.
    pub(super) fn new(detector: &Detector) -> Self {
        let known = detector.newest(CheckpointNumber::MAX);
        let progress: BTreeMap<_, _> =
            known.map(|(checkpoint, _)| (checkpoint, Progress::default())).collect();
        let first = progress.keys().next().copied();
        Self { progress, first }
    }

    /// Checkpoints that votes are expected of, the newest first: those that have some, and those after which there is another one
    /// by now. That nobody votes any more must not look like a chain without checkpoints.
    pub(super) fn expected(
        &self,
        detector: &Detector,
        last: CheckpointNumber,
    ) -> Vec<CheckpointNumber> {
        let Some(first) = self.first else { return Vec::new() };
        let voted = detector.newest(last).next().map_or(first, |(checkpoint, _)| checkpoint);
        let due = last.saturating_sub(2);
        (first..=voted.max(due)).rev().take(LOOKED_AT).collect()
    }

    pub(super) fn of(&self, checkpoint: CheckpointNumber) -> Progress {
        self.progress.get(&checkpoint).cloned().unwrap_or_default()
    }
}

impl Progress {
    /// Whose votes count: those who might vote when it was certified, or who may vote now.
    pub(super) fn voters(&self, now: &Voters) -> Voters {
        self.voters.as_ref().unwrap_or(now).clone()
    }
}

/// Validators that may vote, in ascending order of accounts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Voters(Arc<[AccountId32]>);

impl Voters {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let all = snapshot.validators().iter();
        let authorized = all.filter(|of| of.status == ValidatorStatus::Authorized);
        let mut accounts: Vec<_> = authorized.map(|of| of.account.clone()).collect();
        accounts.sort_unstable();
        Self(accounts.into())
    }

    /// How many they are.
    pub(super) fn count(&self) -> u32 {
        self.0.len() as u32
    }

    /// Votes for one block that make a certificate.
    pub(super) fn needed(&self) -> u32 {
        quorum(self.count())
    }

    /// Blocks that they voted for at a checkpoint, the most wanted first.
    pub(super) fn blocks(
        &self,
        detector: &Detector,
        checkpoint: CheckpointNumber,
    ) -> Vec<(H256, u32)> {
        let mut blocks = BTreeMap::<H256, u32>::new();
        let votes = detector.votes(checkpoint);
        for (_, block) in votes.filter(|(account, _)| self.0.binary_search(account).is_ok()) {
            *blocks.entry(block).or_default() += 1;
        }
        let mut blocks: Vec<_> = blocks.into_iter().collect();
        blocks.sort_by_key(|(_, votes)| std::cmp::Reverse(*votes));
        blocks
    }
}

/// The newest checkpoint that anybody can have a reason to vote for: others may be a block ahead. Whoever votes
/// for later ones must not hide those that count.
pub(super) fn last(snapshot: &Snapshot) -> CheckpointNumber {
    (snapshot.number / snapshot.domain.checkpoint_interval.max(1)).saturating_add(1)
}

impl<C: Crypto> Director<C> {
    /// Time went by.
    pub(super) fn look_for_certificates(&mut self, now: Millis) {
        let Some(snapshot) = &self.snapshot else { return };
        let needed = quorum(snapshot.authorized_count()) as usize;
        let (mut oldest, mut voters) = (None, None);
        for (checkpoint, votes) in self.detector.newest(last(snapshot)).take(LOOKED_AT) {
            oldest = Some(checkpoint);
            let new = || Progress { begun: Some(now), ..Progress::default() };
            let progress = self.certificates.progress.entry(checkpoint).or_insert_with(new);
            if progress.certified.is_some() || votes <= progress.counted || votes < needed {
                continue;
            }
            progress.counted = votes;
            let voters = voters.get_or_insert_with(|| Voters::of(snapshot));
            let blocks = voters.blocks(&self.detector, checkpoint);
            if blocks.first().is_some_and(|(_, votes)| *votes as usize >= needed) {
                progress.certified = Some(now);
                progress.voters = Some(voters.clone());
                if let Some(begun) = progress.begun {
                    self.stats.certified(checkpoint, now.saturating_sub(begun));
                }
            }
        }
        if let Some(oldest) = oldest {
            let Certificates { progress, first } = &mut self.certificates;
            *progress = progress.split_off(&oldest);
            *first = Some(first.map_or(oldest, |first| first.min(oldest)));
        }
    }
}
