//! Bonding more and less, and when the money comes out.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use sp_runtime::TokenError;

/// Takes even the existential deposit, as no call can: another pallet's fault, or an older runtime's.
fn without_free_balance(who: AccountId) {
    frame_system::Account::<Test>::mutate(who, |account| account.data.free = 0);
    check();
}

fn parts(validator: AccountId) -> Vec<(Balance, u64)> {
    stored(validator).unbonding.into_iter().map(|part| (part.amount, part.until)).collect()
}

#[test]
fn bonds_more() {
    new_test_ext().execute_with(|| {
        assert_noop!(bond_more(1, 10), Error::<Test>::NotRegistered);
        assert_ok!(register(1));
        assert_noop!(bond_more(1, 0), Error::<Test>::ZeroAmount);
        assert_ok!(bond_more(1, 500));
        let stake = MIN_STAKE + 500;
        assert_eq!(last_event(), Event::StakeBonded { validator: 1, amount: 500, stake }.into());
        assert_eq!(
            (stored(1).stake, held(1), Balances::balance(&1)),
            (stake, stake, FUNDS - stake)
        );
        // The existential deposit must stay free.
        assert_noop!(bond_more(1, FUNDS - stake - ED + 1), TokenError::FundsUnavailable);
        assert_ok!(bond_more(1, FUNDS - stake - ED));
        assert_ok!(exit(1));
        assert_noop!(bond_more(1, 1), Error::<Test>::NotEligible);
    });
}

#[test]
fn unbonds_down_to_the_minimum() {
    new_test_ext().execute_with(|| {
        assert_noop!(unbond(1, 10), Error::<Test>::NotRegistered);
        assert_ok!(register_with(1, MIN_STAKE + 500, &checkpoint_key(1), &peer_key(1)));
        assert_noop!(unbond(1, 0), Error::<Test>::ZeroAmount);
        for too_much in [501, MIN_STAKE + 500, MIN_STAKE + 501, Balance::MAX] {
            assert_noop!(unbond(1, too_much), Error::<Test>::StakeTooLow);
        }
        assert_ok!(unbond(1, 500));
        let withdrawable_at = 1 + UNBONDING + 1;
        let event =
            Event::StakeUnbonded { validator: 1, amount: 500, stake: MIN_STAKE, withdrawable_at };
        assert_eq!(last_event(), event.into());
        // On hold still, and no stake any more.
        assert_eq!((stored(1).stake, held(1)), (MIN_STAKE, MIN_STAKE + 500));

        for early in [1, withdrawable_at - 1] {
            go_to(early);
            assert_eq!(ValidatorRegistry::withdrawable(1), 0);
            assert_noop!(withdraw_unbonded(1), Error::<Test>::NothingToWithdraw);
        }
        go_to(withdrawable_at);
        assert_eq!(ValidatorRegistry::withdrawable(1), 500);
        assert_ok!(withdraw_unbonded(1));
        let event = Event::UnbondedWithdrawn { validator: 1, amount: 500, missing: 0 };
        assert_eq!(last_event(), event.into());
        assert_eq!((held(1), Balances::balance(&1)), (MIN_STAKE, FUNDS - MIN_STAKE));
        assert_noop!(withdraw_unbonded(1), Error::<Test>::NothingToWithdraw);
    });
}

#[test]
fn each_part_has_its_own_time() {
    new_test_ext().execute_with(|| {
        assert_ok!(register_with(1, 10_000, &checkpoint_key(1), &peer_key(1)));
        assert_ok!(unbond(1, 100));
        assert_ok!(unbond(1, 11));
        go_to(5);
        assert_ok!(unbond(1, 200));
        // One block, one part.
        assert_eq!(parts(1), vec![(111, 1 + UNBONDING), (200, 5 + UNBONDING)]);
        go_to(1 + UNBONDING + 1);
        assert_ok!(withdraw_unbonded(1));
        assert_eq!(parts(1), vec![(200, 5 + UNBONDING)]);
        assert_eq!(held(1), 10_000 - 111);
    });
}

#[test]
fn so_many_parts_and_no_more() {
    new_test_ext().execute_with(|| {
        assert_ok!(register_with(1, 10_000, &checkpoint_key(1), &peer_key(1)));
        for nth in 1..=u64::from(MAX_UNBONDING) {
            go_to(nth);
            assert_ok!(unbond(1, 1));
        }
        go_to(u64::from(MAX_UNBONDING) + 1);
        assert_noop!(unbond(1, 1), Error::<Test>::TooManyUnbonding);
        go_to(1 + UNBONDING + 1);
        assert_ok!(withdraw_unbonded(1));
        assert_ok!(unbond(1, 1));
    });
}

#[test]
fn an_exit_takes_what_is_unbonding_along() {
    new_test_ext().execute_with(|| {
        assert_ok!(register_with(1, 10_000, &checkpoint_key(1), &peer_key(1)));
        assert_ok!(unbond(1, 2_000));
        go_to(50);
        assert_ok!(exit(1));
        assert_noop!(unbond(1, 1), Error::<Test>::NotEligible);
        // The part is through before the rest.
        go_to(1 + UNBONDING + 1);
        assert_ok!(withdraw_unbonded(1));
        assert_eq!((ValidatorRegistry::withdrawable(1), held(1)), (0, 8_000));
        go_to(50 + UNBONDING + 1);
        assert_eq!(ValidatorRegistry::withdrawable(1), 8_000);
        assert_ok!(withdraw(1));
        assert_eq!(Balances::balance(&1), FUNDS);
    });
}

#[test]
fn what_somebody_took_by_force_is_told_as_missing() {
    new_test_ext().execute_with(|| {
        assert_ok!(register_with(1, 1_500, &checkpoint_key(1), &peer_key(1)));
        assert_ok!(unbond(1, 500));
        drop(Balances::slash(&HoldReason::Stake.into(), &1, 1_200).0);
        System::set_block_number(1 + UNBONDING + 1);
        assert_ok!(ValidatorRegistry::withdraw_unbonded(RuntimeOrigin::signed(1)));
        let event = Event::UnbondedWithdrawn { validator: 1, amount: 300, missing: 200 };
        assert_eq!(last_event(), event.into());
    });
}

#[test]
fn with_no_free_balance_at_all_the_stake_comes_out_and_the_account_lives() {
    new_test_ext().execute_with(|| {
        assert_ok!(register_with(1, FUNDS - ED, &checkpoint_key(1), &peer_key(1)));
        without_free_balance(1);
        assert_eq!((Balances::balance(&1), held(1)), (0, FUNDS - ED));
        assert_ok!(unbond(1, 5_000));
        assert_ok!(exit(1));
        go_to(1 + UNBONDING + 1);
        assert_ok!(withdraw_unbonded(1));
        assert_eq!(Balances::balance(&1), 5_000);
        assert_ok!(withdraw(1));
        assert_eq!((Balances::balance(&1), held(1)), (FUNDS - ED, 0));
    });
}

#[test]
fn a_part_below_the_existential_deposit_comes_out_all_the_same() {
    new_test_ext().execute_with(|| {
        assert_ok!(register_with(1, FUNDS - ED, &checkpoint_key(1), &peer_key(1)));
        assert_ok!(unbond(1, 1));
        go_to(1 + UNBONDING + 1);
        assert_ok!(withdraw_unbonded(1));
        assert_eq!(Balances::balance(&1), ED + 1);
        check();
    });
}

#[test]
fn dust_that_cannot_live_alone_is_not_lost() {
    new_test_ext().execute_with(|| {
        // A slash leaves less than the existential deposit and nothing is free.
        assert_ok!(register_with(1, FUNDS - ED, &checkpoint_key(1), &peer_key(1)));
        without_free_balance(1);
        use director_primitives::traits::Offenders;
        <ValidatorRegistry as Offenders<_>>::punish(&1).unwrap();
        Validators::<Test>::mutate(1, |validator| {
            validator.as_mut().unwrap().stake = ED - 1;
        });
        drop(Balances::slash(&HoldReason::Stake.into(), &1, FUNDS - 2 * ED + 1).0);
        check();
        let nothing = Perbill::zero();
        drop(<ValidatorRegistry as Offenders<_>>::slash(&1, 0, nothing).unwrap());
        go_to(1 + UNBONDING + 1);
        // Too little to live on its own, which is told; whoever sends the account something mends it.
        let clean_up = || ValidatorRegistry::clean_up(RuntimeOrigin::signed(2), 1);
        assert_noop!(clean_up(), TokenError::CannotCreate);
        assert_ok!(Balances::transfer_keep_alive(RuntimeOrigin::signed(2), 1, ED));
        assert_ok!(clean_up());
        assert!(!Validators::<Test>::contains_key(1));
        assert_eq!((held(1), Balances::balance(&1)), (0, 2 * ED - 1));
    });
}
