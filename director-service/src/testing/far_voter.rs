//! Votes for what is far away, so that whoever keeps votes has no room left.

use super::Author;
use crate::client::Signer;
use codec::Encode;
use director_primitives::{
    CheckpointNumber, CheckpointVote, H256, PayloadKind, Priority, SignedEnvelope, SignedVote,
};

/// A validator that votes for checkpoints that nobody will see.
pub struct FarVoter<S, C> {
    author: Author<S>,
    genesis_hash: H256,
    checkpoint_key: C,
}

impl<S: Signer, C: Signer> FarVoter<S, C> {
    /// A far voter with its checkpoint key.
    pub fn new(author: Author<S>, genesis_hash: H256, checkpoint_key: C) -> Self {
        Self { author, genesis_hash, checkpoint_key }
    }

    /// So many votes, rightly signed, each for another checkpoint from this one on, and for two blocks each.
    pub fn votes(&mut self, from: CheckpointNumber, count: u64) -> Vec<SignedEnvelope> {
        let mut envelopes = Vec::new();
        for n in 0..count {
            // Near first, then ever further.
            let checkpoint = from.saturating_add(n.saturating_pow(8));
            for block_hash in [H256::repeat_byte(0xfa), H256::repeat_byte(0xfb)] {
                let vote = CheckpointVote { checkpoint, block_hash };
                let signature = self.checkpoint_key.sign_statement(&self.genesis_hash, &vote);
                let vote = SignedVote { vote, key: self.checkpoint_key.key(), signature };
                let kind = PayloadKind::CheckpointVote;
                envelopes.push(self.author.say(Priority::Critical, kind, vote.encode()));
            }
        }
        envelopes
    }
}
