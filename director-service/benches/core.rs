//! Measures the core and its parts: `cargo bench --workspace --bench core`.
//!
//! Everything runs on one thread. Frames have 216 bytes of payload, as a checkpoint vote and what goes
//! with it, and come from 21 validators in turn.

use codec::Encode;
use core::{Config, Crypto, Director, Frame, Input, Link, Rate, Rates, Received};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use director_primitives::{
    H256, Priority, Signature, SignedEnvelope, envelope::fingerprint, test_utils::TestKey,
};
use director_service::{
    director::{self as core, bench},
    network, service,
};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use world::*;

#[path = "../src/director/tests/world.rs"]
#[allow(dead_code)]
mod world;

const PAYLOAD: [u8; 216] = [7; 216];
const VALIDATORS: u8 = 21;

/// Frames that are made ahead: signing costs more than most of what is measured.
const STOCK: u64 = 8_192;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20)
        .configure_from_args();
    handle(&mut criterion);
    verify(&mut criterion);
    seen(&mut criterion);
    window(&mut criterion);
    frame(&mut criterion);
    queue(&mut criterion);
    criterion.final_summary();
}

/// Frames of all validators in turn, as they come over their own connections.
fn stock() -> Vec<Received> {
    let keys: Vec<_> = (0..VALIDATORS).map(validator_key).collect();
    let received = |at: u64| {
        let n = (at % u64::from(VALIDATORS)) as u8;
        let seq = at / u64::from(VALIDATORS) + 1;
        let envelope = envelope(n, Priority::Critical, 1, seq, &PAYLOAD);
        let key: &TestKey = &keys[usize::from(n)];
        let frame: Frame = key.envelope(&genesis(), envelope).encode().into();
        Received { from: key.public(), link: Link::Public, frame }
    };
    (0..STOCK).map(received).collect()
}

/// Says yes to every signature, so that only the core's own work is left.
struct Trusting;

impl Crypto for Trusting {
    fn verify_envelopes(&mut self, _: &H256, frames: &[&[u8]]) -> Vec<bool> {
        vec![true; frames.len()]
    }

    fn sign(&self, _: &[u8]) -> Signature {
        Signature::from_raw([0; 64])
    }
}

/// A director of three with everybody connected, that lets everybody say everything.
fn director<C: Crypto>(crypto: C) -> Director<C> {
    let rate = Rate { messages_per_s: u64::MAX, bytes_per_s: u64::MAX };
    let rates = Rates { classes: [rate; 4], ..Rates::default() };
    let mut director = Director::new(Config { rates, ..config(0) }, crypto, Vec::new());
    let mut out = Vec::new();
    director.handle(0, Input::Finalized(World::new(3, VALIDATORS).snapshot()), &mut out);
    for n in 1..3 {
        let peer = director_key(n).public();
        director.handle(0, Input::Up { peer, link: Link::Mesh }, &mut out);
    }
    for n in 0..VALIDATORS {
        let peer = validator_key(n).public();
        director.handle(0, Input::Up { peer, link: Link::Public }, &mut out);
    }
    director
}

/// How long so many batches take, of frames that are all new.
fn time_batches<C: Crypto>(
    iters: u64,
    size: usize,
    stock: &[Received],
    crypto: impl Fn() -> C,
) -> Duration {
    let mut total = Duration::ZERO;
    let mut left = iters;
    let mut out = Vec::new();
    while left > 0 {
        let mut director = director(crypto());
        for batch in stock.chunks_exact(size).take(left.try_into().unwrap_or(usize::MAX)) {
            let input = Input::Frames(batch.to_vec());
            let start = Instant::now();
            director.handle(0, input, &mut out);
            total += start.elapsed();
            assert_eq!(out.len(), size, "everything is passed on");
            out.clear();
            left -= 1;
        }
    }
    total
}

/// A batch through the whole core: with real signatures, and without for the core's own part of it.
fn handle(criterion: &mut Criterion) {
    let stock = stock();
    let mut group = criterion.benchmark_group("handle");
    for size in [1, 32, 256] {
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("signed", size), |b| {
            b.iter_custom(|iters| time_batches(iters, size, &stock, || service::bench::crypto(256)))
        });
        group.bench_function(BenchmarkId::new("core_alone", size), |b| {
            b.iter_custom(|iters| time_batches(iters, size, &stock, || Trusting))
        });
    }
    group.finish();
}

fn verify(criterion: &mut Criterion) {
    let stock = stock();
    let mut group = criterion.benchmark_group("verify");
    for size in [1, 32, 128, 256, 512] {
        let frames: Vec<&[u8]> = stock[..size].iter().map(|received| &*received.frame).collect();
        let mut crypto = service::bench::crypto(size);
        assert!(crypto.verify_envelopes(&genesis(), &frames).iter().all(|good| *good));
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| crypto.verify_envelopes(&genesis(), black_box(&frames)))
        });
    }
    group.finish();
}

/// A fingerprint that looks like a hash.
fn mark(n: u64) -> [u8; 32] {
    let mut mark = [0; 32];
    mark[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    mark
}

fn seen(criterion: &mut Criterion) {
    const CAPACITY: u64 = 10_000;
    let mut cache = bench::Cache::new(CAPACITY as usize);
    (0..CAPACITY).for_each(|n| assert!(cache.insert(mark(n))));
    let mut n = 0;
    criterion.bench_function("seen/touch_known", |b| {
        b.iter(|| {
            n = (n + 7_919) % CAPACITY;
            cache.touch(black_box(&mark(n)))
        })
    });
    let mut n = CAPACITY;
    criterion.bench_function("seen/touch_unknown_and_insert", |b| {
        b.iter(|| {
            n += 1;
            let mark = mark(n);
            !cache.touch(black_box(&mark)) && cache.insert(mark)
        })
    });
}

fn window(criterion: &mut Criterion) {
    let origins: Vec<_> = (0..VALIDATORS).map(|n| validator_key(n).public()).collect();
    let mut windows = bench::Sequences::new();
    let body = envelope(0, Priority::Critical, 1, 1, &PAYLOAD).encode();
    let mut n = 0;
    criterion.bench_function("window/take", |b| {
        b.iter(|| {
            n += 1;
            let origin = &origins[n % origins.len()];
            windows.take(origin, (n / origins.len()) as u64 + 1, black_box(&body))
        })
    });
}

fn frame(criterion: &mut Criterion) {
    let frame = message(0, 1, &PAYLOAD);
    let envelope = SignedEnvelope::from_bytes(&frame).expect("it was made a line ago");
    criterion.bench_function("envelope/encode", |b| b.iter(|| black_box(&envelope).encode()));
    criterion.bench_function("envelope/fingerprint", |b| b.iter(|| fingerprint(black_box(&frame))));
}

/// Frames for one peer into its queue and out again in full writes.
fn queue(criterion: &mut Criterion) {
    const FRAMES: usize = 1_024;
    let frame = message(0, 1, &PAYLOAD);
    let bytes = (FRAMES * frame.len()) as u64;
    let mut group = criterion.benchmark_group("queue");
    group.throughput(Throughput::Elements(FRAMES as u64));
    group.bench_function("push_1024", |b| {
        b.iter_batched_ref(
            || network::bench::Queue::new(1 << 20),
            |queue| (0..FRAMES).all(|_| queue.push(Priority::Critical, frame.clone())),
            BatchSize::SmallInput,
        )
    });
    let full = || {
        let mut queue = network::bench::Queue::new(1 << 20);
        assert!((0..FRAMES).all(|_| queue.push(Priority::Critical, frame.clone())));
        queue
    };
    let mut write = Vec::with_capacity(16 * 1024);
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("fill_writes_of_16_kib", |b| {
        b.iter_batched_ref(
            full,
            |queue| {
                let mut finished = 0;
                while finished < FRAMES as u64 {
                    write.clear();
                    finished += queue.fill(&mut write);
                    black_box(&write);
                }
            },
            BatchSize::SmallInput,
        )
    });
    group.finish();
}
