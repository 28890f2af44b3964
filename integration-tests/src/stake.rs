//! Makes stake proofs by hand, without the code of directors and clients: the keys of the state from
//! the names in the pallets, the nodes from the node's `state_getReadProof`.

use crate::{chain::Chain, keys::Identity};
use anyhow::{Context, bail};
use director_primitives::{
    AccountId32, Application, AuthorizationRequest, H256, SignedAuthorizationRequest, StakeProof,
};
use director_service::chain::Head;
use serde_json::{Value, json};
use sp_crypto_hashing::{blake2_128, twox_128};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long the node may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// What a candidate says, before it is signed: each part of it can be made a lie.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What it asks.
    pub request: AuthorizationRequest<AccountId32>,
    /// What it shows.
    pub stake_proof: StakeProof,
}

impl Draft {
    /// The truth about a registered validator at a finalized block.
    ///
    /// # Errors
    ///
    /// If the node does not answer, or does not know the validator.
    pub async fn honest(chain: &Chain, validator: &Identity, at: Head) -> anyhow::Result<Self> {
        let account = validator.id();
        let registered = chain.node.validator(&account).await?;
        let registration_id = registered.context("it is not registered")?.registration_id;
        let request = AuthorizationRequest {
            validator: account.clone(),
            registration_id,
            block_number: at.number,
            block_hash: at.hash,
            timestamp_ms: now_ms(),
        };
        Ok(Self { request, stake_proof: stake_proof(chain, &account, at.hash).await? })
    }

    /// Signed by the peer key of `signer`.
    pub fn sign(self, genesis: &H256, signer: &Identity) -> Application {
        let Self { request, stake_proof } = self;
        let signature = signer.sign_as_peer_key(genesis, &request);
        Application { request: SignedAuthorizationRequest { request, signature }, stake_proof }
    }
}

/// The nodes of the state's trie on the way to an account's registration and to its holds.
///
/// # Errors
///
/// If the node does not answer.
pub async fn stake_proof(
    chain: &Chain,
    account: &AccountId32,
    at: H256,
) -> anyhow::Result<StakeProof> {
    let keys = [
        storage_key("ValidatorRegistry", "Validators", account),
        storage_key("Balances", "Holds", account),
    ];
    let answer = call(&chain.url, "state_getReadProof", json!([keys, at])).await?;
    let nodes = answer["proof"].as_array().context("an answer without a proof")?;
    let node = |node: &Value| -> anyhow::Result<Vec<u8>> {
        let digits = node.as_str().and_then(|text| text.strip_prefix("0x"));
        Ok(hex::decode(digits.context("a node that is no text")?)?)
    };
    let nodes = nodes.iter().map(node).collect::<anyhow::Result<Vec<_>>>()?;
    StakeProof::new(nodes).context("the proof is larger than a proof may be")
}

/// The key of a map's entry, hashed with `Blake2_128Concat`.
fn storage_key(pallet: &str, map: &str, account: &AccountId32) -> String {
    let account: &[u8] = account.as_ref();
    let hash = blake2_128(account);
    let [pallet, map] = [pallet, map].map(|name| twox_128(name.as_bytes()));
    format!("0x{}", hex::encode([&pallet[..], &map, &hash, account].concat()))
}

/// Asks the node something over HTTP.
async fn call(url: &str, method: &str, params: Value) -> anyhow::Result<Value> {
    let url = url.replacen("ws://", "http://", 1);
    let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let question = question.to_string();
    let answer = tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().timeout_global(Some(ANSWER)).build().into();
        let request = agent.post(&url).header("content-type", "application/json");
        let mut answer = request.send(question).with_context(|| format!("POST {url}"))?;
        anyhow::Ok(answer.body_mut().read_to_string()?)
    });
    let mut answer: Value = serde_json::from_str(&answer.await??)?;
    match answer.get("error") {
        Some(error) => bail!("{method} is refused: {error}"),
        None => Ok(answer["result"].take()),
    }
}

/// The machine's clock, in milliseconds since the Unix epoch.
fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
