//! Evidence that is forged in any field is refused by its own error and changes nothing.
//!
//! One node serves all cases. Each is asked of the dry run and submitted; the last proof is right, so
//! that the others are known to fail for what was forged in them alone.

#![allow(clippy::unwrap_used)]

use director_primitives::{
    AccountId32, DoubleSignProof, H256, Offence, PublicKey, Reason, Signature, SignedVote,
    runtime_api::{PendingSlash, ValidatorInfo, ValidatorStatus},
    test_utils::{TestKey, double_sign},
};
use director_service::chain::{Account, ChainError, Head, Included};
use integration_tests::{
    chain::{Balances, Chain, FEES, STAKE, SlashEvent, block_of, dev_account},
    keys::Identity,
};
use std::time::Duration;
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(110);

const BLOCK_TIME_MS: u64 = 200;

const LOW: H256 = H256::repeat_byte(0xaa);
const HIGH: H256 = H256::repeat_byte(0xcc);

#[tokio::test(flavor = "multi_thread")]
async fn forged_evidence_changes_nothing() {
    timeout(PATIENCE, run()).await.expect("done within the bound");
}

async fn run() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let mut wrong = Vec::new();
    for (name, proof, reason) in forgeries(&world) {
        if let Err(fault) = world.refuses(proof, reason).await {
            wrong.push(format!("{name}: {fault}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    world.accepts(world.proof()).await;
    world.chain.process.stop().await;
}

/// A chain with two validators, and somebody who reports.
struct World {
    chain: Chain,
    accused: Identity,
    other: Identity,
    reporter: Account,
    /// From here on the offences of both are punishable.
    checkpoint: u64,
}

/// What evidence could change.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    validators: Vec<ValidatorInfo<AccountId32>>,
    balances: [Balances; 2],
    slashes: Vec<PendingSlash<AccountId32>>,
}

impl World {
    async fn start(dir: &std::path::Path) -> Self {
        let chain = Chain::start(dir, BLOCK_TIME_MS).await.unwrap();
        let (accused, other) = (Identity::validator(1), Identity::validator(2));
        let funds = [&accused, &other].map(|of| (of.id(), STAKE + FEES));
        chain.fund(funds.to_vec()).await.unwrap();
        tokio::try_join!(chain.register(&accused, STAKE), chain.register(&other, STAKE)).unwrap();
        let mut checkpoint = 0;
        for of in [&accused, &other] {
            let info = chain.node.validator(&of.id()).await.unwrap().unwrap();
            checkpoint = checkpoint.max(info.slashable_from);
        }
        Self { chain, accused, other, reporter: dev_account("Dave"), checkpoint }
    }

    fn vote(&self, of: &Identity, block: H256) -> SignedVote {
        of.vote(&self.chain.genesis_hash, self.checkpoint, block)
    }

    /// The proof that the others are forged from.
    fn proof(&self) -> DoubleSignProof {
        let vote = |block| self.vote(&self.accused, block);
        let genesis_hash = self.chain.genesis_hash;
        DoubleSignProof { genesis_hash, first: vote(LOW), second: vote(HIGH) }
    }

    /// The newest finalized block that this process has seen.
    fn head(&self) -> Head {
        self.chain.node.head().borrow().expect("the chain is ready")
    }

    /// The node's client asks at the newest block, which a report that was waited for is not after.
    async fn state(&self) -> State {
        let node = &self.chain.node;
        let (accused, other) = (self.accused.id(), self.other.id());
        let mut validators = Vec::new();
        for account in [&accused, &other] {
            validators.extend(node.validator(account).await.unwrap());
        }
        let balances = [
            self.chain.balances(&accused, self.head()).await.unwrap(),
            self.chain.balances(&other, self.head()).await.unwrap(),
        ];
        State { validators, balances, slashes: node.pending_slashes().await.unwrap() }
    }

    async fn report(&self, proof: &DoubleSignProof) -> Result<Included, ChainError> {
        self.chain.report(proof, &self.reporter).await
    }

    /// Whether `proof` is refused for this very reason, and nothing changes.
    async fn refuses(&self, proof: DoubleSignProof, reason: Reason) -> Result<(), String> {
        let before = self.state().await;
        let purse = self.purse().await;
        let dry_run = self.chain.node.check_evidence(&proof).await.unwrap();
        if dry_run != Err(reason) {
            return Err(format!("the dry run should say {reason:?}, says {dry_run:?}"));
        }
        let expected = ChainError::Refused(format!("SlashingEvidence.{reason:?}"));
        match self.report(&proof).await {
            Err(error) if error == expected => {}
            other => return Err(format!("the chain should say `{expected}`, says {other:?}")),
        }
        let after = self.state().await;
        if before != after {
            return Err(format!("it changed {before:?} to {after:?}"));
        }
        match self.purse().await < purse {
            true => Ok(()),
            false => Err("it cost its reporter nothing".into()),
        }
    }

    async fn accepts(&self, proof: DoubleSignProof) {
        let before = self.state().await;
        let purse = self.purse().await;
        let (validator, checkpoint) = (self.accused.id(), self.checkpoint);
        let (first_hash, second_hash) = (LOW, HIGH);
        let dry_run = self.chain.node.check_evidence(&proof).await.unwrap();
        assert_eq!(
            dry_run,
            Ok(Offence { validator: validator.clone(), checkpoint, first_hash, second_hash })
        );
        let included = self.report(&proof).await.unwrap();
        assert_eq!(self.purse().await, purse, "a right report is free");

        let block = block_of(included);
        let events = self.chain.slash_events(block).await.unwrap();
        let reporter = self.reporter.id();
        let apply_at = block.number + self.defer_period();
        assert_eq!(events, [SlashEvent::Proven { validator, checkpoint, reporter, apply_at }]);
        let after = self.state().await;
        assert_eq!(after.validators[0].status, ValidatorStatus::Tombstoned);
        assert_eq!(after.validators[1], before.validators[1]);
        assert_eq!(after.balances[1], before.balances[1]);
        self.refuses_again(proof).await;
    }

    fn defer_period(&self) -> u64 {
        let snapshot = self.chain.node.finalized().borrow().clone();
        snapshot.expect("the chain is ready").domain.slash_defer_period
    }

    /// The same offence is not punished twice.
    async fn refuses_again(&self, proof: DoubleSignProof) {
        let dry_run = self.chain.node.check_evidence(&proof).await.unwrap();
        assert_eq!(dry_run, Err(Reason::AlreadyPunished));
        let error = ChainError::Refused("SlashingEvidence.AlreadyPunished".into());
        assert_eq!(self.report(&proof).await, Err(error));
    }

    /// What the reporter has.
    async fn purse(&self) -> u128 {
        self.chain.balances(&self.reporter.id(), self.head()).await.unwrap().free
    }
}

type Case = (&'static str, DoubleSignProof, Reason);

fn forgeries(world: &World) -> Vec<Case> {
    use Reason::{DifferentCheckpoints, NotCanonical, OtherChain, SameBlock};
    let right = world.proof();
    let (first, second) = (right.first, right.second);
    let later = world.accused.vote(&right.genesis_hash, world.checkpoint + 1, HIGH);
    let elsewhere = H256::repeat_byte(8);
    let vote_elsewhere = |block| world.accused.vote(&elsewhere, world.checkpoint, block);
    let of_elsewhere = DoubleSignProof {
        genesis_hash: elsewhere,
        first: vote_elsewhere(LOW),
        second: vote_elsewhere(HIGH),
    };
    let mut cases = vec![
        ("the same vote twice", DoubleSignProof { second: first, ..right }, SameBlock),
        (
            "equal hashes under different signatures",
            DoubleSignProof { second: SignedVote { vote: first.vote, ..second }, ..right },
            SameBlock,
        ),
        ("swapped order", DoubleSignProof { first: second, second: first, ..right }, NotCanonical),
        ("two checkpoints", DoubleSignProof { second: later, ..right }, DifferentCheckpoints),
        ("another chain's votes", of_elsewhere, OtherChain),
        (
            "this chain's votes with another genesis",
            DoubleSignProof { genesis_hash: elsewhere, ..right },
            OtherChain,
        ),
        (
            "another chain's votes with this genesis",
            DoubleSignProof { genesis_hash: right.genesis_hash, ..of_elsewhere },
            Reason::InvalidFirstSignature,
        ),
    ];
    cases.extend(forged_signatures(right));
    cases.extend(foreign_keys(world));
    for (name, proof, _) in &cases {
        assert_ne!(*proof, right, "{name} is no forgery");
    }
    cases
}

fn forged_signatures(right: DoubleSignProof) -> Vec<Case> {
    use Reason::{InvalidFirstSignature, InvalidSecondSignature};
    let (first, second) = (right.first, right.second);
    let signed = |vote: SignedVote, signature| SignedVote { signature, ..vote };
    let one_bit = |mut signature: Signature| {
        signature.0[7] ^= 1;
        signature
    };
    let of_another_block = |vote: SignedVote, block_hash| {
        let checkpoint = vote.vote.checkpoint;
        let vote_of = director_primitives::CheckpointVote { checkpoint, block_hash };
        SignedVote { vote: vote_of, ..vote }
    };
    let first_is = |first| DoubleSignProof { first, ..right };
    let second_is = |second| DoubleSignProof { second, ..right };
    let none = Signature::from_raw([0; 64]);
    vec![
        ("no first signature", first_is(signed(first, none)), InvalidFirstSignature),
        (
            "first signature of another vote",
            first_is(signed(first, second.signature)),
            InvalidFirstSignature,
        ),
        (
            "one bit of the first signature",
            first_is(signed(first, one_bit(first.signature))),
            InvalidFirstSignature,
        ),
        (
            "first block changed after signing",
            first_is(of_another_block(first, H256::repeat_byte(0xab))),
            InvalidFirstSignature,
        ),
        ("no second signature", second_is(signed(second, none)), InvalidSecondSignature),
        (
            "second signature of another vote",
            second_is(signed(second, first.signature)),
            InvalidSecondSignature,
        ),
        (
            "one bit of the second signature",
            second_is(signed(second, one_bit(second.signature))),
            InvalidSecondSignature,
        ),
        (
            "second block changed after signing",
            second_is(of_another_block(second, H256::repeat_byte(0xcd))),
            InvalidSecondSignature,
        ),
    ]
}

fn foreign_keys(world: &World) -> Vec<Case> {
    use Reason::{DifferentValidators, InvalidFirstSignature, SmallOrderKey, UnknownKey};
    let right = world.proof();
    let (first, second) = (right.first, right.second);
    let genesis = right.genesis_hash;
    let first_is = |first| DoubleSignProof { first, ..right };
    let second_is = |second| DoubleSignProof { second, ..right };
    let theirs = world.other.checkpoint_key();
    let blamed = |vote: SignedVote| SignedVote { key: theirs, ..vote };
    let stranger = TestKey::new(77);
    let of_stranger = |block| stranger.vote(&genesis, world.checkpoint, block);
    let as_peer = |vote: SignedVote| SignedVote {
        key: world.accused.peer_key(),
        signature: world.accused.sign_as_peer_key(&genesis, &vote.vote),
        ..vote
    };
    // The zero key with the zero signature verifies anything.
    let zero = |vote: SignedVote| SignedVote {
        key: PublicKey::from_raw([0; 32]),
        signature: Signature::from_raw([0; 64]),
        ..vote
    };
    assert!(zero(first).verify(&genesis), "or the cases of small order show nothing");
    let blames_another = DoubleSignProof { first: blamed(first), second: blamed(second), ..right };
    vec![
        ("another validator's key over both votes", blames_another, InvalidFirstSignature),
        (
            "another validator's key over the second vote",
            second_is(blamed(second)),
            DifferentValidators,
        ),
        ("votes of two validators", second_is(world.vote(&world.other, HIGH)), DifferentValidators),
        ("a stranger's first vote", first_is(of_stranger(LOW)), UnknownKey),
        ("a stranger's second vote", second_is(of_stranger(HIGH)), UnknownKey),
        ("a stranger's double sign", double_sign(&stranger, genesis, world.checkpoint), UnknownKey),
        (
            "votes under the validator's peer key",
            DoubleSignProof { first: as_peer(first), second: as_peer(second), ..right },
            UnknownKey,
        ),
        ("a first key of small order", first_is(zero(first)), SmallOrderKey),
        ("a second key of small order", second_is(zero(second)), SmallOrderKey),
    ]
}
