//! Nobody escapes: whatever a validator does after a double sign, it is slashed as long as its stake
//! is there or has to be, and nothing comes after that.

use crate::{mock::*, *};
use director_primitives::{
    Decision, KeyRole, RevocationReason, runtime_api::ValidatorStatus, test_utils::TestKey,
};
use frame_support::{assert_noop, assert_ok, hypothetically};

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

/// What a validator may try after it has signed twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    Rotate,
    Exit,
    BeRevoked,
    Unbond,
    Withdraw,
}

impl Attempt {
    const ALL: [Self; 5] =
        [Self::Rotate, Self::Exit, Self::BeRevoked, Self::Unbond, Self::Withdraw];

    /// Tries it in the present block; whether that went well.
    fn by_validator_1(self) -> bool {
        let origin = RuntimeOrigin::signed(1);
        let result = match self {
            Self::Rotate => {
                let new = TestKey::new(77);
                let proof = new.possession(&GENESIS, 1u64, KeyRole::Checkpoint);
                ValidatorRegistry::rotate_checkpoint_key(origin, new.public(), proof)
            }
            Self::Exit => exit(1),
            Self::BeRevoked => {
                let decision = Decision::Revoke(RevocationReason::Operator);
                submit_votes(1, decision, 2).map(drop).map_err(|error| error.error)
            }
            Self::Unbond => ValidatorRegistry::unbond(origin, 1_000),
            Self::Withdraw => withdraw(1)
                .or_else(|_| ValidatorRegistry::withdraw_unbonded(RuntimeOrigin::signed(1))),
        };
        check();
        result.is_ok()
    }
}

/// Every order of `items`.
fn orders(items: &[Attempt]) -> Vec<Vec<Attempt>> {
    if items.is_empty() {
        return vec![vec![]];
    }
    let mut all = Vec::new();
    for (at, first) in items.iter().enumerate() {
        let mut rest = items.to_vec();
        rest.remove(at);
        for order in orders(&rest) {
            all.push([vec![*first], order].concat());
        }
    }
    all
}

/// In each order of all attempts, one a block: slashed up to the last block of the unbonding period, and
/// unslashable after it.
fn nobody_escapes(first: Attempt) {
    let rest: Vec<_> = Attempt::ALL.into_iter().filter(|other| *other != first).collect();
    // One chain, on which everything is undone after each case.
    with_validators(1).execute_with(|| {
        for order in orders(&rest) {
            let order = [vec![first], order].concat();
            for late in [-1, 0, 1] {
                hypothetically!(one_attempt_after_the_other(&order, late));
            }
        }
    });
}

fn one_attempt_after_the_other(order: &[Attempt], late: i64) {
    // The first thing that frees it is what counts: the key that it rotated away, or the exit.
    let mut freed_by = None;
    for attempt in order {
        let is_freeing = matches!(attempt, Attempt::Rotate | Attempt::Exit);
        if attempt.by_validator_1() && is_freeing {
            freed_by.get_or_insert(System::block_number());
        }
        go_to(System::block_number() + 1);
    }
    let last = freed_by.unwrap() + UNBONDING;
    go_to(last.checked_add_signed(late).unwrap());
    // Once more, in the last moment.
    let is_out = withdraw(1).is_ok();
    let result = report(90, proof(1, 3));
    if late <= 0 {
        assert!(!is_out, "{order:?}");
        assert_ok!(result);
        go_to(System::block_number() + DEFER);
        idle();
        // Alone it was all the validators: everything that was on hold is gone.
        assert_eq!((held(1), free(1)), (0, FUNDS - STAKE), "{order:?}");
    } else {
        assert_eq!(result.map_err(|e| e.error), Err(Error::<Test>::UnknownKey.into()), "{order:?}");
        assert_ne!(info_or_gone(), Some(ValidatorStatus::Tombstoned), "{order:?}");
    }
}

fn info_or_gone() -> Option<ValidatorStatus> {
    ValidatorRegistry::validator_info(&1).map(|info| info.status)
}

#[test]
fn in_any_order_that_begins_with_a_rotation() {
    nobody_escapes(Attempt::Rotate);
}

#[test]
fn in_any_order_that_begins_with_an_exit() {
    nobody_escapes(Attempt::Exit);
}

#[test]
fn in_any_order_that_begins_with_a_revocation() {
    nobody_escapes(Attempt::BeRevoked);
}

#[test]
fn in_any_order_that_begins_with_unbonding() {
    nobody_escapes(Attempt::Unbond);
}

#[test]
fn in_any_order_that_begins_with_a_withdrawal() {
    nobody_escapes(Attempt::Withdraw);
}
