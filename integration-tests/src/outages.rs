//! Keeps book of the times in which validators have no primary that takes what they say, whatever the reason.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// What one validator was without.
#[derive(Clone, Copy, Debug, Default)]
struct Outage {
    /// Since when it lasts.
    since: Option<Instant>,
    longest: Duration,
}

/// The book. Validators are numbered from 0; who has not had a primary yet has lost none.
#[derive(Clone, Debug, Default)]
pub struct Outages(BTreeMap<usize, Outage>);

impl Outages {
    /// A validator has lost its primary, or that takes nothing any more.
    pub fn begin(&mut self, validator: usize, at: Instant) {
        if let Some(of) = self.0.get_mut(&validator) {
            of.since.get_or_insert(at);
        }
    }

    /// A validator has a primary, which takes what it says.
    pub fn end(&mut self, validator: usize, at: Instant) {
        let of = self.0.entry(validator).or_default();
        if let Some(since) = of.since.take() {
            of.longest = of.longest.max(at.saturating_duration_since(since));
        }
    }

    /// Forgets all that was before: what lasts counts from now on.
    pub fn forget(&mut self, now: Instant) {
        for of in self.0.values_mut() {
            of.longest = Duration::ZERO;
            of.since = of.since.map(|_| now);
        }
    }

    /// The longest of each validator, what lasts included, in ascending order.
    pub fn longest(&self, now: Instant) -> Vec<Duration> {
        let longest = self.0.values().map(|of| {
            let lasts =
                of.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            of.longest.max(lasts)
        });
        let mut longest: Vec<_> = longest.collect();
        longest.sort_unstable();
        longest
    }
}
