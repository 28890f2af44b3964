//! What the windows know of sequences: where they end, what is missing, what is given up.

use crate::{
    director::window::{MAX_WINDOW, Place, Tag, WINDOW, Windows},
    repair::{Have, Sequence},
};
use director_primitives::{Priority, PublicKey};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::BTreeSet;

fn origin() -> PublicKey {
    PublicKey::from_raw([7; 32])
}

fn of() -> Sequence {
    Sequence { origin: origin(), epoch: 5, class: Priority::Normal }
}

fn windows() -> Windows {
    Windows::new(1_000)
}

fn tag() -> Tag {
    Tag::of(b"body")
}

/// Takes a place of [`of`]; whether it leaves a hole, and how many places are given up by that.
fn take(windows: &mut Windows, seq: u64) -> (bool, u64) {
    let taken = windows.take(&origin(), of().epoch, of().class, seq, tag());
    (taken.leaves_hole, taken.given_up)
}

fn place(windows: &Windows, seq: u64) -> Place {
    windows.place(&origin(), of().epoch, of().class, seq, tag())
}

fn ends(windows: &Windows) -> (Option<u64>, u64) {
    (windows.contiguous(&of()), windows.top(&of()))
}

#[test]
fn says_what_is_there_and_what_is_missing() {
    let mut windows = windows();
    assert_eq!(ends(&windows), (Some(0), 0));
    assert_eq!(windows.holes(&of(), 3, 9), vec![(1, 3)], "nothing is there");
    assert_eq!(take(&mut windows, 1), (false, 0));
    assert_eq!(take(&mut windows, 4), (true, 0));
    assert_eq!(take(&mut windows, 6), (true, 0));
    assert_eq!(ends(&windows), (Some(1), 6));
    assert_eq!(windows.holes(&of(), 9, 9), vec![(2, 3), (5, 5), (7, 9)]);
    assert_eq!(windows.holes(&of(), 9, 2), vec![(2, 3), (5, 5)]);
    assert_eq!(windows.holes(&of(), 2, 9), vec![(2, 2)]);
    assert_eq!(windows.holes(&of(), 1, 9), vec![]);
    // What fills a hole, and what comes next, leaves none.
    assert_eq!(take(&mut windows, 3), (false, 0));
    assert_eq!(take(&mut windows, 7), (false, 0));
    assert_eq!(ends(&windows), (Some(1), 7));
    take(&mut windows, 2);
    assert_eq!(ends(&windows), (Some(4), 7));
    take(&mut windows, 5);
    assert_eq!(ends(&windows), (Some(7), 7));
}

#[test]
fn only_what_is_wanted_has_an_end() {
    let mut windows = windows();
    take(&mut windows, 1);
    let with = |epoch| Sequence { epoch, ..of() };
    assert_eq!(windows.contiguous(&with(4)), None, "over");
    assert_eq!(windows.contiguous(&with(6)), Some(0), "it may have begun anew");
    assert_eq!(windows.contiguous(&with(1_005)), Some(0));
    assert_eq!(windows.contiguous(&with(1_006)), None, "nobody believes that");
    assert_eq!(windows.contiguous(&Sequence { class: Priority::Bulk, ..of() }), Some(0));
    assert_eq!((windows.top(&with(6)), windows.holes(&with(6), 2, 1)), (0, vec![(1, 2)]));
}

#[test]
fn reaches_back_to_what_is_missing_as_far_as_it_can() {
    let mut windows = windows();
    for seq in (1..=MAX_WINDOW + 1).filter(|seq| *seq != 2) {
        assert_eq!(take(&mut windows, seq).1, 0);
    }
    assert_eq!((place(&windows, 2), place(&windows, 3)), (Place::Free, Place::Repeat));
    assert_eq!(ends(&windows), (Some(1), MAX_WINDOW + 1));
    // One more, and it is given up.
    assert_eq!(take(&mut windows, MAX_WINDOW + 2), (false, 1));
    assert_eq!(ends(&windows), (Some(MAX_WINDOW + 2), MAX_WINDOW + 2));
    assert_eq!(place(&windows, 2), Place::Passed);
    assert_eq!(place(&windows, 3), Place::Repeat);
    // Nothing is missing any more: the usual places are enough.
    take(&mut windows, MAX_WINDOW + 3);
    assert_eq!(place(&windows, MAX_WINDOW + 3 - WINDOW), Place::Passed);
    assert_eq!(place(&windows, MAX_WINDOW + 4 - WINDOW), Place::Repeat);
}

#[test]
fn a_jump_gives_up_what_lies_behind() {
    let mut windows = windows();
    take(&mut windows, 1);
    assert_eq!(take(&mut windows, MAX_WINDOW + 11), (true, 10));
    assert_eq!(ends(&windows).0, Some(11));
    assert_eq!(windows.holes(&of(), u64::MAX, 1), vec![(12, MAX_WINDOW + 10)]);
    // A wild one does not spoil the count, and overflows nothing.
    let (leaves_hole, given_up) = take(&mut windows, u64::MAX);
    assert!(leaves_hole && given_up <= 2 * MAX_WINDOW, "{given_up}");
    assert_eq!(windows.give_up(&of(), u64::MAX), MAX_WINDOW - 1);
    assert_eq!(ends(&windows), (Some(u64::MAX), u64::MAX));
    assert_eq!(windows.holes(&of(), u64::MAX, 9), vec![]);
    assert_eq!(place(&windows, u64::MAX), Place::Repeat);
}

#[test]
fn what_is_given_up_is_taken_if_it_comes() {
    let mut windows = windows();
    for seq in [1, 4, 6] {
        take(&mut windows, seq);
    }
    assert_eq!(windows.give_up(&of(), 2), 1);
    assert_eq!(ends(&windows), (Some(2), 6));
    assert_eq!(windows.give_up(&of(), 3), 1);
    assert_eq!(ends(&windows), (Some(4), 6), "and what follows");
    assert_eq!(windows.give_up(&of(), 10), 5, "beyond what was ever here, too");
    assert_eq!(ends(&windows), (Some(10), 6));
    assert_eq!(windows.holes(&of(), 10, 9), vec![]);
    for seq in [3, 8] {
        assert_eq!(place(&windows, seq), Place::Free);
        take(&mut windows, seq);
        assert_eq!(place(&windows, seq), Place::Repeat);
    }
    assert_eq!(ends(&windows), (Some(10), 8));
    // It goes on after it, and slides as ever.
    assert_eq!(take(&mut windows, 11), (false, 0));
    assert_eq!(ends(&windows), (Some(11), 11));
    assert_eq!(windows.give_up(&of(), 20_000), 20_000 - 11);
    take(&mut windows, 20_001);
    assert_eq!(ends(&windows), (Some(20_001), 20_001));
    let other = Sequence { epoch: 4, ..of() };
    assert_eq!(windows.give_up(&other, 9), 0, "another epoch is no matter");
}

#[test]
fn what_has_changed_is_told_once() {
    let mut windows = windows();
    assert!(windows.take_changed(9).is_empty());
    take(&mut windows, 1);
    take(&mut windows, 2);
    let told = windows.take_changed(9);
    assert_eq!((told.len(), told[0].origin, told[0].epoch), (1, origin(), 5));
    assert_eq!(told[0].contiguous, [0, 0, 2, 0]);
    take(&mut windows, 4);
    assert!(windows.take_changed(9).is_empty(), "a hole changes nothing");
    windows.take(&origin(), 9, Priority::Bulk, 3, tag());
    let told = windows.take_changed(9);
    assert_eq!((told[0].epoch, told[0].contiguous), (9, [0; 4]), "a new epoch does");
    // What does not fit comes the next time.
    for n in 0..5 {
        windows.take(&PublicKey::from_raw([n; 32]), 1, Priority::High, 1, tag());
    }
    windows.retain(|origin| origin.0[0] != 1);
    let (first, second) = (windows.take_changed(3), windows.take_changed(3));
    let told: BTreeSet<_> = first.iter().chain(&second).map(|entry| entry.origin.0[0]).collect();
    assert_eq!((first.len(), second.len()), (3, 1));
    assert_eq!(told, BTreeSet::from([0, 2, 3, 4]));
}

/// Compares a window with a set of numbers, for sequences of takes that come as on a bad line.
#[test]
fn agrees_with_a_set_of_numbers() {
    for seed in 0..20 {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let mut windows = windows();
        let (mut taken, mut contiguous, mut given_up) = (BTreeSet::new(), 0, 0);
        let mut next = 1;
        for _ in 0..2_000 {
            let seq = match rng.random_range(0..10) {
                0 => next + rng.random_range(0..20),
                1 if next > 50 => next - rng.random_range(1..50),
                2 if rng.random_bool(0.01) => next + rng.random_range(0..20_000),
                _ => next,
            };
            if place(&windows, seq) == Place::Free {
                given_up += take(&mut windows, seq).1;
                taken.insert(seq);
                next = next.max(seq + 1);
                // What the window cannot reach is given up.
                contiguous = contiguous.max((next - 1).saturating_sub(MAX_WINDOW));
            }
            while taken.contains(&(contiguous + 1)) {
                contiguous += 1;
            }
            assert_eq!(ends(&windows), (Some(contiguous), next - 1));
        }
        let missing: BTreeSet<_> =
            (contiguous + 1..next).filter(|seq| !taken.contains(seq)).collect();
        let holes = windows.holes(&of(), next - 1, usize::MAX);
        let told: BTreeSet<_> = holes.iter().flat_map(|(from, to)| *from..=*to).collect();
        assert_eq!(told, missing);
        assert!(holes.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "as few as there can be");
        let never = (1..=contiguous).filter(|seq| !taken.contains(seq)).count() as u64;
        assert_eq!(given_up, never);
    }
}
