//! Prepares a chain on which directors and validators are authorized, and keeps it running.
//!
//! It is the real node: set up with quick blocks, then started again on the same folder with the
//! blocks of a production chain, so that what is measured includes reading the chain as often as a
//! director does in earnest.

use crate::programs::{LOAD_CORE, Programs, pinned};
use anyhow::{Context, Result};
use director_primitives::{AccountId32, Decision};
use director_service::chain::{Node, Settings};
use futures::{StreamExt, TryStreamExt, stream};
use integration_tests::{
    chain::{Chain, FEES, STAKE, dev_account},
    director::Ports,
    keys::Identity,
    process::Managed,
};
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

/// Blocks while the chain is set up.
const SET_UP_BLOCK_MS: u64 = 250;

/// Blocks while relays are measured.
const BLOCK_MS: u64 = 6_000;

/// Extrinsics that are under way together.
const AT_ONCE: usize = 100;

/// How long a node may take to answer.
const START: Duration = Duration::from_secs(120);

/// A director as the chain knows it.
pub(crate) struct Registered {
    pub(crate) identity: Identity,
    /// Its port for the others, which is on chain; the rest is taken anew at each start.
    pub(crate) mesh_port: u16,
}

/// A chain with everybody on it.
pub(crate) struct Stage {
    pub(crate) url: String,
    pub(crate) directors: Vec<Registered>,
    /// For the load program: who is who.
    pub(crate) setup: PathBuf,
    node: Managed,
}

impl Stage {
    /// Sets up a chain with so many directors and authorized validators in `dir`.
    pub(crate) async fn prepare(
        dir: &Path,
        programs: &Programs,
        directors: usize,
        validators: usize,
    ) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let base = dir.join("chain");
        let chain = Chain::start_in(dir, &base, SET_UP_BLOCK_MS).await?;
        let directors: Vec<_> = (1..=directors)
            .map(|n| {
                let mesh_port = free_port()?;
                Ok(Registered { identity: Identity::director(n), mesh_port })
            })
            .collect::<Result<_>>()?;
        let validators: Vec<_> = (1..=validators).map(Identity::validator).collect();
        register(&chain, &directors, &validators).await?;
        let setup = write_setup(dir, &chain, &directors, &validators)?;
        chain.process.stop().await;

        let node = programs.node()?;
        let arguments = [
            "--base-path".into(),
            base.display().to_string(),
            "--block-time-ms".into(),
            BLOCK_MS.to_string(),
            "--rpc-port".into(),
            "0".into(),
            "--exit-on-stdin-eof".into(),
        ];
        let (program, arguments) = pinned(LOAD_CORE, &node, &arguments);
        let mut node = Managed::spawn("node", &program, &arguments, dir.join("node-6s.log"))?;
        let url = node.wait_for_line("ready rpc=", START).await?;
        let settings = Settings::new(url.clone());
        Node::start(settings)?.ready().await?;
        Ok(Self { url, directors, setup, node })
    }

    /// Ends the node.
    pub(crate) async fn end(self) {
        self.node.stop().await;
    }
}

async fn register(chain: &Chain, directors: &[Registered], validators: &[Identity]) -> Result<()> {
    let accounts: Vec<_> = directors.iter().map(|of| of.identity.id()).collect();
    let funds = accounts.iter().map(|account| (account.clone(), FEES));
    let funds = funds.chain(validators.iter().map(|of| (of.id(), STAKE + FEES))).collect();
    tokio::try_join!(chain.invite_directors(&accounts), chain.fund(funds))?;
    let activate = stream::iter(directors).map(|of| async {
        let ports = Ports { mesh: of.mesh_port, public: of.mesh_port, http: 0 };
        chain.activate(&of.identity, ports).await.map(drop)
    });
    let register = stream::iter(validators).map(|of| async {
        let registered = chain.register(of, STAKE).await;
        registered.map(drop).with_context(|| format!("{} registers", of.name))
    });
    tokio::try_join!(
        activate.buffer_unordered(AT_ONCE).try_collect::<Vec<()>>(),
        register.buffer_unordered(AT_ONCE).try_collect::<Vec<()>>()
    )?;
    let voters: Vec<_> = directors.iter().map(|of| &of.identity).collect();
    let ids: Vec<AccountId32> = validators.iter().map(Identity::id).collect();
    let eve = dev_account("Eve");
    let (eve, voters) = (&eve, &voters);
    stream::iter(&ids)
        .map(|id| chain.submit_votes(id, Decision::Approve, voters, eve))
        .buffer_unordered(AT_ONCE)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    let keys: Vec<_> = validators.iter().map(Identity::peer_key).collect();
    chain.wait_until_authorized(&keys).await
}

fn write_setup(
    dir: &Path,
    chain: &Chain,
    directors: &[Registered],
    validators: &[Identity],
) -> Result<PathBuf> {
    let path = dir.join("setup.json");
    let keys = directors.iter().map(|of| hex::encode(of.identity.peer_key().0));
    let setup = serde_json::json!({
        "genesis_hash": hex::encode(chain.genesis_hash.0),
        "directors": keys.collect::<Vec<_>>(),
        "seeds": validators.iter().map(|of| hex::encode(of.peer_secret())).collect::<Vec<_>>(),
    });
    fs::write(&path, setup.to_string())?;
    Ok(path)
}

/// A port that nobody has now. Somebody may take it before the director does: then that says so.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
