//! What the store's thread is asked, and what it answers.

use super::{Recent, Record, StoreError, tables::Opened};
use crate::failpoint::{self, Failpoint};
use director_primitives::{AccountId32, CheckpointNumber, H256, SignedVote};
use redb::StorageError;
use tokio::sync::oneshot;

/// An answer that can go wrong.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the thread is asked. A record is in a box: votes, of which very many may wait, are smaller.
#[derive(Debug)]
pub(super) enum Command {
    Bind { genesis_hash: H256, reply: Reply<()> },
    Remember(Vec<(AccountId32, SignedVote)>),
    Replace { validator: AccountId32, by: SignedVote },
    First { validator: AccountId32, checkpoint: CheckpointNumber, reply: Reply<Option<SignedVote>> },
    Recent { checkpoints: u64, reply: Reply<Recent> },
    Prune { below: CheckpointNumber },
    Flush { reply: Reply<()> },
    Put { record: Box<Record>, reply: Reply<()> },
    Remove { id: H256, reply: Reply<()> },
    Records { reply: Reply<Vec<Record>> },
    Close,
}

/// What becomes of a command.
pub(super) enum Answer {
    Done,
    First(Option<SignedVote>),
    Recent(Recent),
    Records(Vec<Record>),
}

impl Command {
    /// Tells whoever asked. Who does not wait any more does not get it.
    pub(super) fn answer(self, answer: Result<Answer, StoreError>) {
        match self {
            Self::Bind { reply, .. }
            | Self::Flush { reply }
            | Self::Put { reply, .. }
            | Self::Remove { reply, .. } => drop(reply.send(answer.map(drop))),
            Self::First { reply, .. } => drop(reply.send(answer.and_then(|answer| match answer {
                Answer::First(first) => Ok(first),
                _ => Err(StoreError::Closed),
            }))),
            Self::Recent { reply, .. } => {
                drop(reply.send(answer.and_then(|answer| match answer {
                    Answer::Recent(recent) => Ok(recent),
                    _ => Err(StoreError::Closed),
                })))
            }
            Self::Records { reply } => drop(reply.send(answer.and_then(|answer| match answer {
                Answer::Records(records) => Ok(records),
                _ => Err(StoreError::Closed),
            }))),
            Self::Remember(_) | Self::Replace { .. } | Self::Prune { .. } | Self::Close => {}
        }
    }

    /// How many votes it has to be written.
    pub(super) fn votes(&self) -> usize {
        match self {
            Self::Remember(votes) => votes.len(),
            Self::Replace { .. } => 1,
            _ => 0,
        }
    }

    /// Does it in the file. The outer error is the disk's.
    pub(super) fn carry_out(
        &self,
        file: &mut Opened<'_>,
    ) -> Result<Result<Answer, StoreError>, StorageError> {
        match self {
            Self::Bind { genesis_hash, .. } => {
                return Ok(file.bind(*genesis_hash)?.map(|()| Answer::Done));
            }
            Self::Remember(votes) => file.remember(votes)?,
            Self::Replace { validator, by } => file.replace(validator, by)?,
            Self::Prune { below } => file.prune(*below)?,
            Self::Put { record, .. } => {
                file.put(record)?;
                failpoint::hit(Failpoint::Committing);
            }
            Self::Remove { id, .. } => file.remove(*id)?,
            // Of those before it the same transaction takes care.
            Self::Flush { .. } | Self::Close => {}
            Self::First { validator, checkpoint, .. } => {
                return Ok(Ok(Answer::First(file.first(validator, *checkpoint)?)));
            }
            Self::Recent { checkpoints, .. } => {
                return Ok(Ok(Answer::Recent(file.recent(*checkpoints)?)));
            }
            Self::Records { .. } => return Ok(Ok(Answer::Records(file.records()?))),
        }
        Ok(Ok(Answer::Done))
    }
}
