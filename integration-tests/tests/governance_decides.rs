//! Two thirds of the council add, remove and swap directors and cancel slashes; one member alone does
//! not.
//!
//! One node serves all scenes; each goes on where the one before it ended.

#![allow(clippy::unwrap_used)]

use director_primitives::{
    AccountId32, Decision, DoubleSignProof, H256, Reason,
    runtime_api::{ValidatorInfo, ValidatorStatus},
};
use director_service::chain::{
    ChainError, Head,
    interface::{
        director_registry::events::{
            DirectorActivated, DirectorAdded, DirectorRemoved, SuccessorInvited,
        },
        slashing_evidence::events::{DoubleSignProven, SlashApplied, SlashCancelled},
        validator_registry::events::{ValidatorAuthorized, ValidatorTombstoned},
    },
};
use integration_tests::{
    chain::{Chain, FEES, STAKE, block_of, dev_account},
    council::{TWO_THIRDS, close},
    director::Ports,
    keys::Identity,
};
use std::time::Duration;
use subxt::{dynamic::tx, tx::Payload, utils::Static};
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(150);

const BLOCK_TIME_MS: u64 = 300;

/// Where nobody listens: no director runs here.
const NOWHERE: Ports = Ports { mesh: 1, public: 2, http: 3 };

#[tokio::test(flavor = "multi_thread")]
async fn governance_decides() {
    timeout(PATIENCE, run()).await.expect("done within the bound");
}

async fn run() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    world.adds().await;
    world.one_member_alone_decides_nothing().await;
    world.swaps().await;
    world.removes().await;
    world.cancels_a_slash().await;
    world.chain.process.stop().await;
}

/// A chain, those who are or become directors, and a validator.
struct World {
    chain: Chain,
    directors: [Identity; 5],
    validator: Identity,
}

impl World {
    async fn start(dir: &std::path::Path) -> Self {
        let chain = Chain::start(dir, BLOCK_TIME_MS).await.unwrap();
        let directors = [1, 2, 3, 4, 5].map(Identity::director);
        let validator = Identity::validator(1);
        let mut funds: Vec<_> = directors.iter().map(|of| (of.id(), FEES)).collect();
        funds.push((validator.id(), STAKE + FEES));
        chain.fund(funds).await.unwrap();
        chain.register(&validator, STAKE).await.unwrap();
        Self { chain, directors, validator }
    }

    fn id(&self, director: usize) -> AccountId32 {
        self.directors[director - 1].id()
    }

    /// Where a director activates itself.
    async fn activate(&self, director: usize) -> Head {
        block_of(self.chain.activate(&self.directors[director - 1], NOWHERE).await.unwrap())
    }

    /// Active directors, by number, at a block or later.
    async fn active(&self, at: Head) -> Vec<usize> {
        let mut finalized = self.chain.node.finalized();
        let reached = finalized.wait_for(|s| s.as_ref().is_some_and(|s| s.number >= at.number));
        let snapshot = reached.await.unwrap().clone().unwrap();
        (1..=5).filter(|n| snapshot.director(&self.id(*n)).is_some()).collect()
    }

    async fn adds(&self) {
        for n in 1..=4 {
            let closed = self.chain.pass(&add(&self.id(n))).await.unwrap();
            let added: Vec<DirectorAdded> = self.chain.events(block_of(closed)).await.unwrap();
            assert_eq!(added.len(), 1);
            assert_eq!(AccountId32::new(added[0].director.0), self.id(n));
            assert_eq!(self.active(block_of(closed)).await, [0; 0], "an invitation is no vote");
        }
        for n in 1..=3 {
            let activated = self.activate(n).await;
            let event: Vec<DirectorActivated> = self.chain.events(activated).await.unwrap();
            assert_eq!(event[0].active as usize, n);
        }
        let error = self.chain.pass(&add(&self.id(1))).await.unwrap_err();
        assert_eq!(refusal(&error), "DirectorRegistry.AlreadyDirector");
    }

    async fn one_member_alone_decides_nothing(&self) {
        let chain = &self.chain;
        let [alice, bob, charlie, stranger] = ["Alice", "Bob", "Charlie", "Dave"].map(dev_account);
        let call = add(&self.id(5));
        let bad_origin = |error: &str| assert_eq!(error, "Bad origin.");

        // Directly, also what sudo's own account signs.
        for signer in [&alice, &stranger] {
            match chain.call(&call, signer).await {
                Err(ChainError::Refused(error)) => bad_origin(&error),
                other => panic!("{other:?}"),
            }
        }
        // A motion that takes one vote is executed at once, as one third.
        let (motion, proposed) = chain.propose(1, &call, &bob).await.unwrap();
        bad_origin(&chain.result_of(&motion, proposed).await.unwrap().unwrap().unwrap_err());
        // One that takes two, with one vote.
        let error = chain.propose(TWO_THIRDS, &call, &stranger).await.unwrap_err();
        assert_eq!(refusal(&error), "Council.NotMember");
        let (motion, _) = chain.propose(TWO_THIRDS, &call, &bob).await.unwrap();
        chain.vote(&motion, true, &bob).await.unwrap();
        let too_early = ChainError::Refused("Council.TooEarly".into());
        assert_eq!(chain.close(&motion, &bob).await, Err(too_early));
        // The two others disagree.
        tokio::try_join!(chain.vote(&motion, false, &alice), chain.vote(&motion, false, &charlie))
            .unwrap();
        let closed = chain.close(&motion, &bob).await.unwrap();
        assert_eq!(chain.result_of(&motion, closed).await.unwrap(), None);
        let invited = self.snapshot().directors.invited;
        assert_eq!(invited, [self.id(4)]);
    }

    async fn swaps(&self) {
        let chain = &self.chain;
        let closed = chain.swap_director(&self.id(1), &self.id(5)).await.unwrap();
        let invited: Vec<SuccessorInvited> = chain.events(block_of(closed)).await.unwrap();
        assert_eq!(AccountId32::new(invited[0].director.0), self.id(1));
        assert_eq!(AccountId32::new(invited[0].successor.0), self.id(5));
        assert_eq!(self.active(block_of(closed)).await, [1, 2, 3]);

        // Its word still counts, and the two of them are enough.
        let voters = [&self.directors[0], &self.directors[1]];
        let sender = dev_account("Eve");
        let validator = self.validator.id();
        let voted = chain.submit_votes(&validator, Decision::Approve, &voters, &sender);
        let voted = block_of(voted.await.unwrap());
        let authorized: Vec<ValidatorAuthorized> = chain.events(voted).await.unwrap();
        assert_eq!((authorized[0].approvals, authorized[0].directors), (2, 3));

        let activated = self.activate(5).await;
        let removed: Vec<DirectorRemoved> = chain.events(activated).await.unwrap();
        assert_eq!(AccountId32::new(removed[0].director.0), self.id(1));
        assert!(removed[0].was_active);
        let event: Vec<DirectorActivated> = chain.events(activated).await.unwrap();
        assert_eq!(event[0].active, 3, "the set is never smaller");
        assert_eq!(self.active(activated).await, [2, 3, 5]);
    }

    async fn removes(&self) {
        let chain = &self.chain;
        let error = chain.remove_director(&self.id(2)).await.unwrap_err();
        assert_eq!(refusal(&error), "DirectorRegistry.TooFewDirectors");
        self.activate(4).await;
        let closed = chain.remove_director(&self.id(2)).await.unwrap();
        let removed: Vec<DirectorRemoved> = chain.events(block_of(closed)).await.unwrap();
        assert_eq!(AccountId32::new(removed[0].director.0), self.id(2));
        assert_eq!((removed[0].was_active, removed[0].active), (true, 3));
        assert_eq!(self.active(block_of(closed)).await, [3, 4, 5]);
    }

    async fn cancels_a_slash(&self) {
        let chain = &self.chain;
        let before = self.info().await;
        assert_eq!((before.status, before.stake), (ValidatorStatus::Authorized, STAKE));
        let checkpoint = before.slashable_from;
        let call = tx("SlashingEvidence", "cancel_slash", (Static(before.account.clone()),));
        let error = chain.pass(&call).await.unwrap_err();
        assert_eq!(refusal(&error), "SlashingEvidence.NoPendingSlash");

        // A slash waits five blocks here, so the votes are there already when it is reported, and both
        // calls are Alice's, one right after the other.
        let motion = chain.propose_and_vote(&call).await.unwrap();
        let alice = dev_account("Alice");
        let proof = self.proof(checkpoint);
        let report = tx("SlashingEvidence", "report_double_sign", (Static(proof),));
        let reported = chain.submitter.submit(&report, &alice).await.unwrap();
        let closed = chain.submitter.submit(&close(&motion), &alice).await.unwrap();
        let (reported, closed) =
            tokio::try_join!(reported.finalized(), closed.finalized()).unwrap();
        assert_eq!(chain.result_of(&motion, closed).await.unwrap(), Some(Ok(())));

        let proven: Vec<DoubleSignProven> = chain.events(block_of(reported)).await.unwrap();
        assert_eq!((proven[0].checkpoint, proven[0].stake), (checkpoint, STAKE));
        assert_eq!(chain.events::<ValidatorTombstoned>(block_of(reported)).await.unwrap().len(), 1);
        let cancelled: Vec<SlashCancelled> = chain.events(block_of(closed)).await.unwrap();
        assert_eq!(AccountId32::new(cancelled[0].validator.0), before.account);
        assert_eq!(cancelled[0].slashable_from, checkpoint + 1);

        self.wait_for_no_slash(block_of(reported), proven[0].apply_at + 1).await;
        let restored = ValidatorInfo { slashable_from: checkpoint + 1, ..before };
        assert_eq!(self.info().await, restored);
        assert_eq!(chain.node.pending_slashes().await.unwrap(), []);
        let head = chain.node.head().borrow().unwrap();
        assert_eq!(chain.balances(&restored.account, head).await.unwrap().held, STAKE);
        assert!(self.snapshot().is_authorized(&self.validator.peer_key()));

        // That offence is excused for good, a later one is not.
        let excused = ChainError::Refused("SlashingEvidence.Excused".into());
        assert_eq!(chain.report(&proof, &alice).await, Err(excused));
        let dry_run = |of| chain.node.check_evidence(of);
        assert_eq!(dry_run(&proof).await.unwrap(), Err(Reason::Excused));
        assert!(dry_run(&self.proof(checkpoint + 1)).await.unwrap().is_ok());
    }

    /// Follows the chain to block `last`: nothing is slashed on the way.
    async fn wait_for_no_slash(&self, first: Head, last: u64) {
        let mut blocks = self.chain.node.blocks(Some(first.number));
        loop {
            let block = blocks.next().await;
            let applied: Vec<SlashApplied> = self.chain.events(block).await.unwrap();
            assert!(applied.is_empty(), "{applied:?}");
            if block.number >= last {
                return;
            }
        }
    }

    fn proof(&self, checkpoint: u64) -> DoubleSignProof {
        let genesis_hash = self.chain.genesis_hash;
        let vote = |byte| self.validator.vote(&genesis_hash, checkpoint, H256::repeat_byte(byte));
        DoubleSignProof { genesis_hash, first: vote(0xaa), second: vote(0xcc) }
    }

    async fn info(&self) -> ValidatorInfo<AccountId32> {
        self.chain.node.validator(&self.validator.id()).await.unwrap().unwrap()
    }

    fn snapshot(&self) -> director_primitives::Snapshot {
        let snapshot = self.chain.node.finalized().borrow().clone();
        (*snapshot.expect("the chain is ready")).clone()
    }
}

fn add(director: &AccountId32) -> impl Payload + use<> {
    tx("DirectorRegistry", "add_director", (Static(director.clone()),))
}

/// By which name the chain refused something.
fn refusal(error: &anyhow::Error) -> String {
    match error.downcast_ref() {
        Some(ChainError::Refused(name)) => name.clone(),
        _ => panic!("not the chain's refusal: {error:#}"),
    }
}
