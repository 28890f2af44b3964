//! Says who makes stake proofs for a client: a node, or whatever stands in for one.

use crate::chain::{Head, Node};
use async_trait::async_trait;
use director_primitives::{AccountId32, H256, StakeProof};

/// Makes stake proofs.
#[async_trait]
pub trait Prover: Send + Sync {
    /// Proof of the account's registration and stake in the state of the block with this number and
    /// hash.
    ///
    /// # Errors
    ///
    /// What went wrong, for a log line; the client asks again with the next block.
    async fn stake_proof(
        &self,
        account: &AccountId32,
        block: (u64, H256),
    ) -> Result<StakeProof, String>;
}

#[async_trait]
impl Prover for Node {
    async fn stake_proof(
        &self,
        account: &AccountId32,
        (number, hash): (u64, H256),
    ) -> Result<StakeProof, String> {
        let made = Node::stake_proof(self, account, Head { number, hash }).await;
        made.map_err(|error| error.to_string())
    }
}
