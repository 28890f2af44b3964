//! Any inputs in any order, from anybody, with any numbers in them: the core takes all of them, passes on nothing
//! that its origin did not sign, and proves nothing against who signed once.
//!
//! [`super::storm`] has honest traffic that must get through; here nothing has to make sense. Every failure prints
//! its seed; `INPUTS_SEED=n` runs it alone.

use super::world::*;
use crate::director::{Director, Frame, Input, Link, Output, Received, ValidatorVote};
use codec::{Decode, Encode};
use director_primitives::{
    Answer, Attach, Control, Decision, DirectorVote, DoubleSignProof, Encoding, Envelope, Fetch,
    Fetched, H256, Heartbeat, PayloadKind, Priority, PublicKey, Range, Redirect, RevocationReason,
    Role, Served, Signature, SignedEnvelope, SignedHeartbeat, SignedVote, StakeRefusal, Vector,
    VectorEntry, VectorSummary, Welcome, authorization::first_nonce, runtime_api::ValidatorStatus,
    test_utils::TestKey,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Validators below it sign one block for each checkpoint, the others any.
const HONEST: u8 = 3;
const VALIDATORS: u8 = 6;
const DIRECTORS: u8 = 4;

/// Inputs of one run.
const INPUTS: usize = 600;

/// The longest control message that a connection takes.
const MAX_CONTROL_LEN: usize = 256 * 1024;

/// Numbers at which something ends.
const EDGES: [u64; 12] =
    [0, 1, 2, 3, 63, 64, 4_095, 4_096, 16_384, 1 << 61, u64::MAX - 1, u64::MAX];

#[test]
fn any_inputs_do_no_harm() {
    let (from, runs) = match std::env::var("INPUTS_SEED") {
        Ok(seed) => (seed.parse().unwrap(), 1),
        Err(_) => (u64::from(rand::random::<u32>()), 10),
    };
    for seed in from..from + runs {
        println!("INPUTS_SEED={seed}");
        let mut run = Run::new(seed);
        for _ in 0..INPUTS {
            run.step();
        }
    }
}

struct Run {
    rng: StdRng,
    rig: Rig,
    world: World,
    /// What was said, to be said again.
    frames: Vec<Frame>,
    votes: Vec<ValidatorVote>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let world = World::new(3, VALIDATORS).at(rng.random_range(0..300_000));
        let core = Director::new(config(0), TestCrypto(director_key(0)), Vec::new());
        // Half of them begin before any block is known.
        let rig = if rng.random() { Rig::with(&world, core) } else { Rig::bare(core) };
        Self { rng, rig, world, frames: Vec::new(), votes: Vec::new() }
    }

    fn step(&mut self) {
        let input = self.input();
        let said = input.clone();
        for output in self.rig.put(input) {
            judge(&output, &said);
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.rng.random_range(0..end)
    }

    fn number(&mut self) -> u64 {
        match self.below(3) {
            0 => EDGES[self.below(EDGES.len())],
            1 => self.rng.random(),
            _ => self.rng.random_range(0..100),
        }
    }

    /// A checkpoint near the finalized one, or anywhere.
    fn checkpoint(&mut self) -> u64 {
        let near = (self.world.number / INTERVAL).saturating_sub(100);
        if self.below(4) == 0 { self.number() } else { near + self.rng.random_range(0..120) }
    }

    fn validator(&mut self) -> u8 {
        self.rng.random_range(0..VALIDATORS)
    }

    /// A director's key, a validator's, or nobody's.
    fn somebody(&mut self) -> PublicKey {
        match self.below(8) {
            0 => TestKey::new(self.rng.random_range(0..5)).public(),
            1..=3 => director_key(self.rng.random_range(0..DIRECTORS)).public(),
            _ => validator_key(self.validator()).public(),
        }
    }

    fn link(&mut self) -> Link {
        if self.rng.random() { Link::Mesh } else { Link::Public }
    }

    fn class(&mut self) -> Priority {
        Priority::ALL[self.below(4)]
    }

    fn input(&mut self) -> Input {
        match self.below(64) {
            0..=3 => {
                self.change_the_world();
                Input::Finalized(self.world.snapshot())
            }
            4..=9 => Input::Up { peer: self.somebody(), link: self.link() },
            10..=12 => Input::Down { peer: self.somebody(), link: self.link() },
            13..=34 => {
                let count = 1 + self.below(12);
                Input::Frames((0..count).map(|_| self.received()).collect())
            }
            35..=54 => {
                Input::Control { from: self.somebody(), link: self.link(), message: self.control() }
            }
            55..=56 => {
                let vote = self.some_vote();
                let first = self.rng.random::<bool>().then(|| self.some_vote());
                Input::Recalled { vote, first }
            }
            57 => {
                let request = request(self.validator(), self.world.number);
                let account = validator_account(self.validator());
                let proven = proven(&self.world.snapshot(), &account);
                Input::StakeChecked { request, result: proven.ok_or(StakeRefusal::Invalid) }
            }
            58 => Input::Revoke { validator: validator_account(self.validator()) },
            // Seldom: nothing is as it was afterwards.
            59 if self.below(10) == 0 => Input::Drain,
            _ => {
                self.rig.now += self.rng.random_range(0..3_000);
                Input::Tick
            }
        }
    }

    /// A later block, or an earlier one; somebody is revoked, comes back, or has a new key; directors change.
    fn change_the_world(&mut self) {
        let number = self.world.number;
        self.world.number = match self.below(8) {
            0 => number.saturating_sub(self.rng.random_range(0..50)),
            1 => number + self.rng.random_range(0..200_000),
            _ => number + self.rng.random_range(0..30),
        };
        let statuses = [
            ValidatorStatus::Candidate,
            ValidatorStatus::Authorized,
            ValidatorStatus::Revoked,
            ValidatorStatus::Authorized,
        ];
        let (n, status) = (self.validator(), statuses[self.below(4)]);
        self.world = self.world.clone().status(n, status);
        match self.below(6) {
            0 => {
                // Not of the honest ones: who would sign twice then is hard to say here.
                let n = self.rng.random_range(HONEST..VALIDATORS);
                let key = TestKey::new(5_000 + self.rng.random_range(0..50));
                self.world = self.world.clone().rotate(n, &key);
            }
            1 => {
                let all = self.rng.random_range(1..=DIRECTORS);
                self.world.directors = (0..all).filter(|_| self.rng.random_ratio(7, 8)).collect();
            }
            2 => self.world.capacity = self.rng.random_range(0..4),
            _ => {}
        }
    }

    fn received(&mut self) -> Received {
        let frame = self.frame();
        self.frames.push(frame.clone());
        Received { from: self.somebody(), link: self.link(), frame }
    }

    fn frame(&mut self) -> Frame {
        match self.below(8) {
            0 if !self.frames.is_empty() => self.old_frame(),
            1 if !self.frames.is_empty() => {
                let mut bytes = self.old_frame().to_vec();
                let at = self.below(bytes.len().max(1));
                let bit = 1 << self.below(8);
                match bytes.get_mut(at) {
                    Some(byte) => *byte ^= bit,
                    None => bytes.push(bit),
                }
                bytes.into()
            }
            2 => {
                let mut bytes = vec![0; self.below(300)];
                self.rng.fill(&mut bytes[..]);
                bytes.into()
            }
            _ => {
                let n = self.validator();
                let envelope = self.envelope(n);
                sign(n, envelope)
            }
        }
    }

    fn old_frame(&mut self) -> Frame {
        let at = self.below(self.frames.len());
        self.frames[at].clone()
    }

    fn envelope(&mut self, n: u8) -> Envelope {
        let small = self.rng.random_range(1..40);
        let (epoch, seq) = match self.below(4) {
            0 => (self.number(), self.number()),
            _ => (1, small),
        };
        let class = self.class();
        let mut payload = vec![7; self.below(200)];
        let mut kind = PayloadKind::Opaque(Default::default());
        if self.rng.random() {
            kind = PayloadKind::CheckpointVote;
            // Somebody else's vote, now and then.
            let of = if self.below(8) == 0 { self.validator() } else { n };
            payload = self.vote_of(of).encode();
        }
        let encoding = if self.below(16) == 0 { Encoding::Zstd } else { Encoding::Identity };
        Envelope { kind, encoding, ..envelope(n, class, epoch, seq, &payload) }
    }

    /// Honest ones have one block for each checkpoint. A signature that nobody made may be anybody's.
    fn vote_of(&mut self, n: u8) -> SignedVote {
        let checkpoint = self.checkpoint();
        let is_forged = self.below(8) == 0;
        let hash = if n < HONEST && !is_forged { 0xaa } else { self.rng.random_range(0xa8..0xad) };
        let mut vote = vote(n, checkpoint, hash);
        if is_forged {
            vote.signature = Signature::from_raw([9; 64]);
        }
        self.votes.push(ValidatorVote { validator: validator_account(n), vote });
        vote
    }

    fn some_vote(&mut self) -> ValidatorVote {
        let n = self.validator();
        self.vote_of(n);
        let at = self.below(self.votes.len());
        self.votes[at].clone()
    }

    fn control(&mut self) -> Control {
        match self.below(13) {
            0 => Control::Welcome(Welcome { last_epoch: self.number(), authorized: true }),
            1 => {
                let number = self.world.number.saturating_add(self.below(20) as u64);
                let mut request = request(self.validator(), number.saturating_sub(10));
                request.request.timestamp_ms = self.number();
                Control::AuthorizationRequest(application(request))
            }
            2 => Control::AuthorizationAnswer(Answer::Approved { votes: 1, needed: u32::MAX }),
            3 => self.director_vote(),
            4 => self.evidence(),
            5 => self.heartbeat(),
            6 => {
                Control::Redirect(Redirect { directors: vec![self.somebody()].try_into().unwrap() })
            }
            7 => {
                let role = if self.rng.random() { Role::Primary } else { Role::Standby };
                Control::Attach(Attach { role, vector: self.entries().try_into().unwrap() })
            }
            8 => Control::Vector(Vector {
                entries: self.entries().try_into().unwrap(),
                complete: self.rng.random(),
            }),
            9 => Control::VectorRequest,
            10 => {
                let ranges: Vec<_> = (0..self.below(130)).map(|_| self.range()).collect();
                Control::Fetch(Fetch { ranges: ranges.try_into().unwrap_or_default() })
            }
            11 => {
                let ranges: Vec<_> = (0..self.below(20)).map(|_| self.served()).collect();
                Control::Fetched(Fetched { ranges: ranges.try_into().unwrap() })
            }
            _ => Control::Move(Redirect::default()),
        }
    }

    fn director_vote(&mut self) -> Control {
        let n = self.rng.random_range(0..DIRECTORS);
        let decisions = [
            Decision::Approve,
            Decision::Revoke(RevocationReason::Operator),
            Decision::Revoke(RevocationReason::DoubleSign),
        ];
        let of = self.validator();
        let near = first_nonce(self.world.number).saturating_add(self.below(5) as u64);
        let vote = DirectorVote {
            validator: validator_account(of),
            registration_id: u64::from(of) + 1,
            decision: decisions[self.below(3)],
            nonce: if self.below(4) == 0 { self.number() } else { near },
            valid_until: if self.below(4) == 0 { self.number() } else { u64::MAX },
        };
        let signer = if self.below(8) == 0 { 0 } else { n };
        let signed = director_key(signer).director_vote(&genesis(), director_account(n), vote);
        Control::DirectorVote(signed)
    }

    /// Of votes that were given, honest ones included, put together in any way.
    fn evidence(&mut self) -> Control {
        let votes = [self.some_vote(), self.some_vote()].map(|of| of.vote);
        let of_bad = {
            let n = self.rng.random_range(HONEST..VALIDATORS);
            let checkpoint = self.checkpoint();
            [vote(n, checkpoint, 1), vote(n, checkpoint, 2)]
        };
        let [first, second] = if self.rng.random() { votes } else { of_bad };
        let genesis_hash = if self.below(8) == 0 { H256::zero() } else { genesis() };
        Control::Evidence(DoubleSignProof { genesis_hash, first, second })
    }

    fn heartbeat(&mut self) -> Control {
        let n = self.rng.random_range(0..DIRECTORS);
        let vector = match self.rng.random() {
            true => VectorSummary::Delta(self.entries()),
            false => VectorSummary::Hash(H256::repeat_byte(self.rng.random())),
        };
        let heartbeat = Heartbeat {
            director: director_key(n).public(),
            time_ms: self.number(),
            validators: self.rng.random(),
            capacity: self.rng.random(),
            cpu_permille: self.rng.random(),
            bandwidth_bytes_per_s: self.number(),
            finalized: self.number(),
            vector,
        };
        let signer = if self.below(8) == 0 { 0 } else { n };
        let signature = director_key(signer).sign(&genesis(), &heartbeat);
        Control::Heartbeat(SignedHeartbeat { heartbeat, signature })
    }

    fn entries(&mut self) -> Vec<VectorEntry> {
        let count = self.below(8);
        let mut entries = Vec::new();
        for _ in 0..count {
            let epoch = if self.below(3) == 0 { self.number() } else { 1 };
            let contiguous = std::array::from_fn(|_| self.number());
            entries.push(VectorEntry { origin: self.somebody(), epoch, contiguous });
        }
        entries
    }

    fn range(&mut self) -> Range {
        let epoch = if self.below(3) == 0 { self.number() } else { 1 };
        let (first, last) = (self.number(), self.number());
        Range { origin: self.somebody(), epoch, class: self.class(), first, last }
    }

    fn served(&mut self) -> Served {
        Served { range: self.range(), gone_to: self.number(), served_to: self.number() }
    }
}

fn judge(output: &Output, said: &Input) {
    let is_signed = |frame: &Frame| {
        let signed = SignedEnvelope::from_bytes(frame);
        assert!(signed.is_ok_and(|of| of.verify(&genesis())), "a forgery is passed on: {said:?}");
    };
    match output {
        Output::Relay { frame, .. } => is_signed(frame),
        Output::Replay { frames, .. } => frames.iter().for_each(|(_, frame)| is_signed(frame)),
        Output::Proven(proof) => {
            for vote in [&proof.first, &proof.second] {
                let honest = (0..HONEST).any(|n| checkpoint_key(n).public() == vote.key);
                assert!(!honest, "who signed once is accused: {proof:?}, after {said:?}");
                assert!(vote.verify(&genesis()), "{proof:?} proves nothing, after {said:?}");
            }
        }
        Output::Send { message, .. } | Output::SendAll { message, .. } => {
            let bytes = message.encode();
            assert!(bytes.len() <= MAX_CONTROL_LEN, "{} bytes after {said:?}", bytes.len());
            assert_eq!(Control::decode(&mut &bytes[..]).as_ref(), Ok(message));
        }
        Output::SubmitVotes { votes, .. } => {
            for vote in votes {
                let signed = (0..DIRECTORS).any(|n| {
                    director_account(n) == vote.director
                        && vote.verify(&genesis(), &director_key(n).public())
                });
                assert!(signed, "{vote:?} is submitted after {said:?}");
            }
        }
        _ => {}
    }
}
