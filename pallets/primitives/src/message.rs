//! Says what travels on a connection beside envelopes.
//!
//! A connection carries two kinds of frames: signed envelopes, which directors pass on as they are,
//! and control messages, which are for the peer alone. Accounts are `AccountId32` here, as on every
//! Substrate chain with the common key types.

use crate::{
    authorization::{SignedAuthorizationRequest, SignedDirectorVote},
    heartbeat::SignedHeartbeat,
    proof::DoubleSignProof,
};
use codec::{Decode, Encode};
use sp_core::crypto::AccountId32;

/// A message for the peer at the other end, not to be passed on as it is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Control {
    /// A director greets whoever connected.
    Welcome(Welcome),
    /// A candidate asks to be admitted; a director passes the request on to its peers.
    AuthorizationRequest(SignedAuthorizationRequest<AccountId32>),
    /// A director's answer to a request.
    AuthorizationAnswer(Answer),
    /// A director's vote, for its peers.
    DirectorVote(SignedDirectorVote<AccountId32>),
    /// A proof that a director made, for its peers: the one who saw both votes may die.
    Evidence(DoubleSignProof),
    /// A director's sign of life.
    Heartbeat(SignedHeartbeat),
}

/// First message of a director on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Welcome {
    /// Highest epoch of yours that the director has seen, so that a clock set back does no harm:
    /// start with a higher one.
    pub last_epoch: u64,
    /// Whether you may publish and receive already.
    pub authorized: bool,
}

/// What a director says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Answer {
    /// It has signed an approval; the chain decides when enough directors have.
    Approved,
    /// The chain has it authorized already.
    AlreadyAuthorized,
    /// No validator with this peer key and registration is known at the finalized block.
    NotRegistered,
    /// Its stake is below the least.
    LowStake,
    /// It was revoked, is tombstoned or leaves.
    NotEligible,
    /// The signature is not the registered peer key's.
    InvalidSignature,
    /// The block that the request names is too old or unknown.
    Stale,
}
