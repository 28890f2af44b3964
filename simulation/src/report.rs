//! What came of a run, and of many.

use crate::Millis;
use std::collections::BTreeMap;

/// How often what went wrong, by its name.
pub type FaultCounts = BTreeMap<&'static str, u64>;

/// What came of one run, or of several added up.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is not as it should be; nothing if the run passed.
    pub failures: Vec<String>,
    /// Tells whether two runs are the same; of several runs, their sum.
    pub digest: u64,
    /// Messages that honest validators published.
    pub messages: u64,
    /// Messages that applications got.
    pub deliveries: u64,
    /// Messages that applications were told will never come.
    pub gaps: u64,
    /// Proofs at honest directors.
    pub proofs: u64,
    /// Directors that clients said withhold messages.
    pub withheld: u64,
    /// Faults by name, misdeeds included.
    pub faults: FaultCounts,
    /// Simulated time.
    pub simulated_ms: Millis,
    /// Events of the schedule.
    pub events: u64,
}

impl Report {
    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        self.failures.extend(other.failures.iter().cloned());
        self.digest = self.digest.wrapping_add(other.digest);
        self.messages += other.messages;
        self.deliveries += other.deliveries;
        self.gaps = self.gaps.saturating_add(other.gaps);
        self.proofs += other.proofs;
        self.withheld += other.withheld;
        for (name, count) in &other.faults {
            *self.faults.entry(name).or_default() += count;
        }
        self.simulated_ms += other.simulated_ms;
        self.events += other.events;
    }
}
