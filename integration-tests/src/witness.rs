//! Runs a validator's client and keeps all that happens to it: for tests that ask what it was told, and when.

use anyhow::Context;
use director_primitives::{PayloadKind, Priority, PublicKey, Topic};
use director_service::{
    chain::Node,
    client::{Client, Config, Event, MessageId, PublishError},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// Bounds each wait.
const SOON: Duration = Duration::from_secs(30);

/// Length of a payload, about that of a vote.
const PAYLOAD_LEN: usize = 150;

/// A client, and what it told so far.
pub struct Witness {
    client: Client,
    /// In the order in which it happened.
    pub events: Vec<Event>,
}

impl Witness {
    /// Starts a client that follows `node`.
    ///
    /// # Errors
    ///
    /// As [`Client::start`].
    pub async fn start(config: Config, node: &Node) -> anyhow::Result<Self> {
        let client = Client::start(config, node.finalized(), Arc::new(node.clone())).await?;
        Ok(Self { client, events: Vec::new() })
    }

    /// Its peer key.
    pub fn key(&self) -> PublicKey {
        self.client.key()
    }

    /// Says something as urgent as a vote.
    ///
    /// # Errors
    ///
    /// As [`Client::publish`].
    pub fn say_something(&self) -> Result<MessageId, PublishError> {
        let kind = PayloadKind::Opaque(Topic::truncate_from(b"test".to_vec()));
        self.client.publish(kind, Priority::Critical, vec![0; PAYLOAD_LEN])
    }

    /// Waits until something happens, unless it has happened already.
    ///
    /// # Errors
    ///
    /// If it does not within half a minute, or the client ends.
    pub async fn is_told(&mut self, expected: &Event) -> anyhow::Result<()> {
        let told = self.wait_for(|event| (event == expected).then_some(())).await;
        told.with_context(|| format!("it is not told {expected:?}"))
    }

    /// Waits for a message, unless it is there already; when it came.
    ///
    /// # Errors
    ///
    /// As [`Self::is_told`].
    pub async fn hears(&mut self, origin: PublicKey, id: MessageId) -> anyhow::Result<Instant> {
        let heard = self.wait_for(|event| match event {
            Event::Message(of) if of.origin == origin && of.id == id => Some(of.received_at),
            _ => None,
        });
        heard.await.with_context(|| format!("it does not hear {id:?}"))
    }

    async fn wait_for<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> anyhow::Result<T> {
        let mut next = 0;
        let found = async {
            loop {
                while let Some(event) = self.events.get(next) {
                    next += 1;
                    if let Some(found) = wanted(event) {
                        return anyhow::Ok(found);
                    }
                }
                self.events.push(self.client.next().await.context("the client has ended")?);
            }
        };
        timeout(SOON, found).await.with_context(|| format!("waited for {SOON:?}"))?
    }

    /// What it was told that its primary has withheld.
    pub fn accusations(&self) -> Vec<&Event> {
        self.events.iter().filter(|event| matches!(event, Event::Withheld { .. })).collect()
    }

    /// Closes its connections.
    pub async fn shutdown(self) {
        self.client.shutdown().await;
    }
}
