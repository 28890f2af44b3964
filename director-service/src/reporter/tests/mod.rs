//! Proofs against everything that gets in their way, in simulated time.
#![allow(clippy::unwrap_used)]

mod absence;
mod behind;
mod disk;
mod extrinsics;
mod faults;
mod node;
mod random;
mod refusals;
mod reports;
mod retraction;
mod rivals;
mod sim;
mod streams;
mod turns;

use super::{Config, EvidenceStatus, Handle, Reporter, room};
use crate::store::{State, memory::Disk};
use director_primitives::{
    AccountId32, DoubleSignProof, H256,
    test_utils::{TestKey, double_sign},
    turn,
};
use node::{FakeNode, Points, unreachable};
use sim::{Sim, account};
use std::{sync::Arc, time::Duration};

/// Time between two blocks.
const BLOCK: Duration = Duration::from_secs(6);

fn proof(checkpoint: u64) -> DoubleSignProof {
    double_sign(&TestKey::new(1), H256::zero(), checkpoint)
}

/// The director whose turn is the `rank`th for whom this proof is against.
fn director_of_rank(rank: u32, proof: &DoubleSignProof) -> AccountId32 {
    director_of(3, rank, proof)
}

/// The same of so many directors.
fn director_of(directors: u8, rank: u32, proof: &DoubleSignProof) -> AccountId32 {
    let accounts: Vec<_> = (0..directors).map(account).collect();
    let accused = room::accused(Some(&sim::snapshot(0)), proof);
    let is_it = |me: &&AccountId32| turn::rank(accused.as_ref(), *me, &accounts) == Some(rank);
    accounts.iter().find(is_it).unwrap().clone()
}

/// Makes this many blocks, at their times.
async fn blocks(sim: &Sim, count: u64) {
    for _ in 0..count {
        tokio::time::sleep(BLOCK).await;
        sim.block();
    }
    // Everybody who can act upon the last one has.
    tokio::time::sleep(BLOCK / 6).await;
}

/// One director's reporter, with its node and its disk.
struct Rig {
    node: Arc<FakeNode>,
    disk: Disk,
    reporter: Option<Reporter>,
}

impl Rig {
    /// The reporter of this director.
    fn new(sim: &Sim, me: AccountId32) -> Self {
        let mut rig = Self { node: FakeNode::new(sim, me), disk: Disk::default(), reporter: None };
        rig.start();
        rig
    }

    /// Those of all three directors, in the order of their ranks for this proof.
    fn all(sim: &Sim, proof: &DoubleSignProof) -> [Self; 3] {
        [0, 1, 2].map(|rank| Self::new(sim, director_of_rank(rank, proof)))
    }

    /// Those of all directors, however many there are.
    fn of_all(sim: &Sim, proof: &DoubleSignProof) -> Vec<Self> {
        let directors = sim.directors();
        let of = |rank| director_of(directors, rank, proof);
        (0..directors.into()).map(|rank| Self::new(sim, of(rank))).collect()
    }

    fn start(&mut self) {
        let points = Points::new();
        *self.node.points.lock().unwrap() = points.clone();
        let outbox = self.disk.outbox(move || points.clone().pass());
        let config = Config { seed: 1, ..Config::new(self.node.me.clone()) };
        self.reporter = Some(Reporter::start(config, self.node.clone(), outbox));
    }

    /// Ends it where it is, as a crash would: what is on disk is all that is left.
    async fn kill(&mut self) {
        self.points().die(0);
        if let Some(reporter) = self.reporter.take() {
            reporter.shutdown().await;
        }
    }

    async fn restart(&mut self) {
        self.kill().await;
        self.start();
    }

    fn points(&self) -> Points {
        self.node.points.lock().unwrap().clone()
    }

    fn handle(&self) -> Handle {
        self.reporter.as_ref().unwrap().handle()
    }

    async fn report(&self, proof: DoubleSignProof) {
        assert!(self.handle().report(proof).await);
    }

    /// Its only proof.
    fn status(&self) -> EvidenceStatus {
        let all = self.handle().status();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].clone()
    }

    fn state(&self) -> State {
        self.status().state
    }

    async fn until(&self, which: impl Fn(&EvidenceStatus) -> bool) -> EvidenceStatus {
        let mut status = self.handle().subscribe();
        let all = status.wait_for(|all| all.iter().any(&which)).await.unwrap().clone();
        all.iter().find(|status| which(status)).unwrap().clone()
    }
}
