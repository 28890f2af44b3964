use crate::client::window::{Place, WINDOW, Window};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn a_jump_forgets_what_is_below() {
    let mut window = Window::default();
    window.mark(1);
    window.mark(u64::MAX);
    assert_eq!(window.place(1), Place::TooOld);
    assert_eq!(window.place(u64::MAX), Place::Seen);
    assert_eq!(window.place(u64::MAX - 1), Place::New);
    assert_eq!(window.place(u64::MAX - WINDOW), Place::TooOld);
}

proptest! {
    /// It says the same as a set that forgets nothing.
    #[test]
    fn it_agrees_with_a_set(steps in prop::collection::vec((0u64..3, 1u64..6_000), 1..300)) {
        let (mut window, mut set) = (Window::default(), BTreeSet::new());
        for (kind, step) in steps {
            let top = set.last().copied().unwrap_or(0);
            let seq = match kind {
                0 => top + step % 5 + 1,
                1 => top + step,
                _ => top.saturating_sub(step).max(1),
            };
            let expected = match set.contains(&seq) {
                _ if seq + WINDOW <= top => Place::TooOld,
                true => Place::Seen,
                false => Place::New,
            };
            prop_assert_eq!(window.place(seq), expected);
            if expected == Place::New {
                window.mark(seq);
                set.insert(seq);
            }
        }
    }
}
