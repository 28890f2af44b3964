#![allow(clippy::unwrap_used)]

use super::*;

fn hash(n: u8) -> H256 {
    H256::repeat_byte(n)
}

#[test]
fn a_vote_that_failed_is_tried_again_with_the_same_block() {
    let (mut votes, now) = (Automatic::default(), Instant::now());
    assert!(votes.add(3, hash(1), now).is_empty());
    assert_eq!(votes.due(), Some(now));
    assert_eq!(votes.take(now), [(3, hash(1))]);
    assert_eq!((votes.due(), votes.take(now)), (None, Vec::new()), "it is under way");
    // Whatever anybody says of the checkpoint meanwhile.
    votes.add(3, hash(2), now);
    assert_eq!(votes.failed(3, now), Some(1));
    assert_eq!(votes.due(), Some(now + FIRST_DELAY));
    assert!(votes.take(now).is_empty());
    let later = now + FIRST_DELAY;
    assert_eq!(votes.take(later), [(3, hash(1))]);
    votes.done(3);
    assert_eq!((votes.due(), votes.len()), (None, 0));
}

#[test]
fn attempts_become_rarer_and_go_on() {
    let (mut votes, mut now) = (Automatic::default(), Instant::now());
    votes.add(3, hash(1), now);
    let mut delays = Vec::new();
    for failures in 1..=40 {
        assert_eq!(votes.take(now).len(), 1);
        assert_eq!(votes.failed(3, now), Some(failures));
        delays.push((votes.due().unwrap() - now).as_secs());
        now = votes.due().unwrap();
    }
    assert_eq!(delays[..7], [1, 2, 4, 8, 16, 30, 30]);
    assert_eq!(delays.last(), Some(&30));
}

#[test]
fn what_nobody_counts_any_more_is_given_up() {
    let (mut votes, now) = (Automatic::default(), Instant::now());
    for checkpoint in 1..=WINDOW {
        assert!(votes.add(checkpoint, hash(1), now).is_empty());
    }
    votes.take(now);
    votes.failed(1, now);
    assert_eq!(votes.add(WINDOW + 1, hash(1), now), [(1, 1)]);
    assert_eq!(votes.len() as u64, WINDOW, "bounded");
    assert_eq!(votes.failed(1, now), None, "its signer answers at last");
    // A node that was away for long.
    assert_eq!(votes.add(1_000, hash(1), now).len() as u64, WINDOW);
    assert_eq!(votes.len(), 1);
}
