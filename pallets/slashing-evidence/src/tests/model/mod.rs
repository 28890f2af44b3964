//! Drives all three pallets by random calls and compares them with a reference model after every step.
//!
//! ```text
//! Operation ── resolve(model) ──► Steps ──► Model: predicts the outcome, errors by name
//!                                   └─────► Chain: dispatches, then all storage must be the model's
//! ```
//!
//! * [`operations`]: what can happen, in small random numbers that shrink well;
//! * [`reference`]: what should come of it;
//! * [`chain`]: what comes of it.
//!
//! Every run ends with everybody leaving, after which nothing may be left in storage. A test prints its
//! seed; `MODEL_SEED=<seed>` runs other sequences, the same for the same seed. What happened is counted, so that a test
//! that has become vacuous fails.

mod chain;
mod operations;
mod reference;

use crate::mock::*;
use chain::Chain;
use operations::{ACTORS, Call, Kind, Operation, Origin, Step, operation};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use reference::Model;
use std::collections::BTreeMap;

/// Least steps of each test.
const STEPS: u32 = 25_000;
/// Most operations of one run.
const RUN: usize = 400;
/// Most steps to make a failing sequence shorter, so that the test ends in time to tell it.
const MAX_SHRINK_STEPS: u32 = 10_000;
/// Least number of times that each call goes through in a test.
const LEAST: u32 = 3;

/// What happened in all runs of a test.
#[derive(Default)]
struct Coverage {
    steps: u32,
    accepted: BTreeMap<String, u32>,
    refused: BTreeMap<String, u32>,
    notes: BTreeMap<String, u32>,
}

/// One run: the chain, the model, and what happens to them.
struct Run<'a> {
    model: Model,
    chain: &'a mut Chain,
    coverage: &'a mut Coverage,
    log: Vec<String>,
}

impl<'a> Run<'a> {
    fn new(chain: &'a mut Chain, coverage: &'a mut Coverage) -> Self {
        chain.begin();
        let directors = DIRECTORS.map(|director| (director, 1_000_000 + director));
        Self { model: Model::new(&ACTORS, &directors), chain, coverage, log: Vec::new() }
    }

    fn everything(&mut self, operations: &[Operation]) -> Result<(), String> {
        for operation in operations {
            let steps = operation.resolve(&self.model);
            self.all(steps)?;
        }
        self.everybody_leaves()?;
        self.chain.is_empty()
    }

    fn all(&mut self, steps: Vec<Step>) -> Result<(), String> {
        // After an upgrade that raised `MinStake` the state is sound when those below it are revoked.
        let is_upgrade = matches!(steps.first(), Some(Step::SetMinStake(_)));
        for step in steps {
            self.step(step)?;
            if !is_upgrade {
                self.check()?;
            }
        }
        self.check()
    }

    fn check(&self) -> Result<(), String> {
        sound().map_err(|error| format!("{error:?}"))
    }

    fn step(&mut self, step: Step) -> Result<(), String> {
        self.coverage.steps += 1;
        let expected = self.model.step(&step);
        let outcome = self.chain.step(&step, &self.model);
        self.log.push(format!("{}: {step:?}: {outcome:?}", self.model.now));
        if outcome != expected.map_err(String::from) {
            return Err(format!("{outcome:?}, but should be {expected:?}"));
        }
        if let Step::Call(_, call) = &step {
            let counts = match outcome {
                Ok(_) => &mut self.coverage.accepted,
                Err(_) => &mut self.coverage.refused,
            };
            *counts.entry(name(call)).or_default() += 1;
        }
        self.chain.compare(&self.model)
    }

    /// Slashes what is due, lets everybody exit, waits, and cleans up after them.
    fn everybody_leaves(&mut self) -> Result<(), String> {
        let everybody: Vec<_> = self.model.validators.keys().copied().collect();
        let exit = |who: &u64| Step::Call(Origin::Signed(*who), Call::RequestExit);
        self.all(everybody.iter().map(exit).collect())?;
        let last = self.model.now + UNBONDING.max(DEFER);
        self.all(vec![
            Step::GoTo(last),
            Step::Idle { slashes: everybody.len() as u64 },
            Step::GoTo(last + 1),
        ])?;
        let clean_up = |who: &u64| Step::Call(Origin::Signed(50), Call::CleanUp(*who));
        self.all(everybody.iter().map(clean_up).collect())
    }
}

/// The name of a call, without what is in it.
fn name(call: &Call) -> String {
    let all = format!("{call:?}");
    all.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().into()
}

/// What a sequence of operations comes to, from the start of the chain.
fn run(chain: &mut Chain, coverage: &mut Coverage, operations: &[Operation]) -> Result<(), String> {
    with_money(ACTORS.into_iter().chain([TREASURY])).execute_with(|| {
        let mut run = Run::new(chain, coverage);
        let result = run.everything(operations);
        for (what, count) in &run.model.notes {
            *run.coverage.notes.entry(what.clone()).or_default() += count;
        }
        result.map_err(|error| format!("{error}\nafter:\n{}", run.log.join("\n")))
    })
}

/// Takes out of a sequence what does not make it fail: halves, quarters, and so on.
///
/// Proptest's own way takes operations out one by one, which takes too long for sequences as long as these.
fn shrink(chain: &mut Chain, mut operations: Vec<Operation>, mut why: String) -> String {
    let (mut size, mut coverage) = (operations.len() / 2, Coverage::default());
    while size > 0 {
        let mut at = 0;
        while at < operations.len() && coverage.steps < MAX_SHRINK_STEPS {
            let mut fewer = operations.clone();
            fewer.drain(at..(at + size).min(operations.len()));
            match run(chain, &mut coverage, &fewer) {
                Ok(()) => at += size,
                Err(still) => (operations, why) = (fewer, still),
            }
        }
        size /= 2;
    }
    why
}

/// Runs random sequences until there were enough steps.
fn explore(is_subject: fn(Kind) -> bool, emphasis: usize) -> Coverage {
    let seed: u64 = match std::env::var("MODEL_SEED") {
        Ok(seed) => seed.parse().expect("MODEL_SEED is a number"),
        // The same for everybody, so that what has to be seen is seen in every run.
        Err(_) => 20_261_125,
    };
    eprintln!("MODEL_SEED={seed}");
    let bytes = sp_io::hashing::blake2_256(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let sequences = prop::collection::vec(operation(is_subject, emphasis), 1..=RUN);
    let (mut chain, mut coverage) = (Chain::new(), Coverage::default());
    while coverage.steps < STEPS {
        let operations = sequences.new_tree(&mut runner).expect("any will do").current();
        if let Err(why) = run(&mut chain, &mut coverage, &operations) {
            eprintln!("makes it shorter: {}", why.lines().next().unwrap_or_default());
            panic!("MODEL_SEED={seed}: {}", shrink(&mut chain, operations, why));
        }
    }
    coverage
}

/// All calls of the three pallets, by the names they have here.
const CALLS: [&str; 21] = [
    "Add",
    "Remove",
    "Swap",
    "Activate",
    "Update",
    "RotateDirectorKey",
    "Refresh",
    "Register",
    "SubmitVotes",
    "RequestExit",
    "Withdraw",
    "CleanUp",
    "RotateCheckpointKey",
    "RotatePeerKey",
    "RevokeLowStake",
    "BondMore",
    "Unbond",
    "WithdrawUnbonded",
    "Report",
    "Cancel",
    "Apply",
];

/// What has to happen in every test, and how often at least.
const WORTH_SEEING: [(&str, u32); 26] = [
    ("a successor took a director's place", 5),
    ("withdraw at the last bonded block", 5),
    ("withdraw at the first free block", 5),
    ("unbonded at its last block", 5),
    ("unbonded at its first free block", 5),
    ("an escape by withdrawing was refused", 5),
    ("an escape by unbonding was refused", 5),
    ("a session kept somebody to stay large enough", 1),
    ("vote refused: NotDirector", 20),
    ("vote refused: VoidVote", 20),
    ("vote refused: OtherRegistration", 20),
    ("vote refused: VoteExpired", 20),
    ("vote refused: NonceTooHigh", 20),
    ("vote refused: OldNonce", 20),
    ("vote refused: InvalidSignature", 20),
    ("a vote at its last block", 20),
    ("authorized", 50),
    ("revoked by votes", 20),
    ("proven by a replaced key", 10),
    ("proven by a replaced key at its last block", 1),
    ("a replaced key the block after its last", 1),
    ("proven by the offender itself", 5),
    ("applied a block too early", 5),
    ("slash cancelled", 20),
    ("slash correlated", 5),
    ("reward paid", 20),
];

fn assert_covered(coverage: &Coverage) {
    eprintln!("{} steps", coverage.steps);
    eprintln!("{:#?}\n{:#?}\n{:#?}", coverage.accepted, coverage.refused, coverage.notes);
    assert!(coverage.steps >= STEPS, "too few steps");
    let times = |counts: &BTreeMap<String, u32>, what: &str| counts.get(what).copied().unwrap_or(0);
    for call in CALLS {
        assert!(times(&coverage.accepted, call) >= LEAST, "{call} hardly ever goes through");
        assert!(times(&coverage.refused, call) >= LEAST, "{call} is hardly ever refused");
    }
    for (what, least) in WORTH_SEEING {
        assert!(times(&coverage.notes, what) >= least, "too seldom: {what}");
    }
}

#[test]
fn everything_alike() {
    assert_covered(&explore(|_| false, 1));
}

#[test]
fn mostly_stakes_and_keys() {
    use Kind::*;
    let is_subject = |kind| {
        matches!(kind, Unbond | BondMore | WithdrawUnbonded | RotateCheckpointKey | RotatePeerKey)
    };
    assert_covered(&explore(is_subject, 2));
}

#[test]
fn mostly_directors_and_votes() {
    use Kind::*;
    let is_subject = |kind| {
        matches!(
            kind,
            AllVote | OneVotes | VoteAgain | SwapDirector | Activate | AnotherTerm | RemoveDirector
        )
    };
    assert_covered(&explore(is_subject, 2));
}

#[test]
fn mostly_slashes() {
    use Kind::*;
    let is_subject =
        |kind| matches!(kind, Report | BadReport | Cancel | Apply | Register | AllVote);
    assert_covered(&explore(is_subject, 2));
}
