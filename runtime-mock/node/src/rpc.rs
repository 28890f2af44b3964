//! Answers over RPC, on the loopback address only.

use crate::service::{Backend, Client, Pool};
use anyhow::{Result, anyhow};
use futures::StreamExt;
use jsonrpsee::RpcModule;
use runtime_mock::OpaqueBlock as Block;
use sc_rpc::{
    SubscriptionTaskExecutor,
    author::{Author, AuthorApiServer},
    chain::{self, ChainApiServer},
    state::{self, ChildStateApiServer, StateApiServer},
    system::{
        self, Health, NodeRole, Request, SyncState, SystemApiServer as _, SystemInfo,
        error::Error as SystemError,
    },
};
use sc_rpc_spec_v2::{
    archive::{Archive, ArchiveApiServer},
    chain_head::{ChainHead, ChainHeadApiServer, ChainHeadConfig},
    chain_spec::{ChainSpec, ChainSpecApiServer},
    transaction::{
        Transaction, TransactionApiServer, TransactionBroadcast, TransactionBroadcastApiServer,
    },
};
use sc_service::{
    ChainType, KeystoreContainer, Properties, RpcMethods,
    config::{KeystoreConfig, RpcBatchRequestConfig, RpcConfiguration, RpcEndpoint},
};
use sc_utils::mpsc::{TracingUnboundedReceiver, TracingUnboundedSender};
use sp_blockchain::HeaderBackend;
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};
use substrate_frame_rpc_system::{System, SystemApiServer as _};

/// What the chain is called.
const CHAIN: &str = "Director-anchored peering development";
/// Connections at a time: a devnet's directors and validators, and whoever looks on.
pub(crate) const MAX_CONNECTIONS: u32 = 256;
/// Subscriptions per connection.
const MAX_SUBSCRIPTIONS: u32 = 1_024;
/// Most MiB of a request or an answer.
const MAX_MIB: u32 = 15;
/// Messages that wait for a slow reader.
const BUFFERED_MESSAGES: u32 = 64;
/// Transactions that one connection may broadcast at a time.
const BROADCASTS_PER_CONNECTION: usize = 16;

/// Where the RPC listens.
pub(crate) fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Says at once, before the runtime is compiled, if somebody listens there already.
///
/// # Errors
///
/// If the port cannot be listened on.
pub(crate) fn check_port(port: u16) -> Result<()> {
    TcpListener::bind(address(port)).map(drop).map_err(|error| cannot_listen(port, &error))
}

/// That the RPC cannot listen, why, and what helps.
pub(crate) fn cannot_listen(port: u16, cause: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow!(
        "cannot listen on {}: {cause}; choose another --rpc-port, or 0 for any free one",
        address(port)
    )
}

/// How the RPC is served.
pub(crate) fn configuration(port: u16) -> RpcConfiguration {
    let endpoint = RpcEndpoint {
        listen_addr: address(port),
        batch_config: RpcBatchRequestConfig::Unlimited,
        max_connections: MAX_CONNECTIONS,
        max_payload_in_mb: MAX_MIB,
        max_payload_out_mb: MAX_MIB,
        max_subscriptions_per_connection: MAX_SUBSCRIPTIONS,
        max_buffer_capacity_per_connection: BUFFERED_MESSAGES,
        rate_limit: None,
        rate_limit_trust_proxy_headers: false,
        rate_limit_whitelisted_ips: Vec::new(),
        cors: None,
        rpc_methods: RpcMethods::Auto,
        is_optional: false,
        // Somebody who asked for a port has told it to others.
        retry_random_port: false,
    };
    RpcConfiguration {
        addr: Some(vec![endpoint]),
        max_connections: MAX_CONNECTIONS,
        cors: None,
        methods: RpcMethods::Auto,
        max_request_size: MAX_MIB,
        max_response_size: MAX_MIB,
        id_provider: None,
        max_subs_per_conn: MAX_SUBSCRIPTIONS,
        port,
        message_buffer_capacity: BUFFERED_MESSAGES,
        batch_config: RpcBatchRequestConfig::Unlimited,
        rate_limit: None,
        rate_limit_whitelisted_ips: Vec::new(),
        rate_limit_trust_proxy_headers: false,
        request_logger_limit: 1_024,
    }
}

/// All methods: the JSON-RPC specification's `chainHead`, `archive` and `transaction`, the older ones
/// that tools still ask for, and what FRAME adds (`system_accountNextIndex`).
///
/// # Errors
///
/// If a method is there twice.
pub(crate) fn methods(
    client: &Arc<Client>,
    backend: &Arc<Backend>,
    pool: &Arc<Pool>,
    system: TracingUnboundedSender<Request<Block>>,
    spawner: SubscriptionTaskExecutor,
) -> Result<RpcModule<()>> {
    let (client, backend, pool) = (client.clone(), backend.clone(), pool.clone());
    let genesis_hash = client.info().genesis_hash;
    let keystore = KeystoreContainer::new(&KeystoreConfig::InMemory)?.keystore();
    let (state, child_state) = state::new_full(client.clone(), spawner.clone(), None);
    let mut all = RpcModule::new(());
    all.merge(
        ChainHead::new(
            client.clone(),
            backend.clone(),
            spawner.clone(),
            ChainHeadConfig::default(),
        )
        .into_rpc(),
    )?;
    all.merge(
        Archive::new(client.clone(), backend.clone(), genesis_hash, spawner.clone()).into_rpc(),
    )?;
    all.merge(ChainSpec::new(CHAIN.into(), genesis_hash, properties()).into_rpc())?;
    all.merge(Transaction::new(client.clone(), pool.clone(), spawner.clone(), None).into_rpc())?;
    all.merge(
        TransactionBroadcast::new(
            client.clone(),
            pool.clone(),
            spawner.clone(),
            BROADCASTS_PER_CONNECTION,
        )
        .into_rpc(),
    )?;
    all.merge(chain::new_full(client.clone(), spawner.clone()).into_rpc())?;
    all.merge(state.into_rpc())?;
    all.merge(child_state.into_rpc())?;
    all.merge(Author::new(client.clone(), pool.clone(), keystore, spawner).into_rpc())?;
    all.merge(system::System::new(system_info(), system).into_rpc())?;
    all.merge(System::new(client, pool).into_rpc())?;
    Ok(all)
}

fn properties() -> Properties {
    let mut properties = Properties::new();
    properties.insert("tokenSymbol".into(), "UNIT".into());
    properties.insert("tokenDecimals".into(), 12.into());
    properties
}

fn system_info() -> SystemInfo {
    SystemInfo {
        impl_name: "mock-node".into(),
        impl_version: env!("CARGO_PKG_VERSION").into(),
        chain_name: CHAIN.into(),
        properties: properties(),
        chain_type: ChainType::Development,
    }
}

/// Answers what is asked about the network: there is none.
pub(crate) async fn answer_system(
    client: Arc<Client>,
    mut requests: TracingUnboundedReceiver<Request<Block>>,
) {
    let no_peers = || SystemError::MalformattedPeerArg("this node has no peers".into());
    // Whoever asked may have left; then nobody waits for the answer.
    while let Some(request) = requests.next().await {
        match request {
            Request::Health(to) => {
                let _ = to.send(Health { peers: 0, is_syncing: false, should_have_peers: false });
            }
            Request::LocalPeerId(to) => {
                let _ = to.send(String::new());
            }
            Request::LocalListenAddresses(to) | Request::NetworkReservedPeers(to) => {
                let _ = to.send(Vec::new());
            }
            Request::Peers(to) => {
                let _ = to.send(Vec::new());
            }
            Request::NetworkState(to) => {
                let _ = to.send(serde_json::Value::Null);
            }
            Request::NetworkAddReservedPeer(_, to) | Request::NetworkRemoveReservedPeer(_, to) => {
                let _ = to.send(Err(no_peers()));
            }
            Request::NodeRoles(to) => {
                let _ = to.send(vec![NodeRole::Authority]);
            }
            Request::SyncState(to) => {
                let best = client.info().best_number;
                let _ = to.send(SyncState {
                    starting_block: best,
                    current_block: best,
                    highest_block: best,
                });
            }
        }
    }
}
