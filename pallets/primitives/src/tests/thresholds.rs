use crate::threshold::{approvals_needed, quorum, tolerated_liars};

#[test]
fn two_thirds_of_the_directors_rounded_up_decide() {
    let table = [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5)];
    for (directors, needed) in table {
        assert_eq!(approvals_needed(directors), needed, "{directors} directors");
    }
}

#[test]
fn no_directors_decide_nothing() {
    assert_eq!(approvals_needed(0), 1);
}

#[test]
fn liars_are_outvoted_by_the_others() {
    let table = [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1), (6, 2), (7, 2)];
    for (directors, liars) in table {
        assert_eq!(tolerated_liars(directors), liars, "{directors} directors");
    }
    for n in 1..1_000 {
        // They neither decide nor keep the others from deciding.
        assert!(tolerated_liars(n) < approvals_needed(n), "{n} directors");
        assert_eq!(n - tolerated_liars(n), approvals_needed(n), "{n} directors");
    }
}

#[test]
fn opposite_decisions_cannot_both_be_reached() {
    for n in 1..1_000 {
        let needed = approvals_needed(n);
        assert!(needed <= n && 2 * needed > n, "{n} directors");
        assert!(3 * needed >= 2 * n && 3 * (needed - 1) < 2 * n, "{n} directors");
    }
    assert_eq!(approvals_needed(u32::MAX), 2_863_311_530);
}

#[test]
fn a_quorum_is_more_than_two_thirds() {
    let table = [(0, 1), (1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (21, 15)];
    for (validators, needed) in table {
        assert_eq!(quorum(validators), needed, "{validators} validators");
    }
    for n in 1..1_000 {
        // Two quorums share more than a third of all.
        assert!(3 * (2 * quorum(n) - n) > n && quorum(n) <= n, "{n} validators");
    }
    assert_eq!(quorum(u32::MAX), 2_863_311_531);
}
