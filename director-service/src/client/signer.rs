//! Says what signs for a validator, so that a key can live elsewhere.

use crate::keys::Secret;
use director_primitives::{H256, PublicKey, Signature, SignedEnvelope, Statement, signing_bytes};
use ed25519_zebra::VerificationKeyBytes;

/// A secret key, here or in a remote signer.
pub trait Signer: Send {
    /// Its public key.
    fn key(&self) -> PublicKey;

    /// Its signature of these bytes.
    fn sign(&self, bytes: &[u8]) -> Signature;

    /// Its signature of a statement on the chain with `genesis_hash`.
    fn sign_statement<S: Statement>(&self, genesis_hash: &H256, statement: &S) -> Signature
    where
        Self: Sized,
    {
        self.sign(&signing_bytes(genesis_hash, statement))
    }
}

/// What a client signs with, and checks others' envelopes with.
///
/// Injected, so that a simulation of many clients need not spend its time on curves.
pub trait Keys: Signer + Clone {
    /// Whether the origin signed this on the chain with `genesis_hash`. As it stands, ed25519 by ZIP-215.
    fn verify(&self, genesis_hash: &H256, signed: &SignedEnvelope) -> bool {
        signed.verify(genesis_hash)
    }
}

/// A key in this process; wiped from memory when its last clone is dropped.
#[derive(Clone)]
pub struct LocalKey(Secret);

impl LocalKey {
    /// The key with this seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Secret::from_seed(seed))
    }
}

impl Signer for LocalKey {
    fn key(&self) -> PublicKey {
        PublicKey::from_raw(VerificationKeyBytes::from(&*self.0).into())
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        Signature::from_raw(self.0.sign(bytes).to_bytes())
    }
}

impl Keys for LocalKey {}
