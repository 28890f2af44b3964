//! What the log keeps, finds and forgets.

use super::world::*;
use crate::{
    director::{Frame, log::Log},
    repair::Sequence,
};
use director_primitives::Priority;
use rand::{Rng, SeedableRng, rngs::StdRng};

fn of(n: u8, class: Priority) -> Sequence {
    Sequence { origin: validator_key(n).public(), epoch: 1, class }
}

fn frame(n: u8, class: Priority, seq: u64, len: usize) -> Frame {
    sign(n, envelope(n, class, 1, seq, &vec![7; len]))
}

fn numbers(log: &Log, of: &Sequence, first: u64, last: u64) -> Vec<u64> {
    log.range(of, first, last).map(|(number, _)| number).collect()
}

#[test]
fn finds_ranges_in_ascending_order() {
    let mut log = Log::new(1 << 20, 1_000);
    for seq in [1, 2, 5, 4, 9] {
        log.push(0, frame(0, Priority::Normal, seq, 10));
        log.push(0, frame(1, Priority::Normal, 10 * seq, 10));
    }
    let of_first = of(0, Priority::Normal);
    assert_eq!(numbers(&log, &of_first, 0, u64::MAX), [1, 2, 4, 5, 9]);
    assert_eq!(numbers(&log, &of_first, 2, 5), [2, 4, 5]);
    assert!(numbers(&log, &of_first, 3, 3).is_empty());
    assert!(numbers(&log, &of(0, Priority::High), 0, 9).is_empty());
    let (_, kept) = log.range(&of_first, 4, 4).next().unwrap();
    assert_eq!(*kept, frame(0, Priority::Normal, 4, 10));
    assert_eq!(log.frames(), 10);
    // Both halves of a double sign have one number.
    log.push(0, frame(0, Priority::Normal, 4, 11));
    assert_eq!(numbers(&log, &of_first, 4, 5), [4, 4, 5]);
}

#[test]
fn the_oldest_makes_room_and_bytes_are_bounded() {
    let max = 64 * 1024;
    let mut log = Log::new(max, 1_000_000);
    for seq in 1..=1_000 {
        log.push(seq, frame(0, Priority::Critical, seq, 100));
        assert!(log.bytes() <= max);
    }
    let kept = numbers(&log, &of(0, Priority::Critical), 0, u64::MAX);
    assert_eq!(kept.last(), Some(&1_000));
    assert!(kept.len() > 150 && kept.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{kept:?}");
    assert_eq!((kept.len(), log.oldest_ms(1_000)), (log.frames(), 1_000 - kept[0]));
    // What is longer than all of it is not kept, and pushes nothing out.
    log.push(2_000, frame(0, Priority::Critical, 1_001, max));
    assert_eq!(log.frames(), kept.len());
}

#[test]
fn many_sequences_cost_what_they_cost() {
    let max = 64 * 1024;
    let mut log = Log::new(max, 1_000_000);
    for epoch in 1..=1_000 {
        log.push(0, sign(0, envelope(0, Priority::High, epoch, 1, b"")));
        assert!(log.bytes() <= max);
    }
    assert!(log.frames() < max / 400, "{}", log.frames());
}

#[test]
fn blocks_do_not_push_out_votes() {
    let max = 1 << 20;
    let mut log = Log::new(max, 1_000_000);
    for seq in 1..=1_000 {
        log.push(seq, frame(0, Priority::Critical, seq, 100));
    }
    let votes = log.frames();
    assert_eq!(votes, 1_000);
    for seq in 1..=100 {
        log.push(2_000, frame(1, Priority::Bulk, seq, 50_000));
    }
    assert_eq!(numbers(&log, &of(0, Priority::Critical), 0, u64::MAX).len(), 1_000);
    let blocks = numbers(&log, &of(1, Priority::Bulk), 0, u64::MAX);
    assert!((9..=10).contains(&blocks.len()), "half of the bytes: {blocks:?}");
    assert_eq!(blocks.last(), Some(&100));
    // Newer votes push out what is older, blocks too.
    for seq in 1_001..=10_000 {
        log.push(3_000, frame(0, Priority::Critical, seq, 100));
        assert!(log.bytes() <= max);
    }
    assert!(numbers(&log, &of(1, Priority::Bulk), 0, u64::MAX).is_empty());
}

#[test]
fn forgets_what_is_old_and_who_is_gone() {
    let mut log = Log::new(1 << 20, 1_000);
    for seq in 1..=3 {
        log.push(seq * 500, frame(0, Priority::Normal, seq, 10));
        log.push(seq * 500, frame(1, Priority::Bulk, seq, 10));
    }
    log.expire(1_500);
    assert_eq!(log.frames(), 6);
    log.expire(1_501);
    assert_eq!(numbers(&log, &of(0, Priority::Normal), 0, 9), [2, 3]);
    assert_eq!(numbers(&log, &of(1, Priority::Bulk), 0, 9), [2, 3]);
    let gone = validator_key(0).public();
    log.retain(|origin| *origin != gone);
    assert!(numbers(&log, &of(0, Priority::Normal), 0, 9).is_empty());
    assert_eq!(numbers(&log, &of(1, Priority::Bulk), 0, 9), [2, 3]);
    assert_eq!(log.frames(), 2);
    log.push(1_600, frame(0, Priority::Normal, 4, 10));
    assert_eq!(numbers(&log, &of(0, Priority::Normal), 0, 9), [4]);
    log.expire(10_000);
    assert_eq!((log.frames(), log.bytes(), log.oldest_ms(10_000)), (0, 0, 0));
}

/// Pushes at random, and compares with a list of all that should still be there.
#[test]
fn agrees_with_a_list_of_frames() {
    for seed in 0..10 {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let mut log = Log::new(40_000, 300);
        let mut pushed: Vec<(u64, Frame)> = Vec::new();
        for now in 0..400 {
            let class = Priority::ALL[rng.random_range(0..4)];
            let (n, seq) = (rng.random_range(0..3), rng.random_range(1..500));
            let frame = frame(n, class, seq, rng.random_range(0..400));
            log.push(now, frame.clone());
            pushed.push((now, frame));
            log.expire(now);
            assert!(log.bytes() <= 40_000);
        }
        let mut kept: Vec<Frame> = Vec::new();
        for n in 0..3 {
            for class in Priority::ALL {
                let found: Vec<_> = log.range(&of(n, class), 0, u64::MAX).collect();
                assert!(found.windows(2).all(|pair| pair[0].0 <= pair[1].0));
                kept.extend(found.into_iter().map(|(_, frame)| frame.clone()));
            }
        }
        assert_eq!(kept.len(), log.frames());
        // In each of its two rings, what is kept is the newest.
        let is_bulk = |frame: &Frame| frame[40] == Priority::Bulk as u8;
        for bulk in [true, false] {
            let of_ring = |frame: &&Frame| is_bulk(frame) == bulk;
            let mut mine: Vec<_> = kept.iter().filter(of_ring).cloned().collect();
            let all = pushed.iter().map(|(_, frame)| frame).filter(of_ring);
            let mut newest: Vec<_> = all.rev().take(mine.len()).cloned().collect();
            mine.sort();
            newest.sort();
            assert!(mine == newest && !mine.is_empty());
        }
    }
}
