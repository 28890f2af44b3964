//! Makes keys and signed statements for tests.

use crate::{
    CheckpointNumber, DirectorVote, Envelope, SignedDirectorVote, SignedEnvelope,
    keys::{KeyRole, Possession, PublicKey, Signature},
    proof::DoubleSignProof,
    signing::{Statement, signing_bytes},
    vote::{CheckpointVote, SignedVote},
};
use codec::Encode;
use sp_core::{H256, Pair, ed25519};

/// A key pair made from a small number.
#[derive(Clone)]
pub struct TestKey(ed25519::Pair);

impl TestKey {
    /// The key pair number `n`; the same for the same number.
    pub fn new(n: u64) -> Self {
        let seed = sp_io::hashing::blake2_256(&(b"test key", n).encode());
        Self(ed25519::Pair::from_seed(&seed))
    }

    /// Its public key.
    pub fn public(&self) -> PublicKey {
        self.0.public()
    }

    /// Its signature of these bytes.
    pub fn sign_bytes(&self, bytes: &[u8]) -> Signature {
        self.0.sign(bytes)
    }

    /// Its signature of any statement.
    pub fn sign<S: Statement>(&self, genesis_hash: &H256, statement: &S) -> Signature {
        self.0.sign(&signing_bytes(genesis_hash, statement))
    }

    /// Its vote for a block.
    pub fn vote(
        &self,
        genesis_hash: &H256,
        checkpoint: CheckpointNumber,
        block_hash: H256,
    ) -> SignedVote {
        let vote = CheckpointVote { checkpoint, block_hash };
        SignedVote { vote, key: self.public(), signature: self.sign(genesis_hash, &vote) }
    }

    /// Proof that it belongs to `account`.
    pub fn possession<AccountId: Encode>(
        &self,
        genesis_hash: &H256,
        account: AccountId,
        role: KeyRole,
    ) -> Signature {
        self.sign(genesis_hash, &Possession { account, role, key: self.public() })
    }

    /// Its vote as the director `director`.
    pub fn director_vote<AccountId: Encode>(
        &self,
        genesis_hash: &H256,
        director: AccountId,
        vote: DirectorVote<AccountId>,
    ) -> SignedDirectorVote<AccountId> {
        let signature = self.sign(genesis_hash, &vote);
        SignedDirectorVote { director, vote, signature }
    }

    /// The envelope with its signature; `envelope.origin` is left as it is.
    pub fn envelope(&self, genesis_hash: &H256, envelope: Envelope) -> SignedEnvelope {
        let signature = self.sign(genesis_hash, &envelope);
        SignedEnvelope { envelope, signature }
    }
}

/// A valid proof that `key` signed two blocks for `checkpoint`.
///
/// # Panics
///
/// Never: the two block hashes differ.
pub fn double_sign(
    key: &TestKey,
    genesis_hash: H256,
    checkpoint: CheckpointNumber,
) -> DoubleSignProof {
    let vote = |hash| key.vote(&genesis_hash, checkpoint, H256::repeat_byte(hash));
    DoubleSignProof::new(genesis_hash, vote(0xaa), vote(0xcc)).expect("the hashes differ")
}
