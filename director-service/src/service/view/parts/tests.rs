//! What is made of what others say, and of a double sign on its way.

#![allow(clippy::unwrap_used)]

use super::*;
use director_primitives::{
    H256,
    test_utils::{TestKey, double_sign},
};

fn neighbour(n: u8, age_ms: u64, finalized: u64) -> Neighbour {
    Neighbour {
        director: PublicKey::from_raw([n; 32]),
        age_ms,
        clock_ms: 0,
        validators: 0,
        capacity: 0,
        cpu_permille: 0,
        bandwidth_bytes_per_s: 0,
        finalized,
    }
}

/// What the directors are compared with, of whom these others were heard, each with its age and its block.
fn compared(directors: u32, own: u64, others: &[(u64, u64)]) -> u64 {
    let neighbours = (2..).zip(others).map(|(n, (age_ms, block))| neighbour(n, *age_ms, *block));
    let survey = Survey { finalized: own, neighbours: neighbours.collect(), ..Survey::default() };
    farthest(directors, &survey)
}

#[test]
fn one_liar_makes_nobody_look_as_if_it_lagged() {
    const LIE: u64 = u64::MAX;
    assert_eq!(compared(3, 100, &[(0, LIE), (0, 101)]), 101);
    assert_eq!(compared(4, 100, &[(0, 100), (0, LIE), (0, 101)]), 101);
    // Of seven two may lie.
    let two = [(0, LIE), (0, 101), (0, LIE), (0, 100), (0, 100), (0, 99)];
    assert_eq!(compared(7, 100, &two), 101);
    // A lie that is old, or that says too little, changes nothing either.
    assert_eq!(compared(3, 100, &[(FRESH_MS, LIE), (0, 100)]), 100);
    assert_eq!(compared(3, 100, &[(0, 0), (0, 101)]), 100);
}

#[test]
fn a_node_that_lags_is_told_by_what_the_others_say() {
    assert_eq!(compared(3, 90, &[(0, 100), (0, 101)]), 100);
    assert_eq!(compared(3, 90, &[(0, 100)]), 100, "the other one is silent");
    assert_eq!(compared(1, 90, &[]), 90);
    assert_eq!(compared(2, 90, &[(0, 100)]), 100);
}

fn case_of(state: State) -> EvidenceStatus {
    let proof = double_sign(&TestKey::new(1), H256::zero(), 3);
    EvidenceStatus {
        id: proof.id(),
        proof,
        checkpoint: 3,
        validator: None,
        state,
        proven_at_ms: 10,
        changed_at_ms: 20,
        attempts: 1,
        trouble: None,
    }
}

fn told(steps: &[Step]) -> Vec<(&str, &str, Option<u64>)> {
    steps.iter().map(|of| (of.name, of.state, of.block)).collect()
}

#[test]
fn a_double_sign_is_told_from_the_proof_to_what_was_taken() {
    let ahead = [("finalized", "ahead", None), ("slash", "ahead", None)];
    let begun = steps(&case_of(State::Proven), None, None);
    let expected = [[("proven", "done", None), ("submitted", "now", None)], ahead].concat();
    assert_eq!(told(&begun), expected);

    let reported = case_of(State::Finalized { block: 31 });
    let in_chain =
        [("proven", "done", None), ("submitted", "done", None), ("finalized", "done", Some(31))];
    let waits = steps(&reported, Some(31), Some(expected_slash(false, Some("tombstoned"))));
    assert_eq!(told(&waits), [&in_chain[..], &[("slash", "now", Some(36))]].concat());
    let slashed = steps(&reported, Some(31), Some(ended(End { block: 37, taken: Some(75) })));
    assert_eq!(told(&slashed), [&in_chain[..], &[("slash", "done", Some(37))]].concat());
    assert_eq!(slashed[3].amount.as_deref(), Some("75"));
    let cancelled = steps(&reported, Some(31), Some(ended(End { block: 34, taken: None })));
    assert_eq!(told(&cancelled)[3], ("cancelled", "done", Some(34)));

    let by_another = case_of(State::Superseded);
    let short = [("proven", "done", None), ("finalized", "done", None)];
    assert_eq!(told(&steps(&by_another, None, None)), short);
    let slashed = steps(&by_another, None, Some(ended(End { block: 37, taken: Some(75) })));
    assert_eq!(told(&slashed)[2], ("slash", "done", Some(37)));
}

fn expected_slash(overdue: bool, status: Option<&str>) -> Step {
    expected(36, overdue, status)
}

#[test]
fn of_a_slash_that_nobody_saw_no_amount_is_told() {
    for (status, name) in [
        (Some("tombstoned"), "slash"),
        (Some("authorized"), "cancelled"),
        (Some("revoked"), "cancelled"),
        (None, "slash"),
    ] {
        let step = expected_slash(true, status);
        assert_eq!((step.name, step.state, step.amount), (name, "done", None));
    }
}
