//! The chain as one director uses it: its node, its account.

use super::{
    Account, Chain, ChainError, Included, Node, Submitter,
    interface::{self, runtime_types::bounded_collections::bounded_vec::BoundedVec},
};
use async_trait::async_trait;
use director_primitives::{
    AccountId32, DoubleSignProof, H256, Offence, PublicKey, Reason, Signature, SignedDirectorVote,
    Snapshot,
    runtime_api::{Endpoints, PendingSlash, Region},
};
use std::sync::Arc;
use subxt::utils::Static;
use tokio::sync::watch;

/// [`Chain`] by a node and an account.
#[derive(Clone)]
pub struct DirectorChain {
    node: Node,
    submitter: Submitter,
    account: Account,
}

/// What a director puts on chain about itself.
pub struct Activation {
    /// Its peer key.
    pub peer_key: PublicKey,
    /// Proof that the account holds the key.
    pub possession: Signature,
    /// Where it can be reached.
    pub endpoints: Endpoints,
    /// Where it stands.
    pub region: Region,
    /// Validators that it has room for.
    pub capacity: u32,
}

impl DirectorChain {
    /// The chain behind `node`, with submissions from `account`.
    pub fn new(node: Node, submitter: Submitter, account: Account) -> Self {
        Self { node, submitter, account }
    }

    /// Makes this account an active director, or changes what the chain knows about it.
    ///
    /// # Errors
    ///
    /// As [`Submitter::submit_and_finalize`].
    pub async fn activate(&self, activation: Activation) -> Result<Included, ChainError> {
        let Activation { peer_key, possession, endpoints, region, capacity } = activation;
        let endpoints = endpoints.into_iter().map(Static).collect();
        let call = interface::tx().director_registry().activate(
            peer_key.0,
            possession.0,
            BoundedVec(endpoints),
            BoundedVec(region.into_inner()),
            capacity,
        );
        self.submitter.submit_and_finalize(&call, &self.account).await
    }
}

#[async_trait]
impl Chain for DirectorChain {
    fn finalized(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.node.finalized()
    }

    async fn block_hash(&self, number: u64) -> Result<Option<H256>, ChainError> {
        self.node.block_hash(number).await
    }

    async fn check_evidence(
        &self,
        proof: &DoubleSignProof,
    ) -> Result<Result<Offence<AccountId32>, Reason>, ChainError> {
        self.node.check_evidence(proof).await
    }

    async fn report_double_sign(&self, proof: &DoubleSignProof) -> Result<Included, ChainError> {
        let call = interface::tx().slashing_evidence().report_double_sign(Static(*proof));
        self.submitter.submit_and_finalize(&call, &self.account).await
    }

    async fn submit_votes(
        &self,
        votes: Vec<SignedDirectorVote<AccountId32>>,
    ) -> Result<Included, ChainError> {
        let votes = votes.into_iter().map(Static).collect();
        let call = interface::tx().validator_registry().submit_votes(BoundedVec(votes));
        self.submitter.submit_and_finalize(&call, &self.account).await
    }

    async fn pending_slashes(&self) -> Result<Vec<PendingSlash<AccountId32>>, ChainError> {
        self.node.pending_slashes().await
    }
}
