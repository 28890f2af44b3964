//! Makes a block each time the timer rings, and finalizes it, now or later.
//!
//! ```text
//!  --fork-every 3
//!
//!   1 ── 2 ── 3              has a transaction
//!        └─── 3' ── 4' ──    3' has not; with 4' the chain has changed over, and the pool has the transaction back
//! ```

use crate::{cli::Options, service::Client};
use futures::{
    channel::oneshot,
    stream::{self, BoxStream, StreamExt},
};
use runtime_mock::Hash;
use sc_consensus_manual_seal::{
    EngineCommand, Error,
    rpc::{CreatedBlock, Sender},
};
use sp_blockchain::HeaderBackend;
use sp_timestamp::InherentDataProvider;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::{Interval, MissedTickBehavior, interval};

type Command = EngineCommand<Hash>;

/// A command for each block, and for each that becomes final later. A block that takes longer than the timer
/// delays the next, blocks are never made up for.
pub(crate) fn commands(options: &Options, client: Arc<Client>) -> BoxStream<'static, Command> {
    let mut timer = interval(Duration::from_millis(options.block_time_ms));
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let sealing = Sealing {
        timer,
        client,
        finalize_after: options.finalize_after,
        fork_every: options.fork_every,
        forked_at: 0,
        beside: None,
        waiting: VecDeque::new(),
    };
    stream::unfold(sealing, |mut sealing| async move {
        let command = sealing.next().await;
        Some((command, sealing))
    })
    .boxed()
}

/// Answer about the block that was begun beside the best one.
type Beside = oneshot::Receiver<Result<CreatedBlock<Hash>, Error>>;

struct Sealing {
    timer: Interval,
    client: Arc<Client>,
    finalize_after: u32,
    fork_every: Option<u32>,
    /// The best block when a fork was begun last.
    forked_at: u32,
    beside: Option<Beside>,
    /// What comes before the next block.
    waiting: VecDeque<Command>,
}

impl Sealing {
    /// Commands are carried out one after the other: the last one's effects are there.
    async fn next(&mut self) -> Command {
        if let Some(command) = self.waiting.pop_front() {
            return command;
        }
        self.timer.tick().await;
        let (parent_hash, sender) = self.parent().await;
        let finalize = self.finalize_after == 0;
        let seal =
            EngineCommand::SealNewBlock { create_empty: true, finalize, parent_hash, sender };
        match self.to_finalize() {
            Some(finalize) => {
                self.waiting.push_back(seal);
                finalize
            }
            None => seal,
        }
    }

    /// Which block to build on, if not the best one; and who is told which one came of it.
    async fn parent(&mut self) -> (Option<Hash>, Sender<CreatedBlock<Hash>>) {
        if let Some(beside) = self.beside.take() {
            // The chain goes on there. If it was not made, it goes on where it was.
            let made = beside.await.ok().and_then(Result::ok);
            return (made.map(|block| block.hash), None);
        }
        let best = self.client.info().best_number;
        let is_due = self.fork_every.is_some_and(|every| best >= self.forked_at + every);
        if !is_due {
            return (None, None);
        }
        self.forked_at = best;
        let (sender, beside) = oneshot::channel();
        self.beside = Some(beside);
        (self.client.hash(best.saturating_sub(1)).ok().flatten(), Some(sender))
    }

    /// The block on which enough others have been built.
    fn to_finalize(&self) -> Option<Command> {
        let info = self.client.info();
        let number = info.best_number.checked_sub(self.finalize_after)?;
        if self.finalize_after == 0 || number <= info.finalized_number {
            return None;
        }
        let hash = self.client.hash(number).ok().flatten()?;
        Some(EngineCommand::FinalizeBlock { hash, sender: None, justification: None })
    }
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
