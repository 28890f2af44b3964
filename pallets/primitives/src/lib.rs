//! States what directors, validators and the chain say to each other, and what proves a lie.
//!
//! Everything that is signed, and everything that checks a signature, goes through this crate: the
//! three pallets, the director service, the validator client and the fuzzers link the same code, so
//! that chain and service can never disagree about a byte.
//!
//! # The protocol on one page
//!
//! * upon staking on chain: a validator proves that it holds its keys ([`keys::Possession`]);
//! * upon a candidate's [`AuthorizationRequest`]: a director that agrees signs a [`DirectorVote`];
//!   `ceil(2n/3)` of the directors' votes ([`threshold::approvals_needed`]) take effect on chain;
//! * upon reaching a checkpoint: a validator signs a [`CheckpointVote`], wraps it into an
//!   [`Envelope`] with the next sequence number of its class and hands it to one director;
//! * upon receiving an envelope: a director checks origin and signature, shows every vote to its
//!   detector, and passes the envelope on to everybody else exactly once;
//! * upon votes of more than two thirds of the validators: anybody can build a [`Certificate`];
//! * upon a second, different hash for one checkpoint: anybody can build a [`DoubleSignProof`], and
//!   the chain runs the same [`DoubleSignProof::check`] that the director ran before it.
//!
//! # What is signed
//!
//! `b"director/v1/" ++ kind ++ 0x00 ++ genesis_hash ++ SCALE(body)`, see [`signing`]. Golden vectors
//! in `tests/golden.rs` freeze those bytes.
//!
//! # Deliberately absent
//!
//! Secret keys: whoever signs brings a signer of its own (a keystore, a remote signer).

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod authorization;
#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
pub mod envelope;
pub mod heartbeat;
pub mod keys;
pub mod message;
pub mod proof;
pub mod repair;
pub mod runtime_api;
pub mod signing;
#[cfg(feature = "std")]
pub mod snapshot;
pub mod stake_proof;
#[cfg(any(test, feature = "test-utils"))]
pub mod test_utils;
pub mod threshold;
pub mod traits;
pub mod turn;
pub mod vote;

#[cfg(test)]
mod tests;

pub use authorization::{
    AuthorizationRequest, Decision, DirectorVote, RevocationReason, SignedAuthorizationRequest,
    SignedDirectorVote,
};
pub use envelope::{
    Encoding, Envelope, EnvelopeError, PayloadKind, Priority, SignedEnvelope, Topic,
};
pub use heartbeat::{Heartbeat, SignedHeartbeat, VectorEntry, VectorSummary};
pub use keys::{KeyError, KeyRole, Possession, PublicKey, Signature};
pub use message::{Answer, Application, Control, Redirect, Welcome};
pub use proof::{DoubleSignProof, Offence, OffenceContext, Reason};
pub use repair::{Attach, Fetch, Fetched, Range, Role, Served, Vector};
pub use signing::{Statement, StatementKind, signing_bytes, verify};
#[cfg(feature = "std")]
pub use snapshot::Snapshot;
pub use sp_core::{H256, crypto::AccountId32};
pub use stake_proof::{ProvenStake, StakeProof, StakeRefusal};
pub use vote::{Certificate, CertificateError, CheckpointVote, SignedVote};

/// Number of a checkpoint. Checkpoint `c` is block `c * CheckpointInterval`.
pub type CheckpointNumber = u64;

/// Identity of one registration of a validator. An account that registers anew gets a new one, so
/// that votes for the old registration say nothing about the new one.
pub type RegistrationId = u64;
