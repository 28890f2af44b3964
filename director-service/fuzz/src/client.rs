//! Judges what the core of a client does with directors that lie, and validators that sign what they like.
//!
//! The bytes are choices, and each choice an input; what the client's owner answers, connections above all, is as an owner
//! answers. After each input, and at the end:
//!
//! * what is delivered was signed by its origin, which is registered, and is delivered once;
//! * where order is wanted it comes in that order;
//! * only directors of the list are dialed, and nobody is sent anything who is not connected;
//! * what the core has in memory stays within [`MOST_MEMORY`].

use crate::scene::{
    ClientSeals, DIRECTORS, GENESIS, QUIET, VALIDATORS, World, director_key, forged, is_signed,
    seal_heartbeat, signed, validator_account, validator_key,
};
use codec::Encode;
use director_primitives::{
    Answer, Control, Encoding, Envelope, Fetch, Fetched, H256, Heartbeat, PayloadKind, Priority,
    PublicKey, Range, Redirect, RevocationReason, Served, SignedEnvelope, SignedHeartbeat,
    StakeProof, Vector, VectorEntry, VectorSummary, Welcome, runtime_api::ValidatorStatus,
};
use director_primitives_fuzz::{choices::Choices, cost::freeing};
use director_service::{
    client::{
        Config, DirectorAddress, Outbox,
        core::{Core, Input, Output, Proven},
    },
    director::Frame,
    network::{DownReason, MAX_CONTROL_LEN, Multiaddr},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    sync::{Arc, Mutex},
};

/// Most inputs of one run.
const MAX_INPUTS: usize = 400;

/// Bytes that the outbox keeps, and that wait for their turn.
const ROOM: usize = 8 * 1024;

/// Classes whose order is wanted.
const STRICT: [bool; 4] = [true, false, true, false];

/// Memory of a client: for each origin two epochs of four windows of 16,384 numbers, with as much room to grow; outbox and
/// what waits; the room in which payloads are decompressed, and a decompressor.
const MOST_MEMORY: usize =
    VALIDATORS as usize * (2 * 4 * 2 * 16_384 + 16 * 1024) + 4 * ROOM + 1024 * 1024 + 1024 * 1024;

/// Frames that may be said again.
const REMEMBERED: usize = 32;

/// Numbers at which something ends.
const EDGES: [u64; 10] = [0, 1, 2, 63, 64, 16_384, 16_385, 1 << 42, u64::MAX - 1, u64::MAX];

/// A place in an origin's sequence.
type Place = (PublicKey, u64, usize, u64);

fn place(of: &Envelope) -> Place {
    (of.origin, of.epoch, of.class.index(), of.seq)
}

/// Runs a client through what these bytes choose.
pub fn client(bytes: &[u8]) {
    let mut run = Run::new(bytes);
    for _ in 0..MAX_INPUTS {
        if run.choices.is_empty() {
            break;
        }
        run.step();
    }
    let Run { core, outbox, frames, .. } = run;
    drop(frames);
    let held = freeing(|| drop((core, outbox)));
    assert!(held <= MOST_MEMORY, "the client has {held} bytes in memory");
}

/// A client in the middle of its work, and what its owner knows.
struct Run<'a> {
    choices: Choices<'a>,
    core: Core<ClientSeals>,
    outbox: Arc<Mutex<Outbox<ClientSeals>>>,
    now: u64,
    world: World,
    dials: VecDeque<PublicKey>,
    connected: BTreeSet<PublicKey>,
    /// Of these the client wants to be rid.
    leaving: VecDeque<PublicKey>,
    proofs: VecDeque<Proven>,
    frames: Vec<Frame>,
    /// What was rightly signed, by its place.
    signed: HashSet<Place>,
    delivered: HashSet<Place>,
    /// The highest number that was delivered of each sequence.
    last: BTreeMap<(PublicKey, u64, usize), u64>,
}

impl<'a> Run<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let mut choices = Choices::new(bytes);
        let address: Multiaddr = "/ip4/192.0.2.1/tcp/1".parse().expect("an address");
        let director =
            |n| DirectorAddress { peer_key: director_key(n).1, addresses: vec![address.clone()] };
        let directors: Vec<_> = (0..DIRECTORS).map(director).collect();
        let (account, keys) = (validator_account(QUIET), ClientSeals(validator_key(QUIET).1));
        let mut config = Config::new([0; 32], account, GENESIS, directors);
        config.strict = STRICT;
        (config.held_bytes, config.outbox_bytes) = (ROOM, ROOM);
        let outbox = Arc::new(Mutex::new(Outbox::new(keys.clone(), GENESIS, 1, ROOM)));
        let seed = choices.byte().into();
        let core = Core::new(config, keys, outbox.clone(), 0, seed);
        let mut run = Self {
            choices,
            core,
            outbox,
            now: 0,
            world: World::new(),
            dials: VecDeque::new(),
            connected: BTreeSet::new(),
            leaving: VecDeque::new(),
            proofs: VecDeque::new(),
            frames: Vec::new(),
            signed: HashSet::new(),
            delivered: HashSet::new(),
            last: BTreeMap::new(),
        };
        run.put(Input::Finalized(run.world.snapshot()));
        run
    }

    fn put(&mut self, input: Input) {
        let mut out = Vec::new();
        self.core.handle(self.now, input, &mut out);
        for output in out {
            match output {
                Output::Dial { director, addresses } => {
                    let is_gone = self.leaving.contains(&director);
                    assert!(!addresses.is_empty());
                    assert!(is_gone || !self.connected.contains(&director), "it is connected");
                    assert!((0..DIRECTORS).any(|n| director_key(n).1 == director), "who is that?");
                    if !self.dials.contains(&director) {
                        self.dials.push_back(director);
                    }
                }
                Output::Disconnect { director } => self.leaving.push_back(director),
                Output::Send { to, message } => {
                    assert!(self.connected.contains(&to), "{message:?} is for nobody");
                    assert!(message.encode().len() <= MAX_CONTROL_LEN);
                }
                Output::Flush => self.flush(),
                Output::Prove { attempt, registration_id, block, .. } => {
                    let result = Ok(StakeProof::default());
                    let proven = Proven { attempt, registration_id, block, result };
                    // One that is still being made is not wanted any more.
                    self.proofs = [proven].into();
                }
                Output::Deliver(envelope) => self.delivered(&envelope),
                Output::Allow(_) | Output::Tell(_) => {}
            }
        }
    }

    fn flush(&mut self) {
        let (mut outbox, connected) = (self.outbox.lock().expect("one thread"), &self.connected);
        outbox.flush(self.now, &mut |to, _, frame| {
            assert!(is_signed(&frame), "our own message is not signed");
            connected.contains(to)
        });
    }

    fn delivered(&mut self, envelope: &Envelope) {
        let at = place(envelope);
        assert!(self.signed.contains(&at), "nobody signed {envelope:?}");
        assert!(self.delivered.insert(at), "delivered again: {envelope:?}");
        assert_ne!(at.0, validator_key(QUIET).1, "our own words");
        let last = self.last.entry((at.0, at.1, at.2)).or_default();
        assert!(!STRICT[at.2] || *last < at.3, "{at:?} comes after {last}");
        *last = (*last).max(at.3);
    }

    fn step(&mut self) {
        let input = match self.choices.below(24) {
            0 => {
                self.change_the_world();
                Some(Input::Finalized(self.world.snapshot()))
            }
            1..=2 => self.dialed(),
            3 => self.ended(),
            4 => {
                let directors = self.connected.iter().copied().collect();
                Some(Input::Arrived(directors))
            }
            5..=12 => self.director().map(|from| {
                let count = 1 + self.choices.below(4);
                Input::Frames((0..count).map(|_| (from, self.frame())).collect())
            }),
            13..=19 => {
                self.director().map(|from| Input::Control { from, message: self.control(&from) })
            }
            20 => self.proofs.pop_front().map(Input::Proven),
            21 => return self.publish(),
            _ => None,
        };
        let input = input.unwrap_or_else(|| {
            self.now += u64::from(self.choices.byte()) * 8;
            Input::Tick
        });
        self.put(input);
    }

    /// One of those that are connected.
    fn director(&mut self) -> Option<PublicKey> {
        let at = usize::from(self.choices.byte()) % self.connected.len().max(1);
        self.connected.iter().nth(at).copied()
    }

    fn dialed(&mut self) -> Option<Input> {
        let director = self.dials.pop_front()?;
        if self.choices.below(8) == 0 {
            return Some(Input::DialFailed { director, error: "refused".into() });
        }
        self.connected.insert(director);
        Some(Input::Up { director })
    }

    fn ended(&mut self) -> Option<Input> {
        let asked = self.leaving.pop_front().filter(|director| self.connected.contains(director));
        let director = asked.or_else(|| self.director())?;
        self.connected.remove(&director);
        let reason = self.choices.of(&[
            DownReason::Closed,
            DownReason::Silent,
            DownReason::Replaced,
            DownReason::Overflow(Priority::Critical),
            DownReason::OtherProtocol,
        ]);
        Some(Input::Down { director, reason })
    }

    fn publish(&mut self) {
        let payload = self.choices.some_bytes();
        let class = self.choices.of(&Priority::ALL);
        let kind = PayloadKind::Opaque(Default::default());
        let (mut outbox, connected) = (self.outbox.lock().expect("one thread"), &self.connected);
        let mut send = |to: &PublicKey, _, _| connected.contains(to);
        // It may be full.
        let _ = outbox.publish(self.now, kind, class, payload, &mut send);
    }

    /// A later block or an earlier one; somebody is revoked or authorized.
    fn change_the_world(&mut self) {
        let by = u64::from(self.choices.byte());
        self.world.number = match self.choices.below(4) {
            0 => self.world.number.saturating_sub(by),
            _ => self.world.number.saturating_add(by),
        };
        let n = self.choices.below(VALIDATORS);
        self.world.status[usize::from(n)] = self.choices.of(&[
            ValidatorStatus::Authorized,
            ValidatorStatus::Candidate,
            ValidatorStatus::Authorized,
            ValidatorStatus::Revoked,
        ]);
    }

    fn edge(&mut self) -> u64 {
        match self.choices.below(3) {
            0 => self.choices.of(&EDGES),
            1 => self.choices.byte().into(),
            _ => self.choices.number(),
        }
    }

    fn epoch(&mut self) -> u64 {
        if self.choices.below(4) == 0 { self.edge() } else { 1 + u64::from(self.choices.below(3)) }
    }

    fn number(&mut self) -> u64 {
        if self.choices.below(4) == 0 { self.edge() } else { self.choices.below(40).into() }
    }

    /// Somebody whose words may come; our own, too.
    fn origin(&mut self) -> PublicKey {
        match self.choices.below(12) {
            0 => PublicKey::from_raw([self.choices.byte(); 32]),
            n => validator_key(n).1,
        }
    }

    fn frame(&mut self) -> Frame {
        let frame = match self.choices.below(8) {
            0 if !self.frames.is_empty() => self.old_frame(),
            1 if !self.frames.is_empty() => {
                let mut bytes = self.old_frame().to_vec();
                match bytes.is_empty() {
                    true => bytes.push(1),
                    false => self.choices.flip(&mut bytes),
                }
                bytes.into()
            }
            2 => self.choices.some_bytes().into(),
            3 => forged(&self.new_frame()),
            _ => self.new_frame(),
        };
        if let Some(of) = SignedEnvelope::from_bytes(&frame).ok().filter(|_| is_signed(&frame)) {
            self.signed.insert(place(&of.envelope));
        }
        if self.frames.len() >= REMEMBERED {
            self.frames.remove(0);
        }
        self.frames.push(frame.clone());
        frame
    }

    fn old_frame(&mut self) -> Frame {
        let at = usize::from(self.choices.byte()) % self.frames.len();
        self.frames[at].clone()
    }

    fn new_frame(&mut self) -> Frame {
        let kinds = [
            PayloadKind::CheckpointVote,
            PayloadKind::Certificate,
            PayloadKind::BlockAnnouncement,
            PayloadKind::Opaque(Default::default()),
        ];
        let kind = usize::from(self.choices.below(4));
        signed(Envelope {
            origin: self.origin(),
            epoch: self.epoch(),
            class: self.choices.of(&Priority::ALL),
            seq: self.number(),
            kind: kinds[kind].clone(),
            encoding: self.choices.of(&[Encoding::Identity, Encoding::Identity, Encoding::Zstd]),
            payload: self.choices.some_bytes(),
        })
    }

    fn control(&mut self, from: &PublicKey) -> Control {
        match self.choices.below(10) {
            0..=2 => {
                let authorized = self.choices.below(4) != 0;
                Control::Welcome(Welcome { last_epoch: self.edge(), authorized })
            }
            3 => Control::AuthorizationAnswer(self.choices.of(&[
                Answer::Approved { votes: 1, needed: 2 },
                Answer::AlreadyAuthorized,
                Answer::NotRegistered,
                Answer::Denied,
                Answer::Revoked(RevocationReason::Operator),
                Answer::InvalidStakeProof,
                Answer::Unavailable,
            ])),
            4 => Control::Redirect(self.redirect()),
            5 => Control::Move(self.redirect()),
            6 => self.heartbeat(from),
            7 => {
                let entries = self.entries().try_into().unwrap_or_default();
                Control::Vector(Vector { entries, complete: self.choices.coin() })
            }
            8 => {
                let ranges: Vec<_> = (0..self.choices.below(8)).map(|_| self.served()).collect();
                Control::Fetched(Fetched { ranges: ranges.try_into().unwrap_or_default() })
            }
            _ => Control::Fetch(Fetch::default()),
        }
    }

    fn redirect(&mut self) -> Redirect {
        let director = |run: &mut Self| director_key(run.choices.byte()).1;
        let directors: Vec<_> = (0..self.choices.below(5)).map(|_| director(self)).collect();
        Redirect { directors: directors.try_into().unwrap_or_default() }
    }

    fn heartbeat(&mut self, from: &PublicKey) -> Control {
        let vector = match self.choices.coin() {
            true => VectorSummary::Delta(self.entries()),
            false => VectorSummary::Hash(H256::repeat_byte(self.choices.byte())),
        };
        let heartbeat = Heartbeat {
            director: *from,
            time_ms: self.edge(),
            validators: self.choices.byte().into(),
            capacity: self.choices.byte().into(),
            cpu_permille: self.choices.byte().into(),
            bandwidth_bytes_per_s: self.edge(),
            finalized: self.edge(),
            vector,
        };
        let signature = seal_heartbeat(&heartbeat);
        Control::Heartbeat(SignedHeartbeat { heartbeat, signature })
    }

    fn entries(&mut self) -> Vec<VectorEntry> {
        let entry = |run: &mut Self| VectorEntry {
            origin: run.origin(),
            epoch: run.epoch(),
            contiguous: [(); 4].map(|()| run.number()),
        };
        (0..self.choices.below(6)).map(|_| entry(self)).collect()
    }

    fn served(&mut self) -> Served {
        let range = Range {
            origin: self.origin(),
            epoch: self.epoch(),
            class: self.choices.of(&Priority::ALL),
            first: self.number(),
            last: self.number(),
        };
        Served { range, gone_to: self.number(), served_to: self.number() }
    }
}
