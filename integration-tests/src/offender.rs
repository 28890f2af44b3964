//! A validator beside a network's that signs two blocks when it is told to.

use crate::{
    chain::{FEES, STAKE},
    keys::Identity,
    network::Network,
    probe::Probe,
};
use anyhow::{Context, ensure};
use codec::Encode;
use director_primitives::{Answer, PayloadKind, SignedVote};
use director_service::{client::LocalKey, testing::Equivocator};

/// The validator, connected to the network's first director.
pub struct Offender {
    /// Who it is.
    pub identity: Identity,
    probe: Probe,
    sent: u64,
}

impl Offender {
    /// Registers it and has it authorized.
    ///
    /// # Errors
    ///
    /// Whatever keeps it out.
    pub async fn join(network: &Network) -> anyhow::Result<Self> {
        let chain = &network.chain;
        let identity = Identity::validator(network.identities.len() + 1);
        let mut probe = Probe::start(identity.clone(), chain.genesis_hash).await?;
        chain.fund(vec![(identity.id(), STAKE + FEES)]).await?;
        chain.register(&identity, STAKE).await?;
        let home = &network.directors[0];
        let key = home.identity.peer_key();
        probe.enter(key, home.ports.public).await?;
        let answer = probe.ask(key, &chain.node).await?;
        ensure!(matches!(answer, Answer::Approved { .. }), "{answer:?}");
        while !probe.welcome(key).await?.authorized {}
        Ok(Self { identity, probe, sent: 0 })
    }

    /// Signs two blocks for the newest finalized checkpoint, which is returned.
    ///
    /// # Errors
    ///
    /// If it is not connected, or the node does not answer.
    pub async fn double_sign(&mut self, network: &Network) -> anyhow::Result<u64> {
        let votes = self.two_votes(network).await?;
        self.send(network, &votes)?;
        Ok(votes[0].vote.checkpoint)
    }

    /// Votes for two blocks at the newest finalized checkpoint, which nobody has yet.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn two_votes(&self, network: &Network) -> anyhow::Result<[SignedVote; 2]> {
        let snapshot = network.chain.node.ready().await?;
        let interval = snapshot.domain.checkpoint_interval;
        let checkpoint = snapshot.number / interval;
        let real = network.chain.node.block_hash(checkpoint * interval).await?;
        let key = LocalKey::from_seed(&self.identity.checkpoint_secret());
        let equivocator = Equivocator::new(network.chain.genesis_hash, key);
        Ok(equivocator.double_sign(checkpoint, real.context("it is finalized")?))
    }

    /// Says what it signed.
    ///
    /// # Errors
    ///
    /// If it is not connected.
    pub fn send(&mut self, network: &Network, votes: &[SignedVote]) -> anyhow::Result<()> {
        let home = network.directors[0].identity.peer_key();
        for vote in votes {
            self.sent += 1;
            let envelope =
                self.probe.envelope(self.sent, PayloadKind::CheckpointVote, vote.encode());
            self.probe.send(home, &envelope)?;
        }
        Ok(())
    }

    /// Closes its connection.
    pub async fn shutdown(self) {
        self.probe.shutdown().await;
    }
}
