//! Follows the finalized chain and brings extrinsics into it.
//!
//! Everybody else in this crate sees the chain through [`Chain`]: a snapshot of directors and
//! validators for each finalized block, a dry run, and submissions that return when their block is
//! finalized. Only this room knows that there is a node behind it, and how it is spoken to.
//!
//! # Limits
//!
//! * Every call has a timeout: a node that answers nothing costs a caller [`CALL_TIMEOUT`], never
//!   its task.
//! * A node that is away is waited for; nothing here gives up but the single call. Several nodes may be named,
//!   at most [`MAX_ENDPOINTS`], of which one is used at a time ([`Endpoints`] has when another one is taken).
//! * Who forges the answers of the node in use forges the chain for this director. The others are no vote against
//!   what it says of a block; but how far the chain is, no node decides alone where there are several, and what it has
//!   claimed too much is dropped (`horizon` has the rules).

mod belief;
mod blocks;
mod cache;
mod compatibility;
mod config;
mod director_chain;
mod endpoints;
mod extrinsic;
mod follower;
#[doc(hidden)]
pub mod fuzz;
mod horizon;
pub mod interface;
mod lookout;
mod node;
mod outcome;
mod pool;
mod records;
mod session;
mod signer;
mod slashes;
mod snapshot;
mod stake;
mod stake_proof;
mod submitter;
#[cfg(test)]
mod tests;
mod token;
mod validator_chain;

pub use blocks::FinalizedBlocks;
pub use config::{MAX_ENDPOINTS, Settings, check_url, check_urls};
pub use director_chain::{DirectorChain, Registration};
pub use endpoints::{Endpoint, Endpoints};
pub use extrinsic::{Again, Extrinsic, Fate, Journal, LIFETIME};
pub use node::{Connection, Node};
pub use session::{Head, Runtime};
pub use signer::{Account, phrase};
pub use slashes::SlashEnd;
pub use submitter::{Submitted, Submitter};
pub use token::{AmountError, Token};
pub use validator_chain::{Funds, NewKey, Stake, ValidatorChain};

use async_trait::async_trait;
use director_primitives::{
    AccountId32, AuthorizationRequest, DoubleSignProof, H256, Offence, ProvenStake, PublicKey,
    Reason, Signature, SignedDirectorVote, Snapshot, StakeProof, StakeRefusal,
    runtime_api::PendingSlash,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Longest wait for the answer to one call.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait of a command for its extrinsic to be finalized. Who would submit the same anew waits for longer:
/// until it is decided ([`Submitter::submit_and_decide`]).
pub const FINALITY_TIMEOUT: Duration = Duration::from_secs(90);

/// The chain, as directors and validators see it.
#[async_trait]
pub trait Chain: Send + Sync {
    /// Directors and validators at the latest finalized block; `None` until the first is known.
    fn finalized(&self) -> watch::Receiver<Option<Arc<Snapshot>>>;

    /// Number of the newest finalized block that more vouches for than one node's word, or that word for an hour. What rests on a
    /// later one may have to be taken back.
    fn settled(&self) -> u64 {
        self.finalized().borrow().as_ref().map_or(0, |snapshot| snapshot.number)
    }

    /// The newest finalized block of the node, if that says it is not behind and no other one that is well is far ahead of it. A
    /// node that does not tell is believed.
    async fn level(&self) -> Result<Option<u64>, ChainError> {
        Ok(self.finalized().borrow().as_ref().map(|snapshot| snapshot.number))
    }

    /// Hash of the finalized block with this number; `None` if it is not finalized yet.
    async fn block_hash(&self, number: u64) -> Result<Option<H256>, ChainError>;

    /// Asks the chain what it would say to this proof, at the latest finalized block. Changes
    /// nothing.
    async fn check_evidence(
        &self,
        proof: &DoubleSignProof,
    ) -> Result<Result<Offence<AccountId32>, Reason>, ChainError>;

    /// As [`Self::check_evidence`], at the node's best block, which the chain may still leave again.
    async fn check_evidence_at_best(
        &self,
        proof: &DoubleSignProof,
    ) -> Result<Result<Offence<AccountId32>, Reason>, ChainError>;

    /// The reports of this double sign that wait in the node's pool, whoever signed them: one for each signer, by a hash of whom
    /// the node says it is. An error also if the node does not tell what is there, or if that is more than it can tell.
    async fn pending_reports(&self, proof: &DoubleSignProof) -> Result<BTreeSet<H256>, ChainError>;

    /// Reports a double sign from this director's account: signs, writes what it signed into the
    /// journal, hands it to the node. Does not wait for a block. `None` if the journal did not want it any more: then
    /// the node does not have it.
    ///
    /// An error means that nothing is on its way: the pool refused what the journal has, or nothing was
    /// signed. Without one, [`Self::fate`] tells what became of it, even if the node gave no answer.
    async fn report_double_sign(
        &self,
        proof: &DoubleSignProof,
        journal: &dyn Journal,
    ) -> Result<Option<Extrinsic>, ChainError>;

    /// Hands an extrinsic of this director's account to the node once more.
    async fn submit_again(&self, extrinsic: &Extrinsic) -> Result<Again, ChainError>;

    /// What became of an extrinsic of this director's account, at the latest finalized block.
    async fn fate(&self, extrinsic: &Extrinsic) -> Result<Fate, ChainError>;

    /// Submits directors' votes from this director's account and waits until that is finalized, or can never be. The
    /// same holds for [`Self::refresh`] and [`Self::rotate_peer_key`]: after an error the same may be submitted
    /// anew and is not paid for twice.
    async fn submit_votes(
        &self,
        votes: Vec<SignedDirectorVote<AccountId32>>,
    ) -> Result<Included, ChainError>;

    /// What a stake proof says about the validator that a request names, in the state of the finalized
    /// block that it names, or why it proves nothing.
    async fn check_stake(
        &self,
        request: &AuthorizationRequest<AccountId32>,
        proof: &StakeProof,
    ) -> Result<ProvenStake, StakeRefusal>;

    /// Says on chain that this director lives and its record still holds, and waits until that is
    /// finalized.
    async fn refresh(&self) -> Result<Included, ChainError>;

    /// Replaces this director's peer key, with the new key's proof of possession, and waits until that
    /// is finalized.
    async fn rotate_peer_key(
        &self,
        new: PublicKey,
        possession: Signature,
    ) -> Result<Included, ChainError>;

    /// Slashes that wait to be applied, at the latest finalized block.
    async fn pending_slashes(&self) -> Result<Vec<PendingSlash<AccountId32>>, ChainError>;
}

/// Where an extrinsic is in the finalized chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Included {
    /// Number of the block.
    pub block_number: u64,
    /// Hash of the block.
    pub block_hash: H256,
    /// Hash of the extrinsic.
    pub extrinsic_hash: H256,
}

/// Why the chain did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The node cannot be reached, or the connection broke during the call. Try again.
    #[error("cannot reach the node: {0}")]
    Unreachable(String),
    /// The node did not answer in time. Try again; a submission may still have gone through.
    #[error("the node did not answer within {0:?}")]
    Timeout(Duration),
    /// This program was built for another runtime. Trying again does not help.
    #[error(
        "this director was built for another runtime interface: {0}; update the director, or \
         regenerate artifacts/metadata.scale and rebuild it"
    )]
    Incompatible(String),
    /// The node serves another chain than the configuration names, or than the other nodes do. Trying again
    /// does not help.
    #[error(
        "the node serves the chain with genesis {found:?}, not {expected:?}; correct chain.urls or \
         chain.genesis_hash"
    )]
    OtherChain {
        /// What the configuration asks for, or the first node served.
        expected: H256,
        /// What the node serves.
        found: H256,
    },
    /// The configuration does not make sense. Trying again does not help.
    #[error("{0}")]
    Config(String),
    /// The extrinsic is in a finalized block and failed there, with this error
    /// (`SlashingEvidence.InvalidFirstSignature`). Trying again does not help by itself.
    #[error("the chain refused it: {0}")]
    Refused(String),
    /// The node's transaction pool did not take the extrinsic, or dropped it. Try again.
    #[error("the transaction pool did not take it: {0}")]
    Pool(String),
    /// This account cannot pay the fees. Trying again helps once it has money.
    #[error("fees are missing: fund account {0}")]
    FeesMissing(AccountId32),
    /// The node answered something that makes no sense here.
    #[error("unexpected answer of the node: {0}")]
    Unexpected(String),
}

impl ChainError {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout(_) | Self::Pool(_) | Self::Unexpected(_) => true,
            Self::Incompatible(_)
            | Self::OtherChain { .. }
            | Self::Config(_)
            | Self::Refused(_)
            | Self::FeesMissing(_) => false,
        }
    }
}
