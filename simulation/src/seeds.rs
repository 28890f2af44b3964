//! Runs many seeds on several threads and adds up what came of them.

use crate::{Options, Report, run};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// What came of many seeds.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// Seeds that passed.
    pub passed: u64,
    /// Seeds that failed, and why.
    pub failed: BTreeMap<u64, Vec<String>>,
    /// All of them added up.
    pub total: Report,
}

/// Runs one seed; a panic of what it runs is a failure too.
pub fn run_caught(seed: u64, options: Options) -> Report {
    let result = catch_unwind(AssertUnwindSafe(|| run(seed, options)));
    result.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
        Report { failures: vec![format!("panic: {text}")], ..Report::default() }
    })
}

/// Runs `count` seeds from `base` on, `jobs` at once. `progress` hears now and then how many are done and failed.
pub fn run_seeds(
    base: u64,
    count: u64,
    jobs: usize,
    options: Options,
    progress: impl Fn(u64, u64) + Sync,
) -> Results {
    let next = AtomicU64::new(0);
    let results = Mutex::new((Results::default(), Instant::now()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Relaxed);
                    if at >= count {
                        return;
                    }
                    let report = run_caught(base + at, options);
                    let mut guard = results.lock().unwrap_or_else(PoisonError::into_inner);
                    let (results, told_at) = &mut *guard;
                    results.take(base + at, &report);
                    let done = results.passed + results.failed.len() as u64;
                    if told_at.elapsed() >= Duration::from_secs(2) {
                        *told_at = Instant::now();
                        progress(done, results.failed.len() as u64);
                    }
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner).0
}

impl Results {
    fn take(&mut self, seed: u64, report: &Report) {
        if report.failures.is_empty() {
            self.passed += 1;
        } else {
            self.failed.insert(seed, report.failures.clone());
        }
        self.total.add(report);
    }

    /// The line that says it all; `wall` is how long it took.
    pub fn summary(&self, wall: Duration) -> String {
        let total = &self.total;
        let faults: Vec<_> =
            total.faults.iter().map(|(name, count)| format!("{name} {count}")).collect();
        format!(
            "seeds {} passed {} failed {} messages {} deliveries {} faults [{}] gaps {} proofs {} \
             withheld {} simulated_h {:.1} events {} digest {:016x} wall_s {:.1}",
            self.passed + self.failed.len() as u64,
            self.passed,
            self.failed.len(),
            total.messages,
            total.deliveries,
            faults.join(", "),
            total.gaps,
            total.proofs,
            total.withheld,
            total.simulated_ms as f64 / 3_600_000.0,
            total.events,
            total.digest,
            wall.as_secs_f64(),
        )
    }
}
