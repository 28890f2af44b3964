//! Measures what heartbeats and vectors cost a director: `cargo xtask bench heartbeats`.
//!
//! One of five directors on a chain with 1,000 validators, 200 of which have it as primary and 200 as standby;
//! a minute of simulated time. Each validator votes at each checkpoint, every 6 s, all of them within a second, or
//! evenly spread; or nobody says anything. Bytes are those of encoded messages, times their recipients, without
//! framing; time is that of the core, with signing, without sockets.

use codec::Encode;
use core::{Config, Crypto, Director, Frame, Input, Link, Output, Rate, Rates, Received};
use director_primitives::{
    Attach, Control, H256, Priority, PublicKey, Role, Signature, Snapshot, Vector,
    runtime_api::ValidatorInfo, test_utils::TestKey,
};
use director_service::director as core;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use world::*;

#[path = "../src/director/tests/world.rs"]
#[allow(dead_code)]
mod world;

const VALIDATORS: u64 = 1_000;
const SECONDS: u64 = 60;
const CHECKPOINT_MS: u64 = 6_000;

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

fn key(n: u64) -> PublicKey {
    TestKey::new(20_000 + n).public()
}

fn snapshot(world: &World) -> Arc<Snapshot> {
    let small = world.snapshot();
    let template = small.validators()[0].clone();
    let validator = |n: u64| ValidatorInfo {
        account: <[u8; 32]>::from(H256::from_low_u64_be(n + 1)).into(),
        registration_id: n,
        peer_key: key(n),
        checkpoint_key: TestKey::new(40_000 + n).public(),
        ..template.clone()
    };
    let validators = (0..VALIDATORS).map(validator).collect();
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

    fn show(&self, whom: &str) -> String {
        let (messages, bytes) = (self.messages / SECONDS, self.bytes / SECONDS);
        format!("to {whom} {messages} messages and {:.1} KiB a second", bytes as f64 / 1024.0)
    }
}

fn is_heartbeat(message: &Control) -> bool {
    matches!(message, Control::Heartbeat(_) | Control::Vector(_))
}

fn main() {
    for (name, spread_ms) in [
        ("nobody speaks", None),
        ("votes within a second", Some(1_000)),
        ("votes evenly spread", Some(CHECKPOINT_MS)),
    ] {
        measure(name, spread_ms);
    }
}

fn measure(name: &str, spread_ms: Option<u64>) {
    let rate = Rate { messages_per_s: u64::MAX, bytes_per_s: u64::MAX };
    let rates = Rates { classes: [rate; 4], ..Rates::default() };
    let mut world = World::new(5, 1);
    world.capacity = 1_000;
    let config = Config { rates, ..config(0) };
    let mut director = Director::new(config, Trusting(director_key(0)), Vec::new());
    let mut out = Vec::new();
    director.handle(0, Input::Finalized(snapshot(&world)), &mut out);
    for n in 1..5 {
        let peer = director_key(n).public();
        director.handle(0, Input::Up { peer, link: Link::Mesh }, &mut out);
        let message = Control::Vector(Vector { entries: Default::default(), complete: true });
        director.handle(0, Input::Control { from: peer, link: Link::Mesh, message }, &mut out);
    }
    for n in 0..400 {
        let (peer, link) = (key(n), Link::Public);
        director.handle(0, Input::Up { peer, link }, &mut out);
        let role = if n < 200 { Role::Primary } else { Role::Standby };
        let message = Control::Attach(Attach { role, vector: Default::default() });
        director.handle(0, Input::Control { from: peer, link, message }, &mut out);
    }
    out.clear();
    let (mut mesh, mut public, mut took) = (Sent::default(), Sent::default(), Duration::ZERO);
    let mut voted = 0;
    for now in 1..=SECONDS * 1_000 {
        let round = now / CHECKPOINT_MS;
        if let Some(spread_ms) = spread_ms {
            let share = (now % CHECKPOINT_MS).min(spread_ms) * VALIDATORS / spread_ms;
            let due = round * VALIDATORS + share;
            let frames = (voted..due).map(|at| vote(at % VALIDATORS, at / VALIDATORS + 1));
            let frames: Vec<_> = frames.collect();
            voted = due.max(voted);
            director.handle(now, Input::Frames(frames), &mut out);
            out.clear();
        }
        if now % 50 == 0 {
            let begun = Instant::now();
            director.handle(now, Input::Tick, &mut out);
            took += begun.elapsed();
        }
        for output in out.drain(..) {
            match output {
                Output::Send { link: Link::Mesh, message, .. } if is_heartbeat(&message) => {
                    mesh.add(&message, 1);
                }
                Output::Send { message, .. } if is_heartbeat(&message) => public.add(&message, 1),
                Output::SendAll { to, link, message } if is_heartbeat(&message) => match link {
                    Link::Mesh => mesh.add(&message, to.len()),
                    Link::Public => public.add(&message, to.len()),
                },
                _ => {}
            }
        }
    }
    let share = took.as_secs_f64() / SECONDS as f64 * 100.0;
    println!(
        "{name}: {share:.3} % of a core; {}; {}",
        mesh.show("4 directors"),
        public.show("400 validators")
    );
}

fn vote(n: u64, seq: u64) -> Received {
    let envelope = envelope(0, Priority::Critical, 1, seq, &[7; 216]);
    let envelope = director_primitives::Envelope { origin: key(n), ..envelope };
    let frame: Frame = TestKey::new(1).envelope(&genesis(), envelope).encode().into();
    Received { from: director_key(1).public(), link: Link::Mesh, frame }
}
