//! Signs a validator's checkpoint votes and makes certificates of everybody's: pure.
//!
//! * upon a finalized checkpoint: [`Voter::vote`] signs its hash, and never a second one for the same
//!   checkpoint. The guard lives as long as the voter: whoever restarts restores it with
//!   [`Voter::restore`] from what it has written down (the sidecar does), or does not vote for
//!   checkpoints that may have been voted for before.
//! * upon a vote of anybody, one's own included: [`Certifier::count`] checks it; with more than two thirds
//!   of the authorized validators it makes the certificate, once for each checkpoint.
//!
//! Memory: `window` checkpoints, in each at most one vote per registered validator.

use super::Signer;
use director_primitives::{
    AccountId32, Certificate, CheckpointNumber, CheckpointVote, H256, PublicKey, Signature,
    SignedVote, Snapshot, runtime_api::ValidatorStatus, threshold::quorum,
};
use std::collections::{BTreeMap, HashMap};

/// Why a vote is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoteRefused {
    /// Another hash was signed for this checkpoint: signing this one is what is slashed.
    #[error("checkpoint {checkpoint} was signed with {signed}; a second hash would be slashed")]
    AlreadySigned {
        /// The checkpoint.
        checkpoint: CheckpointNumber,
        /// What was signed.
        signed: H256,
    },
    /// The guard does not reach back so far.
    #[error("checkpoint {checkpoint} is before {oldest}, the oldest that is still guarded")]
    TooOld {
        /// The checkpoint.
        checkpoint: CheckpointNumber,
        /// The oldest that is guarded.
        oldest: CheckpointNumber,
    },
}

/// Why a vote does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// The checkpoint is too far from the latest.
    OutOfWindow,
    /// The key is no authorized validator's present checkpoint key.
    NotAuthorized,
    /// The validator's vote is known.
    Known,
    /// The validator has voted for another hash; the first one counts. The directors prove it.
    Conflicting,
    /// The signature is not the key's.
    InvalidSignature,
}

/// What a vote did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It counts; that makes so many for its hash, of so many that it takes.
    Votes {
        /// Votes for this hash.
        got: u32,
        /// Votes that make a certificate.
        needed: u32,
    },
    /// It counts and was the one that was missing. Told once for a checkpoint.
    Certificate(Certificate),
    /// It does not count.
    Ignored(Ignored),
}

#[derive(Default)]
struct Tally {
    /// The first vote of each validator.
    votes: HashMap<AccountId32, (H256, PublicKey, Signature)>,
    certified: bool,
}

/// Makes certificates of everybody's votes.
pub struct Certifier {
    genesis_hash: H256,
    window: u64,
    latest: CheckpointNumber,
    /// Number of the last snapshot's block.
    seen: u64,
    tallies: BTreeMap<CheckpointNumber, Tally>,
}

impl Certifier {
    /// Keeps the votes of `window` checkpoints (1 at least).
    pub fn new(genesis_hash: H256, window: u64) -> Self {
        Self { genesis_hash, window: window.max(1), latest: 0, seen: 0, tallies: BTreeMap::new() }
    }

    /// Counts a vote, as the validators are at the snapshot's block.
    pub fn count(&mut self, snapshot: &Snapshot, vote: &SignedVote) -> Counted {
        let checkpoint = vote.vote.checkpoint;
        let finalized = snapshot.number / snapshot.domain.checkpoint_interval.max(1);
        // A view never goes back, unless what a node said to be final is not.
        self.latest = match snapshot.number < self.seen {
            true => finalized,
            false => self.latest.max(finalized),
        };
        self.seen = snapshot.number;
        // A validator whose node is ahead of ours may vote for the next one already.
        if checkpoint > self.latest.saturating_add(self.window) || checkpoint < self.floor() {
            return Counted::Ignored(Ignored::OutOfWindow);
        }
        let may_vote = |key: &PublicKey| {
            let validator = snapshot.validator_by_checkpoint_key(key)?;
            let current = validator.checkpoint_key == *key;
            (current && validator.status == ValidatorStatus::Authorized).then_some(validator)
        };
        let Some(validator) = may_vote(&vote.key) else {
            return Counted::Ignored(Ignored::NotAuthorized);
        };
        let known = self.tallies.get(&checkpoint).and_then(|of| of.votes.get(&validator.account));
        if let Some((hash, ..)) = known {
            let same = *hash == vote.vote.block_hash;
            return Counted::Ignored(if same { Ignored::Known } else { Ignored::Conflicting });
        }
        if !vote.verify(&self.genesis_hash) {
            return Counted::Ignored(Ignored::InvalidSignature);
        }
        let tally = self.tallies.entry(checkpoint).or_default();
        let account = validator.account.clone();
        tally.votes.insert(account, (vote.vote.block_hash, vote.key, vote.signature));
        // Who was authorized when its vote came and is not any more does not count.
        let mut signatures: Vec<_> = tally
            .votes
            .values()
            .filter(|(hash, key, _)| *hash == vote.vote.block_hash && may_vote(key).is_some())
            .map(|(_, key, signature)| (*key, *signature))
            .collect();
        let (got, needed) = (signatures.len() as u32, quorum(snapshot.authorized_count()));
        let counted = if got < needed || tally.certified {
            Counted::Votes { got, needed }
        } else {
            tally.certified = true;
            signatures.sort_by_key(|(key, _)| *key);
            Counted::Certificate(Certificate { vote: vote.vote, signatures })
        };
        self.forget();
        counted
    }

    /// First checkpoint that is kept.
    fn floor(&self) -> CheckpointNumber {
        self.latest.saturating_add(1).saturating_sub(self.window)
    }

    fn forget(&mut self) {
        let floor = self.floor();
        self.tallies = self.tallies.split_off(&floor);
    }
}

/// Votes and counts for one validator.
pub struct Voter<S> {
    certifier: Certifier,
    signer: S,
    signed: BTreeMap<CheckpointNumber, SignedVote>,
    /// Below this, nothing is signed.
    oldest: CheckpointNumber,
}

impl<S: Signer> Voter<S> {
    /// A voter that has signed nothing and keeps `window` checkpoints (1 at least).
    pub fn new(genesis_hash: H256, signer: S, window: u64) -> Self {
        let certifier = Certifier::new(genesis_hash, window);
        Self { certifier, signer, signed: BTreeMap::new(), oldest: 0 }
    }

    /// The checkpoint key.
    pub fn key(&self) -> PublicKey {
        self.signer.key()
    }

    /// Tells what was signed before a restart. Votes of other keys are left out.
    pub fn restore(&mut self, signed: impl IntoIterator<Item = SignedVote>) {
        let key = self.signer.key();
        for vote in signed.into_iter().filter(|vote| vote.key == key) {
            self.signed.entry(vote.vote.checkpoint).or_insert(vote);
        }
        self.forget();
    }

    /// Signs the hash of a finalized checkpoint. The same hash again gives the same vote.
    ///
    /// # Errors
    ///
    /// See [`VoteRefused`]; then nothing is signed.
    pub fn vote(
        &mut self,
        checkpoint: CheckpointNumber,
        block_hash: H256,
    ) -> Result<SignedVote, VoteRefused> {
        if let Some(signed) = self.signed.get(&checkpoint) {
            return if signed.vote.block_hash == block_hash {
                Ok(*signed)
            } else {
                let signed = signed.vote.block_hash;
                Err(VoteRefused::AlreadySigned { checkpoint, signed })
            };
        }
        if checkpoint < self.oldest {
            return Err(VoteRefused::TooOld { checkpoint, oldest: self.oldest });
        }
        let vote = CheckpointVote { checkpoint, block_hash };
        let signature = self.signer.sign_statement(&self.certifier.genesis_hash, &vote);
        let signed = SignedVote { vote, key: self.signer.key(), signature };
        self.signed.insert(checkpoint, signed);
        self.certifier.latest = self.certifier.latest.max(checkpoint);
        self.certifier.forget();
        self.forget();
        Ok(signed)
    }

    /// Counts a vote: see [`Certifier::count`].
    pub fn count(&mut self, snapshot: &Snapshot, vote: &SignedVote) -> Counted {
        self.certifier.count(snapshot, vote)
    }

    fn forget(&mut self) {
        while self.signed.len() as u64 > self.certifier.window {
            if let Some((checkpoint, _)) = self.signed.pop_first() {
                // Never back: what was restored is older, and there may have been other votes in between.
                self.oldest = self.oldest.max(checkpoint.saturating_add(1));
            }
        }
    }
}
