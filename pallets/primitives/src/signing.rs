//! Makes the exact bytes that a signature covers.
//!
//! ```text
//! b"director/v1/" ++ kind ++ 0x00 ++ genesis_hash (32 bytes) ++ SCALE(body)
//! ```
//!
//! The genesis hash makes a signature for one chain worthless on another; the kind makes one
//! statement worthless as another. The zero byte ends the kind, so that no kind is a prefix of
//! another. Verification is ZIP-215 (<https://zips.z.cash/zip-0215>), the rule of `sp_core`.

use crate::keys::{PublicKey, Signature};
use alloc::vec::Vec;
use codec::Encode;
use sp_core::H256;

/// First bytes of everything that is signed.
pub const CONTEXT: &[u8] = b"director/v1/";

/// What a signed statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// The holder of a key binds it to an account.
    Possession,
    /// A validator votes for the block of a checkpoint.
    CheckpointVote,
    /// Somebody publishes a message.
    Envelope,
    /// A candidate asks the directors to be admitted.
    AuthorizationRequest,
    /// A director approves or revokes a validator.
    AuthorizationVote,
    /// A director tells that it lives, its load and what it has.
    Heartbeat,
}

impl StatementKind {
    /// All kinds, for tests and tables.
    pub const ALL: [Self; 6] = [
        Self::Possession,
        Self::CheckpointVote,
        Self::Envelope,
        Self::AuthorizationRequest,
        Self::AuthorizationVote,
        Self::Heartbeat,
    ];

    /// The kind's name in the signed bytes.
    pub const fn tag(self) -> &'static [u8] {
        match self {
            Self::Possession => b"possession",
            Self::CheckpointVote => b"checkpoint-vote",
            Self::Envelope => b"envelope",
            Self::AuthorizationRequest => b"authorization-request",
            Self::AuthorizationVote => b"authorization-vote",
            Self::Heartbeat => b"heartbeat",
        }
    }
}

/// A body that can be signed: it knows its kind.
pub trait Statement: Encode {
    /// The kind whose tag goes before the body.
    const KIND: StatementKind;
}

/// What stands before the body: context, kind, zero byte, genesis hash.
pub fn signing_prefix(kind: StatementKind, genesis_hash: &H256) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CONTEXT.len() + kind.tag().len() + 1 + 32);
    bytes.extend_from_slice(CONTEXT);
    bytes.extend_from_slice(kind.tag());
    bytes.push(0);
    bytes.extend_from_slice(genesis_hash.as_bytes());
    bytes
}

/// The exact bytes that a signature of `statement` covers on the chain with `genesis_hash`.
pub fn signing_bytes<S: Statement>(genesis_hash: &H256, statement: &S) -> Vec<u8> {
    let mut bytes = signing_prefix(S::KIND, genesis_hash);
    statement.encode_to(&mut bytes);
    bytes
}

/// Whether `signature` is `key`'s signature of `statement` on the chain with `genesis_hash`.
///
/// A key of small order verifies anything: keys are checked with [`crate::keys::is_small_order`]
/// where they enter the system.
pub fn verify<S: Statement>(
    genesis_hash: &H256,
    statement: &S,
    key: &PublicKey,
    signature: &Signature,
) -> bool {
    sp_io::crypto::ed25519_verify(signature, &signing_bytes(genesis_hash, statement), key)
}
