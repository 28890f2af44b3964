//! The one thread that reads and writes the file, and goes on in memory when that fails.
//!
//! ```text
//!             ┌── write failed: drop the file, keep what it did not take ──┐
//!   ┌─────────┴──┐                                                  ┌──────▼─────┐
//!   │ file alone │                                                  │   memory   │
//!   └─────────▲──┘                                                  └──────┬─────┘
//!             └── after 1 to 30 s: open, check the chain, write it all ────┘
//! ```
//!
//! redb refuses everything after one error of the disk until its file is opened anew; hence a batch that
//! failed is carried out in memory from its beginning, and answers are given only then. The file is
//! opened on a thread of its own: after an error redb may have to read all of it, and nobody waits here.

pub(super) use super::command::Command;

use super::{
    Conflicts, Health, StoreError,
    command::{Answer, Reply},
    overlay::Overlay,
    tables::Tables,
};
use crate::failpoint::{self, Failpoint};
use director_primitives::H256;
use std::{sync::Arc, time::Duration};
use tokio::{
    runtime::Runtime,
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

/// Most commands in one transaction.
pub const MAX_BATCH: usize = 256;

/// Waits between two attempts to use a file again that could not be: first and longest.
pub(super) const RETRY_DELAY: (Duration, Duration) =
    (Duration::from_secs(1), Duration::from_secs(30));

/// Opens the file, whenever it has to be.
pub(super) type Opener = Arc<dyn Fn() -> Result<Tables, StoreError> + Send + Sync>;

/// What the thread has.
pub(super) struct Worker {
    open: Opener,
    /// `None` while it cannot be used.
    file: Option<Tables>,
    /// An attempt to open it that is under way.
    opening: Option<oneshot::Receiver<Result<Tables, StoreError>>>,
    /// What the file did not take; empty while it can be used.
    overlay: Overlay,
    /// Who waits until that is written, at the next attempt.
    flushes: Vec<Reply<()>>,
    health: Health,
    conflicts: Conflicts,
    /// The chain that the store belongs to, once that is known.
    genesis_hash: Option<H256>,
    /// First and longest wait, and the next one.
    delays: (Duration, Duration),
    delay: Duration,
    retry_at: Instant,
}

/// What happens next.
enum Next {
    /// There are commands; none if nobody is left to send any.
    Commands,
    /// An attempt to open the file has come to its end.
    Opened(Result<Tables, StoreError>),
    /// It is time for an attempt.
    Due,
}

impl Worker {
    /// Opens the file, or begins without it if the disk does not let it.
    ///
    /// # Errors
    ///
    /// If it is anything else that is wrong with it.
    pub(super) fn start(
        open: Opener,
        health: Health,
        conflicts: Conflicts,
        delays: (Duration, Duration),
    ) -> Result<Self, StoreError> {
        let file = open();
        let mut worker = Self {
            open,
            file: None,
            opening: None,
            overlay: Overlay::default(),
            flushes: Vec::new(),
            health,
            conflicts,
            genesis_hash: None,
            delays,
            delay: delays.0,
            retry_at: Instant::now(),
        };
        match file {
            Ok(file) => worker.file = Some(file),
            Err(error) if error.is_of_the_disk() => worker.fail(&error.cause()),
            Err(error) => return Err(error),
        }
        Ok(worker)
    }

    /// Works until everybody is gone, or somebody says so.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>, clock: &Runtime) {
        let mut batch = Vec::new();
        loop {
            match clock.block_on(self.next(&mut commands, &mut batch)) {
                Next::Opened(file) => self.opened(file),
                Next::Due => self.begin_to_open(),
                Next::Commands if batch.is_empty() => break,
                Next::Commands => {
                    let end = batch.iter().position(|of| matches!(of, Command::Close));
                    batch.truncate(end.unwrap_or(batch.len()));
                    self.carry_out(std::mem::take(&mut batch));
                    if end.is_some() {
                        break;
                    }
                }
            }
        }
        self.end(clock);
    }

    async fn next(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        batch: &mut Vec<Command>,
    ) -> Next {
        let (opening, retry_at) = (&mut self.opening, self.retry_at);
        let is_open = self.file.is_some();
        let attempt = async {
            match opening {
                _ if is_open => std::future::pending().await,
                Some(opening) => Next::Opened(opening.await.unwrap_or_else(|_| Err(panicked()))),
                None => {
                    sleep_until(retry_at).await;
                    Next::Due
                }
            }
        };
        tokio::select! {
            // Whoever sends without a pause must not keep the file from coming back.
            biased;
            next = attempt => next,
            _ = commands.recv_many(batch, MAX_BATCH) => Next::Commands,
        }
    }

    fn carry_out(&mut self, batch: Vec<Command>) {
        let votes = batch.iter().map(Command::votes).sum();
        if let Err(batch) = self.write(batch) {
            for command in batch {
                self.keep(command);
            }
            self.health.set_unwritten(self.overlay.len());
        }
        self.health.end(votes);
    }

    /// Everything in one transaction, in order; on disk when it is answered. Gives it back if there is
    /// no file, or no more.
    fn write(&mut self, batch: Vec<Command>) -> Result<(), Vec<Command>> {
        let Some(file) = &self.file else { return Err(batch) };
        let busy = self.health.busy();
        let done = file.transact(|file| {
            let answers = batch.iter().map(|command| command.carry_out(file));
            let answers = answers.collect::<Result<Vec<_>, _>>()?;
            Ok((answers, std::mem::take(&mut file.conflicts)))
        });
        drop(busy);
        match done {
            Ok((answers, conflicts)) => {
                self.conflicts.add(conflicts);
                if batch.iter().any(|of| matches!(of, Command::Put { .. })) {
                    failpoint::hit(Failpoint::Committed);
                }
                for (command, answer) in batch.into_iter().zip(answers) {
                    if let (Command::Bind { genesis_hash, .. }, Ok(_)) = (&command, &answer) {
                        self.genesis_hash = Some(*genesis_hash);
                    }
                    command.answer(answer);
                }
                Ok(())
            }
            Err(error) => {
                self.fail(&error.to_string());
                Err(batch)
            }
        }
    }

    /// Carries a command out in memory.
    fn keep(&mut self, command: Command) {
        let (overlay, health) = (&mut self.overlay, &self.health);
        let answer = match &command {
            Command::Bind { genesis_hash, .. } => match self.genesis_hash {
                Some(found) if found != *genesis_hash => {
                    Err(StoreError::OtherChain { found, expected: *genesis_hash })
                }
                _ => {
                    // Compared with the file as soon as that can be opened.
                    self.genesis_hash = Some(*genesis_hash);
                    Ok(Answer::Done)
                }
            },
            Command::Remember(votes) => {
                self.conflicts.add(overlay.remember(votes, health));
                Ok(Answer::Done)
            }
            Command::Replace { validator, by } => {
                overlay.replace(validator, by, health);
                Ok(Answer::Done)
            }
            Command::Prune { below } => {
                overlay.prune(*below);
                Ok(Answer::Done)
            }
            Command::First { validator, checkpoint, .. } => {
                match overlay.first(validator, *checkpoint) {
                    Some(first) => Ok(Answer::First(Some(first))),
                    None => Err(health.unusable()),
                }
            }
            // These are kept, but not safe, and that is what was asked for.
            Command::Put { record, .. } => {
                overlay.put(record);
                Err(health.unusable())
            }
            Command::Remove { id, .. } => {
                overlay.remove(*id);
                Err(health.unusable())
            }
            Command::Recent { .. } | Command::Records { .. } => Err(health.unusable()),
            Command::Close | Command::Flush { .. } => Ok(Answer::Done),
        };
        match command {
            // Somebody waits for the disk: no reason to wait any longer.
            Command::Flush { reply } => {
                self.flushes.push(reply);
                self.begin_to_open();
            }
            command => command.answer(answer),
        }
    }

    /// From now on the file cannot be used, or still not.
    fn fail(&mut self, cause: &str) {
        // Closed here: its lock would be in the way of the next attempt.
        self.file = None;
        self.health.failed(cause);
        self.retry_at = Instant::now() + self.delay;
        self.delay = (self.delay * 2).min(self.delays.1);
    }

    fn begin_to_open(&mut self) {
        if self.opening.is_some() {
            return;
        }
        let (done, opening) = oneshot::channel();
        let open = self.open.clone();
        let thread = std::thread::Builder::new().name("store-open".into()).spawn(move || {
            // A file that nobody waits for any more is closed again.
            let _ = done.send(open());
        });
        match thread {
            Ok(_) => self.opening = Some(opening),
            Err(error) => self.fail(&error.to_string()),
        }
    }

    /// An attempt has come to its end: first of all what waits is written.
    fn opened(&mut self, file: Result<Tables, StoreError>) {
        self.opening = None;
        let written = file.and_then(|file| {
            let _busy = self.health.busy();
            let written = file.transact(|file| {
                let bound = self.genesis_hash.map_or(Ok(Ok(())), |genesis| file.bind(genesis))?;
                if bound.is_ok() {
                    self.overlay.write(file)?;
                }
                Ok((bound, std::mem::take(&mut file.conflicts)))
            });
            let (bound, conflicts) =
                written.map_err(|error| StoreError::Failed(error.to_string()))?;
            self.conflicts.add(conflicts);
            bound.map(|()| file)
        });
        match written {
            Ok(file) => {
                self.file = Some(file);
                self.overlay = Overlay::default();
                self.delay = self.delays.0;
                self.health.set_unwritten(0);
                self.health.recovered();
            }
            Err(error) => self.fail(&error.cause()),
        }
        for reply in self.flushes.drain(..) {
            let is_safe = self.file.as_ref().map(drop).ok_or_else(|| self.health.unusable());
            // Who does not wait any more does not get it.
            let _ = reply.send(is_safe);
        }
    }

    /// One last attempt, if something is in memory alone.
    fn end(mut self, clock: &Runtime) {
        if self.file.is_none() {
            self.begin_to_open();
            if let Some(opening) = self.opening.take() {
                self.opened(clock.block_on(opening).unwrap_or_else(|_| Err(panicked())));
            }
        }
        if self.overlay.len() > 0 {
            let votes = self.overlay.len();
            tracing::error!(votes, "the store ends, and its file does not take what is in memory");
        }
    }
}

fn panicked() -> StoreError {
    StoreError::Failed("it cannot be opened, the log above says why".into())
}
