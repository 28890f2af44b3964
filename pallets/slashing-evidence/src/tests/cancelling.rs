//! Governance changes its mind: everything is undone, and stays so.

use crate::{mock::*, *};
use director_primitives::{
    Decision,
    runtime_api::{ValidatorInfo, ValidatorStatus},
};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError::BadOrigin;

#[test]
fn a_cancelled_slash_restores_everything() {
    with_validators(12).execute_with(|| {
        let before = info(1);
        go_to(35);
        report(90, proof(1, 3)).unwrap();
        go_to(37);
        assert_ok!(cancel(1));
        let event = Event::SlashCancelled { validator: 1, checkpoint: 3, slashable_from: 4 };
        assert_eq!(last_event(), event.into());
        let after = info(1);
        assert_eq!(after.slashable_from, 4);
        assert_eq!(ValidatorInfo { slashable_from: 0, ..after }, before);
        assert!(SlashingEvidence::pending_slashes().is_empty());
        assert!(Window::<Test>::get().is_empty(), "it does not count with others either");
        go_to(35 + DEFER);
        idle();
        assert_eq!((held(1), free(90)), (STAKE, FUNDS));
        assert_noop!(apply(1), Error::<Test>::NoPendingSlash);
        // Authorized again, it can do what it could: leave, and withdraw.
        assert_ok!(exit(1));
        go_to(System::block_number() + UNBONDING + 1);
        assert_ok!(withdraw(1));
        assert_eq!(free(1), FUNDS);
    });
}

#[test]
fn what_was_excused_stays_excused_and_what_comes_later_does_not() {
    with_validators(12).execute_with(|| {
        report(90, proof(1, 3)).unwrap();
        assert_ok!(cancel(1));
        for excused in [1, 2, 3] {
            assert_noop!(report(90, proof(1, excused)), Error::<Test>::Excused);
        }
        assert_ok!(report(90, proof(1, 4)));
        assert_eq!(info(1).status, ValidatorStatus::Tombstoned);
    });
}

#[test]
fn nobody_but_governance_cancels() {
    with_validators(12).execute_with(|| {
        report(90, proof(1, 3)).unwrap();
        for who in [1, 50, 90] {
            let origin = RuntimeOrigin::signed(who);
            assert_noop!(SlashingEvidence::cancel_slash(origin, 1), BadOrigin);
        }
        assert_noop!(cancel(2), Error::<Test>::NoPendingSlash);
    });
}

#[test]
fn a_slash_can_be_cancelled_until_it_is_applied() {
    with_validators(12).execute_with(|| {
        report(90, proof(1, 3)).unwrap();
        report(90, proof(2, 3)).unwrap();
        go_to(1 + DEFER);
        assert_ok!(cancel(1));
        idle();
        assert_noop!(cancel(2), Error::<Test>::NoPendingSlash);
        assert_eq!((held(1), held(2)), (STAKE, 9_000));
    });
}

#[test]
fn who_was_leaving_is_leaving_again_with_the_time_that_it_had() {
    with_validators(12).execute_with(|| {
        assert_ok!(exit(1));
        go_to(50);
        report(90, proof(1, 3)).unwrap();
        assert_ok!(cancel(1));
        assert_eq!(info(1).status, ValidatorStatus::Exiting);
        go_to(1 + UNBONDING + 1);
        assert_ok!(withdraw(1));
    });
}

#[test]
fn who_was_revoked_is_revoked_again() {
    with_validators(12).execute_with(|| {
        let reason = director_primitives::RevocationReason::Operator;
        assert_ok!(submit_votes(1, Decision::Revoke(reason), 2));
        report(90, proof(1, 3)).unwrap();
        assert_ok!(cancel(1));
        assert_eq!(info(1).status, ValidatorStatus::Revoked);
        assert_ok!(submit_votes(1, Decision::Approve, 3));
        assert_eq!(info(1).status, ValidatorStatus::Authorized);
    });
}
