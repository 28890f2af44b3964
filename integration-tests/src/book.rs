//! Keeps book of what the finalized chain has about double signs.

use crate::chain::{SlashEvent, reports, slash_events};
use director_primitives::{AccountId32, DoubleSignProof, H256};
use director_service::chain::{Head, Node};
use std::{collections::HashMap, time::Duration};
use tokio::{sync::watch, task::JoinHandle, time::sleep};

/// Wait after a node that did not answer.
const RETRY: Duration = Duration::from_millis(200);

/// What the chain has about an offender.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    /// Times that it was proven, and slashed.
    pub(crate) proven: u32,
    /// Block in which it was, the last time.
    pub(crate) block: u64,
    pub(crate) applied: u32,
    /// What was taken.
    pub(crate) taken: u128,
    /// Whose report it was.
    pub(crate) reporter: Option<AccountId32>,
}

/// What the chain has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    cases: HashMap<AccountId32, Case>,
    /// Extrinsics that reported a proof, also in vain.
    reports: HashMap<H256, u32>,
}

impl Book {
    /// Of an offender, up to now.
    pub(crate) fn case(&self, offender: &AccountId32) -> Case {
        self.cases.get(offender).cloned().unwrap_or_default()
    }

    /// Extrinsics that reported a proof, up to now.
    pub(crate) fn reports(&self, proof: &H256) -> u32 {
        self.reports.get(proof).copied().unwrap_or_default()
    }

    /// How many are accused.
    pub(crate) fn cases(&self) -> usize {
        self.cases.len()
    }

    fn note(&mut self, block: u64, event: SlashEvent) {
        match event {
            SlashEvent::Proven { validator, reporter, .. } => {
                let case = self.cases.entry(validator).or_default();
                case.proven += 1;
                case.block = block;
                case.reporter = Some(reporter);
            }
            SlashEvent::Applied { validator, taken, .. } => {
                let case = self.cases.entry(validator).or_default();
                case.applied += 1;
                case.taken += taken;
            }
        }
    }
}

/// Follows the chain from here on; what it has is in the receiver.
pub(crate) fn keep(node: Node) -> (JoinHandle<()>, watch::Receiver<Book>) {
    let (publish, book) = watch::channel(Book::default());
    let keeper = tokio::spawn(async move {
        let mut blocks = node.blocks(None);
        loop {
            let block = blocks.next().await;
            let (events, proofs) = read(&node, block).await;
            publish.send_modify(|book| {
                events.into_iter().for_each(|event| book.note(block.number, event));
                for proof in proofs {
                    *book.reports.entry(proof).or_default() += 1;
                }
            });
        }
    });
    (keeper, book)
}

/// What a block has about double signs, however often the node has to be asked.
async fn read(node: &Node, block: Head) -> (Vec<SlashEvent>, Vec<H256>) {
    loop {
        match tokio::try_join!(slash_events(node, block), reports(node, block)) {
            Ok((events, proofs)) => {
                return (events, proofs.iter().map(DoubleSignProof::id).collect());
            }
            Err(error) => tracing::debug!("cannot read block {}: {error:#}", block.number),
        }
        sleep(RETRY).await;
    }
}
