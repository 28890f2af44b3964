//! What survives, and what is said when the file cannot be used.
#![allow(clippy::unwrap_used)]

mod disk;
pub(crate) mod faulty;
mod late;
mod upkeep;

use super::{FILE_NAME, History, Recent, Record, State, Store, StoreError};
use codec::{DecodeAll, Encode};
use director_primitives::{AccountId32, H256, SignedVote, test_utils::TestKey};
use tempfile::{TempDir, tempdir};

fn account(n: u8) -> AccountId32 {
    AccountId32::new([n; 32])
}

fn vote(checkpoint: u64, hash: u8) -> SignedVote {
    TestKey::new(1).vote(&H256::zero(), checkpoint, H256::repeat_byte(hash))
}

fn record(checkpoint: u64, state: State) -> Record {
    let proof =
        director_primitives::test_utils::double_sign(&TestKey::new(1), H256::zero(), checkpoint);
    Record { proof, state, proven_at_ms: 1, changed_at_ms: 2, known_block: 3 }
}

async fn with_votes(folder: &TempDir, votes: &[(AccountId32, SignedVote)]) -> (Store, History) {
    let store = Store::open(folder.path()).unwrap();
    let history = store.history();
    history.remember(votes.to_vec()).await.unwrap();
    (store, history)
}

#[tokio::test]
async fn a_vote_survives_a_restart_between_two_votes() {
    let folder = tempdir().unwrap();
    let (store, history) = with_votes(&folder, &[(account(1), vote(10, 0xaa))]).await;
    // What came before a look-up is seen by it, written or not.
    assert_eq!(history.first(account(1), 10).await.unwrap(), Some(vote(10, 0xaa)));
    store.close().await;
    assert!(matches!(history.first(account(1), 10).await, Err(StoreError::Closed)));

    let store = Store::open(folder.path()).unwrap();
    let history = store.history();
    assert_eq!(history.first(account(1), 10).await.unwrap(), Some(vote(10, 0xaa)));
    assert_eq!(history.first(account(2), 10).await.unwrap(), None);
    assert_eq!(history.first(account(1), 11).await.unwrap(), None);
}

#[tokio::test]
async fn a_vote_is_on_disk_before_anybody_closes_the_file() {
    let folder = tempdir().unwrap();
    let (_running, history) = with_votes(&folder, &[(account(1), vote(10, 0xaa))]).await;
    history.flush().await.unwrap();
    // As a crash would leave it: the file is copied while the store has it open.
    let crashed = tempdir().unwrap();
    std::fs::copy(folder.path().join(FILE_NAME), crashed.path().join(FILE_NAME)).unwrap();
    let store = Store::open(crashed.path()).unwrap();
    assert_eq!(store.history().first(account(1), 10).await.unwrap(), Some(vote(10, 0xaa)));
}

#[tokio::test]
async fn the_first_vote_of_a_slot_stays_unless_it_is_replaced() {
    let folder = tempdir().unwrap();
    let votes = [(account(1), vote(10, 0xaa)), (account(1), vote(10, 0xbb))];
    let (_store, history) = with_votes(&folder, &votes).await;
    assert_eq!(history.first(account(1), 10).await.unwrap(), Some(vote(10, 0xaa)));
    history.remember(vec![votes[1].clone()]).await.unwrap();
    assert_eq!(history.first(account(1), 10).await.unwrap(), Some(vote(10, 0xaa)));
    history.replace(account(1), vote(10, 0xbb)).await.unwrap();
    assert_eq!(history.first(account(1), 10).await.unwrap(), Some(vote(10, 0xbb)));
}

#[tokio::test]
async fn the_newest_checkpoints_are_read_back() {
    let folder = tempdir().unwrap();
    let votes: Vec<_> = [1, 5, 9, 300]
        .into_iter()
        .flat_map(|checkpoint| [1, 2].map(|n| (account(n), vote(checkpoint, n))))
        .collect();
    let (_store, history) = with_votes(&folder, &votes).await;
    let recent = |votes: &[_], complete_from| Recent { votes: votes.to_vec(), complete_from };
    // Checkpoint 5 was left out, 6 to 8 have no votes.
    assert_eq!(history.recent(2).await.unwrap(), recent(&votes[4..], 6));
    assert_eq!(history.recent(4).await.unwrap(), recent(&votes, 0));
    assert_eq!(history.recent(100).await.unwrap(), recent(&votes, 0));
    assert_eq!(history.recent(0).await.unwrap(), recent(&[], 301));
}

#[tokio::test]
async fn old_checkpoints_are_pruned() {
    let folder = tempdir().unwrap();
    let votes: Vec<_> = (1..=9).map(|checkpoint| (account(1), vote(checkpoint, 1))).collect();
    let (_store, history) = with_votes(&folder, &votes).await;
    history.prune(5).await.unwrap();
    assert_eq!(history.recent(100).await.unwrap().votes, votes[4..]);
}

#[tokio::test]
async fn proofs_survive_with_their_states() {
    let folder = tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let outbox = store.outbox();
    outbox.put(record(1, State::Proven)).await.unwrap();
    outbox.put(record(1, State::Submitted { block: 7 })).await.unwrap();
    outbox.put(record(2, State::Obsolete { why: "late".into() })).await.unwrap();
    outbox.put(record(3, State::Finalized { block: 9 })).await.unwrap();
    outbox.remove(record(3, State::Proven).proof.id()).await.unwrap();
    assert_eq!(store.health().failures(), 0);
    store.close().await;

    let store = Store::open(folder.path()).unwrap();
    let mut records = store.outbox().all().await.unwrap();
    records.sort_by_key(|record| record.proof.first.vote.checkpoint);
    let submitted = record(1, State::Submitted { block: 7 });
    assert_eq!(records, vec![submitted, record(2, State::Obsolete { why: "late".into() })]);
}

#[test]
fn every_state_survives_and_older_records_are_read() {
    let states = [
        State::Proven,
        State::Submitted { block: 7 },
        State::Finalized { block: 9 },
        State::Obsolete { why: "late".into() },
        State::Waiting { since: 11 },
        State::Signed { bytes: vec![1, 2, 3], nonce: 4, born: 5 },
        State::FeesMissing,
        State::Superseded,
    ];
    // A proof's record ends with its state, two times and a block: the first byte of the state says which one.
    // Older versions wrote the first four, and no block.
    let prefix = record(1, State::Proven).proof.encode();
    for (index, state) in states.into_iter().enumerate() {
        let encoded = record(1, state.clone()).encode();
        assert_eq!(encoded[..prefix.len()], prefix);
        assert_eq!(usize::from(encoded[prefix.len()]), index, "{state:?}");
        assert_eq!(Record::decode_all(&mut &*encoded), Ok(record(1, state)));
    }
    let mut old = prefix;
    old.push(1);
    (7u64, 1u64, 2u64).encode_to(&mut old);
    let read = Record { known_block: 0, ..record(1, State::Submitted { block: 7 }) };
    assert_eq!(Record::decode_all(&mut &*old), Ok(read));
}

#[tokio::test]
async fn a_store_belongs_to_one_chain() {
    let folder = tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.bind(H256::repeat_byte(1)).await.unwrap();
    store.bind(H256::repeat_byte(1)).await.unwrap();
    let error = store.bind(H256::repeat_byte(2)).await.unwrap_err();
    assert!(matches!(error, StoreError::OtherChain { .. }), "{error}");
    assert!(error.to_string().contains("data_dir"));
}

#[tokio::test]
async fn a_second_director_is_told_who_is_in_its_way() {
    let folder = tempdir().unwrap();
    let _store = Store::open(folder.path()).unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked(_)), "{error}");
    assert!(error.to_string().contains("stop the other director"));
}

#[test]
fn a_damaged_file_is_named_with_the_remedy() {
    for rubbish in [&b"no database"[..], &[0xff; 100_000][..], &[0; 4096][..]] {
        let folder = tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), rubbish).unwrap();
        let error = Store::open(folder.path()).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        assert!(error.to_string().contains("backup"), "{error}");
        assert!(error.to_string().contains(FILE_NAME), "{error}");
    }
}

#[test]
fn a_folder_that_is_a_file_is_named() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("data");
    std::fs::write(&path, "").unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(error.to_string().contains("data"), "{error}");
}

#[test]
fn a_file_that_was_half_made_is_made_anew() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("director.new"), [0; 10_000]).unwrap();
    std::fs::write(folder.path().join(FILE_NAME), "").unwrap();
    drop(Store::open(folder.path()).unwrap());
    assert!(!folder.path().join("director.new").exists());
}

#[test]
fn a_full_disk_is_told_from_everything_else() {
    use std::io::{Error, ErrorKind};
    let said = |error: Error| super::io_error(std::path::Path::new("/data"), &error);
    use ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    for full in [StorageFull, QuotaExceeded, FileTooLarge, ReadOnlyFilesystem] {
        let error = said(full.into());
        assert!(error.is_of_the_disk() && error.to_string().contains("make room"), "{error}");
    }
    // EIO, EROFS and ENOSPC, as the system says them.
    assert!(said(Error::from_raw_os_error(30)).is_of_the_disk());
    assert!(said(Error::from_raw_os_error(5)).is_of_the_disk());
    assert!(said(Error::from_raw_os_error(28)).is_of_the_disk());
    for other in [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::InvalidData] {
        assert!(!said(other.into()).is_of_the_disk(), "{other}");
    }
}

#[test]
fn no_permission_is_named_with_the_remedy() {
    let error = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let error = super::io_error(std::path::Path::new("/data"), &error);
    assert!(error.to_string().contains("make the user that runs the director its owner"));
}
