//! Wires the rooms into a running director, and owns its end.
//!
//! ```text
//!   chain::Node ──snapshots──►┌──────┐──Remember, Recall──► store::History
//!   network (mesh) ──events──►│ core │──Relay, Send, Allow─► network (mesh, public)
//!   network (public) ─events─►└──────┘──Proven──► reporter ──► chain
//!                                 ├─────SubmitVotes──► submissions ──► chain
//!                                 └─────CheckStake───► stakes ───────► chain
//! ```
//!
//! # Start
//!
//! What can be wrong with this machine is found first (key files, ports, store), then the node is
//! waited for, and with the genesis hash that it tells the networks are opened. The page with health
//! and status is there from the beginning.
//!
//! # Rounds
//!
//! Core and networks stand on the peer key, everything else on the account. When the chain has another
//! peer key for this director and its secret is at hand, they are begun anew with that one (`round`).
//!
//! # End
//!
//! Upon [`Stopper::stop`] every task ends by itself, the store last. A task that ends or panics
//! without being asked ends the others too, and [`Service::wait`] says which it was.

#[doc(hidden)]
pub mod bench;
mod beside;
mod chain_view;
mod control;
mod core;
mod crypto;
mod error;
mod forget;
mod funds;
#[doc(hidden)]
pub mod fuzz;
mod interfaces;
mod links;
mod load;
mod perform;
mod ports;
mod recall;
mod refresh;
mod reports;
mod rotation;
mod round;
mod settings;
mod shutdown;
mod slashes;
mod stakes;
mod submissions;
#[cfg(test)]
mod tests;
mod troubles;
mod view;

pub use control::socket_file;
pub use error::ServiceError;
pub use rotation::next_key_file;
pub use shutdown::Stopper;

use crate::{
    chain::{Account, Chain, DirectorChain, Node, Settings, Submitter},
    config::Config,
    http,
    keys::read_secret,
    network::Multiaddr,
    reporter::{self, Reporter},
    store::Store,
};
use director_primitives::{AccountId32, H256, PublicKey};
use rotation::PeerKeys;
use std::{fmt, future::Future, net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, UnixListener},
    runtime::Runtime,
    sync::{mpsc, oneshot},
    task::{JoinError, JoinHandle, JoinSet},
    time::timeout,
};
use tracing::{error, info, warn};

/// How long a graceful end may take.
const GRACE: Duration = Duration::from_secs(5);

/// Who this director is.
#[derive(Clone, Debug)]
struct Identity {
    account: AccountId32,
    peer_key: PublicKey,
}

/// Where a director listens, with the real ports.
#[derive(Clone, Debug)]
pub struct Listening {
    /// For other directors.
    pub mesh: Vec<Multiaddr>,
    /// For validators.
    pub public: Vec<Multiaddr>,
    /// For operators.
    pub http: SocketAddr,
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |all: &[Multiaddr]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        write!(f, "mesh={} public={} http={}", list(&self.mesh), list(&self.public), self.http)
    }
}

/// A running director. Dropping it ends it at once; see [`Self::wait`].
pub struct Service {
    task: AbortOnDrop,
    stopper: Stopper,
    listening: Option<oneshot::Receiver<Listening>>,
}

struct AbortOnDrop(JoinHandle<Result<(), ServiceError>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Service {
    /// Resolves once it listens, with the addresses; `None` if it ended before, or was asked before.
    pub fn listening(&mut self) -> impl Future<Output = Option<Listening>> + Send + use<> {
        let listening = self.listening.take();
        async move { listening?.await.ok() }
    }

    /// Ends it from anywhere.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    ///
    /// Why, if nobody asked it to.
    pub async fn wait(mut self) -> Result<(), ServiceError> {
        (&mut self.task.0).await.unwrap_or_else(|error| Err(error::panicked(error)))
    }
}

/// What is there before the node is.
struct Parts {
    config: Config,
    keys: PeerKeys,
    account: Account,
    http: TcpListener,
    store: Store,
    /// For the operator's orders, unless the disk has no room for it.
    control: Option<UnixListener>,
    node: Node,
    _chain_thread: ChainThread,
}

/// A thread of its own for what follows the chain: to decode a block's state takes milliseconds, for
/// which the messages of validators would have to wait where there is one core.
struct ChainThread(Option<Runtime>);

impl ChainThread {
    fn start() -> Result<Self, ServiceError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("chain").enable_all().build();
        Ok(Self(Some(runtime.map_err(ServiceError::Thread)?)))
    }

    /// Runs something there that starts tasks.
    fn run<T>(&self, start: impl FnOnce() -> T) -> T {
        let _entered = self.0.as_ref().map(Runtime::enter);
        start()
    }
}

impl Drop for ChainThread {
    fn drop(&mut self) {
        // Its tasks end with the node's last handle; a runtime must not wait for them in another one.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The account whose secret URI is in a file.
///
/// # Errors
///
/// If the file cannot be used or holds something else; the file is named.
pub fn account_in(path: &Path) -> Result<Account, ServiceError> {
    let secret = read_secret(path)?;
    Account::from_secret(&secret)
        .map_err(|error| ServiceError::Account { path: path.to_owned(), error })
}

/// Starts a director. Returns when keys, ports and store are found good; the node may be away.
///
/// # Errors
///
/// What is wrong with this machine, in one line with the remedy.
pub async fn start(config: Config) -> Result<Service, ServiceError> {
    let keys = PeerKeys::load(&config.keys.peer)?;
    let account = account_in(&config.keys.account)?;
    ports::check("mesh.listen", &config.mesh.listen)?;
    ports::check("public.listen", &config.public.listen)?;
    for warning in config.warnings() {
        warn!("{warning}");
    }
    let http = http::bind(config.http.listen).await?;
    let store = Store::open(&config.data_dir)?;
    let control = control::open(&config.data_dir)?;
    let chain_thread = ChainThread::start()?;
    let node = chain_thread.run(|| Node::start(Settings::from(&config.chain)))?;
    info!(
        account = %account.id(),
        peer_key = %hex::encode(keys.first().public().0),
        nodes = %node.endpoints().all.iter().map(|of| of.name.as_str()).collect::<Vec<_>>().join(", "),
        "director {} starts; waiting for the node's first finalized block",
        env!("CARGO_PKG_VERSION")
    );
    let stopper = Stopper::new();
    let (announce, listening) = oneshot::channel();
    let parts =
        Parts { config, keys, account, http, store, control, node, _chain_thread: chain_thread };
    let task = tokio::spawn(supervise(parts, stopper.clone(), announce));
    Ok(Service { task: AbortOnDrop(task), stopper, listening: Some(listening) })
}

/// Runs everything until it is stopped or a part of it ends.
async fn supervise(
    parts: Parts,
    stopper: Stopper,
    announce: oneshot::Sender<Listening>,
) -> Result<(), ServiceError> {
    let Parts { config, keys, account, http, store, control, node, _chain_thread } = parts;
    let id = account.id();
    let http_address = http.local_addr().unwrap_or(config.http.listen);
    let identity = Identity { account: id.clone(), peer_key: keys.first().public() };
    let view = Arc::new(view::View::new(identity, node.clone(), store.health()));
    let mut tasks = JoinSet::new();
    let served = http::serve(http, view.clone(), config.http.hosts.clone(), stopper.stopped());
    tasks.spawn(async { served.await.map_err(|_| ServiceError::Ended("the HTTP page")) });
    tasks.spawn(ended_well(view::look(view.clone(), stopper.clone())));
    tasks.spawn(follower_panicked(node.panicked(), stopper.clone()));
    let desk = control::Desk::default();
    if let Some(control) = control {
        let waiting = view.clone();
        let waiting = move || http::Source::not_ready(&*waiting).join("; ");
        tasks.spawn(ended_well(control::run(control, desk.clone(), waiting, stopper.clone())));
    }

    let snapshot = tokio::select! {
        snapshot = node.ready() => snapshot?,
        () = stopper.stopped() => return Ok(()),
        Some(ended) = tasks.join_next() => return why(ended, &stopper),
    };
    if !bind(&store, snapshot.domain.genesis_hash, &stopper).await? {
        return Ok(());
    }
    let own = DirectorChain::new(node.clone(), Submitter::new(node.clone()), account);
    let min_balance = config.chain.min_balance.map(|amount| amount.0);
    let watching = funds::run(own.clone(), min_balance, view.clone(), stopper.clone());
    tasks.spawn(ended_well(watching));
    let chain: Arc<dyn Chain> = Arc::new(own);
    let reporter =
        Reporter::start(reporter::Config::new(id.clone()), chain.clone(), store.outbox());
    view.set_reporter(reporter.handle());
    tasks.spawn(ended_well(slashes::run(node.clone(), view.clone(), stopper.clone())));
    let (submissions, submission_requests) = mpsc::channel(submissions::MAX_WAITING);
    let submitting =
        submissions::run(chain.clone(), submission_requests, view.clone(), stopper.clone());
    tasks.spawn(ended_well(submitting));
    tasks.spawn(ended_well(refresh::run(chain.clone(), id.clone(), stopper.clone())));
    tasks.spawn(reporter_ended(reporter.handle(), stopper.clone()));

    let rounds = round::Rounds {
        config,
        account: id,
        keys,
        chain,
        history: store.history(),
        health: store.health(),
        conflicts: store.conflicts(),
        submissions,
        reports: reports::Reports::new(reporter.handle(), view.metrics.proofs_delayed()),
        view,
        desk,
        announce: Some((announce, http_address)),
    };
    let rounds = rounds.run(stopper.clone());
    tokio::pin!(rounds);
    let mut ended = tokio::select! {
        ended = &mut rounds => ended,
        Some(first) = tasks.join_next() => {
            let cause = why(first, &stopper);
            stopper.stop();
            worse(cause, rounds.await)
        }
    };
    stopper.stop();
    let closed = timeout(GRACE, async {
        reporter.shutdown().await;
        while let Some(next) = tasks.join_next().await {
            ended = worse(std::mem::replace(&mut ended, Ok(())), why(next, &stopper));
        }
        store.close().await;
    });
    if closed.await.is_err() {
        error!("not everything stopped within {GRACE:?}; leaving");
    }
    ended
}

/// Makes sure that the store is this chain's; `false` if it was stopped before the disk has answered: it may hang.
async fn bind(store: &Store, genesis: H256, stopper: &Stopper) -> Result<bool, ServiceError> {
    tokio::select! {
        bound = store.bind(genesis) => Ok(bound.map(|()| true)?),
        () = stopper.stopped() => Ok(false),
    }
}

/// Parts that lean on each other end together; the cause is the one that says more.
fn worse(
    first: Result<(), ServiceError>,
    second: Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    match (first, second) {
        (Ok(()) | Err(ServiceError::Ended(_)), Err(cause)) => Err(cause),
        (first, _) => first,
    }
}

async fn ended_well(task: impl Future<Output = ()>) -> Result<(), ServiceError> {
    task.await;
    Ok(())
}

/// Resolves if the follower of the chain panics: nobody else would notice, blocks would just not come.
async fn follower_panicked(
    panicked: impl Future<Output = String>,
    stopper: Stopper,
) -> Result<(), ServiceError> {
    tokio::select! {
        said = panicked => Err(ServiceError::Panicked(said)),
        () = stopper.stopped() => Ok(()),
    }
}

/// Resolves when the reporter is gone: it may panic like any other task.
async fn reporter_ended(reporter: reporter::Handle, stopper: Stopper) -> Result<(), ServiceError> {
    let mut status = reporter.subscribe();
    while status.changed().await.is_ok() {}
    match stopper.is_stopped() {
        true => Ok(()),
        false => Err(ServiceError::Ended("the reporter")),
    }
}

/// Why a task ended, unless it was asked to.
fn why(
    ended: Result<Result<(), ServiceError>, JoinError>,
    stopper: &Stopper,
) -> Result<(), ServiceError> {
    match ended {
        Ok(Ok(())) if stopper.is_stopped() => Ok(()),
        Ok(Ok(())) => Err(ServiceError::Ended("a part of the director")),
        Ok(Err(error)) => Err(error),
        Err(error) => Err(error::panicked(error)),
    }
}
