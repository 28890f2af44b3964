//! Wraps a message with who says it, in which class, and as the how-manieth.
//!
//! `seq` counts from 1 without holes within one `(origin, epoch, class)`, so that a Critical message
//! may overtake a Normal one and a lost message is still visible as a hole. The encoding of a
//! [`SignedEnvelope`] is the encoding of the body followed by the 64 bytes of the signature:
//! a director signs and verifies a slice of the frame that it received.

use crate::{
    keys::{PublicKey, Signature},
    signing::{Statement, StatementKind, signing_prefix, verify},
};
use alloc::vec::Vec;
use codec::{Decode, DecodeAll, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{ConstU32, H256, bounded::BoundedVec};

/// Most bytes of a payload: 1 MiB.
pub const MAX_PAYLOAD_LEN: usize = 1024 * 1024;

/// Most bytes of a signed envelope's encoding: payload, 160 bytes for everything around it.
pub const MAX_ENVELOPE_LEN: usize = MAX_PAYLOAD_LEN + 160;

/// How urgent a message is; lower is more urgent. Each class has its own sequence.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Priority {
    /// Finality votes: passed on at once.
    Critical,
    /// Block production: held back at most 5 ms.
    High,
    /// Gossip and sync: held back at most 100 ms.
    Normal,
    /// Whole blocks: sent in slices, behind everything else.
    Bulk,
}

impl Priority {
    /// All classes, most urgent first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Normal, Self::Bulk];

    /// Position in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Name of an application's own kind of message, at most 32 bytes.
pub type Topic = BoundedVec<u8, ConstU32<32>>;

/// What a payload is.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum PayloadKind {
    /// SCALE of a [`crate::SignedVote`].
    CheckpointVote,
    /// SCALE of a [`crate::Certificate`].
    Certificate,
    /// A block announcement, in the chain's own encoding.
    BlockAnnouncement,
    /// Anything else; directors do not look into it.
    Opaque(Topic),
}

/// How the payload is encoded. Directors never decode it.
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
pub enum Encoding {
    /// As it is.
    Identity,
    /// One zstd frame, made by the origin before it signed.
    Zstd,
}

/// A message with its origin and its place in the origin's sequence.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Envelope {
    /// Peer key of whoever published it.
    pub origin: PublicKey,
    /// Set when the origin started, only grows.
    pub epoch: u64,
    /// Urgency.
    pub class: Priority,
    /// Place in the sequence of `(origin, epoch, class)`, from 1 without holes.
    pub seq: u64,
    /// What the payload is.
    pub kind: PayloadKind,
    /// How the payload is encoded.
    pub encoding: Encoding,
    /// The message.
    pub payload: Vec<u8>,
}

impl Statement for Envelope {
    const KIND: StatementKind = StatementKind::Envelope;
}

/// An envelope, signed with its origin's peer key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SignedEnvelope {
    /// What was signed.
    pub envelope: Envelope,
    /// Signature by `envelope.origin`.
    pub signature: Signature,
}

/// Why bytes are no envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeError {
    /// Longer than [`MAX_ENVELOPE_LEN`].
    TooLong,
    /// Not the encoding of a signed envelope, or bytes are left over.
    Malformed,
    /// The payload is longer than [`MAX_PAYLOAD_LEN`].
    PayloadTooLong,
    /// Sequence numbers start at 1.
    ZeroSequence,
}

impl SignedEnvelope {
    /// Reads a signed envelope from exactly these bytes.
    ///
    /// # Errors
    ///
    /// See [`EnvelopeError`]. Checks no signature.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_ENVELOPE_LEN {
            return Err(EnvelopeError::TooLong);
        }
        let signed = Self::decode_all(&mut &*bytes).map_err(|_| EnvelopeError::Malformed)?;
        if signed.envelope.payload.len() > MAX_PAYLOAD_LEN {
            return Err(EnvelopeError::PayloadTooLong);
        }
        if signed.envelope.seq == 0 {
            return Err(EnvelopeError::ZeroSequence);
        }
        Ok(signed)
    }

    /// Whether the origin signed this on the chain with `genesis_hash`.
    pub fn verify(&self, genesis_hash: &H256) -> bool {
        verify(genesis_hash, &self.envelope, &self.envelope.origin, &self.signature)
    }
}

/// The bytes that the signature at the end of an encoded [`SignedEnvelope`] covers, made without
/// decoding it. `None` if there is no room for a signature.
pub fn signing_bytes_of_encoded(genesis_hash: &H256, bytes: &[u8]) -> Option<Vec<u8>> {
    let body = bytes.len().checked_sub(64)?;
    let mut signed = signing_prefix(StatementKind::Envelope, genesis_hash);
    signed.extend_from_slice(&bytes[..body]);
    Some(signed)
}

/// BLAKE2b-256 of an encoded [`SignedEnvelope`]: what the seen-cache knows it by.
pub fn fingerprint(bytes: &[u8]) -> [u8; 32] {
    sp_io::hashing::blake2_256(bytes)
}
