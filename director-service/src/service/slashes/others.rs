//! Finds, among the slashes that wait, those to which another's report of a double sign led.
//!
//! * upon the slashes that wait at a finalized block: each double sign that another reported first has its block, its
//!   due and whether it waits still. What waited once is remembered, for its end is told by its checkpoint.
//!
//! Bounded by the double signs that the reporter knows.

use crate::{reporter::EvidenceStatus, store::State};
use director_primitives::{AccountId32, CheckpointNumber, H256, runtime_api::PendingSlash};
use std::collections::HashMap;

/// The report that was first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) struct Report {
    /// The block in which it is.
    pub(in crate::service) block: u64,
    /// From which block on its slash can be applied.
    pub(in crate::service) due: u64,
    /// The checkpoint that it is about: an offence excuses earlier ones of the same validator.
    pub(in crate::service) checkpoint: CheckpointNumber,
}

/// What the chain had of it when it was asked last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::service) struct Other {
    /// The report; `None` if its slash was over before this director asked.
    pub(in crate::service) report: Option<Report>,
    /// Whether its slash still waits.
    pub(in crate::service) waits: bool,
}

/// What is known of them, by the ids of their proofs.
#[derive(Debug, Default)]
pub(in crate::service) struct Others(HashMap<H256, Other>);

impl Others {
    /// `None` if the chain was not asked yet.
    pub(in crate::service) fn of(&self, id: &H256) -> Option<Other> {
        self.0.get(id).copied()
    }

    /// These slashes wait; `accused` says whom a proof is about.
    pub(in crate::service) fn learn(
        &mut self,
        cases: &[EvidenceStatus],
        accused: impl Fn(&EvidenceStatus) -> Option<AccountId32>,
        pending: &[PendingSlash<AccountId32>],
    ) {
        let superseded = || cases.iter().filter(|of| of.state == State::Superseded);
        self.0.retain(|id, _| superseded().any(|of| of.id == *id));
        for of in superseded() {
            let found = find(of, accused(of), pending);
            let other = self.0.entry(of.id).or_default();
            other.waits = found.is_some();
            other.report = found.or(other.report);
        }
    }
}

/// The report of this very offence, or else of one that excuses it, as the reporter looks for it.
fn find(
    of: &EvidenceStatus,
    accused: Option<AccountId32>,
    pending: &[PendingSlash<AccountId32>],
) -> Option<Report> {
    let (first, second) = (&of.proof.first.vote, &of.proof.second.vote);
    let is_this = |slash: &&PendingSlash<AccountId32>| {
        let offence = &slash.offence;
        (offence.checkpoint, offence.first_hash, offence.second_hash)
            == (first.checkpoint, first.block_hash, second.block_hash)
    };
    let excuses = |slash: &&PendingSlash<AccountId32>| {
        let offence = &slash.offence;
        accused.as_ref() == Some(&offence.validator) && offence.checkpoint >= first.checkpoint
    };
    let slash = pending.iter().find(is_this).or_else(|| pending.iter().find(excuses))?;
    let (block, due) = (slash.reported_at, slash.apply_at);
    Some(Report { block, due, checkpoint: slash.offence.checkpoint })
}

#[cfg(test)]
mod tests {
    use super::*;
    use director_primitives::{
        Offence,
        test_utils::{TestKey, double_sign},
    };

    fn case(checkpoint: u64, state: State) -> EvidenceStatus {
        let proof = double_sign(&TestKey::new(1), H256::zero(), checkpoint);
        EvidenceStatus {
            id: proof.id(),
            proof,
            checkpoint,
            validator: None,
            state,
            proven_at_ms: 0,
            changed_at_ms: 0,
            attempts: 1,
            trouble: None,
        }
    }

    /// A slash of validator `of`, for these blocks of this checkpoint, reported in block 11.
    fn slash(
        of: u8,
        checkpoint: u64,
        [first_hash, second_hash]: [H256; 2],
    ) -> PendingSlash<AccountId32> {
        let validator = AccountId32::new([of; 32]);
        let offence = Offence { validator, checkpoint, first_hash, second_hash };
        PendingSlash { offence, reporter: AccountId32::new([9; 32]), reported_at: 11, apply_at: 16 }
    }

    fn learn(others: &mut Others, cases: &[EvidenceStatus], pending: &[PendingSlash<AccountId32>]) {
        others.learn(cases, |_| Some(AccountId32::new([1; 32])), pending);
    }

    #[test]
    fn what_waited_is_remembered_when_it_waits_no_longer() {
        let cases = [case(3, State::Superseded)];
        let [of] = &cases;
        let hashes = [of.proof.first.vote.block_hash, of.proof.second.vote.block_hash];
        let mut others = Others::default();
        assert_eq!(others.of(&of.id), None, "nobody has asked");
        // Whoever did it: the offence is this one.
        learn(&mut others, &cases, &[slash(2, 3, hashes)]);
        let report = Some(Report { block: 11, due: 16, checkpoint: 3 });
        assert_eq!(others.of(&of.id), Some(Other { report, waits: true }));
        learn(&mut others, &cases, &[]);
        assert_eq!(others.of(&of.id), Some(Other { report, waits: false }));
        learn(&mut others, &[case(3, State::Proven)], &[]);
        assert_eq!(
            others.of(&of.id),
            None,
            "that block was not final, and the reporter begins anew"
        );
    }

    #[test]
    fn a_later_offence_of_the_same_validator_stands_for_it() {
        let cases = [case(3, State::Superseded), case(4, State::Proven)];
        let hashes = [H256::repeat_byte(7), H256::repeat_byte(8)];
        let mut others = Others::default();
        learn(&mut others, &cases, &[slash(1, 2, hashes), slash(2, 5, hashes)]);
        assert_eq!(
            others.of(&cases[0].id),
            Some(Other::default()),
            "an earlier one, and another's"
        );
        learn(&mut others, &cases, &[slash(1, 5, hashes)]);
        let report = Some(Report { block: 11, due: 16, checkpoint: 5 });
        assert_eq!(others.of(&cases[0].id), Some(Other { report, waits: true }));
        assert_eq!(others.of(&cases[1].id), None, "its own report is on its way");
    }
}
