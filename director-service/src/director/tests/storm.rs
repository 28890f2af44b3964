//! All misdeeds at once, at random, around honest traffic: nothing honest is lost or passed on twice,
//! nothing forged is passed on, no voting slot has more than two votes, nobody honest is accused.
//!
//! Validators from [`HONEST`] on and director 2 are bad. Every failure prints its seed;
//! `STORM_SEED=n` runs it alone.

use super::{
    resigning::{malleate, resign},
    world::*,
};
use crate::director::{Config, Director, Frame, Input, Output, Received, Refusal, ValidatorVote};
use codec::{DecodeAll, Encode};
use director_primitives::{
    AccountId32, Envelope, H256, PayloadKind, Priority, PublicKey, Signature, SignedEnvelope,
    SignedVote,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use std::collections::{BTreeMap, BTreeSet};

const HONEST: u8 = 6;
const BAD: u8 = 3;
const ROUNDS: usize = 40;
const CLASSES: [Priority; 3] = [Priority::Critical, Priority::High, Priority::Normal];

/// Checkpoints that honest validators vote for, one after the other; 20,000 is finalized.
const FIRST_CHECKPOINT: u64 = 19_980;

/// Below it, slots may be forgotten.
const MEMORY_FROM: u64 = 19_936;

/// Everything between the finalized chain and far beyond: too old, on disk, in memory, too far ahead.
const HEIGHTS: [u64; 9] = [0, 9_999, 15_000, 15_001, 15_002, MEMORY_FROM, 20_016, 20_017, u64::MAX];

#[test]
fn a_storm_of_misdeeds_touches_nothing_honest() {
    let (from, runs) = match std::env::var("STORM_SEED") {
        Ok(seed) => (seed.parse().unwrap(), 1),
        Err(_) => (u64::from(rand::random::<u32>()), 8),
    };
    for seed in from..from + runs {
        println!("STORM_SEED={seed}");
        let mut storm = Storm::new(seed);
        for _ in 0..ROUNDS {
            storm.round();
        }
        storm.end();
    }
}

/// What a bad one does.
#[derive(Clone, Copy)]
enum Misdeed {
    /// An honest frame that is still to come, with a bit flipped.
    Poison,
    /// Another message for the place of an honest one that is still to come, signed by nobody.
    Rival,
    /// An honest body that is still to come, with the same key's signature for another chain.
    OtherChain,
    /// A frame that was there before, from anywhere.
    Replay,
    /// More messages of one's own than the cache holds.
    Flood,
    /// One's own frame, signed again.
    Resign,
    /// Anybody's frame with the same signature modulo the order of the group.
    Malleate,
    /// One of several votes for one checkpoint.
    DoubleSign,
    /// Votes for heights that nobody is at.
    FarAway,
    /// Two messages for one place.
    Equivocate,
    /// One starts anew, with a much higher epoch.
    Restart,
    /// Anything.
    Rubbish,
}

const MISDEEDS: [Misdeed; 12] = [
    Misdeed::Poison,
    Misdeed::Rival,
    Misdeed::OtherChain,
    Misdeed::Replay,
    Misdeed::Flood,
    Misdeed::Resign,
    Misdeed::Malleate,
    Misdeed::DoubleSign,
    Misdeed::FarAway,
    Misdeed::Equivocate,
    Misdeed::Restart,
    Misdeed::Rubbish,
];

fn pick<T: Clone>(rng: &mut StdRng, from: &[T]) -> Option<T> {
    (!from.is_empty()).then(|| from[rng.random_range(0..from.len())].clone())
}

struct Storm {
    rng: StdRng,
    rig: Rig,
    /// Epoch and last numbers of each validator, by class.
    sequences: Vec<(u64, [u64; 4])>,
    /// Votes that each honest validator gave.
    votes: [u64; HONEST as usize],
    /// Honest frames that come in the next round.
    coming: Vec<Frame>,
    honest: BTreeSet<Frame>,
    /// Frames of bad validators, and of anybody.
    bad: Vec<(u8, Frame)>,
    known: Vec<Frame>,
    /// Who handed which frame to the director.
    handed: BTreeSet<(PublicKey, Frame)>,
    passed: Vec<(Frame, Vec<PublicKey>)>,
    disk: BTreeMap<(AccountId32, u64), ValidatorVote>,
    recalls: Vec<ValidatorVote>,
    /// Bad ones that were cut off.
    gone: BTreeSet<PublicKey>,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let world = World::new(3, HONEST + BAD).at(200_000);
        let config = Config { seen_capacity: 64, max_recalls: 2, ..config(0) };
        let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
        Self {
            rng: StdRng::seed_from_u64(seed),
            rig: Rig::with(&world, core),
            sequences: vec![(1, [0; 4]); usize::from(HONEST + BAD)],
            votes: [0; HONEST as usize],
            coming: Vec::new(),
            honest: BTreeSet::new(),
            bad: Vec::new(),
            known: Vec::new(),
            handed: BTreeSet::new(),
            passed: Vec::new(),
            disk: BTreeMap::new(),
            recalls: Vec::new(),
            gone: BTreeSet::new(),
        }
    }

    /// Honest frames of the last round with copies of them, misdeeds around both, in any order.
    fn round(&mut self) {
        self.rig.now += self.rng.random_range(0..300);
        let mut batch = Vec::new();
        for frame in std::mem::take(&mut self.coming) {
            batch.extend(self.ways_of(&frame));
            self.known.push(frame.clone());
            self.honest.insert(frame);
        }
        for _ in 0..self.rng.random_range(0..6) {
            let frame = self.honest_frame();
            self.coming.push(frame);
        }
        for _ in 0..self.rng.random_range(0..12) {
            let misdeed = MISDEEDS[self.rng.random_range(0..MISDEEDS.len())];
            batch.extend(self.commit(misdeed));
        }
        batch.shuffle(&mut self.rng);
        // Poison of the same batch, before and after the real one.
        let real: Vec<_> = batch.iter().filter(|r| self.honest.contains(&r.frame)).collect();
        let poison: Vec<_> =
            real.iter().map(|real| from_director(2, &forge(&real.frame))).collect();
        let at = self.rng.random_range(0..=batch.len());
        batch.splice(at..at, poison);
        self.hand_over(batch);
        self.answer_recalls();
    }

    fn end(mut self) {
        self.round();
        self.answer_recalls();
        self.check();
    }

    fn hand_over(&mut self, batch: Vec<Received>) {
        self.handed.extend(batch.iter().map(|r| (r.from, r.frame.clone())));
        let out = self.rig.frames(batch);
        self.take(out);
    }

    fn answer_recalls(&mut self) {
        for vote in std::mem::take(&mut self.recalls) {
            let first = self.disk.get(&(vote.validator.clone(), vote.vote.vote.checkpoint));
            let answer = Input::Recalled { vote, first: first.cloned() };
            let out = self.rig.put(answer);
            self.take(out);
        }
    }

    fn take(&mut self, out: Vec<Output>) {
        self.passed.extend(relayed(&out));
        for output in out {
            match output {
                Output::Remember(vote) => {
                    let slot = (vote.validator.clone(), vote.vote.vote.checkpoint);
                    self.disk.entry(slot).or_insert(vote);
                }
                Output::Replace(vote) => {
                    let slot = (vote.validator.clone(), vote.vote.vote.checkpoint);
                    self.disk.insert(slot, vote);
                }
                Output::Recall(vote) => self.recalls.push(vote),
                Output::Disconnect { peer, .. } => {
                    let honest = (0..HONEST).any(|n| validator_key(n).public() == peer);
                    assert!(!honest, "an honest validator is cut off");
                    self.gone.insert(peer);
                }
                Output::Proven(proof) => {
                    let honest = (0..HONEST).any(|n| checkpoint_key(n).public() == proof.first.key);
                    assert!(!honest, "an honest validator is accused: {proof:?}");
                }
                _ => {}
            }
        }
    }

    /// Over its own connection, over the mesh, or both, and sometimes several times.
    fn ways_of(&mut self, frame: &Frame) -> Vec<Received> {
        let n = self.origin(frame);
        let mut ways = vec![match self.rng.random_range(0..3) {
            0 => from_director(1, frame),
            1 => from_director(2, frame),
            _ => from_validator(n, frame),
        }];
        for _ in 0..self.rng.random_range(0..3) {
            ways.push(self.any_way(n, frame));
        }
        ways
    }

    fn any_way(&mut self, n: u8, frame: &Frame) -> Received {
        match self.rng.random_range(0..4) {
            0 => from_director(1, frame),
            1 => from_director(2, frame),
            2 => from_validator(n, frame),
            // Somebody else's connection.
            _ => Received { from: validator_key(HONEST).public(), ..from_validator(n, frame) },
        }
    }

    fn origin(&self, frame: &Frame) -> u8 {
        let is_origin = |n: &u8| frame.starts_with(&validator_key(*n).public().0);
        (0..HONEST + BAD).find(is_origin).unwrap_or(HONEST)
    }

    /// The next place of a validator.
    fn next(&mut self, n: u8, class: Priority) -> (u64, u64) {
        let (epoch, numbers) = &mut self.sequences[usize::from(n)];
        numbers[class.index()] += 1;
        (*epoch, numbers[class.index()])
    }

    fn honest_frame(&mut self) -> Frame {
        let n = self.rng.random_range(0..HONEST);
        if self.rng.random_range(0..3) == 0 && self.votes[usize::from(n)] < 36 {
            self.votes[usize::from(n)] += 1;
            let checkpoint = FIRST_CHECKPOINT + self.votes[usize::from(n)];
            return self.ballot(n, &vote(n, checkpoint, 0xaa));
        }
        let class = CLASSES[self.rng.random_range(0..CLASSES.len())];
        let (epoch, seq) = self.next(n, class);
        sign(n, envelope(n, class, epoch, seq, b"honest"))
    }

    fn ballot(&mut self, n: u8, vote: &SignedVote) -> Frame {
        let (epoch, seq) = self.next(n, Priority::Critical);
        let envelope = envelope(n, Priority::Critical, epoch, seq, &vote.encode());
        sign(n, Envelope { kind: PayloadKind::CheckpointVote, ..envelope })
    }

    /// Says a frame of a bad validator, from its connection or over the mesh.
    fn say(&mut self, n: u8, frame: Frame) -> Received {
        self.bad.push((n, frame.clone()));
        self.known.push(frame.clone());
        match self.rng.random() {
            true => from_validator(n, &frame),
            false => from_director(2, &frame),
        }
    }

    fn commit(&mut self, misdeed: Misdeed) -> Vec<Received> {
        let n = HONEST + self.rng.random_range(0..BAD);
        match misdeed {
            Misdeed::Poison | Misdeed::Rival | Misdeed::OtherChain => {
                let Some(frame) = pick(&mut self.rng, &self.coming) else { return Vec::new() };
                vec![from_director(2, &self.counterfeit(misdeed, &frame))]
            }
            Misdeed::Replay => {
                let Some(frame) = pick(&mut self.rng, &self.known) else { return Vec::new() };
                let origin = self.origin(&frame);
                vec![self.any_way(origin, &frame)]
            }
            Misdeed::Flood => (0..80).map(|_| self.message_of(n, b"flood")).collect(),
            Misdeed::Resign => {
                let Some((n, frame)) = pick(&mut self.rng, &self.bad) else { return Vec::new() };
                let again = resign(n, &frame, self.rng.random(), self.rng.random_range(0..8));
                vec![self.say(n, again)]
            }
            Misdeed::Malleate => {
                let Some(frame) = pick(&mut self.rng, &self.known) else { return Vec::new() };
                vec![from_director(2, &malleate(&frame))]
            }
            Misdeed::DoubleSign => {
                (0..3).map(|at| self.vote_of(n, FIRST_CHECKPOINT + at)).collect()
            }
            Misdeed::FarAway => HEIGHTS.map(|height| self.vote_of(n, height)).into(),
            Misdeed::Equivocate => {
                let (epoch, seq) = self.next(n, Priority::Normal);
                let message =
                    |text: &[u8]| sign(n, envelope(n, Priority::Normal, epoch, seq, text));
                vec![self.say(n, message(b"one")), self.say(n, message(b"other"))]
            }
            Misdeed::Restart => {
                let epoch = self.sequences[usize::from(n)].0 + self.rng.random_range(0..1 << 50);
                self.sequences[usize::from(n)] = (epoch, [0; 4]);
                vec![self.message_of(n, b"anew")]
            }
            Misdeed::Rubbish => {
                let mut bytes = vec![0; self.rng.random_range(0..300)];
                self.rng.fill(&mut bytes[..]);
                vec![from_director(2, &bytes.clone().into()), from_validator(n, &bytes.into())]
            }
        }
    }

    /// Something that looks like this honest frame and that its origin did not sign.
    fn counterfeit(&mut self, misdeed: Misdeed, frame: &Frame) -> Frame {
        let mut envelope = SignedEnvelope::from_bytes(frame).unwrap().envelope;
        match misdeed {
            Misdeed::Rival => {
                envelope.payload.push(0);
                validator_key(HONEST).envelope(&genesis(), envelope).encode().into()
            }
            Misdeed::OtherChain => {
                let key = validator_key(self.origin(frame));
                key.envelope(&H256::zero(), envelope).encode().into()
            }
            _ => {
                let mut bytes = frame.to_vec();
                let bit = self.rng.random_range(0..bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                bytes.into()
            }
        }
    }

    fn message_of(&mut self, n: u8, text: &[u8]) -> Received {
        let (epoch, seq) = self.next(n, Priority::Normal);
        self.say(n, sign(n, envelope(n, Priority::Normal, epoch, seq, text)))
    }

    /// A bad validator's vote for any block, now and then wrongly signed in an envelope that is right.
    fn vote_of(&mut self, n: u8, checkpoint: u64) -> Received {
        let mut vote = vote(n, checkpoint, self.rng.random_range(0..4));
        if self.rng.random_range(0..4) == 0 {
            vote.signature = Signature::from_raw([9; 64]);
        }
        let frame = self.ballot(n, &vote);
        self.say(n, frame)
    }

    fn check(&self) {
        let mut times: BTreeMap<&[u8], u64> = BTreeMap::new();
        let mut votes: BTreeMap<(PublicKey, u64), u64> = BTreeMap::new();
        let mut convicted = BTreeSet::new();
        let directors = [1, 2].map(|n| director_key(n).public());
        for (frame, to) in &self.passed {
            let SignedEnvelope { envelope, .. } = SignedEnvelope::from_bytes(frame).unwrap();
            assert!(
                SignedEnvelope::from_bytes(frame).unwrap().verify(&genesis()),
                "a forgery passed"
            );
            // The second message for one place, for directors alone: once, and of nobody honest.
            if to.iter().all(|key| directors.contains(key)) {
                assert!(!self.honest.contains(frame) && convicted.insert(envelope.origin));
                continue;
            }
            let mut is_old = false;
            if envelope.kind == PayloadKind::CheckpointVote {
                let vote = SignedVote::decode_all(&mut &envelope.payload[..]).unwrap();
                *votes.entry((envelope.origin, vote.vote.checkpoint)).or_default() += 1;
                is_old = vote.vote.checkpoint < MEMORY_FROM;
            }
            // Of a slot that it forgot, the director knows how many votes it passed on, not which.
            if !is_old {
                *times.entry(&frame[..frame.len() - 64]).or_default() += 1;
            }
            self.check_recipients(frame, &envelope.origin, to);
        }
        assert!(times.values().all(|times| *times == 1), "something passed twice");
        assert_eq!(
            votes.values().max(),
            Some(&2),
            "too many votes for a slot, or nobody signed twice"
        );
        for frame in &self.honest {
            assert!(times.contains_key(&frame[..frame.len() - 64]), "an honest message is lost");
        }
        let stats = self.rig.core.stats();
        assert!(stats.refused.get(Refusal::BadSignature) > 0 && stats.replays_after_eviction > 0);
        assert_eq!(self.gone.len(), usize::from(BAD), "somebody bad is still here");
    }

    /// Everybody but the origin, and but one director if that handed it over.
    fn check_recipients(&self, frame: &Frame, origin: &PublicKey, to: &[PublicKey]) {
        let directors = (1..3).map(|n| director_key(n).public());
        let validators = (0..HONEST + BAD).map(|n| validator_key(n).public());
        let all: BTreeSet<_> = directors.chain(validators).filter(|key| key != origin).collect();
        let to_set: BTreeSet<_> = to.iter().copied().collect();
        assert_eq!(to.len(), to_set.len(), "somebody gets it twice");
        let without: Vec<_> =
            all.difference(&to_set).filter(|key| !self.gone.contains(key)).collect();
        assert!(to_set.is_subset(&all) && without.len() <= 1, "{without:?} do not get it");
        for key in without {
            assert!(self.handed.contains(&(*key, frame.clone())), "{key:?} does not get it");
        }
    }
}
