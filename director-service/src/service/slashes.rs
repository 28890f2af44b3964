//! Follows each double sign to its end on chain: slashed, with block and amount, or cancelled.
//!
//! For people alone: the reporter's work is over when its report is final. Events of a block are asked for only while
//! a slash is waited for.
//!
//! * upon a finalized block, while another's report was first and its slash has not come to an end: the slashes that wait;
//! * upon a finalized block, while a report is in the chain and its slash has not come to an end: the block's events;
//! * upon a slash that was due before this director was there to see it (a restart): the blocks from then on,
//!   [`LOOK_BACK`] of them; slashes are applied as soon as they are due;
//! * upon a slash of which nothing is heard for [`PATIENCE`] blocks after it was due: no more is asked about it.

mod others;

#[cfg(test)]
pub(super) use others::Report;
pub(super) use others::{Other, Others};

use super::{Stopper, round::unix_ms, view::View};
use crate::{
    chain::{ChainError, Head, Node, SlashEnd},
    reporter::EvidenceStatus,
    store::State,
};
use director_primitives::{AccountId32, CheckpointNumber, H256, Snapshot};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::time::sleep;
use tracing::debug;

/// Blocks that are looked through for a slash that was due before.
pub(super) const LOOK_BACK: u64 = 8;

/// Blocks after which nothing more is expected.
const PATIENCE: u64 = 1_000;

/// Wait after a node that did not answer.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Questions about a block that a node which answers has no answer to.
const MAX_ATTEMPTS: u32 = 3;

/// Ends that are remembered, the newest: as many as there are cases on the page.
const MAX_KNOWN: usize = 1_000;

/// How a slash ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// In which block.
    pub(super) block: u64,
    /// What was taken; `None` if governance cancelled it.
    pub(super) taken: Option<u128>,
}

/// Ends that are known.
#[derive(Debug, Default)]
pub(super) struct Ends(HashMap<(AccountId32, CheckpointNumber), End>);

impl Ends {
    pub(super) fn of(&self, validator: &AccountId32, checkpoint: CheckpointNumber) -> Option<End> {
        self.0.get(&(validator.clone(), checkpoint)).copied()
    }

    pub(super) fn learn(&mut self, block: u64, ends: Vec<SlashEnd>) {
        for SlashEnd { validator, checkpoint, taken } in ends {
            self.0.insert((validator, checkpoint), End { block, taken });
        }
        while self.0.len() > MAX_KNOWN {
            let oldest = self.0.iter().min_by_key(|(_, end)| end.block).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| self.0.remove(&oldest));
        }
    }
}

/// What is still waited for.
#[derive(Debug)]
struct Waiting {
    /// The wall clock when this began: what others brought to the chain before that is over, as far as anybody knows.
    began_ms: u64,
    /// At which block each was first seen.
    seen: BTreeMap<H256, u64>,
    looked_back: BTreeSet<H256>,
}

impl Waiting {
    fn new(began_ms: u64) -> Self {
        Self { began_ms, seen: BTreeMap::new(), looked_back: BTreeSet::new() }
    }

    /// Blocks whose events have to be seen at this one.
    fn blocks(
        &mut self,
        number: u64,
        deferred: u64,
        cases: &[EvidenceStatus],
        has_ended: impl Fn(&EvidenceStatus) -> bool,
        known: impl Fn(&EvidenceStatus) -> Option<Other>,
    ) -> BTreeSet<u64> {
        self.seen.retain(|id, _| cases.iter().any(|of| of.id == *id));
        self.looked_back.retain(|id| self.seen.contains_key(id));
        let mut blocks = BTreeSet::new();
        for of in cases.iter().filter(|of| !has_ended(of)) {
            let due = match &of.state {
                State::Finalized { block } => block.saturating_add(deferred),
                State::Superseded => match known(of).and_then(|other| other.report) {
                    Some(report) => report.due,
                    // When it came into the chain is not known here, but not before now.
                    None if of.changed_at_ms >= self.began_ms => {
                        let seen = self.seen.get(&of.id).copied().unwrap_or(number);
                        seen.saturating_add(deferred)
                    }
                    None => continue,
                },
                _ => continue,
            };
            let seen = *self.seen.entry(of.id).or_insert(number);
            if self.looked_back.insert(of.id) && due < number {
                blocks.extend(due..number.min(due.saturating_add(LOOK_BACK)));
            }
            if number <= due.max(seen).saturating_add(PATIENCE) {
                blocks.insert(number);
            }
        }
        blocks
    }

    /// Whether the slashes that wait have to be seen at this block: another's report was first, and this director has not asked
    /// yet, or does not know the end.
    fn asks(
        &self,
        number: u64,
        cases: &[EvidenceStatus],
        has_ended: impl Fn(&EvidenceStatus) -> bool,
        known: impl Fn(&EvidenceStatus) -> Option<Other>,
    ) -> bool {
        let is_followed = |of: &EvidenceStatus| {
            self.seen.get(&of.id).is_some_and(|seen| number <= seen.saturating_add(PATIENCE))
        };
        let others = cases.iter().filter(|of| of.state == State::Superseded);
        others
            .filter(|of| !has_ended(of))
            .any(|of| known(of).is_none_or(|other| other.waits || is_followed(of)))
    }
}

/// Works until it is stopped.
pub(super) async fn run(node: Node, view: Arc<View>, stopper: Stopper) {
    let mut blocks = node.blocks(None);
    let mut waiting = Waiting::new(unix_ms());
    let stopped = stopper.stopped();
    tokio::pin!(stopped);
    let follow = async {
        loop {
            let head = blocks.next().await;
            let Some(snapshot) = node.finalized().borrow().clone() else { continue };
            let cases = view.reported();
            let ended = |of: &EvidenceStatus| view.slash_end(of, &snapshot).is_some();
            let known = |of: &EvidenceStatus| view.other(of);
            if waiting.asks(head.number, &cases, ended, known) {
                match node.pending_slashes().await {
                    Ok(pending) => view.learn_pending(&cases, &snapshot, &pending),
                    Err(error) => debug!(%error, "cannot read the slashes that wait"),
                }
            }
            let deferred = snapshot.domain.slash_defer_period;
            for number in waiting.blocks(head.number, deferred, &cases, ended, known) {
                let ends = ends_in(&node, number, head).await;
                view.learn_slashes(number, ends);
            }
        }
    };
    tokio::select! {
        () = &mut stopped => {}
        () = follow => {}
    }
}

/// What ended in a block. Waits for a node that is away; what it has thrown away nobody will ever know here.
async fn ends_in(node: &Node, number: u64, head: Head) -> Vec<SlashEnd> {
    let mut attempts = 0;
    loop {
        let read = async {
            let hash = match number == head.number {
                true => Some(head.hash),
                false => node.block_hash(number).await?,
            };
            match hash {
                Some(hash) => node.slash_ends(Head { number, hash }).await,
                None => Ok(Vec::new()),
            }
        };
        match read.await {
            Ok(ends) => return ends,
            Err(error) if is_away(&error) || attempts < MAX_ATTEMPTS => {
                attempts += 1;
                debug!(number, %error, "cannot read a block's events; trying again");
                sleep(RETRY_DELAY).await;
            }
            Err(error) => {
                debug!(number, %error, "cannot read a block's events");
                return Vec::new();
            }
        }
    }
}

fn is_away(error: &ChainError) -> bool {
    matches!(error, ChainError::Unreachable(_) | ChainError::Timeout(_))
}

/// Whom a proof accuses: the reporter knows once the chain has said so, and after a restart not any more.
pub(super) fn accused(of: &EvidenceStatus, snapshot: &Snapshot) -> Option<AccountId32> {
    let by_key = || snapshot.validator_by_checkpoint_key(&of.proof.first.key);
    of.validator.clone().or_else(|| by_key().map(|validator| validator.account.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use director_primitives::test_utils::{TestKey, double_sign};

    const DEFERRED: u64 = 5;

    fn case(checkpoint: u64, state: State) -> EvidenceStatus {
        let proof = double_sign(&TestKey::new(1), H256::zero(), checkpoint);
        EvidenceStatus {
            id: proof.id(),
            proof,
            checkpoint,
            validator: Some(AccountId32::new([1; 32])),
            state,
            proven_at_ms: 0,
            changed_at_ms: 1_000,
            attempts: 1,
            trouble: None,
        }
    }

    fn blocks(waiting: &mut Waiting, number: u64, cases: &[EvidenceStatus]) -> Vec<u64> {
        waiting.blocks(number, DEFERRED, cases, |_| false, |_| None).into_iter().collect()
    }

    #[test]
    fn events_are_asked_for_only_while_a_slash_is_waited_for() {
        let mut waiting = Waiting::new(500);
        assert_eq!(blocks(&mut waiting, 9, &[]), [0; 0]);
        assert_eq!(blocks(&mut waiting, 10, &[case(1, State::Proven)]), [0; 0]);
        let reported = [case(1, State::Finalized { block: 11 })];
        assert_eq!(blocks(&mut waiting, 11, &reported), [11]);
        assert_eq!(blocks(&mut waiting, 16, &reported), [16]);
        let ended = waiting.blocks(17, DEFERRED, &reported, |_| true, |_| None);
        assert!(ended.is_empty(), "it has ended");
        // Governance may have put it off, but not for ever.
        assert_eq!(blocks(&mut waiting, 16 + PATIENCE, &reported), [16 + PATIENCE]);
        assert_eq!(blocks(&mut waiting, 17 + PATIENCE, &reported), [0; 0]);
    }

    #[test]
    fn after_a_restart_the_blocks_in_which_it_was_due_are_looked_through_once() {
        let mut waiting = Waiting::new(5_000);
        let reported = [case(1, State::Finalized { block: 11 })];
        let expected: Vec<_> = (16..16 + LOOK_BACK).chain([50]).collect();
        assert_eq!(blocks(&mut waiting, 50, &reported), expected);
        assert_eq!(blocks(&mut waiting, 51, &reported), [51]);
        let mut waiting = Waiting::new(5_000);
        assert_eq!(blocks(&mut waiting, 18, &reported), [16, 17, 18]);
    }

    #[test]
    fn a_report_of_another_director_is_followed_if_it_came_meanwhile() {
        let by_another = [case(1, State::Superseded)];
        assert_eq!(blocks(&mut Waiting::new(1_001), 50, &by_another), [0; 0]);
        let mut waiting = Waiting::new(1_000);
        assert_eq!(blocks(&mut waiting, 50, &by_another), [50]);
        assert_eq!(blocks(&mut waiting, 55, &by_another), [55]);
        let last = 50 + DEFERRED + PATIENCE;
        assert_eq!(blocks(&mut waiting, last, &by_another), [last]);
        assert_eq!(blocks(&mut waiting, last + 1, &by_another), [0; 0]);
    }

    #[test]
    fn slashes_that_wait_are_asked_for_only_while_anothers_report_is_followed() {
        let waits = |waits: bool| {
            let report = waits.then_some(Report { block: 20, due: 60, checkpoint: 1 });
            move |_: &EvidenceStatus| Some(Other { report, waits })
        };
        let by_another = [case(1, State::Superseded)];
        // From before the start: once, and as long as it waits.
        let mut waiting = Waiting::new(5_000);
        assert!(!waiting.asks(50, &[case(1, State::Finalized { block: 9 })], |_| false, |_| None));
        assert!(waiting.asks(50, &by_another, |_| false, |_| None));
        assert!(!waiting.asks(50, &by_another, |_| true, |_| None), "it has ended");
        assert!(!waiting.asks(50, &by_another, |_| false, waits(false)));
        assert!(waiting.asks(50, &by_another, |_| false, waits(true)));
        let blocks = waiting.blocks(50, DEFERRED, &by_another, |_| false, waits(true));
        assert_eq!(blocks.into_iter().collect::<Vec<_>>(), [50]);
        // When it waits no longer its end is looked for in the events, for a while.
        assert!(waiting.asks(51, &by_another, |_| false, waits(false)));
        assert!(!waiting.asks(51 + PATIENCE, &by_another, |_| false, waits(false)));
    }

    #[test]
    fn of_the_ends_the_newest_are_remembered() {
        let mut ends = Ends::default();
        let validator = AccountId32::new([1; 32]);
        for checkpoint in 0..1_200 {
            let end = SlashEnd { validator: validator.clone(), checkpoint, taken: Some(7) };
            ends.learn(100 + checkpoint, vec![end]);
        }
        assert_eq!(ends.0.len(), MAX_KNOWN);
        assert_eq!(ends.of(&validator, 199), None);
        assert_eq!(ends.of(&validator, 200), Some(End { block: 300, taken: Some(7) }));
    }
}
