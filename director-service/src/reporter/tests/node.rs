//! A director's node on that chain: it can be cut off, say no, and be where the director dies.

use super::sim::{Blocks, Call, Sim, snapshot};
use crate::chain::{Again, Chain, ChainError, Extrinsic, Fate, Included, Journal};
use async_trait::async_trait;
use codec::{Decode, Encode};
use director_primitives::{
    AccountId32, AuthorizationRequest, DoubleSignProof, H256, Offence, ProvenStake, PublicKey,
    Reason, Signature, SignedDirectorVote, Snapshot, StakeProof, StakeRefusal,
    runtime_api::PendingSlash,
};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

/// The places at which a director waits for something, one after the other; it dies at one of them.
#[derive(Clone)]
pub(super) struct Points(Arc<(AtomicUsize, AtomicUsize, Notify)>);

impl Points {
    pub(super) fn new() -> Self {
        Self(Arc::new((AtomicUsize::new(0), AtomicUsize::new(usize::MAX), Notify::new())))
    }

    /// From the next one but `after` on, nothing that waits goes on.
    pub(super) fn die(&self, after: usize) {
        self.0.1.store(self.0.0.load(Relaxed) + after, Relaxed);
    }

    /// Returns when it is dead.
    pub(super) async fn dead(&self) {
        self.0.2.notified().await;
    }

    pub(super) async fn pass(self) {
        if self.0.0.fetch_add(1, Relaxed) >= self.0.1.load(Relaxed) {
            self.0.2.notify_one();
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
    }
}

#[derive(Default)]
pub(super) struct Script {
    /// What dry runs say before the usual: an error, or a reason.
    pub(super) checks: VecDeque<Result<Reason, ChainError>>,
    /// What the pool says to new reports before the usual.
    pub(super) refusals: VecDeque<ChainError>,
    /// What the pool says once to an extrinsic that it gets again.
    pub(super) void: Option<String>,
    /// Dry runs that panic.
    pub(super) panics: u32,
    /// When dry runs came.
    pub(super) checked: Vec<Instant>,
}

pub(super) struct FakeNode {
    pub(super) me: AccountId32,
    pub(super) sim: Sim,
    pub(super) blocks: Blocks,
    up: AtomicBool,
    /// Whether the node says that it is behind.
    syncs: AtomicBool,
    /// Whether the node tells nobody what its pool has.
    hides_pool: AtomicBool,
    /// Of the director's present life.
    pub(super) points: Mutex<Points>,
    script: Mutex<Script>,
}

impl FakeNode {
    pub(super) fn new(sim: &Sim, me: AccountId32) -> Arc<Self> {
        Arc::new(Self {
            me,
            sim: sim.clone(),
            blocks: sim.node(),
            up: AtomicBool::new(true),
            syncs: AtomicBool::new(false),
            hides_pool: AtomicBool::new(false),
            points: Mutex::new(Points::new()),
            script: Mutex::default(),
        })
    }

    pub(super) fn script<T>(&self, act: impl FnOnce(&mut Script) -> T) -> T {
        act(&mut self.script.lock().unwrap())
    }

    /// Whether the node answers.
    pub(super) fn set_up(&self, up: bool) {
        self.up.store(up, Relaxed);
        match up {
            true => self.sim.attach(&self.blocks),
            false => self.sim.detach(&self.blocks),
        }
    }

    /// The node has finalized no more than this block, and says that it syncs or does not.
    pub(super) fn fall_behind(&self, block: u64, syncs: bool) {
        self.sim.detach(&self.blocks);
        self.blocks.send_replace(Some(snapshot(block)));
        self.syncs.store(syncs, Relaxed);
    }

    /// The node tells nobody what its pool has, or does again.
    pub(super) fn hide_pool(&self, hides: bool) {
        self.hides_pool.store(hides, Relaxed);
    }

    /// It is level again.
    pub(super) fn catch_up(&self) {
        self.syncs.store(false, Relaxed);
        self.sim.attach(&self.blocks);
    }

    fn finalized_number(&self) -> Option<u64> {
        self.blocks.borrow().as_ref().map(|snapshot| snapshot.number)
    }

    /// Whether the chain knows the accused at the node's finalized block.
    fn knows(&self, proof: &DoubleSignProof) -> bool {
        self.sim.knows_at(&proof.first.key, self.finalized_number().unwrap_or_default())
    }

    /// Somewhere on the way to the node.
    async fn call(&self) -> Result<(), ChainError> {
        let points = self.points.lock().unwrap().clone();
        points.pass().await;
        if self.up.load(Relaxed) { Ok(()) } else { Err(unreachable()) }
    }
}

pub(super) fn unreachable() -> ChainError {
    ChainError::Unreachable("connection refused".into())
}

fn id(extrinsic: &Extrinsic) -> u64 {
    u64::decode(&mut &*extrinsic.bytes).unwrap()
}

#[async_trait]
impl Chain for FakeNode {
    fn finalized(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.blocks.subscribe()
    }

    async fn level(&self) -> Result<Option<u64>, ChainError> {
        self.call().await?;
        let is_level = !self.syncs.load(Relaxed);
        Ok(self.finalized_number().filter(|_| is_level))
    }

    async fn block_hash(&self, _: u64) -> Result<Option<H256>, ChainError> {
        Ok(None)
    }

    async fn check_evidence(
        &self,
        proof: &DoubleSignProof,
    ) -> Result<Result<Offence<AccountId32>, Reason>, ChainError> {
        self.call().await?;
        let scripted = self.script(|script| {
            script.checked.push(Instant::now());
            if script.panics > 0 {
                script.panics -= 1;
                return None;
            }
            Some(script.checks.pop_front())
        });
        match scripted.expect("a fault that the test asked for") {
            Some(Err(error)) => Err(error),
            Some(Ok(reason)) => Ok(Err(reason)),
            None if !self.knows(proof) => Ok(Err(Reason::UnknownKey)),
            None => Ok(self.sim.finalized_state().check(proof)),
        }
    }

    async fn check_evidence_at_best(
        &self,
        proof: &DoubleSignProof,
    ) -> Result<Result<Offence<AccountId32>, Reason>, ChainError> {
        self.call().await?;
        let known = || self.sim.best_state().check(proof);
        Ok(if self.knows(proof) { known() } else { Err(Reason::UnknownKey) })
    }

    async fn report_double_sign(
        &self,
        proof: &DoubleSignProof,
        journal: &dyn Journal,
    ) -> Result<Option<Extrinsic>, ChainError> {
        self.call().await?;
        let tx = self.sim.sign(&self.me, Call::Report(*proof));
        let extrinsic = Extrinsic { bytes: tx.id.encode(), nonce: tx.nonce, born: tx.born };
        if !journal.write(&extrinsic).await {
            return Ok(None);
        }
        // The question may be lost on its way, or the answer.
        if self.call().await.is_err() {
            return Ok(Some(extrinsic));
        }
        if let Some(error) = self.script(|script| script.refusals.pop_front()) {
            return Err(error);
        }
        if self.sim.is_poor(&self.me) {
            return Err(ChainError::FeesMissing(self.me.clone()));
        }
        self.sim.hand(tx.id);
        // What came back does not matter.
        let _ = self.call().await;
        Ok(Some(extrinsic))
    }

    async fn pending_reports(&self, proof: &DoubleSignProof) -> Result<BTreeSet<H256>, ChainError> {
        self.call().await?;
        match self.hides_pool.load(Relaxed) {
            true => Err(ChainError::Unreachable("message too large".into())),
            false => Ok(self.sim.pending(proof)),
        }
    }

    async fn submit_again(&self, extrinsic: &Extrinsic) -> Result<Again, ChainError> {
        self.call().await?;
        if self.sim.is_poor(&self.me) {
            return Err(ChainError::FeesMissing(self.me.clone()));
        }
        if let Some(why) = self.script(|script| script.void.take()) {
            return Ok(Again::Void(why));
        }
        self.sim.hand(id(extrinsic));
        self.call().await?;
        Ok(Again::Taken)
    }

    async fn fate(&self, extrinsic: &Extrinsic) -> Result<Fate, ChainError> {
        self.call().await?;
        let (state, head) = (self.sim.finalized_state(), self.sim.finalized());
        if state.nonce(&self.me) <= extrinsic.nonce {
            return Ok(if head >= extrinsic.expires() { Fate::Expired } else { Fate::Pending });
        }
        Ok(match state.included.get(&id(extrinsic)) {
            Some((block_number, Ok(()))) => Fate::Included(Included {
                block_number: *block_number,
                block_hash: H256::zero(),
                extrinsic_hash: H256::zero(),
            }),
            Some((_, Err(error))) => Fate::Failed((*error).into()),
            None => Fate::Displaced,
        })
    }

    async fn submit_votes(
        &self,
        _: Vec<SignedDirectorVote<AccountId32>>,
    ) -> Result<Included, ChainError> {
        Err(ChainError::Unexpected("no votes here".into()))
    }

    async fn check_stake(
        &self,
        _: &AuthorizationRequest<AccountId32>,
        _: &StakeProof,
    ) -> Result<ProvenStake, StakeRefusal> {
        Err(StakeRefusal::Unavailable)
    }

    async fn refresh(&self) -> Result<Included, ChainError> {
        Err(ChainError::Unexpected("no refreshing here".into()))
    }

    async fn rotate_peer_key(&self, _: PublicKey, _: Signature) -> Result<Included, ChainError> {
        Err(ChainError::Unexpected("no rotating here".into()))
    }

    async fn pending_slashes(&self) -> Result<Vec<PendingSlash<AccountId32>>, ChainError> {
        self.call().await?;
        Ok(self.sim.finalized_state().slashes())
    }
}
