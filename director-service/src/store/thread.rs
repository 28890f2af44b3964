//! The one thread that reads and writes the file.

use super::{CACHE_BYTES, MAX_BATCH, Recent, Record, StoreError, io_error};
use codec::{DecodeAll, Encode};
use director_primitives::{AccountId32, CheckpointNumber, H256, SignedVote};
use redb::{
    Database, DatabaseError, ReadableTable, StorageError, Table, TableDefinition, WriteTransaction,
};
use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::sync::{mpsc, oneshot};

/// `(checkpoint, account)` to the encoded vote: old checkpoints lie together and go together.
const VOTES: TableDefinition<'_, (u64, [u8; 32]), &[u8]> = TableDefinition::new("votes");

/// Proof id to the encoded record.
const PROOFS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("proofs");

/// What the store itself has to know.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// Key of the genesis hash in [`META`].
const GENESIS: &str = "genesis_hash";

/// An answer that can go wrong.
type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the thread is asked.
#[derive(Debug)]
pub(super) enum Command {
    Bind { genesis_hash: H256, reply: Reply<()> },
    Remember(Vec<(AccountId32, SignedVote)>),
    Replace { validator: AccountId32, by: SignedVote },
    First { validator: AccountId32, checkpoint: CheckpointNumber, reply: Reply<Option<SignedVote>> },
    Recent { checkpoints: u64, reply: Reply<Recent> },
    Prune { below: CheckpointNumber },
    Flush { reply: oneshot::Sender<()> },
    Put { record: Record, reply: Reply<()> },
    Remove { id: H256, reply: Reply<()> },
    Records { reply: Reply<Vec<Record>> },
    Close,
}

impl Command {
    const fn writes(&self) -> bool {
        !matches!(
            self,
            Self::First { .. } | Self::Recent { .. } | Self::Flush { .. } | Self::Records { .. }
        )
    }
}

/// What is said to whoever asked, once the transaction is on disk. `Err` if it is not.
type Answer = Box<dyn FnOnce(Result<(), StoreError>)>;

/// The file.
pub(super) struct Tables(Database);

impl Tables {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(path)
            .map_err(|error| open_error(path, error))?;
        let corrupt = |cause: String| StoreError::Corrupt { path: path.into(), cause };
        // Makes the tables and finds a file that is a database of somebody else.
        let transaction = database.begin_write().map_err(|error| corrupt(error.to_string()))?;
        Opened::new(&transaction).map_err(|error| corrupt(error.to_string()))?;
        transaction.commit().map_err(|error| corrupt(error.to_string()))?;
        Ok(Self(database))
    }

    /// Works until everybody is gone, or somebody says so.
    pub(super) fn run(self, mut commands: mpsc::Receiver<Command>, failures: &AtomicU64) {
        let mut batch = Vec::new();
        let mut open = true;
        while open && commands.blocking_recv_many(&mut batch, MAX_BATCH) > 0 {
            let end = batch.iter().position(|command| matches!(command, Command::Close));
            open = end.is_none();
            batch.truncate(end.unwrap_or(batch.len()));
            let mut answers = Vec::new();
            let result = self.transact(batch.drain(..), &mut answers);
            if let Err(error) = &result {
                failures.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    "cannot write the store: {error}; double signs are still found, but not \
                     across a restart: check the disk and restart the director"
                );
            }
            for answer in answers {
                answer(result.as_ref().copied().map_err(failed));
            }
        }
    }

    /// Everything in one transaction, in order; on disk when this returns.
    fn transact(
        &self,
        batch: impl Iterator<Item = Command>,
        answers: &mut Vec<Answer>,
    ) -> Result<(), redb::Error> {
        let transaction = self.0.begin_write()?;
        let mut writes = false;
        {
            let mut opened = Opened::new(&transaction)?;
            let mut first_error = None;
            for command in batch {
                writes |= command.writes();
                // The others are carried out none the less: they may be answers to give.
                if let Err(error) = opened.execute(command, answers) {
                    first_error.get_or_insert(error);
                }
            }
            if let Some(error) = first_error {
                return Err(error.into());
            }
        }
        // A look-up costs no sync.
        if writes {
            transaction.commit()?;
        } else {
            transaction.abort()?;
        }
        Ok(())
    }
}

/// The tables within a transaction.
struct Opened<'t> {
    votes: Table<'t, (u64, [u8; 32]), &'static [u8]>,
    proofs: Table<'t, [u8; 32], &'static [u8]>,
    meta: Table<'t, &'static str, &'static [u8]>,
}

impl<'t> Opened<'t> {
    fn new(transaction: &'t WriteTransaction) -> Result<Self, redb::TableError> {
        Ok(Self {
            votes: transaction.open_table(VOTES)?,
            proofs: transaction.open_table(PROOFS)?,
            meta: transaction.open_table(META)?,
        })
    }

    fn execute(&mut self, command: Command, answers: &mut Vec<Answer>) -> Result<(), StorageError> {
        match command {
            Command::Bind { genesis_hash, reply } => {
                let result = self.bind(genesis_hash);
                answer(answers, reply, result)
            }
            Command::Remember(votes) => self.remember(&votes),
            Command::Replace { validator, by } => self.write(&validator, &by),
            Command::First { validator, checkpoint, reply } => {
                let result = self.first(&validator, checkpoint);
                answer(answers, reply, result.map(Ok))
            }
            Command::Recent { checkpoints, reply } => {
                let result = self.recent(checkpoints);
                answer(answers, reply, result.map(Ok))
            }
            Command::Prune { below } => self.votes.retain_in(..(below, [0; 32]), |_, _| false),
            Command::Flush { reply } => {
                // Whoever does not wait any more does not get it.
                answers.push(Box::new(|_| reply.send(()).unwrap_or_default()));
                Ok(())
            }
            Command::Put { record, reply } => {
                let bytes = record.encode();
                let result = self.proofs.insert(record.proof.id().0, bytes.as_slice()).map(drop);
                answer(answers, reply, result.map(Ok))
            }
            Command::Remove { id, reply } => {
                let result = self.proofs.remove(id.0).map(drop);
                answer(answers, reply, result.map(Ok))
            }
            Command::Records { reply } => {
                let result = self.records();
                answer(answers, reply, result.map(Ok))
            }
            Command::Close => Ok(()),
        }
    }

    fn bind(&mut self, expected: H256) -> Result<Result<(), StoreError>, StorageError> {
        let found = self.meta.get(GENESIS)?.map(|value| value.value().to_vec());
        Ok(match found {
            Some(found) if found == expected.as_bytes() => Ok(()),
            Some(found) => match H256::decode_all(&mut found.as_slice()) {
                Ok(found) => Err(StoreError::OtherChain { found, expected }),
                Err(_) => Err(StoreError::Failed("the genesis hash in it is damaged".into())),
            },
            None => {
                self.meta.insert(GENESIS, expected.as_bytes())?;
                Ok(())
            }
        })
    }

    fn remember(&mut self, votes: &[(AccountId32, SignedVote)]) -> Result<(), StorageError> {
        for (validator, vote) in votes {
            match self.first(validator, vote.vote.checkpoint)? {
                None => self.write(validator, vote)?,
                Some(first) if first == *vote => {}
                Some(_) => tracing::error!(
                    %validator, checkpoint = vote.vote.checkpoint,
                    "the store has another first vote and keeps it; please report this"
                ),
            }
        }
        Ok(())
    }

    fn write(&mut self, validator: &AccountId32, vote: &SignedVote) -> Result<(), StorageError> {
        let key = (vote.vote.checkpoint, account_bytes(validator));
        self.votes.insert(key, vote.encode().as_slice()).map(drop)
    }

    fn first(
        &self,
        validator: &AccountId32,
        checkpoint: CheckpointNumber,
    ) -> Result<Option<SignedVote>, StorageError> {
        let value = self.votes.get((checkpoint, account_bytes(validator)))?;
        // A vote that cannot be read is as good as none.
        Ok(value.and_then(|value| SignedVote::decode_all(&mut value.value()).ok()))
    }

    fn recent(&self, checkpoints: u64) -> Result<Recent, StorageError> {
        let mut votes = Vec::new();
        let mut complete_from = 0;
        let (mut found, mut last) = (0, None);
        for entry in self.votes.iter()?.rev() {
            let (key, value) = entry?;
            let (checkpoint, account) = key.value();
            if last != Some(checkpoint) {
                found += 1;
                last = Some(checkpoint);
            }
            if found > checkpoints {
                complete_from = checkpoint.saturating_add(1);
                break;
            }
            if let Ok(vote) = SignedVote::decode_all(&mut value.value()) {
                votes.push((AccountId32::new(account), vote));
            }
        }
        votes.reverse();
        Ok(Recent { votes, complete_from })
    }

    fn records(&self) -> Result<Vec<Record>, StorageError> {
        let mut records = Vec::new();
        for entry in self.proofs.iter()? {
            let (_, value) = entry?;
            match Record::decode_all(&mut value.value()) {
                Ok(record) => records.push(record),
                Err(_) => tracing::error!("a proof in the store cannot be read; it is left out"),
            }
        }
        Ok(records)
    }
}

/// Leaves an answer to be given when the transaction is on disk.
fn answer<T: 'static>(
    answers: &mut Vec<Answer>,
    reply: Reply<T>,
    result: Result<Result<T, StoreError>, StorageError>,
) -> Result<(), StorageError> {
    let (result, error) = match result {
        Ok(result) => (result, Ok(())),
        Err(error) => (Err(StoreError::Failed(error.to_string())), Err(error)),
    };
    // Whoever does not wait any more does not get it.
    answers.push(Box::new(move |committed| drop(reply.send(committed.and(result)))));
    error
}

fn account_bytes(account: &AccountId32) -> [u8; 32] {
    *account.as_ref()
}

fn failed(error: &redb::Error) -> StoreError {
    StoreError::Failed(error.to_string())
}

fn open_error(path: &Path, error: DatabaseError) -> StoreError {
    let corrupt = |cause: String| StoreError::Corrupt { path: path.into(), cause };
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            StoreError::Locked(path.into())
        }
        DatabaseError::UpgradeRequired(found) => {
            StoreError::OtherFormat { path: path.into(), found }
        }
        DatabaseError::Storage(StorageError::Io(error)) => io_error(path, &error),
        other => corrupt(other.to_string()),
    }
}
