//! Every metric of a director, in one place.
//!
//! The rooms count for themselves; here their counts get names. Labels come from closed lists of our
//! own, never from a peer, so that no stranger can make series.
//!
//! A frame's way through the director, and where time and losses show:
//!
//! | stage | metric |
//! |---|---|
//! | in | `received_frames`, `received_bytes`, by network |
//! | refused before its signature is looked at | `loops_prevented`, `refused` by reason, `rate_limited` by class |
//! | signatures | `verify_batch` (frames together), `verify_seconds` (time of such a batch) |
//! | handed out | `relayed`, `deliveries` |
//! | in a peer's queue | `queue_seconds` by network and class, `waiting_bytes`, `dropped_frames` by reason |
//! | out | `write_bytes` (length of each write), `sent_frames`, `sent_bytes`, by network |
//! | missed | `behind`, `fetches_asked`, `repaired`, `given_up`; for others `fetches_served`, `replayed_bytes`, `log_…` |
//!
//! Each costs a few increments a batch or a write, none a copy.

mod chain;
mod histogram;
mod look;
#[cfg(test)]
mod tests;

pub use chain::Chain;
pub use histogram::Durations;
pub use look::Look;

use crate::{
    director::{self, Refusal},
    network::{self, DropReason, Refusal as Turned},
};
use director_primitives::Priority;
use histogram::Counted;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::{Metric, Registry, Unit},
};
use std::sync::atomic::{AtomicU64, Ordering};

/// Every metric of a director.
pub struct Metrics {
    registry: Registry,
    core: Core,
    network: Network,
    finalized: Gauge<u64, AtomicU64>,
    ready: Gauge<u64, AtomicU64>,
    caught_up: Gauge<u64, AtomicU64>,
    active: Gauge<u64, AtomicU64>,
    memory: Gauge<u64, AtomicU64>,
    verify_seconds: Durations,
    submissions_failed: Counter,
    disk: Disk,
    look: look::Gauges,
    chain: chain::ChainMetrics,
}

/// What the store counts.
struct Disk {
    failing: Gauge<u64, AtomicU64>,
    failures: Counter,
    unwritten_votes: Gauge<u64, AtomicU64>,
    lost_votes: Counter,
}

impl Disk {
    fn new(r: &mut Registry) -> Self {
        let lost = "Votes that neither file nor memory took";
        Self {
            failing: gauge(r, "store_failing", "1 while the file cannot be used"),
            failures: counter(r, "store_failures", "Attempts to use the file that failed"),
            unwritten_votes: gauge(r, "store_unwritten_votes", "Votes that are in memory alone"),
            lost_votes: counter(r, "store_lost_votes", lost),
        }
    }

    fn take(&self, store: &Store) {
        self.failing.set(store.is_failing.into());
        set(&self.failures, store.failures);
        self.unwritten_votes.set(store.unwritten_votes);
        set(&self.lost_votes, store.lost_votes);
    }
}

/// What the core counts.
struct Core {
    frames: Counter,
    relayed: Counter,
    deliveries: Counter,
    loops_prevented: Counter,
    suspect_frames: Counter,
    signatures_checked: Counter,
    verify_batch: Counted,
    votes_seen: Counter,
    votes_unseen: Counter,
    rate_limited: Family<Class, Counter>,
    double_signs_detected: Counter,
    proofs_from_peers: Counter,
    parked: Counter,
    votes_recalled: Counter,
    invalid_votes: Counter,
    envelope_equivocations: Counter,
    replays_after_eviction: Counter,
    requests: Counter,
    director_votes_accepted: Counter,
    heartbeats_sent: Counter,
    approvals_signed: Counter,
    stakes_checked: Counter,
    revocations_signed: Counter,
    revocations: Counter,
    redirects: Counter,
    heartbeats_heard: Counter,
    submissions: Counter,
    repaired: Counter,
    given_up: Counter,
    fetches_asked: Counter,
    fetches_served: Counter,
    replayed_bytes: Counter,
    vectors_mismatched: Counter,
    moves_asked: Counter,
    certificates: Counter,
    certificate_seconds: Counted,
    certified: Gauge<u64, AtomicU64>,
    refused: Family<Reason, Counter>,
    standby_connections: Gauge<u64, AtomicU64>,
    log_frames: Gauge<u64, AtomicU64>,
    log_bytes: Gauge<u64, AtomicU64>,
    log_oldest_seconds: Gauge<f64, AtomicU64>,
    behind: Gauge<u64, AtomicU64>,
    authorized: Gauge<u64, AtomicU64>,
    votes_in_memory: Gauge<u64, AtomicU64>,
}

/// What the two networks count.
struct Network {
    connections: Family<Net, Gauge<u64, AtomicU64>>,
    bytes_in: Family<Net, Counter>,
    bytes_out: Family<Net, Counter>,
    frames_in: Family<Net, Counter>,
    frames_out: Family<Net, Counter>,
    waiting_bytes: Family<Net, Gauge<u64, AtomicU64>>,
    queue_seconds: Family<Queue, Counted>,
    write_bytes: Family<Net, Counted>,
    dropped: Family<Drop, Counter>,
    dropped_in: Family<Drop, Counter>,
    handshakes: Family<Net, Gauge<u64, AtomicU64>>,
    replaced: Family<Net, Counter>,
    turned_away: Family<TurnedAway, Counter>,
}

impl Core {
    fn new(r: &mut Registry) -> Self {
        Self {
            frames: counter(r, "frames", "Frames that came in"),
            relayed: counter(r, "relayed", "Messages that were passed on"),
            deliveries: counter(r, "deliveries", "Copies that were handed out for them"),
            loops_prevented: counter(r, "loops_prevented", "Repeats that were not passed on"),
            suspect_frames: counter(r, "suspect_frames", "Frames of senders of forged ones"),
            signatures_checked: counter(r, "signatures_checked", "Envelope signatures checked"),
            verify_batch: plain(r, "verify_batch", "Frames whose signatures came together"),
            votes_seen: counter(r, "votes_seen", "Signed votes that the detector saw"),
            votes_unseen: counter(r, "votes_unseen", "Votes beyond all limits, not looked at"),
            rate_limited: plain(r, "rate_limited", "Messages beyond limits, by class"),
            double_signs_detected: counter(r, "double_signs_detected", "Double signs proven here"),
            proofs_from_peers: counter(r, "proofs_from_peers", "New proofs of other directors"),
            parked: counter(r, "parked", "Frames that waited for a block"),
            votes_recalled: counter(r, "votes_recalled", "Votes compared with the disk"),
            invalid_votes: counter(r, "invalid_votes", "Votes with a wrong signature of their own"),
            envelope_equivocations: counter(
                r,
                "envelope_equivocations",
                "Second envelopes for one place in a sequence",
            ),
            replays_after_eviction: counter(
                r,
                "replays_after_eviction",
                "Repeats that only the sequence window knew, and frames behind it",
            ),
            requests: counter(
                r,
                "authorization_requests",
                "Requests of candidates, of themselves or passed on",
            ),
            director_votes_accepted: counter(
                r,
                "director_votes_accepted",
                "Votes of other directors that were new and right",
            ),
            heartbeats_sent: counter(r, "heartbeats_sent", "Heartbeats that this director signed"),
            approvals_signed: counter(r, "approvals_signed", "Approvals of candidates signed"),
            stakes_checked: counter(r, "stakes_checked", "Stake proofs of candidates checked"),
            revocations_signed: counter(r, "revocations_signed", "Revocations signed"),
            revocations: counter(r, "revocations", "Validators cut off by enough directors"),
            redirects: counter(r, "redirects", "Validators sent elsewhere for want of room"),
            heartbeats_heard: counter(r, "heartbeats_heard", "Heartbeats of other directors"),
            submissions: counter(r, "submissions", "Times that collected votes were submitted"),
            repaired: counter(r, "repaired", "Messages that came because they were asked for"),
            given_up: counter(r, "given_up", "Missing messages that nobody has any more"),
            fetches_asked: counter(
                r,
                "fetches_asked",
                "Questions to directors for what is missing",
            ),
            fetches_served: counter(r, "fetches_served", "Questions of others that were answered"),
            replayed_bytes: counter(
                r,
                "replayed_bytes",
                "Bytes out of the log for whoever missed them",
            ),
            vectors_mismatched: counter(
                r,
                "vectors_mismatched",
                "Times that a director's vector was not what its hash says",
            ),
            moves_asked: counter(r, "moves_asked", "Validators asked to move by a drain"),
            certificates: counter(r, "certificates", "Checkpoints that got enough votes"),
            certificate_seconds: in_unit(
                r,
                "certificate",
                "From a checkpoint's first vote to as many as a certificate takes",
                Unit::Seconds,
            ),
            certified: gauge(r, "certified_checkpoint", "Newest checkpoint with enough votes"),
            refused: plain(r, "refused", "Messages that were refused, by reason"),
            standby_connections: gauge(r, "standby_connections", "Validators that only stand by"),
            log_frames: gauge(r, "log_frames", "Messages in the log"),
            log_bytes: in_unit(r, "log", "Bytes of the log", Unit::Bytes),
            log_oldest_seconds: in_unit(
                r,
                "log_oldest",
                "Age of its oldest message",
                Unit::Seconds,
            ),
            behind: gauge(r, "behind", "Sequences of which something is missing"),
            authorized: gauge(r, "authorized_validators", "Validators that may speak"),
            votes_in_memory: gauge(r, "votes_in_memory", "Votes that the detector holds"),
        }
    }
}

impl Network {
    fn new(r: &mut Registry) -> Self {
        let waited = "Time in a peer's queue: of each write the frame that waited longest";
        Self {
            connections: plain(r, "connections", "Connections, by network"),
            bytes_in: plain(r, "received_bytes", "Bytes received, by network"),
            bytes_out: plain(r, "sent_bytes", "Bytes sent, by network"),
            frames_in: plain(r, "received_frames", "Frames received, by network"),
            frames_out: plain(r, "sent_frames", "Frames sent, by network"),
            waiting_bytes: in_unit(r, "waiting", "Bytes that wait, each frame once", Unit::Bytes),
            queue_seconds: in_unit(r, "queue", waited, Unit::Seconds),
            write_bytes: in_unit(r, "write", "Length of each write to a peer", Unit::Bytes),
            dropped: plain(r, "dropped_frames", "Frames lost on their way to a peer"),
            dropped_in: plain(r, "dropped_received_frames", "Frames thrown away before the core"),
            handshakes: plain(r, "handshakes", "Inbound handshakes under way, by network"),
            replaced: plain(r, "replaced_connections", "Connections that a newer one replaced"),
            turned_away: plain(r, "refused_connections", "Connections refused, by reason"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Class {
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Net {
    network: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    network: &'static str,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TurnedAway {
    network: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Drop {
    network: &'static str,
    class: &'static str,
    reason: &'static str,
}

/// What is read anew for each scrape.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The core's counts.
    pub core: director::Stats,
    /// The mesh's, once it listens.
    pub mesh: Option<network::Stats>,
    /// The public network's, once it listens.
    pub public: Option<network::Stats>,
    /// Whether the director can serve validators.
    pub ready: bool,
    /// Whether it has caught up with the other directors.
    pub caught_up: bool,
    /// Whether the chain has it as an active director.
    pub active: bool,
    /// Memory of the process.
    pub memory_bytes: Option<u64>,
    /// How the store is doing.
    pub store: Store,
    /// What was seen within the last second.
    pub look: Look,
    /// How the chain is doing.
    pub chain: Chain,
}

/// How the store is doing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Store {
    /// Whether its file cannot be used now.
    pub is_failing: bool,
    /// Attempts to use it that failed.
    pub failures: u64,
    /// Votes that are in memory alone.
    pub unwritten_votes: u64,
    /// Votes that there was no room for there either.
    pub lost_votes: u64,
}

impl Metrics {
    /// All metrics, at zero.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("director");
        let r = &mut registry;
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        r.register("build", "The program", version);
        let core = Core::new(r);
        let network = Network::new(r);
        let finalized = gauge(r, "finalized_block", "Newest finalized block known");
        let ready = gauge(r, "ready", "1 while validators can be served");
        let caught_up = gauge(r, "caught_up", "1 once it has what the other directors have");
        let active = gauge(r, "active", "1 while the chain has this director as active");
        let memory = in_unit(r, "memory", "Memory of the process", Unit::Bytes);
        let verify_seconds = Durations::default();
        let help = "Time that it took to check the signatures of a batch";
        r.register_with_unit("verify", help, Unit::Seconds, verify_seconds.0.clone());
        let submissions_failed = counter(r, "submissions_failed", "Submissions that failed");
        let disk = Disk::new(r);
        let look = look::Gauges::new(r);
        let chain = chain::ChainMetrics::new(r);
        Self {
            registry,
            core,
            network,
            finalized,
            ready,
            caught_up,
            active,
            memory,
            verify_seconds,
            submissions_failed,
            disk,
            look,
            chain,
        }
    }

    /// For whoever checks signatures: how long each batch takes.
    pub fn verify_seconds(&self) -> Durations {
        self.verify_seconds.clone()
    }

    /// Collected votes did not get into the chain.
    pub fn submission_failed(&self) {
        self.submissions_failed.inc();
    }

    /// Takes a reading and writes all metrics as text.
    pub fn render(&self, reading: &Reading) -> String {
        self.take_core(&reading.core);
        for (network, stats) in [("mesh", &reading.mesh), ("public", &reading.public)] {
            if let Some(stats) = stats {
                self.take_network(network, stats);
            }
        }
        self.finalized.set(reading.core.finalized);
        self.disk.take(&reading.store);
        self.look.take(&reading.look);
        self.chain.take(&reading.chain);
        self.ready.set(reading.ready.into());
        self.caught_up.set(reading.caught_up.into());
        self.active.set(reading.active.into());
        self.memory.set(reading.memory_bytes.unwrap_or_default());
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn take_core(&self, stats: &director::Stats) {
        let core = &self.core;
        for (counter, value) in [
            (&core.frames, stats.frames),
            (&core.relayed, stats.relayed),
            (&core.deliveries, stats.deliveries),
            (&core.loops_prevented, stats.loops_prevented),
            (&core.suspect_frames, stats.suspect_frames),
            (&core.signatures_checked, stats.signatures_checked),
            (&core.votes_seen, stats.votes_seen),
            (&core.votes_unseen, stats.votes_unseen),
            (&core.double_signs_detected, stats.double_signs_detected),
            (&core.proofs_from_peers, stats.proofs_from_peers),
            (&core.parked, stats.parked),
            (&core.votes_recalled, stats.votes_recalled),
            (&core.invalid_votes, stats.invalid_votes),
            (&core.envelope_equivocations, stats.envelope_equivocations),
            (&core.replays_after_eviction, stats.replays_after_eviction),
            (&core.requests, stats.requests),
            (&core.director_votes_accepted, stats.director_votes_accepted),
            (&core.heartbeats_sent, stats.heartbeats_sent),
            (&core.approvals_signed, stats.approvals_signed),
            (&core.stakes_checked, stats.stakes_checked),
            (&core.revocations_signed, stats.revocations_signed),
            (&core.revocations, stats.revocations),
            (&core.redirects, stats.redirects),
            (&core.heartbeats_heard, stats.heartbeats_heard),
            (&core.submissions, stats.submissions),
            (&core.repaired, stats.repaired),
            (&core.given_up, stats.given_up),
            (&core.fetches_asked, stats.fetches_asked),
            (&core.fetches_served, stats.fetches_served),
            (&core.replayed_bytes, stats.replayed_bytes),
            (&core.vectors_mismatched, stats.vectors_mismatched),
            (&core.moves_asked, stats.moves_asked),
            (&core.certificates, stats.certificates),
        ] {
            set(counter, value);
        }
        for reason in Refusal::ALL {
            let label = Reason { reason: reason.name() };
            set(&core.refused.get_or_create(&label), stats.refused.get(reason));
        }
        for class in Priority::ALL {
            let label = Class { class: class_name(class) };
            set(&core.rate_limited.get_or_create(&label), stats.rate_limited(class));
        }
        // A batch of exactly so many is still in the bucket.
        let bound = |at: usize| 2f64.powi(at as i32);
        core.verify_batch.set(&stats.verify_batch, bound, stats.signatures_checked as f64);
        let bound = |at: usize| director::TICK_MS as f64 / 1e3 * 2f64.powi(at as i32);
        let sum = stats.certificate_ms_sum as f64 / 1e3;
        core.certificate_seconds.set(&stats.certificate_ms, bound, sum);
        core.certified.set(stats.certified);
        core.authorized.set(stats.authorized);
        core.votes_in_memory.set(stats.votes_in_memory);
        core.standby_connections.set(stats.standby_connections);
        core.log_frames.set(stats.log_frames);
        core.log_bytes.set(stats.log_bytes);
        core.log_oldest_seconds.set(stats.log_oldest_ms as f64 / 1e3);
        core.behind.set(stats.behind);
    }

    fn take_network(&self, network: &'static str, stats: &network::Stats) {
        let label = Net { network };
        self.network.connections.get_or_create(&label).set(stats.connected);
        set(&self.network.bytes_in.get_or_create(&label), stats.bytes_in);
        set(&self.network.bytes_out.get_or_create(&label), stats.bytes_out);
        set(&self.network.frames_in.get_or_create(&label), stats.frames_in);
        set(&self.network.frames_out.get_or_create(&label), stats.frames_out);
        self.network.waiting_bytes.get_or_create(&label).set(stats.waiting_bytes);
        // The buckets are of whole bytes, each of less than a power of two.
        let bound = |at: usize| 2f64.powi(at as i32) - 1.0;
        let network::Distribution { counts, sum } = &stats.write_bytes;
        self.network.write_bytes.get_or_create(&label).set(counts, bound, *sum as f64);
        for class in Priority::ALL {
            let bound = |at: usize| 2f64.powi(at as i32) / 1e6;
            let network::Distribution { counts, sum } = &stats.queue_us[class.index()];
            let label = Queue { network, class: class_name(class) };
            self.network.queue_seconds.get_or_create(&label).set(counts, bound, *sum as f64 / 1e6);
        }
        for (class, reason, count) in drops(stats) {
            set(&self.network.dropped.get_or_create(&Drop { network, class, reason }), count);
        }
        for class in Priority::ALL {
            for reason in DropReason::ALL {
                let count = stats.dropped_in(class, reason);
                let label = Drop { network, class: class_name(class), reason: drop_name(reason) };
                set(&self.network.dropped_in.get_or_create(&label), count);
            }
        }
        self.network.handshakes.get_or_create(&Net { network }).set(stats.handshakes);
        set(&self.network.replaced.get_or_create(&Net { network }), stats.replaced);
        for reason in Turned::ALL {
            let label = TurnedAway { network, reason: reason.name() };
            set(&self.network.turned_away.get_or_create(&label), stats.refused(reason));
        }
    }
}

/// What a network lost, by class and reason.
pub fn drops(
    stats: &network::Stats,
) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
    Priority::ALL.into_iter().flat_map(move |class| {
        DropReason::ALL
            .into_iter()
            .map(move |reason| (class_name(class), drop_name(reason), stats.dropped(class, reason)))
    })
}

/// Bytes of memory that the process uses, where the system tells it.
pub fn memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}

fn class_name(class: Priority) -> &'static str {
    match class {
        Priority::Critical => "critical",
        Priority::High => "high",
        Priority::Normal => "normal",
        Priority::Bulk => "bulk",
    }
}

fn drop_name(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Overflow => "overflow",
        DropReason::TooLarge => "too_large",
        DropReason::Disconnected => "disconnected",
        DropReason::Shed => "shed",
    }
}

/// The rooms' counts only grow, as a counter's must.
fn set(counter: &Counter, value: u64) {
    counter.inner().store(value, Ordering::Relaxed);
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    plain(registry, name, help)
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge<u64, AtomicU64> {
    plain(registry, name, help)
}

/// Registers a metric without a unit, or with one that its name has already.
fn plain<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// Registers a metric with a unit, which becomes the end of its name.
fn in_unit<M: Metric + Clone + Default>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    unit: Unit,
) -> M {
    let metric = M::default();
    registry.register_with_unit(name, help, unit, metric.clone());
    metric
}
