//! What a run of the devnet comes to, as one JSON object.

use serde::Serialize;

/// Latencies from publishing to receipt, in milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// Connections, counted in the kernel's table of sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// Among directors.
    pub mesh: u32,
    /// Between validators and directors.
    pub validators: u32,
}

/// A slash that the chain applied.
#[derive(Clone, Debug, Serialize)]
pub struct Slashed {
    /// The validator's number, from 1.
    pub validator: usize,
    /// The checkpoint that it signed twice.
    pub checkpoint: u64,
    /// What was taken, in the chain's smallest unit.
    pub amount: u128,
    /// The director that reported it, `director-N`, or the account.
    pub reporter: String,
    /// From the moment a director had the proof to the finalized block that applied the slash.
    pub detected_to_finalized_ms: u64,
}

/// Result of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Directors in the run.
    pub directors: usize,
    /// Validators in the run.
    pub validators: usize,
    /// Checkpoints that the validators voted on.
    pub checkpoints: u64,
    /// Votes published.
    pub votes_published: u64,
    /// Deliveries that had to happen.
    pub deliveries_expected: u64,
    /// Deliveries that did.
    pub deliveries: u64,
    /// Deliveries that did not.
    pub lost: u64,
    /// Messages that somebody got twice.
    pub duplicates: u64,
    /// Messages that reached a validator's client a second time, fetched while they were on their way.
    pub repeats: u64,
    /// From publishing to receipt.
    pub latency_ms: Latency,
    /// Checkpoints for which every honest validator formed a certificate.
    pub certificates: u64,
    /// Counted once everybody is connected.
    pub connections: Connections,
    /// Different double signs that the directors proved.
    pub double_signs_detected: u64,
    /// Slashes applied on chain.
    pub slashed: Vec<Slashed>,
    /// Slashes and tombstones of validators that did not sign twice.
    pub honest_slashed: u64,
}
