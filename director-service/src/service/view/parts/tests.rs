//! What is made of what others say, and of a double sign on its way.

#![allow(clippy::unwrap_used)]

use super::{
    cases::{case, ended, expected, steps},
    *,
};
use crate::{
    http::{Case, Step},
    reporter::EvidenceStatus,
    service::slashes::{End, Other, Report},
    store::State,
};
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

fn slash_step(state: &'static str) -> Step {
    Step { name: "slash", state, ..Step::default() }
}

#[test]
fn a_double_sign_is_told_from_the_proof_to_what_was_taken() {
    let ahead = [("finalized", "ahead", None), ("slash", "ahead", None)];
    let begun = steps(&case_of(State::Proven), None, slash_step("ahead"));
    let expected = [[("proven", "done", None), ("submitted", "now", None)], ahead].concat();
    assert_eq!(told(&begun), expected);

    let reported = case_of(State::Finalized { block: 31 });
    let in_chain =
        [("proven", "done", None), ("submitted", "done", None), ("finalized", "done", Some(31))];
    let waits = steps(&reported, Some(31), expected_slash(false, Some("tombstoned")));
    assert_eq!(told(&waits), [&in_chain[..], &[("slash", "now", Some(36))]].concat());
    let slashed = steps(&reported, Some(31), ended(End { block: 37, taken: Some(75) }));
    assert_eq!(told(&slashed), [&in_chain[..], &[("slash", "done", Some(37))]].concat());
    assert_eq!(slashed[3].amount.as_deref(), Some("75"));
    let cancelled = steps(&reported, Some(31), ended(End { block: 34, taken: None }));
    assert_eq!(told(&cancelled)[3], ("cancelled", "done", Some(34)));
}

/// What is told of a double sign that another reported first.
fn by_another(end: Option<End>, other: Option<Other>) -> Case {
    case(&case_of(State::Superseded), None, end, other)
}

#[test]
fn what_another_reported_is_told_to_its_end_too() {
    let report = Some(Report { block: 31, due: 36, checkpoint: 3 });
    let in_chain = [("proven", "done", None), ("finalized", "done", Some(31))];
    let after = |end, other| told_by(&by_another(end, Some(other)));
    // In the chain, and governance can still cancel what follows from it.
    let pending = by_another(None, Some(Other { report, waits: true }));
    assert_eq!(told_by(&pending), [&in_chain[..], &[("slash", "now", Some(36))]].concat());
    assert_eq!(pending.slash_from_block, Some(36));
    assert_eq!(pending.evidence.state, "superseded");
    assert_eq!(pending.steps[1].note.as_deref(), Some("by another's report"));
    assert!(!pending.is_open(), "nothing is left to bring to the chain");

    let gone = Other { report, waits: false };
    let slashed = by_another(Some(End { block: 37, taken: Some(75) }), Some(gone));
    assert_eq!(told_by(&slashed), [&in_chain[..], &[("slash", "done", Some(37))]].concat());
    assert_eq!(slashed.steps[2].amount.as_deref(), Some("75"));
    let cancelled = after(Some(End { block: 34, taken: None }), gone);
    assert_eq!(cancelled[2], ("cancelled", "done", Some(34)));
    // Nobody saw how it ended, or not even that it waited.
    assert_eq!(after(None, gone)[2], ("slash", "done", Some(36)));
    assert_eq!(
        after(None, Other::default())[1..],
        [("finalized", "done", None), ("slash", "done", None)]
    );
    // Nobody has asked the chain yet: nothing is claimed.
    let unasked = told_by(&by_another(None, None));
    assert_eq!(unasked[1..], [("finalized", "done", None), ("slash", "ahead", None)]);
}

fn told_by(case: &Case) -> Vec<(&'static str, &'static str, Option<u64>)> {
    case.steps.iter().map(|of| (of.name, of.state, of.block)).collect()
}

#[test]
fn what_the_chain_refuses_is_not_told_as_if_it_were_there() {
    let why = "the chain says that it proves nothing punishable: Excused";
    let refused = case(&case_of(State::Obsolete { why: why.into() }), None, None, None);
    assert_eq!(told_by(&refused), [("proven", "done", None), ("given_up", "failed", None)]);
    assert_eq!(refused.steps[1].note.as_deref(), Some(why));
    assert!(refused.slash_from_block.is_none() && !refused.is_open());
    assert_eq!(refused.evidence.state, format!("obsolete: {why}"));
}

#[test]
fn what_a_proof_waits_for_is_told() {
    let note = |state| {
        let case = case(&case_of(state), None, None, None);
        assert!(case.is_open(), "{case:?}");
        case.steps[1].note.clone()
    };
    assert_eq!(note(State::Proven), None);
    // A slash of which a node told that was wrong of what is final.
    let end = Some(End { block: 37, taken: Some(75) });
    let anew = case(&case_of(State::Proven), None, end, None);
    assert_eq!(told_by(&anew).last(), Some(&("slash", "ahead", None)));
    assert!(note(State::Waiting { since: 7 }).unwrap().contains("another offence"));
    assert!(note(State::FeesMissing).unwrap().contains("fund"));
}

fn expected_slash(overdue: bool, status: Option<&str>) -> Step {
    expected(Some(36), overdue, status)
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
