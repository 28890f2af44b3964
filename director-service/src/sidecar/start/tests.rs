use super::*;
use crate::sidecar::tests::{INTERVAL, account, snapshot};

#[test]
fn a_new_file_contradicts_nothing_that_an_earlier_life_may_have_sent() {
    let finalized = 5;
    let now = snapshot(finalized * INTERVAL + 7, ValidatorStatus::Authorized);
    // Its node was one checkpoint ahead of ours, and it signed as far ahead as it may.
    let last = finalized + 1 + AHEAD;
    assert_eq!(first_checkpoint(&now, &account()), last + 1);
    for status in [ValidatorStatus::Revoked, ValidatorStatus::Exiting, ValidatorStatus::Tombstoned]
    {
        let now = snapshot(finalized * INTERVAL, status);
        assert_eq!(first_checkpoint(&now, &account()), last + 1, "{status:?}");
    }
}

#[test]
fn a_candidate_that_never_could_vote_need_not_wait_for_long() {
    let now = snapshot(57, ValidatorStatus::Candidate);
    assert_eq!(first_checkpoint(&now, &account()), 7);
}
