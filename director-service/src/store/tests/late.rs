//! What the store's thread has no room for: votes wait, or are waited for, and proofs are never lost.

use super::{account, faulty::Disk, record, vote};
use crate::store::{
    Conflict, History, MAILBOX, MAX_CONFLICTS, MAX_UNWRITTEN_VOTES, Outbox, State, health::Health,
    late::Late, thread::Command,
};
use director_primitives::{AccountId32, SignedVote};
use futures::FutureExt;
use std::time::Duration;
use tokio::{sync::mpsc, time::sleep};

/// Votes that come together.
const BATCH: usize = 1_000;

fn batch() -> Vec<(AccountId32, SignedVote)> {
    vec![(account(1), vote(1, 1)); BATCH]
}

/// A store without a thread, and what the thread would get.
fn store() -> (History, Outbox, Health, mpsc::Receiver<Command>) {
    let (mailbox, commands) = mpsc::channel(4);
    let health = Health::new();
    let late = Late::new(mailbox.clone(), health.clone());
    let history = History { mailbox: mailbox.clone(), late: late.clone() };
    (history, Outbox { mailbox, late }, health, commands)
}

/// The share of docs/benchmarks.md's 84 MiB that is not what `service::recall` keeps.
const MOST_BYTES: usize = 60 << 20;

#[test]
fn what_waits_for_a_disk_takes_no_more_memory_than_operators_are_told() {
    // A map's nodes are half full at least, each vote may be a command of its own, and a queue has twice the room it needs.
    let in_memory = 2 * size_of::<((u64, AccountId32), (SignedVote, bool))>();
    let on_its_way = 2 * size_of::<Command>() + size_of::<(AccountId32, SignedVote)>();
    let votes = MAX_UNWRITTEN_VOTES * (in_memory + on_its_way);
    let conflicts = 2 * MAX_CONFLICTS * size_of::<Conflict>();
    assert!(votes + conflicts < MOST_BYTES, "{votes} + {conflicts}");
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_is_slow_loses_no_vote() {
    let (history, _outbox, health, mut commands) = store();
    let batches = 3 * MAX_UNWRITTEN_VOTES / BATCH;
    let writing = tokio::spawn(async move {
        let mut votes = 0;
        while votes < batches * BATCH {
            sleep(Duration::from_millis(300)).await;
            votes += commands.recv().await.unwrap().votes();
        }
    });
    let votes = batch();
    for _ in 0..batches {
        history.remember(votes.clone()).await.unwrap();
    }
    history.late.settle().await.unwrap();
    writing.await.unwrap();
    assert_eq!(health.lost_votes(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_disk_that_hangs() {
    let (history, _outbox, health, _commands) = store();
    let _busy = health.busy_for(Duration::from_secs(3));
    let batches = 2 * MAX_UNWRITTEN_VOTES / BATCH;
    let votes = batch();
    for _ in 0..batches {
        history.remember(votes.clone()).now_or_never().expect("it does not wait").unwrap();
    }
    let (unwritten, lost) = (health.unwritten_votes(), health.lost_votes());
    assert!(lost > 0);
    assert_eq!(unwritten + lost, (batches * BATCH) as u64, "all of them are counted");
}

#[tokio::test]
async fn of_each_proof_the_last_word_waits() {
    let (history, outbox, health, mut commands) = store();
    let _busy = health.busy_for(Duration::from_secs(3));
    for _ in 0..2 * MAX_UNWRITTEN_VOTES / BATCH {
        history.remember(batch()).await.unwrap();
    }
    let mut first = outbox.put(record(1, State::Proven));
    assert!(first.is_due());
    let mut last = outbox.put(record(1, State::FeesMissing));
    assert!(first.await.is_err(), "it is not written");
    drop(outbox.put(record(2, State::Proven)));
    drop(outbox.remove(record(2, State::Proven).proof.id()));
    // Before the votes, but for those that the mailbox has.
    let mut proofs = Vec::new();
    while let Some(Some(command)) = commands.recv().now_or_never() {
        history.retry().unwrap();
        if command.votes() == 0 {
            proofs.push(command);
        }
    }
    assert_eq!(proofs.len(), 2);
    for command in proofs {
        match command {
            Command::Put { record, .. } => assert_eq!(record.state, State::FeesMissing),
            Command::Remove { id, .. } => assert_eq!(id, record(2, State::Proven).proof.id()),
            other => panic!("{other:?}"),
        }
    }
    assert!(!last.is_due());
}

#[tokio::test]
async fn a_proof_that_nobody_waited_for_is_in_the_file_when_the_disk_goes_on() {
    let disk = Disk::default();
    let store = disk.store();
    let (history, outbox) = (store.history(), store.outbox());
    disk.hang(true);
    for checkpoint in 0..MAILBOX as u64 + 500 {
        let mut vote = vote(1, 1);
        vote.vote.checkpoint = checkpoint;
        history.remember(vec![(account(1), vote)]).await.unwrap();
    }
    let put = outbox.put(record(1, State::Proven));
    assert!(put.now_or_never().is_none(), "the disk hangs");
    disk.hang(false);
    assert_eq!(outbox.all().await.unwrap(), vec![record(1, State::Proven)]);
    assert_eq!(store.health().lost_votes(), 0);
}

#[tokio::test]
async fn as_many_votes_as_come_are_in_the_file() {
    let disk = Disk::default();
    let store = disk.store();
    let history = store.history();
    let same = vote(1, 1);
    let all = 100_000;
    for checkpoint in (0..all).step_by(BATCH) {
        let at = |checkpoint| {
            let mut vote = same;
            vote.vote.checkpoint = checkpoint;
            (account(1), vote)
        };
        let batch = (checkpoint..checkpoint + BATCH as u64).map(at);
        history.remember(batch.collect()).await.unwrap();
    }
    let found = history.recent(u64::MAX).await.unwrap().votes;
    assert_eq!((found.len() as u64, store.health().lost_votes()), (all, 0));
}
