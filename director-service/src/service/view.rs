//! Answers the HTTP page from what the rooms left here; nothing here waits.

mod alarms;
mod board;
mod parts;

pub(super) use board::run as look;

use super::{
    Identity, chain_view,
    funds::Funds,
    slashes::{End, Ends, Other, Others, accused},
    troubles::Troubles,
};
use crate::{
    chain::{Connection, Node, SlashEnd},
    director::{Stats, Waiting},
    http::{
        BlockStatus, Candidate, Events, Evidence, MeshPeer, Parts, Proof, Series, Source,
        StatsStatus, Status,
    },
    keys::peer_id,
    metrics::{self, Metrics, Reading, drops, memory_bytes},
    network::Handle,
    reporter::{self, EvidenceStatus},
    store::{Health, State},
};
use director_primitives::{AccountId32, H256, Snapshot, runtime_api::PendingSlash};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// A core that has not moved for so long hangs.
const CORE_SILENCE: Duration = Duration::from_secs(5);

/// A chain that has finalized nothing for so long is not to be relied on.
const CHAIN_SILENCE: Duration = Duration::from_secs(120);

/// The two networks.
#[derive(Clone)]
pub(super) struct Networks {
    pub(super) mesh: Handle,
    pub(super) public: Handle,
}

/// What is known of the director at any moment.
pub(super) struct View {
    identity: Mutex<Identity>,
    started: Instant,
    node: Node,
    networks: Mutex<Option<Networks>>,
    waiting: Mutex<Vec<Waiting>>,
    funds: Mutex<Option<Funds>>,
    core: Mutex<Stats>,
    /// Whether the core has caught up with the other directors, and whether it hands its validators over.
    caught_up: AtomicBool,
    draining: AtomicBool,
    reporter: OnceLock<reporter::Handle>,
    store: Health,
    /// When the core moved last and a block was finalized last, in milliseconds since the start.
    core_moved_ms: AtomicU64,
    finalized_ms: AtomicU64,
    pub(super) metrics: Metrics,
    board: board::Board,
    slashes: Mutex<Ends>,
    others: Mutex<Others>,
    troubles: Mutex<Troubles>,
}

impl View {
    pub(super) fn new(identity: Identity, node: Node, store: Health) -> Self {
        Self {
            identity: Mutex::new(identity),
            started: Instant::now(),
            node,
            networks: Mutex::default(),
            waiting: Mutex::default(),
            funds: Mutex::default(),
            core: Mutex::default(),
            caught_up: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            reporter: OnceLock::new(),
            store,
            core_moved_ms: AtomicU64::new(0),
            finalized_ms: AtomicU64::new(0),
            metrics: Metrics::new(),
            board: board::Board::default(),
            slashes: Mutex::default(),
            others: Mutex::default(),
            troubles: Mutex::default(),
        }
    }

    /// From now on these networks are there, with this identity, and the core has to move.
    pub(super) fn set_networks(&self, identity: Identity, networks: Networks) {
        self.core_moved_ms.store(self.now_ms(), Ordering::Relaxed);
        *lock(&self.identity) = identity;
        *lock(&self.networks) = Some(networks);
        // The core begins anew with each identity.
        self.caught_up.store(false, Ordering::Relaxed);
    }

    /// Candidates that wait for directors.
    pub(super) fn set_waiting(&self, waiting: Vec<Waiting>) {
        *lock(&self.waiting) = waiting;
    }

    /// What the account has.
    pub(super) fn set_funds(&self, funds: Funds) {
        *lock(&self.funds) = Some(funds);
    }

    fn identity(&self) -> Identity {
        lock(&self.identity).clone()
    }

    fn networks(&self) -> Option<Networks> {
        lock(&self.networks).clone()
    }

    /// The core lives: what it has counted, and how far it is.
    pub(super) fn core_moved(&self, stats: &Stats, caught_up: bool, draining: bool) {
        *lock(&self.core) = *stats;
        self.caught_up.store(caught_up, Ordering::Relaxed);
        self.draining.store(draining, Ordering::Relaxed);
        self.core_moved_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    pub(super) fn finalized(&self) {
        self.finalized_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    pub(super) fn set_reporter(&self, reporter: reporter::Handle) {
        // Set once, at the start.
        let _ = self.reporter.set(reporter);
    }

    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn since(&self, moment: &AtomicU64) -> Duration {
        Duration::from_millis(self.now_ms().saturating_sub(moment.load(Ordering::Relaxed)))
    }

    fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.node.finalized().borrow().clone()
    }

    fn is_active(&self, snapshot: Option<&Snapshot>) -> bool {
        let Identity { account, peer_key } = self.identity();
        snapshot
            .and_then(|snapshot| snapshot.director(&account))
            .is_some_and(|us| us.peer_key == peer_key)
    }

    /// The proofs that the reporter has, and how far they are.
    pub(super) fn reported(&self) -> Arc<Vec<EvidenceStatus>> {
        self.reporter.get().map(reporter::Handle::status).unwrap_or_default()
    }

    /// Slashes came to their end in this block.
    pub(super) fn learn_slashes(&self, block: u64, ends: Vec<SlashEnd>) {
        lock(&self.slashes).learn(block, ends);
    }

    /// These slashes wait.
    pub(super) fn learn_pending(
        &self,
        cases: &[EvidenceStatus],
        snapshot: &Snapshot,
        pending: &[PendingSlash<AccountId32>],
    ) {
        lock(&self.others).learn(cases, |of| accused(of, snapshot), pending);
    }

    /// What the chain has of another's report of this double sign, if that was first and the chain was asked.
    pub(super) fn other(&self, of: &EvidenceStatus) -> Option<Other> {
        let was_first = of.state == State::Superseded;
        was_first.then(|| lock(&self.others).of(&of.id)).flatten()
    }

    /// How the slash for a double sign ended, if that is known.
    pub(super) fn slash_end(&self, of: &EvidenceStatus, snapshot: &Snapshot) -> Option<End> {
        let report = self.other(of).and_then(|other| other.report);
        let checkpoint = report.map_or(of.checkpoint, |report| report.checkpoint);
        lock(&self.slashes).of(&accused(of, snapshot)?, checkpoint)
    }

    fn evidence(&self, snapshot: Option<&Snapshot>) -> Vec<Evidence> {
        self.reported().iter().map(|of| parts::evidence(of, snapshot)).collect()
    }

    fn mesh_peers(&self, snapshot: Option<&Snapshot>) -> Vec<MeshPeer> {
        let (networks, us) = (self.networks(), self.identity().peer_key);
        let connected = |key| networks.as_ref().is_some_and(|n| n.mesh.is_connected(key));
        let all = snapshot.map_or(&[][..], |snapshot| &snapshot.directors.active);
        let others = all.iter().filter(|other| other.peer_key != us);
        others
            .map(|other| MeshPeer {
                peer: hex::encode(other.peer_key.0),
                account: other.account.to_string(),
                connected: connected(&other.peer_key),
            })
            .collect()
    }
}

impl Source for View {
    fn sick(&self) -> Option<String> {
        // Before the networks are there, the core has nothing to do and is not running.
        self.networks()?;
        let silence = self.since(&self.core_moved_ms);
        (silence > CORE_SILENCE)
            .then(|| format!("the core has not moved for {} s", silence.as_secs()))
    }

    fn not_ready(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        match &*self.node.connection().borrow() {
            Connection::Connected => reasons.extend(chain_view::not_ready(&self.node)),
            Connection::Connecting(None) => reasons.push("connecting to the node".into()),
            Connection::Connecting(Some(error)) | Connection::Unusable(error) => {
                reasons.push(error.to_string());
            }
        }
        let snapshot = self.snapshot();
        match &snapshot {
            None => reasons.push("no finalized block is known yet".into()),
            Some(_) if !self.is_active(snapshot.as_deref()) => {
                reasons.push("the chain does not have this director as active".into());
            }
            Some(_) => {}
        }
        let silence = self.since(&self.finalized_ms);
        if snapshot.is_some() && silence > CHAIN_SILENCE {
            reasons.push(format!("no block was finalized for {} s", silence.as_secs()));
        }
        let peers = self.mesh_peers(snapshot.as_deref());
        if !peers.is_empty() && !peers.iter().any(|peer| peer.connected) {
            reasons.push(format!(
                "none of the {} other directors is connected; see this machine's network, and that the port of \
                 mesh.listen is open to them",
                peers.len()
            ));
        }
        if self.is_active(snapshot.as_deref()) && !self.caught_up.load(Ordering::Relaxed) {
            reasons.push("catching up with the other directors".into());
        }
        if self.draining.load(Ordering::Relaxed) {
            reasons.push("handing its validators over to other directors".into());
        }
        if let Some(trouble) = self.store.trouble() {
            let votes = self.store.unwritten_votes();
            reasons.push(format!(
                "the store cannot use its file ({trouble}); {votes} votes are in memory alone"
            ));
        }
        reasons.extend(self.sick());
        reasons
    }

    fn warnings(&self) -> Vec<String> {
        let nodes = self.node.endpoints().all;
        let troubles = lock(&self.troubles).see(&nodes, Instant::now());
        chain_view::warnings(&nodes, troubles, &self.identity().account, *lock(&self.funds))
    }

    fn status(&self) -> Status {
        let snapshot = self.snapshot();
        let snapshot = snapshot.as_deref();
        let not_ready = self.not_ready();
        let networks = self.networks();
        let networks = networks.as_ref();
        let Identity { account, peer_key } = self.identity();
        let listen = |handle: Option<&Handle>| -> Vec<String> {
            handle.iter().flat_map(|h| h.listening()).map(|address| address.to_string()).collect()
        };
        let mut validators: Vec<_> =
            networks.iter().flat_map(|n| n.public.connected()).map(|k| hex::encode(k.0)).collect();
        validators.sort_unstable();
        Status {
            version: env!("CARGO_PKG_VERSION"),
            account: account.to_string(),
            peer_key: hex::encode(peer_key.0),
            peer_id: peer_id(&peer_key),
            genesis: snapshot.map(|snapshot| hash(&snapshot.domain.genesis_hash)),
            finalized: snapshot.map(|snapshot| BlockStatus {
                number: snapshot.number,
                hash: hash(&snapshot.hash),
            }),
            ready: not_ready.is_empty(),
            not_ready,
            warnings: self.warnings(),
            nodes: chain_view::nodes(&self.node),
            spec_version: self.node.runtime().map(|runtime| runtime.spec_version),
            balance: lock(&self.funds).map(|funds| funds.free.to_string()),
            caught_up: self.caught_up.load(Ordering::Relaxed),
            draining: self.draining.load(Ordering::Relaxed),
            active: self.is_active(snapshot),
            set_version: snapshot.map_or(0, |snapshot| snapshot.directors.version),
            mesh_listen: listen(networks.map(|n| &n.mesh)),
            public_listen: listen(networks.map(|n| &n.public)),
            mesh: self.mesh_peers(snapshot),
            validators,
            waiting: lock(&self.waiting).iter().map(candidate).collect(),
            stats: stats_status(&lock(&self.core), networks),
            evidence: self.evidence(snapshot),
            memory_bytes: memory_bytes(),
            uptime_ms: self.now_ms(),
        }
    }

    fn metrics(&self) -> String {
        let networks = self.networks();
        let networks = networks.as_ref();
        self.metrics.render(&Reading {
            core: *lock(&self.core),
            mesh: networks.map(|n| n.mesh.stats()),
            public: networks.map(|n| n.public.stats()),
            ready: self.not_ready().is_empty(),
            caught_up: self.caught_up.load(Ordering::Relaxed),
            active: self.is_active(self.snapshot().as_deref()),
            memory_bytes: memory_bytes(),
            store: metrics::Store {
                is_failing: self.store.trouble().is_some(),
                failures: self.store.failures(),
                unwritten_votes: self.store.unwritten_votes(),
                lost_votes: self.store.lost_votes(),
            },
            look: self.seen(),
            chain: chain_view::reading(&self.node, *lock(&self.funds)),
        })
    }

    fn parts(&self) -> Arc<Parts> {
        self.board.parts()
    }

    fn proof(&self, id: &str) -> Option<Proof> {
        let wanted = id.parse::<H256>().ok()?;
        self.reported().iter().find(|of| of.id == wanted).map(|of| Proof::from(&of.proof))
    }

    fn history(&self, window: &str) -> Option<Series> {
        self.board.series(window)
    }

    fn events(&self) -> &Events {
        self.board.events()
    }
}

fn stats_status(core: &Stats, networks: Option<&Networks>) -> StatsStatus {
    let refused = core.refused.iter().filter(|(_, count)| *count > 0);
    let lost = networks.into_iter().flat_map(|networks| {
        [("mesh", networks.mesh.stats()), ("public", networks.public.stats())]
    });
    let dropped = lost.flat_map(|(network, stats)| {
        drops(&stats)
            .filter(|(_, _, count)| *count > 0)
            .map(|(class, reason, count)| (format!("{network}.{class}.{reason}"), count))
            .collect::<Vec<_>>()
    });
    StatsStatus {
        frames: core.frames,
        relayed: core.relayed,
        deliveries: core.deliveries,
        loops_prevented: core.loops_prevented,
        votes_seen: core.votes_seen,
        double_signs_detected: core.double_signs_detected,
        proofs_from_peers: core.proofs_from_peers,
        approvals_signed: core.approvals_signed,
        revocations_signed: core.revocations_signed,
        revocations: core.revocations,
        redirects: core.redirects,
        heartbeats_heard: core.heartbeats_heard,
        submissions: core.submissions,
        standbys: core.standby_connections,
        repaired: core.repaired,
        withheld: core.withheld,
        given_up: core.given_up,
        behind: core.behind,
        fetches_asked: core.fetches_asked,
        fetches_served: core.fetches_served,
        replayed_bytes: core.replayed_bytes,
        vectors_mismatched: core.vectors_mismatched,
        log_frames: core.log_frames,
        log_bytes: core.log_bytes,
        log_oldest_ms: core.log_oldest_ms,
        refused: refused.map(|(reason, count)| (reason.name(), count)).collect(),
        dropped: dropped.collect(),
    }
}

fn candidate(waiting: &Waiting) -> Candidate {
    Candidate {
        validator: waiting.validator.to_string(),
        approvals: waiting.votes,
        needed: waiting.needed,
    }
}

fn hash(hash: &H256) -> String {
    format!("{hash:?}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
