//! Lays down in advance who publishes which vote when.

use crate::options::Options;

/// All bursts of one second fall within this time.
const BURST_NS: u64 = 1_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// One vote of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Who publishes.
    pub validator: usize,
    /// Which one of this validator's votes it is, from 0; in a burst the number of the burst.
    pub seq: u64,
    /// Nanoseconds from the start of the run.
    pub at_ns: u64,
}

/// The votes of a run in the order of their intended times, warm-up included: computed, not stored.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    live: u64,
    rate: u64,
    burst: bool,
    len: u64,
}

impl Schedule {
    /// The schedule that the options ask for.
    pub fn new(options: &Options) -> Self {
        let (live, rate) = (options.live() as u64, options.ingress());
        let len = if options.burst {
            options.end_ns().div_ceil(SECOND_NS) * live
        } else {
            (u128::from(rate) * u128::from(options.end_ns())).div_ceil(SECOND_NS.into()) as u64
        };
        Self { live, rate, burst: options.burst, len }
    }

    /// Number of votes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing is sent.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The vote number `index`.
    pub fn slot(&self, index: u64) -> Slot {
        let (validator, seq) = (index % self.live, index / self.live);
        let at_ns = if self.burst {
            seq * SECOND_NS + validator * BURST_NS / self.live
        } else {
            (u128::from(index) * u128::from(SECOND_NS) / u128::from(self.rate)) as u64
        };
        Slot { validator: validator as usize, seq, at_ns }
    }

    /// Most votes of one validator.
    pub(crate) fn per_validator(&self) -> u64 {
        self.len.div_ceil(self.live)
    }

    /// Number of votes of one validator.
    pub(crate) fn of(&self, validator: usize) -> u64 {
        self.len / self.live + u64::from((validator as u64) < self.len % self.live)
    }

    /// Bursts, 0 when evenly spaced.
    pub(crate) fn bursts(&self) -> u64 {
        if self.burst { self.len / self.live } else { 0 }
    }

    /// When a burst begins.
    pub(crate) fn burst_ns(burst: u64) -> u64 {
        burst * SECOND_NS
    }
}
