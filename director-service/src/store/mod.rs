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
//! The mailbox holds [`MAILBOX`] commands; when it is full, votes and proofs wait in memory, as many as while the file fails, and whoever asks
//! for something waits. Memory for the file's pages is [`CACHE_BYTES`].
//!
//! # When the disk is full or broken
//!
//! The store goes on: what the file does not take is kept in memory, [`MAX_UNWRITTEN_VOTES`] votes and
//! all proofs, and written when the file can be used again, which is tried every 1 to 30 s. Meanwhile a
//! look-up finds what is in memory, or says [`StoreError::Failed`], and never that there is nothing.
//! [`Store::health`] tells of it, and of a disk that hangs, which is neither: it takes nothing and refuses nothing. Nobody who relays
//! waits for such a disk. For one that works, but slower than votes come, who hands them over waits once half of what may wait
//! does, a second at most each time (`late`): votes are lost only if that does not help. A store can be opened in that state too; what is damaged, locked or
//! another chain's is refused then, and later left alone with the same alarm.

mod command;
mod conflicts;
mod error;
mod health;
mod history;
mod late;
mod outbox;
mod overlay;
mod tables;
mod thread;
mod upkeep;

#[cfg(test)]
pub(crate) mod memory;
#[cfg(test)]
pub(crate) mod tests;

pub use conflicts::{Conflict, Conflicts, MAX_CONFLICTS};
pub use error::StoreError;
pub use health::Health;
pub use history::{History, Recent};
pub use outbox::{Outbox, Record, State, Written};
pub use overlay::MAX_UNWRITTEN_VOTES;
pub use thread::MAX_BATCH;
pub use upkeep::{Contents, Report, can_open, check, compact, proofs};

use director_primitives::H256;
use error::io_error;
use late::Late;
use std::{path::Path, sync::Arc, time::Duration};
use tables::Tables;
use thread::{Command, Opener, RETRY_DELAY, Worker};
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
};

/// Commands that may wait.
pub const MAILBOX: usize = 1_024;

/// Memory for pages of the file; redb's default would be a gigabyte.
pub const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Name of the file in the data folder.
pub const FILE_NAME: &str = "director.redb";

/// The open store. Its thread ends when this and all handles are gone.
#[derive(Debug)]
pub struct Store {
    mailbox: mpsc::Sender<Command>,
    late: Late,
    health: Health,
    conflicts: Conflicts,
    thread: std::thread::JoinHandle<()>,
}

impl Store {
    /// Opens the store in `folder`; makes folder and file if they are not there. If the disk is full or
    /// broken it begins in memory.
    ///
    /// # Errors
    ///
    /// Says cause and remedy; see [`StoreError`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(FILE_NAME);
        let open = {
            let path = path.clone();
            Arc::new(move || Tables::open(&path))
        };
        Self::start(&path, open, RETRY_DELAY)
    }

    fn start(path: &Path, open: Opener, delays: (Duration, Duration)) -> Result<Self, StoreError> {
        let health = Health::new();
        let conflicts = Conflicts::default();
        let worker = Worker::start(open, health.clone(), conflicts.clone(), delays)?;
        let thread = |error| io_error(path, &error);
        // For the time between two attempts.
        let clock = runtime::Builder::new_current_thread().enable_time().build().map_err(thread)?;
        let (mailbox, commands) = mpsc::channel(MAILBOX);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || worker.run(commands, &clock))
            .map_err(thread)?;
        let late = Late::new(mailbox.clone(), health.clone());
        Ok(Self { mailbox, late, health, conflicts, thread })
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
        History { mailbox: self.mailbox.clone(), late: self.late.clone() }
    }

    /// The proofs.
    pub fn outbox(&self) -> Outbox {
        Outbox { mailbox: self.mailbox.clone(), late: self.late.clone() }
    }

    /// First votes that turn out to be none.
    pub fn conflicts(&self) -> Conflicts {
        self.conflicts.clone()
    }

    /// How it is doing.
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Writes what is waiting and closes the file; afterwards handles get [`StoreError::Closed`].
    pub async fn close(self) {
        // The thread may be gone already; then there is nothing to wait for.
        let _ = self.late.settle().await;
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
