//! Holds one connection to a node, and asks it with a timeout on every question.
//!
//! The long-known RPC methods are used (`chain_…`, `state_…`, `author_…`): they need nothing of the
//! node between two calls, so that there is nothing to repair after a reconnect, and a question
//! about a finalized block is answered whether or not anybody has pinned it.

use super::{CALL_TIMEOUT, ChainError, compatibility, records::Records};
use codec::{DecodeAll, Encode};
use director_primitives::H256;
use std::{future::Future, sync::Arc, time::Duration};
use subxt::{
    OnlineClient,
    backend::{BlockRef, LegacyBackend},
    client::OnlineClientAtBlock,
    config::{RpcConfigFor, SubstrateConfig, substrate::SubstrateHeader},
    rpcs::{self, RpcClient, methods::LegacyRpcMethods},
};

/// A block of the finalized chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: H256,
}

/// A connection to a node that serves the right chain, with an interface by which it can be followed.
#[derive(Clone)]
pub(super) struct Session {
    /// Where the node is.
    pub(super) url: String,
    pub(super) rpc: Rpc,
    pub(super) api: OnlineClient<SubstrateConfig>,
    pub(super) genesis: H256,
    pub(super) records: Records,
    pub(super) runtime: Runtime,
}

/// The chain's runtime, at the newest finalized block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// Its version.
    pub spec_version: u32,
    /// Why nothing can be submitted to it, if so: this program was built for another interface.
    pub acting: Result<(), ChainError>,
}

impl Session {
    /// Connects once and checks chain and interface.
    pub(super) async fn open(url: &str, expected: Option<H256>) -> Result<Self, ChainError> {
        let client = limit(RpcClient::from_insecure_url(url)).await?;
        let rpc = LegacyRpcMethods::new(client.clone());
        let url = url.into();
        let genesis = limit(rpc.genesis_hash()).await?;
        if let Some(expected) = expected.filter(|hash| *hash != genesis) {
            return Err(ChainError::OtherChain { expected, found: genesis });
        }
        let backend = Arc::new(LegacyBackend::builder().build(client.clone()));
        let config = SubstrateConfig::builder().set_genesis_hash(genesis).build();
        let api = timeout(CALL_TIMEOUT, OnlineClient::from_backend_with_config(config, backend))
            .await?
            .map_err(unexpected)?;
        let (head, _) = finalized_header(&rpc).await?;
        let found = interface(&rpc, &api, head).await;
        let (records, runtime) = unless_behind(found, is_well(&rpc)).await?;
        Ok(Self { url, rpc, api, genesis, records, runtime })
    }

    /// Version of the runtime in the state of a block: the one that makes the next block.
    pub(super) async fn spec_version(&self, at: H256) -> Result<u32, ChainError> {
        spec_version(&self.rpc, at).await
    }

    /// The same connection after an upgrade of the runtime that this block brought.
    ///
    /// # Errors
    ///
    /// [`ChainError::Incompatible`] if the chain cannot even be followed any more.
    pub(super) async fn upgraded(&self, head: Head) -> Result<Self, ChainError> {
        let found = interface(&self.rpc, &self.api, head).await;
        let (records, runtime) = unless_behind(found, self.is_well()).await?;
        Ok(Self { records, runtime, ..self.clone() })
    }

    /// Whether this program knows how to ask and tell the runtime what goes beyond following it.
    pub(super) fn acting(&self) -> Result<(), ChainError> {
        self.runtime.acting.clone()
    }

    /// The node's latest finalized block, and its state root.
    pub(super) async fn finalized_header(&self) -> Result<(Head, H256), ChainError> {
        finalized_header(&self.rpc).await
    }

    /// Whether the node says of itself that it is not behind.
    pub(super) async fn is_well(&self) -> bool {
        is_well(&self.rpc).await
    }

    /// Number and state root of a block: what stands in the header that has this hash.
    pub(super) async fn header(&self, hash: H256) -> Result<(Head, H256), ChainError> {
        header(&self.rpc, hash).await
    }

    /// Asks the runtime at a block, or at the node's best one.
    pub(super) async fn call<R: DecodeAll>(
        &self,
        method: &str,
        arguments: impl Encode,
        at: impl Into<Option<H256>>,
    ) -> Result<R, ChainError> {
        let arguments = arguments.encode();
        let answer = limit(self.rpc.state_call(method, Some(&arguments), at.into())).await?;
        R::decode_all(&mut &*answer)
            .map_err(|error| ChainError::Unexpected(format!("answer of {method}: {error}")))
    }

    /// subxt's own client at a block.
    pub(super) async fn at(
        &self,
        head: Head,
    ) -> Result<OnlineClientAtBlock<SubstrateConfig>, ChainError> {
        at(&self.api, head).await
    }
}

pub(super) type Rpc = LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>;

/// What the runtime in the state of a block offers.
async fn interface(
    rpc: &Rpc,
    api: &OnlineClient<SubstrateConfig>,
    head: Head,
) -> Result<(Records, Runtime), ChainError> {
    let spec_version = spec_version(rpc, head.hash).await?;
    let at = at(api, head).await?;
    compatibility::following(at.metadata_ref())?;
    let acting = compatibility::acting(&at);
    Ok((Records::new(at.metadata())?, Runtime { spec_version, acting }))
}

/// What an interface that differs means: where the node is behind, the runtime is that of long ago, and this program is not too old.
pub(super) async fn unless_behind<T>(
    found: Result<T, ChainError>,
    is_well: impl Future<Output = bool>,
) -> Result<T, ChainError> {
    match found {
        Err(ChainError::Incompatible(why)) if !is_well.await => {
            Err(ChainError::Unexpected(format!(
                "it is syncing or has no peers, and at its newest finalized block the runtime has another interface ({why}); \
             waiting until it has caught up"
            )))
        }
        found => found,
    }
}

async fn spec_version(rpc: &Rpc, at: H256) -> Result<u32, ChainError> {
    Ok(limit(rpc.state_get_runtime_version(Some(at))).await?.spec_version)
}

pub(super) async fn is_well(rpc: &Rpc) -> bool {
    match limit(rpc.system_health()).await {
        Ok(health) => !health.is_syncing && (health.peers > 0 || !health.should_have_peers),
        // Some who rent out nodes do not tell.
        Err(ChainError::Unexpected(_)) => true,
        Err(_) => false,
    }
}

pub(super) async fn finalized_header(rpc: &Rpc) -> Result<(Head, H256), ChainError> {
    header(rpc, limit(rpc.chain_get_finalized_head()).await?).await
}

async fn header(rpc: &Rpc, hash: H256) -> Result<(Head, H256), ChainError> {
    let header = limit(rpc.chain_get_header(Some(hash))).await?;
    let header =
        header.ok_or_else(|| ChainError::Unexpected(format!("no header of block {hash:?}")))?;
    let head = head_of(&header);
    if head.hash != hash {
        let cause = format!("the header for block {hash:?} hashes to {:?}", head.hash);
        return Err(ChainError::Unexpected(cause));
    }
    Ok((head, header.state_root))
}

async fn at(
    api: &OnlineClient<SubstrateConfig>,
    head: Head,
) -> Result<OnlineClientAtBlock<SubstrateConfig>, ChainError> {
    let block = BlockRef::from_hash(head.hash);
    timeout(CALL_TIMEOUT, api.at_block_hash_and_number(block, head.number))
        .await?
        .map_err(unexpected)
}

/// The block that a header is of.
pub(super) fn head_of(header: &SubstrateHeader<H256>) -> Head {
    let hash = sp_hash(&header.encode());
    Head { number: header.number, hash }
}

/// BLAKE2b-256, by which a Substrate chain with the common types names blocks and extrinsics.
pub(super) fn sp_hash(bytes: &[u8]) -> H256 {
    H256(director_primitives::envelope::fingerprint(bytes))
}

/// Longest text of a node that is kept, in bytes: it goes to logs and alarms.
const MAX_TEXT: usize = 500;

/// The beginning of what a node says.
fn shortened(mut text: String) -> String {
    let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.truncate(end);
    text
}

/// Waits for the answer to an RPC call, but not for ever.
pub(super) async fn limit<T>(
    call: impl Future<Output = Result<T, rpcs::Error>>,
) -> Result<T, ChainError> {
    timeout(CALL_TIMEOUT, call).await?.map_err(|error| match error {
        rpcs::Error::User(answer) => ChainError::Unexpected(shortened(answer.to_string())),
        rpcs::Error::Deserialization(_)
        | rpcs::Error::Decode(_)
        | rpcs::Error::Serialization(_) => ChainError::Unexpected(error.to_string()),
        error => ChainError::Unreachable(root_cause(&error)),
    })
}

pub(super) async fn timeout<T>(
    wait: Duration,
    call: impl Future<Output = T>,
) -> Result<T, ChainError> {
    tokio::time::timeout(wait, call).await.map_err(|_| ChainError::Timeout(wait))
}

pub(super) fn unexpected(error: impl std::error::Error) -> ChainError {
    ChainError::Unexpected(root_cause(&error))
}

/// What is behind an error, in one line: the outer ones say only that there was one, in front of it
/// or around it.
fn root_cause(error: &dyn std::error::Error) -> String {
    const SAYS_NOTHING: &str = "RPC error: client error: ";
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let line = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line = line.as_str();
    while let Some(rest) = line.strip_prefix(SAYS_NOTHING) {
        line = rest;
    }
    line.to_owned()
}
