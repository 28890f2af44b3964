//! Says what a director tells about itself five times a second.

use crate::{
    keys::{PublicKey, Signature},
    signing::{Statement, StatementKind, verify},
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;

/// What a director has of one origin.
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
pub struct VectorEntry {
    /// The origin.
    pub origin: PublicKey,
    /// Its latest epoch.
    pub epoch: u64,
    /// Last sequence number without a hole before it, by class (see [`crate::Priority::index`]).
    pub contiguous: [u64; 4],
}

/// The vector `origin → (epoch, contiguous sequence per class)`, as short as it can be.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum VectorSummary {
    /// BLAKE2b-256 of the encoded entries in ascending order of origins: enough while nothing is
    /// missing. Of the entries as they were *told* last, not as they are in that moment: it differs only if
    /// something was not heard.
    Hash(H256),
    /// The entries that changed since this director told entries last; the rest of them with the next
    /// heartbeat if there are very many.
    Delta(Vec<VectorEntry>),
}

/// A director's sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Heartbeat {
    /// Peer key of the director.
    pub director: PublicKey,
    /// Its clock, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Validators connected to it.
    pub validators: u32,
    /// Validators that it has room for.
    pub capacity: u32,
    /// Load of its processors, in thousandths.
    pub cpu_permille: u16,
    /// Bandwidth that it has left, in bytes a second.
    pub bandwidth_bytes_per_s: u64,
    /// Number of the finalized block that it knows.
    pub finalized: u64,
    /// What it has of every origin.
    pub vector: VectorSummary,
}

impl Statement for Heartbeat {
    const KIND: StatementKind = StatementKind::Heartbeat;
}

/// A heartbeat, signed with the director's peer key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SignedHeartbeat {
    /// What was signed.
    pub heartbeat: Heartbeat,
    /// Signature by `heartbeat.director`.
    pub signature: Signature,
}

impl SignedHeartbeat {
    /// Whether the director signed this on the chain with `genesis_hash`.
    pub fn verify(&self, genesis_hash: &H256) -> bool {
        verify(genesis_hash, &self.heartbeat, &self.heartbeat.director, &self.signature)
    }
}
