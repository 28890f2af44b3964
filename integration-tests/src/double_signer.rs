//! Validators that sign two blocks for one checkpoint, whenever a test wants it.

use crate::{
    chain::{Chain, FEES, STAKE},
    keys::Identity,
    network::Network,
};
use anyhow::{Context, bail};
use codec::Encode;
use director_primitives::{
    Decision, DoubleSignProof, H256, PayloadKind, Priority, SignedVote, Snapshot,
};
use director_service::client::{Client, Config, DirectorAddress, Event, Publisher};
use futures::future::try_join_all;
use rand::Rng;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

/// Bounds the wait for directors.
const SOON: Duration = Duration::from_secs(90);

/// Two votes for the newest checkpoint, for blocks that do not exist, and the identity of what proves them.
///
/// # Errors
///
/// Never: two hashes of chance differ.
pub(crate) fn two_votes(
    snapshot: &Snapshot,
    offender: &Identity,
    chance: &mut impl Rng,
) -> anyhow::Result<([SignedVote; 2], H256)> {
    let genesis = snapshot.domain.genesis_hash;
    let checkpoint = snapshot.number / snapshot.domain.checkpoint_interval;
    let votes = [(); 2].map(|()| offender.vote(&genesis, checkpoint, H256(chance.random())));
    let proof = DoubleSignProof::new(genesis, votes[0], votes[1]).context("two blocks")?;
    Ok((votes, proof.id()))
}

impl Network {
    /// Brings validators onto the chain that are authorized, but run nowhere.
    ///
    /// # Errors
    ///
    /// As the chain refuses a step.
    pub async fn authorize(&self, validators: &[Identity]) -> anyhow::Result<()> {
        let chain = &self.chain;
        chain.fund(validators.iter().map(|of| (of.id(), STAKE + FEES)).collect()).await?;
        try_join_all(validators.iter().map(|of| chain.register(of, STAKE))).await?;
        let directors: Vec<_> = self.directors.iter().map(|of| &of.identity).collect();
        let ids: Vec<_> = validators.iter().map(Identity::id).collect();
        let approve = ids.iter().zip(validators).map(|(id, of)| {
            chain.submit_votes(id, Decision::Approve, &directors[..2], &of.account)
        });
        try_join_all(approve).await?;
        Ok(())
    }
}

/// The client of a validator that signs twice.
pub(crate) struct Offender {
    publisher: Publisher,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Offender {
    /// Connects to two directors.
    pub(crate) async fn connect(
        chain: &Chain,
        identity: &Identity,
        directors: Vec<DirectorAddress>,
    ) -> anyhow::Result<Self> {
        let config =
            Config::new(identity.peer_secret(), identity.id(), chain.genesis_hash, directors);
        let prover = Arc::new(chain.node.clone());
        let mut client = Client::start(config, chain.node.finalized(), prover).await?;
        let ready = async {
            let (mut authorized, mut standby) = (false, false);
            while !(authorized && standby) {
                match client.next().await {
                    Some(Event::Authorized { .. }) => authorized = true,
                    Some(Event::Standby { .. }) => standby = true,
                    Some(_) => {}
                    None => bail!("the client has ended"),
                }
            }
            anyhow::Ok(())
        };
        timeout(SOON, ready).await.context("the offender gets no two directors")??;
        let publisher = client.publisher();
        let (stop, mut stopped) = watch::channel(());
        let task = tokio::spawn(async move {
            // Reads, so that the client goes on.
            while tokio::select! { event = client.next() => event.is_some(), _ = stopped.changed() => false }
            {
            }
            client.shutdown().await;
        });
        Ok(Self { publisher, stop, task })
    }

    /// Says both, one right after the other.
    pub(crate) fn vote(&self, votes: &[SignedVote]) -> anyhow::Result<()> {
        for vote in votes {
            self.publisher.publish(
                PayloadKind::CheckpointVote,
                Priority::Critical,
                vote.encode(),
            )?;
        }
        Ok(())
    }

    /// Closes its connections.
    pub(crate) async fn leave(self) {
        drop(self.stop);
        // A panic of it is no director's fault, and is in the output.
        let _ = self.task.await;
    }
}
