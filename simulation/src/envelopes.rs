//! Signs envelopes and heartbeats with a cheap keyed digest instead of ed25519, everything else with ed25519.
//!
//! Otherwise nearly all time would go into curves that other tests check. Nobody in here computes a digest that it
//! should not know: a forger alters bytes and hopes.

use crate::{chain::genesis, digest::Digest, node::Node};
use codec::Encode;
use director_primitives::{
    Envelope, H256, Heartbeat, PublicKey, Signature, SignedEnvelope, SignedHeartbeat,
    StatementKind, signing::signing_prefix, test_utils::TestKey,
};
use director_service::{
    client::{Keys, Signer},
    director::{Crypto, Frame},
};

/// The signature of an encoded envelope.
pub(crate) fn signature(genesis_hash: &H256, origin: &PublicKey, body: &[u8]) -> Signature {
    let mut digest = Digest::default();
    digest.bytes(genesis_hash.as_bytes());
    digest.bytes(&origin.0);
    digest.bytes(body);
    let mut bytes = [0; 64];
    for (at, word) in bytes.chunks_exact_mut(8).enumerate() {
        digest.number(at as u64);
        word.copy_from_slice(&digest.value().to_le_bytes());
    }
    Signature::from_raw(bytes)
}

/// An envelope, signed by its origin.
pub(crate) fn sign(genesis_hash: &H256, envelope: &Envelope) -> Frame {
    let mut bytes = envelope.encode();
    let signature = signature(genesis_hash, &envelope.origin, &bytes);
    bytes.extend_from_slice(&signature.0);
    bytes.into()
}

/// Whether an encoded signed envelope is signed by the origin that it names.
pub(crate) fn is_signed(genesis_hash: &H256, frame: &[u8]) -> bool {
    let Some((body, signed)) = frame.split_last_chunk::<64>() else { return false };
    let Some(origin) = body.first_chunk::<32>() else { return false };
    signature(genesis_hash, &PublicKey::from_raw(*origin), body).0 == *signed
}

/// The signature of a heartbeat.
pub(crate) fn heartbeat_signature(genesis_hash: &H256, heartbeat: &Heartbeat) -> Signature {
    signature(genesis_hash, &heartbeat.director, &heartbeat.encode())
}

/// What a director's core signs and checks with.
#[derive(Clone)]
pub(crate) struct SimulatedCrypto {
    node: Node,
    /// What stands before a heartbeat in the bytes that are signed.
    prefix: Vec<u8>,
}

impl SimulatedCrypto {
    /// That of a node.
    pub(crate) fn new(node: Node) -> Self {
        Self { node, prefix: signing_prefix(StatementKind::Heartbeat, &genesis()) }
    }
}

impl Crypto for SimulatedCrypto {
    fn verify_envelopes(&mut self, genesis_hash: &H256, frames: &[&[u8]]) -> Vec<bool> {
        frames.iter().map(|frame| is_signed(genesis_hash, frame)).collect()
    }

    fn verify_heartbeat(&self, genesis_hash: &H256, signed: &SignedHeartbeat) -> bool {
        heartbeat_signature(genesis_hash, &signed.heartbeat).0 == signed.signature.0
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        match bytes.strip_prefix(&*self.prefix) {
            Some(heartbeat) => signature(&genesis(), &self.node.key(), heartbeat),
            None => self.node.secret().sign_bytes(bytes),
        }
    }
}

/// What a client's core signs and checks with.
#[derive(Clone)]
pub(crate) struct SimulatedKeys {
    key: PublicKey,
    secret: &'static TestKey,
    /// What stands before an envelope in the bytes that are signed.
    prefix: Vec<u8>,
    genesis_hash: H256,
}

impl SimulatedKeys {
    /// Those of a node.
    pub(crate) fn new(node: Node, genesis_hash: H256) -> Self {
        let prefix = signing_prefix(StatementKind::Envelope, &genesis_hash);
        Self { key: node.key(), secret: node.secret(), prefix, genesis_hash }
    }
}

impl Signer for SimulatedKeys {
    fn key(&self) -> PublicKey {
        self.key
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        match bytes.strip_prefix(&*self.prefix) {
            Some(body) => signature(&self.genesis_hash, &self.key, body),
            None => self.secret.sign_bytes(bytes),
        }
    }
}

impl Keys for SimulatedKeys {
    fn verify(&self, genesis_hash: &H256, signed: &SignedEnvelope) -> bool {
        is_signed(genesis_hash, &signed.encode())
    }
}
