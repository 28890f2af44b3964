//! Waits after a failure.

use super::Config;
use crate::chain::ChainError;
use director_primitives::Snapshot;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::sleep};

/// What a pursuit is told of finalized blocks.
pub(super) type Blocks = watch::Receiver<Option<Arc<Snapshot>>>;

/// How long the next failure is waited for.
pub(super) struct Backoff {
    first: Duration,
    last: Duration,
    /// Failures since the chain was last heard again.
    failures: u32,
    chance: StdRng,
}

impl Backoff {
    /// Begins with the wait after this many failures. `subject` makes chance another for each.
    pub(super) fn new(config: &Config, subject: u64, failures: u32) -> Self {
        let chance = StdRng::seed_from_u64(config.seed ^ subject);
        Self { first: config.first_retry, last: config.last_retry, failures, chance }
    }

    /// The chain was asked, and has answered.
    pub(super) const fn reset(&mut self) {
        self.failures = 0;
    }

    /// Waits, and longer the next time, until the next finalized block at most: what a node that lags did not know it may know then. If
    /// the chain was `away` that block is its return, else there is a pause before, since a node that catches up has many.
    pub(super) async fn wait(&mut self, away: bool, blocks: &mut Blocks) {
        let delay = self.delay();
        self.failures = self.failures.saturating_add(1);
        let pause = if away { Duration::ZERO } else { delay.min(self.first) };
        let next_block = async {
            sleep(pause).await;
            blocks.changed().await
        };
        tokio::select! {
            biased;
            Ok(()) = next_block => {
                if away {
                    self.failures = 0;
                }
            }
            () = sleep(delay) => {}
        }
    }

    /// Doubles from the first wait to the last; the half of it is chance, so that directors that
    /// lost their node together do not come back together.
    fn delay(&mut self) -> Duration {
        let doubled =
            self.first.saturating_mul(1u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        doubled.min(self.last).mul_f64(self.chance.random_range(0.5..=1.0))
    }
}

/// Whether an error says that there is no chain to be heard, rather than what it says.
pub(super) const fn is_away(error: &ChainError) -> bool {
    matches!(
        error,
        ChainError::Unreachable(_)
            | ChainError::Timeout(_)
            | ChainError::Incompatible(_)
            | ChainError::OtherChain { .. }
    )
}
