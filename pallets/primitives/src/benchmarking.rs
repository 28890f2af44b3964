//! Makes keys and signatures where there is no keyring: in the runtime, for benchmarks.

use crate::{
    CheckpointNumber,
    keys::{KeyRole, Possession, PublicKey, Signature},
    proof::DoubleSignProof,
    signing::{Statement, signing_bytes},
    vote::{CheckpointVote, SignedVote},
};
use alloc::{format, vec::Vec};
use codec::Encode;
use sp_core::{H256, crypto::KeyTypeId};

/// Under which the keystore of the benchmarking host keeps these keys.
const KEY_TYPE: KeyTypeId = KeyTypeId(*b"dapb");

/// A key whose secret half is in the host's keystore.
#[derive(Clone, Copy)]
pub struct BenchmarkKey(pub PublicKey);

impl BenchmarkKey {
    /// The key number `n`; the same for the same number.
    pub fn new(n: u32) -> Self {
        let seed: Vec<u8> = format!("//benchmark//{n}").into_bytes();
        Self(sp_io::crypto::ed25519_generate(KEY_TYPE, Some(seed)))
    }

    /// Its signature of any statement.
    ///
    /// # Panics
    ///
    /// If the host has no keystore.
    pub fn sign<S: Statement>(&self, genesis_hash: &H256, statement: &S) -> Signature {
        let bytes = signing_bytes(genesis_hash, statement);
        sp_io::crypto::ed25519_sign(KEY_TYPE, &self.0, &bytes)
            .expect("the keystore made this key itself")
    }

    /// Proof that it belongs to `account`.
    pub fn possession<AccountId: Encode>(
        &self,
        genesis_hash: &H256,
        account: AccountId,
        role: KeyRole,
    ) -> Signature {
        self.sign(genesis_hash, &Possession { account, role, key: self.0 })
    }

    fn vote(&self, genesis_hash: &H256, checkpoint: CheckpointNumber, hash: u8) -> SignedVote {
        let vote = CheckpointVote { checkpoint, block_hash: H256::repeat_byte(hash) };
        SignedVote { vote, key: self.0, signature: self.sign(genesis_hash, &vote) }
    }

    /// A valid proof that this key and `other` signed two blocks for `checkpoint`.
    pub fn double_sign(
        &self,
        other: &Self,
        genesis_hash: H256,
        checkpoint: CheckpointNumber,
    ) -> DoubleSignProof {
        let first = self.vote(&genesis_hash, checkpoint, 0xaa);
        let second = other.vote(&genesis_hash, checkpoint, 0xcc);
        DoubleSignProof { genesis_hash, first, second }
    }
}
