//! Gauges of what alarms are about: the same facts that the dashboard has.

use super::{Registry, gauge, in_unit, plain};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Unit,
};
use std::sync::atomic::AtomicU64;

/// What was seen within the last second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Other active directors that are not connected.
    pub mesh_links_down: u64,
    /// Blocks that this director's node is behind the others' that is farthest.
    pub lag_blocks: u64,
    /// Since a block was finalized, in milliseconds.
    pub finalized_ago_ms: u64,
    /// Peers for which more waits than for one that keeps up.
    pub slow_peers: u64,
    /// Double signs whose proof is not in the chain yet.
    pub evidence_open: u64,
    /// Those of them that something keeps.
    pub evidence_stuck: u64,
    /// Checkpoints of the last eight, but for the newest, without a certificate.
    pub uncertified: u64,
    /// Whether this director's record on chain is old.
    pub record_stale: bool,
    /// Candidates that wait for directors.
    pub candidates_waiting: u64,
    /// Alarms on the dashboard: warnings, critical ones.
    pub alarms: [u64; 2],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Level {
    level: &'static str,
}

pub(super) struct Gauges {
    mesh_links_down: Gauge<u64, AtomicU64>,
    lag_blocks: Gauge<u64, AtomicU64>,
    finalized_ago: Gauge<f64, AtomicU64>,
    slow_peers: Gauge<u64, AtomicU64>,
    evidence_open: Gauge<u64, AtomicU64>,
    evidence_stuck: Gauge<u64, AtomicU64>,
    uncertified: Gauge<u64, AtomicU64>,
    record_stale: Gauge<u64, AtomicU64>,
    candidates_waiting: Gauge<u64, AtomicU64>,
    alarms: Family<Level, Gauge<u64, AtomicU64>>,
}

impl Gauges {
    pub(super) fn new(r: &mut Registry) -> Self {
        let uncertified = "Checkpoints of the last ones, but for the newest, without enough votes";
        Self {
            mesh_links_down: gauge(r, "mesh_links_down", "Active directors that are not connected"),
            lag_blocks: gauge(r, "lag_blocks", "Blocks behind the director that is farthest"),
            finalized_ago: in_unit(
                r,
                "finalized_age",
                "Since a block was finalized",
                Unit::Seconds,
            ),
            slow_peers: gauge(r, "slow_peers", "Peers for which more than 1 MiB waits"),
            evidence_open: gauge(r, "evidence_open", "Proofs that are not in the chain yet"),
            evidence_stuck: gauge(r, "evidence_stuck", "Those of them that something keeps"),
            uncertified: gauge(r, "uncertified_checkpoints", uncertified),
            record_stale: gauge(r, "record_stale", "1 while the record on chain is old"),
            candidates_waiting: gauge(
                r,
                "candidates_waiting",
                "Candidates that wait for directors",
            ),
            alarms: plain(r, "alarms", "Alarms on the dashboard, by level"),
        }
    }

    pub(super) fn take(&self, look: &Look) {
        self.mesh_links_down.set(look.mesh_links_down);
        self.lag_blocks.set(look.lag_blocks);
        self.finalized_ago.set(look.finalized_ago_ms as f64 / 1e3);
        self.slow_peers.set(look.slow_peers);
        self.evidence_open.set(look.evidence_open);
        self.evidence_stuck.set(look.evidence_stuck);
        self.uncertified.set(look.uncertified);
        self.record_stale.set(look.record_stale.into());
        self.candidates_waiting.set(look.candidates_waiting);
        for (level, count) in ["warning", "critical"].into_iter().zip(look.alarms) {
            self.alarms.get_or_create(&Level { level }).set(count);
        }
    }
}
