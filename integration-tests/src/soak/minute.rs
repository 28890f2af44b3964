//! What a minute of a soak came to.

use super::Event;
use std::{
    fmt, fs,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{task::JoinHandle, time::interval};

/// What a minute came to.
#[derive(Clone, Debug)]
pub struct Minute {
    /// What happened in it.
    pub event: Event,
    /// Messages published.
    pub published: u64,
    /// Deliveries that are on their way at its end.
    pub outstanding: u64,
    /// Latency of deliveries at the quantiles 0.5 and 0.99, and the longest, in milliseconds.
    pub latency_ms: [f64; 3],
    /// Resident memory of the director that runs all the time, in KiB: the median.
    pub memory_kib: u64,
    /// Messages that the book still knows.
    pub entries: usize,
}

impl Minute {
    /// What stands above the columns.
    pub const HEAD: &str =
        "   event  messages  on their way     p50     p99  longest  director-1 MiB  in the book";
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, longest] = self.latency_ms;
        write!(
            f,
            "{:>8} {:>9} {:>13} {p50:>7.1} {p99:>7.1} {longest:>8.1} {:>15.1} {:>12}",
            self.event.name(),
            self.published,
            self.outstanding,
            self.memory_kib as f64 / 1024.0,
            self.entries
        )
    }
}

/// Looks at the memory of a process until it is asked for.
pub(super) struct Memory(JoinHandle<()>, Arc<Mutex<Vec<u64>>>);

/// Begins to look.
pub(super) fn watch_memory(pid: Option<u32>, every: Duration) -> Memory {
    let samples = Arc::<Mutex<Vec<u64>>>::default();
    let kept = samples.clone();
    let task = tokio::spawn(async move {
        let mut looks = interval(every);
        loop {
            looks.tick().await;
            let kib = pid.and_then(rss_kib).unwrap_or_default();
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(kib);
        }
    });
    Memory(task, samples)
}

impl Memory {
    /// The median of what was seen, in KiB.
    pub(super) async fn median(self) -> u64 {
        self.0.abort();
        // Cancelled, as was asked.
        let _ = self.0.await;
        let mut samples = self.1.lock().unwrap_or_else(PoisonError::into_inner).clone();
        samples.sort_unstable();
        samples.get(samples.len() / 2).copied().unwrap_or_default()
    }
}

/// Resident memory of a process in KiB, if it runs and the system tells.
fn rss_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}
