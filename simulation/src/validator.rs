//! A validator: its client, and what its application publishes and gets.

use crate::{
    Millis, NodeEvent,
    adversaries::Mischief,
    chain::genesis,
    client::{Client, Message, Setup},
    node::{Node, checkpoint_key},
};
use codec::Encode;
use director_primitives::{CheckpointNumber, H256, PayloadKind, SignedVote};
use std::collections::BTreeSet;

/// The running process.
pub(crate) struct Process {
    /// The client.
    pub(crate) client: Client,
    /// What waits to be handled in this moment.
    pub(crate) inbox: Vec<NodeEvent>,
    /// What came while it was frozen.
    pub(crate) backlog: Option<Vec<NodeEvent>>,
}

/// A validator.
pub(crate) struct ValidatorNode {
    /// Its number.
    pub(crate) n: u8,
    /// Number of its process, from 1.
    pub(crate) process_number: u64,
    /// The process, while there is one.
    pub(crate) process: Option<Process>,
    /// What it does wrong.
    pub(crate) mischief: Option<Box<dyn Mischief>>,
    /// Whether its application wants strict order.
    pub(crate) is_strict: bool,
    /// Newest checkpoint that it has heard of.
    pub(crate) checkpoint: CheckpointNumber,
    /// Checkpoints that it has voted for: what protects its key outlives the process.
    pub(crate) voted: BTreeSet<CheckpointNumber>,
}

impl ValidatorNode {
    /// One that does not run yet.
    pub(crate) fn new(n: u8, is_strict: bool, mischief: Option<Box<dyn Mischief>>) -> Self {
        Self {
            n,
            process_number: 0,
            process: None,
            mischief,
            is_strict,
            checkpoint: 0,
            voted: BTreeSet::new(),
        }
    }

    /// Whether it keeps to the rules.
    pub(crate) fn is_honest(&self) -> bool {
        self.mischief.is_none()
    }

    /// This node.
    pub(crate) fn node(&self) -> Node {
        Node::Validator(self.n)
    }

    /// Starts the process.
    pub(crate) fn start(&mut self, now: Millis, setup: Setup) {
        self.process_number += 1;
        let client = Client::new(self.node(), now, setup);
        self.process = Some(Process { client, inbox: Vec::new(), backlog: None });
    }

    /// Its vote, as a message.
    pub(crate) fn vote(&self, checkpoint: CheckpointNumber, block_hash: H256) -> Message {
        let payload = vote(self.n, checkpoint, block_hash).encode();
        Message { kind: PayloadKind::CheckpointVote, class: crate::chain::VOTE_CLASS, payload }
    }
}

/// Validator `n`'s vote.
pub(crate) fn vote(n: u8, checkpoint: CheckpointNumber, block_hash: H256) -> SignedVote {
    checkpoint_key(n).1.vote(&genesis(), checkpoint, block_hash)
}
