//! Brings up chain, directors and validators, each of the latter in networks of its own.

use super::{Lan, Namespace, Net, Site, director::linked};
use crate::{
    chain::{Chain, FEES, STAKE},
    keys::Identity,
    network::Network,
    probe::Probe,
    stake::Draft,
    validator::{self, Setup, Shared},
};
use anyhow::{Context, ensure};
use director_primitives::{Answer, PublicKey, Welcome, runtime_api::ValidatorInfo};
use director_service::{chain::Head, client::DirectorAddress};
use futures::future::try_join_all;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU16, Ordering::Relaxed},
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

/// Bounds the start, from the invitations on.
const START: Duration = Duration::from_secs(60);

/// Host numbers in the public network: directors have 1, 2, 3, ….
const VALIDATORS: u16 = 1 << 8;
const OTHERS: u16 = 2 << 8;

/// What a world consists of.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Directors.
    pub directors: usize,
    /// Validators.
    pub validators: usize,
    /// Time from one block to the next, in milliseconds.
    pub block_time_ms: u64,
    /// Whether validators check each other's signatures. All of them run in one process here.
    pub check_signatures: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { directors: 3, validators: 3, block_time_ms: 500, check_signatures: true }
    }
}

/// Chain, directors and validators that run.
pub struct World {
    /// Chain and validators. Its own directors are none.
    pub network: Network,
    /// The directors.
    pub sites: Vec<Site>,
    /// What connects them.
    pub lan: Lan,
    /// Where the validators live.
    pub homes: Vec<Namespace>,
    dir: PathBuf,
    next_other: AtomicU16,
}

impl World {
    /// Starts everything and waits until every validator is authorized and connected, and votes.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from coming up, with the end of a log where there is one.
    pub async fn start(dir: &Path, plan: Plan) -> anyhow::Result<Self> {
        let lan = Lan::new()?;
        let chain = Chain::start(dir, plan.block_time_ms).await?;
        let node = node_address(&chain)?;
        let identities: Vec<_> = (1..=plan.validators).map(Identity::validator).collect();
        let invited: Vec<_> = (1..=plan.directors).map(Identity::director).collect();
        let start = invited.iter().zip(1..);
        let start = start.map(|(of, host)| Site::start(&lan, of.clone(), host, dir, node));
        let sites = try_join_all(start).await?;

        let accounts: Vec<_> = invited.iter().map(Identity::id).collect();
        let funds = accounts.iter().map(|account| (account.clone(), FEES));
        let funds = funds.chain(identities.iter().map(|of| (of.id(), STAKE + FEES)));
        tokio::try_join!(chain.invite_directors(&accounts), chain.fund(funds.collect()))?;
        let register = identities.iter().map(|of| async {
            let registered = chain.register(of, STAKE).await;
            registered.with_context(|| format!("{} registers", of.name))
        });
        let activate = sites.iter().map(|of| chain.activate_at(&of.identity, of.endpoints()));
        tokio::try_join!(try_join_all(activate), try_join_all(register))?;

        let snapshot = chain.node.ready().await?;
        let shared = Shared::new(plan.validators, &snapshot);
        let (stop, stopped) = watch::channel(());
        let directors: Vec<_> = sites.iter().map(Site::for_clients).collect();
        let (mut homes, mut tasks) = (Vec::new(), Vec::new());
        for (number, identity) in identities.iter().enumerate() {
            let home =
                lan.namespace(&identity.name, &[(Net::Public, VALIDATORS + number as u16)])?;
            let mut directors = directors.clone();
            directors.rotate_left(number % sites.len());
            let (identity, double_sign_from) = (identity.clone(), None);
            let check_signatures = plan.check_signatures;
            let setup = Setup { number, identity, directors, double_sign_from, check_signatures };
            let in_there = home.handle().enter();
            let (node, shared, stopped) = (chain.node.clone(), shared.clone(), stopped.clone());
            tasks.push(validator::spawn(setup, node, shared, stopped));
            drop(in_there);
            homes.push(home);
        }
        let network = Network::of(chain, identities, shared, tasks, stop);
        let next_other = AtomicU16::new(OTHERS);
        let world = Self { network, sites, lan, homes, dir: dir.into(), next_other };
        world.wait_until_ready(START).await?;
        world.network.vote();
        Ok(world)
    }

    /// Waits until every validator is authorized and connected.
    ///
    /// # Errors
    ///
    /// If `within` passes before; the message has the ends of the directors' logs.
    pub async fn wait_until_ready(&self, within: Duration) -> anyhow::Result<()> {
        let keys: Vec<PublicKey> = self.network.identities.iter().map(Identity::peer_key).collect();
        let ready = async {
            self.chain().wait_until_authorized(&keys).await?;
            let all = |network: &Network| network.shared.progress().ready.len() == keys.len();
            self.network.wait_until(|network| Ok(all(network))).await
        };
        let ready = timeout(within, ready).await;
        ready.with_context(|| {
            let running = self.sites.iter().filter_map(|site| site.process.as_ref());
            let logs: Vec<_> = running.map(crate::process::Managed::log_tail).collect();
            format!("not everybody is there after {within:?}:\n{}", logs.join("\n--\n"))
        })?
    }

    /// Waits until every director that runs says that it is connected to exactly those others.
    ///
    /// # Errors
    ///
    /// If `within` passes before.
    pub async fn wait_until_linked(&self, within: Duration) -> anyhow::Result<()> {
        let running = || self.sites.iter().filter(|site| site.process.is_some());
        let waits = running().map(|site| async move {
            let mut others: Vec<_> = running().filter(|other| other.host != site.host).collect();
            others.sort_unstable_by_key(|other| other.key().0);
            let others: Vec<_> = others.iter().map(|other| hex::encode(other.key().0)).collect();
            site.wait_for_status(within, |status| {
                let mut linked = linked(status);
                linked.sort_unstable();
                linked == others
            })
            .await
        });
        try_join_all(waits).await.map(drop)
    }

    /// Has packets between two directors, by number from 0, vanish on the mesh: nobody is told.
    ///
    /// # Errors
    ///
    /// If there is no such director, or `ip` refuses.
    pub fn cut_mesh(&self, one: usize, other: usize) -> anyhow::Result<()> {
        self.blackhole("add", one, other)
    }

    /// Lets them through again.
    ///
    /// # Errors
    ///
    /// As [`Self::cut_mesh`], or if that was not done.
    pub fn mend_mesh(&self, one: usize, other: usize) -> anyhow::Result<()> {
        self.blackhole("del", one, other)
    }

    fn blackhole(&self, command: &str, one: usize, other: usize) -> anyhow::Result<()> {
        let site = |number: usize| self.sites.get(number).context("there is no such director");
        for (from, to) in [(site(one)?, site(other)?), (site(other)?, site(one)?)] {
            let route = format!("route {command} blackhole {}", to.address(Net::Mesh));
            from.namespace.ip(&[&route])?;
        }
        Ok(())
    }

    /// The chain.
    pub fn chain(&self) -> &Chain {
        &self.network.chain
    }

    /// Where the node's RPC listens, outside of all namespaces.
    ///
    /// # Errors
    ///
    /// If its URL is none.
    pub fn node(&self) -> anyhow::Result<SocketAddr> {
        node_address(self.chain())
    }

    /// Where logs and state are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A namespace in the public network for somebody else.
    ///
    /// # Errors
    ///
    /// As [`Namespace::new`].
    pub fn other(&self, name: &str) -> anyhow::Result<Namespace> {
        let host = self.next_other.fetch_add(1, Relaxed);
        self.lan.namespace(name, &[(Net::Public, host)])
    }

    /// Somebody with money who is going to be a validator, in a namespace of its own.
    ///
    /// # Errors
    ///
    /// If it cannot be funded.
    pub async fn newcomer(&self, name: &str) -> anyhow::Result<Newcomer> {
        let identity = Identity::named(name.into());
        let home = self.other(name)?;
        self.chain().fund(vec![(identity.id(), STAKE + FEES)]).await?;
        let probe = Probe::start_in(&home, identity.clone(), self.chain().genesis_hash).await?;
        Ok(Newcomer { identity, probe, home })
    }

    /// Ends everything, validators first.
    pub async fn shutdown(self) {
        let Self { network, sites, .. } = self;
        network
            .shutdown_with(async {
                for mut site in sites {
                    site.stop().await;
                }
            })
            .await;
    }
}

/// Somebody who is on its way to become a validator.
pub struct Newcomer {
    /// Its keys.
    pub identity: Identity,
    /// Speaks for it.
    pub probe: Probe,
    /// Where it lives.
    pub home: Namespace,
}

impl Newcomer {
    /// Registers with the usual stake; the block in which it did.
    ///
    /// # Errors
    ///
    /// As the chain refuses it.
    pub async fn register(&self, world: &World) -> anyhow::Result<Head> {
        let included = world.chain().register(&self.identity, STAKE).await?;
        Ok(crate::chain::block_of(included))
    }

    /// Knocks at a director until it is let in; what the director welcomes it as.
    ///
    /// # Errors
    ///
    /// If the probe's swarm ends.
    pub async fn enter(&mut self, director: &DirectorAddress) -> anyhow::Result<Welcome> {
        let address = director.addresses.first().context("a director without an address")?;
        self.probe.enter_at(director.peer_key, address.clone()).await
    }

    /// Applies with an honest proof for the newest finalized block; the answer. A director that has not heard of that
    /// block yet is asked again upon the next one, as a client does.
    ///
    /// # Errors
    ///
    /// If the node or the director is gone.
    pub async fn apply(&mut self, world: &World, director: PublicKey) -> anyhow::Result<Answer> {
        let chain = world.chain();
        let mut heads = chain.node.head();
        loop {
            let head = heads.borrow_and_update().context("no block is finalized yet")?;
            let draft = Draft::honest(chain, &self.identity, head).await?;
            let application = draft.sign(&chain.genesis_hash, &self.identity);
            match self.probe.apply(director, application).await? {
                Answer::Stale => heads.changed().await?,
                answer => return Ok(answer),
            }
        }
    }

    /// Applies at a director and waits until it is welcomed as authorized there.
    ///
    /// # Errors
    ///
    /// If the answer is another than an approval, or somebody is gone.
    pub async fn is_admitted(&mut self, world: &World, director: PublicKey) -> anyhow::Result<()> {
        let answer = self.apply(world, director).await?;
        let approved = matches!(answer, Answer::Approved { .. } | Answer::AlreadyAuthorized);
        ensure!(approved, "the director says no: {answer}");
        while !self.probe.welcome(director).await?.authorized {}
        Ok(())
    }

    /// What the chain has of it at the newest finalized block.
    ///
    /// # Errors
    ///
    /// If the chain does not know it, or the node is gone.
    pub async fn on_chain(
        &self,
        world: &World,
    ) -> anyhow::Result<ValidatorInfo<director_primitives::AccountId32>> {
        let known = world.chain().node.validator(&self.identity.id()).await?;
        known.context("the chain does not know it")
    }
}

fn node_address(chain: &Chain) -> anyhow::Result<SocketAddr> {
    let address = chain.url.strip_prefix("ws://").context("not a WebSocket's URL")?;
    Ok(address.trim_end_matches('/').parse()?)
}
