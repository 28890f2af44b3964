//! Has stake proofs checked beside the core.

use super::{Stopper, beside};
use crate::chain::Chain;
use director_primitives::{
    AccountId32, Application, ProvenStake, SignedAuthorizationRequest, StakeRefusal,
};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Checks that may wait; more are answered with [`StakeRefusal::Unavailable`].
pub(super) const MAX_WAITING: usize = 1_024;

/// Checks that are under way at once: each may wait for an answer of the node.
const MAX_UNDER_WAY: usize = 8;

/// What became of a check.
pub(super) type Checked =
    (SignedAuthorizationRequest<AccountId32>, Result<ProvenStake, StakeRefusal>);

/// Works until it is stopped or nobody is left to ask. Each request gets one answer.
pub(super) async fn run(
    chain: Arc<dyn Chain>,
    requests: mpsc::Receiver<Application>,
    answers: mpsc::Sender<Checked>,
    stopper: Stopper,
) {
    beside::run(requests, MAX_UNDER_WAY, stopper, |application| {
        let Application { request, stake_proof } = application;
        let (chain, answers) = (chain.clone(), answers.clone());
        async move {
            let result = chain.check_stake(&request.request, &stake_proof).await;
            // The core is gone: nobody needs the answer.
            let _ = answers.send((request, result)).await;
        }
    })
    .await;
}
