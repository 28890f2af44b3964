//! Tells how the store is doing, to whoever asks and to whoever waits.

use super::StoreError;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// A transaction that takes longer hangs, as far as anybody is concerned who has no time: they take milliseconds.
const HANGS_AFTER: Duration = Duration::from_secs(2);

/// How the store is doing. Clones tell of the same one.
#[derive(Clone, Debug)]
pub struct Health(Arc<State>);

#[derive(Debug)]
struct State {
    failures: AtomicU64,
    unwritten: AtomicU64,
    /// Votes that were handed over and that the thread is not through with.
    under_way: AtomicU64,
    lost: AtomicU64,
    /// Whether it was said that the disk hangs.
    said: AtomicBool,
    /// Since when the file has been used without a pause.
    busy_since: Mutex<Option<Instant>>,
    trouble: watch::Sender<Option<Arc<str>>>,
}

/// See [`Health::busy`].
pub(super) struct Busy(Health);

impl Drop for Busy {
    fn drop(&mut self) {
        *self.0.0.busy_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if self.0.0.said.swap(false, Relaxed) {
            tracing::warn!("the store's disk answers again");
        }
    }
}

impl Health {
    pub(super) fn new() -> Self {
        Self(Arc::new(State {
            failures: AtomicU64::new(0),
            unwritten: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
            said: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            busy_since: Mutex::new(None),
            trouble: watch::Sender::new(None),
        }))
    }

    /// Why the file cannot be used now; `None` if it can.
    pub fn trouble(&self) -> Option<Arc<str>> {
        if let Some(time) = self.hangs_for() {
            return Some(format!("the disk has not answered for {} s", time.as_secs()).into());
        }
        self.0.trouble.borrow().clone()
    }

    /// For how long the disk has not answered; `None` if it does.
    pub fn hangs_for(&self) -> Option<Duration> {
        let since = *self.0.busy_since.lock().unwrap_or_else(PoisonError::into_inner);
        let time = since.map(|since| since.elapsed()).filter(|time| *time >= HANGS_AFTER)?;
        if !self.0.said.swap(true, Relaxed) {
            tracing::error!(
                "the store's disk does not answer: votes and proofs wait in memory until it does, see to the disk"
            );
        }
        Some(time)
    }

    /// As if the file had been used for so long.
    #[cfg(test)]
    pub(super) fn busy_for(&self, time: Duration) -> Busy {
        let busy = self.busy();
        *self.0.busy_since.lock().unwrap_or_else(PoisonError::into_inner) =
            Instant::now().checked_sub(time);
        busy
    }

    /// The file is used for as long as this lives.
    pub(super) fn busy(&self) -> Busy {
        self.0.said.store(false, Relaxed);
        *self.0.busy_since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Busy(self.clone())
    }

    /// Why the file cannot be used, to wait for changes; that the disk hangs is none.
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.0.trouble.subscribe()
    }

    /// Attempts to write that failed since the store was opened.
    pub fn failures(&self) -> u64 {
        self.0.failures.load(Relaxed)
    }

    /// Votes that are in memory and not in the file yet, but for those that are about to be written by a disk that answers.
    pub fn unwritten_votes(&self) -> u64 {
        let kept = self.0.unwritten.load(Relaxed);
        let hangs = self.hangs_for().is_some();
        kept + if hangs { self.0.under_way.load(Relaxed) } else { 0 }
    }

    /// Votes that there was no room for in memory while the file could not be used.
    pub fn lost_votes(&self) -> u64 {
        self.0.lost.load(Relaxed)
    }

    /// What somebody is told who wants what only the file can give.
    pub(super) fn unusable(&self) -> StoreError {
        StoreError::Failed(self.trouble().as_deref().unwrap_or("it is being opened").to_owned())
    }

    pub(super) fn set_unwritten(&self, votes: usize) {
        self.0.unwritten.store(votes as u64, Relaxed);
    }

    /// Votes are handed over.
    pub(super) fn begin(&self, votes: usize) {
        self.0.under_way.fetch_add(votes as u64, Relaxed);
    }

    /// The thread is through with them, or will not get them.
    pub(super) fn end(&self, votes: usize) {
        self.0.under_way.fetch_sub(votes as u64, Relaxed);
    }

    /// Counts a vote for which there was no room.
    pub(super) fn lost_vote(&self) {
        self.0.lost.fetch_add(1, Relaxed);
    }

    /// An attempt failed. It is said once, however many follow.
    pub(super) fn failed(&self, cause: &str) {
        self.0.failures.fetch_add(1, Relaxed);
        let before = self.0.trouble.send_replace(Some(cause.into()));
        match before {
            Some(_) => tracing::debug!(cause, "the store still cannot use its file"),
            None => tracing::error!(
                "the store cannot use its file: {cause}; double signs are found from memory and \
                 votes kept there until it can, see to the disk"
            ),
        }
    }

    /// Everything is in the file again.
    pub(super) fn recovered(&self) {
        if self.0.trouble.send_replace(None).is_some() {
            let lost = self.lost_votes();
            tracing::warn!(lost, "the store writes its file again; what had waited is in it");
        }
    }
}
