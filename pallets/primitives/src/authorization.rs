//! Says how a candidate asks and how directors decide who may speak.

use crate::{
    RegistrationId,
    keys::{PublicKey, Signature},
    signing::{Statement, StatementKind, verify},
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;

/// Why a director wants a validator out.
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
pub enum RevocationReason {
    /// Its stake is below what the director's policy asks for.
    LowStake,
    /// It broke the rate limits again and again.
    RateLimit,
    /// It signed two envelopes for one sequence number.
    EnvelopeEquivocation,
    /// It sent envelopes or votes with invalid signatures.
    InvalidSignatures,
    /// It signed two blocks for one checkpoint.
    DoubleSign,
    /// An operator said so.
    Operator,
}

/// What a director decides about a validator.
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
pub enum Decision {
    /// It may speak.
    Approve,
    /// It may not, any more.
    Revoke(RevocationReason),
}

/// Nonces that a director has for its votes in one block: a vote that it signs at the finalized block `b`
/// has a nonce from `b * NONCES_PER_BLOCK` up to the next block's first.
///
/// So nonces grow without a file, and the chain knows which votes were signed before a director's
/// present term: those with a nonce below that of the block in which it activated itself.
pub const NONCES_PER_BLOCK: u64 = 1 << 16;

/// The first nonce for votes that are signed at this finalized block.
pub const fn first_nonce(block: u64) -> u64 {
    block.saturating_mul(NONCES_PER_BLOCK)
}

/// A director's decision about one registration of a validator.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct DirectorVote<AccountId> {
    /// The validator.
    pub validator: AccountId,
    /// The registration it is about: a vote for an old one says nothing about a new one.
    pub registration_id: RegistrationId,
    /// Approval or revocation.
    pub decision: Decision,
    /// A vote with a higher nonce replaces this director's older one about the same registration. From
    /// [`first_nonce`] of the finalized block at which it is signed.
    pub nonce: u64,
    /// Last block (inclusive) at which the vote counts.
    pub valid_until: u64,
}

impl<AccountId: Encode> Statement for DirectorVote<AccountId> {
    const KIND: StatementKind = StatementKind::AuthorizationVote;
}

/// A director's vote, signed with the peer key that it has on chain.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SignedDirectorVote<AccountId> {
    /// Account of the director.
    pub director: AccountId,
    /// What it decided.
    pub vote: DirectorVote<AccountId>,
    /// Signature by the director's peer key.
    pub signature: Signature,
}

impl<AccountId: Encode> SignedDirectorVote<AccountId> {
    /// Whether `peer_key`, the director's on chain, signed this vote.
    pub fn verify(&self, genesis_hash: &H256, peer_key: &PublicKey) -> bool {
        verify(genesis_hash, &self.vote, peer_key, &self.signature)
    }
}

/// A registered validator asks a director to be admitted.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct AuthorizationRequest<AccountId> {
    /// The validator.
    pub validator: AccountId,
    /// Its registration.
    pub registration_id: RegistrationId,
    /// Number of the finalized block at which its stake can be seen.
    pub block_number: u64,
    /// Hash of that block.
    pub block_hash: H256,
    /// When the request was made, in milliseconds since the Unix epoch.
    pub timestamp_ms: u64,
}

impl<AccountId: Encode> Statement for AuthorizationRequest<AccountId> {
    const KIND: StatementKind = StatementKind::AuthorizationRequest;
}

/// A request, signed with the peer key that the validator registered.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SignedAuthorizationRequest<AccountId> {
    /// What is asked.
    pub request: AuthorizationRequest<AccountId>,
    /// Signature by the validator's peer key.
    pub signature: Signature,
}

impl<AccountId: Encode> SignedAuthorizationRequest<AccountId> {
    /// Whether `peer_key`, the validator's on chain, signed this request.
    pub fn verify(&self, genesis_hash: &H256, peer_key: &PublicKey) -> bool {
        verify(genesis_hash, &self.request, peer_key, &self.signature)
    }
}
