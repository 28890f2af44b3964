//! The proofs on their way to the chain.

use super::{StoreError, ask, thread::Command};
use codec::{Decode, Encode};
use director_primitives::{DoubleSignProof, H256};
use tokio::sync::mpsc;

/// How far a proof is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum State {
    /// It was made, or a peer sent it.
    Proven,
    /// It was submitted when this block was the last finalized one, and is not known to be in the
    /// chain. Written by versions that did not keep what they signed, see [`Self::Signed`].
    Submitted {
        /// Number of that block.
        block: u64,
    },
    /// It is in this finalized block, submitted by this director.
    Finalized {
        /// Number of that block.
        block: u64,
    },
    /// It is not needed any more.
    Obsolete {
        /// Why, for people.
        why: String,
    },
    // Records of older versions decode as long as states are appended.
    /// The validator is punished already, for something else: if governance takes that back, this
    /// proof is needed.
    Waiting {
        /// The block that was finalized when the wait began.
        since: u64,
    },
    /// The report is signed, and the node may have it.
    Signed {
        /// The extrinsic, as it goes to the node.
        bytes: Vec<u8>,
        /// Its number among the account's extrinsics.
        nonce: u64,
        /// Number of the finalized block from which on it is valid.
        born: u64,
    },
    /// The account cannot pay the fees that a report takes in advance.
    FeesMissing,
}

impl State {
    /// Whether nothing is left to do.
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Finalized { .. } | Self::Obsolete { .. })
    }

    /// What it is called, without what belongs to it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Submitted { .. } | Self::Signed { .. } => "submitted",
            Self::Finalized { .. } => "finalized",
            Self::Obsolete { .. } => "obsolete",
            Self::Waiting { .. } => "waiting",
            Self::FeesMissing => "fees missing",
        }
    }
}

/// A proof and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Record {
    /// The proof.
    pub proof: DoubleSignProof,
    /// How far it is.
    pub state: State,
    /// When this director first had it, in milliseconds since the Unix epoch.
    pub proven_at_ms: u64,
    /// When the state changed last, in milliseconds since the Unix epoch.
    pub changed_at_ms: u64,
}

/// Proofs by their ids. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbox(pub(super) mpsc::Sender<Command>);

impl Outbox {
    /// Writes a record, in the place of the one with the same proof; it is on disk when this returns.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or the store is closed.
    pub async fn put(&self, record: Record) -> Result<(), StoreError> {
        ask(&self.0, |reply| Command::Put { record, reply }).await?
    }

    /// All records, in ascending order of ids.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or the store is closed.
    pub async fn all(&self) -> Result<Vec<Record>, StoreError> {
        ask(&self.0, |reply| Command::Records { reply }).await?
    }

    /// Drops a record.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or the store is closed.
    pub async fn remove(&self, id: H256) -> Result<(), StoreError> {
        ask(&self.0, |reply| Command::Remove { id, reply }).await?
    }
}
