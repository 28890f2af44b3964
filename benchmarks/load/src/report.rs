//! Turns a run into the one line of JSON that the runner reads.

use anyhow::Result;
use serde::Serialize;

/// The figures of one run. Latency is of votes sent after the warm-up, from the intended time.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Relays.
    pub relays: usize,
    /// Validators, frozen ones included.
    pub validators: usize,
    /// Bytes of a vote.
    pub payload: usize,
    /// Votes a second intended.
    pub ingress: u64,
    /// Votes a second that the pacing thread handed over within the window.
    pub ingress_achieved: f64,
    /// Votes a second that all receivers together got within the window.
    pub deliveries_per_s: f64,
    /// Median latency.
    pub p50_ms: f64,
    /// 95th percentile of latency.
    pub p95_ms: f64,
    /// 99th percentile of latency.
    pub p99_ms: f64,
    /// Highest latency.
    pub max_ms: f64,
    /// Deliveries missing at the end, warm-up and bulk included.
    pub lost: u64,
    /// Deliveries of what the receiver had already, or had sent itself.
    pub duplicates: u64,
    /// Deliveries of something that this run did not send; not in the line when there were none.
    #[serde(skip_serializing_if = "is_zero")]
    pub foreign: u64,
    /// CPU of all relays within the window by deliveries (of votes); null without `--relay-pid`.
    pub cpu_us_per_delivery: Option<f64>,
    /// Resident memory of all relays, the larger of begin and end of the window.
    pub rss_mib: Option<f64>,
    /// The most resident memory that the relays had until the window's end.
    pub peak_mib: Option<f64>,
    /// Median of the time from a burst's begin until everybody had all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst_p50_ms: Option<f64>,
    /// 99th percentile of the same (the highest when there are fewer than 100 bursts).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst_p99_ms: Option<f64>,
    /// Bursts that somebody never had all of; only when bursting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bursts_incomplete: Option<u64>,
    /// Bulk MiB a second that each receiver got on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk_mib_per_s: Option<f64>,
    /// Bulk messages that all receivers together got within the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk_deliveries: Option<u64>,
    /// Validators that never read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<usize>,
}

impl Report {
    /// Writes the report as one line to standard output.
    pub fn print(&self) -> Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Three decimals: more would be noise.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Milliseconds from an ascending list of nanoseconds, nearest rank.
pub(crate) fn quantile_ms(sorted_ns: &[u64], quantile: f64) -> Option<f64> {
    let rank = (sorted_ns.len() as f64 * quantile).ceil().max(1.0) as usize;
    sorted_ns.get(rank - 1).map(|&ns| rounded(ns as f64 / 1e6))
}
