//! The detector's votes on disk.

use super::{StoreError, ask, late::Late, thread::Command};
use director_primitives::{AccountId32, CheckpointNumber, SignedVote};
use tokio::sync::mpsc;

/// The newest votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    /// In ascending order of their checkpoints.
    pub votes: Vec<(AccountId32, SignedVote)>,
    /// From this checkpoint on these are all the votes there are; 0 if none was left out.
    pub complete_from: CheckpointNumber,
}

/// The first vote of each validator at each checkpoint. Cheap to clone.
#[derive(Clone, Debug)]
pub struct History {
    pub(super) mailbox: mpsc::Sender<Command>,
    pub(super) late: Late,
}

impl History {
    /// Hands first votes over to be written. Where the validator has another one at the checkpoint,
    /// that one stays: it is half of a proof. Returns at once: while the mailbox is full they wait in memory,
    /// see [`Self::retry`]. Only if very many wait so, and the disk does not hang, it waits for it to take some, a second at most.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub async fn remember(&self, votes: Vec<(AccountId32, SignedVote)>) -> Result<(), StoreError> {
        self.late.send_votes(Command::Remember(votes)).await
    }

    /// Hands a vote over to be written in the place of one that is wrongly signed, and thus proves
    /// nothing. Returns at once, as [`Self::remember`] does.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub async fn replace(&self, validator: AccountId32, by: SignedVote) -> Result<(), StoreError> {
        self.late.send_votes(Command::Replace { validator, by }).await
    }

    /// The vote of a validator at a checkpoint, among all that were handed over before.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the file cannot be read now and the vote is not in memory, or if the
    /// store is closed.
    pub async fn first(
        &self,
        validator: AccountId32,
        checkpoint: CheckpointNumber,
    ) -> Result<Option<SignedVote>, StoreError> {
        self.late.settle().await?;
        ask(&self.mailbox, |reply| Command::First { validator, checkpoint, reply }).await?
    }

    /// The votes of the newest `checkpoints` checkpoints that have any.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or the store is closed.
    pub async fn recent(&self, checkpoints: u64) -> Result<Recent, StoreError> {
        self.late.settle().await?;
        ask(&self.mailbox, |reply| Command::Recent { checkpoints, reply }).await?
    }

    /// Drops votes for checkpoints below `below`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub async fn prune(&self, below: CheckpointNumber) -> Result<(), StoreError> {
        self.late.send(Command::Prune { below })
    }

    /// Hands over what waits because the mailbox was full, as far as it is not any more. Somebody has to do this now and then.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub fn retry(&self) -> Result<(), StoreError> {
        self.late.retry()
    }

    /// Waits until everything that was handed over before is on disk. If the file could not be used,
    /// tries it at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if it is in memory alone, or if the store is closed.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.late.settle().await?;
        ask(&self.mailbox, |reply| Command::Flush { reply }).await?
    }
}
