//! Yields every finalized block in order, whatever happens to the connection in between.

use super::{Node, session::Head};
use std::time::Duration;
use tokio::{sync::watch, time::sleep};
use tracing::debug;

/// Wait after a node that did not answer.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Every finalized block from one on, without holes and without repeats.
///
/// Blocks that were finalized while nobody asked, or while the node was away, are fetched by their
/// numbers. Holds nothing but numbers, so that it may be asked as slowly as one likes. If a node had claimed more than
/// is finalized, it goes on where the chain is.
pub struct FinalizedBlocks {
    node: Node,
    head: watch::Receiver<Option<Head>>,
    next: Option<u64>,
    /// The highest block that was heard of.
    highest: u64,
}

impl FinalizedBlocks {
    pub(super) fn new(node: Node, from: Option<u64>) -> Self {
        let head = node.head();
        Self { node, head, next: from, highest: 0 }
    }

    /// The next finalized block. Waits for it, and for a node that is away, as long as it takes; may
    /// be dropped while it waits.
    pub async fn next(&mut self) -> Head {
        loop {
            let (wanted, highest) = (self.next, self.highest);
            let reached = |head: &Option<Head>| {
                head.is_some_and(|head| {
                    head.number < highest || wanted.is_none_or(|wanted| head.number >= wanted)
                })
            };
            let newest = self.head.wait_for(reached).await.map(|head| *head);
            let Ok(newest) = newest else {
                // The node's task has ended, with the process or by a panic.
                return std::future::pending().await;
            };
            let Some(newest) = newest.map(|head| head.number) else { continue };
            self.highest = newest;
            if newest < highest {
                self.next = wanted.map(|wanted| wanted.min(newest.saturating_add(1)));
                continue;
            }
            let next = wanted.unwrap_or(newest);
            match self.node.block_hash(next).await {
                Ok(Some(hash)) => {
                    self.next = Some(next + 1);
                    return Head { number: next, hash };
                }
                Ok(None) => {}
                Err(error) => {
                    debug!(next, %error, "cannot get a finalized block; trying again");
                    sleep(RETRY_DELAY).await;
                }
            }
        }
    }
}
