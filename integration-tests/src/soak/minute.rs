//! What a minute of a soak came to.

use super::{Event, LEAST_PUBLISHED};
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
    /// Messages that were to be published.
    pub due: u64,
    /// Deliveries a second that come of so many.
    pub deliveries_per_s: u64,
    /// Messages published.
    pub published: u64,
    /// Deliveries that are on their way at its end.
    pub outstanding: u64,
    /// Latency of deliveries at the quantiles 0.5 and 0.99, and the longest, in milliseconds.
    pub latency_ms: [f64; 3],
    /// Resident memory of each director, in KiB: the median; 0 if it could not be read. Of one that is restarted in this minute,
    /// before that.
    pub memory_kib: Vec<u64>,
    /// Messages that the book still knows.
    pub entries: usize,
}

impl Minute {
    /// What stands above the columns.
    pub const HEAD: &str =
        "   event  messages  on their way     p50     p99  longest  director-1 MiB  in the book";

    /// Whether the load was another one than was asked for: without it nothing is lost, and nothing grows.
    pub(super) fn load_fault(&self) -> Option<String> {
        let Self { due, published, outstanding, deliveries_per_s, .. } = self;
        if (*published as f64) < LEAST_PUBLISHED * *due as f64 {
            Some(format!("{published} messages were published, and not {due}"))
        } else if outstanding > deliveries_per_s {
            Some(format!(
                "{outstanding} deliveries are on their way at its end: more than of a second"
            ))
        } else {
            None
        }
    }
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
            self.memory_kib.first().map_or(f64::NAN, |kib| *kib as f64 / 1024.0),
            self.entries
        )
    }
}

/// What was seen of each process.
type Samples = Arc<Mutex<Vec<Vec<u64>>>>;

/// Looks at the memory of processes until it is asked for.
pub(super) struct Memory(JoinHandle<()>, Samples);

/// Begins to look.
pub(super) fn watch_memory(pids: Vec<Option<u32>>, every: Duration) -> Memory {
    let samples: Samples = Arc::new(Mutex::new(vec![Vec::new(); pids.len()]));
    let kept = samples.clone();
    let task = tokio::spawn(async move {
        let mut looks = interval(every);
        loop {
            looks.tick().await;
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            for (pid, kept) in pids.iter().zip(kept.iter_mut()) {
                kept.extend(pid.and_then(rss_kib));
            }
        }
    });
    Memory(task, samples)
}

impl Memory {
    /// The medians of what was seen, in KiB; 0 where nothing was.
    pub(super) async fn medians(self) -> Vec<u64> {
        self.0.abort();
        // Cancelled, as was asked.
        let _ = self.0.await;
        let mut samples = self.1.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let median = |samples: &mut Vec<u64>| {
            samples.sort_unstable();
            samples.get(samples.len() / 2).copied().unwrap_or_default()
        };
        samples.iter_mut().map(median).collect()
    }
}

/// Resident memory of a process in KiB, if it runs and the system tells.
fn rss_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}
