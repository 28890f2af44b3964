//! The detector's votes on disk.

use super::{StoreError, ask, thread::Command};
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
pub struct History(pub(super) mpsc::Sender<Command>);

impl History {
    /// Hands first votes over to be written. Where the validator has another one at the checkpoint,
    /// that one stays: it is half of a proof. Returns as soon as they are in the mailbox.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub async fn remember(&self, votes: Vec<(AccountId32, SignedVote)>) -> Result<(), StoreError> {
        self.0.send(Command::Remember(votes)).await.map_err(|_| StoreError::Closed)
    }

    /// Hands a vote over to be written in the place of one that is wrongly signed, and thus proves
    /// nothing. Returns as soon as it is in the mailbox.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub async fn replace(&self, validator: AccountId32, by: SignedVote) -> Result<(), StoreError> {
        self.0.send(Command::Replace { validator, by }).await.map_err(|_| StoreError::Closed)
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
        ask(&self.0, |reply| Command::First { validator, checkpoint, reply }).await?
    }

    /// The votes of the newest `checkpoints` checkpoints that have any.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or the store is closed.
    pub async fn recent(&self, checkpoints: u64) -> Result<Recent, StoreError> {
        ask(&self.0, |reply| Command::Recent { checkpoints, reply }).await?
    }

    /// Drops votes for checkpoints below `below`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub async fn prune(&self, below: CheckpointNumber) -> Result<(), StoreError> {
        self.0.send(Command::Prune { below }).await.map_err(|_| StoreError::Closed)
    }

    /// Waits until everything that was handed over before is on disk. If the file could not be used,
    /// tries it at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if it is in memory alone, or if the store is closed.
    pub async fn flush(&self) -> Result<(), StoreError> {
        ask(&self.0, |reply| Command::Flush { reply }).await?
    }
}
