//! Says what travels on a connection beside envelopes.
//!
//! A connection carries two kinds of frames: signed envelopes, which directors pass on as they are,
//! and control messages, which are for the peer alone. Accounts are `AccountId32` here, as on every
//! Substrate chain with the common key types.

use crate::{
    authorization::{RevocationReason, SignedAuthorizationRequest, SignedDirectorVote},
    heartbeat::SignedHeartbeat,
    keys::PublicKey,
    proof::DoubleSignProof,
    repair::{Attach, Fetch, Fetched, Vector},
    stake_proof::StakeProof,
};
use codec::{Decode, Encode};
use sp_core::{ConstU32, bounded::BoundedVec, crypto::AccountId32};

/// Most directors that a [`Redirect`] names.
pub const MAX_REDIRECTS: u32 = 16;

/// A message for the peer at the other end, not to be passed on as it is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Control {
    /// A director greets whoever connected.
    Welcome(Welcome),
    /// A candidate asks to be admitted; a director passes the request on to its peers.
    AuthorizationRequest(Application),
    /// A director's answer to a request.
    AuthorizationAnswer(Answer),
    /// A director's vote, for its peers.
    DirectorVote(SignedDirectorVote<AccountId32>),
    /// A proof that a director made, for its peers: the one who saw both votes may die.
    Evidence(DoubleSignProof),
    /// A director's sign of life.
    Heartbeat(SignedHeartbeat),
    /// A director has no room for whoever connected; the connection ends after it.
    Redirect(Redirect),
    /// A validator says what it wants of a director, and where it stopped.
    Attach(Attach),
    /// A director says what it has.
    Vector(Vector),
    /// All of the vector, please.
    VectorRequest,
    /// Asks for messages.
    Fetch(Fetch),
    /// The answer, after the messages.
    Fetched(Fetched),
    /// A director will be gone soon: please move to another one, best to one of these. It serves until the
    /// validator has moved, or it is gone.
    Move(Redirect),
}

/// What a candidate sends to be admitted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Application {
    /// What it asks.
    pub request: SignedAuthorizationRequest<AccountId32>,
    /// Shows its registration and its stake at the block that the request names.
    pub stake_proof: StakeProof,
}

/// Where there is room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Redirect {
    /// Peer keys of other directors that have room, the emptiest first. None: nowhere, as far as is
    /// known; try again later.
    pub directors: BoundedVec<PublicKey, ConstU32<MAX_REDIRECTS>>,
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

/// What a director says to a request, and to a validator that it does not want (any more).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Answer {
    /// It has signed an approval; the chain decides when enough directors have.
    Approved {
        /// Approvals that it knows of, its own included.
        votes: u32,
        /// Approvals that it takes.
        needed: u32,
    },
    /// The chain has it authorized already.
    AlreadyAuthorized,
    /// No validator with this peer key and registration is known at the finalized block.
    NotRegistered,
    /// Its stake is below the least, the chain's or this director's.
    LowStake,
    /// It was revoked, is tombstoned or leaves.
    NotEligible,
    /// The signature is not the registered peer key's.
    InvalidSignature,
    /// The block that the request names is too old, or not finalized yet; or the request's time is too
    /// far from the director's clock.
    Stale,
    /// The finalized chain has another block at the height that the request names.
    OtherChain,
    /// The stake proof's nodes are not of that block's state.
    InvalidStakeProof,
    /// The stake proof is somebody else's.
    OtherValidatorsProof,
    /// Less is on hold than its registration says.
    StakeNotHeld,
    /// This director's operator does not admit it, by a list.
    Denied,
    /// The director could not find out just now. Ask again.
    Unavailable,
    /// This director has signed a revocation and serves it no more.
    Revoked(RevocationReason),
}

impl core::fmt::Display for Answer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = match self {
            Self::Approved { votes, needed } => {
                return write!(f, "approved: {votes} of {needed} directors' votes are there");
            }
            Self::Revoked(reason) => return write!(f, "revoked by this director: {reason:?}"),
            Self::AlreadyAuthorized => "it is authorized already",
            Self::NotRegistered => "it is not registered with this account, key and registration",
            Self::LowStake => "its stake is below the least that this director asks for",
            Self::NotEligible => "it was revoked, is tombstoned or leaves",
            Self::InvalidSignature => "the request is not signed by the registered peer key",
            Self::Stale => "the request is too old, or for a block that is not finalized here yet",
            Self::OtherChain => "the request is for a block of another chain",
            Self::InvalidStakeProof => "the stake proof is not of that block's state",
            Self::OtherValidatorsProof => "the stake proof is another validator's",
            Self::StakeNotHeld => "less is on hold than the registration says",
            Self::Denied => "the operator of this director does not admit it",
            Self::Unavailable => "the director cannot find out just now",
        };
        f.write_str(text)
    }
}
