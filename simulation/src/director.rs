//! A director: the real core, its disk, and what it was asked to do wrong.

use crate::{
    Millis, NodeEvent, adversaries::Misdeed, chain::genesis, envelopes::SimulatedCrypto, node::Node,
};
use director_primitives::{AccountId32, CheckpointNumber, DoubleSignProof, H256, PublicKey};
use director_service::director::{Config, Director, ValidatorVote};
use std::collections::{BTreeMap, BTreeSet};

/// What survives a restart, unless the disk dies too.
#[derive(Default)]
pub(crate) struct Disk {
    /// First votes, by validator and checkpoint.
    pub(crate) votes: BTreeMap<(AccountId32, CheckpointNumber), ValidatorVote>,
    /// Proofs that were made or heard of.
    pub(crate) proofs: BTreeMap<H256, DoubleSignProof>,
}

/// The running process.
pub(crate) struct Process {
    /// The core.
    pub(crate) core: Director<SimulatedCrypto>,
    /// What waits to be handled in this moment.
    pub(crate) inbox: Vec<NodeEvent>,
    /// What came while it was frozen.
    pub(crate) backlog: Option<Vec<NodeEvent>>,
}

/// A director.
pub(crate) struct DirectorNode {
    /// Its number.
    pub(crate) n: u8,
    /// Number of its process, from 1.
    pub(crate) process_number: u64,
    /// The process, while there is one.
    pub(crate) process: Option<Process>,
    /// Its disk.
    pub(crate) disk: Disk,
    /// Directors that it wants to be connected to, and how often that failed since it last was.
    pub(crate) wanted: BTreeMap<PublicKey, u32>,
    /// What it does wrong.
    pub(crate) misdeed: Option<Box<dyn Misdeed>>,
    /// When its process began.
    pub(crate) started_at: Millis,
    /// Proofs that this process, or the disk, has ever had.
    pub(crate) proven: BTreeSet<H256>,
}

impl DirectorNode {
    /// One that does not run yet.
    pub(crate) fn new(n: u8, misdeed: Option<Box<dyn Misdeed>>) -> Self {
        Self {
            n,
            process_number: 0,
            process: None,
            disk: Disk::default(),
            wanted: BTreeMap::new(),
            misdeed,
            started_at: 0,
            proven: BTreeSet::new(),
        }
    }

    /// This node.
    pub(crate) fn node(&self) -> Node {
        Node::Director(self.n)
    }

    /// Whether it keeps to the rules.
    pub(crate) fn is_honest(&self) -> bool {
        self.misdeed.is_none()
    }

    /// Starts the process, with what is on disk from this checkpoint on in memory.
    pub(crate) fn start(
        &mut self,
        now: Millis,
        complete_from: CheckpointNumber,
        adjust: impl FnOnce(&mut Config),
    ) {
        let node = self.node();
        let mut config = Config::new(node.account(), node.key());
        adjust(&mut config);
        let recent = self.disk.votes.values();
        let history = recent.filter(|of| of.vote.vote.checkpoint >= complete_from).cloned();
        let crypto = SimulatedCrypto::new(node);
        let core = Director::resume(config, crypto, history.collect(), complete_from);
        self.process_number += 1;
        self.started_at = now;
        self.process = Some(Process { core, inbox: Vec::new(), backlog: None });
    }

    /// The process is gone, perhaps with the disk.
    pub(crate) fn stop(&mut self, keeps_disk: bool) {
        self.process = None;
        self.wanted.clear();
        if !keeps_disk {
            self.disk = Disk::default();
            self.proven.clear();
        }
    }

    /// A proof was made, or heard of. It goes to disk.
    pub(crate) fn prove(&mut self, proof: DoubleSignProof) {
        debug_assert_eq!(proof.genesis_hash, genesis());
        self.proven.insert(proof.id());
        self.disk.proofs.insert(proof.id(), proof);
    }
}
