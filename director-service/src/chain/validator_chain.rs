//! The chain as one validator uses it: its node, its account, its stake.

use super::{
    Account, CALL_TIMEOUT, ChainError, Included, Node, Submitter, interface,
    session::{timeout, unexpected},
};
use director_primitives::{AccountId32, DoubleSignProof, KeyRole, PublicKey, Signature};
use subxt::{tx::Payload, utils::Static};

/// A node and the account of a validator.
#[derive(Clone)]
pub struct ValidatorChain {
    node: Node,
    submitter: Submitter,
    account: Account,
}

/// What a validator puts on chain.
#[derive(Clone, Copy, Debug)]
pub struct Stake {
    /// How much, in the smallest unit. It is put on hold.
    pub amount: u128,
    /// Signs its checkpoint votes.
    pub checkpoint_key: PublicKey,
    /// Proof that the account has that key.
    pub checkpoint_possession: Signature,
    /// Its libp2p identity.
    pub peer_key: PublicKey,
    /// Proof that the account has that key.
    pub peer_possession: Signature,
}

/// A key that takes the place of one that a validator has.
#[derive(Clone, Copy, Debug)]
pub struct NewKey {
    /// Of the checkpoint key, or else of the peer key.
    pub role: KeyRole,
    /// It.
    pub key: PublicKey,
    /// Proof that the account has it.
    pub possession: Signature,
}

/// What an account has, in the smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funds {
    /// What is not on hold.
    pub free: u128,
    /// What of it must stay, or the account is closed.
    pub existential_deposit: u128,
}

impl ValidatorChain {
    /// The chain behind `node`, with submissions from `account`.
    pub fn new(node: Node, submitter: Submitter, account: Account) -> Self {
        Self { node, submitter, account }
    }

    /// What the account has at the newest finalized block.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn funds(&self) -> Result<Funds, ChainError> {
        self.node.funds(&self.account.id()).await
    }

    /// What registering will cost, beside the stake; `None` if the chain does not tell.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn fee(&self, stake: &Stake) -> Result<Option<u128>, ChainError> {
        self.submitter.fee(&call(stake)).await
    }

    /// Registers the account as a validator and waits until that is finalized.
    ///
    /// # Errors
    ///
    /// As [`Submitter::submit_and_finalize`].
    pub async fn register(&self, stake: &Stake) -> Result<Included, ChainError> {
        self.submitter.submit_and_finalize(&call(stake), &self.account).await
    }

    /// Replaces one of the validator's keys and waits until that is finalized.
    ///
    /// # Errors
    ///
    /// As [`Submitter::submit_and_finalize`].
    pub async fn rotate_key(&self, new: &NewKey) -> Result<Included, ChainError> {
        let (key, possession) = (new.key.0, new.possession.0);
        let registry = interface::tx().validator_registry();
        if new.role == KeyRole::Checkpoint {
            let call = registry.rotate_checkpoint_key(key, possession);
            return self.submitter.submit_and_finalize(&call, &self.account).await;
        }
        let call = registry.rotate_peer_key(key, possession);
        self.submitter.submit_and_finalize(&call, &self.account).await
    }

    /// Reports a double sign, as any account may, and waits until that is finalized.
    ///
    /// # Errors
    ///
    /// As [`Submitter::submit_and_finalize`].
    pub async fn report_double_sign(
        &self,
        proof: &DoubleSignProof,
    ) -> Result<Included, ChainError> {
        let call = interface::tx().slashing_evidence().report_double_sign(Static(*proof));
        self.submitter.submit_and_finalize(&call, &self.account).await
    }
}

fn call(stake: &Stake) -> impl Payload + use<> {
    interface::tx().validator_registry().register(
        stake.amount,
        stake.checkpoint_key.0,
        stake.checkpoint_possession.0,
        stake.peer_key.0,
        stake.peer_possession.0,
    )
}

impl Node {
    /// What an account has at the newest finalized block. One that does not exist has nothing.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn funds(&self, account: &AccountId32) -> Result<Funds, ChainError> {
        let session = self.session().await?;
        let at = session.at(self.newest(&session).await?).await?;
        let deposit = interface::constants().balances().existential_deposit();
        let existential_deposit = at.constants().entry(deposit).map_err(unexpected)?;
        let address = interface::storage().system().account();
        let key = subxt::utils::AccountId32(*account.as_ref());
        let storage = at.storage();
        let found = timeout(CALL_TIMEOUT, storage.try_fetch(address, (key,))).await?;
        let free = match found.map_err(unexpected)? {
            Some(found) => found.decode().map_err(unexpected)?.data.free,
            None => 0,
        };
        Ok(Funds { free, existential_deposit })
    }
}
