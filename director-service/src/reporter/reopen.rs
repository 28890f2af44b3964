//! Takes back what was decided at blocks that are not finalized after all.
//!
//! A node that claims too much is believed for a while where no other one answers (`chain::horizon`). What such a block says of
//! a proof must not end its pursuit for good: when the chain is lower again, all that was decided above is pursued anew, behind all
//! directors' turns, since a report of it may be on its way.

use super::actor::{Actor, Entry};
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
