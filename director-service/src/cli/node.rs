//! Connects a command to a node, and gives up where a service would wait.

use crate::chain::{ChainError, Connection, Node, Settings};
use anyhow::{Context, bail};
use director_primitives::{H256, Snapshot};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long a command waits for its node.
const PATIENCE: Duration = Duration::from_secs(30);

/// Of that, how long for a connection at all.
const CONNECT: Duration = Duration::from_secs(10);

/// Which node, for commands that have no configuration file.
#[derive(clap::Args)]
pub(super) struct NodeArgs {
    /// WebSocket of a node that you trust: ws://127.0.0.1:9944.
    #[arg(long, value_name = "URL")]
    url: String,
    /// Genesis hash of the chain that it must serve, 0x and 64 digits. Default: whatever it serves.
    #[arg(long, value_name = "HASH", value_parser = parse_hash)]
    genesis_hash: Option<H256>,
    /// Allow ws:// to another machine, over a link that is private already.
    #[arg(long)]
    allow_insecure: bool,
}

impl NodeArgs {
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) async fn connect(&self) -> anyhow::Result<(Node, Arc<Snapshot>)> {
        let connected = connect(Settings {
            genesis_hash: self.genesis_hash,
            allow_insecure: self.allow_insecure,
            ..Settings::new(self.url.clone())
        })
        .await;
        connected.map_err(|error| match error.downcast_ref() {
            // Who typed options is told of options.
            Some(ChainError::OtherChain { expected, found }) => anyhow::anyhow!(
                "the node at {} serves the chain with genesis {found:?}, not {expected:?}; correct --url or --genesis-hash",
                self.url
            ),
            _ => error,
        })
    }
}

fn parse_hash(text: &str) -> Result<H256, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut hash = H256::zero();
    hex::decode_to_slice(digits, hash.as_bytes_mut())
        .map_err(|_| "expected 0x and 64 hexadecimal digits".to_owned())?;
    Ok(hash)
}

/// The node and its newest finalized block.
///
/// # Errors
///
/// If it serves another chain or interface, cannot be reached within ten seconds, or does not answer within half a
/// minute.
pub(super) async fn connect(settings: Settings) -> anyhow::Result<(Node, Arc<Snapshot>)> {
    let url = settings.urls.join(", ");
    let node = Node::start(settings)?;
    let mut ready = timeout(CONNECT, node.ready()).await;
    let is_away = matches!(*node.connection().borrow(), Connection::Connecting(Some(_)));
    if ready.is_err() && !is_away {
        ready = timeout(PATIENCE.saturating_sub(CONNECT), node.ready()).await;
    }
    if let Ok(ready) = ready {
        let snapshot = ready?;
        return Ok((node, snapshot));
    }
    let connection = node.connection().borrow().clone();
    match connection {
        Connection::Connecting(Some(error)) | Connection::Unusable(error) => Err(error)
            .with_context(|| {
                format!("no answer of {url}; check that the node runs and the address")
            }),
        _ => {
            bail!("no finalized block from {url} within {PATIENCE:?}; check that its chain goes on")
        }
    }
}
