//! Makes the keys of everybody in a run, the same ones for the same names.

use director_primitives::signing::Statement;
use director_primitives::{
    AccountId32, CheckpointNumber, CheckpointVote, DirectorVote, H256, KeyRole, Possession,
    PublicKey, Signature, SignedDirectorVote, SignedVote, signing_bytes,
};
use director_service::chain::Account;
use sp_core::{Pair, ed25519};

/// Somebody with an account, a peer key and (validators) a checkpoint key.
#[derive(Clone)]
pub struct Identity {
    /// `director-1`, `validator-21`, ….
    pub name: String,
    /// Where the account's secret comes from.
    pub secret_uri: String,
    /// The account.
    pub account: Account,
    peer: ed25519::Pair,
    checkpoint: ed25519::Pair,
}

impl Identity {
    /// The identity of director number `n`, from 1.
    pub fn director(n: usize) -> Self {
        Self::named(format!("director-{n}"))
    }

    /// The identity of validator number `n`, from 1.
    pub fn validator(n: usize) -> Self {
        Self::named(format!("validator-{n}"))
    }

    /// The identity with a name.
    ///
    /// # Panics
    ///
    /// If the name makes no derivation path.
    pub fn named(name: String) -> Self {
        const PHRASE: &str =
            "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
        let secret_uri = format!("{PHRASE}//{name}");
        let account = Account::from_secret(&secret_uri).expect("names are derivation paths");
        let pair = |role: &str| {
            let seed = sp_crypto_hashing::blake2_256(format!("{name}/{role}").as_bytes());
            ed25519::Pair::from_seed(&seed)
        };
        let (peer, checkpoint) = (pair("peer"), pair("checkpoint"));
        Self { name, secret_uri, account, peer, checkpoint }
    }

    /// The account's id.
    pub fn id(&self) -> AccountId32 {
        self.account.id()
    }

    /// Seed of the peer key.
    pub fn peer_secret(&self) -> [u8; 32] {
        self.peer.seed()
    }

    /// Seed of the checkpoint key.
    pub fn checkpoint_secret(&self) -> [u8; 32] {
        self.checkpoint.seed()
    }

    /// The peer key.
    pub fn peer_key(&self) -> PublicKey {
        self.peer.public()
    }

    /// The checkpoint key.
    pub fn checkpoint_key(&self) -> PublicKey {
        self.checkpoint.public()
    }

    /// The checkpoint key's signature of a statement.
    pub fn sign_as_checkpoint_key<S: Statement>(&self, genesis: &H256, statement: &S) -> Signature {
        self.checkpoint.sign(&signing_bytes(genesis, statement))
    }

    /// The peer key's signature of a statement.
    pub fn sign_as_peer_key<S: Statement>(&self, genesis: &H256, statement: &S) -> Signature {
        self.peer.sign(&signing_bytes(genesis, statement))
    }

    /// The checkpoint key's vote for a block, whatever it voted for before.
    pub fn vote(&self, genesis: &H256, checkpoint: CheckpointNumber, block: H256) -> SignedVote {
        let vote = CheckpointVote { checkpoint, block_hash: block };
        let signature = self.sign_as_checkpoint_key(genesis, &vote);
        SignedVote { vote, key: self.checkpoint_key(), signature }
    }

    /// The peer key's vote, as this account's.
    pub fn director_vote(
        &self,
        genesis: &H256,
        vote: DirectorVote<AccountId32>,
    ) -> SignedDirectorVote<AccountId32> {
        let signature = self.sign_as_peer_key(genesis, &vote);
        SignedDirectorVote { director: self.id(), vote, signature }
    }

    /// Proof that this account holds its key for `role`.
    pub fn possession(&self, genesis: &H256, role: KeyRole) -> Signature {
        let pair = match role {
            KeyRole::DirectorPeer | KeyRole::ValidatorPeer => &self.peer,
            KeyRole::Checkpoint => &self.checkpoint,
        };
        let possession = Possession { account: self.id(), role, key: pair.public() };
        pair.sign(&signing_bytes(genesis, &possession))
    }
}
