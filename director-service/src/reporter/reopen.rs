//! Takes back what was decided at blocks that are not finalized after all, or of long ago.
//!
//! A node that claims too much is believed for a while where no other one answers (`chain::horizon`). What such a block says of
//! a proof must not end its pursuit for good: when the chain is lower again, all that was decided above is pursued anew, behind all
//! directors' turns, since a report of it may be on its way.
//!
//! What the chain has called unpunishable and the core finds right again is looked at anew as well. That costs a dry run, and is done
//! once in [`RECHECK_BLOCKS`] blocks at most: peers can have the core find a proof right as often as they like.

use super::{
    RECHECK_BLOCKS,
    actor::{Actor, Entry},
    verdict::UNPUNISHABLE,
};
use crate::store::State;
use director_primitives::H256;

impl Actor {
    /// A block was finalized; if it is lower than one before, that one was none.
    pub(super) async fn at_block(&mut self, number: u64) {
        let before = std::mem::replace(&mut self.newest, number);
        let is_lower = number < before;
        let is_undone = |entry: &&Entry| match (&entry.record.state, entry.done_at) {
            (state, _) if !state.is_done() => false,
            (_, Some(at)) => at > number,
            // In a former life it may have been at any block.
            (State::Finalized { block }, None) => is_lower && *block > number,
            (_, None) => is_lower,
        };
        let undone = self.entries.values().filter(is_undone);
        let undone: Vec<_> = undone.map(|entry| entry.record.proof.id()).collect();
        for id in undone {
            self.reopen(id).await;
        }
        self.recheck(number);
    }

    /// A proof that is known was found right again.
    pub(super) async fn take_again(&mut self, id: H256) {
        let Some(Entry { record, .. }) = self.entries.get(&id) else { return };
        let (proof, due) = (record.proof, record.known_block.saturating_add(RECHECK_BLOCKS));
        let is_unpunishable =
            matches!(&record.state, State::Obsolete { why } if why.starts_with(UNPUNISHABLE));
        if is_unpunishable && self.newest >= due && self.make_room(&proof) {
            self.reopen(id).await;
        }
    }

    async fn reopen(&mut self, id: H256) {
        tracing::warn!(
            proof = ?id,
            "what became of the report of a double sign is not final: it is looked at anew"
        );
        if let Some(entry) = self.entries.get_mut(&id) {
            (entry.resumed, entry.done_at) = (true, None);
        }
        self.change(id, State::Proven).await;
        self.queue.push_back(id);
    }
}
