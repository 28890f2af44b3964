//! Ties the parts of the core together.

use super::{Config, Crypto, Input, Millis, Output, Stats, ValidatorVote};

/// The core of a director.
pub struct Director<C> {
    config: Config,
    crypto: C,
    stats: Stats,
}

impl<C: Crypto> Director<C> {
    /// A core that knows the votes in `history`, the newest ones on disk, and nothing else.
    pub fn new(config: Config, crypto: C, history: Vec<ValidatorVote>) -> Self {
        let _ = history;
        Self {
            config,
            crypto,
            stats: Stats::default(),
        }
    }

    /// Takes one input and appends what is to be done about it, in order.
    pub fn handle(&mut self, now: Millis, input: Input, out: &mut Vec<Output>) {
        let _ = (now, input, out, &self.config, &self.crypto);
    }

    /// What the core did so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }
}
