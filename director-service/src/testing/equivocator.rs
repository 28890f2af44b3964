//! Signs two blocks for one checkpoint.

use crate::client::Signer;
use director_primitives::{CheckpointNumber, CheckpointVote, H256, SignedVote};

/// A validator that votes for the real block and for one that does not exist. It does not ask the
/// guard of [`crate::client::Voter`], as a second machine with the same key would not.
pub struct Equivocator<S> {
    genesis_hash: H256,
    signer: S,
}

impl<S: Signer> Equivocator<S> {
    /// An equivocator with this checkpoint key.
    pub fn new(genesis_hash: H256, signer: S) -> Self {
        Self { genesis_hash, signer }
    }

    /// Two votes with valid signatures, the honest one first. The other one is for the same hash with
    /// all bits turned: no such block exists.
    pub fn double_sign(&self, checkpoint: CheckpointNumber, real: H256) -> [SignedVote; 2] {
        let invented = H256(real.0.map(|byte| !byte));
        [real, invented].map(|block_hash| {
            let vote = CheckpointVote { checkpoint, block_hash };
            let signature = self.signer.sign_statement(&self.genesis_hash, &vote);
            SignedVote { vote, key: self.signer.key(), signature }
        })
    }
}
