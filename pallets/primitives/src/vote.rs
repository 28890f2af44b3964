//! Says what a validator signs at a checkpoint, and what many such votes make.

use crate::{
    CheckpointNumber,
    keys::{PublicKey, Signature},
    signing::{Statement, StatementKind, verify},
    threshold::quorum,
};
use alloc::{collections::BTreeSet, vec::Vec};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;

/// A validator's word that the finalized chain has this block at this checkpoint.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct CheckpointVote {
    /// The checkpoint.
    pub checkpoint: CheckpointNumber,
    /// Hash of the block at that checkpoint.
    pub block_hash: H256,
}

impl Statement for CheckpointVote {
    const KIND: StatementKind = StatementKind::CheckpointVote;
}

/// A vote with the checkpoint key that signed it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct SignedVote {
    /// What was signed.
    pub vote: CheckpointVote,
    /// The checkpoint key.
    pub key: PublicKey,
    /// Its signature.
    pub signature: Signature,
}

impl SignedVote {
    /// Whether the signature is the key's on the chain with `genesis_hash`.
    pub fn verify(&self, genesis_hash: &H256) -> bool {
        verify(genesis_hash, &self.vote, &self.key, &self.signature)
    }
}

/// The votes of more than two thirds of the validators for one block.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Certificate {
    /// What all of them voted for.
    pub vote: CheckpointVote,
    /// Checkpoint keys and their signatures, in ascending order of keys.
    pub signatures: Vec<(PublicKey, Signature)>,
}

/// Why a certificate convinces nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateError {
    /// Keys are not in strictly ascending order, so one may be counted twice.
    Unordered,
    /// A key is none of the given voters'.
    UnknownKey,
    /// Fewer signatures than `needed`.
    TooFew {
        /// How many there are.
        got: u32,
        /// How many it takes.
        needed: u32,
    },
    /// A signature does not verify.
    InvalidSignature,
}

impl Certificate {
    /// Checks the certificate against the checkpoint keys of the validators that may vote.
    ///
    /// # Errors
    ///
    /// The cheapest reason first; see [`CertificateError`].
    pub fn verify(
        &self,
        genesis_hash: &H256,
        voters: &BTreeSet<PublicKey>,
    ) -> Result<(), CertificateError> {
        if !self.signatures.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(CertificateError::Unordered);
        }
        if self.signatures.iter().any(|(key, _)| !voters.contains(key)) {
            return Err(CertificateError::UnknownKey);
        }
        let (got, needed) = (self.signatures.len() as u32, quorum(voters.len() as u32));
        if got < needed {
            return Err(CertificateError::TooFew { got, needed });
        }
        let valid = |(key, signature): &(PublicKey, Signature)| {
            verify(genesis_hash, &self.vote, key, signature)
        };
        if !self.signatures.iter().all(valid) {
            return Err(CertificateError::InvalidSignature);
        }
        Ok(())
    }
}
