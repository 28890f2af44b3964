//! Measures a million votes on their way through detector and store: `cargo xtask bench detector`.
//!
//! 1,000 validators vote at 1,000 checkpoints, each vote new, in batches as signatures are verified; all of
//! it is on disk at the end, which is looked at. Fails if one is not, if a core would not carry 100,000 votes a second, or if the process ever
//! needed more than 256 MiB: what is counted is the processor time of all threads together, so that two
//! cores do not look like a faster one. Signatures are not looked at: a first vote needs none of its own.

use director_primitives::{AccountId32, CheckpointVote, H256, PublicKey, Signature, SignedVote};
use director_service::{
    director::bench::Votes,
    store::{FILE_NAME, Store},
};
use std::{fs, process::ExitCode, time::Instant};
use tokio::runtime::Builder;

const VALIDATORS: u64 = 1_000;
const CHECKPOINTS: u64 = 1_000;

/// Votes that come together.
const BATCH: usize = 256;

/// Bounds.
const LEAST_PER_S: u64 = 100_000;
const MOST_MIB: u64 = 256;

fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let store = Store::open(folder.path()).expect("an empty folder can be used");
    let (history, mut detector) = (store.history(), Votes::new());
    let accounts: Vec<AccountId32> = (0..VALIDATORS).map(account).collect();
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    let (started, cpu) = (Instant::now(), cpu_ms());
    runtime.block_on(async {
        for checkpoint in 1..=CHECKPOINTS {
            detector.finalize(checkpoint);
            for validators in accounts.chunks(BATCH) {
                let mut first = Vec::with_capacity(BATCH);
                for validator in validators {
                    let vote = vote(validator, checkpoint);
                    if detector.judge(validator, &vote) {
                        first.push((validator.clone(), vote));
                    }
                }
                history.remember(first).await.expect("the store is open");
            }
        }
        history.flush().await.expect("the disk takes it");
    });
    let votes = VALIDATORS * CHECKPOINTS;
    let (elapsed_ms, cpu_ms) = (started.elapsed().as_millis() as u64, cpu_ms() - cpu);
    let mib = peak_kib() / 1_024;
    // After the memory is measured: to read all of them at once takes more.
    let found = runtime.block_on(history.recent(u64::MAX)).expect("the disk gives it");
    let (found, lost) = (found.votes.len() as u64, store.health().lost_votes());
    let bytes = fs::metadata(folder.path().join(FILE_NAME)).map_or(0, |file| file.len());
    let per_s = votes * 1_000 / cpu_ms.max(1);
    println!(
        "{votes} votes of {VALIDATORS} validators in {elapsed_ms} ms, {cpu_ms} ms of processor time"
    );
    println!("{per_s} votes/s on one core (at least {LEAST_PER_S})");
    println!("{mib} MiB of memory at most (less than {MOST_MIB})");
    println!("{} bytes of the file for each vote", bytes / votes);
    println!("{found} of them are on disk, {lost} were lost (none may be)");
    match per_s >= LEAST_PER_S && mib < MOST_MIB && found == votes && lost == 0 {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Accounts are hashes: they lie anywhere.
fn account(n: u64) -> AccountId32 {
    let mut bytes = [0; 32];
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes[..8].copy_from_slice(&mixed.to_be_bytes());
    AccountId32::new(bytes)
}

fn vote(validator: &AccountId32, checkpoint: u64) -> SignedVote {
    let key: &[u8; 32] = validator.as_ref();
    SignedVote {
        vote: CheckpointVote { checkpoint, block_hash: H256::from_low_u64_be(checkpoint) },
        key: PublicKey::from_raw(*key),
        signature: Signature::from_raw([7; 64]),
    }
}

/// Processor time of this process, of all its threads.
fn cpu_ms() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let (_, rest) = stat.rsplit_once(')').unwrap_or_default();
    let ticks = rest.split_ascii_whitespace().skip(11).take(2);
    ticks.filter_map(|of| of.parse::<u64>().ok()).sum::<u64>() * 10
}

/// Most memory that it ever had.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
    kib.unwrap_or_default()
}
