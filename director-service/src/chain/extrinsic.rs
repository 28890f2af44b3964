//! An extrinsic that outlives the process that signed it, and what became of it.

use super::{
    ChainError, Included, Submitter,
    outcome::{Outcome, outcome},
    pool::{Refusal, hand},
    session::{Head, sp_hash},
};
use async_trait::async_trait;
use director_primitives::{AccountId32, H256};
use tracing::debug;

/// Blocks for which an extrinsic is valid; a power of two. Long enough for a slow pool, short enough
/// that a lost one is known to be lost soon.
pub const LIFETIME: u64 = 64;

/// A signed extrinsic. Handed to a node again it is the same one; two with one nonce exclude each
/// other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extrinsic {
    /// What goes to the node.
    pub bytes: Vec<u8>,
    /// Its number among the account's extrinsics.
    pub nonce: u64,
    /// Number of the finalized block from which on it is valid.
    pub born: u64,
}

impl Extrinsic {
    /// By which blocks are searched for it.
    pub fn hash(&self) -> H256 {
        sp_hash(&self.bytes)
    }

    /// The first block that cannot contain it any more.
    pub const fn expires(&self) -> u64 {
        self.born.saturating_add(LIFETIME)
    }
}

/// Where an extrinsic is written down before the node has it.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Returns when it is written, or cannot be, and says whether the node is to have it: that may have changed
    /// meanwhile, since a disk can be slow.
    async fn write(&self, extrinsic: &Extrinsic) -> bool;
}

/// What became of an extrinsic, at the newest finalized block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It may still get into a block.
    Pending,
    /// It is in this block and has succeeded.
    Included(Included),
    /// It is in a block and failed there, with this error (`SlashingEvidence.TooManyPending`).
    Failed(String),
    /// Another extrinsic of the account has its nonce: it never gets into a block.
    Displaced,
    /// It is too old for any block.
    Expired,
}

/// What a node said to an extrinsic that it was handed once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// It has it now, or had it already, or finality decides what becomes of it.
    Taken,
    /// It will never be valid again, for this reason.
    Void(String),
}

impl Submitter {
    /// What became of an extrinsic of this account, at the newest finalized block.
    ///
    /// # Errors
    ///
    /// If the node does not answer, or no longer has the block in question.
    pub async fn fate(
        &self,
        account: &AccountId32,
        extrinsic: &Extrinsic,
    ) -> Result<Fate, ChainError> {
        let session = self.node.session().await?;
        let head = self.node.newest(&session).await?;
        let method = "AccountNonceApi_account_nonce";
        let next: u32 = session.call(method, account, head.hash).await?;
        if u64::from(next) <= extrinsic.nonce {
            let expired = head.number >= extrinsic.expires();
            return Ok(if expired { Fate::Expired } else { Fate::Pending });
        }
        let wanted = extrinsic.hash();
        for number in extrinsic.born + 1..=head.number.min(extrinsic.expires()) {
            let Some(hash) = self.node.block_hash(number).await? else {
                return Ok(Fate::Pending);
            };
            let block = Head { number, hash };
            let extrinsics = self.node.extrinsics(block).await?;
            let Some(index) = extrinsics.iter().position(|hash| *hash == wanted) else { continue };
            return Ok(match outcome(&session.at(block).await?, index as u32).await? {
                Outcome::Succeeded => Fate::Included(Included {
                    block_number: number,
                    block_hash: hash,
                    extrinsic_hash: wanted,
                }),
                Outcome::Failed(error) => Fate::Failed(error),
            });
        }
        Ok(Fate::Displaced)
    }

    /// Hands an extrinsic of this account to the node once more: its pool may have lost it.
    ///
    /// # Errors
    ///
    /// [`ChainError::FeesMissing`]; [`ChainError::Pool`] if the pool has no room for it; or if the node
    /// does not answer.
    pub async fn submit_again(
        &self,
        account: &AccountId32,
        extrinsic: &Extrinsic,
    ) -> Result<Again, ChainError> {
        let session = self.node.session().await?;
        match hand(&session, &extrinsic.bytes).await {
            Ok(()) => Ok(Again::Taken),
            // It is in the best block, or another one has its place, or it is too old: finality decides.
            Err(Refusal::Nonce(cause) | Refusal::Old(cause)) => {
                debug!(nonce = extrinsic.nonce, cause, "the extrinsic has to wait for finality");
                Ok(Again::Taken)
            }
            Err(Refusal::Void(cause)) => Ok(Again::Void(cause)),
            Err(Refusal::Fees) => Err(ChainError::FeesMissing(account.clone())),
            Err(Refusal::Other(cause)) => Err(ChainError::Pool(cause)),
            Err(Refusal::Failed(error)) => Err(error),
        }
    }
}
