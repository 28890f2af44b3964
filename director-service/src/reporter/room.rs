//! Keeps proofs few, above all those against one validator.
//!
//! Who has a validator's key signs as many pairs of votes as it likes, and each is a right proof. So of those that are neither
//! done nor signed the ones at the highest checkpoints are kept: governance excuses what is at lower ones. What is signed
//! stays, whatever its checkpoint: it may be in a block already, and is followed to its end. So does the one that is pursued:
//! a stream of newer ones, each of which would have to wait for its turn from the beginning, must not keep this director from ever
//! having one. What is done, and what waits for governance, is bounded whomever it is against.

use super::{
    MAX_DONE, MAX_OPEN_PER_VALIDATOR, MAX_WAITING,
    actor::{Actor, Entry},
};
use crate::store::State;
use director_primitives::{
    AccountId32, CheckpointNumber, DoubleSignProof, H256, OffenceContext, Snapshot,
};

impl Actor {
    /// Makes room for a proof; `false` if there are enough against its validator, at checkpoints no lower.
    pub(super) fn make_room(&mut self, proof: &DoubleSignProof) -> bool {
        let accused = self.accused(proof);
        let is_against = |entry: &&Entry| {
            is_open(&entry.record.state) && self.accused(&entry.record.proof) == accused
        };
        let against = self.entries.values().filter(is_against).map(|entry| &entry.record.proof);
        let mut against: Vec<_> =
            against.map(|proof| (proof.first.vote.checkpoint, proof.id())).collect();
        against.sort_unstable();
        let surplus = (against.len() + 1).saturating_sub(MAX_OPEN_PER_VALIDATOR);
        let is_lower = |(at, id): &&(CheckpointNumber, H256)| {
            *at < proof.first.vote.checkpoint && !self.is_pursued(id)
        };
        let lower: Vec<_> = against.iter().filter(is_lower).take(surplus).copied().collect();
        let has_room = lower.len() >= surplus;
        for (_, id) in lower {
            self.drop_open(id);
        }
        if !has_room {
            let checkpoint = proof.first.vote.checkpoint;
            tracing::info!(
                proof = ?proof.id(), validator = %accused, checkpoint,
                "there are enough proofs of double signs of this validator: this one is left out"
            );
        }
        has_room
    }

    fn drop_open(&mut self, id: H256) {
        tracing::info!(proof = ?id, "a proof of a double sign makes room for a newer one");
        self.entries.remove(&id);
        self.queue.retain(|of| *of != id);
        self.waiting.remove(&id);
        self.resting.remove(&id);
        self.behind.remove(&id);
        self.changed = true;
        self.remove(id);
    }

    /// Keeps the done ones bounded while the director runs, too.
    pub(super) fn drop_surplus_done(&mut self) {
        let done = self.entries.values().filter(|entry| entry.record.state.is_done());
        let mut done: Vec<_> =
            done.map(|e| (e.record.changed_at_ms, e.record.proof.id())).collect();
        if done.len() <= MAX_DONE {
            return;
        }
        done.sort_unstable();
        self.changed = true;
        for (_, id) in &done[..done.len() - MAX_DONE] {
            self.entries.remove(id);
            self.remove(*id);
        }
    }

    /// The oldest of too many that wait is given up: one proof is enough to punish a validator.
    pub(super) async fn drop_surplus_waiting(&mut self) {
        if self.waiting.len() <= MAX_WAITING {
            return;
        }
        let age = |id: &H256| self.entries.get(id).map(|entry| entry.record.proven_at_ms);
        let Some(oldest) = self.waiting.iter().copied().min_by_key(age) else { return };
        self.waiting.remove(&oldest);
        let why = format!("the validator is punished already, and {MAX_WAITING} newer proofs wait");
        self.change(oldest, State::Obsolete { why }).await;
    }

    /// Whom a proof is against, as far as this director knows.
    pub(super) fn accused(&self, proof: &DoubleSignProof) -> AccountId32 {
        accused(self.chain.finalized().borrow().as_deref(), proof)
    }
}

/// Whether nothing is on its way to the chain and something is left to do.
const fn is_open(state: &State) -> bool {
    !state.is_done() && !matches!(state, State::Signed { .. } | State::Submitted { .. })
}

/// Whom a proof is against; where the chain does not know its key (any more), the key stands for its owner.
pub(super) fn accused(snapshot: Option<&Snapshot>, proof: &DoubleSignProof) -> AccountId32 {
    let key = &proof.first.key;
    let owner = snapshot.and_then(|snapshot| snapshot.key_owner(key));
    owner.unwrap_or_else(|| AccountId32::new(key.0))
}
