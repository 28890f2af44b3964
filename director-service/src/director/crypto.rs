//! The signatures that the core needs from outside.

use director_primitives::{H256, Signature, SignedHeartbeat};

/// Checks signatures of envelopes by the batch and signs with the director's peer key.
///
/// Injected, so that the core holds no secret and its owner may batch or use several threads.
/// Verification must be ZIP-215, as on the chain.
pub trait Crypto {
    /// For each frame, an encoded signed envelope, whether the origin in it (its first 32 bytes)
    /// signed it for the chain with `genesis_hash`.
    ///
    /// Frames without an answer count as wrongly signed.
    fn verify_envelopes(&mut self, genesis_hash: &H256, frames: &[&[u8]]) -> Vec<bool>;

    /// Whether the director in a heartbeat signed it for the chain with `genesis_hash`.
    ///
    /// As it stands, ed25519 by ZIP-215. Five a second of each director are nothing to a service, and most of
    /// the work of a simulation.
    fn verify_heartbeat(&self, genesis_hash: &H256, signed: &SignedHeartbeat) -> bool {
        signed.verify(genesis_hash)
    }

    /// The director's signature of these bytes.
    fn sign(&self, bytes: &[u8]) -> Signature;
}
