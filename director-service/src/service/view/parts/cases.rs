//! Tells double signs, each from the two votes to what became of them.

use crate::{
    http::{Case, Cases, Evidence, Step},
    reporter::EvidenceStatus,
    service::{
        slashes::{End, LOOK_BACK, Other, accused},
        view::{View, hash},
    },
    store::State,
};
use director_primitives::Snapshot;

/// Double signs that are told, the newest.
const MAX_CASES: usize = 100;

/// Why a proof waits that the chain calls right, for people.
const WAITS: &str = "punished for another offence, which may be excused";

/// What is needed before a report can be paid for.
const FEES_MISSING: &str = "fund this director's account";

/// Double signs that this director knows a proof of, the newest first.
pub(super) fn all(view: &View, snapshot: Option<&Snapshot>) -> Cases {
    let known = view.reported();
    let newest = known.iter().rev().take(MAX_CASES);
    let end = |of: &EvidenceStatus| view.slash_end(of, snapshot?);
    let items = newest.map(|of| case(of, snapshot, end(of), view.other(of)));
    Cases { total: known.len() as u32, items: items.collect() }
}

/// A double sign; `other` is what the chain has of another's report.
pub(super) fn case(
    of: &EvidenceStatus,
    snapshot: Option<&Snapshot>,
    end: Option<End>,
    other: Option<Other>,
) -> Case {
    let validator = snapshot.and_then(|known| known.validator(&accused(of, known)?));
    let deferred = snapshot.map_or(0, |known| known.domain.slash_defer_period);
    let report = match &of.state {
        State::Finalized { block } => Some((*block, block.saturating_add(deferred))),
        State::Superseded => other.and_then(|of| of.report).map(|of| (of.block, of.due)),
        _ => None,
    };
    let slash_from_block = report.map(|(_, due)| due);
    let validator_status = validator.map(|of| super::status(of.status));
    let is_past = |due: u64| snapshot.is_some_and(|known| known.number > due + LOOK_BACK);
    let is_over = match (&of.state, other) {
        (State::Finalized { .. }, _) => Some(slash_from_block.is_some_and(is_past)),
        (State::Superseded, Some(other)) => Some(!other.waits),
        _ => None,
    };
    // What was in the chain may be there no longer: a node can be wrong of what is final.
    let end = end.filter(|_| of.state.is_done());
    let slash = match (end, is_over) {
        (Some(end), _) => ended(end),
        (None, Some(is_over)) => expected(slash_from_block, is_over, validator_status),
        (None, None) => Step { name: "slash", state: "ahead", ..Step::default() },
    };
    Case {
        evidence: evidence(of, snapshot),
        validator_status,
        slash_from_block,
        steps: steps(of, report.map(|(block, _)| block), slash),
    }
}

/// The last step, as the chain's events have it.
pub(super) fn ended(end: End) -> Step {
    let block = Some(end.block);
    match end.taken {
        Some(taken) => {
            let amount = Some(taken.to_string());
            Step { name: "slash", state: "done", block, amount, ..Step::default() }
        }
        None => Step { name: "cancelled", state: "done", block, ..Step::default() },
    }
}

/// The last step, while its event was not seen. If it is over this director was not there; then whether the
/// validator is still punished says how it ended, and nothing says how much was taken.
pub(super) fn expected(due: Option<u64>, is_over: bool, validator_status: Option<&str>) -> Step {
    match (is_over, validator_status) {
        (false, _) => Step { name: "slash", state: "now", block: due, ..Step::default() },
        (true, Some("tombstoned") | None) => {
            Step { name: "slash", state: "done", block: due, ..Step::default() }
        }
        (true, Some(_)) => Step { name: "cancelled", state: "done", ..Step::default() },
    }
}

/// From the proof to the slash, whoever reported it; or to what keeps it from the chain for good.
pub(super) fn steps(of: &EvidenceStatus, reported: Option<u64>, slash: Step) -> Vec<Step> {
    let step = |name, state, at_ms, block| Step { name, state, at_ms, block, ..Step::default() };
    let noted = |step, note: &str| Step { note: Some(note.into()), ..step };
    let proven = step("proven", "done", Some(of.proven_at_ms), None);
    let changed = Some(of.changed_at_ms);
    let finalized = || step("finalized", "done", changed, reported);
    let on_its_way = |submitted| {
        vec![proven.clone(), submitted, step("finalized", "ahead", None, None), slash.clone()]
    };
    let waits = || step("submitted", "now", None, None);
    match &of.state {
        State::Finalized { .. } => {
            vec![proven, step("submitted", "done", None, None), finalized(), slash]
        }
        State::Superseded => vec![proven, noted(finalized(), "by another's report"), slash],
        State::Obsolete { why } => {
            vec![proven, noted(step("given_up", "failed", changed, None), why)]
        }
        State::Submitted { block } | State::Signed { born: block, .. } => {
            on_its_way(step("submitted", "now", changed, Some(*block)))
        }
        State::Waiting { .. } => on_its_way(noted(waits(), WAITS)),
        State::FeesMissing => on_its_way(noted(waits(), FEES_MISSING)),
        State::Proven => on_its_way(waits()),
    }
}

/// A proof and what became of it.
pub(in crate::service::view) fn evidence(
    known: &EvidenceStatus,
    snapshot: Option<&Snapshot>,
) -> Evidence {
    let name = known.state.name();
    let (state, submitted_block, finalized_block) = match &known.state {
        State::Proven => (name.to_owned(), None, None),
        State::Submitted { block } | State::Signed { born: block, .. } => {
            (name.to_owned(), Some(*block), None)
        }
        State::Finalized { block } => (name.to_owned(), None, Some(*block)),
        State::Obsolete { why } => (format!("{name}: {why}"), None, None),
        State::Superseded => (name.to_owned(), None, None),
        State::Waiting { .. } => (format!("{name}: {WAITS}"), None, None),
        State::FeesMissing => (format!("{name}: {FEES_MISSING}"), None, None),
    };
    Evidence {
        id: hash(&known.id),
        validator: snapshot.and_then(|of| accused(known, of)).map(|of| of.to_string()),
        checkpoint: known.checkpoint,
        state,
        detected_at_ms: known.proven_at_ms,
        changed_at_ms: known.changed_at_ms,
        submitted_block,
        finalized_block,
        attempts: known.attempts,
        trouble: known.trouble.clone(),
    }
}
