//! Makes a block each time the timer rings, and finalizes it.

use futures::stream::{self, BoxStream, StreamExt};
use runtime_mock::Hash;
use sc_consensus_manual_seal::EngineCommand;
use sp_timestamp::InherentDataProvider;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval};

/// A command for each block. A block that takes longer than the timer delays the next, blocks are
/// never made up for.
pub(crate) fn commands(block_time: Duration) -> BoxStream<'static, EngineCommand<Hash>> {
    let mut timer = interval(block_time);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream::unfold(timer, |mut timer| async move {
        timer.tick().await;
        let seal = EngineCommand::SealNewBlock {
            create_empty: true,
            finalize: true,
            parent_hash: None,
            sender: None,
        };
        Some((seal, timer))
    })
    .boxed()
}

/// Tells each block its time, which never goes back, whatever the machine's clock does.
#[derive(Default)]
pub(crate) struct Clock {
    last_ms: AtomicU64,
}

impl Clock {
    /// The time for the next block.
    pub(crate) fn next(&self) -> InherentDataProvider {
        let now_ms = InherentDataProvider::from_system_time().timestamp().as_millis();
        let last_ms = self.last_ms.fetch_max(now_ms, Ordering::Relaxed);
        InherentDataProvider::new(now_ms.max(last_ms).into())
    }
}
