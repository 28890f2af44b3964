//! Keeps what the store's thread has no room for, while the disk hangs: whoever relays messages must not wait for it.
//!
//! In the order in which it came, [`MAX_UNWRITTEN_VOTES`] votes at most; beyond that the oldest are lost, and counted.

use super::{Health, MAX_UNWRITTEN_VOTES, StoreError, thread::Command};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::mpsc::{Sender, error::TrySendError};

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
}

impl Late {
    pub(super) fn new(mailbox: Sender<Command>, health: Health) -> Self {
        Self { mailbox, health, queue: Arc::default() }
    }

    /// Hands a command over after those that wait, or keeps it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub(super) fn send(&self, command: Command) -> Result<(), StoreError> {
        let mut queue = self.queue();
        self.hand_over(&mut queue)?;
        if queue.commands.is_empty() {
            match self.mailbox.try_send(command) {
                Ok(()) => Ok(()),
                Err(TrySendError::Full(command)) => {
                    self.keep(&mut queue, command);
                    Ok(())
                }
                Err(TrySendError::Closed(_)) => Err(StoreError::Closed),
            }
        } else {
            self.keep(&mut queue, command);
            Ok(())
        }
    }

    /// Hands over what waits, as far as there is room.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub(super) fn retry(&self) -> Result<(), StoreError> {
        self.hand_over(&mut self.queue())
    }

    /// Waits until everything is handed over.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] alone.
    pub(super) async fn settle(&self) -> Result<(), StoreError> {
        while !self.queue().commands.is_empty() {
            let place = self.mailbox.reserve().await.map_err(|_| StoreError::Closed)?;
            if let Some(command) = self.queue().pop() {
                place.send(command);
            }
        }
        Ok(())
    }

    fn hand_over(&self, queue: &mut Queue) -> Result<(), StoreError> {
        while !queue.commands.is_empty() {
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
        queue.votes += votes(&command);
        queue.commands.push_back(command);
        while queue.votes > MAX_UNWRITTEN_VOTES {
            let Some(oldest) = queue.pop() else { break };
            for _ in 0..votes(&oldest) {
                self.health.lost_vote();
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn pop(&mut self) -> Option<Command> {
        let command = self.commands.pop_front()?;
        self.votes -= votes(&command);
        Some(command)
    }
}

/// What a command counts for.
fn votes(command: &Command) -> usize {
    match command {
        Command::Remember(votes) => votes.len(),
        _ => 1,
    }
}
