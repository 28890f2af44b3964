//! Decides which votes are thrown away on disk, where a false claim of a node could be the reason.
//!
//! The core follows whatever its node has finalized, and forgets in memory what is too old then. If the node had claimed too
//! much, the core begins anew with what is on disk (`round`): so there the votes stay until more than one node's word has the
//! chain that far, or one node's has stood for an hour.

use crate::chain::Chain;
use director_primitives::CheckpointNumber;
use std::sync::Arc;

/// Throws away what is certainly too old.
pub(super) struct Forgetter {
    chain: Arc<dyn Chain>,
    /// What was thrown away already.
    below: CheckpointNumber,
}

impl Forgetter {
    pub(super) fn new(chain: Arc<dyn Chain>) -> Self {
        Self { chain, below: 0 }
    }

    /// Below which checkpoint votes may go, where the core needs none below `below` at this finalized block; `None` if that is
    /// no more than the last time.
    pub(super) fn forget(
        &mut self,
        below: CheckpointNumber,
        finalized: u64,
    ) -> Option<CheckpointNumber> {
        let snapshot = self.chain.finalized().borrow().clone()?;
        let interval = snapshot.domain.checkpoint_interval;
        let below = certainly_below(below, finalized, self.chain.settled(), interval);
        let is_more = below > self.below;
        self.below = self.below.max(below);
        is_more.then_some(below)
    }
}

/// What is to be thrown away at a finalized block, if the chain may in truth be no farther than a settled one.
pub(super) fn certainly_below(
    below: CheckpointNumber,
    finalized: u64,
    settled: u64,
    interval: u64,
) -> CheckpointNumber {
    let interval = interval.max(1);
    below.saturating_sub((finalized / interval).saturating_sub(settled / interval))
}
