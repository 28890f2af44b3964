//! Wires the rooms into a running director, and owns its end.
//!
//! ```text
//!   chain::Node ──snapshots──►┌──────┐──Remember, Recall──► store::History
//!   network (mesh) ──events──►│ core │──Relay, Send, Allow─► network (mesh, public)
//!   network (public) ─events─►└──────┘──Proven──► reporter ──► chain
//!                                 └─────SubmitVotes──► submissions ──► chain
//! ```
//!
//! # Start
//!
//! What can be wrong with this machine is found first (key files, ports, store), then the node is
//! waited for, and with the genesis hash that it tells the networks are opened. The page with health
//! and status is there from the beginning.
//!
//! # End
//!
//! Upon [`Stopper::stop`] every task ends by itself, the store last. A task that ends or panics
//! without being asked ends the others too, and [`Service::wait`] says which it was.

#[doc(hidden)]
pub mod bench;
mod core;
mod crypto;
mod error;
mod interfaces;
mod links;
mod ports;
mod shutdown;
mod submissions;
#[cfg(test)]
mod tests;
mod view;

pub use error::ServiceError;
pub use shutdown::Stopper;

use crate::{
    chain::{Account, Chain, DirectorChain, Node, Settings, Submitter},
    config::{self, Config},
    director::{self, Director, ValidatorVote},
    http,
    keys::{PeerKey, read_secret},
    network::{self, Handle, Multiaddr, Side},
    reporter::{self, Reporter},
    store::{History, Recent, Store},
};
use director_primitives::{AccountId32, PublicKey};
use std::{fmt, future::Future, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{mpsc, oneshot},
    task::{JoinError, JoinHandle, JoinSet},
    time::{Instant, timeout},
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
    peer: PeerKey,
    account: Account,
    http: TcpListener,
    store: Store,
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

/// Starts a director. Returns when keys, ports and store are found good; the node may be away.
///
/// # Errors
///
/// What is wrong with this machine, in one line with the remedy.
pub async fn start(config: Config) -> Result<Service, ServiceError> {
    let peer = PeerKey::from_file(&config.keys.peer)?;
    let account = Account::from_secret(&read_secret(&config.keys.account)?)?;
    ports::check("mesh.listen", &config.mesh.listen)?;
    ports::check("public.listen", &config.public.listen)?;
    for warning in config.warnings() {
        warn!("{warning}");
    }
    let http = http::bind(config.http.listen).await?;
    let store = Store::open(&config.data_dir)?;
    let chain_thread = ChainThread::start()?;
    let node = chain_thread.run(|| {
        Node::start(Settings {
            url: config.chain.url.clone(),
            genesis_hash: config.chain.genesis_hash,
            allow_insecure: config.chain.allow_insecure,
        })
    })?;
    info!(
        account = %account.id(),
        peer_key = %hex::encode(peer.public().0),
        node = %config.chain.url,
        "director {} starts; waiting for the node's first finalized block",
        env!("CARGO_PKG_VERSION")
    );
    let stopper = Stopper::new();
    let (announce, listening) = oneshot::channel();
    let parts = Parts { config, peer, account, http, store, node, _chain_thread: chain_thread };
    let task = tokio::spawn(supervise(parts, stopper.clone(), announce));
    Ok(Service { task: AbortOnDrop(task), stopper, listening: Some(listening) })
}

/// Runs everything until it is stopped or a part of it ends.
async fn supervise(
    parts: Parts,
    stopper: Stopper,
    announce: oneshot::Sender<Listening>,
) -> Result<(), ServiceError> {
    let Parts { config, peer, account, http, store, node, _chain_thread } = parts;
    let identity = Identity { account: account.id(), peer_key: peer.public() };
    let http_address = http.local_addr().unwrap_or(config.http.listen);
    let view = Arc::new(view::View::new(identity.clone(), node.clone()));
    let mut tasks = JoinSet::new();
    let served = http::serve(http, view.clone(), stopper.stopped());
    tasks.spawn(async { served.await.map_err(|_| ServiceError::Ended("the HTTP page")) });

    let snapshot = tokio::select! {
        snapshot = node.ready() => snapshot?,
        () = stopper.stopped() => return Ok(()),
        Some(ended) = tasks.join_next() => return why(ended, &stopper),
    };
    let genesis = snapshot.domain.genesis_hash;
    store.bind(genesis).await?;
    let (mesh, mesh_events) = open(Side::Mesh, &config, &peer, genesis).await?;
    let (public, public_events) = open(Side::Public, &config, &peer, genesis).await?;
    if let Some((name, port)) = config.mesh.interface() {
        let following = interfaces::follow(name.to_owned(), port, mesh.clone(), stopper.stopped());
        tasks.spawn(async {
            following.await;
            Ok(())
        });
        interfaces::settle(&mesh).await;
    }
    // Nobody is waiting for it if the command line did not ask.
    let _ = announce.send(Listening {
        mesh: mesh.listening().to_vec(),
        public: public.listening().to_vec(),
        http: http_address,
    });

    let chain: Arc<dyn Chain> =
        Arc::new(DirectorChain::new(node.clone(), Submitter::new(node.clone()), account));
    let reporter = Reporter::start(
        reporter::Config::new(identity.account.clone()),
        chain.clone(),
        store.outbox(),
    );
    let history = store.history();
    let (recalls, recall_requests) = mpsc::channel(core::MAX_RECALLS);
    let (recalled, recall_answers) = mpsc::channel(core::MAX_RECALLS);
    let (submissions, submission_requests) = mpsc::channel(submissions::MAX_WAITING);
    view.set_networks(view::Networks { mesh: mesh.clone(), public: public.clone() });
    view.set_reporter(reporter.handle());
    let core = core::Core {
        director: director(&config, &identity, peer, &history, &view).await?,
        identity,
        mesh: mesh.clone(),
        public: public.clone(),
        links: links::Links::default(),
        history: history.clone(),
        recalls,
        submissions,
        reporter: reporter.handle(),
        view: view.clone(),
        started: Instant::now(),
    };
    let inputs = core::Inputs {
        snapshots: node.finalized(),
        mesh: mesh_events,
        public: public_events,
        recalled: recall_answers,
    };
    tasks.spawn(core.run(inputs, stopper.clone()));
    tasks.spawn(recall(history, recall_requests, recalled));
    let submitting = submissions::run(chain, submission_requests, view.clone(), stopper.clone());
    tasks.spawn(async {
        submitting.await;
        Ok(())
    });
    tasks.spawn(reporter_ended(reporter.handle(), stopper.clone()));

    let mut ended = tokio::select! {
        () = stopper.stopped() => Ok(()),
        Some(first) = tasks.join_next() => why(first, &stopper),
    };
    stopper.stop();
    let closed = timeout(GRACE, async {
        reporter.shutdown().await;
        tokio::join!(mesh.shutdown(), public.shutdown());
        while let Some(next) = tasks.join_next().await {
            // Parts that lean on each other end together; the cause is the one that says more.
            if let (Ok(()) | Err(ServiceError::Ended(_)), Err(cause)) =
                (&ended, why(next, &stopper))
            {
                ended = Err(cause);
            }
        }
        store.close().await;
    });
    if closed.await.is_err() {
        error!("not everything stopped within {GRACE:?}; leaving");
    }
    ended
}

/// The core, with what it must remember from before.
async fn director(
    config: &Config,
    identity: &Identity,
    peer: PeerKey,
    history: &History,
    view: &view::View,
) -> Result<Director<crypto::BatchCrypto>, ServiceError> {
    let settings = director::Config {
        seen_capacity: config.limits.seen_messages,
        recent_checkpoints: config.detector.recent_checkpoints,
        history_checkpoints: config.detector.history_checkpoints,
        rates: rates(&config.rates),
        ..director::Config::new(identity.account.clone(), identity.peer_key)
    };
    let crypto = crypto::BatchCrypto::new(peer, config.limits.verify_batch)
        .timed(view.metrics.verify_seconds());
    // What fits into the memory. The core asks for the rest, wherever the chain is now.
    let checkpoints = settings.recent_checkpoints.saturating_add(settings.checkpoints_ahead);
    let Recent { votes, complete_from } = history.recent(checkpoints.saturating_add(1)).await?;
    let votes = votes.into_iter().map(|(validator, vote)| ValidatorVote { validator, vote });
    Ok(Director::resume(settings, crypto, votes.collect(), complete_from))
}

/// The operator's words for what validators may send, in the core's.
fn rates(rates: &config::Rates) -> director::Rates {
    let rate = |messages_per_s, bytes_per_s| director::Rate { messages_per_s, bytes_per_s };
    director::Rates {
        classes: [
            rate(rates.critical_messages_per_s, rates.critical_bytes_per_s),
            rate(rates.high_messages_per_s, rates.high_bytes_per_s),
            rate(rates.normal_messages_per_s, rates.normal_bytes_per_s),
            rate(rates.bulk_messages_per_s, rates.bulk_bytes_per_s),
        ],
        votes_per_s: rates.votes_per_s,
        burst_ms: rates.burst_ms,
    }
}

/// The operator's words for what may wait, in the network's.
fn limits(side: Side, limits: &config::Limits) -> network::Limits {
    let bytes = |mib: u64| usize::try_from(mib.saturating_mul(1024 * 1024)).unwrap_or(usize::MAX);
    let queue = |times| bytes(limits.queue_mib.saturating_mul(times));
    let defaults = network::Limits::of(side);
    match side {
        Side::Mesh => network::Limits {
            memory_bytes: bytes(limits.mesh_memory_mib),
            queue_bytes: [queue(4), queue(4), queue(4), queue(8)],
            ..defaults
        },
        Side::Public | Side::Client => network::Limits {
            memory_bytes: bytes(limits.memory_mib),
            queue_bytes: [queue(1), queue(1), queue(1), queue(2)],
            max_connections: limits.max_connections,
            max_connections_per_ip: limits.max_connections_per_address,
            max_pending: limits.max_handshakes,
            max_pending_per_ip: limits.max_handshakes_per_address,
            handshake_timeout_ms: limits.handshake_timeout_ms,
            handshakes_per_s_per_ip: limits.handshakes_per_s_per_address,
            handshake_burst_per_ip: limits.handshake_burst_per_address,
            strangers_per_s: limits.strangers_per_s,
            strangers_burst: limits.strangers_burst,
            first_message_ms: limits.first_message_ms,
            restricted_bytes: usize::try_from(limits.candidate_kib_per_minute)
                .unwrap_or(usize::MAX)
                .saturating_mul(1024),
            ..defaults
        },
    }
}

async fn open(
    side: Side,
    config: &Config,
    peer: &PeerKey,
    genesis: director_primitives::H256,
) -> Result<(Handle, network::Events), ServiceError> {
    let (field, listen) = match side {
        Side::Mesh => ("mesh.listen", &config.mesh.listen),
        Side::Public | Side::Client => ("public.listen", &config.public.listen),
    };
    let mut settings = network::Config::new(side, *peer.seed(), genesis);
    settings.listen = listen.clone();
    settings.limits = limits(side, &config.limits);
    network::start(settings).await.map_err(|error| ServiceError::Network { field, error })
}

/// Looks up first votes on disk, in the order in which they are asked for.
async fn recall(
    history: History,
    mut requests: mpsc::Receiver<ValidatorVote>,
    answers: mpsc::Sender<(ValidatorVote, Option<ValidatorVote>)>,
) -> Result<(), ServiceError> {
    while let Some(vote) = requests.recv().await {
        let checkpoint = vote.vote.vote.checkpoint;
        let first = history.first(vote.validator.clone(), checkpoint).await?;
        let first =
            first.map(|first| ValidatorVote { validator: vote.validator.clone(), vote: first });
        if answers.send((vote, first)).await.is_err() {
            break;
        }
    }
    Ok(())
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
