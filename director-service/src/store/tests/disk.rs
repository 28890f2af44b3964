//! A disk that fails stops nobody, and nothing that was confirmed is lost.

use super::{account, faulty::Disk, record, vote};
use crate::store::{
    History, MAILBOX, MAX_UNWRITTEN_VOTES, State, Store, StoreError,
    health::Health,
    overlay::Overlay,
    thread::{Opener, RETRY_DELAY},
};
use director_primitives::{AccountId32, H256, SignedVote};
use futures::FutureExt;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

const FULL: &str = "no space left on this disk";

fn is_failed<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    match result {
        Ok(_) => false,
        Err(StoreError::Failed(_)) => true,
        Err(error) => panic!("{error}"),
    }
}

async fn remember(history: &History, checkpoint: u64, hash: u8) {
    history.remember(vec![(account(1), vote(checkpoint, hash))]).await.unwrap();
}

/// Whether the vote is found, or known to be unknown: it may be in the file alone.
async fn sees(history: &History, expected: SignedVote) {
    match history.first(account(1), expected.vote.checkpoint).await {
        Err(StoreError::Failed(_)) => {}
        found => assert_eq!(found.unwrap(), Some(expected)),
    }
}

#[tokio::test]
async fn whichever_operation_fails_first_the_store_goes_on() {
    for halves in [false, true] {
        for operations in 0.. {
            println!("operations={operations} halves={halves}");
            let disk = Disk::default();
            let store = disk.store();
            let (history, outbox) = (store.history(), store.outbox());
            remember(&history, 10, 0xaa).await;
            history.flush().await.unwrap();

            disk.fail_after(operations, halves);
            for checkpoint in 11..=13 {
                remember(&history, checkpoint, 0xaa).await;
                sees(&history, vote(checkpoint, 0xaa)).await;
            }
            history.replace(account(1), vote(12, 0xbb)).await.unwrap();
            let is_kept = is_failed(outbox.put(record(1, State::Proven)).await);
            let is_unsafe = is_failed(history.flush().await);
            sees(&history, vote(12, 0xbb)).await;
            assert!(is_unsafe || store.health().trouble().is_none());

            let never_failed = disk.heal();
            assert!(!(never_failed && (is_kept || is_unsafe)));
            history.flush().await.unwrap();
            assert_eq!(store.health().trouble(), None);
            let image = disk.cut(&mut StdRng::seed_from_u64(operations));
            let store = image.store();
            let history = store.history();
            for (checkpoint, hash) in [(10, 0xaa), (11, 0xaa), (12, 0xbb), (13, 0xaa)] {
                let first = history.first(account(1), checkpoint).await.unwrap();
                assert_eq!(first, Some(vote(checkpoint, hash)));
            }
            assert_eq!(store.outbox().all().await.unwrap(), vec![record(1, State::Proven)]);
            if never_failed {
                assert!(operations > 5, "something is written");
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_only_the_file_knows_is_failed_and_never_closed() {
    let disk = Disk::default();
    let store = disk.store();
    let history = store.history();
    remember(&history, 10, 0xaa).await;
    history.flush().await.unwrap();
    disk.fail_after(0, false);
    remember(&history, 11, 0xaa).await;
    assert!(is_failed(history.flush().await));

    assert_eq!(history.first(account(1), 11).await.unwrap(), Some(vote(11, 0xaa)));
    for (validator, checkpoint) in [(1, 10), (2, 11)] {
        assert!(is_failed(history.first(account(validator), checkpoint).await));
    }
    assert!(is_failed(history.recent(100).await));
    assert!(is_failed(store.outbox().all().await));
    let health = store.health();
    assert!(health.trouble().is_some() && health.failures() >= 2);
    assert_eq!((health.unwritten_votes(), health.lost_votes()), (1, 0));

    disk.heal();
    history.flush().await.unwrap();
    assert_eq!(history.first(account(1), 10).await.unwrap(), Some(vote(10, 0xaa)));
    assert_eq!(history.first(account(2), 11).await.unwrap(), None);
    assert_eq!((health.trouble(), health.unwritten_votes()), (None, 0));
}

#[tokio::test]
async fn a_disk_that_hangs_holds_up_nobody_and_gets_everything_when_it_goes_on() {
    let disk = Disk::default();
    let store = disk.store();
    let history = store.history();
    disk.hang(true);
    let all = MAILBOX as u64 + 500;
    let same = vote(1, 0xaa);
    let at = |checkpoint| {
        let mut vote = same;
        vote.vote.checkpoint = checkpoint;
        vote
    };
    for checkpoint in 1..=all {
        let remembered = history.remember(vec![(account(1), at(checkpoint))]);
        remembered.now_or_never().expect("it does not wait").unwrap();
    }
    history.replace(account(1), vote(2, 0xbb)).now_or_never().unwrap().unwrap();
    while store.health().trouble().is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let trouble = store.health().trouble().unwrap();
    assert!(trouble.contains("has not answered"), "{trouble}");
    assert_eq!(store.health().unwritten_votes(), all + 1);

    disk.hang(false);
    assert_eq!(history.first(account(1), all).await.unwrap(), Some(at(all)));
    history.flush().await.unwrap();
    assert_eq!((store.health().trouble(), store.health().lost_votes()), (None, 0));
    let found = history.recent(u64::MAX).await.unwrap().votes;
    assert_eq!(found.len() as u64, all);
    assert_eq!(history.first(account(1), 2).await.unwrap(), Some(vote(2, 0xbb)));
}

#[tokio::test]
async fn what_is_in_memory_is_written_when_the_store_is_closed() {
    let disk = Disk::default();
    let store = disk.store();
    disk.fail_after(0, false);
    remember(&store.history(), 11, 0xaa).await;
    assert!(is_failed(store.history().flush().await));
    disk.heal();
    store.close().await;
    let first = disk.store().history().first(account(1), 11).await.unwrap();
    assert_eq!(first, Some(vote(11, 0xaa)));
}

#[tokio::test]
async fn the_first_vote_in_the_file_stays_when_the_memory_is_written() {
    let disk = Disk::default();
    let store = disk.store();
    let history = store.history();
    remember(&history, 10, 0xaa).await;
    history.flush().await.unwrap();
    disk.fail_after(0, false);
    remember(&history, 10, 0xbb).await;
    assert!(is_failed(history.flush().await));
    assert_eq!(history.first(account(1), 10).await.unwrap(), Some(vote(10, 0xbb)));
    disk.heal();
    history.flush().await.unwrap();
    assert_eq!(history.first(account(1), 10).await.unwrap(), Some(vote(10, 0xaa)));
}

#[tokio::test]
async fn two_first_votes_that_are_in_memory_alone_are_told() {
    let disk = Disk::default();
    let store = disk.store();
    let history = store.history();
    disk.fail_after(0, false);
    for hash in [0xaa, 0xaa, 0xbb] {
        remember(&history, 10, hash).await;
    }
    assert!(is_failed(history.flush().await));
    let told = store.conflicts().next().await;
    assert_eq!(
        (told.validator, told.first, told.other),
        (account(1), vote(10, 0xaa), vote(10, 0xbb))
    );
    assert_eq!(history.first(account(1), 10).await.unwrap(), Some(vote(10, 0xaa)));
}

/// Opens a disk that is full until the switch is set.
fn full_until(switch: &Arc<AtomicBool>, disk: &Disk) -> Opener {
    let (switch, open) = (switch.clone(), disk.opener());
    Arc::new(move || match switch.load(SeqCst) {
        true => open(),
        false => Err(StoreError::Disk { path: "disk".into(), cause: FULL.into() }),
    })
}

#[tokio::test]
async fn a_store_starts_on_a_full_disk() {
    let (switch, disk) = (Arc::new(AtomicBool::new(false)), Disk::default());
    let open = full_until(&switch, &disk);
    let store = Store::start(Path::new("disk"), open, RETRY_DELAY).unwrap();
    assert!(store.health().trouble().is_some_and(|trouble| trouble.contains(FULL)));
    store.bind(H256::repeat_byte(1)).await.unwrap();
    let history = store.history();
    remember(&history, 10, 0xaa).await;
    assert_eq!(history.first(account(1), 10).await.unwrap(), Some(vote(10, 0xaa)));
    assert!(is_failed(history.recent(1).await));

    switch.store(true, SeqCst);
    history.flush().await.unwrap();
    assert_eq!(store.health().trouble(), None);
    let error = store.bind(H256::repeat_byte(2)).await.unwrap_err();
    assert!(matches!(error, StoreError::OtherChain { .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_comes_back_by_itself_is_used() {
    let (switch, disk) = (Arc::new(AtomicBool::new(false)), Disk::default());
    let delays = (Duration::from_millis(1), Duration::from_millis(1));
    let store = Store::start(Path::new("disk"), full_until(&switch, &disk), delays).unwrap();
    let mut trouble = store.health().subscribe();
    switch.store(true, SeqCst);
    // Without anybody who asks for anything.
    trouble.wait_for(Option::is_none).await.unwrap();
}

#[tokio::test]
async fn another_chains_file_is_left_alone_when_it_comes_back() {
    let disk = Disk::default();
    let store = disk.store();
    store.bind(H256::repeat_byte(2)).await.unwrap();
    store.close().await;

    let switch = Arc::new(AtomicBool::new(false));
    let open = full_until(&switch, &disk);
    let store = Store::start(Path::new("disk"), open, RETRY_DELAY).unwrap();
    store.bind(H256::repeat_byte(1)).await.unwrap();
    remember(&store.history(), 10, 0xaa).await;
    switch.store(true, SeqCst);
    assert!(is_failed(store.history().flush().await));
    let trouble = store.health().trouble().unwrap();
    assert!(trouble.contains("the history of the chain"), "{trouble}");
    store.close().await;
    assert_eq!(disk.store().history().first(account(1), 10).await.unwrap(), None);
}

#[test]
fn a_store_that_is_locked_does_not_start_in_memory() {
    let open: Opener = Arc::new(|| Err(StoreError::Locked("disk".into())));
    let error = Store::start(Path::new("disk"), open, RETRY_DELAY).unwrap_err();
    assert!(matches!(error, StoreError::Locked(_)), "{error}");
}

#[test]
fn memory_is_bounded_and_says_what_it_lost() {
    let (mut overlay, health) = (Overlay::default(), Health::new());
    let same = vote(1, 1);
    for checkpoint in 0..=MAX_UNWRITTEN_VOTES as u64 {
        let mut vote = same;
        vote.vote.checkpoint = checkpoint;
        assert!(overlay.remember(&[(account(1), vote)], &health).is_empty());
    }
    assert_eq!((overlay.len(), health.lost_votes()), (MAX_UNWRITTEN_VOTES, 1));
    assert_eq!(overlay.first(&account(1), 0), None);
    assert!(overlay.first(&account(1), 1).is_some());
    // One that is older than all of them does not drive out a newer one.
    let mut old = same;
    old.vote.checkpoint = 0;
    overlay.replace(&account(1), &old, &health);
    assert_eq!((overlay.len(), health.lost_votes()), (MAX_UNWRITTEN_VOTES, 2));
    assert!(overlay.first(&account(1), 1).is_some());
}

type Slot = (u64, AccountId32);

/// What should be there.
#[derive(Clone, Default)]
struct Model {
    votes: BTreeMap<Slot, SignedVote>,
    proofs: BTreeMap<H256, crate::store::Record>,
}

/// Does something at random, to the store and to the model.
async fn step(rng: &mut StdRng, store: &Store, model: &mut Model) {
    let history = store.history();
    let any_vote = |rng: &mut StdRng| {
        (account(rng.random_range(1..5)), vote(rng.random_range(1..60), rng.random()))
    };
    match rng.random_range(0..10) {
        0..6 => {
            let votes: Vec<_> = (0..rng.random_range(1..20)).map(|_| any_vote(rng)).collect();
            for (validator, vote) in &votes {
                let slot = (vote.vote.checkpoint, validator.clone());
                model.votes.entry(slot).or_insert(*vote);
            }
            history.remember(votes).await.unwrap();
        }
        6 | 7 => {
            let (validator, vote) = any_vote(rng);
            model.votes.insert((vote.vote.checkpoint, validator.clone()), vote);
            history.replace(validator, vote).await.unwrap();
        }
        8 => {
            let below = rng.random_range(0..8);
            model.votes.retain(|(checkpoint, _), _| *checkpoint >= below);
            history.prune(below).await.unwrap();
        }
        _ => {
            let record = record(rng.random_range(1..5), State::Submitted { block: rng.random() });
            model.proofs.insert(record.proof.id(), record.clone());
            // It says so if it is in memory alone.
            let _ = is_failed(store.outbox().put(record).await);
        }
    }
}

/// Whether everything is there that was confirmed and not changed since.
async fn check(seed: u64, image: &Disk, confirmed: &Model, now: &Model) {
    let store = image.store();
    for (slot, vote) in &confirmed.votes {
        if now.votes.get(slot) == Some(vote) {
            let found = store.history().first(slot.1.clone(), slot.0).await.unwrap();
            assert_eq!(found.as_ref(), Some(vote), "STORE_SEED={seed}: a vote is lost");
        }
    }
    let proofs = store.outbox().all().await.unwrap();
    for (id, record) in &confirmed.proofs {
        let is_there = proofs.iter().any(|of| of.proof.id() == *id);
        let is_same = now.proofs.get(id) != Some(record) || proofs.contains(record);
        assert!(is_there && is_same, "STORE_SEED={seed}: a proof is lost");
    }
    store.close().await;
}

async fn storm(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let disk = Disk::default();
    let store = disk.store();
    let (mut now, mut confirmed) = (Model::default(), Model::default());
    for _ in 0..60 {
        match rng.random_range(0..10) {
            0 => disk.fail_after(rng.random_range(0..40), rng.random()),
            1 => drop(disk.heal()),
            2 | 3 => {
                if !is_failed(store.history().flush().await) {
                    confirmed = now.clone();
                }
            }
            4 => check(seed, &disk.cut(&mut rng), &confirmed, &now).await,
            _ => step(&mut rng, &store, &mut now).await,
        }
    }
    disk.heal();
    store.history().flush().await.unwrap();
    check(seed, &disk.cut(&mut rng), &now, &now).await;
    let all = store.history().recent(u64::MAX).await.unwrap().votes;
    let expected: Vec<_> = now.votes.into_iter().map(|((_, of), vote)| (of, vote)).collect();
    assert_eq!(all, expected, "STORE_SEED={seed}");
}

#[tokio::test]
async fn what_a_flush_confirmed_survives_any_fault_and_any_cut() {
    let (from, runs) = match std::env::var("STORE_SEED") {
        Ok(seed) => (seed.parse().unwrap(), 1),
        Err(_) => (0, 100),
    };
    for seed in from..from + runs {
        println!("STORE_SEED={seed}");
        storm(seed).await;
    }
}
