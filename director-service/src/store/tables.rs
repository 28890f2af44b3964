//! The file: three tables of redb, each batch of commands one transaction.

use super::{
    CACHE_BYTES, Conflict, Contents, Recent, Record, StoreError,
    error::{file_error, io_error},
};
use codec::{DecodeAll, Encode};
use director_primitives::{AccountId32, CheckpointNumber, H256, SignedVote};
use redb::{
    Builder, Database, Error, ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageError,
    Table, TableDefinition, TableError, WriteTransaction,
};
use std::{fs, io::ErrorKind, path::Path};

/// `(checkpoint, account)` to the encoded vote: old checkpoints lie together and go together.
const VOTES: TableDefinition<'_, (u64, [u8; 32]), &[u8]> = TableDefinition::new("votes");

/// Proof id to the encoded record.
const PROOFS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("proofs");

/// What the store itself has to know.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// Key of the genesis hash in [`META`].
const GENESIS: &str = "genesis_hash";

/// Votes after which it is told how many were read.
const TOLD_EVERY: u64 = 1_000;

/// The open file.
pub(super) struct Tables(Database);

impl Tables {
    /// Opens the file; makes folder and file if they are not there.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| io_error(folder, &error))?;
        }
        if is_missing(path) {
            create(path)?;
        }
        let database = builder().create(path).map_err(|error| file_error(path, error))?;
        Self::new(database, path)
    }

    /// Takes a database; makes the tables if they are not there, and writes nothing if they are: a full
    /// disk must not keep anybody from reading.
    pub(super) fn new(database: Database, path: &Path) -> Result<Self, StoreError> {
        let is_made = has_tables(&database).map_err(|error| file_error(path, error))?;
        let tables = Self(database);
        if !is_made {
            tables.make().map_err(|error| file_error(path, error))?;
        }
        Ok(tables)
    }

    fn make(&self) -> Result<(), Error> {
        let transaction = self.0.begin_write()?;
        drop(Opened::new(&transaction)?);
        transaction.commit()?;
        Ok(())
    }

    /// Does some work in one transaction. What it wrote is on disk when this returns; after an error it
    /// may be or not, and redb wants the file to be opened anew.
    pub(super) fn transact<T>(
        &self,
        work: impl FnOnce(&mut Opened<'_>) -> Result<T, StorageError>,
    ) -> Result<T, Error> {
        let transaction = self.0.begin_write()?;
        let (done, wrote) = {
            let mut opened = Opened::new(&transaction)?;
            (work(&mut opened)?, opened.wrote)
        };
        // A look-up costs no sync.
        match wrote {
            true => transaction.commit()?,
            false => transaction.abort()?,
        }
        Ok(done)
    }
}

pub(super) fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn is_missing(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(found) => found.len() == 0,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// Makes an empty database under another name first: one that is half made is none, and the next start
/// would take it for a damaged one.
fn create(path: &Path) -> Result<(), StoreError> {
    let draft = path.with_extension("new");
    let made = || {
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(io_error(&draft, &error));
            }
            _ => {}
        }
        let database = builder().create(&draft).map_err(|error| file_error(&draft, error))?;
        Tables::new(database, &draft)?.0.close().map_err(|error| file_error(&draft, error))?;
        fs::rename(&draft, path).map_err(|error| io_error(path, &error))
    };
    made().inspect_err(|_| {
        // It only takes room. The error that counts is the first.
        let _ = fs::remove_file(&draft);
    })
}

fn has_tables(database: &Database) -> Result<bool, Error> {
    let transaction = database.begin_read()?;
    let open = || -> Result<(), TableError> {
        transaction.open_table(VOTES)?;
        transaction.open_table(PROOFS)?;
        transaction.open_table(META)?;
        Ok(())
    };
    match open() {
        Ok(()) => Ok(true),
        Err(TableError::TableDoesNotExist(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The tables within a transaction.
pub(super) struct Opened<'t> {
    votes: Table<'t, (u64, [u8; 32]), &'static [u8]>,
    proofs: Table<'t, [u8; 32], &'static [u8]>,
    meta: Table<'t, &'static str, &'static [u8]>,
    wrote: bool,
    /// Votes that were to be first ones and are not.
    pub(super) conflicts: Vec<Conflict>,
}

impl<'t> Opened<'t> {
    fn new(transaction: &'t WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            votes: transaction.open_table(VOTES)?,
            proofs: transaction.open_table(PROOFS)?,
            meta: transaction.open_table(META)?,
            wrote: false,
            conflicts: Vec::new(),
        })
    }

    pub(super) fn bind(&mut self, expected: H256) -> Result<Result<(), StoreError>, StorageError> {
        let found = self.meta.get(GENESIS)?.map(|value| value.value().to_vec());
        Ok(match found {
            Some(found) if found == expected.as_bytes() => Ok(()),
            Some(found) => match H256::decode_all(&mut found.as_slice()) {
                Ok(found) => Err(StoreError::OtherChain { found, expected }),
                Err(_) => Err(StoreError::Failed("the genesis hash in it is damaged".into())),
            },
            None => {
                self.wrote = true;
                self.meta.insert(GENESIS, expected.as_bytes())?;
                Ok(())
            }
        })
    }

    pub(super) fn remember(
        &mut self,
        votes: &[(AccountId32, SignedVote)],
    ) -> Result<(), StorageError> {
        // In the order of the file, so that pages are changed one after the other. Of two for one slot
        // the first stays the first.
        let mut sorted: Vec<_> = votes.iter().collect();
        sorted.sort_by_key(|(validator, vote)| key(validator, vote.vote.checkpoint));
        sorted.into_iter().try_for_each(|(validator, vote)| self.remember_one(validator, vote))
    }

    /// Looks and writes in one: nearly always there is nothing yet.
    pub(super) fn remember_one(
        &mut self,
        validator: &AccountId32,
        vote: &SignedVote,
    ) -> Result<(), StorageError> {
        self.wrote = true;
        let (key, bytes) = (key(validator, vote.vote.checkpoint), vote.encode());
        let before = self.votes.insert(key, bytes.as_slice())?.map(|old| old.value().to_vec());
        let Some(before) = before.filter(|before| *before != bytes) else { return Ok(()) };
        // A vote that cannot be read is as good as none.
        if let Ok(first) = SignedVote::decode_all(&mut before.as_slice()) {
            self.conflicts.push(Conflict { validator: validator.clone(), first, other: *vote });
            self.votes.insert(key, before.as_slice())?;
            tracing::warn!(
                %validator, checkpoint = vote.vote.checkpoint,
                "the store has another first vote and keeps it"
            );
        }
        Ok(())
    }

    pub(super) fn replace(
        &mut self,
        validator: &AccountId32,
        by: &SignedVote,
    ) -> Result<(), StorageError> {
        self.wrote = true;
        let key = key(validator, by.vote.checkpoint);
        self.votes.insert(key, by.encode().as_slice()).map(drop)
    }

    pub(super) fn first(
        &self,
        validator: &AccountId32,
        checkpoint: CheckpointNumber,
    ) -> Result<Option<SignedVote>, StorageError> {
        let value = self.votes.get(key(validator, checkpoint))?;
        // A vote that cannot be read is as good as none.
        Ok(value.and_then(|value| SignedVote::decode_all(&mut value.value()).ok()))
    }

    pub(super) fn recent(&self, checkpoints: u64) -> Result<Recent, StorageError> {
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

    pub(super) fn prune(&mut self, below: CheckpointNumber) -> Result<(), StorageError> {
        self.wrote = true;
        self.votes.retain_in(..(below, [0; 32]), |_, _| false)
    }

    pub(super) fn put(&mut self, record: &Record) -> Result<(), StorageError> {
        self.wrote = true;
        self.proofs.insert(record.proof.id().0, record.encode().as_slice()).map(drop)
    }

    pub(super) fn remove(&mut self, id: H256) -> Result<(), StorageError> {
        self.wrote = true;
        self.proofs.remove(id.0).map(drop)
    }

    /// Counts everything, and what cannot be read.
    pub(super) fn contents(
        &self,
        mut so_far: impl FnMut(u64, u64),
    ) -> Result<Contents, StorageError> {
        let mut found = Contents::default();
        let total = self.votes.len()?;
        for (done, entry) in (0..).zip(self.votes.iter()?) {
            if done % TOLD_EVERY == 0 {
                so_far(done, total);
            }
            let (key, value) = entry?;
            let (checkpoint, _) = key.value();
            match SignedVote::decode_all(&mut value.value()) {
                Ok(_) => {
                    let first = found.checkpoints.map_or(checkpoint, |(first, _)| first);
                    found.checkpoints = Some((first, checkpoint));
                    found.votes += 1;
                }
                Err(_) => found.unreadable += 1,
            }
        }
        for entry in self.proofs.iter()? {
            match Record::decode_all(&mut entry?.1.value()) {
                Ok(_) => found.proofs += 1,
                Err(_) => found.unreadable += 1,
            }
        }
        Ok(found)
    }

    pub(super) fn records(&self) -> Result<Vec<Record>, StorageError> {
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

fn key(validator: &AccountId32, checkpoint: CheckpointNumber) -> (u64, [u8; 32]) {
    (checkpoint, *validator.as_ref())
}
