//! Keeps the proofs against one validator few.
//!
//! Who has a validator's key signs as many pairs of votes as it likes, and each is a right proof. So of those that are neither
//! done nor signed the ones at the highest checkpoints are kept: governance excuses what is at lower ones. What is signed
//! stays, whatever its checkpoint: it may be in a block already, and is followed to its end.

use super::{
    MAX_OPEN_PER_VALIDATOR,
    actor::{Actor, Entry},
};
use crate::store::State;
use director_primitives::{AccountId32, DoubleSignProof, H256, OffenceContext, Snapshot};

impl Actor {
    /// Makes room for a proof; `false` if there are enough against its validator, at checkpoints no lower.
    pub(super) async fn make_room(&mut self, proof: &DoubleSignProof) -> bool {
        let snapshot = self.chain.finalized().borrow().clone();
        let accused = accused(snapshot.as_deref(), proof);
        let is_against = |entry: &&Entry| {
            is_open(&entry.record.state)
                && self::accused(snapshot.as_deref(), &entry.record.proof) == accused
        };
        let against = self.entries.values().filter(is_against).map(|entry| &entry.record.proof);
        let mut against: Vec<_> =
            against.map(|proof| (proof.first.vote.checkpoint, proof.id())).collect();
        against.sort_unstable();
        let surplus = (against.len() + 1).saturating_sub(MAX_OPEN_PER_VALIDATOR);
        let lower = against.iter().filter(|(at, _)| *at < proof.first.vote.checkpoint).count();
        let has_room = lower >= surplus;
        for (_, id) in &against[..surplus.min(lower)] {
            self.drop_open(*id).await;
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

    async fn drop_open(&mut self, id: H256) {
        tracing::info!(proof = ?id, "a proof of a double sign makes room for a newer one");
        // First of all: what it has not said yet must not be done either.
        for (_, task) in self.pursued.values().filter(|(of, _)| *of == id) {
            task.abort();
        }
        self.entries.remove(&id);
        self.queue.retain(|of| *of != id);
        self.waiting.remove(&id);
        self.changed = true;
        if let Err(error) = self.outbox.remove(id).await {
            tracing::warn!("cannot remove a proof from the outbox: {error}");
        }
    }
}

/// Whether nothing is on its way to the chain and something is left to do.
const fn is_open(state: &State) -> bool {
    !state.is_done() && !matches!(state, State::Signed { .. } | State::Submitted { .. })
}

/// Whom a proof is against; where the chain does not know its key (any more), the key stands for its owner.
fn accused(snapshot: Option<&Snapshot>, proof: &DoubleSignProof) -> AccountId32 {
    let key = &proof.first.key;
    let owner = snapshot.and_then(|snapshot| snapshot.key_owner(key));
    owner.unwrap_or_else(|| AccountId32::new(key.0))
}
