//! Measures what heartbeats and vectors cost a director: `cargo xtask bench heartbeats`.
//!
//! One of five directors on a chain with 1,000 validators, 200 of which have it as primary and 200 as standby;
//! a minute of simulated time. The four others are cores as well, which say what they have and hear what it has, 25 ms
//! away. Each validator votes at each checkpoint, every 6 s, all of them within a second, or evenly spread; or nobody
//! says anything. In some cases each director misses one of every other's heartbeats in ten seconds, notices it
//! by the next hash, and asks for all of its vector.
//!
//! Bytes are those of encoded messages, times their recipients, without framing; time is that of the measured core, with
//! signing and verifying, without sockets: for what it says (ticks), and for what it hears (heartbeats, vectors,
//! questions).

use codec::Encode;
use core::{Config, Crypto, Director, Frame, Input, Link, Millis, Output, Rate, Rates, Received};
use director_primitives::{
    Attach, Control, H256, Priority, PublicKey, Role, Signature, SignedHeartbeat, Snapshot,
    VectorSummary, runtime_api::ValidatorInfo, test_utils::TestKey,
};
use director_service::director as core;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use world::*;

#[path = "../src/director/tests/world.rs"]
#[allow(dead_code)]
mod world;

const VALIDATORS: usize = 1_000;
const DIRECTORS: usize = 5;
const SECONDS: u64 = 60;
const CHECKPOINT_MS: u64 = 6_000;

/// Validators that each director has on either kind of seat.
const EACH: usize = VALIDATORS / DIRECTORS;

/// The director that is measured.
const MEASURED: usize = 0;

/// The way from one director to another, in milliseconds.
const WAY_MS: Millis = 25;

/// Milliseconds from one tick of a core to its next.
const TICK_MS: Millis = 50;

/// Heartbeats to a director in that time of which one is lost, if any is.
const LOST_MS: Millis = 10_000;

/// The most that it may cost: of a core, and to the other directors while nothing is lost.
const MOST_PERCENT: f64 = 1.0;
const MOST_KIB_PER_S: f64 = 64.0;

/// Signs, and takes every envelope's signature for right: those are not what is measured.
struct Trusting(TestKey);

impl Crypto for Trusting {
    fn verify_envelopes(&mut self, _: &H256, frames: &[&[u8]]) -> Vec<bool> {
        vec![true; frames.len()]
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.0.sign_bytes(bytes)
    }
}

/// The validators' peer keys.
fn keys() -> Vec<PublicKey> {
    (0..VALIDATORS as u64).map(|n| TestKey::new(20_000 + n).public()).collect()
}

fn snapshot(world: &World, keys: &[PublicKey]) -> Arc<Snapshot> {
    let small = world.snapshot();
    let template = small.validators()[0].clone();
    let validator = |(n, key): (u64, &PublicKey)| ValidatorInfo {
        account: <[u8; 32]>::from(H256::from_low_u64_be(n + 1)).into(),
        registration_id: n,
        peer_key: *key,
        checkpoint_key: TestKey::new(40_000 + n).public(),
        ..template.clone()
    };
    let validators = (0..).zip(keys).map(validator).collect();
    let (domain, directors) = (small.domain.clone(), small.directors.clone());
    Arc::new(Snapshot::new(small.number, small.hash, domain, directors, validators))
}

/// What was sent for heartbeats and vectors.
#[derive(Default)]
struct Sent {
    messages: u64,
    bytes: u64,
}

impl Sent {
    fn add(&mut self, message: &Control, recipients: usize) {
        self.messages += recipients as u64;
        self.bytes += (message.encoded_size() * recipients) as u64;
    }

    fn kib_per_s(&self) -> f64 {
        self.bytes as f64 / 1024.0 / SECONDS as f64
    }

    fn show(&self, whom: &str) -> String {
        let messages = self.messages / SECONDS;
        format!("to {whom} {messages} messages and {:.1} KiB a second", self.kib_per_s())
    }
}

fn is_heartbeat(message: &Control) -> bool {
    matches!(message, Control::Heartbeat(_) | Control::Vector(_) | Control::VectorRequest)
}

/// Whether it says in passing what has changed: who misses that has a wrong picture until the next hash.
fn has_delta(message: &Control) -> bool {
    let Control::Heartbeat(SignedHeartbeat { heartbeat, .. }) = message else { return false };
    matches!(&heartbeat.vector, VectorSummary::Delta(entries) if !entries.is_empty())
}

fn main() {
    for (name, spread_ms) in [
        ("nobody speaks", None),
        ("votes within a second", Some(1_000)),
        ("votes evenly spread", Some(CHECKPOINT_MS)),
    ] {
        // Of what nobody says nothing is lost.
        let cases = if spread_ms.is_some() { &[false, true][..] } else { &[false] };
        for &is_lossy in cases {
            let mut mesh = Mesh::new(is_lossy);
            mesh.run(spread_ms);
            mesh.show(name);
        }
    }
}

/// Five directors and what is under way between them.
struct Mesh {
    cores: Vec<Director<Trusting>>,
    directors: Vec<PublicKey>,
    validators: Vec<PublicKey>,
    /// By the time when it is there: to which director.
    under_way: BTreeMap<Millis, Vec<(usize, Input)>>,
    is_lossy: bool,
    /// When something was last lost on the way from one to another.
    lost_at: [[Millis; DIRECTORS]; DIRECTORS],
    says: Duration,
    hears: Duration,
    to_mesh: Sent,
    to_public: Sent,
    /// Whole vectors that the measured one asked for, and was asked for.
    asked: [u64; 2],
}

impl Mesh {
    /// All are connected to each other and to their validators.
    fn new(is_lossy: bool) -> Self {
        let rate = Rate { messages_per_s: u64::MAX, bytes_per_s: u64::MAX };
        let rates = Rates { classes: [rate; 4], ..Rates::default() };
        let mut world = World::new(DIRECTORS as u8, 1);
        world.capacity = VALIDATORS as u32;
        let validators = keys();
        let snapshot = snapshot(&world, &validators);
        let core = |n: u8| {
            let config = Config { rates, ..config(n) };
            let mut core = Director::new(config, Trusting(director_key(n)), Vec::new());
            core.handle(0, Input::Finalized(snapshot.clone()), &mut Vec::new());
            core
        };
        let mut mesh = Self {
            cores: (0..DIRECTORS as u8).map(core).collect(),
            directors: (0..DIRECTORS as u8).map(|n| director_key(n).public()).collect(),
            validators,
            under_way: BTreeMap::new(),
            is_lossy,
            // Not all at once.
            lost_at: std::array::from_fn(|n| {
                std::array::from_fn(|to| 2_000 * ((n + to) % DIRECTORS) as Millis)
            }),
            says: Duration::ZERO,
            hears: Duration::ZERO,
            to_mesh: Sent::default(),
            to_public: Sent::default(),
            asked: [0; 2],
        };
        for n in 0..DIRECTORS {
            mesh.connect(n);
        }
        // What was said up to here is not what is measured.
        (mesh.to_mesh, mesh.to_public) = Default::default();
        mesh
    }

    fn connect(&mut self, n: usize) {
        for other in (0..DIRECTORS).filter(|other| *other != n) {
            let peer = self.directors[other];
            self.put(0, n, Input::Up { peer, link: Link::Mesh });
        }
        for at in 0..2 * EACH {
            let (peer, link) = (self.validators[(n * EACH + at) % VALIDATORS], Link::Public);
            self.put(0, n, Input::Up { peer, link });
            let role = if at < EACH { Role::Primary } else { Role::Standby };
            let message = Control::Attach(Attach { role, vector: Default::default() });
            self.put(0, n, Input::Control { from: peer, link, message });
        }
    }

    fn run(&mut self, spread_ms: Option<u64>) {
        (self.says, self.hears) = Default::default();
        let mut voted = 0;
        for now in 1..=SECONDS * 1_000 {
            if let Some(spread_ms) = spread_ms {
                let share = (now % CHECKPOINT_MS).min(spread_ms) * VALIDATORS as u64 / spread_ms;
                let due = now / CHECKPOINT_MS * VALIDATORS as u64 + share;
                for at in voted..due {
                    self.vote(now, at as usize % VALIDATORS, at / VALIDATORS as u64 + 1);
                }
                voted = due.max(voted);
            }
            for (to, input) in self.under_way.remove(&now).unwrap_or_default() {
                self.put(now, to, input);
            }
            for n in 0..DIRECTORS {
                // They do not tick together.
                if now % TICK_MS == n as Millis * TICK_MS / DIRECTORS as Millis {
                    self.put(now, n, Input::Tick);
                }
            }
        }
    }

    /// A validator hands its vote to its director.
    fn vote(&mut self, now: Millis, n: usize, seq: u64) {
        let from = self.validators[n];
        let envelope = envelope(0, Priority::Critical, 1, seq, &[7; 216]);
        let envelope = director_primitives::Envelope { origin: from, ..envelope };
        let frame: Frame = TestKey::new(1).envelope(&genesis(), envelope).encode().into();
        let received = Received { from, link: Link::Public, frame };
        self.put(now, n / EACH, Input::Frames(vec![received]));
    }

    fn put(&mut self, now: Millis, n: usize, input: Input) {
        let (is_tick, is_control) =
            (matches!(input, Input::Tick), matches!(input, Input::Control { .. }));
        let mut out = Vec::new();
        let begun = Instant::now();
        self.cores[n].handle(now, input, &mut out);
        let took = begun.elapsed();
        if n == MEASURED && is_tick {
            self.says += took;
        }
        if n == MEASURED && is_control {
            self.hears += took;
        }
        for output in out {
            match output {
                Output::Send { to, link, message } => self.send(now, n, &[to], link, &message),
                Output::SendAll { to, link, message } => self.send(now, n, &to, link, &message),
                Output::Relay { frame, to, .. } => {
                    let from = self.directors[n];
                    let peers = to.iter().filter(|(link, _)| *link == Link::Mesh);
                    for (link, key) in peers {
                        let received = Received { from, link, frame: frame.clone() };
                        self.carry(now, key, Input::Frames(vec![received]));
                    }
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, now: Millis, n: usize, to: &[PublicKey], link: Link, message: &Control) {
        if n == MEASURED && is_heartbeat(message) {
            match link {
                Link::Mesh => self.to_mesh.add(message, to.len()),
                Link::Public => self.to_public.add(message, to.len()),
            }
        }
        if link == Link::Public {
            return;
        }
        for key in to {
            let other = self.number_of(key);
            if matches!(message, Control::VectorRequest) {
                self.asked[0] += u64::from(n == MEASURED);
                self.asked[1] += u64::from(other == MEASURED);
            }
            let lost_at = &mut self.lost_at[n][other];
            if self.is_lossy && has_delta(message) && now >= *lost_at + LOST_MS {
                *lost_at = now;
                continue;
            }
            let from = self.directors[n];
            self.carry(now, key, Input::Control { from, link, message: message.clone() });
        }
    }

    fn carry(&mut self, now: Millis, to: &PublicKey, input: Input) {
        let to = self.number_of(to);
        self.under_way.entry(now + WAY_MS).or_default().push((to, input));
    }

    fn number_of(&self, key: &PublicKey) -> usize {
        self.directors.iter().position(|of| of == key).expect("all of the mesh are here")
    }

    /// # Panics
    ///
    /// If what was to be measured did not happen, or costs more than it may.
    fn show(&self, name: &str) {
        let heard = self.cores[MEASURED].stats().heartbeats_heard;
        assert!(heard >= 4 * 4 * SECONDS, "only {heard} heartbeats of four directors were heard");
        let share = |of: Duration| of.as_secs_f64() / SECONDS as f64 * 100.0;
        let loss = if self.is_lossy { ", a heartbeat in ten seconds is lost" } else { "" };
        let [asks, is_asked] = self.asked;
        println!(
            "{name}{loss}: {:.3} % of a core, {:.3} for what it says and {:.3} for what it hears \
             ({heard} heartbeats, {asks} vectors asked for and {is_asked} told); {}; {}",
            share(self.says + self.hears),
            share(self.says),
            share(self.hears),
            self.to_mesh.show("4 directors"),
            self.to_public.show("400 validators")
        );
        assert!(
            share(self.says + self.hears) < MOST_PERCENT,
            "more than {MOST_PERCENT} % of a core"
        );
        // A vector that is asked for after a loss is beside that.
        let is_within = self.is_lossy || self.to_mesh.kib_per_s() <= MOST_KIB_PER_S;
        assert!(is_within, "more than {MOST_KIB_PER_S} KiB/s to the other directors");
    }
}
