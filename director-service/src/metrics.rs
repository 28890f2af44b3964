//! Every metric of a director, in one place.
//!
//! The rooms count for themselves; here their counts get names. Labels come from closed lists of our
//! own, never from a peer, so that no stranger can make series.

use crate::{
    director::{self, Refusal},
    network::{self, DropReason, Refusal as Turned},
};
use director_primitives::Priority;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};
use std::sync::atomic::{AtomicU64, Ordering};

/// Every metric of a director.
pub struct Metrics {
    registry: Registry,
    core: Core,
    network: Network,
    finalized: Gauge<u64, AtomicU64>,
    ready: Gauge<u64, AtomicU64>,
    active: Gauge<u64, AtomicU64>,
    memory: Gauge<u64, AtomicU64>,
    submissions_failed: Counter,
}

/// What the core counts.
struct Core {
    frames: Counter,
    relayed: Counter,
    deliveries: Counter,
    loops_prevented: Counter,
    suspect_frames: Counter,
    signatures_checked: Counter,
    votes_seen: Counter,
    votes_unseen: Counter,
    rate_limited: Family<Class, Counter>,
    double_signs_detected: Counter,
    proofs_from_peers: Counter,
    approvals_signed: Counter,
    submissions: Counter,
    refused: Family<Reason, Counter>,
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
    dropped: Family<Drop, Counter>,
    turned_away: Family<TurnedAway, Counter>,
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
    /// Whether the chain has it as an active director.
    pub active: bool,
    /// Memory of the process.
    pub memory_bytes: Option<u64>,
}

impl Metrics {
    /// All metrics, at zero.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("director");
        let r = &mut registry;
        let core = Core {
            frames: counter(r, "frames", "Frames that came in"),
            relayed: counter(r, "relayed", "Messages that were passed on"),
            deliveries: counter(r, "deliveries", "Copies that were handed out for them"),
            loops_prevented: counter(r, "loops_prevented", "Repeats that were not passed on"),
            suspect_frames: counter(r, "suspect_frames", "Frames of senders of forged ones"),
            signatures_checked: counter(r, "signatures_checked", "Envelope signatures checked"),
            votes_seen: counter(r, "votes_seen", "Signed votes that the detector saw"),
            votes_unseen: counter(r, "votes_unseen", "Votes beyond all limits, not looked at"),
            rate_limited: family(r, "rate_limited", "Messages beyond limits, by class"),
            double_signs_detected: counter(r, "double_signs_detected", "Double signs proven here"),
            proofs_from_peers: counter(r, "proofs_from_peers", "New proofs of other directors"),
            approvals_signed: counter(r, "approvals_signed", "Approvals of candidates signed"),
            submissions: counter(r, "submissions", "Times that collected votes were submitted"),
            refused: family(r, "refused", "Messages that were refused, by reason"),
            authorized: gauge(r, "authorized_validators", "Validators that may speak"),
            votes_in_memory: gauge(r, "votes_in_memory", "Votes that the detector holds"),
        };
        let network = Network {
            connections: family(r, "connections", "Connections, by network"),
            bytes_in: family(r, "received_bytes", "Bytes received, by network"),
            bytes_out: family(r, "sent_bytes", "Bytes sent, by network"),
            frames_in: family(r, "received_frames", "Frames received, by network"),
            frames_out: family(r, "sent_frames", "Frames sent, by network"),
            dropped: family(r, "dropped_frames", "Frames lost on their way to a peer"),
            turned_away: family(r, "refused_connections", "Connections refused, by reason"),
        };
        let finalized = gauge(r, "finalized_block", "Newest finalized block known");
        let ready = gauge(r, "ready", "1 while validators can be served");
        let active = gauge(r, "active", "1 while the chain has this director as active");
        let memory = Gauge::default();
        r.register_with_unit("memory", "Memory of the process", Unit::Bytes, memory.clone());
        let submissions_failed = counter(r, "submissions_failed", "Submissions that failed");
        Self { registry, core, network, finalized, ready, active, memory, submissions_failed }
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
        self.ready.set(reading.ready.into());
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
            (&core.approvals_signed, stats.approvals_signed),
            (&core.submissions, stats.submissions),
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
        core.authorized.set(stats.authorized);
        core.votes_in_memory.set(stats.votes_in_memory);
    }

    fn take_network(&self, network: &'static str, stats: &network::Stats) {
        let label = Net { network };
        self.network.connections.get_or_create(&label).set(stats.connected);
        set(&self.network.bytes_in.get_or_create(&label), stats.bytes_in);
        set(&self.network.bytes_out.get_or_create(&label), stats.bytes_out);
        set(&self.network.frames_in.get_or_create(&label), stats.frames_in);
        set(&self.network.frames_out.get_or_create(&label), stats.frames_out);
        for (class, reason, count) in drops(stats) {
            set(&self.network.dropped.get_or_create(&Drop { network, class, reason }), count);
        }
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
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge<u64, AtomicU64> {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}

fn family<L, M>(registry: &mut Registry, name: &str, help: &str) -> Family<L, M>
where
    L: EncodeLabelSet + Clone + std::hash::Hash + Eq + Send + Sync + std::fmt::Debug + 'static,
    M: Default
        + prometheus_client::metrics::TypedMetric
        + prometheus_client::encoding::EncodeMetric
        + Send
        + Sync
        + std::fmt::Debug
        + 'static,
{
    let family = Family::default();
    registry.register(name, help, family.clone());
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_the_rooms_show_under_their_names() {
        let metrics = Metrics::new();
        let core = director::Stats {
            relayed: 7,
            authorized: 21,
            rate_limited: [0, 0, 5, 0],
            ..director::Stats::default()
        };
        let mut mesh = network::Stats { connected: 2, ..network::Stats::default() };
        mesh.refused[Turned::NotAllowed as usize] = 3;
        let reading = Reading { core, mesh: Some(mesh), ready: true, ..Reading::default() };
        let text = metrics.render(&reading);
        for line in [
            "director_relayed_total 7",
            "director_authorized_validators 21",
            "director_connections{network=\"mesh\"} 2",
            "director_refused_total{reason=\"bad_signature\"} 0",
            "director_refused_total{reason=\"rate_limited\"} 0",
            "director_rate_limited_total{class=\"normal\"} 5",
            "director_votes_unseen_total 0",
            "director_refused_connections_total{network=\"mesh\",reason=\"not_allowed\"} 3",
            "director_ready 1",
            "director_active 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|have| have == line), "{line:?} is not in\n{text}");
        }
    }

    #[test]
    fn knows_its_own_memory() {
        assert!(memory_bytes().is_none_or(|bytes| bytes > 100_000));
    }
}
