//! Finds validators that vote for two blocks at one checkpoint.
//!
//! For each validator and checkpoint there is a slot with the first vote. A second vote for another
//! block makes a proof. Inner signatures are checked only then: the envelope says already whose the
//! votes claim to be. A stored vote that turns out to be wrongly signed gives way to a right one, so
//! that nobody can hide behind rubbish sent first.
//!
//! ```text
//!      refused   │ compared on disk │     in memory      │  in memory  │  refused
//!  ──────────────┼──────────────────┼────────────────────┼─────────────┼─────────► checkpoint
//!          history_checkpoints  recent_checkpoints   finalized   checkpoints_ahead
//! ```
//!
//! The memory is never said to hold what it may lack: after a restart it begins where the votes that
//! were read back are complete, and moves to its usual place with the finalized checkpoint.
//!
//! The history is apart from any relay cache: flushing the one does nothing to the other.

use super::{Config, ValidatorVote, copies::Copies, stats::Refusal};
use director_primitives::{AccountId32, CheckpointNumber, DoubleSignProof, H256, SignedVote};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What a vote means, given what was there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The validator's first vote at this checkpoint.
    First,
    /// It takes the place of a wrongly signed one.
    Replaces,
    /// This block was voted for already.
    Repeat,
    /// Another block than before, both votes rightly signed.
    DoubleSign(DoubleSignProof),
    /// Wrongly signed, as was found when it was compared.
    Invalid,
    /// Two blocks were voted for already: a third adds nothing.
    Third,
}

/// Where to look for the votes of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// In memory.
    Memory,
    /// On disk.
    Disk,
    /// Nowhere.
    Refused(Refusal),
}

#[derive(Clone, Debug)]
struct Slot {
    first: SignedVote,
    /// Whether the signature of `first` is right, once somebody had to know.
    first_is_valid: Option<bool>,
    /// The other block, after a double sign.
    second: Option<H256>,
    /// Votes that were passed on, at most two.
    relayed: u8,
}

impl Slot {
    fn new(first: SignedVote) -> Self {
        Self { first, first_is_valid: None, second: None, relayed: 0 }
    }

    fn judge(&mut self, genesis_hash: &H256, vote: &SignedVote) -> Verdict {
        if *vote == self.first || self.second == Some(vote.vote.block_hash) {
            return Verdict::Repeat;
        }
        let same_block = vote.vote.block_hash == self.first.vote.block_hash;
        if !same_block && self.second.is_some() {
            return Verdict::Third;
        }
        let first = &self.first;
        let first_is_valid = *self.first_is_valid.get_or_insert_with(|| first.verify(genesis_hash));
        if same_block && first_is_valid {
            return Verdict::Repeat;
        }
        if !vote.verify(genesis_hash) {
            return Verdict::Invalid;
        }
        let proof = DoubleSignProof::new(*genesis_hash, self.first, *vote);
        match proof.filter(|_| first_is_valid) {
            Some(proof) => {
                self.second = Some(vote.vote.block_hash);
                Verdict::DoubleSign(proof)
            }
            None => {
                self.first = *vote;
                self.first_is_valid = Some(true);
                Verdict::Replaces
            }
        }
    }

    /// Whether a vote with this verdict is to be passed on; counts it if so.
    fn relay(&mut self, verdict: &Verdict) -> Result<(), Refusal> {
        let limit = match verdict {
            // A repeat is passed on if its first coming was not: before a restart, or when its
            // origin was not authorized yet.
            Verdict::First | Verdict::Repeat => 1,
            Verdict::Replaces | Verdict::DoubleSign(_) => 2,
            Verdict::Invalid => return Err(Refusal::InvalidVote),
            Verdict::Third => return Err(Refusal::ThirdVote),
        };
        if self.relayed >= limit {
            return Err(Refusal::RepeatedVote);
        }
        self.relayed += 1;
        Ok(())
    }
}

/// The slots of all validators.
#[derive(Debug)]
pub(super) struct Detector {
    recent: BTreeMap<CheckpointNumber, HashMap<AccountId32, Slot>>,
    /// Slots below the memory that were read from disk a moment ago, oldest first in `order`.
    recalled: HashMap<(AccountId32, CheckpointNumber), Slot>,
    order: VecDeque<(AccountId32, CheckpointNumber)>,
    max_recalled: usize,
    /// What was passed on of slots that are not in memory any more.
    copies: Copies,
    /// First checkpoint of which the memory holds all there is, first on disk, last that is looked at.
    memory_from: CheckpointNumber,
    disk_from: CheckpointNumber,
    last: CheckpointNumber,
}

impl Detector {
    /// A detector that knows these votes. Of checkpoints from `complete_from` on there are no others
    /// on disk; what is there of older ones is asked for.
    pub(super) fn new(
        config: &Config,
        history: Vec<ValidatorVote>,
        complete_from: CheckpointNumber,
    ) -> Self {
        let mut recent: BTreeMap<_, HashMap<_, _>> = BTreeMap::new();
        let complete = |known: &ValidatorVote| known.vote.vote.checkpoint >= complete_from;
        for ValidatorVote { validator, vote } in history.into_iter().filter(complete) {
            recent
                .entry(vote.vote.checkpoint)
                .or_default()
                .entry(validator)
                .or_insert_with(|| Slot::new(vote));
        }
        Self {
            recent,
            recalled: HashMap::new(),
            order: VecDeque::new(),
            max_recalled: config.max_recalls.max(1),
            copies: Copies::default(),
            memory_from: complete_from,
            disk_from: 0,
            last: 0,
        }
    }

    /// Moves with the finalized checkpoint. Returns the first checkpoint of the history if that
    /// has moved.
    pub(super) fn advance(
        &mut self,
        config: &Config,
        finalized: CheckpointNumber,
    ) -> Option<CheckpointNumber> {
        self.last = finalized.saturating_add(config.checkpoints_ahead);
        let memory_from = finalized.saturating_sub(config.recent_checkpoints);
        let disk_from = finalized.saturating_sub(config.history_checkpoints).min(memory_from);
        let moved = disk_from > self.disk_from;
        self.disk_from = self.disk_from.max(disk_from);
        self.copies.forget(self.disk_from);
        if memory_from > self.memory_from {
            self.memory_from = memory_from;
            let recent = self.recent.split_off(&memory_from);
            for (checkpoint, slots) in std::mem::replace(&mut self.recent, recent) {
                for (validator, slot) in slots {
                    self.copies.set(validator, checkpoint, slot.relayed);
                }
            }
        }
        moved.then_some(self.disk_from)
    }

    /// Where the votes of a checkpoint are.
    pub(super) fn range(&self, validator: &AccountId32, checkpoint: CheckpointNumber) -> Range {
        if checkpoint > self.last {
            Range::Refused(Refusal::VoteTooFarAhead)
        } else if checkpoint >= self.memory_from {
            Range::Memory
        } else if checkpoint < self.disk_from {
            Range::Refused(Refusal::VoteTooOld)
        } else if self.recalled.contains_key(&(validator.clone(), checkpoint)) {
            Range::Memory
        } else {
            Range::Disk
        }
    }

    /// Takes in what the disk said about a slot below the memory.
    pub(super) fn recalled(&mut self, first: ValidatorVote) {
        let key = (first.validator, first.vote.vote.checkpoint);
        let relayed = self.copies.get(&key.0, key.1);
        self.insert_recalled(key, Slot { relayed, ..Slot::new(first.vote) });
    }

    /// Judges a vote whose range is [`Range::Memory`], or which the disk knows nothing about.
    ///
    /// Where `may_relay` says that the rules let a vote with this verdict pass, tells whether it is
    /// to be passed on, and counts that it was.
    pub(super) fn judge(
        &mut self,
        genesis_hash: &H256,
        validator: &AccountId32,
        vote: &SignedVote,
        may_relay: impl FnOnce(&Verdict) -> bool,
    ) -> (Verdict, Option<Result<(), Refusal>>) {
        let checkpoint = vote.vote.checkpoint;
        let in_memory = checkpoint >= self.memory_from;
        let slot = if in_memory {
            self.recent.get_mut(&checkpoint).and_then(|slots| slots.get_mut(validator))
        } else {
            self.recalled.get_mut(&(validator.clone(), checkpoint))
        };
        if let Some(slot) = slot {
            let verdict = slot.judge(genesis_hash, vote);
            let relay = may_relay(&verdict).then(|| slot.relay(&verdict));
            return (verdict, relay);
        }
        let mut slot = Slot::new(*vote);
        if !in_memory {
            slot.relayed = self.copies.get(validator, checkpoint);
        }
        let relay = may_relay(&Verdict::First).then(|| slot.relay(&Verdict::First));
        if in_memory {
            self.recent.entry(checkpoint).or_default().insert(validator.clone(), slot);
        } else {
            self.insert_recalled((validator.clone(), checkpoint), slot);
        }
        (Verdict::First, relay)
    }

    /// Checkpoints up to this one of which there are votes in memory, the newest first, each with its number of votes.
    pub(super) fn newest(
        &self,
        last: CheckpointNumber,
    ) -> impl Iterator<Item = (CheckpointNumber, usize)> + '_ {
        let recent = self.recent.range(..=last).rev();
        recent.map(|(checkpoint, slots)| (*checkpoint, slots.len()))
    }

    /// Who voted for what at a checkpoint in memory: the first vote of each.
    pub(super) fn votes(
        &self,
        checkpoint: CheckpointNumber,
    ) -> impl Iterator<Item = (&AccountId32, H256)> {
        let slots = self.recent.get(&checkpoint).into_iter().flatten();
        slots.map(|(validator, slot)| (validator, slot.first.vote.block_hash))
    }

    /// Votes in memory.
    pub(super) fn len(&self) -> usize {
        self.recent.values().map(HashMap::len).sum::<usize>() + self.recalled.len()
    }

    fn insert_recalled(&mut self, key: (AccountId32, CheckpointNumber), slot: Slot) {
        if self.recalled.contains_key(&key) {
            return;
        }
        if self.order.len() >= self.max_recalled
            && let Some(oldest) = self.order.pop_front()
            && let Some(slot) = self.recalled.remove(&oldest)
        {
            self.copies.set(oldest.0, oldest.1, slot.relayed);
        }
        self.order.push_back(key.clone());
        self.recalled.insert(key, slot);
    }
}
