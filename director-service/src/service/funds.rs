//! Watches what the director's account has, and says so before it is too little.
//!
//! An account that cannot pay a fee cannot report a double sign: that is the day on which nobody looks. Hence
//! an alarm while there is still time, and a word when it is over.

use super::{Stopper, view::View};
use crate::chain::DirectorChain;
use std::sync::Arc;
use tracing::{debug, info, warn};

/// Blocks between two looks.
const LOOK_BLOCKS: u64 = 10;

/// Reports of a double sign that the account should be able to pay for, if the operator has not said how much
/// it should have.
const REPORTS: u128 = 50;

/// What the account has, in the chain's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Funds {
    /// At its disposal.
    pub(super) free: u128,
    /// Less is too little.
    pub(super) wanted: u128,
}

impl Funds {
    pub(super) const fn are_low(&self) -> bool {
        self.free < self.wanted
    }
}

/// Works until it is stopped or the follower of the chain ends.
pub(super) async fn run(
    chain: DirectorChain,
    min_balance: Option<u128>,
    view: Arc<View>,
    stopper: Stopper,
) {
    let mut finalized = chain.node().finalized();
    let mut looked_at = None;
    let mut was_low = false;
    let stopped = stopper.stopped();
    tokio::pin!(stopped);
    loop {
        let number = finalized.borrow_and_update().as_ref().map(|snapshot| snapshot.number);
        if let Some(number) = number.filter(|number| is_due(*number, looked_at)) {
            let found = tokio::select! {
                () = &mut stopped => return,
                found = look(&chain, min_balance) => found,
            };
            if let Some(funds) = found {
                looked_at = Some(number);
                say(&chain, funds, was_low);
                was_low = funds.are_low();
                view.set_funds(funds);
            }
        }
        tokio::select! {
            () = &mut stopped => return,
            changed = finalized.changed() => if changed.is_err() { return },
        }
    }
}

fn is_due(number: u64, looked_at: Option<u64>) -> bool {
    looked_at.is_none_or(|at| number.abs_diff(at) >= LOOK_BLOCKS)
}

/// What the account has, and should have. `None` if the node does not tell: the next block is a chance.
async fn look(chain: &DirectorChain, min_balance: Option<u128>) -> Option<Funds> {
    let funds = match chain.funds().await {
        Ok(funds) => funds,
        Err(error) => {
            debug!(%error, "cannot look what the account has");
            return None;
        }
    };
    let wanted = match min_balance {
        Some(wanted) => wanted,
        // A chain without that question, or one that nothing is submitted to: no fee is known.
        None => {
            let fee = chain.fee_of_report().await.ok().flatten().unwrap_or_default();
            funds.existential_deposit.saturating_add(fee.saturating_mul(REPORTS))
        }
    };
    Some(Funds { free: funds.free, wanted })
}

fn say(chain: &DirectorChain, funds: Funds, was_low: bool) {
    let (account, Funds { free, wanted }) = (chain.account(), funds);
    match (was_low, funds.are_low()) {
        (false, true) => warn!(
            %account, free, wanted,
            "the account has less than it should (chain.min_balance): send it tokens, or it cannot pay for \
             reports and votes"
        ),
        (true, false) => info!(%account, free, wanted, "the account has enough again"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_what_is_wanted_is_enough() {
        let funds = |free| Funds { free, wanted: 100 };
        assert!(funds(99).are_low() && funds(0).are_low());
        assert!(!funds(100).are_low());
    }

    #[test]
    fn it_looks_at_the_first_block_and_every_tenth_after_that() {
        assert!(is_due(7, None) && !is_due(7, Some(7)) && !is_due(16, Some(7)));
        assert!(is_due(17, Some(7)) && is_due(400, Some(7)));
        // A node that lags.
        assert!(!is_due(3, Some(7)));
    }
}
