//! Keeps what the file does not take, until it does.
//!
//! *Votes*: [`MAX_UNWRITTEN_VOTES`] at most; beyond that those of the oldest checkpoint make room, which
//! are the first to be pruned anyway. What is lost so is counted, and never taken for a vote that there
//! is not: whoever asks for a slot that is not here gets an error. *Proofs*: always, each takes two
//! signatures of a registered validator. *Order*: what was handed over is carried out in that order; to
//! carry it out twice is the same as once, since a failed write may have got through.

use super::{Conflict, Health, Record, tables::Opened};
use director_primitives::{AccountId32, CheckpointNumber, H256, SignedVote};
use redb::StorageError;
use std::collections::BTreeMap;

/// Votes that wait in memory while the file cannot be used; 20 MiB.
pub const MAX_UNWRITTEN_VOTES: usize = 65_536;

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    votes: BTreeMap<(CheckpointNumber, AccountId32), Unwritten>,
    /// By proof id; `None` is to be removed.
    records: BTreeMap<H256, Option<Record>>,
    pruned_below: CheckpointNumber,
}

#[derive(Debug)]
struct Unwritten {
    vote: SignedVote,
    /// Whether it takes the place of what is in the file.
    replaces: bool,
}

impl Overlay {
    /// Votes in it.
    pub(super) fn len(&self) -> usize {
        self.votes.len()
    }

    /// Takes votes of which none is here for its slot; those of which another one is, which stays.
    pub(super) fn remember(
        &mut self,
        votes: &[(AccountId32, SignedVote)],
        health: &Health,
    ) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        for (validator, vote) in votes {
            let slot = (vote.vote.checkpoint, validator.clone());
            let new = Unwritten { vote: *vote, replaces: false };
            let first = self.votes.entry(slot).or_insert(new).vote;
            if first.vote != vote.vote {
                conflicts.push(Conflict { validator: validator.clone(), first, other: *vote });
            }
            self.make_room(health);
        }
        conflicts
    }

    pub(super) fn replace(&mut self, validator: &AccountId32, by: &SignedVote, health: &Health) {
        let slot = (by.vote.checkpoint, validator.clone());
        self.votes.insert(slot, Unwritten { vote: *by, replaces: true });
        self.make_room(health);
    }

    fn make_room(&mut self, health: &Health) {
        while self.votes.len() > MAX_UNWRITTEN_VOTES {
            self.votes.pop_first();
            health.lost_vote();
        }
    }

    /// The vote, if it is here. If not, the file may have it.
    pub(super) fn first(
        &self,
        validator: &AccountId32,
        checkpoint: CheckpointNumber,
    ) -> Option<SignedVote> {
        self.votes.get(&(checkpoint, validator.clone())).map(|unwritten| unwritten.vote)
    }

    pub(super) fn prune(&mut self, below: CheckpointNumber) {
        self.pruned_below = self.pruned_below.max(below);
        self.votes.retain(|(checkpoint, _), _| *checkpoint >= below);
    }

    pub(super) fn put(&mut self, record: &Record) {
        self.records.insert(record.proof.id(), Some(record.clone()));
    }

    pub(super) fn remove(&mut self, id: H256) {
        self.records.insert(id, None);
    }

    /// Writes everything. It is left here too: only after the commit is it safe.
    pub(super) fn write(&self, file: &mut Opened<'_>) -> Result<(), StorageError> {
        if self.pruned_below > 0 {
            file.prune(self.pruned_below)?;
        }
        for ((_, validator), Unwritten { vote, replaces }) in &self.votes {
            match replaces {
                true => file.replace(validator, vote)?,
                false => file.remember_one(validator, vote)?,
            }
        }
        for (id, record) in &self.records {
            match record {
                Some(record) => file.put(record)?,
                None => file.remove(*id)?,
            }
        }
        Ok(())
    }
}
