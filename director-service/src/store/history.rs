//! The detector's votes on disk.

use super::{StoreError, ask, thread::Command};
use director_primitives::{AccountId32, CheckpointNumber, SignedVote};
use tokio::sync::mpsc;

/// The first vote of each validator at each checkpoint. Cheap to clone.
#[derive(Clone, Debug)]
pub struct History(pub(super) mpsc::Sender<Command>);

impl History {
    /// Hands votes over to be written; each replaces what is there for its validator and checkpoint.
    /// Returns as soon as they are in the mailbox.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub async fn remember(&self, votes: Vec<(AccountId32, SignedVote)>) -> Result<(), StoreError> {
        self.0.send(Command::Remember(votes)).await.map_err(|_| StoreError::Closed)
    }

    /// The vote of a validator at a checkpoint, among all that were handed over before.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or the store is closed.
    pub async fn first(
        &self,
        validator: AccountId32,
        checkpoint: CheckpointNumber,
    ) -> Result<Option<SignedVote>, StoreError> {
        ask(&self.0, |reply| Command::First { validator, checkpoint, reply }).await?
    }

    /// The votes of the newest `checkpoints` checkpoints that have any, in ascending order.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or the store is closed.
    pub async fn recent(
        &self,
        checkpoints: u64,
    ) -> Result<Vec<(AccountId32, SignedVote)>, StoreError> {
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

    /// Waits until everything that was handed over before is on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub async fn flush(&self) -> Result<(), StoreError> {
        ask(&self.0, |reply| Command::Flush { reply }).await
    }
}
