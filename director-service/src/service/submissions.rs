//! Brings directors' votes on candidates to the chain, beside the core.

use super::{Stopper, beside, view::View};
use crate::chain::{Chain, ChainError};
use director_primitives::{AccountId32, SignedDirectorVote};
use std::sync::Arc;
use tokio::sync::mpsc;
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
    submissions: mpsc::Receiver<Submission>,
    view: Arc<View>,
    stopper: Stopper,
) {
    beside::run(submissions, MAX_UNDER_WAY, stopper, |submission| {
        let Submission { validator, votes } = submission;
        let (chain, view) = (chain.clone(), view.clone());
        async move {
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
        }
    })
    .await;
}

fn say(validator: &AccountId32, error: &ChainError) {
    match error {
        // Usual when another director was faster.
        ChainError::Refused(why) => info!(%validator, why, "the chain has no use for the votes"),
        error => warn!(%validator, %error, "cannot submit votes; trying again in a few blocks"),
    }
}
