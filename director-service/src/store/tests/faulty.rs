//! A disk in memory that fails when it is told to, and can be cut off at any moment.

use crate::store::{
    Store,
    error::file_error,
    tables::{Tables, builder},
    thread::Opener,
};
use rand::Rng;
use redb::StorageBackend;
use std::{
    io::{self, ErrorKind},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

/// Longer than any test: attempts are made when a test flushes.
const NEVER: Duration = Duration::from_secs(3_600);

/// The disk. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>, Arc<Condvar>);

#[derive(Debug, Default)]
struct State {
    /// What a read sees.
    seen: Vec<u8>,
    /// What a power cut leaves in any case.
    safe: Vec<u8>,
    /// What was done since the last sync.
    pending: Vec<Change>,
    /// Operations that succeed before all fail; `None`: all succeed.
    left: Option<u64>,
    /// Whether the first write that fails does half of its work.
    halves: bool,
    /// Whether a sync waits until this is over.
    hangs: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Resize(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                // A write behind the end makes a file longer; a resize may have been lost.
                let end = at + bytes.len();
                to.resize(to.len().max(end), 0);
                to[*at..end].copy_from_slice(bytes);
            }
            Self::Resize(len) => to.resize(*len, 0),
        }
    }
}

impl State {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.pending.push(change);
    }

    /// Counts an operation; the error if it is one that fails.
    fn count(&mut self) -> io::Result<()> {
        match &mut self.left {
            Some(0) => Err(ErrorKind::StorageFull.into()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// From now on so many operations succeed, and then none.
    pub(crate) fn fail_after(&self, operations: u64, halves: bool) {
        let mut state = self.state();
        (state.left, state.halves) = (Some(operations), halves);
    }

    /// From now on everything succeeds. Whether nothing had failed.
    pub(crate) fn heal(&self) -> bool {
        self.state().left.take() != Some(0)
    }

    /// From now on syncs do not end, or do again.
    pub(crate) fn hang(&self, hangs: bool) {
        self.state().hangs = hangs;
        self.1.notify_all();
    }

    /// What is left if the power is cut now: all that was synced, and any part of the rest.
    pub(crate) fn cut(&self, rng: &mut impl Rng) -> Self {
        let state = self.state();
        let mut left = state.safe.clone();
        for change in &state.pending {
            match (rng.random_range(0..3), change) {
                (0, _) => {}
                (1, Change::Write(at, bytes)) => {
                    let torn = bytes[..rng.random_range(0..=bytes.len())].to_vec();
                    Change::Write(*at, torn).apply(&mut left);
                }
                _ => change.apply(&mut left),
            }
        }
        let state = State { seen: left.clone(), safe: left, ..State::default() };
        Self(Arc::new(Mutex::new(state)), Arc::default())
    }

    /// Opens the file on it.
    pub(in crate::store) fn opener(&self) -> Opener {
        let disk = self.clone();
        Arc::new(move || {
            let path = Path::new("disk");
            let database = builder().create_with_backend(disk.clone());
            Tables::new(database.map_err(|error| file_error(path, error))?, path)
        })
    }

    /// Opens a store on it.
    pub(crate) fn store(&self) -> Store {
        Store::start(Path::new("disk"), self.opener(), (NEVER, NEVER)).unwrap()
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let from = offset as usize;
        let found = state.seen.get(from..from + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.count()?;
        state.change(Change::Resize(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.1.wait_while(self.state(), |state| state.hangs).unwrap();
        state.count()?;
        let pending = std::mem::take(&mut state.pending);
        pending.iter().for_each(|change| change.apply(&mut state.safe));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let done = state.count();
        let bytes = match done {
            Ok(()) => data,
            Err(_) if std::mem::take(&mut state.halves) => &data[..data.len() / 2],
            Err(error) => return Err(error),
        };
        state.change(Change::Write(offset as usize, bytes.to_vec()));
        done
    }
}
