//! Judges what the core of a director does, whoever says what in whatever order.
//!
//! The bytes are choices, and each choice an input. Directors lie, validators sign what they like, blocks come late; only
//! what the core's owner answers (disk, stake proofs) is as an owner answers. After each input, and at the end:
//!
//! * nothing is passed on that its origin did not sign, nor twice, nor to whom it came from;
//! * what is wrongly signed is marked as seen nowhere;
//! * nobody is accused who signed once, and each proof comes once;
//! * votes are submitted only if they are enough, and signed by active directors;
//! * what is kept stays within the configuration's bounds, and what the core has in memory within [`most_memory`];
//! * whoever has done nothing wrong is heard, although a forged copy came first.

mod input;
mod judge;

use crate::scene::{self, DIRECTORS, QUIET, Seals, VALIDATORS, World};
use director_primitives::{
    AccountId32, Application, ProvenStake, PublicKey, SignedVote, Snapshot, StakeRefusal,
    runtime_api::ValidatorStatus,
};
use director_primitives_fuzz::{choices::Choices, cost::freeing};
use director_service::director::{
    Config, Director, Frame, Input, Link, Output, Received, ValidatorVote, fuzz::check_bounds,
};
use input::Said;
use judge::Judge;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// Most inputs of one run: enough to come to every bound of [`scene::config`], and a run takes milliseconds.
const MAX_INPUTS: usize = 400;

/// Memory of a validator in the core: four windows of 16,384 tags with as much room to grow, a vote for each checkpoint,
/// and some buckets, entries and votes of directors.
const PER_VALIDATOR: usize = 4 * 2 * 16_384 * 4 + 64 * 1024;

/// Memory of a core without validators: stake proofs that are being checked and votes that were read from the disk.
const BASE: usize = 512 * 1024;

/// What a core with this configuration has in memory at most, frames that others have, too, not counted.
fn most_memory(config: &Config) -> usize {
    let bytes = config.log_bytes + config.park_bytes + 256 * config.seen_capacity;
    BASE + 2 * bytes + usize::from(VALIDATORS) * PER_VALIDATOR
}

/// Runs a core through what these bytes choose.
pub fn core(bytes: &[u8]) {
    let mut run = Run::new(bytes);
    for _ in 0..MAX_INPUTS {
        if run.choices.is_empty() {
            break;
        }
        let input = run.input();
        run.put(input);
    }
    run.hears_the_quiet();
    run.forgets();
}

/// A core in the middle of its work, and what its owner knows.
struct Run<'a> {
    choices: Choices<'a>,
    core: Director<Seals>,
    now: u64,
    world: World,
    snapshot: Option<Arc<Snapshot>>,
    said: Said,
    judge: Judge,
    /// The first vote of each slot.
    disk: BTreeMap<(AccountId32, u64), ValidatorVote>,
    /// Votes that are to be looked up, and those that could not be.
    recalls: VecDeque<ValidatorVote>,
    late: VecDeque<ValidatorVote>,
    /// Stake proofs that are to be checked.
    stakes: VecDeque<Application>,
}

impl<'a> Run<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let mut run = Self {
            choices: Choices::new(bytes),
            core: Director::new(scene::config(), Seals, Vec::new()),
            now: 0,
            world: World::new(),
            snapshot: None,
            said: Said::default(),
            judge: Judge::default(),
            disk: BTreeMap::new(),
            recalls: VecDeque::new(),
            late: VecDeque::new(),
            stakes: VecDeque::new(),
        };
        // Half of them begin before any block is known.
        if run.choices.coin() {
            run.everybody_comes();
        }
        run
    }

    /// The chain as it is now, and a connection to everybody.
    fn everybody_comes(&mut self) {
        self.put(Input::Finalized(self.world.snapshot()));
        for n in 1..DIRECTORS {
            self.put(Input::Up { peer: scene::director_key(n).1, link: Link::Mesh });
        }
        for n in 0..VALIDATORS {
            self.put(Input::Up { peer: scene::validator_key(n).1, link: Link::Public });
        }
    }

    fn put(&mut self, input: Input) -> Vec<Output> {
        if let Input::Finalized(snapshot) = &input
            && self.snapshot.as_ref().is_none_or(|known| known.number <= snapshot.number)
        {
            self.snapshot = Some(snapshot.clone());
        }
        if let Input::Frames(batch) = &input {
            self.judge.hear(batch);
        }
        let mut out = Vec::new();
        self.core.handle(self.now, input, &mut out);
        check_bounds(&self.core);
        self.judge.marks(&self.core);
        for output in &out {
            self.judge.output(output, self.snapshot.as_deref());
            self.obey(output);
        }
        out
    }

    /// Does what an owner does.
    fn obey(&mut self, output: &Output) {
        let slot = |of: &ValidatorVote| (of.validator.clone(), of.vote.vote.checkpoint);
        match output {
            Output::Remember(vote) => {
                self.disk.entry(slot(vote)).or_insert_with(|| vote.clone());
            }
            Output::Replace(vote) => drop(self.disk.insert(slot(vote), vote.clone())),
            Output::Recall(vote) => self.recalls.push_back(vote.clone()),
            Output::Forget { below } => self.disk.retain(|(_, checkpoint), _| checkpoint >= below),
            Output::CheckStake(application) => {
                let validator = &application.request.request.validator;
                let asked = |of: &Application| of.request.request.validator == *validator;
                assert!(!self.stakes.iter().any(asked), "two stakes of {validator} are checked");
                self.stakes.push_back(Application::clone(application));
            }
            _ => {}
        }
    }

    /// The disk answers, or says that it cannot and answers later.
    fn recalled(&mut self) -> Option<Input> {
        let vote = match self.choices.below(3) {
            0 => self.late.pop_front()?,
            1 => self.recalls.pop_front()?,
            _ => {
                let vote = self.recalls.pop_front()?;
                self.late.push_back(vote.clone());
                return Some(Input::Recalled { vote, first: None });
            }
        };
        let slot = (vote.validator.clone(), vote.vote.vote.checkpoint);
        let first = self.disk.get(&slot).cloned();
        Some(Input::Recalled { vote, first })
    }

    /// Somebody has checked a stake proof.
    fn stake_checked(&mut self) -> Option<Input> {
        let request = self.stakes.pop_front()?.request;
        let proven = self.snapshot.as_ref().and_then(|known| {
            let validator = known.validator(&request.request.validator)?;
            Some(ProvenStake {
                registration_id: validator.registration_id,
                status: validator.status,
                peer_key: validator.peer_key,
                stake: validator.stake,
                unbonding: validator.unbonding,
                held: validator.stake,
            })
        });
        let result = match self.choices.below(4) {
            0 => Err(StakeRefusal::Invalid),
            _ => proven.ok_or(StakeRefusal::NotRegistered),
        };
        Some(Input::StakeChecked { request, result })
    }

    /// Whatever was before: a message of the one who did nothing wrong is passed on once, although a forged copy of it came
    /// first, and its vote reaches the detector.
    fn hears_the_quiet(&mut self) {
        self.world.directors |= 0b111;
        self.world.status[usize::from(QUIET)] = ValidatorStatus::Authorized;
        self.world.number = self.world.number.max(self.number());
        self.everybody_comes();
        let checkpoint = self.world.number / scene::INTERVAL;
        let vote: SignedVote = scene::vote(QUIET, false, checkpoint, input::HONEST_BLOCK);
        let message = input::quiet_vote(&vote);
        let from_director = |n: u8, frame: &Frame| {
            let from: PublicKey = scene::director_key(n).1;
            Input::Frames(vec![Received { from, link: Link::Mesh, frame: frame.clone() }])
        };
        let relays = |out: &[Output]| {
            let relays = |output: &&Output| matches!(output, Output::Relay { frame, .. } if *frame == message);
            out.iter().filter(relays).count()
        };
        self.put(from_director(1, &scene::forged(&message)));
        let seen = self.core.stats().votes_seen;
        let out = self.put(from_director(2, &message));
        assert_eq!(relays(&out), 1, "{:?}", self.core.stats());
        assert_eq!(self.core.stats().votes_seen, seen + 1, "the detector has not seen it");
        let out = self.put(from_director(1, &message));
        assert_eq!(relays(&out), 0, "it is passed on again");
    }

    fn number(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |known| known.number)
    }

    /// What only the core has is not more than it may be.
    fn forgets(self) {
        let Self { core, said, judge, snapshot, disk, recalls, late, stakes, .. } = self;
        drop((said, judge, snapshot, disk, recalls, late, stakes));
        let held = freeing(|| drop(core));
        let most = most_memory(&scene::config());
        assert!(held <= most, "the core has {held} bytes in memory, and may have {most}");
    }
}
