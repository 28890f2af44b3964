//! Stands between a director and its node, and says that more is finalized than is, or that the node is behind.
//!
//! It tells a node's finalized heads with higher numbers. Whatever is asked about these made-up blocks it lets the node
//! answer about the real ones, so that nothing but the numbers is wrong, as far as anybody can see who asks it alone.

use anyhow::Context;
use codec::Encode;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};
use subxt::{config::substrate::SubstrateHeader, utils::H256};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_tungstenite::{accept_async, client_async, tungstenite::Message};

/// Carries connections to a node until it is dropped, and changes what the node says.
pub struct Boaster {
    /// The WebSocket by which the node is reached through it.
    pub url: String,
    lead: watch::Sender<u64>,
    is_syncing: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Made-up blocks by their hashes: their headers, and the hashes of the real ones.
type Lies = Arc<Mutex<HashMap<String, (Value, String)>>>;

/// What the answer to a question is used for.
enum Asked {
    /// It is how the node is, which is to be worse.
    Health,
    /// It is a hash, which is to be another one.
    FinalizedHead,
    /// It is the header for an answer to this question.
    HeaderFor(Value),
    /// It is in the place of this made-up header.
    Header(Value),
}

impl Boaster {
    /// Starts to carry to the node at this WebSocket. It tells the truth at first.
    ///
    /// # Errors
    ///
    /// If the address is none of this machine's ports, or there is no port.
    pub async fn start(node: &str) -> anyhow::Result<Self> {
        let to: SocketAddr =
            node.strip_prefix("ws://").context("not a WebSocket's URL")?.parse()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("ws://{}", listener.local_addr()?);
        let (lead, says) = watch::channel(0);
        let (is_syncing, health) = watch::channel(false);
        let task = tokio::spawn(carry(listener, to, says, health));
        Ok(Self { url, lead, is_syncing, task })
    }

    /// From now on it says that so many blocks more are finalized than are.
    pub fn boast(&self, blocks: u64) {
        self.lead.send_replace(blocks);
    }

    /// From now on it says that it syncs, or that it does not.
    pub fn sync(&self, is_syncing: bool) {
        self.is_syncing.send_replace(is_syncing);
    }
}

impl Drop for Boaster {
    fn drop(&mut self) {
        // The connections are in a set of the task and end with it.
        self.task.abort();
    }
}

async fn carry(
    listener: TcpListener,
    to: SocketAddr,
    lead: watch::Receiver<u64>,
    is_syncing: watch::Receiver<bool>,
) {
    let lies = Lies::default();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((from, _)) = accepted else { return };
                let (lead, is_syncing) = (lead.clone(), is_syncing.clone());
                let line = Line { lead, is_syncing, lies: lies.clone(), asked: HashMap::new() };
                connections.spawn(async move {
                    if let Err(error) = line.carry(from, to).await {
                        tracing::debug!("a connection through the boaster ended: {error:#}");
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection.
struct Line {
    lead: watch::Receiver<u64>,
    is_syncing: watch::Receiver<bool>,
    lies: Lies,
    /// By the question's number.
    asked: HashMap<String, Asked>,
}

impl Line {
    async fn carry(mut self, from: TcpStream, to: SocketAddr) -> anyhow::Result<()> {
        let client = accept_async(from).await?;
        let (node, _) = client_async(format!("ws://{to}"), TcpStream::connect(to).await?).await?;
        let (mut to_client, mut from_client) = client.split();
        let (mut to_node, mut from_node) = node.split();
        loop {
            tokio::select! {
                said = from_client.next() => {
                    let Message::Text(text) = said.context("the client is gone")?? else { continue };
                    let question = self.question(&text)?;
                    to_node.send(Message::text(question)).await?;
                }
                said = from_node.next() => {
                    let Message::Text(text) = said.context("the node is gone")?? else { continue };
                    match self.answer(serde_json::from_str(&text)?)? {
                        Said::ToClient(answer) => {
                            to_client.send(Message::text(answer.to_string())).await?;
                        }
                        Said::ToNode(question) => {
                            to_node.send(Message::text(question.to_string())).await?;
                        }
                    }
                }
            }
        }
    }

    /// A question about made-up blocks becomes one about real ones.
    fn question(&mut self, text: &str) -> anyhow::Result<String> {
        let call: Value = serde_json::from_str(text)?;
        let about = call["params"][0].as_str().unwrap_or_default();
        let lies = self.lies.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = match call["method"].as_str() {
            Some("chain_getFinalizedHead") if *self.lead.borrow() > 0 => Some(Asked::FinalizedHead),
            Some("system_health") if *self.is_syncing.borrow() => Some(Asked::Health),
            Some("chain_getHeader") => {
                lies.get(about).map(|(header, _)| Asked::Header(header.clone()))
            }
            _ => None,
        };
        if let Some(asked) = asked {
            self.asked.insert(call["id"].to_string(), asked);
        }
        let replace = |text: String, (lie, (_, truth)): (&String, &(Value, String))| {
            if text.contains(lie.as_str()) { text.replace(lie, truth) } else { text }
        };
        Ok(lies.iter().fold(text.to_owned(), replace))
    }

    fn answer(&mut self, mut said: Value) -> anyhow::Result<Said> {
        if said["method"] == "chain_finalizedHead" {
            let header = said["params"]["result"].take();
            said["params"]["result"] = self.raised(header)?.1;
            return Ok(Said::ToClient(said));
        }
        Ok(match self.asked.remove(&said["id"].to_string()) {
            None => Said::ToClient(said),
            Some(Asked::Health) => {
                said["result"]["isSyncing"] = true.into();
                Said::ToClient(said)
            }
            Some(Asked::Header(header)) => {
                said["result"] = header;
                Said::ToClient(said)
            }
            Some(Asked::FinalizedHead) => {
                let id = json!(format!("boast {}", said["id"]));
                self.asked.insert(id.to_string(), Asked::HeaderFor(said["id"].take()));
                Said::ToNode(json!({
                    "jsonrpc": "2.0", "id": id, "method": "chain_getHeader", "params": [said["result"]],
                }))
            }
            Some(Asked::HeaderFor(id)) => {
                let (hash, _) = self.raised(said["result"].take())?;
                Said::ToClient(json!({ "jsonrpc": "2.0", "id": id, "result": hash }))
            }
        })
    }

    /// A header with another number, and its hash.
    fn raised(&self, header: Value) -> anyhow::Result<(String, Value)> {
        let mut made_up: SubstrateHeader<H256> = serde_json::from_value(header)?;
        let truth = hash_of(&made_up);
        made_up.number += *self.lead.borrow();
        let (hash, header) = (hash_of(&made_up), serde_json::to_value(&made_up)?);
        if hash != truth {
            let mut lies = self.lies.lock().unwrap_or_else(PoisonError::into_inner);
            lies.insert(hash.clone(), (header.clone(), truth));
        }
        Ok((hash, header))
    }
}

/// What goes where.
enum Said {
    ToClient(Value),
    ToNode(Value),
}

fn hash_of(header: &SubstrateHeader<H256>) -> String {
    format!("0x{}", hex::encode(sp_crypto_hashing::blake2_256(&header.encode())))
}
