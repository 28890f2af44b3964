//! What a probe does at any address, and what it says without being asked to be right.

use super::Probe;
use crate::{keys::Identity, namespaces::Namespace};
use director_primitives::{Answer, Control, H256, PublicKey, Welcome};
use director_service::network::{Event, Multiaddr};

impl Probe {
    /// A probe whose connections come from a namespace.
    ///
    /// # Errors
    ///
    /// If the network does not start.
    pub async fn start_in(
        namespace: &Namespace,
        identity: Identity,
        genesis_hash: H256,
    ) -> anyhow::Result<Self> {
        // Its swarm is a task of the runtime on which it is started, and dials from there.
        namespace.spawn(Self::start(identity, genesis_hash)).await?
    }

    /// Knocks once at an address: why it was turned away, or `None` if it was let in.
    ///
    /// # Errors
    ///
    /// If the swarm ends.
    pub async fn knock_at(
        &mut self,
        key: PublicKey,
        address: Multiaddr,
    ) -> anyhow::Result<Option<String>> {
        self.know(key);
        self.handle.dial(key, vec![address]);
        loop {
            match self.next().await? {
                Event::Up { peer } if peer == key => return Ok(None),
                Event::DialFailed { peer, error } if peer == key => return Ok(Some(error)),
                _ => {}
            }
        }
    }

    /// Knocks at an address until it is let in and the director has said where the probe stands, and
    /// comes back whenever it is disconnected.
    ///
    /// # Errors
    ///
    /// If the swarm ends.
    pub async fn enter_at(
        &mut self,
        key: PublicKey,
        address: Multiaddr,
    ) -> anyhow::Result<Welcome> {
        self.know(key);
        self.handle.maintain(key, vec![address]);
        while !self.handle.is_connected(&key) {
            self.next().await?;
        }
        self.welcome(key).await
    }

    /// The director's next word about whether it wants the probe.
    ///
    /// # Errors
    ///
    /// If the swarm ends.
    pub async fn answer(&mut self, director: PublicKey) -> anyhow::Result<Answer> {
        self.control(director, |control| match control {
            Control::AuthorizationAnswer(answer) => Some(*answer),
            _ => None,
        })
        .await
    }

    /// Does not come back to a director that disconnects the probe.
    pub fn stay_away(&self, director: &PublicKey) {
        self.handle.forget(director);
    }

    /// Waits until a director has disconnected the probe.
    ///
    /// # Errors
    ///
    /// If the swarm ends.
    pub async fn is_cut_off(&mut self, director: &PublicKey) -> anyhow::Result<()> {
        while self.handle.is_connected(director) {
            self.next().await?;
        }
        Ok(())
    }

    /// Whether a connection is up.
    pub fn is_connected(&self, director: &PublicKey) -> bool {
        self.handle.is_connected(director)
    }
}
