use crate::client::window::{Place, WINDOW, Window};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn numbers_without_a_hole_are_one_number() {
    let mut window = Window::default();
    for seq in [1, 2, 4, 5, 8] {
        assert_eq!(window.mark(seq), None);
    }
    assert_eq!((window.contiguous(), window.top()), (2, 8));
    assert_eq!(window.holes(10, 9), [(3, 3), (6, 7), (9, 10)]);
    assert_eq!(window.holes(10, 2), [(3, 3), (6, 7)]);
    assert_eq!(window.holes(6, 9), [(3, 3), (6, 6)]);
    window.mark(3);
    assert_eq!(window.contiguous(), 5);
    assert_eq!(window.give_up(7), Some((6, 7)));
    assert_eq!((window.contiguous(), window.top()), (8, 8));
    assert_eq!(window.give_up(7), None);
    assert_eq!(window.give_up(12), Some((9, 12)));
}

#[test]
fn what_comes_before_the_beginning_moves_it_back() {
    let mut window = Window::after(100);
    assert_eq!(window.contiguous(), 100);
    assert_eq!(window.holes(102, 9), [(101, 102)]);
    window.mark(101);
    // Whoever told us that it stood at 100 was wrong.
    assert_eq!(window.place(98), Place::New);
    window.mark(98);
    assert_eq!((window.contiguous(), window.top()), (98, 101));
    assert_eq!(window.holes(101, 9), [(99, 100)]);
    assert_eq!(window.place(101), Place::Seen);
    window.mark(99);
    window.mark(100);
    assert_eq!(window.contiguous(), 101);
    // Only what is near.
    let mut window = Window::after(WINDOW * 2);
    window.mark(WINDOW * 2 + 1);
    assert_eq!(window.place(1), Place::TooOld);
}

#[test]
fn a_beginning_that_was_only_claimed_keeps_nothing_out() {
    let mut window = Window::after(u64::MAX);
    assert_eq!(window.place(1), Place::New);
    window.mark(1);
    assert_eq!((window.contiguous(), window.top()), (1, 1));
    // What was given up is more than a claim.
    let mut window = Window::after(5);
    window.give_up(u64::MAX / 2);
    assert_eq!(window.place(3), Place::TooOld);
}

/// What another director told counts once the beginning is proven wrong, and not before: it may have restarted.
#[test]
fn behind_a_beginning_that_was_only_claimed_the_least_that_was_told_counts() {
    let mut window = Window::after(10);
    window.tell(0);
    window.tell(4);
    window.begin_after(0);
    assert_eq!(window.contiguous(), 10);
    let (mut by_message, mut by_director) = (window.clone(), window.clone());
    by_message.mark(2);
    assert_eq!(by_message.holes(2, 9), [(1, 1)]);
    // The one after the beginning that was claimed proves nothing, and is no reason to believe it.
    window.mark(11);
    assert_eq!(window.holes(11, 9), [(1, 10)]);
    by_director.begin_after(3);
    assert_eq!(by_director.holes(3, 9), [(1, 3)]);
    // No further than there is room for.
    let mut window = Window::after(10 * WINDOW);
    window.tell(0);
    assert_eq!((window.mark(WINDOW + 1), window.contiguous()), (None, WINDOW + 1));
    // What was seen is more than what was told.
    let mut window = Window::after(10);
    window.mark(11);
    window.tell(0);
    window.begin_after(3);
    assert_eq!(window.contiguous(), 11);
}

#[test]
fn nobody_can_move_the_beginning_out_of_reach() {
    for start in [u64::MAX, u64::MAX - 1] {
        let mut window = Window::after(start);
        window.begin_after(7);
        assert_eq!(window.holes(9, 9), [(8, 9)]);
        assert_eq!(window.place(8), Place::New);
    }
    let mut window = Window::anywhere();
    assert_eq!((window.place(500), window.contiguous()), (Place::New, 0));
    window.mark(500);
    assert_eq!((window.contiguous(), window.top()), (500, 500));
    window.begin_after(3);
    assert_eq!(window.contiguous(), 500, "it has begun");
}

#[test]
fn a_jump_gives_up_what_is_far_below() {
    let mut window = Window::default();
    window.mark(1);
    assert_eq!(window.mark(u64::MAX), Some((2, u64::MAX - WINDOW)));
    assert_eq!(window.place(1), Place::Seen);
    assert_eq!(window.place(u64::MAX), Place::Seen);
    assert_eq!(window.place(u64::MAX - 1), Place::New);
    assert_eq!(window.place(u64::MAX - WINDOW), Place::Seen);
    assert_eq!(window.holes(u64::MAX, 9), [(u64::MAX - WINDOW + 1, u64::MAX - 1)]);
}

proptest! {
    /// It says the same as a set that forgets nothing, as long as nothing is given up.
    #[test]
    fn it_agrees_with_a_set(steps in prop::collection::vec((0u64..3, 1u64..40), 1..300)) {
        let (mut window, mut set) = (Window::default(), BTreeSet::new());
        for (kind, step) in steps {
            let top = set.last().copied().unwrap_or(0);
            let seq = match kind {
                0 => top + step % 3 + 1,
                1 => top + step,
                _ => top.saturating_sub(step).max(1),
            };
            let expected = if set.contains(&seq) { Place::Seen } else { Place::New };
            prop_assert_eq!(window.place(seq), expected);
            if expected == Place::New {
                prop_assert_eq!(window.mark(seq), None);
                set.insert(seq);
            }
            let contiguous = (1..).take_while(|number| set.contains(number)).count() as u64;
            let top = set.last().copied().unwrap_or(0);
            prop_assert_eq!((window.contiguous(), window.top()), (contiguous, top));
            let missing: Vec<_> = (1..=top + 2).filter(|number| !set.contains(number)).collect();
            let holes = window.holes(top + 2, usize::MAX);
            let listed: Vec<_> = holes.iter().flat_map(|(first, last)| *first..=*last).collect();
            prop_assert_eq!(listed, missing);
        }
    }
}

/// Found by the fuzz target `client`: sums at the end of the numbers made a hole of the last one.
#[test]
fn the_last_number_that_there_is_comes_after_the_last_but_one() {
    for before in [1, 2, 3, WINDOW, WINDOW + 1, WINDOW + 2] {
        let start = u64::MAX - before;
        let mut window = Window::after(start);
        assert_eq!(window.place(u64::MAX), Place::New);
        let lost = (before > WINDOW).then_some((start + 1, u64::MAX - WINDOW));
        assert_eq!(window.mark(u64::MAX), lost, "{before}");
        assert_eq!(window.place(u64::MAX), Place::Seen);
        assert_eq!(window.top(), u64::MAX);
        let missing = (before > 1).then(|| (lost.map_or(start, |(_, to)| to) + 1, u64::MAX - 1));
        assert_eq!(window.holes(u64::MAX, 2), Vec::from_iter(missing), "{before}");
    }
}

/// Found by the fuzz target `client`: it went through all numbers from here to there, and kept each.
#[test]
fn a_beginning_that_was_only_claimed_costs_nothing_however_far_it_is() {
    for claimed in [1 << 42, u64::MAX - 1] {
        let mut window = Window::after(claimed);
        assert_eq!((window.place(3), window.mark(3)), (Place::New, None));
        assert_eq!((window.contiguous(), window.top()), (3, 3));
        assert_eq!(window.place(2), Place::New, "as before any other beginning");
        assert_eq!((window.mark(2), window.mark(5)), (None, None));
        assert_eq!(window.holes(9, 9), [(4, 4), (6, 9)]);
    }
}
