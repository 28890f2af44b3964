//! Registering, leaving, and what happens to the money.

use crate::{mock::*, *};
use frame_support::{
    assert_noop, assert_ok,
    traits::fungible::{Inspect, Mutate},
};
use sp_runtime::TokenError;

#[test]
fn registers_with_stake() {
    new_test_ext().execute_with(|| {
        go_to(25);
        assert_ok!(register_with(1, 5_000, &checkpoint_key(1), &peer_key(1)));
        let event = Event::ValidatorRegistered {
            validator: 1,
            registration_id: 0,
            stake: 5_000,
            checkpoint_key: checkpoint_key(1).public(),
            peer_key: peer_key(1).public(),
        };
        assert_eq!(last_event(), event.into());
        assert_eq!((held(1), Balances::balance(&1)), (5_000, FUNDS - 5_000));
        let info = ValidatorRegistry::validator_info(&1).unwrap();
        assert_eq!(info.status, ValidatorStatus::Candidate);
        assert_eq!((info.stake, info.registration_id), (5_000, 0));
        // Block 25 is after checkpoint 2 and before checkpoint 3.
        assert_eq!(info.slashable_from, 2);
        assert_eq!(ValidatorRegistry::checkpoint_key_owner(&info.checkpoint_key), Some(1));
    });
}

#[test]
fn stake_below_the_minimum_is_refused() {
    new_test_ext().execute_with(|| {
        let (checkpoint, peer) = (checkpoint_key(1), peer_key(1));
        assert_noop!(
            register_with(1, MIN_STAKE - 1, &checkpoint, &peer),
            Error::<Test>::StakeTooLow
        );
        assert_ok!(register_with(1, MIN_STAKE, &checkpoint, &peer));
    });
}

#[test]
fn stake_that_is_not_there_is_refused() {
    new_test_ext().execute_with(|| {
        let (checkpoint, peer) = (checkpoint_key(1), peer_key(1));
        // The existential deposit must stay free, so that the account cannot be reaped.
        assert_noop!(
            register_with(1, FUNDS - ED + 1, &checkpoint, &peer),
            TokenError::FundsUnavailable
        );
        assert_noop!(
            register_with(200, MIN_STAKE, &checkpoint_key(200), &peer_key(200)),
            TokenError::FundsUnavailable
        );
        assert_ok!(register_with(1, FUNDS - ED, &checkpoint, &peer));
        assert_eq!(Balances::balance(&1), ED);
    });
}

#[test]
fn nobody_registers_twice() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        assert_noop!(
            register_with(1, MIN_STAKE, &checkpoint_key(2), &peer_key(2)),
            Error::<Test>::AlreadyRegistered
        );
    });
}

#[test]
fn there_is_room_for_so_many_validators_and_no_more() {
    new_test_ext().execute_with(|| {
        let most = u64::from(MAX_VALIDATORS);
        (1..=most).for_each(|validator| register(validator).unwrap());
        assert_noop!(register(most + 1), Error::<Test>::TooManyValidators);
        // Who leaves takes up room until it is gone.
        assert_ok!(exit(1));
        assert_noop!(register(most + 1), Error::<Test>::TooManyValidators);
        go_to(System::block_number() + UNBONDING + 1);
        assert_ok!(withdraw(1));
        assert_ok!(register(most + 1));
    });
}

#[test]
fn leaves_and_withdraws_after_the_unbonding_period() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        authorize(1, 1);
        assert_noop!(withdraw(1), Error::<Test>::NotExiting);
        go_to(40);
        assert_ok!(exit(1));
        let withdrawable_at = 40 + UNBONDING + 1;
        let event = Event::ExitRequested { validator: 1, registration_id: 0, withdrawable_at };
        assert_eq!(last_event(), event.into());
        assert_eq!((status(1), AuthorizedCount::<Test>::get()), (ValidatorStatus::Exiting, 0));
        assert_noop!(exit(1), Error::<Test>::NotEligible);
        // Still answerable.
        assert_eq!(ValidatorRegistry::checkpoint_key_owner(&checkpoint_key(1).public()), Some(1));

        go_to(withdrawable_at - 1);
        assert_noop!(withdraw(1), Error::<Test>::StillBonded);
        go_to(withdrawable_at);
        assert_ok!(withdraw(1));
        let event = Event::StakeWithdrawn {
            validator: 1,
            registration_id: 0,
            amount: MIN_STAKE,
            missing: 0,
        };
        assert_eq!(last_event(), event.into());
        assert_eq!((held(1), Balances::balance(&1)), (0, FUNDS));
        assert_noop!(withdraw(1), Error::<Test>::NotRegistered);
    });
}

#[test]
fn anybody_may_end_what_is_over_and_the_stake_goes_to_its_owner() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        let clean_up = || ValidatorRegistry::clean_up(RuntimeOrigin::signed(2), 1);
        assert_noop!(clean_up(), Error::<Test>::NotExiting);
        assert_ok!(exit(1));
        assert_noop!(clean_up(), Error::<Test>::StillBonded);
        go_to(System::block_number() + UNBONDING + 1);
        assert_ok!(clean_up());
        check();
        assert_eq!((Balances::balance(&1), Balances::balance(&2)), (FUNDS, FUNDS));
    });
}

#[test]
fn a_staked_account_cannot_be_emptied_and_reaped() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        let free = Balances::balance(&1);
        let transfer = |amount| Balances::transfer_allow_death(RuntimeOrigin::signed(1), 2, amount);
        assert!(transfer(free).is_err());
        assert_ok!(transfer(free - ED));
        check();
        assert_ok!(exit(1));
        go_to(System::block_number() + UNBONDING + 1);
        assert_ok!(withdraw(1));
        assert_eq!(Balances::balance(&1), ED + MIN_STAKE);
    });
}

#[test]
fn stake_is_nobody_elses_to_take() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        // Burning by force takes free balance; what is on hold stays.
        let burnt = Balances::burn_from(
            &1,
            FUNDS,
            frame_support::traits::tokens::Preservation::Expendable,
            frame_support::traits::tokens::Precision::BestEffort,
            frame_support::traits::tokens::Fortitude::Force,
        );
        assert!(burnt.is_ok());
        assert_eq!(held(1), MIN_STAKE);
        check();
    });
}

#[test]
fn storage_of_full_lives_is_what_it_was() {
    with_directors(3).execute_with(|| {
        let keys = || {
            let (mut count, mut key) = (0, vec![]);
            while let Some(next) = sp_io::storage::next_key(&key) {
                count += usize::from(!next.starts_with(&sp_io::hashing::twox_128(b"System")));
                key = next;
            }
            count
        };
        let life = |nonce| {
            for validator in 1..=u64::from(MAX_VALIDATORS) {
                register(validator).unwrap();
                authorize(validator, nonce);
                rotate(validator, &TestKey::new(1_000 * nonce + validator)).unwrap();
                exit(validator).unwrap();
            }
            go_to(System::block_number() + UNBONDING + 1);
            (1..=u64::from(MAX_VALIDATORS)).for_each(|validator| withdraw(validator).unwrap());
        };
        // The first life leaves the counters and one entry per director.
        life(1);
        let before = keys();
        (2..6).for_each(life);
        assert_eq!(keys(), before);
        assert_eq!(Validators::<Test>::count(), 0);
    });
}

use director_primitives::test_utils::TestKey;
