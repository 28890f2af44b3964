//! Keeps on disk what must survive a restart: the detector's history and the evidence outbox.
//!
//! One file, `director.redb`, owned by one thread that holds all of redb; everybody else talks to
//! its mailbox through [`History`] and [`Outbox`].
//!
//! # How soon a vote is safe
//!
//! The thread takes whatever is waiting, at most [`MAX_BATCH`] commands, writes it in one
//! transaction and syncs it to disk before it takes more. There is no timer: a vote is on disk after
//! at most the sync that was under way when it came and its own, a few milliseconds each. Within the
//! mailbox order holds, so that a look-up sees every vote that was handed over before it.
//!
//! # Limits
//!
//! The mailbox holds [`MAILBOX`] commands; when it is full, whoever has more waits. Memory for the
//! file's pages is [`CACHE_BYTES`]. A write that fails (disk full) is counted and logged: the
//! detector goes on in memory, and says in [`Store::failures`] that it would not survive a restart.

mod history;
mod outbox;
mod thread;

#[cfg(test)]
pub(crate) mod memory;
#[cfg(test)]
mod tests;

pub use history::{History, Recent};
pub use outbox::{Outbox, Record, State};

use director_primitives::H256;
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use thread::{Command, Tables};
use tokio::sync::{mpsc, oneshot};

/// Commands that may wait.
pub const MAILBOX: usize = 1_024;

/// Most commands in one transaction.
pub const MAX_BATCH: usize = 256;

/// Memory for pages of the file; redb's default would be a gigabyte.
pub const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Name of the file in the data folder.
pub const FILE_NAME: &str = "director.redb";

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
    /// A read or write failed after the store was opened.
    #[error("the store failed: {0}; check the disk (space, errors), then restart the director")]
    Failed(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// Transactions that failed since the store was opened. More than none: the history is not safe.
#[derive(Clone, Debug)]
pub struct Failures(Arc<AtomicU64>);

impl Failures {
    /// How many.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The open store. Its thread ends when this and all handles are gone.
#[derive(Debug)]
pub struct Store {
    mailbox: mpsc::Sender<Command>,
    failures: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Store {
    /// Opens the store in `folder`; makes folder and file if they are not there.
    ///
    /// # Errors
    ///
    /// Says cause and remedy; see [`StoreError`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|error| io_error(folder, &error))?;
        let path = folder.join(FILE_NAME);
        let tables = Tables::open(&path)?;
        let failures = Arc::new(AtomicU64::new(0));
        let (mailbox, commands) = mpsc::channel(MAILBOX);
        let counter = failures.clone();
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || tables.run(commands, &counter))
            .map_err(|error| io_error(&path, &error))?;
        Ok(Self { mailbox, failures, thread })
    }

    /// Binds the store to a chain, or checks that it is bound to this one.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherChain`] if it holds another chain's history.
    pub async fn bind(&self, genesis_hash: H256) -> Result<(), StoreError> {
        ask(&self.mailbox, |reply| Command::Bind { genesis_hash, reply }).await?
    }

    /// The votes.
    pub fn history(&self) -> History {
        History(self.mailbox.clone())
    }

    /// The proofs.
    pub fn outbox(&self) -> Outbox {
        Outbox(self.mailbox.clone())
    }

    /// Where transactions are counted that failed since it was opened.
    pub fn failures(&self) -> Failures {
        Failures(self.failures.clone())
    }

    /// Writes what is waiting and closes the file; afterwards handles get [`StoreError::Closed`].
    pub async fn close(self) {
        // The thread may be gone already; then there is nothing to wait for.
        let _ = self.mailbox.send(Command::Close).await;
        let thread = self.thread;
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    }
}

/// Sends a command and waits for its answer.
async fn ask<T>(
    mailbox: &mpsc::Sender<Command>,
    command: impl FnOnce(oneshot::Sender<T>) -> Command,
) -> Result<T, StoreError> {
    let (reply, answer) = oneshot::channel();
    mailbox.send(command(reply)).await.map_err(|_| StoreError::Closed)?;
    answer.await.map_err(|_| StoreError::Closed)
}

/// Names what the operating system says about a path.
fn io_error(path: &Path, error: &std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            StoreError::Permission(path.into())
        }
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
            StoreError::Corrupt { path: path.into(), cause: error.to_string() }
        }
        _ => StoreError::Io { path: path.into(), cause: error.to_string() },
    }
}
