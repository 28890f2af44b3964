//! Holds what every lying director has: an account, a peer key that stands on chain, and time.

use crate::client::Signer;
use director_primitives::{
    AccountId32, Control, Decision, DirectorVote, H256, SignedDirectorVote, Snapshot,
    authorization::first_nonce, runtime_api::ValidatorInfo,
};

/// A director that lies. Its votes are rightly signed: forged ones are refused by anybody.
pub struct Liar<S> {
    genesis_hash: H256,
    account: AccountId32,
    signer: S,
    count: u64,
}

impl<S: Signer> Liar<S> {
    /// A liar with this account, which is an active director's, and that director's peer key.
    pub fn new(genesis_hash: H256, account: AccountId32, signer: S) -> Self {
        Self { genesis_hash, account, signer, count: 0 }
    }

    /// Its vote on a registration, valid for as long as can be, with a nonce higher than all before.
    pub(super) fn vote(
        &mut self,
        snapshot: &Snapshot,
        validator: &ValidatorInfo<AccountId32>,
        decision: Decision,
    ) -> SignedDirectorVote<AccountId32> {
        self.count += 1;
        self.sign(DirectorVote {
            validator: validator.account.clone(),
            registration_id: validator.registration_id,
            decision,
            nonce: first_nonce(snapshot.number) + self.count,
            valid_until: u64::MAX,
        })
    }

    /// Signs a vote as it is.
    pub(super) fn sign(&self, vote: DirectorVote<AccountId32>) -> SignedDirectorVote<AccountId32> {
        let signature = self.signer.sign_statement(&self.genesis_hash, &vote);
        SignedDirectorVote { director: self.account.clone(), vote, signature }
    }

    /// The vote in everybody's name: rightly signed by the liar, in the name of each director.
    pub(super) fn in_all_names(
        &self,
        snapshot: &Snapshot,
        signed: &SignedDirectorVote<AccountId32>,
    ) -> Vec<Control> {
        let directors = snapshot.directors.active.iter();
        let name = |account: &AccountId32| SignedDirectorVote {
            director: account.clone(),
            ..signed.clone()
        };
        directors.map(|director| Control::DirectorVote(name(&director.account))).collect()
    }
}
