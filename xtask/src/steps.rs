//! Tells which step is on, and what came of all of them.

use std::time::Instant;

/// A list of steps that is being worked off.
pub(crate) struct Steps {
    total: usize,
    current: usize,
    started: Instant,
}

impl Steps {
    /// `total` steps, none begun.
    pub(crate) fn new(total: usize) -> Self {
        Self { total, current: 0, started: Instant::now() }
    }

    /// Says that the next step begins.
    pub(crate) fn begin(&mut self, what: &str) {
        self.current += 1;
        let elapsed = duration(self.started);
        eprintln!("[{}/{}] {what} (at {elapsed})", self.current, self.total);
    }

    /// Time since the first step.
    pub(crate) fn elapsed(&self) -> String {
        duration(self.started)
    }
}

/// Time since then, for people: `7 s`, `12 min 3 s`.
pub(crate) fn duration(since: Instant) -> String {
    let seconds = since.elapsed().as_secs();
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {} s", seconds % 60),
    }
}

/// How many checks passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Passed.
    pub(crate) passed: u64,
    /// Failed.
    pub(crate) failed: u64,
}

impl Tally {
    /// One check that went well, or did not.
    pub(crate) fn one(passed: bool) -> Self {
        Self { passed: u64::from(passed), failed: u64::from(!passed) }
    }

    /// Adds up.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}
