//! What an operator learns of the file, and how long it gets.

use super::{FILE_NAME, account, record, vote};
use crate::store::{Contents, State, Store, StoreError, check, compact, proofs};
use director_primitives::{AccountId32, SignedVote};
use std::fs::metadata;
use tempfile::tempdir;

/// Votes of so many validators at so many checkpoints, as they come: checkpoint after checkpoint.
async fn fill(store: &Store, validators: u8, checkpoints: std::ops::Range<u64>) {
    let same: SignedVote = vote(1, 1);
    for checkpoint in checkpoints {
        let of = |n| {
            (AccountId32::new([n; 32]), {
                let mut vote = same;
                vote.vote.checkpoint = checkpoint;
                vote
            })
        };
        store.history().remember((0..validators).map(of).collect()).await.unwrap();
    }
    store.history().flush().await.unwrap();
}

#[tokio::test]
async fn a_sound_file_is_counted_and_made_shorter() {
    let folder = tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    fill(&store, 100, 0..200).await;
    let _ = store.outbox().put(record(1, State::Proven)).await;
    let error = check(folder.path(), |_, _| ()).unwrap_err();
    assert!(matches!(error, StoreError::Locked(_)), "{error}");
    store.history().prune(150).await.unwrap();
    store.close().await;

    let mut told = Vec::new();
    let report = check(folder.path(), |done, total| told.push((done, total))).unwrap();
    assert_eq!(told, [0, 1_000, 2_000, 3_000, 4_000].map(|done| (done, 5_000)));
    let checkpoints = Some((150, 199));
    assert_eq!(report.contents, Contents { votes: 5_000, checkpoints, proofs: 1, unreadable: 0 });
    assert!(report.is_sound);
    let (before, after) = compact(folder.path()).unwrap();
    assert!(after < before, "{before} {after}");
    let store = Store::open(folder.path()).unwrap();
    assert!(store.history().first(account(7), 199).await.unwrap().is_some());
}

#[tokio::test]
async fn a_vote_takes_as_much_room_as_operators_are_told() {
    let folder = tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    // A history that is full and goes on: what is pruned makes room.
    for checkpoint in 0..600 {
        fill(&store, 100, checkpoint..checkpoint + 1).await;
        store.history().prune(checkpoint.saturating_sub(299)).await.unwrap();
    }
    store.close().await;
    let report = check(folder.path(), |_, _| ()).unwrap();
    assert_eq!(report.contents.votes, 30_000);
    let file = metadata(folder.path().join(FILE_NAME)).unwrap().len();
    println!("{} bytes a vote", file / report.contents.votes);
    // How the file is filled depends on how many votes a batch has.
    assert!((150..400).contains(&(file / report.contents.votes)), "{file}");
}

#[tokio::test]
async fn proofs_are_read_from_a_store_that_nobody_has_open() {
    let folder = tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let records = [record(1, State::Proven), record(2, State::Finalized { block: 7 })];
    for record in &records {
        store.outbox().put(record.clone()).await.unwrap();
    }
    assert!(matches!(proofs(folder.path()).unwrap_err(), StoreError::Locked(_)));
    store.close().await;
    let mut found = proofs(folder.path()).unwrap();
    found.sort_by_key(|of| of.proof.first.vote.checkpoint);
    assert_eq!(found, records);
}

#[test]
fn there_must_be_a_file() {
    let folder = tempdir().unwrap();
    let error = check(folder.path(), |_, _| ()).unwrap_err().to_string();
    assert!(error.contains(FILE_NAME), "{error}");
    assert!(compact(folder.path()).is_err());
}
