//! The chain as one director uses it: its node, its account.

use super::{
    Account, Again, Chain, ChainError, Extrinsic, Fate, Included, Journal, Node, Submitter,
    interface::{self, runtime_types::bounded_collections::bounded_vec::BoundedVec},
    validator_chain::Funds,
};
use async_trait::async_trait;
use codec::{Decode, DecodeAll};
use director_primitives::{
    AccountId32, AuthorizationRequest, DoubleSignProof, H256, Offence, ProvenStake, PublicKey,
    Reason, Signature, SignedDirectorVote, Snapshot, StakeProof, StakeRefusal,
    runtime_api::{Endpoint, Endpoints, PendingSlash, Region},
};
use std::{collections::BTreeSet, sync::Arc};
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
pub struct Registration {
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

    /// The node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The account.
    pub fn account(&self) -> AccountId32 {
        self.account.id()
    }

    /// What the account has at the newest finalized block.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn funds(&self) -> Result<Funds, ChainError> {
        self.node.funds(&self.account.id()).await
    }

    /// The fee that is taken in advance for a report of a double sign; `None` if the chain does not tell.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn fee_of_report(&self) -> Result<Option<u128>, ChainError> {
        // Any proof is as long as any other.
        let proof = DoubleSignProof::decode(&mut &[0; 1_024][..]);
        let Ok(proof) = proof else { return Ok(None) };
        let call = interface::tx().slashing_evidence().report_double_sign(Static(proof));
        self.submitter.fee(&call).await
    }

    /// Makes this account, which governance has invited, an active director.
    ///
    /// # Errors
    ///
    /// As [`Submitter::submit_and_finalize`].
    pub async fn activate(
        &self,
        peer_key: PublicKey,
        possession: Signature,
        registration: Registration,
    ) -> Result<Included, ChainError> {
        let (endpoints, region, capacity) = registration.into_arguments();
        let pallet = interface::tx().director_registry();
        let call = pallet.activate(peer_key.0, possession.0, endpoints, region, capacity);
        self.submitter.submit_and_finalize(&call, &self.account).await
    }

    /// Changes what the chain knows about this active director, its peer key excepted.
    ///
    /// # Errors
    ///
    /// As [`Submitter::submit_and_finalize`].
    pub async fn update_record(&self, registration: Registration) -> Result<Included, ChainError> {
        let (endpoints, region, capacity) = registration.into_arguments();
        let call = interface::tx().director_registry().update_record(endpoints, region, capacity);
        self.submitter.submit_and_finalize(&call, &self.account).await
    }
}

impl Registration {
    fn into_arguments(self) -> (BoundedVec<Static<Endpoint>>, BoundedVec<u8>, u32) {
        let endpoints = self.endpoints.into_iter().map(Static).collect();
        (BoundedVec(endpoints), BoundedVec(self.region.into_inner()), self.capacity)
    }
}

#[async_trait]
impl Chain for DirectorChain {
    fn finalized(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.node.finalized()
    }

    fn settled(&self) -> u64 {
        self.node.settled()
    }

    async fn level(&self) -> Result<Option<u64>, ChainError> {
        self.node.level().await
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

    async fn check_evidence_at_best(
        &self,
        proof: &DoubleSignProof,
    ) -> Result<Result<Offence<AccountId32>, Reason>, ChainError> {
        self.node.check_evidence_at_best(proof).await
    }

    async fn pending_reports(&self, proof: &DoubleSignProof) -> Result<BTreeSet<H256>, ChainError> {
        let call = interface::tx().slashing_evidence().report_double_sign(Static(*proof));
        let pending = self.node.pending_like(&call).await?;
        let snapshot = self.node.finalized().borrow().clone();
        // Another's signatures of the same votes may be other bytes. Made-up ones must keep nobody from reporting.
        let is_right = |other: &DoubleSignProof| {
            let snapshot = snapshot.as_deref();
            other == proof || snapshot.is_some_and(|snapshot| other.check(snapshot).is_ok())
        };
        let is_this = |bytes: &[u8]| {
            let other = DoubleSignProof::decode_all(&mut &bytes[..]);
            other.is_ok_and(|other| other.id() == proof.id() && is_right(&other))
        };
        let reports = pending.into_iter().filter(|call| is_this(&call.arguments));
        Ok(reports.map(|call| call.signer).collect())
    }

    async fn report_double_sign(
        &self,
        proof: &DoubleSignProof,
        journal: &dyn Journal,
    ) -> Result<Option<Extrinsic>, ChainError> {
        let call = interface::tx().slashing_evidence().report_double_sign(Static(*proof));
        self.submitter.submit_in_writing(&call, &self.account, journal).await
    }

    async fn submit_again(&self, extrinsic: &Extrinsic) -> Result<Again, ChainError> {
        self.submitter.submit_again(&self.account.id(), extrinsic).await
    }

    async fn fate(&self, extrinsic: &Extrinsic) -> Result<Fate, ChainError> {
        self.submitter.fate(&self.account.id(), extrinsic).await
    }

    async fn submit_votes(
        &self,
        votes: Vec<SignedDirectorVote<AccountId32>>,
    ) -> Result<Included, ChainError> {
        let votes = votes.into_iter().map(Static).collect();
        let call = interface::tx().validator_registry().submit_votes(BoundedVec(votes));
        self.submitter.submit_and_decide(&call, &self.account).await
    }

    async fn check_stake(
        &self,
        request: &AuthorizationRequest<AccountId32>,
        proof: &StakeProof,
    ) -> Result<ProvenStake, StakeRefusal> {
        self.node.check_stake(request, proof).await
    }

    async fn refresh(&self) -> Result<Included, ChainError> {
        let call = interface::tx().director_registry().refresh();
        self.submitter.submit_and_decide(&call, &self.account).await
    }

    async fn rotate_peer_key(
        &self,
        new: PublicKey,
        possession: Signature,
    ) -> Result<Included, ChainError> {
        let call = interface::tx().director_registry().rotate_peer_key(new.0, possession.0);
        self.submitter.submit_and_decide(&call, &self.account).await
    }

    async fn pending_slashes(&self) -> Result<Vec<PendingSlash<AccountId32>>, ChainError> {
        self.node.pending_slashes().await
    }
}
