//! Nobody escapes: whatever a validator does after a double sign, it is slashed as long as its stake
//! is there or has to be, and nothing comes after that.

use crate::{mock::*, *};
use director_primitives::{
    Decision, RevocationReason, runtime_api::ValidatorStatus, test_utils::TestKey,
};
use frame_support::{assert_noop, assert_ok};

type RegistryError = pallet_validator_registry::Error<Test>;

/// Reports validator 1 and applies the slash.
fn is_slashed(proof: DoubleSignProof) {
    assert_ok!(report(90, proof));
    assert_eq!(info(1).status, ValidatorStatus::Tombstoned);
    go_to(System::block_number() + DEFER);
    idle();
    assert_eq!(held(1), 9_000);
}

#[test]
fn by_exit() {
    for wait in [0, 1, UNBONDING - 1, UNBONDING] {
        with_validators(12).execute_with(|| {
            assert_ok!(exit(1));
            go_to(1 + wait);
            is_slashed(proof(1, 3));
        });
    }
}

#[test]
fn by_withdrawing_while_the_slash_waits() {
    with_validators(12).execute_with(|| {
        assert_ok!(exit(1));
        go_to(1 + UNBONDING);
        assert_ok!(report(90, proof(1, 3)));
        go_to(1 + UNBONDING + 1);
        assert_noop!(withdraw(1), RegistryError::SlashPending);
        assert_noop!(
            ValidatorRegistry::clean_up(RuntimeOrigin::signed(50), 1),
            RegistryError::SlashPending
        );
        go_to(1 + UNBONDING + DEFER);
        idle();
        assert_eq!(held(1), 9_000);
        assert_ok!(withdraw(1));
        assert_eq!(free(1), FUNDS - 1_000);
    });
}

#[test]
fn by_revocation() {
    with_validators(12).execute_with(|| {
        let decision = Decision::Revoke(RevocationReason::RateLimit);
        assert_ok!(submit_votes(1, decision, 2));
        is_slashed(proof(1, 3));
    });
}

#[test]
fn by_rotating_the_key_after_the_two_votes() {
    with_validators(12).execute_with(|| {
        rotate(1, &TestKey::new(77));
        go_to(1 + UNBONDING);
        is_slashed(proof(1, 3));
    });
}

#[test]
fn by_rotating_the_key_between_the_two_votes() {
    with_validators(12).execute_with(|| {
        let (old, new) = (checkpoint_key(1), TestKey::new(77));
        let first = vote(&old, 3, 0xcc);
        rotate(1, &new);
        let second = vote(&new, 3, 0xaa);
        is_slashed(DoubleSignProof::new(GENESIS, first, second).unwrap());
    });
}

#[test]
fn by_rotating_twice() {
    with_validators(12).execute_with(|| {
        let (first, second) = (TestKey::new(77), TestKey::new(78));
        rotate(1, &first);
        rotate(1, &second);
        let proof =
            DoubleSignProof::new(GENESIS, vote(&checkpoint_key(1), 3, 0xaa), vote(&first, 3, 0xcc));
        is_slashed(proof.unwrap());
    });
}

#[test]
fn by_leaving_the_old_key_behind_in_an_exit() {
    with_validators(12).execute_with(|| {
        rotate(1, &TestKey::new(77));
        assert_ok!(exit(1));
        go_to(1 + UNBONDING);
        is_slashed(proof(1, 3));
    });
}

#[test]
fn a_replaced_key_is_not_punishable_for_ever() {
    with_validators(12).execute_with(|| {
        rotate(1, &TestKey::new(77));
        go_to(1 + UNBONDING + 1);
        assert_noop!(report(90, proof(1, 3)), Error::<Test>::UnknownKey);
    });
}

#[test]
fn who_does_not_take_its_stake_out_stays_answerable() {
    with_validators(12).execute_with(|| {
        assert_ok!(exit(1));
        go_to(1 + 3 * UNBONDING);
        is_slashed(proof(1, 3));
    });
}

#[test]
fn by_never_having_been_authorized() {
    with_validators(11).execute_with(|| {
        register(12).unwrap();
        report(90, proof(12, 3)).unwrap();
        go_to(1 + DEFER);
        idle();
        assert_eq!(held(12), 9_000);
    });
}
