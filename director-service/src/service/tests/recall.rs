//! What the disk cannot say does not hold up a vote, and is made up for later.

use super::super::{ServiceError, recall};
use crate::{
    director::ValidatorVote,
    store::{StoreError, tests::faulty::Disk},
};
use director_primitives::{AccountId32, H256, test_utils::TestKey};
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};

const PATIENCE: Duration = Duration::from_secs(30);

fn vote(checkpoint: u64, hash: u8) -> ValidatorVote {
    let vote = TestKey::new(1).vote(&H256::zero(), checkpoint, H256::repeat_byte(hash));
    ValidatorVote { validator: AccountId32::new([1; 32]), vote }
}

#[tokio::test]
async fn a_vote_is_passed_on_and_compared_when_the_disk_is_back() {
    let disk = Disk::default();
    let store = disk.store();
    let history = store.history();
    let on_disk = vote(10, 0xaa);
    history.remember(vec![(on_disk.validator.clone(), on_disk.vote)]).await.unwrap();
    history.flush().await.unwrap();
    disk.fail_after(0, false);
    let other = vote(9, 0xaa);
    history.remember(vec![(other.validator, other.vote)]).await.unwrap();
    assert!(matches!(history.flush().await, Err(StoreError::Failed(_))));

    let (requests, requested) = mpsc::channel(8);
    let (answers, mut answered) = mpsc::channel(8);
    let running = tokio::spawn(recall::run(history.clone(), store.health(), requested, answers));
    for vote in [vote(10, 0xbb), vote(10, 0xaa), vote(11, 0xaa)] {
        requests.send(vote.clone()).await.unwrap();
        let answer = timeout(PATIENCE, answered.recv()).await.unwrap();
        assert_eq!(answer, Some((vote, None)));
    }

    disk.heal();
    history.flush().await.unwrap();
    let late = timeout(PATIENCE, answered.recv()).await.unwrap();
    assert_eq!(late, Some((vote(10, 0xbb), Some(on_disk.clone()))));
    // Of the two others there is nothing to tell.
    requests.send(vote(10, 0xcc)).await.unwrap();
    let answer = timeout(PATIENCE, answered.recv()).await.unwrap();
    assert_eq!(answer, Some((vote(10, 0xcc), Some(on_disk))));

    store.close().await;
    requests.send(vote(10, 0xdd)).await.unwrap();
    let ended = timeout(PATIENCE, running).await.unwrap().unwrap();
    assert!(matches!(ended, Err(ServiceError::Store(StoreError::Closed))), "{ended:?}");
}

#[tokio::test]
async fn a_first_vote_that_is_none_is_told_when_it_is_written() {
    let disk = Disk::default();
    let store = disk.store();
    let history = store.history();
    let (first, other) = (vote(10, 0xaa), vote(10, 0xbb));
    history.remember(vec![(first.validator.clone(), first.vote)]).await.unwrap();
    history.flush().await.unwrap();
    // In memory while the disk fails, and by a core that has begun anew since.
    disk.fail_after(0, false);
    history.remember(vec![(other.validator.clone(), other.vote)]).await.unwrap();
    assert!(matches!(history.flush().await, Err(StoreError::Failed(_))));

    let conflicts = store.conflicts();
    disk.heal();
    history.flush().await.unwrap();
    // A core that ends before it has done anything about it takes nothing along.
    for _ in 0..2 {
        let told = timeout(PATIENCE, conflicts.next()).await.unwrap();
        assert_eq!((told.first, told.other), (first.vote, other.vote));
    }
    conflicts.done();
    // While it can write, too.
    let third = vote(10, 0xcc);
    history.remember(vec![(third.validator.clone(), third.vote)]).await.unwrap();
    let told = timeout(PATIENCE, conflicts.next()).await.unwrap();
    assert_eq!((told.first, told.other), (first.vote, third.vote));
}

#[test]
fn what_waits_to_be_compared_takes_no_more_memory_than_operators_are_told() {
    // Of docs/benchmarks.md's 84 MiB. A queue has twice the room that it needs.
    let bytes = 2 * recall::MAX_UNCOMPARED * size_of::<ValidatorVote>();
    assert!(bytes < 24 << 20, "{bytes}");
}

#[tokio::test(start_paused = true)]
async fn a_core_that_begins_does_not_wait_for_a_disk_that_hangs() {
    let disk = Disk::default();
    let store = disk.store();
    let history = store.history();
    let first = vote(10, 0xaa);
    disk.hang(true);
    history.remember(vec![(first.validator, first.vote)]).await.unwrap();
    let recent = recall::recent(&history, &store.health(), 100).await.unwrap();
    assert_eq!(recent, None);
    disk.hang(false);
}
