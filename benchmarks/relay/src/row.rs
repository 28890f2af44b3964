//! Holds the figures of one case, and makes one row of several runs of it.

use crate::case::{Case, System};
use serde::{Deserialize, Serialize};

/// The figures of a case. Times are in ms, from the intended time of sending; rates are a second.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    #[serde(default)]
    pub(crate) system: Option<System>,
    pub(crate) relays: usize,
    pub(crate) validators: usize,
    pub(crate) payload: usize,
    pub(crate) ingress: u64,
    pub(crate) ingress_achieved: f64,
    pub(crate) deliveries_per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
    /// Deliveries of what the run did not send: garbage, or of another run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) foreign: u64,
    pub(crate) cpu_us_per_delivery: f64,
    pub(crate) rss_mib: f64,
    /// The most memory that the relays ever had; rows of earlier versions lack it.
    #[serde(default)]
    pub(crate) peak_mib: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) burst_p50_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) burst_p99_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bulk_mib_per_s: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) frozen: Option<usize>,
    /// What may wait in a director, in MiB, where it is not as by default; its log is then as small as it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) waiting_mib: Option<usize>,
    /// Class of the votes, where it is not Critical.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<String>,
    /// Strangers that knocked meanwhile, a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) strangers: Option<u64>,
    /// Runs that this is the median of.
    #[serde(default)]
    pub(crate) runs: usize,
    /// Tries of a search at this rate that failed before one was good, and are not in the figures.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) failed_tries: usize,
}

/// Latency that a sustained rate must keep, in ms.
pub(crate) const SUSTAINED_P99_MS: f64 = 50.0;

/// Share of the intended messages that must have left for a rate to count: the load program itself
/// must not have been the limit.
const ACHIEVED: f64 = 0.98;

impl Row {
    /// Adds what the load program does not know.
    pub(crate) fn describe(&mut self, case: &Case) {
        self.system = Some(case.system);
        self.class = (case.class != "critical").then(|| case.class.clone());
        self.strangers = (case.strangers > 0).then_some(case.strangers);
        self.waiting_mib = case.waiting_mib;
        self.runs = 1;
    }

    /// Whether the rate was carried: nothing lost, doubled or made up, and the slowest hundredth in time.
    pub(crate) fn sustained(&self) -> bool {
        self.lost == 0
            && self.duplicates == 0
            && self.foreign == 0
            && self.p99_ms < SUSTAINED_P99_MS
            && self.ingress_achieved >= ACHIEVED * self.ingress as f64
    }

    /// Whether there is nothing special about it but its numbers.
    pub(crate) fn is_plain(&self) -> bool {
        self.bulk_mib_per_s.is_none()
            && self.frozen.is_none()
            && self.class.is_none()
            && self.strangers.is_none()
            && self.waiting_mib.is_none()
    }

    /// The load in words.
    pub(crate) fn load(&self) -> String {
        let mut text = match self.payload {
            payload if payload < 1_024 => format!("{payload} B"),
            payload => format!("{} KiB", payload / 1_024),
        };
        if let Some(all_ms) = self.burst_p99_ms {
            text += &format!(", bursts (the slowest of a run: all have all after {all_ms:.2} ms)");
        }
        if let Some(mib_per_s) = self.bulk_mib_per_s {
            text += &format!(", beside {mib_per_s:.0} MiB/s of blocks to each");
        }
        if let Some(frozen) = self.frozen {
            text += &format!(", {frozen} frozen");
        }
        if let Some(class) = &self.class {
            text += &format!(", class {class}");
        }
        if let Some(strangers) = self.strangers {
            text += &format!(", {strangers} strangers a second");
        }
        if self.foreign > 0 {
            text += &format!(", {} deliveries of what was not sent", self.foreign);
        }
        text
    }

    /// A line for somebody who waits.
    pub(crate) fn in_brief(&self) -> String {
        format!(
            "{:.0} deliveries/s, p50 {:.2}, p99 {:.2} ms, {} lost, {} twice, {} foreign, {:.2} µs, \
             {:.0} MiB",
            self.deliveries_per_s,
            self.p50_ms,
            self.p99_ms,
            self.lost,
            self.duplicates,
            self.foreign,
            self.cpu_us_per_delivery,
            self.rss_mib
        )
    }

    /// Of the tries of a search at one rate: the good one alone if there is one (a second try is made
    /// because the machine may have had a hiccup), with how many failed before it; else the median.
    pub(crate) fn of_tries(tries: &[Self]) -> Option<Self> {
        match tries.iter().position(Self::sustained) {
            Some(at) => Some(Self { failed_tries: at, ..tries[at].clone() }),
            None => Self::median(tries),
        }
    }

    /// How many runs are in it, and of how many.
    pub(crate) fn runs_in_words(&self) -> String {
        match self.failed_tries {
            0 => self.runs.to_string(),
            failed => format!("{} of {}", self.runs, self.runs + failed),
        }
    }

    /// The median of each figure; of losses and duplicates the sum: none may hide.
    pub(crate) fn median(rows: &[Self]) -> Option<Self> {
        let first = rows.first()?;
        let of = |figure: fn(&Self) -> f64| median(rows.iter().map(figure).collect());
        let optional = |figure: fn(&Self) -> Option<f64>| {
            let all: Vec<_> = rows.iter().filter_map(figure).collect();
            (!all.is_empty()).then(|| median(all))
        };
        Some(Self {
            ingress_achieved: of(|row| row.ingress_achieved),
            deliveries_per_s: of(|row| row.deliveries_per_s),
            p50_ms: of(|row| row.p50_ms),
            p95_ms: of(|row| row.p95_ms),
            p99_ms: of(|row| row.p99_ms),
            max_ms: of(|row| row.max_ms),
            lost: rows.iter().map(|row| row.lost).sum(),
            duplicates: rows.iter().map(|row| row.duplicates).sum(),
            foreign: rows.iter().map(|row| row.foreign).sum(),
            cpu_us_per_delivery: of(|row| row.cpu_us_per_delivery),
            rss_mib: of(|row| row.rss_mib),
            peak_mib: rows.iter().map(|row| row.peak_mib).fold(0.0, f64::max),
            burst_p50_ms: optional(|row| row.burst_p50_ms),
            burst_p99_ms: optional(|row| row.burst_p99_ms),
            bulk_mib_per_s: optional(|row| row.bulk_mib_per_s),
            runs: rows.len(),
            ..first.clone()
        })
    }
}

fn is_zero<N: Default + PartialEq>(count: &N) -> bool {
    *count == N::default()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[odd / 2],
        even => (values[even / 2 - 1] + values[even / 2]) / 2.0,
    }
}
