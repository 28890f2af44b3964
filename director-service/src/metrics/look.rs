//! Gauges of what alarms are about: the same facts that the dashboard has.

use super::list::{Gauges, List, in_unit, plain};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::{Registry, Unit},
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

const GAUGES: List<Look> = &[
    ("mesh_links_down", "Active directors that are not connected", |of| of.mesh_links_down),
    ("lag_blocks", "Blocks behind the other directors", |of| of.lag_blocks),
    ("slow_peers", "Peers for which more than 1 MiB waits", |of| of.slow_peers),
    ("evidence_open", "Proofs that are not in the chain yet", |of| of.evidence_open),
    ("evidence_stuck", "Those of them that something keeps", |of| of.evidence_stuck),
    (
        "uncertified_checkpoints",
        "Checkpoints of the last ones, but for the newest, without enough votes",
        |of| of.uncertified,
    ),
    ("record_stale", "1 while the record on chain is old", |of| of.record_stale.into()),
    ("candidates_waiting", "Candidates that wait for directors", |of| of.candidates_waiting),
];

pub(super) struct LookMetrics {
    gauges: Gauges<Look>,
    finalized_age: Gauge<f64, AtomicU64>,
    alarms: Family<Level, Gauge<u64, AtomicU64>>,
}

impl LookMetrics {
    pub(super) fn new(r: &mut Registry) -> Self {
        let age = "Since a block was finalized";
        Self {
            gauges: Gauges::new(r, GAUGES),
            finalized_age: in_unit(r, "finalized_age", age, Unit::Seconds),
            alarms: plain(r, "alarms", "Alarms on the dashboard, by level"),
        }
    }

    pub(super) fn take(&self, look: &Look) {
        self.gauges.take(look);
        self.finalized_age.set(look.finalized_ago_ms as f64 / 1e3);
        for (level, count) in ["warning", "critical"].into_iter().zip(look.alarms) {
            self.alarms.get_or_create(&Level { level }).set(count);
        }
    }
}
