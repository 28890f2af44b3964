//! Counts how often something may happen: so many times at once, and then so many times a second.

use tokio::time::Instant;

/// How often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    per_s: f64,
    pub(super) burst: f64,
}

impl Rate {
    pub(super) fn new(per_s: u32, burst: u32) -> Self {
        Self { per_s: per_s.into(), burst: burst.into() }
    }
}

/// What is left of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pub(super) tokens: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn full(rate: Rate, now: Instant) -> Self {
        Self { tokens: rate.burst, at: now }
    }

    pub(super) fn fill(&mut self, rate: Rate, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * rate.per_s).min(rate.burst);
        self.at = now;
    }

    /// Whether one may be taken now.
    pub(super) fn has(&mut self, rate: Rate, now: Instant) -> bool {
        self.fill(rate, now);
        self.tokens >= 1.0
    }

    /// Takes one, if it may.
    pub(super) fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let has = self.has(rate, now);
        if has {
            self.tokens -= 1.0;
        }
        has
    }
}
