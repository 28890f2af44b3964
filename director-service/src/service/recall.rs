//! Looks up first votes on disk, beside the core.
//!
//! While the disk cannot say whether there is one, the answer is that there is none: the vote is passed on
//! and counted as a first one. It is kept here and compared as soon as the disk can say; if another vote
//! is there, the core gets that as a late answer and makes the proof. What waits so is lost with the round; but the vote
//! was written as a first one, too, and where the store finds that it is none it says so: the core hears of that as well, from
//! `store::Conflicts`.

use super::ServiceError;
use crate::{
    director::ValidatorVote,
    store::{Health, History, Recent, StoreError},
};
use std::{collections::VecDeque, future::ready, time::Duration};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

/// Votes that wait for the disk to come back; beyond that the oldest is not compared any more.
pub(super) const MAX_UNCOMPARED: usize = 65_536;

/// Longest wait for a look-up, and time between two looks at a disk that hangs.
const PATIENCE: Duration = Duration::from_secs(3);

/// A vote that was asked about, and the first one on disk.
pub(super) type Answer = (ValidatorVote, Option<ValidatorVote>);

/// Answers in the order in which it is asked, until nobody asks any more.
///
/// # Errors
///
/// If the store has ended.
pub(super) async fn run(
    history: History,
    health: Health,
    mut requests: mpsc::Receiver<ValidatorVote>,
    answers: mpsc::Sender<Answer>,
) -> Result<(), ServiceError> {
    let mut trouble = health.subscribe();
    let mut uncompared = VecDeque::new();
    loop {
        let waits = !uncompared.is_empty();
        let is_well = trouble.borrow_and_update().is_none() && health.hangs_for().is_none();
        let answer = tokio::select! {
            request = requests.recv() => {
                let Some(vote) = request else { return Ok(()) };
                let first = look_up(&history, &health, &vote).await?;
                if first.is_none() {
                    if uncompared.len() == MAX_UNCOMPARED {
                        uncompared.pop_front();
                    }
                    uncompared.push_back(vote.clone());
                }
                (vote, first.flatten())
            }
            () = ready(()), if waits && is_well => {
                let Some(vote) = uncompared.pop_front() else { continue };
                match look_up(&history, &health, &vote).await? {
                    Some(Some(first)) if first.vote != vote.vote => (vote, Some(first)),
                    Some(_) => continue,
                    None => {
                        uncompared.push_front(vote);
                        continue;
                    }
                }
            }
            _ = trouble.changed(), if waits && !is_well => continue,
            () = sleep(PATIENCE), if waits && !is_well => continue,
        };
        if answers.send(answer).await.is_err() {
            return Ok(());
        }
    }
}

/// The newest votes, for a core that begins; `None` if the disk cannot say, or does not in time: nobody is relayed for meanwhile.
///
/// # Errors
///
/// If the store has ended.
pub(super) async fn recent(
    history: &History,
    health: &Health,
    checkpoints: u64,
) -> Result<Option<Recent>, ServiceError> {
    if health.hangs_for().is_some() {
        return Ok(None);
    }
    match timeout(PATIENCE, history.recent(checkpoints)).await {
        Ok(Err(StoreError::Failed(_))) | Err(_) => Ok(None),
        Ok(recent) => Ok(Some(recent?)),
    }
}

/// The first vote for the same slot, if there is one; `None` if the disk cannot say.
async fn look_up(
    history: &History,
    health: &Health,
    vote: &ValidatorVote,
) -> Result<Option<Option<ValidatorVote>>, ServiceError> {
    let validator = &vote.validator;
    if health.hangs_for().is_some() {
        return Ok(None);
    }
    let found = timeout(PATIENCE, history.first(validator.clone(), vote.vote.vote.checkpoint));
    let Ok(found) = found.await else { return Ok(None) };
    match found {
        Ok(first) => {
            Ok(Some(first.map(|vote| ValidatorVote { validator: validator.clone(), vote })))
        }
        Err(StoreError::Failed(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
