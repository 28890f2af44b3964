//! Looks after the file while no director has it open: `director store`.

use super::{
    FILE_NAME, Record, StoreError,
    error::file_error,
    tables::{Tables, builder},
};
use redb::{Database, DatabaseError, Error, StorageError};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// What is in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Votes that can be read.
    pub votes: u64,
    /// Their lowest and their highest checkpoint.
    pub checkpoints: Option<(u64, u64)>,
    /// Proofs that can be read.
    pub proofs: u64,
    /// What is there and cannot be read.
    pub unreadable: u64,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub file_bytes: u64,
    /// Whether every page was as it should be. If not, it has been put right.
    pub is_sound: bool,
    /// What is in it.
    pub contents: Contents,
}

/// Reads all of the file in `folder`, compares its checksums, and puts right what can be. Once that is done, votes are read, and
/// `so_far` is told of how many, of how many.
///
/// # Errors
///
/// If there is none, a director has it open, or it cannot be put right.
pub fn check(folder: &Path, so_far: impl FnMut(u64, u64)) -> Result<Report, StoreError> {
    let (path, mut database) = open(folder)?;
    let named = |error| file_error(&path, error);
    let is_sound = database.check_integrity().map_err(|error| named(error.into()))?;
    let tables = Tables::new(database, &path)?;
    let contents = tables.transact(|file| file.contents(so_far)).map_err(named)?;
    let file_bytes = len(&path)?;
    Ok(Report { path, file_bytes, is_sound, contents })
}

/// Gives room in the file in `folder` that nothing is in back to the system; its length before and after.
///
/// # Errors
///
/// If there is none, a director has it open, or the disk fails.
pub fn compact(folder: &Path) -> Result<(u64, u64), StoreError> {
    let (path, mut database) = open(folder)?;
    let before = len(&path)?;
    database.compact().map_err(|error| file_error(&path, error))?;
    database.close().map_err(|error| file_error(&path, error))?;
    Ok((before, len(&path)?))
}

/// The proofs in the file in `folder`, in ascending order of ids. Those that cannot be read are left out, and logged.
///
/// # Errors
///
/// If there is no file, a director has it open, or the disk fails.
pub fn proofs(folder: &Path) -> Result<Vec<Record>, StoreError> {
    let (path, database) = open(folder)?;
    let tables = Tables::new(database, &path)?;
    tables.transact(|file| file.records()).map_err(|error| file_error(&path, error))
}

/// Whether the file in `folder` is there for whoever asks, before a long work on it is announced.
///
/// # Errors
///
/// If there is none, a director has it open, or it is damaged.
pub fn can_open(folder: &Path) -> Result<(), StoreError> {
    open(folder).map(drop)
}

fn open(folder: &Path) -> Result<(PathBuf, Database), StoreError> {
    let path = folder.join(FILE_NAME);
    match builder().open(&path) {
        Ok(database) => Ok((path, database)),
        Err(DatabaseError::Storage(StorageError::Io(error)))
            if error.kind() == ErrorKind::NotFound =>
        {
            Err(StoreError::Missing(path))
        }
        Err(error) => Err(file_error(&path, error)),
    }
}

fn len(path: &Path) -> Result<u64, StoreError> {
    let found = std::fs::metadata(path).map_err(|error| file_error(path, Error::Io(error)))?;
    Ok(found.len())
}
