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
//! | missed | `behind`, `fetches_asked`, `repaired`, `withheld`, `given_up`; for others `fetches_served`, `replayed_bytes`, `log_…` |
//!
//! Each costs a few increments a batch or a write, none a copy.

mod chain;
mod core;
mod histogram;
mod list;
mod look;
mod network;
#[cfg(test)]
mod tests;

pub use chain::Chain;
pub use histogram::Durations;
pub use look::Look;
pub use network::drops;

use crate::director;
use director_primitives::Priority;
use list::{Counters, Gauges, List, counter, in_unit};
/// A count that somebody else keeps. Clones are one count.
pub use prometheus_client::metrics::counter::Counter;
use prometheus_client::{
    encoding::text::encode,
    metrics::{gauge::Gauge, info::Info},
    registry::{Registry, Unit},
};
use std::sync::atomic::AtomicU64;

/// What the store counts.
const STORE_COUNTERS: List<Store> = &[
    ("store_failures", "Attempts to use the file that failed", |of| of.failures),
    ("store_lost_votes", "Votes that neither file nor memory took", |of| of.lost_votes),
];

const STORE_GAUGES: List<Store> = &[
    ("store_failing", "1 while the file cannot be used", |of| of.is_failing.into()),
    ("store_unwritten_votes", "Votes that are in memory alone", |of| of.unwritten_votes),
];

/// What the director is.
const GAUGES: List<Reading> = &[
    ("ready", "1 while validators can be served", |of| of.ready.into()),
    ("caught_up", "1 once it has what the other directors have", |of| of.caught_up.into()),
    ("active", "1 while the chain has this director as active", |of| of.active.into()),
];

/// Every metric of a director.
pub struct Metrics {
    registry: Registry,
    core: core::Core,
    network: network::Network,
    store: (Counters<Store>, Gauges<Store>),
    look: look::LookMetrics,
    chain: chain::ChainMetrics,
    gauges: Gauges<Reading>,
    memory: Gauge<u64, AtomicU64>,
    verify_seconds: Durations,
    submissions_failed: Counter,
    proofs_delayed: Counter,
}

/// What is read anew for each scrape.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The core's counts.
    pub core: director::Stats,
    /// The mesh's, once it listens.
    pub mesh: Option<crate::network::Stats>,
    /// The public network's, once it listens.
    pub public: Option<crate::network::Stats>,
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
        let verify_seconds = Durations::default();
        let help = "Time that it took to check the signatures of a batch";
        r.register_with_unit("verify", help, Unit::Seconds, verify_seconds.0.clone());
        Self {
            core: core::Core::new(r),
            network: network::Network::new(r),
            store: (Counters::new(r, STORE_COUNTERS), Gauges::new(r, STORE_GAUGES)),
            look: look::LookMetrics::new(r),
            chain: chain::ChainMetrics::new(r),
            gauges: Gauges::new(r, GAUGES),
            memory: in_unit(r, "memory", "Memory of the process", Unit::Bytes),
            submissions_failed: counter(r, "submissions_failed", "Submissions that failed"),
            proofs_delayed: counter(
                r,
                "proofs_delayed",
                "Proofs that the reporter had no room for at once",
            ),
            verify_seconds,
            registry,
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

    /// For whoever hands proofs to the reporter: those that had to wait.
    pub fn proofs_delayed(&self) -> Counter {
        self.proofs_delayed.clone()
    }

    /// Takes a reading and writes all metrics as text.
    pub fn render(&self, reading: &Reading) -> String {
        self.core.take(&reading.core);
        for (network, stats) in [("mesh", &reading.mesh), ("public", &reading.public)] {
            if let Some(stats) = stats {
                self.network.take(network, stats);
            }
        }
        self.store.0.take(&reading.store);
        self.store.1.take(&reading.store);
        self.look.take(&reading.look);
        self.chain.take(&reading.chain);
        self.gauges.take(reading);
        self.memory.set(reading.memory_bytes.unwrap_or_default());
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
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
