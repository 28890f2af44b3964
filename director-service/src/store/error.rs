//! Says why the store cannot be used, with the remedy.

use director_primitives::H256;
use redb::Error;
use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// What a broken disk answers; Rust has no kind for it.
const EIO: i32 = 5;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error(
        "{} is in use by another process: stop the other director, or give this one a data_dir of \
         its own (two directors on one history would each miss what the other saw)",
        .0.display()
    )]
    Locked(PathBuf),
    /// There is none, and none is made.
    #[error(
        "there is no store {}: a director makes it when it runs for the first time; check that data_dir is the one that it \
         runs with",
        .0.display()
    )]
    Missing(PathBuf),
    /// The operating system refuses.
    #[error(
        "no permission to read and write {}: make the user that runs the director its owner",
        .0.display()
    )]
    Permission(PathBuf),
    /// It is no store, or damaged.
    #[error(
        "{} is damaged or no director's store ({cause}): restore it from a backup, or move it away \
         to start with an empty history (double signs whose first vote was in it go unnoticed)",
        .path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What redb says.
        cause: String,
    },
    /// It was made by another version.
    #[error(
        "{} has the format {found}, which this director does not read: run the version that made \
         it, or move it away",
        .path.display()
    )]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u8,
    },
    /// It belongs to another chain.
    #[error(
        "the store holds the history of the chain {found:?}, the node serves {expected:?}: give \
         this director a data_dir of its own, or correct chain.url"
    )]
    OtherChain {
        /// Whose history it holds.
        found: H256,
        /// Whose it should.
        expected: H256,
    },
    /// The disk is full, broken or read-only.
    #[error(
        "the disk does not take {} ({cause}): make room on it, raise the limit, mount it for writing, or replace it",
        .path.display()
    )]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        cause: String,
    },
    /// Anything else with files.
    #[error(
        "cannot use {}: {cause}; set data_dir to a folder on a healthy disk that the user who runs \
         the director may write",
        .path.display()
    )]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        cause: String,
    },
    /// The file cannot be read or written now. Votes and proofs are kept in memory and written when it
    /// can; what was to be read is not known.
    #[error("the store cannot use its file ({0}); it tries again by itself, see to the disk")]
    Failed(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether it is the disk, which somebody may put right while the director runs. With everything
    /// else a director must not start.
    pub(super) const fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::Disk { .. })
    }

    /// What is behind it, for a sentence that says already that the store fails.
    pub(super) fn cause(self) -> String {
        match self {
            Self::Failed(cause) => cause,
            error => error.to_string(),
        }
    }
}

/// Names what the operating system says about a path.
pub(super) fn io_error(path: &Path, error: &io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::PermissionDenied => StoreError::Permission(path.into()),
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
            StoreError::Corrupt { path: path.into(), cause: error.to_string() }
        }
        ErrorKind::StorageFull
        | ErrorKind::QuotaExceeded
        | ErrorKind::FileTooLarge
        | ErrorKind::StaleNetworkFileHandle
        // What Linux makes of a file system in which it found an error.
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::TimedOut => StoreError::Disk { path: path.into(), cause: error.to_string() },
        _ if error.raw_os_error() == Some(EIO) => {
            StoreError::Disk { path: path.into(), cause: error.to_string() }
        }
        _ => StoreError::Io { path: path.into(), cause: error.to_string() },
    }
}

/// Names what redb says about the file.
pub(super) fn file_error(path: &Path, error: impl Into<Error>) -> StoreError {
    match error.into() {
        Error::DatabaseAlreadyOpen | Error::LockProtocolMismatch => StoreError::Locked(path.into()),
        Error::UpgradeRequired(found) => StoreError::OtherFormat { path: path.into(), found },
        Error::Io(error) => io_error(path, &error),
        // It follows an error that was told when it happened.
        error @ Error::PreviousIo => {
            StoreError::Disk { path: path.into(), cause: error.to_string() }
        }
        other => StoreError::Corrupt { path: path.into(), cause: other.to_string() },
    }
}
