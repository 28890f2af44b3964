//! Brings directors' votes on candidates to the chain, beside the core.
//!
//! The core asks again while it does not see an effect; an extrinsic that is under way is then waited for, so that
//! the same votes are not paid for twice.

use super::{Stopper, beside, view::View};
use crate::chain::{Chain, ChainError};
use director_primitives::{AccountId32, Decision, RegistrationId, SignedDirectorVote};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

/// Submissions that may wait.
pub(super) const MAX_WAITING: usize = 256;

/// Submissions that are under way at once.
const MAX_UNDER_WAY: usize = 32;

/// Votes about a candidate that are to get into the chain.
pub(super) struct Submission {
    pub(super) validator: AccountId32,
    pub(super) votes: Vec<SignedDirectorVote<AccountId32>>,
}

/// What votes are about: a validator's registration, and whether they are for it.
type Subject = (AccountId32, RegistrationId, bool);

impl Submission {
    fn subject(&self) -> Option<Subject> {
        let vote = &self.votes.first()?.vote;
        let approves = matches!(vote.decision, Decision::Approve);
        Some((self.validator.clone(), vote.registration_id, approves))
    }
}

/// A subject whose votes are under way, until this is dropped.
struct UnderWay(Subject, Arc<Mutex<BTreeSet<Subject>>>);

impl UnderWay {
    /// `None` if they are already.
    fn begin(subject: Subject, all: &Arc<Mutex<BTreeSet<Subject>>>) -> Option<Self> {
        let is_new = lock(all).insert(subject.clone());
        is_new.then(|| Self(subject, all.clone()))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        lock(&self.1).remove(&self.0);
    }
}

fn lock(all: &Mutex<BTreeSet<Subject>>) -> std::sync::MutexGuard<'_, BTreeSet<Subject>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Works until it is stopped or nobody is left to ask.
pub(super) async fn run(
    chain: Arc<dyn Chain>,
    submissions: mpsc::Receiver<Submission>,
    view: Arc<View>,
    stopper: Stopper,
) {
    let all = Arc::default();
    beside::run(submissions, MAX_UNDER_WAY, stopper, |submission| {
        let under_way = submission.subject().and_then(|subject| UnderWay::begin(subject, &all));
        let Submission { validator, votes } = submission;
        let (chain, view) = (chain.clone(), view.clone());
        async move {
            let Some(_under_way) = under_way else {
                debug!(%validator, "the votes are under way already");
                return;
            };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_is_not_begun_again_before_it_has_ended() {
        let subject = |approves| (AccountId32::new([7; 32]), 3, approves);
        let all = Arc::default();
        let first = UnderWay::begin(subject(true), &all).expect("it is the first");
        assert!(UnderWay::begin(subject(true), &all).is_none());
        // To revoke is something else than to approve.
        assert!(UnderWay::begin(subject(false), &all).is_some());
        drop(first);
        assert!(UnderWay::begin(subject(true), &all).is_some());
    }
}
