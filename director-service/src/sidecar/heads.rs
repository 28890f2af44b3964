//! Brings finalized blocks to the engine, from a task of its own.
//!
//! A block takes several questions to the node. Asked in the engine's loop, which goes on to something else with every message,
//! they would be asked again and again, and while many messages come never be answered.

use crate::chain::{FinalizedBlocks, Head};
use futures::{Stream, StreamExt, stream::unfold};
use tokio::{sync::mpsc, task::JoinHandle};

/// Blocks that wait for the engine. Then no more are asked for; none is left out.
const MAX_WAITING: usize = 16;

/// Finalized blocks in their order; the task ends with this.
pub(super) struct Heads {
    blocks: mpsc::Receiver<Head>,
    task: JoinHandle<()>,
}

impl Drop for Heads {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Heads {
    /// Follows the chain.
    pub(super) fn of(blocks: FinalizedBlocks) -> Self {
        Self::start(unfold(blocks, |mut blocks| async {
            let next = blocks.next().await;
            Some((next, blocks))
        }))
    }

    pub(super) fn start(heads: impl Stream<Item = Head> + Send + 'static) -> Self {
        let (sender, blocks) = mpsc::channel(MAX_WAITING);
        let task = tokio::spawn(async move {
            let mut heads = std::pin::pin!(heads);
            while let Some(head) = heads.next().await {
                if sender.send(head).await.is_err() {
                    return;
                }
            }
        });
        Self { blocks, task }
    }

    /// The next block; `None` if following them has ended. Nothing is lost when it is cancelled.
    pub(super) async fn next(&mut self) -> Option<Head> {
        self.blocks.recv().await
    }
}

#[cfg(test)]
mod tests;
