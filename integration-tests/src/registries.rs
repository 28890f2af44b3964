//! Does in the two registries what directors and validators do there, and reads the session's set.

use crate::{chain::Chain, director::Ports, keys::Identity};
use anyhow::Context;
use codec::Compact;
use director_primitives::{
    AccountId32, Decision, DirectorVote, KeyRole,
    authorization::first_nonce,
    runtime_api::{Endpoint, EndpointScope, Endpoints, Region},
};
use director_service::chain::{Account, CALL_TIMEOUT, ChainError, Head, Included};
use subxt::{dynamic::tx, utils::Static};
use tokio::time::timeout;

/// Blocks for which a director's vote counts.
const VOTE_LIFE: u64 = 1_000;

/// Validators that each director says it has room for.
const CAPACITY: u32 = 1_000;

impl Chain {
    /// Activates a director that was invited, with its endpoints on loopback.
    ///
    /// # Errors
    ///
    /// As the chain refuses it.
    pub async fn activate(&self, director: &Identity, ports: Ports) -> anyhow::Result<Included> {
        let endpoint = |scope, port| {
            let address = format!("/ip4/127.0.0.1/tcp/{port}").into_bytes();
            Endpoint { scope, address: address.try_into().expect("shorter than MAX_ADDRESS_LEN") }
        };
        let endpoints = Endpoints::truncate_from(vec![
            endpoint(EndpointScope::Public, ports.public),
            endpoint(EndpointScope::Mesh, ports.mesh),
        ]);
        self.activate_at(director, endpoints).await
    }

    /// Activates a director that was invited, with these endpoints.
    ///
    /// # Errors
    ///
    /// As the chain refuses it.
    pub async fn activate_at(
        &self,
        director: &Identity,
        endpoints: Endpoints,
    ) -> anyhow::Result<Included> {
        let call = tx(
            "DirectorRegistry",
            "activate",
            (
                Static(director.peer_key()),
                Static(director.possession(&self.genesis_hash, KeyRole::DirectorPeer)),
                Static(endpoints),
                Static(region()),
                Static(CAPACITY),
            ),
        );
        let activated = self.call(&call, &director.account).await;
        activated.with_context(|| format!("{} activates itself", director.name))
    }

    /// Changes the endpoints of an active director.
    ///
    /// # Errors
    ///
    /// As the chain refuses it.
    pub async fn move_to(
        &self,
        director: &Identity,
        endpoints: Endpoints,
    ) -> anyhow::Result<Included> {
        let arguments = (Static(endpoints), Static(region()), Static(CAPACITY));
        let call = tx("DirectorRegistry", "update_record", arguments);
        let moved = self.call(&call, &director.account).await;
        moved.with_context(|| format!("{} changes its endpoints", director.name))
    }

    /// Stakes for a validator.
    ///
    /// # Errors
    ///
    /// As the chain refuses it.
    pub async fn register(
        &self,
        validator: &Identity,
        stake: u128,
    ) -> Result<Included, ChainError> {
        let genesis = &self.genesis_hash;
        let call = tx(
            "ValidatorRegistry",
            "register",
            (
                Static(Compact(stake)),
                Static(validator.checkpoint_key()),
                Static(validator.possession(genesis, KeyRole::Checkpoint)),
                Static(validator.peer_key()),
                Static(validator.possession(genesis, KeyRole::ValidatorPeer)),
            ),
        );
        self.call(&call, &validator.account).await
    }

    /// Has a validator ask to leave.
    ///
    /// # Errors
    ///
    /// As the chain refuses it.
    pub async fn request_exit(&self, validator: &Identity) -> Result<Included, ChainError> {
        self.call(&tx("ValidatorRegistry", "request_exit", ()), &validator.account).await
    }

    /// Sets a validator's session keys, of which this runtime has none: `pallet-session` leaves out
    /// whoever has not done so.
    ///
    /// # Errors
    ///
    /// As the chain refuses it.
    pub async fn set_session_keys(&self, validator: &Identity) -> Result<Included, ChainError> {
        let (keys, proof) = ((), Vec::<u8>::new());
        let call = tx("Session", "set_keys", (Static(keys), Static(proof)));
        self.call(&call, &validator.account).await
    }

    /// Has `sender` bring the votes of directors about a validator, as they sign them at the newest
    /// finalized block.
    ///
    /// # Errors
    ///
    /// As the chain refuses them.
    pub async fn submit_votes(
        &self,
        validator: &AccountId32,
        decision: Decision,
        directors: &[&Identity],
        sender: &Account,
    ) -> anyhow::Result<Included> {
        let head = self.node.head().borrow().context("no block is finalized yet")?;
        let registered = self.node.validator(validator).await?;
        let registration_id =
            registered.context("the validator is not registered")?.registration_id;
        let vote = DirectorVote {
            validator: validator.clone(),
            registration_id,
            decision,
            nonce: first_nonce(head.number),
            valid_until: head.number + VOTE_LIFE,
        };
        let signed = directors.iter().map(|of| of.director_vote(&self.genesis_hash, vote.clone()));
        let votes = (Static(signed.collect::<Vec<_>>()),);
        Ok(self.call(&tx("ValidatorRegistry", "submit_votes", votes), sender).await?)
    }

    /// The validators of the session that runs at a finalized block.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn session_validators(&self, block: Head) -> anyhow::Result<Vec<AccountId32>> {
        let address = subxt::dynamic::storage::<(), Vec<[u8; 32]>>("Session", "Validators");
        let at = self.node.at(block).await?;
        let found = timeout(CALL_TIMEOUT, at.storage().fetch(address, ())).await??;
        Ok(found.decode()?.into_iter().map(AccountId32::new).collect())
    }
}

/// Where all directors of a run say that they stand.
fn region() -> Region {
    Region::truncate_from(b"local".to_vec())
}
