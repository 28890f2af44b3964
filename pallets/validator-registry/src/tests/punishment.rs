//! Punish, pardon, slash: as the slashing pallet asks for it.

use crate::{mock::*, *};
use director_primitives::traits::{Offenders, Punished};
use frame_support::{assert_noop, assert_ok, traits::Imbalance};
use sp_runtime::Perbill;

type Registry = ValidatorRegistry;

fn punish(validator: AccountId) -> Punished<Balance> {
    let punished = <Registry as Offenders<_>>::punish(&validator).unwrap();
    check();
    punished
}

fn slash(validator: AccountId, percent: u32) -> Result<(Balance, Balance), DispatchError> {
    let fraction = Perbill::from_percent(percent);
    let stake = stored(validator).stake;
    let taken = <Registry as Offenders<_>>::slash(&validator, stake, fraction)?;
    let numbers = (taken.credit.peek(), taken.shortfall);
    drop(taken);
    check();
    Ok(numbers)
}

#[test]
fn a_punishment_revokes_and_locks() {
    with_directors(3).execute_with(|| {
        (1..=3).for_each(|validator| register(validator).unwrap());
        authorize(1, 1);
        authorize(2, 2);
        let punished = punish(1);
        let expected =
            Punished { registration_id: 0, stake: MIN_STAKE, authorized: 2, was_authorized: true };
        assert_eq!(punished, expected);
        assert_eq!((status(1), AuthorizedCount::<Test>::get()), (ValidatorStatus::Tombstoned, 1));
        assert!(<Registry as Offenders<_>>::is_punished(&1));
        assert_noop!(
            <Registry as Offenders<_>>::punish(&1).map(|_| ()),
            Error::<Test>::AlreadyPunished
        );
        assert_noop!(
            <Registry as Offenders<_>>::punish(&9).map(|_| ()),
            Error::<Test>::NotRegistered
        );
        // A candidate counts itself as well.
        let candidate = punish(3);
        assert_eq!((candidate.authorized, candidate.was_authorized), (2, false));
        for locked in [exit(1), rotate(1, &peer_key(8))] {
            assert_eq!(locked, Err(Error::<Test>::NotEligible.into()));
        }
        assert_noop!(submit(vec![vote(90, 1, APPROVE, 9)]), Error::<Test>::NotEligible);
    });
}

#[test]
fn cannot_withdraw_while_slash_pending() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        assert_ok!(exit(1));
        let until = System::block_number() + UNBONDING;
        go_to(until);
        punish(1);
        // However late it is.
        for block in [until, until + 1, until + 2, until + 10 * UNBONDING] {
            go_to(block);
            assert_noop!(withdraw(1), Error::<Test>::SlashPending);
            assert_noop!(
                ValidatorRegistry::clean_up(RuntimeOrigin::signed(2), 1),
                Error::<Test>::SlashPending
            );
        }
        assert_eq!(slash(1, 10), Ok((100, 0)));
        // Its own exit has run its time already.
        assert_ok!(withdraw(1));
        assert_eq!(Balances::free_balance(1), FUNDS - 100);
    });
}

#[test]
fn a_pardon_restores_everything() {
    for leaves in [false, true] {
        with_directors(3).execute_with(|| {
            assert_ok!(register(1));
            authorize(1, 1);
            if leaves {
                assert_ok!(exit(1));
            }
            let (before, count) = (stored(1), AuthorizedCount::<Test>::get());
            go_to(30);
            punish(1);
            assert_ok!(<Registry as Offenders<_>>::pardon(&1, 4));
            check();
            assert_eq!(stored(1), Validator { slashable_from: 4, ..before });
            assert_eq!(AuthorizedCount::<Test>::get(), count);
            assert_noop!(<Registry as Offenders<_>>::pardon(&1, 5), Error::<Test>::NotPunished);
            // The watermark never sinks.
            punish(1);
            assert_ok!(<Registry as Offenders<_>>::pardon(&1, 2));
            assert_eq!(stored(1).slashable_from, 4);
        });
    }
}

#[test]
fn a_slash_takes_its_part_and_unlocks_the_rest_for_later() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        go_to(10);
        assert_eq!(slash(1, 10), Err(Error::<Test>::NotPunished.into()));
        punish(1);
        assert_eq!(slash(1, 30), Ok((300, 0)));
        assert_eq!((held(1), stored(1).stake, status(1)), (700, 700, ValidatorStatus::Tombstoned));
        // Once is enough, and it is too late for a pardon.
        assert_eq!(slash(1, 30), Err(Error::<Test>::NotPunished.into()));
        assert_noop!(<Registry as Offenders<_>>::pardon(&1, 5), Error::<Test>::NotPunished);
        assert!(<Registry as Offenders<_>>::is_punished(&1));

        go_to(10 + UNBONDING);
        assert_noop!(withdraw(1), Error::<Test>::StillBonded);
        // Neither account nor keys come back before the record is gone.
        assert_noop!(register(1), Error::<Test>::AlreadyRegistered);
        assert_noop!(
            register_with(2, MIN_STAKE, &checkpoint_key(1), &peer_key(2)),
            Error::<Test>::KeyTaken
        );
        go_to(10 + UNBONDING + 1);
        assert_ok!(withdraw(1));
        assert_eq!(Balances::free_balance(1), FUNDS - 300);
        assert_ok!(register(1));
        assert_eq!(status(1), ValidatorStatus::Candidate);
    });
}

#[test]
fn a_full_slash_leaves_nothing_and_can_be_cleaned_up() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        punish(1);
        assert_eq!(slash(1, 100), Ok((MIN_STAKE, 0)));
        assert_eq!((held(1), stored(1).stake), (0, 0));
        go_to(System::block_number() + UNBONDING + 1);
        assert_ok!(ValidatorRegistry::clean_up(RuntimeOrigin::signed(2), 1));
        check();
        let event =
            Event::StakeWithdrawn { validator: 1, registration_id: 0, amount: 0, missing: 0 };
        assert_eq!(last_event(), event.into());
    });
}

#[test]
fn a_slash_is_rounded_up() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        punish(1);
        let fraction = Perbill::from_parts(1);
        let taken = <Registry as Offenders<_>>::slash(&1, MIN_STAKE, fraction).unwrap();
        assert_eq!((taken.credit.peek(), taken.shortfall), (1, 0));
    });
}

#[test]
fn what_is_not_there_is_told_as_shortfall() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        punish(1);
        let taken = <Registry as Offenders<_>>::slash(&1, 3 * MIN_STAKE, Perbill::from_percent(50));
        let taken = taken.unwrap();
        assert_eq!((taken.credit.peek(), taken.shortfall), (1_000, 500));
        let event = Event::StakeSlashed {
            validator: 1,
            registration_id: 0,
            amount: 1_000,
            shortfall: 500,
            remaining: 0,
        };
        assert_eq!(last_event(), event.into());
    });
}

#[test]
fn pardoned_with_too_little_stake_is_not_authorized() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        authorize(1, 1);
        punish(1);
        // As if the minimum had risen in the meantime.
        Validators::<Test>::mutate(1, |validator| validator.as_mut().unwrap().stake -= 1);
        assert_ok!(<Registry as Offenders<_>>::pardon(&1, 4));
        assert_eq!(status(1), ValidatorStatus::Revoked);
        assert_eq!(AuthorizedCount::<Test>::get(), 0);
    });
}

#[test]
fn what_is_handed_over_is_unlocked_and_can_be_pardoned() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        authorize(1, 1);
        assert_noop!(<Registry as Offenders<_>>::hand_over(&1, 3), Error::<Test>::NotPunished);
        punish(1);
        assert_eq!(<Registry as Offenders<_>>::handed_over(&1), None);
        assert_ok!(<Registry as Offenders<_>>::hand_over(&1, 3));
        check();
        assert_eq!(<Registry as Offenders<_>>::handed_over(&1), Some(3));
        assert_eq!((status(1), held(1)), (ValidatorStatus::Tombstoned, MIN_STAKE));
        assert_noop!(<Registry as Offenders<_>>::hand_over(&1, 3), Error::<Test>::NotPunished);
        assert_eq!(slash(1, 10), Err(Error::<Test>::NotPunished.into()));
        assert_ok!(<Registry as Offenders<_>>::pardon(&1, 4));
        check();
        assert_eq!(status(1), ValidatorStatus::Authorized);
        punish(1);
        assert_ok!(<Registry as Offenders<_>>::hand_over(&1, 3));
        go_to(System::block_number() + UNBONDING + 1);
        assert_ok!(withdraw(1));
    });
}

#[test]
fn what_is_unbonding_is_slashed_too() {
    for (percent, stake, unbonding) in [(10, 3_450, 1_500), (90, 0, 550), (100, 0, 0)] {
        new_test_ext().execute_with(|| {
            let (checkpoint, peer) = (checkpoint_key(1), peer_key(1));
            assert_ok!(register_with(1, 5_500, &checkpoint, &peer));
            assert_ok!(unbond(1, 1_000));
            go_to(2);
            assert_ok!(unbond(1, 500));
            assert_eq!((stored(1).stake, held(1)), (4_000, 5_500));
            go_to(System::block_number() + UNBONDING);
            let punished = punish(1);
            assert_eq!(punished.stake, 5_500);
            assert_noop!(withdraw_unbonded(1), Error::<Test>::SlashPending);
            let fraction = Perbill::from_percent(percent);
            let taken = <Registry as Offenders<_>>::slash(&1, 5_500, fraction).unwrap();
            assert_eq!(taken.credit.peek(), Balance::from(percent) * 55);
            drop(taken);
            check();
            let info = ValidatorRegistry::validator_info(&1).unwrap();
            assert_eq!((info.stake, info.unbonding), (stake, unbonding));
            assert_eq!(u128::from(held(1)), stake + unbonding);
        });
    }
}
