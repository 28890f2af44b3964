//! Brings directors' votes on candidates to the chain, beside the core.

use super::{Stopper, view::View};
use crate::chain::{Chain, ChainError};
use director_primitives::{AccountId32, SignedDirectorVote};
use std::sync::Arc;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tracing::{info, warn};

/// Submissions that may wait.
pub(super) const MAX_WAITING: usize = 256;

/// Submissions that are under way at once.
const MAX_UNDER_WAY: usize = 32;

/// Votes about a candidate that are to get into the chain.
pub(super) struct Submission {
    pub(super) validator: AccountId32,
    pub(super) votes: Vec<SignedDirectorVote<AccountId32>>,
}

/// Works until it is stopped or nobody is left to ask.
pub(super) async fn run(
    chain: Arc<dyn Chain>,
    mut submissions: mpsc::Receiver<Submission>,
    view: Arc<View>,
    stopper: Stopper,
) {
    let room = Arc::new(Semaphore::new(MAX_UNDER_WAY));
    // Ends them when this ends.
    let mut under_way = JoinSet::new();
    let stopped = stopper.stopped();
    tokio::pin!(stopped);
    loop {
        let submission = tokio::select! {
            () = &mut stopped => return,
            Some(_) = under_way.join_next() => continue,
            submission = submissions.recv() => submission,
        };
        let Some(Submission { validator, votes }) = submission else { return };
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let (chain, view) = (chain.clone(), view.clone());
        under_way.spawn(async move {
            let count = votes.len();
            match chain.submit_votes(votes).await {
                Ok(included) => {
                    let block = included.block_number;
                    info!(%validator, votes = count, block, "brought the directors' votes to the chain");
                }
                Err(error) => {
                    view.metrics.submission_failed();
                    say(&validator, &error);
                }
            }
            drop(permit);
        });
    }
}

fn say(validator: &AccountId32, error: &ChainError) {
    match error {
        // Usual when another director was faster.
        ChainError::Refused(why) => info!(%validator, why, "the chain has no use for the votes"),
        error => warn!(%validator, %error, "cannot submit votes; trying again in a few blocks"),
    }
}
