//! Keeps what the store's thread has no room for, while the disk hangs: whoever relays messages must not wait for it.
//!
//! *Votes* in the order in which they came, [`MAX_UNWRITTEN_VOTES`] at most. Beyond that the oldest are lost, and counted; but as long
//! as the disk does something, if slowly, whoever has more votes waits once half of that is reached, so that it takes a disk that hangs.
//! *Proofs* always, and only the last word about each: they are few. Of words that one is to be removed the thread may miss some, if there
//! are very many: then it is found again after a restart, and that is all.

use super::{Health, MAX_UNWRITTEN_VOTES, StoreError, thread::Command};
use director_primitives::H256;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::mpsc::{Sender, error::TrySendError},
    time::timeout,
};

/// Longest wait of who has more votes than half of what may wait, for a disk that does not hang.
const PATIENCE: Duration = Duration::from_secs(1);

/// Commands that are not in the mailbox yet. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Late {
    mailbox: Sender<Command>,
    health: Health,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    commands: VecDeque<Command>,
    votes: usize,
    /// The last word about each proof.
    proofs: BTreeMap<H256, Command>,
}

impl Late {
    pub(super) fn new(mailbox: Sender<Command>, health: Health) -> Self {
        Self { mailbox, health, queue: Arc::default() }
    }

    /// Hands votes over after those that wait, or keeps them; waits a little if very many do and the disk does not hang.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub(super) async fn send_votes(&self, command: Command) -> Result<(), StoreError> {
        let most = MAX_UNWRITTEN_VOTES / 2;
        if self.queue().votes > most && self.health.hangs_for().is_none() {
            let fewer = self.settle_while(|queue| queue.votes > most);
            if let Ok(settled) = timeout(PATIENCE, fewer).await {
                settled?;
            }
        }
        self.send(command)
    }

    /// Hands a command over after those that wait, or keeps it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub(super) fn send(&self, command: Command) -> Result<(), StoreError> {
        self.health.begin(command.votes());
        let mut queue = self.queue();
        self.hand_over(&mut queue)?;
        let command = match queue.is_empty() {
            true => match self.mailbox.try_send(command) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(command)) => command,
                Err(TrySendError::Closed(_)) => return Err(StoreError::Closed),
            },
            false => command,
        };
        match proof(&command) {
            Some(id) => self.keep_proof(&mut queue, id, command),
            None => self.keep(&mut queue, command),
        }
        Ok(())
    }

    /// Hands over what waits, as far as there is room. Says it if the disk hangs.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub(super) fn retry(&self) -> Result<(), StoreError> {
        self.health.hangs_for();
        self.hand_over(&mut self.queue())
    }

    /// Whether something waits.
    pub(super) fn waits(&self) -> bool {
        !self.queue().is_empty()
    }

    /// Waits until everything is handed over.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub(super) async fn settle(&self) -> Result<(), StoreError> {
        self.settle_while(|queue| !queue.is_empty()).await
    }

    /// Hands over as long as this holds. If it is dropped before, nothing is lost.
    async fn settle_while(&self, is_too_much: impl Fn(&Queue) -> bool) -> Result<(), StoreError> {
        while is_too_much(&self.queue()) {
            let place = self.mailbox.reserve().await.map_err(|_| StoreError::Closed)?;
            if let Some(command) = self.queue().pop() {
                place.send(command);
            }
        }
        Ok(())
    }

    fn hand_over(&self, queue: &mut Queue) -> Result<(), StoreError> {
        while !queue.is_empty() {
            match self.mailbox.try_reserve() {
                Ok(place) => {
                    if let Some(command) = queue.pop() {
                        place.send(command);
                    }
                }
                Err(TrySendError::Full(())) => break,
                Err(TrySendError::Closed(())) => return Err(StoreError::Closed),
            }
        }
        Ok(())
    }

    fn keep(&self, queue: &mut Queue, command: Command) {
        queue.votes += weight(&command);
        queue.commands.push_back(command);
        while queue.votes > MAX_UNWRITTEN_VOTES {
            let Some(oldest) = queue.pop_vote() else { break };
            self.health.end(oldest.votes());
            for _ in 0..oldest.votes() {
                self.health.lost_vote();
            }
        }
    }

    fn keep_proof(&self, queue: &mut Queue, id: H256, command: Command) {
        if queue.proofs.len() >= MAX_UNWRITTEN_VOTES {
            queue.proofs.retain(|_, word| matches!(word, Command::Put { .. }));
        }
        if let Some(before) = queue.proofs.insert(id, command) {
            before.answer(Err(self.health.unusable()));
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.proofs.is_empty()
    }

    /// Proofs first: they are few, and what all the rest is for.
    fn pop(&mut self) -> Option<Command> {
        self.proofs.pop_first().map(|(_, command)| command).or_else(|| self.pop_vote())
    }

    fn pop_vote(&mut self) -> Option<Command> {
        let command = self.commands.pop_front()?;
        self.votes -= weight(&command);
        Some(command)
    }
}

/// What a command of the votes takes of the room.
fn weight(command: &Command) -> usize {
    command.votes().max(1)
}

/// The proof that a command is about.
fn proof(command: &Command) -> Option<H256> {
    match command {
        Command::Put { record, .. } => Some(record.proof.id()),
        Command::Remove { id, .. } => Some(*id),
        _ => None,
    }
}
