//! Remembers how many votes of a slot were passed on, long after the slot itself is forgotten.
//!
//! Slots below the memory are few and give way to each other. Who votes at more old checkpoints than
//! there are slots could have the same votes passed on over and over if their counts went with them.
//!
//! A byte a checkpoint, from the oldest that is looked at to the newest that is forgotten, for each
//! validator of which votes were passed on: 10 KB with the default history.

use director_primitives::{AccountId32, CheckpointNumber};
use std::collections::{HashMap, VecDeque};

/// Counts by validator and checkpoint.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// First checkpoint that is counted.
    from: CheckpointNumber,
    of: HashMap<AccountId32, VecDeque<u8>>,
}

impl Copies {
    pub(super) fn get(&self, validator: &AccountId32, checkpoint: CheckpointNumber) -> u8 {
        let counts = self.of.get(validator);
        let count = self.index(checkpoint).and_then(|at| counts?.get(at));
        count.copied().unwrap_or_default()
    }

    /// Keeps a count that is not zero.
    pub(super) fn set(&mut self, validator: AccountId32, checkpoint: CheckpointNumber, count: u8) {
        let Some(at) = self.index(checkpoint).filter(|_| count > 0) else {
            return;
        };
        let counts = self.of.entry(validator).or_default();
        if counts.len() <= at {
            counts.resize(at + 1, 0);
        }
        counts[at] = count;
    }

    /// Drops the counts of checkpoints that are not looked at any more.
    pub(super) fn forget(&mut self, below: CheckpointNumber) {
        let passed = below.saturating_sub(self.from);
        self.from = self.from.max(below);
        for counts in self.of.values_mut() {
            counts.drain(..counts.len().min(usize::try_from(passed).unwrap_or(usize::MAX)));
        }
        self.of.retain(|_, counts| !counts.is_empty());
    }

    fn index(&self, checkpoint: CheckpointNumber) -> Option<usize> {
        usize::try_from(checkpoint.checked_sub(self.from)?).ok()
    }
}
