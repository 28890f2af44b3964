//! Measures the store: `cargo bench --workspace --bench store`.
//!
//! What is written is on disk at the end of each measurement: mostly the disk is measured.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use director_primitives::{
    AccountId32, CheckpointVote, H256, PublicKey, Signature, SignedVote,
    test_utils::{TestKey, double_sign},
};
use director_service::store::{FILE_NAME, History, Record, State, Store};
use std::{fs, hint::black_box, time::Duration};
use tokio::runtime::{Builder, Runtime};

const VALIDATORS: u8 = 21;

/// Checkpoints in the file that votes are read back from: a day of them.
const CHECKPOINTS: u64 = 1_000;

/// Checkpoints in the files that are opened after a crash: a day of them, and seven weeks.
const CRASHED: [u64; 2] = [1_000, 50_000];

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20)
        .configure_from_args();
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    remember(&mut criterion, &runtime);
    first(&mut criterion, &runtime);
    put(&mut criterion, &runtime);
    open_after_crash(&mut criterion, &runtime);
    criterion.final_summary();
}

fn account(n: u8) -> AccountId32 {
    AccountId32::new([n; 32])
}

/// Everybody's vote; the store does not look at signatures.
fn votes(checkpoint: u64) -> Vec<(AccountId32, SignedVote)> {
    let vote = |n: u8| SignedVote {
        vote: CheckpointVote { checkpoint, block_hash: H256::from_low_u64_be(checkpoint) },
        key: PublicKey::from_raw([n; 32]),
        signature: Signature::from_raw([n; 64]),
    };
    (0..VALIDATORS).map(|n| (account(n), vote(n))).collect()
}

fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(folder.path()).expect("an empty folder can be used")
}

/// Writes everybody's votes at so many checkpoints; they are on disk when this returns.
async fn fill(history: &History, checkpoints: u64) {
    for checkpoint in 1..=checkpoints {
        history.remember(votes(checkpoint)).await.expect("the store is open");
    }
    history.flush().await.expect("the store is open");
}

/// The votes of a checkpoint, from the mailbox to the disk.
fn remember(criterion: &mut Criterion, runtime: &Runtime) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let store = open(&folder);
    let history = store.history();
    let mut checkpoint = 0;
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(VALIDATORS.into()));
    group.bench_function(BenchmarkId::new("remember", VALIDATORS), |b| {
        b.iter(|| {
            checkpoint += 1;
            runtime.block_on(async {
                history.remember(votes(checkpoint)).await.expect("the store is open");
                history.flush().await.expect("the store is open");
            })
        })
    });
    group.finish();
    runtime.block_on(store.close());
}

/// A first vote, read back as for one that is older than the memory.
fn first(criterion: &mut Criterion, runtime: &Runtime) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let store = open(&folder);
    let history = store.history();
    runtime.block_on(fill(&history, CHECKPOINTS));
    let mut n = 0;
    criterion.bench_function("store/first", |b| {
        b.iter(|| {
            n = (n + 617) % CHECKPOINTS;
            let vote = runtime.block_on(history.first(account((n % 21) as u8), n + 1));
            assert!(black_box(vote).is_ok_and(|vote| vote.is_some()));
        })
    });
    runtime.block_on(store.close());
}

/// A proof into the outbox, on disk.
fn put(criterion: &mut Criterion, runtime: &Runtime) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let store = open(&folder);
    let outbox = store.outbox();
    let proof = double_sign(&TestKey::new(1), H256::repeat_byte(7), 10);
    let mut block = 0;
    criterion.bench_function("store/outbox_put", |b| {
        b.iter(|| {
            block += 1;
            let state = State::Submitted { block };
            let record =
                Record { proof, state, proven_at_ms: 1, changed_at_ms: block, known_block: 0 };
            runtime.block_on(outbox.put(record)).expect("the store is open");
        })
    });
    runtime.block_on(store.close());
}

/// Opens what a director leaves that was killed while it wrote.
fn open_after_crash(criterion: &mut Criterion, runtime: &Runtime) {
    let mut group = criterion.benchmark_group("store/open_after_crash");
    group.sample_size(10);
    for checkpoints in CRASHED {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let store = open(&folder);
        let history = store.history();
        runtime.block_on(fill(&history, checkpoints));
        // The file of a store that is open is that of one that has crashed.
        let crashed = || {
            let left = tempfile::tempdir().expect("there is room for a folder");
            let [from, to] = [&folder, &left].map(|folder| folder.path().join(FILE_NAME));
            fs::copy(from, to).expect("there is room for a copy");
            left
        };
        let megabytes =
            fs::metadata(folder.path().join(FILE_NAME)).map_or(0, |of| of.len() / 1_000_000);
        let id = BenchmarkId::new(format!("{megabytes} MB"), checkpoints * u64::from(VALIDATORS));
        group.bench_function(id, |b| {
            b.iter_batched(crashed, |left| (open(&left), left), BatchSize::PerIteration)
        });
        runtime.block_on(store.close());
    }
    group.finish();
}
