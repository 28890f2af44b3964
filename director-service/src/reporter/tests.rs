//! A proof against everything that gets in its way, in simulated time.
#![allow(clippy::unwrap_used)]

use super::{Config, EvidenceStatus, Handle, Reporter};
use crate::{
    chain::{Chain, ChainError, Included},
    store::{State, Store},
};
use async_trait::async_trait;
use director_primitives::{
    AccountId32, AuthorizationRequest, DoubleSignProof, H256, Offence, ProvenStake, PublicKey,
    Reason, Signature, SignedDirectorVote, Snapshot, StakeProof, StakeRefusal,
    runtime_api::{DirectorInfo, DirectorSet, Domain, PendingSlash},
    test_utils::{TestKey, double_sign},
    turn,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::{TempDir, tempdir};
use tokio::{sync::watch, time::Instant};

fn account(n: u8) -> AccountId32 {
    AccountId32::new([n; 32])
}

fn proof(checkpoint: u64) -> DoubleSignProof {
    double_sign(&TestKey::new(1), H256::zero(), checkpoint)
}

/// Block `number` with directors 0 to 2.
fn snapshot(number: u64) -> Arc<Snapshot> {
    let director = |n| DirectorInfo {
        account: account(n),
        peer_key: PublicKey::from_raw([n; 32]),
        endpoints: Default::default(),
        region: Default::default(),
        capacity: 1,
        active_since: 0,
        refreshed_at: 0,
    };
    let active = (0..3).map(director).collect();
    let domain = Domain {
        genesis_hash: H256::zero(),
        checkpoint_interval: 10,
        min_stake: 0,
        unbonding_period: 100,
        slash_defer_period: 5,
        min_directors: 1,
        max_directors: 7,
        max_validators: 10,
        max_active_validators: 100,
        stale_after: 100,
    };
    let directors = DirectorSet { version: 1, active, invited: Vec::new() };
    Arc::new(Snapshot::new(number, H256::zero(), domain, directors, Vec::new()))
}

/// The director whose turn is the `rank`th for this proof.
fn director_of_rank(rank: u32, proof: &DoubleSignProof) -> AccountId32 {
    let accounts: Vec<_> = (0..3).map(account).collect();
    let is_it = |me: &&AccountId32| turn::rank(proof.id().as_bytes(), *me, &accounts) == Some(rank);
    accounts.iter().find(is_it).unwrap().clone()
}

#[derive(Default)]
struct Script {
    /// Answers to dry runs before the usual one.
    checks: VecDeque<Result<Option<Reason>, ChainError>>,
    /// Answers to submissions before the usual one, and whether the report goes through none the
    /// less.
    reports: VecDeque<(ChainError, bool)>,
    /// Reporters of what is punished.
    slashes: Vec<PendingSlash<AccountId32>>,
    /// When dry runs and submissions came.
    checked: Vec<Instant>,
    submitted: Vec<Instant>,
}

struct FakeChain {
    me: AccountId32,
    blocks: watch::Sender<Option<Arc<Snapshot>>>,
    script: Mutex<Script>,
}

impl FakeChain {
    fn new(me: AccountId32) -> Arc<Self> {
        let blocks = watch::Sender::new(Some(snapshot(100)));
        Arc::new(Self { me, blocks, script: Mutex::default() })
    }

    fn script<T>(&self, act: impl FnOnce(&mut Script) -> T) -> T {
        act(&mut self.script.lock().unwrap())
    }

    fn finalize(&self, number: u64) {
        self.blocks.send_replace(Some(snapshot(number)));
    }

    fn punish(&self, proof: &DoubleSignProof, reporter: AccountId32) {
        let slash =
            PendingSlash { offence: offence(proof), reporter, reported_at: 103, apply_at: 108 };
        self.script(|script| script.slashes.push(slash));
    }
}

fn offence(proof: &DoubleSignProof) -> Offence<AccountId32> {
    Offence {
        validator: account(77),
        checkpoint: proof.first.vote.checkpoint,
        first_hash: proof.first.vote.block_hash,
        second_hash: proof.second.vote.block_hash,
    }
}

#[async_trait]
impl Chain for FakeChain {
    fn finalized(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.blocks.subscribe()
    }

    async fn block_hash(&self, _: u64) -> Result<Option<H256>, ChainError> {
        Ok(None)
    }

    async fn check_evidence(
        &self,
        proof: &DoubleSignProof,
    ) -> Result<Result<Offence<AccountId32>, Reason>, ChainError> {
        self.script(|script| {
            script.checked.push(Instant::now());
            match script.checks.pop_front() {
                Some(Err(error)) => Err(error),
                Some(Ok(Some(reason))) => Ok(Err(reason)),
                _ if !script.slashes.is_empty() => Ok(Err(Reason::AlreadyPunished)),
                _ => Ok(Ok(offence(proof))),
            }
        })
    }

    async fn report_double_sign(&self, proof: &DoubleSignProof) -> Result<Included, ChainError> {
        let scripted = self.script(|script| {
            script.submitted.push(Instant::now());
            script.reports.pop_front()
        });
        if scripted.as_ref().is_none_or(|(_, goes_through)| *goes_through) {
            self.punish(proof, self.me.clone());
        }
        match scripted {
            Some((error, _)) => Err(error),
            None => Ok(Included {
                block_number: 103,
                block_hash: H256::zero(),
                extrinsic_hash: H256::zero(),
            }),
        }
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
        Ok(self.script(|script| script.slashes.clone()))
    }
}

struct Rig {
    chain: Arc<FakeChain>,
    store: Store,
    reporter: Reporter,
    folder: TempDir,
}

impl Rig {
    /// The reporter of this director.
    fn new(me: AccountId32) -> Self {
        Self::with(FakeChain::new(me), tempdir().unwrap())
    }

    fn with(chain: Arc<FakeChain>, folder: TempDir) -> Self {
        let store = Store::open(folder.path()).unwrap();
        let config = Config::new(chain.me.clone());
        let reporter = Reporter::start(config, chain.clone(), store.outbox());
        Self { chain, store, reporter, folder }
    }

    fn handle(&self) -> Handle {
        self.reporter.handle()
    }

    async fn until(&self, which: impl Fn(&EvidenceStatus) -> bool) -> EvidenceStatus {
        let mut status = self.handle().subscribe();
        let all = status.wait_for(|all| all.iter().any(&which)).await.unwrap().clone();
        all.iter().find(|status| which(status)).unwrap().clone()
    }

    async fn done(&self) -> State {
        self.until(|status| status.state.is_done()).await.state
    }

    /// Ends everything and starts it anew with the same file.
    async fn restart(self) -> Self {
        self.reporter.shutdown().await;
        self.store.close().await;
        Self::with(self.chain, self.folder)
    }
}

fn unreachable() -> ChainError {
    ChainError::Unreachable("connection refused".into())
}

#[tokio::test(start_paused = true)]
async fn a_proof_is_reported_and_finalized() {
    let rig = Rig::new(director_of_rank(0, &proof(1)));
    assert!(rig.handle().report(proof(1)).await);
    assert!(rig.handle().report(proof(1)).await, "again is the same as once");
    assert_eq!(rig.done().await, State::Finalized { block: 103 });
    let status = rig.handle().status();
    assert_eq!(status.len(), 1);
    assert_eq!(status[0].validator, Some(account(77)));
    assert_eq!((status[0].attempts, status[0].trouble.clone()), (1, None));
    assert_eq!(rig.chain.script(|script| script.submitted.len()), 1);
}

#[tokio::test(start_paused = true)]
async fn directors_take_turns() {
    for rank in 1..3 {
        let rig = Rig::new(director_of_rank(rank, &proof(1)));
        rig.handle().report(proof(1)).await;
        rig.until(|status| status.validator.is_some()).await;
        let turn = 100 + 2 * u64::from(rank);
        for block in 100..turn {
            rig.chain.finalize(block);
            tokio::time::sleep(Duration::from_secs(6)).await;
            assert_eq!(rig.chain.script(|s| s.submitted.len()), 0, "rank {rank} at {block}");
        }
        rig.chain.finalize(turn);
        assert_eq!(rig.done().await, State::Finalized { block: 103 });
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_second_submits_nothing() {
    let rig = Rig::new(director_of_rank(1, &proof(1)));
    rig.handle().report(proof(1)).await;
    rig.until(|status| status.validator.is_some()).await;
    rig.chain.punish(&proof(1), director_of_rank(0, &proof(1)));
    rig.chain.finalize(102);
    assert!(matches!(rig.done().await, State::Obsolete { why } if why.contains("punished")));
    assert_eq!(rig.chain.script(|script| script.submitted.len()), 0);
}

#[tokio::test(start_paused = true)]
async fn an_absent_chain_is_waited_for_longer_each_time() {
    let rig = Rig::new(director_of_rank(0, &proof(1)));
    rig.chain.script(|script| script.checks.extend((0..12).map(|_| Err(unreachable()))));
    rig.handle().report(proof(1)).await;
    let status = rig.until(|status| status.trouble.is_some()).await;
    assert!(status.trouble.unwrap().contains("cannot reach the node"));
    assert_eq!(rig.done().await, State::Finalized { block: 103 });

    let checked = rig.chain.script(|script| script.checked.clone());
    let waits: Vec<_> = checked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    assert_eq!(waits.len(), 12);
    for (n, wait) in waits.iter().enumerate() {
        let full = 2f64.powi(n as i32).min(60.0);
        let bounds = full * 0.49..full * 1.01;
        assert!(bounds.contains(wait), "wait {n} was {wait} s of {full} s");
    }
    let jitter = waits[6..].iter().any(|wait| (wait - waits[6]).abs() > 0.001);
    assert!(jitter, "never exactly as long as the others: {waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_submission_is_tried_again() {
    let rig = Rig::new(director_of_rank(0, &proof(1)));
    let failures = [
        ChainError::Pool("dropped".into()),
        ChainError::Refused("SlashingEvidence.TooManyPending".into()),
        unreachable(),
    ];
    rig.chain.script(|script| script.reports.extend(failures.map(|error| (error, false))));
    rig.handle().report(proof(1)).await;
    assert_eq!(rig.done().await, State::Finalized { block: 103 });
    assert_eq!(rig.handle().status()[0].attempts, 4);
}

#[tokio::test(start_paused = true)]
async fn a_submission_that_went_through_unheard_is_recognised() {
    let rig = Rig::new(director_of_rank(0, &proof(1)));
    let timeout = ChainError::Timeout(Duration::from_secs(90));
    rig.chain.script(|script| script.reports.push_back((timeout, true)));
    rig.handle().report(proof(1)).await;
    assert_eq!(rig.done().await, State::Finalized { block: 103 });
    assert_eq!(rig.chain.script(|script| script.submitted.len()), 1, "not twice");
}

#[tokio::test(start_paused = true)]
async fn what_the_chain_does_not_punish_is_obsolete() {
    let rig = Rig::new(director_of_rank(0, &proof(1)));
    rig.chain.script(|script| script.checks.push_back(Ok(Some(Reason::Excused))));
    rig.handle().report(proof(1)).await;
    assert!(matches!(rig.done().await, State::Obsolete { why } if why.contains("Excused")));
    assert_eq!(rig.chain.script(|script| script.submitted.len()), 0);
}

#[tokio::test(start_paused = true)]
async fn a_restart_takes_up_what_was_left() {
    let rig = Rig::new(director_of_rank(0, &proof(1)));
    rig.chain.script(|script| script.checks.extend((0..3).map(|_| Err(unreachable()))));
    rig.handle().report(proof(1)).await;
    rig.until(|status| status.trouble.is_some()).await;
    let rig = rig.restart().await;
    assert_eq!(rig.done().await, State::Finalized { block: 103 });

    // What is done stays done, and is still told.
    let rig = rig.restart().await;
    assert_eq!(rig.done().await, State::Finalized { block: 103 });
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.chain.script(|script| script.submitted.len()), 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_after_the_submission_recognises_it() {
    let rig = Rig::new(director_of_rank(0, &proof(1)));
    rig.chain.script(|script| script.reports.push_back((unreachable(), true)));
    rig.handle().report(proof(1)).await;
    rig.until(|status| matches!(status.state, State::Submitted { .. })).await;
    let rig = rig.restart().await;
    assert_eq!(rig.done().await, State::Finalized { block: 103 });
    assert_eq!(rig.chain.script(|script| script.submitted.len()), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_finalized_block_it_waits() {
    let rig = Rig::new(director_of_rank(0, &proof(1)));
    rig.chain.blocks.send_replace(None);
    rig.handle().report(proof(1)).await;
    let status = rig.until(|status| status.trouble.is_some()).await;
    assert_eq!(status.state, State::Proven);
    rig.chain.finalize(101);
    assert_eq!(rig.done().await, State::Finalized { block: 103 });
}

#[tokio::test(start_paused = true)]
async fn many_proofs_are_pursued_some_at_a_time() {
    let rig = Rig::new(account(9));
    // No director: it comes after all of them, at block 106.
    for checkpoint in 0..20 {
        rig.handle().report(proof(checkpoint)).await;
    }
    rig.chain.finalize(106);
    let mut status = rig.handle().subscribe();
    let all = |all: &Arc<Vec<EvidenceStatus>>| {
        all.len() == 20 && all.iter().all(|status| status.state.is_done())
    };
    // The fake chain punishes at the first, so that the rest is obsolete; whose turn has a base
    // block of its own gets the next blocks.
    let blocks = async {
        for block in 107.. {
            rig.chain.finalize(block);
            tokio::time::sleep(Duration::from_secs(6)).await;
        }
    };
    tokio::select! {
        result = status.wait_for(all) => drop(result.unwrap()),
        () = blocks => {}
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_owner() {
    let rig = Rig::new(director_of_rank(0, &proof(1)));
    let handle = rig.handle();
    rig.chain.script(|script| script.checks.extend((0..100).map(|_| Err(unreachable()))));
    handle.report(proof(1)).await;
    rig.until(|status| status.trouble.is_some()).await;
    drop(rig.reporter);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = rig.chain.script(|script| script.checked.len());
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.chain.script(|script| script.checked.len()), before);
    assert!(!handle.report(proof(2)).await);
}
