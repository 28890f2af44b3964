//! Refreshes this director's record on chain, so that it does not show as stale.

use super::Stopper;
use crate::chain::Chain;
use director_primitives::{AccountId32, Snapshot};
use std::sync::Arc;
use tracing::{debug, warn};

/// Blocks between two attempts.
const RETRY_BLOCKS: u64 = 20;

/// Works until it is stopped or the follower of the chain ends.
pub(super) async fn run(chain: Arc<dyn Chain>, account: AccountId32, stopper: Stopper) {
    let mut finalized = chain.finalized();
    let mut tried_at = None;
    let stopped = stopper.stopped();
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => return,
            changed = finalized.changed() => if changed.is_err() { return },
        }
        let snapshot = finalized.borrow_and_update().clone();
        let Some(snapshot) = snapshot.filter(|snapshot| is_due(snapshot, &account, tried_at))
        else {
            continue;
        };
        tried_at = Some(snapshot.number);
        let done = tokio::select! {
            () = &mut stopped => return,
            done = chain.refresh() => done,
        };
        match done {
            Ok(included) => debug!(block = included.block_number, "refreshed the record on chain"),
            Err(error) => warn!(
                %error,
                "cannot refresh this director's record; it will show as stale. Does the account have \
                 the fee? Trying again in {RETRY_BLOCKS} blocks"
            ),
        }
    }
}

/// Whether half of the time is over after which the record counts as stale.
fn is_due(snapshot: &Snapshot, account: &AccountId32, tried_at: Option<u64>) -> bool {
    let Some(us) = snapshot.director(account) else { return false };
    let due = us.refreshed_at.saturating_add(snapshot.domain.stale_after / 2);
    let rested = tried_at.is_none_or(|at| snapshot.number.abs_diff(at) >= RETRY_BLOCKS);
    snapshot.number > due && rested
}
