//! Serves with one peer key: networks and core, from the key's first block to its last.

use super::{
    GRACE, Identity, Listening, ServiceError, Stopper, control, core, crypto, ended_well,
    forget::Forgetter, interfaces, links, load, recall, reports::Reports, rotation::PeerKeys,
    settings, stakes, submissions::Submission, view, why, worse,
};
use crate::{
    chain::Chain,
    config::Config,
    director::{Director, ValidatorVote},
    keys::PeerKey,
    network::{self, Events, Handle, Multiaddr, Side, Socket},
    store::{Conflicts, Health, History, Recent},
};
use director_primitives::{AccountId32, CheckpointNumber, H256, Snapshot};
use std::{
    mem::discriminant,
    net::SocketAddr,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Instant, timeout},
};
use tracing::{error, info, warn};

/// What stays from one peer key to the next.
pub(super) struct Rounds {
    pub(super) config: Config,
    pub(super) account: AccountId32,
    pub(super) keys: PeerKeys,
    pub(super) chain: Arc<dyn Chain>,
    pub(super) history: History,
    pub(super) health: Health,
    pub(super) conflicts: Conflicts,
    pub(super) submissions: mpsc::Sender<Submission>,
    pub(super) reports: Reports,
    pub(super) view: Arc<view::View>,
    /// Where the operator's orders come from.
    pub(super) desk: control::Desk,
    /// Who wants to know where it listens, and where it serves over HTTP.
    pub(super) announce: Option<(oneshot::Sender<Listening>, SocketAddr)>,
}

impl Rounds {
    /// Serves until it is stopped, with whichever peer key the chain has.
    ///
    /// # Errors
    ///
    /// If a part ends without being asked.
    pub(super) async fn run(mut self, stopper: Stopper) -> Result<(), ServiceError> {
        let mut peer = self.key_on_chain()?.unwrap_or_else(|| self.keys.first().clone());
        loop {
            let peer_key = peer.public();
            match self.round(peer, &stopper).await? {
                None => return Ok(()),
                Some(next) if next.public() == peer_key => {
                    warn!("what was followed is not finalized after all: beginning anew");
                    peer = next;
                }
                Some(next) => {
                    let key = hex::encode(next.public().0);
                    info!(peer_key = %key, "the chain has the next peer key: serving with it now");
                    peer = next;
                }
            }
        }
    }

    /// The key that the chain has for this director, if its secret is at hand.
    fn key_on_chain(&self) -> Result<Option<PeerKey>, ServiceError> {
        let snapshot = self.chain.finalized().borrow().clone();
        let Some(us) = snapshot.as_ref().and_then(|snapshot| snapshot.director(&self.account))
        else {
            return Ok(None);
        };
        Ok(self.keys.find(&us.peer_key)?)
    }

    /// Resolves when the chain has another key than this one, and its secret is at hand; or with this one if a node had
    /// claimed blocks that are not finalized: what was built on them must not stay.
    async fn next_key(&self, present: &PeerKey) -> Result<PeerKey, ServiceError> {
        let mut finalized = self.chain.finalized();
        let number = |snapshot: &Option<Arc<Snapshot>>| snapshot.as_ref().map_or(0, |of| of.number);
        let mut newest = number(&finalized.borrow_and_update());
        loop {
            let changed = finalized.changed().await;
            changed.map_err(|_| ServiceError::Ended("the follower of the chain"))?;
            let before = std::mem::replace(&mut newest, number(&finalized.borrow_and_update()));
            if newest < before {
                return Ok(present.clone());
            }
            match self.key_on_chain() {
                Ok(Some(next)) if next.public() != present.public() => return Ok(next),
                Ok(_) => {}
                // The present one goes on: an operator is at work there.
                Err(error) => warn!(%error, "cannot read the next peer key"),
            }
        }
    }

    /// Serves with one key; the next one, if it was not stopped.
    async fn round(
        &mut self,
        peer: PeerKey,
        stopper: &Stopper,
    ) -> Result<Option<PeerKey>, ServiceError> {
        let snapshot = self.chain.finalized().borrow().clone();
        let snapshot = snapshot.ok_or(ServiceError::Ended("the follower of the chain"))?;
        let genesis = snapshot.domain.genesis_hash;
        let (mesh, mesh_events) = open(Side::Mesh, &self.config, &peer, genesis).await?;
        let (public, public_events) = open(Side::Public, &self.config, &peer, genesis).await?;
        let round = Stopper::new();
        let mut tasks = JoinSet::new();
        if let Some((name, port)) = self.config.mesh.interface() {
            let stopped = round.stopped();
            let following = interfaces::follow(name.to_owned(), port, mesh.clone(), stopped);
            tasks.spawn(ended_well(following));
            interfaces::settle(&mesh).await;
        }
        // The chain has the ports of the first round. Hosts stay as they are: what 0.0.0.0 means may change.
        keep_ports(&mut self.config.mesh.listen, &mesh.listening());
        keep_ports(&mut self.config.public.listen, &public.listening());
        if let Some((announce, http)) = self.announce.take() {
            let (mesh, public) = (mesh.listening(), public.listening());
            // Nobody is waiting for it if the command line did not ask.
            let _ = announce.send(Listening { mesh, public, http });
        }
        let networks = view::Networks { mesh: mesh.clone(), public: public.clone() };
        let events = (mesh_events, public_events);
        let stoppers = (&round, stopper);
        self.start_core(&peer, networks, events, self.desk.open(), stoppers, &mut tasks).await?;

        let (mut ended, next) = tokio::select! {
            () = stopper.stopped() => (Ok(()), None),
            Some(first) = tasks.join_next() => (why(first, &round), None),
            next = self.next_key(&peer) => match next {
                Ok(next) => (Ok(()), Some(next)),
                Err(error) => (Err(error), None),
            },
        };
        round.stop();
        let closed = timeout(GRACE, async {
            tokio::join!(mesh.shutdown(), public.shutdown());
            while let Some(last) = tasks.join_next().await {
                ended = worse(std::mem::replace(&mut ended, Ok(())), why(last, &round));
            }
        });
        if closed.await.is_err() {
            error!("not everything of the network stopped within {GRACE:?}");
        }
        if let Some(said) = mesh.panicked().or_else(|| public.panicked()) {
            ended = worse(ended, Err(ServiceError::Panicked(said)));
        }
        ended.map(|()| next)
    }

    /// Starts the core between these networks, and what works beside it.
    async fn start_core(
        &self,
        peer: &PeerKey,
        networks: view::Networks,
        (mesh_events, public_events): (Events, Events),
        orders: mpsc::Receiver<control::Order>,
        (round, end): (&Stopper, &Stopper),
        tasks: &mut JoinSet<Result<(), ServiceError>>,
    ) -> Result<(), ServiceError> {
        let identity = Identity { account: self.account.clone(), peer_key: peer.public() };
        self.view.set_networks(identity.clone(), networks.clone());
        let history = self.history.clone();
        let (recalls, recall_requests) = mpsc::channel(core::MAX_RECALLS);
        let (recalled, recall_answers) = mpsc::channel(core::MAX_RECALLS);
        let (stakes, stake_requests) = mpsc::channel(stakes::MAX_WAITING);
        let (checked, stake_answers) = mpsc::channel(stakes::MAX_WAITING);
        let core = core::Core {
            director: self.director(&identity, peer.clone()).await?,
            identity,
            mesh: networks.mesh,
            public: networks.public,
            links: links::Links::new(&self.config.mesh),
            history: history.clone(),
            forgetter: Forgetter::new(self.chain.clone()),
            recalls,
            conflicts: self.conflicts.clone(),
            submissions: self.submissions.clone(),
            stakes,
            unchecked: Vec::new(),
            revoking: None,
            handover: None,
            end: end.clone(),
            load: load::Meter::new(self.config.limits.bandwidth_mbit),
            reports: self.reports.clone(),
            view: self.view.clone(),
            started: Instant::now(),
        };
        let inputs = core::Inputs {
            snapshots: self.chain.finalized(),
            mesh: mesh_events,
            public: public_events,
            recalled: recall_answers,
            stakes: stake_answers,
            orders,
        };
        tasks.spawn(core.run(inputs, round.clone()));
        tasks.spawn(recall::run(history, self.health.clone(), recall_requests, recalled));
        let checking = stakes::run(self.chain.clone(), stake_requests, checked, round.clone());
        tasks.spawn(ended_well(checking));
        Ok(())
    }

    /// The core, with what it must remember from before.
    async fn director(
        &self,
        identity: &Identity,
        peer: PeerKey,
    ) -> Result<Director<crypto::BatchCrypto>, ServiceError> {
        let config = &self.config;
        let settings = settings::core(config, identity, unix_ms());
        let crypto = crypto::BatchCrypto::new(peer, config.limits.verify_batch)
            .timed(self.view.metrics.verify_seconds());
        // What fits into the memory. The core asks for the rest, wherever the chain is now.
        let checkpoints = settings.recent_checkpoints.saturating_add(settings.checkpoints_ahead);
        let recent = recall::recent(&self.history, &self.health, checkpoints.saturating_add(1));
        let Recent { votes, complete_from } = recent.await?.unwrap_or_else(|| {
            // What the disk has is not known. It can have no vote that was too far ahead until now.
            let newest = self.checkpoint().saturating_add(settings.checkpoints_ahead);
            Recent { votes: Vec::new(), complete_from: newest.saturating_add(1) }
        });
        let votes = votes.into_iter().map(|(validator, vote)| ValidatorVote { validator, vote });
        Ok(Director::resume(settings, crypto, votes.collect(), complete_from))
    }

    /// The newest finalized checkpoint.
    fn checkpoint(&self) -> CheckpointNumber {
        let snapshot = self.chain.finalized().borrow().clone();
        snapshot.map_or(0, |of| of.number / of.domain.checkpoint_interval.max(1))
    }
}

/// Puts the ports that were found into addresses that ask for any free one.
pub(super) fn keep_ports(addresses: &mut [Multiaddr], found: &[Multiaddr]) {
    let mut found: Vec<_> = found.iter().filter_map(Socket::of).collect();
    for address in addresses {
        let Some(wanted) = Socket::of(address).filter(|wanted| wanted.address().port() == 0) else {
            continue;
        };
        let host = wanted.address().ip();
        let at = found.iter().position(|of| {
            discriminant(of) == discriminant(&wanted)
                && (host.is_unspecified() || of.address().ip() == host)
        });
        let Some(port) = at.map(|at| found.swap_remove(at).address().port()) else { continue };
        let transport = if matches!(wanted, Socket::Tcp(_)) { "tcp" } else { "udp" };
        let (before, after) = (format!("/{transport}/0"), format!("/{transport}/{port}"));
        if let Ok(kept) = address.to_string().replacen(&before, &after, 1).parse() {
            *address = kept;
        }
    }
}

/// The wall clock, in milliseconds since the Unix epoch.
pub(super) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

async fn open(
    side: Side,
    config: &Config,
    peer: &PeerKey,
    genesis: H256,
) -> Result<(Handle, network::Events), ServiceError> {
    let (field, listen) = match side {
        Side::Mesh => ("mesh.listen", &config.mesh.listen),
        Side::Public | Side::Client => ("public.listen", &config.public.listen),
    };
    let mut network = network::Config::new(side, *peer.seed(), genesis);
    network.listen = listen.clone();
    network.limits = settings::limits(side, &config.limits);
    network::start(network).await.map_err(|error| ServiceError::Network { field, error })
}
