//! Has the node make stake proofs, and checks those of others against the headers that it follows.

use super::{
    ChainError, Node,
    session::{Head, Session, limit},
    stake_proof,
};
use director_primitives::{
    AccountId32, AuthorizationRequest, H256, ProvenStake, StakeProof, StakeRefusal,
};
use tracing::debug;

impl Node {
    /// Proof of a validator's registration and of its hold in the state of a block: what it shows the
    /// directors. The node must have that state still; most keep those of the last 256 blocks.
    ///
    /// # Errors
    ///
    /// If the node does not answer, or has not that state.
    pub async fn stake_proof(
        &self,
        account: &AccountId32,
        at: Head,
    ) -> Result<StakeProof, ChainError> {
        let session = self.session().await?;
        let keys = session.records.keys(account)?;
        let keys = [&keys.validator[..], &keys.holds[..]];
        let found = limit(session.rpc.state_get_read_proof(keys, Some(at.hash))).await?;
        let nodes = found.proof.into_iter().map(|node| node.0).collect();
        StakeProof::new(nodes).ok_or_else(|| {
            ChainError::Unexpected("its proof is longer than a stake proof may be".into())
        })
    }

    /// What a stake proof says about the validator that a request names, in the state of the finalized
    /// block that it names. The header is this node's, the proof alone is the validator's.
    ///
    /// # Errors
    ///
    /// Why it proves nothing. [`StakeRefusal::Unavailable`] if the node does not answer.
    pub async fn check_stake(
        &self,
        request: &AuthorizationRequest<AccountId32>,
        proof: &StakeProof,
    ) -> Result<ProvenStake, StakeRefusal> {
        let unavailable = |error: ChainError| {
            debug!(request.block_number, %error, "cannot check a stake proof");
            StakeRefusal::Unavailable
        };
        let session = self.session().await.map_err(unavailable)?;
        let header = self.finalized_header(&session, request.block_number).await;
        let (head, state_root) = header.map_err(unavailable)?.ok_or(StakeRefusal::NotFinalized)?;
        if head.hash != request.block_hash {
            return Err(StakeRefusal::OtherChain);
        }
        // At most 64 nodes of together 32 KiB: a tenth of a millisecond, not worth another thread.
        stake_proof::check(&session.records, state_root, &request.validator, proof)
    }

    /// The finalized block with this number and its state root; `None` if it is not finalized yet.
    async fn finalized_header(
        &self,
        session: &Session,
        number: u64,
    ) -> Result<Option<(Head, H256)>, ChainError> {
        let Some(hash) = self.block_hash(number).await? else { return Ok(None) };
        let known = self.shared.cache().state_root(number);
        if let Some(state_root) = known {
            return Ok(Some((Head { number, hash }, state_root)));
        }
        let (head, state_root) = session.header(hash).await?;
        if head.number != number {
            let cause = format!("its block {number} says that it is block {}", head.number);
            return Err(ChainError::Unexpected(cause));
        }
        self.shared.cache().insert_state_root(number, state_root);
        Ok(Some((head, state_root)))
    }
}
