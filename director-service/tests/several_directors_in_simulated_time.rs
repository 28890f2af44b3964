//! Several cores, wired together in simulated time by a scheduler that a seed drives.
//!
//! No sockets, no chain, no clock: latencies, order and repetitions come from the seed, which every
//! failure prints. `SIMULATION_SEED=n` runs one seed alone.
#![allow(clippy::unwrap_used)]

use codec::Encode;
use core::{DisconnectReason, Frame, Input, Link, Output, Received, ValidatorVote};
use director_primitives::{
    Attach, Control, DoubleSignProof, PublicKey, Role, SignedEnvelope, VectorEntry, Welcome,
    runtime_api::ValidatorStatus,
};
use director_service::director as core;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::{BTreeMap, BTreeSet};
use world::*;

#[path = "../src/director/tests/world.rs"]
#[allow(dead_code)]
mod world;

const DIRECTORS: u8 = 3;
const VALIDATORS: u8 = 9;
/// Registered and not authorized at the start.
const CANDIDATE: u8 = VALIDATORS;
const BLOCK_MS: u64 = 1_000;

/// Runs a test for some seeds, and names the one that fails.
fn for_seeds(test: impl Fn(u64)) {
    let seeds = match std::env::var("SIMULATION_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("SIMULATION_SEED is a number");
            seed..seed + 1
        }
        Err(_) => 0..16,
    };
    for seed in seeds {
        // The test harness shows it only if the test fails: the last one is the culprit.
        println!("seed {seed}: SIMULATION_SEED={seed} runs it alone");
        test(seed);
    }
}

/// Something that arrives.
enum Event {
    AtDirector(u8, Input),
    Frame { to: u8, from: PublicKey, link: Link, frame: Frame },
    AtValidator(u8, Frame),
    Welcomed(u8, Welcome),
}

struct Simulation {
    rng: StdRng,
    now: u64,
    /// By time, then by the order in which they were caused.
    events: BTreeMap<(u64, u64), Event>,
    caused: u64,
    /// When the last thing on a link arrives: links keep their order.
    links: BTreeMap<(PublicKey, PublicKey), u64>,
    cores: Vec<core::Director<TestCrypto>>,
    world: World,
    /// What each validator got.
    received: Vec<Vec<Frame>>,
    welcomes: Vec<Vec<Welcome>>,
    proofs: Vec<Vec<DoubleSignProof>>,
    /// What each director has on disk.
    disks: Vec<BTreeMap<([u8; 32], u64), ValidatorVote>>,
    /// Block, director and number of votes of each submission.
    submissions: Vec<(u64, u8, usize)>,
    /// Moment, director, validator and reason of each disconnect.
    cut: Vec<(u64, u8, PublicKey, DisconnectReason)>,
    /// Pairs of directors with nothing between them.
    parted: BTreeSet<(u8, u8)>,
    /// Frames between directors that are lost, of a hundred.
    lost_percent: u32,
}

impl Simulation {
    /// All connected: validator `n` to director `n mod 3`.
    fn new(seed: u64, world: World) -> Self {
        let directors = world.directors.len();
        let validators = world.validators.len();
        let mut simulation = Self {
            rng: StdRng::seed_from_u64(seed),
            now: 0,
            events: BTreeMap::new(),
            caused: 0,
            links: BTreeMap::new(),
            cores: world.directors.iter().map(|n| director(*n, Vec::new())).collect(),
            world,
            received: vec![Vec::new(); validators],
            welcomes: vec![Vec::new(); validators],
            proofs: vec![Vec::new(); directors],
            disks: vec![BTreeMap::new(); directors],
            submissions: Vec::new(),
            cut: Vec::new(),
            parted: BTreeSet::new(),
            lost_percent: 0,
        };
        for n in 0..DIRECTORS {
            simulation.put(n, Input::Finalized(simulation.world.snapshot()));
        }
        for n in 0..DIRECTORS {
            for peer in (0..DIRECTORS).filter(|peer| *peer != n) {
                let peer = director_key(peer).public();
                simulation.put(n, Input::Up { peer, link: Link::Mesh });
            }
        }
        for n in 0..validators as u8 {
            let peer = validator_key(n).public();
            simulation.put(home(n), Input::Up { peer, link: Link::Public });
        }
        simulation
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.events.insert((at, self.caused), event);
        self.caused += 1;
    }

    /// When something sent now over a link arrives: up to 80 ms later, in order.
    fn arrival(&mut self, from: PublicKey, to: PublicKey) -> u64 {
        let at = self.now + self.rng.random_range(1..=80);
        let last = self.links.entry((from, to)).or_default();
        *last = at.max(*last);
        *last
    }

    /// Validator `n` hands a frame to its director.
    fn publish(&mut self, n: u8, frame: &Frame) {
        self.publish_at(home(n), n, frame);
    }

    fn publish_at(&mut self, to: u8, n: u8, frame: &Frame) {
        let from = validator_key(n).public();
        let at = self.arrival(from, director_key(to).public());
        let frame = frame.clone();
        self.schedule(at, Event::Frame { to, from, link: Link::Public, frame });
    }

    /// All directors hear of the next block, not at the same moment.
    fn finalize(&mut self, world: World) {
        self.world = world;
        for n in 0..DIRECTORS {
            let at = self.now + self.rng.random_range(0..300);
            self.schedule(at, Event::AtDirector(n, Input::Finalized(self.world.snapshot())));
        }
    }

    fn run_for(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some((&(at, _), _)) = self.events.first_key_value()
            && at <= end
        {
            self.now = at;
            self.step(at);
        }
        self.now = end;
        for n in 0..DIRECTORS {
            self.put(n, Input::Tick);
        }
    }

    /// The same, with a tick every 50 ms.
    fn live_for(&mut self, ms: u64) {
        for _ in 0..ms / 50 {
            self.run_for(50);
        }
    }

    /// Whether something is between two directors now.
    fn are_linked(&self, one: u8, other: u8) -> bool {
        !self.parted.contains(&(one.min(other), one.max(other)))
    }

    /// Cuts all links between a director and the others, or mends them.
    fn part(&mut self, n: u8, apart: bool) {
        for other in (0..DIRECTORS).filter(|other| *other != n) {
            let pair = (n.min(other), n.max(other));
            if apart {
                self.parted.insert(pair);
            } else {
                self.parted.remove(&pair);
            }
            for (at, peer) in [(n, other), (other, n)] {
                let (peer, link) = (director_key(peer).public(), Link::Mesh);
                let input = match apart {
                    true => Input::Down { peer, link },
                    false => Input::Up { peer, link },
                };
                self.put(at, input);
            }
        }
    }

    /// Validator `n` connects to its director anew and says where it stopped.
    fn attach(&mut self, n: u8) {
        let peer = validator_key(n).public();
        let mut vector: BTreeMap<PublicKey, VectorEntry> = BTreeMap::new();
        let mut got: Vec<_> = self.received[usize::from(n)]
            .iter()
            .map(|frame| SignedEnvelope::from_bytes(frame).unwrap().envelope)
            .collect();
        got.sort_by_key(|envelope| envelope.seq);
        for origin in (0..VALIDATORS).filter(|origin| *origin != n) {
            let origin = validator_key(origin).public();
            vector.insert(origin, VectorEntry { origin, epoch: 1, contiguous: [0; 4] });
        }
        for envelope in got {
            let entry = vector.get_mut(&envelope.origin).unwrap();
            let contiguous = &mut entry.contiguous[envelope.class.index()];
            if envelope.seq == *contiguous + 1 {
                *contiguous = envelope.seq;
            }
        }
        let vector = vector.into_values().collect::<Vec<_>>().try_into().unwrap();
        let message = Control::Attach(Attach { role: Role::Primary, vector });
        self.put(home(n), Input::Down { peer, link: Link::Public });
        self.put(home(n), Input::Up { peer, link: Link::Public });
        self.put(home(n), Input::Control { from: peer, link: Link::Public, message });
    }

    /// Everything that is due now; frames for one director as one batch.
    fn step(&mut self, at: u64) {
        let mut batches: BTreeMap<u8, Vec<Received>> = BTreeMap::new();
        while let Some(entry) = self.events.first_entry()
            && entry.key().0 == at
        {
            match entry.remove() {
                Event::AtDirector(to, Input::Control { from, link: Link::Mesh, .. })
                    if !self.are_linked(director_of(&from), to) => {}
                Event::AtDirector(n, input) => self.put(n, input),
                Event::Frame { to, from, link: Link::Mesh, .. }
                    if !self.are_linked(director_of(&from), to) => {}
                Event::Frame { to, from, link, frame } => {
                    batches.entry(to).or_default().push(Received { from, link, frame });
                }
                Event::AtValidator(n, frame) => self.received[usize::from(n)].push(frame),
                Event::Welcomed(n, welcome) => self.welcomes[usize::from(n)].push(welcome),
            }
        }
        for (n, batch) in batches {
            self.put(n, Input::Frames(batch));
        }
    }

    fn put(&mut self, n: u8, input: Input) {
        let mut out = Vec::new();
        self.cores[usize::from(n)].handle(self.now, input, &mut out);
        for output in out {
            self.carry_out(n, output);
        }
    }

    fn carry_out(&mut self, n: u8, output: Output) {
        let me = director_key(n).public();
        match output {
            Output::Relay { frame, to, .. } => {
                for (link, key) in to.iter() {
                    if link == Link::Mesh && self.rng.random_range(0..100) < self.lost_percent {
                        continue;
                    }
                    let at = self.arrival(me, *key);
                    let frame = frame.clone();
                    let event = match link {
                        Link::Mesh => Event::Frame { to: director_of(key), from: me, link, frame },
                        Link::Public => Event::AtValidator(validator_of(key), frame),
                    };
                    self.schedule(at, event);
                }
            }
            Output::Send { to, link: Link::Mesh, message } => {
                let at = self.arrival(me, to);
                let input = Input::Control { from: me, link: Link::Mesh, message };
                self.schedule(at, Event::AtDirector(director_of(&to), input));
            }
            Output::Send { to, message: Control::Welcome(welcome), .. } => {
                let at = self.arrival(me, to);
                self.schedule(at, Event::Welcomed(validator_of(&to), welcome));
            }
            Output::Send { .. } | Output::SendAll { .. } => {}
            Output::Replay { to, link, frames } => {
                for (_, frame) in frames {
                    let at = self.arrival(me, to);
                    let event = match link {
                        Link::Mesh => Event::Frame { to: director_of(&to), from: me, link, frame },
                        Link::Public => Event::AtValidator(validator_of(&to), frame),
                    };
                    self.schedule(at, event);
                }
            }
            Output::Drained { .. } => {}
            Output::Remember(vote) => {
                self.disks[usize::from(n)].entry(slot(&vote)).or_insert(vote);
            }
            Output::Replace(vote) => {
                self.disks[usize::from(n)].insert(slot(&vote), vote);
            }
            Output::CheckStake(application) => {
                let checked = check_stake(&self.world.snapshot(), &application);
                self.schedule(self.now, Event::AtDirector(n, checked));
            }
            Output::Revoked { .. } => {}
            Output::Recall(vote) => {
                let first = self.disks[usize::from(n)].get(&slot(&vote)).cloned();
                let at = self.now + self.rng.random_range(1..20);
                self.schedule(at, Event::AtDirector(n, Input::Recalled { vote, first }));
            }
            Output::Proven(proof) => self.proofs[usize::from(n)].push(proof),
            Output::SubmitVotes { votes, .. } => {
                self.submissions.push((self.world.number, n, votes.len()));
            }
            Output::Disconnect { peer, reason, .. } => {
                self.cut.push((self.now, n, peer, reason));
            }
            Output::Allow { .. } | Output::Forget { .. } => {}
        }
    }

    /// Director `n` starts anew with what is on its disk.
    fn restart(&mut self, n: u8) {
        let me = director_key(n).public();
        let history = self.disks[usize::from(n)].values().cloned().collect();
        self.cores[usize::from(n)] = director(n, history);
        self.put(n, Input::Finalized(self.world.snapshot()));
        for peer in (0..DIRECTORS).filter(|peer| *peer != n) {
            for (at, peer) in [(n, director_key(peer).public()), (peer, me)] {
                self.put(at, Input::Down { peer, link: Link::Mesh });
                self.put(at, Input::Up { peer, link: Link::Mesh });
            }
        }
        for validator in (0..self.received.len() as u8).filter(|v| home(*v) == n) {
            let peer = validator_key(validator).public();
            self.put(n, Input::Up { peer, link: Link::Public });
        }
    }

    /// Asserts that each validator got each of these frames once, but its own, and nothing else.
    fn assert_everybody_got(&self, published: &[(u8, Frame)]) {
        for n in 0..VALIDATORS {
            let others = published.iter().filter(|(origin, _)| *origin != n);
            let mut expected: Vec<_> = others.map(|(_, frame)| frame.clone()).collect();
            let mut got = self.received[usize::from(n)].clone();
            expected.sort();
            got.sort();
            assert_eq!(got.len(), expected.len(), "validator {n}");
            assert!(got == expected, "validator {n} got other messages than were published");
        }
    }

    /// Asserts that each director proved the same double signs: these validators', once each.
    fn assert_accused(&self, liars: &[u8]) {
        let expected: BTreeSet<_> = liars.iter().map(|n| validator_account(*n)).collect();
        let snapshot = self.world.snapshot();
        for (n, proofs) in self.proofs.iter().enumerate() {
            let accused = proofs.iter().map(|proof| proof.check(&*snapshot).unwrap().validator);
            assert_eq!(accused.collect::<BTreeSet<_>>(), expected, "director {n}");
            assert_eq!(proofs.len(), liars.len(), "director {n}: each once");
            let ids = |proofs: &[DoubleSignProof]| -> BTreeSet<_> {
                proofs.iter().map(DoubleSignProof::id).collect()
            };
            assert_eq!(ids(proofs), ids(&self.proofs[0]), "director {n}");
        }
    }
}

fn slot(vote: &ValidatorVote) -> ([u8; 32], u64) {
    (*vote.validator.as_ref(), vote.vote.vote.checkpoint)
}

fn home(validator: u8) -> u8 {
    validator % DIRECTORS
}

fn director_of(key: &PublicKey) -> u8 {
    (0..DIRECTORS).find(|n| director_key(*n).public() == *key).unwrap()
}

fn validator_of(key: &PublicKey) -> u8 {
    (0..=CANDIDATE).find(|n| validator_key(*n).public() == *key).unwrap()
}

/// Everybody votes for the same block at these checkpoints, one a second.
fn honest_votes(
    simulation: &mut Simulation,
    checkpoints: std::ops::Range<u64>,
) -> Vec<(u8, Frame)> {
    let mut published = Vec::new();
    for (seq, checkpoint) in (1..).zip(checkpoints) {
        for n in 0..VALIDATORS {
            let frame = vote_frame(n, seq, &vote(n, checkpoint, checkpoint as u8));
            simulation.publish(n, &frame);
            published.push((n, frame));
        }
        simulation.run_for(BLOCK_MS);
    }
    published
}

#[test]
fn votes_reach_everybody_exactly_once() {
    for_seeds(|seed| {
        let mut simulation = Simulation::new(seed, World::new(DIRECTORS, VALIDATORS));
        let published = honest_votes(&mut simulation, 9..15);
        simulation.run_for(10 * BLOCK_MS);
        simulation.assert_everybody_got(&published);
        simulation.assert_accused(&[]);
        for core in &simulation.cores {
            let stats = core.stats();
            assert_eq!(stats.relayed, published.len() as u64);
            assert_eq!(stats.refused.total(), 0, "{:?}", stats.refused);
        }
    });
}

#[test]
fn a_double_sign_is_proven_by_every_director_and_nobody_else_accused() {
    for_seeds(|seed| {
        let mut simulation = Simulation::new(seed, World::new(DIRECTORS, VALIDATORS));
        let mut published = honest_votes(&mut simulation, 9..12);
        let liar = simulation.rng.random_range(0..VALIDATORS);
        let frame = vote_frame(liar, 4, &vote(liar, 10, 0xee));
        simulation.publish(liar, &frame);
        published.push((liar, frame));
        simulation.run_for(10 * BLOCK_MS);
        simulation.assert_everybody_got(&published);
        simulation.assert_accused(&[liar]);
    });
}

#[test]
fn the_votes_may_enter_at_two_directors_at_once() {
    for_seeds(|seed| {
        let mut simulation = Simulation::new(seed, World::new(DIRECTORS, VALIDATORS));
        let peer = validator_key(0).public();
        simulation.put(1, Input::Up { peer, link: Link::Public });
        // In one place of the sequence, so that each director takes the other's for a lie.
        for (to, hash) in [(0, 0xaa), (1, 0xbb)] {
            simulation.publish_at(to, 0, &vote_frame(0, 1, &vote(0, 10, hash)));
        }
        simulation.run_for(5 * BLOCK_MS);
        simulation.assert_accused(&[0]);
    });
}

#[test]
fn a_restart_between_the_two_votes_hides_nothing() {
    for_seeds(|seed| {
        let mut simulation = Simulation::new(seed, World::new(DIRECTORS, VALIDATORS));
        honest_votes(&mut simulation, 9..12);
        // All restart; one of them still has its disk.
        let survivor = simulation.rng.random_range(0..DIRECTORS);
        for n in 0..DIRECTORS {
            if n != survivor {
                simulation.disks[usize::from(n)].clear();
            }
            simulation.restart(n);
        }
        simulation.publish(0, &vote_frame(0, 4, &vote(0, 10, 0xee)));
        simulation.run_for(5 * BLOCK_MS);
        simulation.assert_accused(&[0]);
    });
}

#[test]
fn forgeries_and_replays_change_nothing() {
    for_seeds(|seed| {
        let mut simulation = Simulation::new(seed, World::new(DIRECTORS, VALIDATORS));
        let mut published = Vec::new();
        for (seq, checkpoint) in (1..).zip(9..13) {
            for n in 0..VALIDATORS {
                let frame = vote_frame(n, seq, &vote(n, checkpoint, checkpoint as u8));
                // A director gone bad sends forged copies, forged rivals and repeats to the others.
                let rival = forge(&vote_frame(n, seq, &vote(n, checkpoint, 0xee)));
                for evil in [forge(&frame), rival, frame.clone(), frame.clone()] {
                    let to = simulation.rng.random_range(0..2);
                    let at = simulation.now + simulation.rng.random_range(1..3 * BLOCK_MS);
                    let from = director_key(2).public();
                    let link = Link::Mesh;
                    simulation.schedule(at, Event::Frame { to, from, link, frame: evil });
                }
                simulation.publish(n, &frame);
                published.push((n, frame));
            }
            simulation.run_for(BLOCK_MS);
        }
        simulation.run_for(10 * BLOCK_MS);
        simulation.assert_everybody_got(&published);
        simulation.assert_accused(&[]);
        assert!(simulation.cores.iter().all(|core| core.stats().envelope_equivocations == 0));
    });
}

#[test]
fn a_candidate_is_heard_once_enough_directors_have_approved() {
    let registered = |number| World::new(DIRECTORS, VALIDATORS + 1).at(number);
    let waiting = |number| registered(number).status(CANDIDATE, ValidatorStatus::Candidate);
    for_seeds(|seed| {
        let mut simulation = Simulation::new(seed, waiting(100));
        simulation.publish(CANDIDATE, &message(CANDIDATE, 1, b"too early"));
        simulation.publish(1, &message(1, 1, b"not for the candidate"));
        simulation.run_for(BLOCK_MS);
        assert!(simulation.received[usize::from(CANDIDATE)].is_empty(), "it receives nothing");
        assert_eq!(simulation.received[0].len(), 1, "and nothing of it is passed on");

        let from = validator_key(CANDIDATE).public();
        let message = Control::AuthorizationRequest(application(request(CANDIDATE, 100)));
        simulation.put(home(CANDIDATE), Input::Control { from, link: Link::Public, message });
        for block in 101..=107 {
            simulation.run_for(BLOCK_MS);
            simulation.finalize(waiting(block));
        }
        simulation.run_for(BLOCK_MS);
        let (first, _, votes) = simulation.submissions[0];
        assert_eq!(first, 100, "the first in turn submits at once");
        assert!(votes >= 2, "ceil(2n/3) of 3 directors");
        let directors: BTreeSet<_> = simulation.submissions.iter().map(|(_, n, _)| *n).collect();
        assert_eq!((directors.len(), simulation.submissions.len()), (3, 3), "then the others");
        let (last, ..) = simulation.submissions[2];
        assert!((104..=105).contains(&last), "two blocks later each, but it was {last}");

        // The chain has it. Directors hear of it one after the other, and no word is lost.
        simulation.finalize(registered(108));
        let mut waited = 0;
        while simulation.welcomes[usize::from(CANDIDATE)].iter().all(|w| !w.authorized) {
            simulation.run_for(1);
            waited += 1;
            assert!(waited < 1_000, "it is told within a second");
        }
        let first_words = world::message(CANDIDATE, 1, b"at last");
        simulation.publish(CANDIDATE, &first_words);
        simulation.run_for(5 * BLOCK_MS);
        for got in &simulation.received[..usize::from(VALIDATORS)] {
            assert_eq!(got.iter().filter(|frame| **frame == first_words).count(), 1);
        }
    });
}

#[test]
fn enough_revocations_cut_a_validator_off_everywhere_and_no_message_of_others_is_lost() {
    const OUT: u8 = 4;
    for_seeds(|seed| {
        let mut simulation = Simulation::new(seed, World::new(DIRECTORS, VALIDATORS));
        // What it said before is on its way while it is revoked.
        let before: Vec<_> = (0..VALIDATORS).map(|n| (n, message(n, 1, b"before"))).collect();
        for (n, frame) in &before {
            simulation.publish(*n, frame);
        }
        let moment = simulation.rng.random_range(1..60);
        simulation.run_for(moment);
        let from = simulation.rng.random_range(0..DIRECTORS);
        let revoke = |simulation: &mut Simulation, n| {
            simulation.put(n, Input::Revoke { validator: validator_account(OUT) });
            simulation.now
        };
        revoke(&mut simulation, from);
        simulation.run_for(500);
        let alone: Vec<_> = std::mem::take(&mut simulation.cut);
        let own_only = |(_, n, _, reason): &(u64, u8, PublicKey, DisconnectReason)| {
            *n == from && *reason == DisconnectReason::Unwanted
        };
        assert!(alone.iter().all(own_only), "one alone cuts it off nowhere else");

        let enough_at = revoke(&mut simulation, (from + 1) % DIRECTORS);
        simulation.run_for(500);
        let key = validator_key(OUT).public();
        assert!(simulation.cut.iter().all(|(.., peer, _)| *peer == key), "nobody else");
        // Its director is the last that it could be connected to.
        let gone = alone.iter().chain(&simulation.cut).find(|(_, n, ..)| *n == home(OUT));
        let (at, ..) = gone.expect("it is cut off");
        assert!(at.saturating_sub(enough_at) <= 100, "within one way through the mesh");
        for core in &simulation.cores {
            assert_eq!(core.stats().revocations, 1, "every director knows");
        }

        let after: Vec<_> =
            (0..VALIDATORS).filter(|n| *n != OUT).map(|n| (n, message(n, 2, b"after"))).collect();
        for (n, frame) in &after {
            simulation.publish(*n, frame);
        }
        simulation.run_for(5 * BLOCK_MS);
        // A director that would still pass on what it says is heard by nobody.
        simulation.publish_at(home(OUT), OUT, &message(OUT, 2, b"still here"));
        simulation.run_for(BLOCK_MS);
        simulation.received[usize::from(OUT)] = Vec::new();
        for n in (0..VALIDATORS).filter(|n| *n != OUT) {
            let others = before.iter().chain(&after).filter(|(origin, _)| *origin != n);
            let mut expected: Vec<_> = others.map(|(_, frame)| frame.clone()).collect();
            let mut got = simulation.received[usize::from(n)].clone();
            expected.sort();
            got.sort();
            assert_eq!(got, expected, "validator {n}");
        }
        simulation.finalize(World::new(DIRECTORS, VALIDATORS).at(101));
        simulation.run_for(BLOCK_MS);
        let directors: BTreeSet<_> = simulation.submissions.iter().map(|(_, n, _)| *n).collect();
        assert!(!directors.is_empty(), "the votes go on chain");
    });
}

/// Everybody says something every 50 ms, so many times; numbers go on from `first`.
fn chatter(simulation: &mut Simulation, first: u64, times: u64) -> Vec<(u8, Frame)> {
    let mut published = Vec::new();
    for seq in first..first + times {
        for n in 0..VALIDATORS {
            let frame = message(n, seq, &(n, seq).encode());
            simulation.publish(n, &frame);
            published.push((n, frame));
        }
        simulation.live_for(50);
    }
    published
}

fn sum(simulation: &Simulation, of: impl Fn(&core::Stats) -> u64) -> u64 {
    simulation.cores.iter().map(|core| of(core.stats())).sum()
}

#[test]
fn what_is_lost_between_directors_is_fetched() {
    for_seeds(|seed| {
        let mut simulation = Simulation::new(seed, World::new(DIRECTORS, VALIDATORS));
        simulation.lost_percent = 20;
        let published = chatter(&mut simulation, 1, 40);
        simulation.live_for(5_000);
        simulation.assert_everybody_got(&published);
        assert!(sum(&simulation, |stats| stats.repaired) > 0);
        assert_eq!(sum(&simulation, |stats| stats.given_up), 0);
        assert_eq!(sum(&simulation, |stats| stats.refused.total()), 0);
        assert_eq!(sum(&simulation, |stats| stats.behind), 0);
        assert!(simulation.cores.iter().all(|core| core.is_ready()));
    });
}

#[test]
fn a_partition_heals_by_itself() {
    for_seeds(|seed| {
        let mut simulation = Simulation::new(seed, World::new(DIRECTORS, VALIDATORS));
        let mut published = chatter(&mut simulation, 1, 10);
        let alone = simulation.rng.random_range(0..DIRECTORS);
        simulation.part(alone, true);
        published.extend(chatter(&mut simulation, 11, 40));
        simulation.part(alone, false);
        published.extend(chatter(&mut simulation, 51, 10));
        simulation.live_for(3_000);
        simulation.assert_everybody_got(&published);
        assert_eq!(sum(&simulation, |stats| stats.given_up), 0);
        // What each side missed, once each, and nothing else.
        let missed = sum(&simulation, |stats| stats.repaired);
        let on_their_way = 2 * 10 * u64::from(VALIDATORS);
        let (few, own) = (u64::from(VALIDATORS / DIRECTORS), u64::from(VALIDATORS));
        let cut_off = 40 * ((own - few) + 2 * few);
        assert!((cut_off..=cut_off + on_their_way).contains(&missed), "{missed}");
    });
}

#[test]
fn a_director_that_restarts_without_memory_catches_up_and_then_is_ready() {
    for_seeds(|seed| {
        let mut simulation = Simulation::new(seed, World::new(DIRECTORS, VALIDATORS));
        let mut published = chatter(&mut simulation, 1, 10);
        simulation.live_for(1_000);
        let dead = simulation.rng.random_range(0..DIRECTORS);
        let here: Vec<_> = (0..VALIDATORS).filter(|n| home(*n) != dead).collect();
        simulation.part(dead, true);
        // The others go on without it.
        for seq in 11..31 {
            for n in &here {
                let frame = message(*n, seq, b"meanwhile");
                simulation.publish(*n, &frame);
                published.push((*n, frame));
            }
            simulation.live_for(50);
        }
        simulation.disks[usize::from(dead)].clear();
        simulation.parted.clear();
        simulation.restart(dead);
        let is_ready = |simulation: &Simulation| simulation.cores[usize::from(dead)].is_ready();
        assert!(!is_ready(&simulation));
        let (start, mut waited) = (simulation.now, 0);
        while !is_ready(&simulation) {
            simulation.live_for(50);
            waited = simulation.now - start;
            assert!(waited < 2_000, "it catches up within two seconds");
        }
        assert!(waited >= 100, "{waited}");
        let stats = *simulation.cores[usize::from(dead)].stats();
        // All of it, but what was on its way when it came back.
        let (all, on_their_way) = (published.len() as u64, 2 * here.len() as u64);
        let repaired = all - on_their_way..=all;
        assert!(repaired.contains(&stats.repaired), "{} of {all}", stats.repaired);
        // It passed that on to its validators, which had the first part already.
        for n in (0..VALIDATORS).filter(|n| home(*n) == dead) {
            let got = &mut simulation.received[usize::from(n)];
            let before = got.len();
            got.sort();
            got.dedup();
            assert!(got.len() < before);
        }
        published.extend(chatter(&mut simulation, 31, 5));
        simulation.live_for(1_000);
        let gap = published.iter().filter(|(n, _)| home(*n) != dead).cloned().collect::<Vec<_>>();
        for n in 0..VALIDATORS {
            let got = &simulation.received[usize::from(n)];
            let others = gap.iter().filter(|(origin, _)| *origin != n);
            assert!(others.clone().all(|(_, frame)| got.contains(frame)), "validator {n}");
        }
    });
}

#[test]
fn a_validator_that_was_away_is_sent_what_it_missed() {
    for_seeds(|seed| {
        let mut simulation = Simulation::new(seed, World::new(DIRECTORS, VALIDATORS));
        let mut published = chatter(&mut simulation, 1, 10);
        let away = simulation.rng.random_range(0..VALIDATORS);
        let (peer, link) = (validator_key(away).public(), Link::Public);
        simulation.live_for(1_000);
        simulation.put(home(away), Input::Down { peer, link });
        for seq in 11..31 {
            for n in (0..VALIDATORS).filter(|n| *n != away) {
                let frame = message(n, seq, b"meanwhile");
                simulation.publish(n, &frame);
                published.push((n, frame));
            }
            simulation.live_for(50);
        }
        simulation.live_for(1_000);
        let before = simulation.received[usize::from(away)].len();
        simulation.attach(away);
        simulation.live_for(1_000);
        simulation.assert_everybody_got(&published);
        let missed = 20 * (usize::from(VALIDATORS) - 1);
        assert_eq!(simulation.received[usize::from(away)].len() - before, missed);
    });
}

#[test]
fn the_same_seed_takes_the_same_course() {
    let course = |seed| {
        let mut simulation = Simulation::new(seed, World::new(DIRECTORS, VALIDATORS));
        honest_votes(&mut simulation, 9..12);
        simulation.publish(4, &vote_frame(4, 4, &vote(4, 10, 0xee)));
        simulation.run_for(5 * BLOCK_MS);
        let stats: Vec<_> = simulation.cores.iter().map(|core| *core.stats()).collect();
        (simulation.caused, stats, simulation.received)
    };
    for_seeds(|seed| assert!(course(seed) == course(seed)));
}
