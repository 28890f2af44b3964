//! Who is in the set of a session.

use crate::{mock::*, *};
use director_primitives::traits::Offenders;
use frame_support::assert_ok;
use pallet_session::SessionManager;

fn plan(session: u32) -> Option<Vec<AccountId>> {
    let set = <ValidatorRegistry as SessionManager<_>>::new_session(session);
    check();
    set
}

fn register_authorized(validator: AccountId, stake: Balance) {
    register_with(validator, stake, &checkpoint_key(validator), &peer_key(validator)).unwrap();
    authorize(validator, 1);
}

fn limited() -> Option<(u32, u32)> {
    System::events().into_iter().rev().find_map(|record| match record.event {
        RuntimeEvent::ValidatorRegistry(Event::SetLossLimited { authorized, retained, .. }) => {
            Some((authorized, retained))
        }
        _ => None,
    })
}

#[test]
fn the_authorized_validators_with_most_stake_are_the_set() {
    with_directors(3).execute_with(|| {
        assert_eq!(plan(0), None, "nobody is authorized: the set stays as it is");
        register_authorized(1, 1_000);
        register_authorized(2, 3_000);
        register_authorized(3, 2_000);
        // No approval, no place, whatever the stake.
        assert_ok!(register_with(4, 9_000, &checkpoint_key(4), &peer_key(4)));
        assert_eq!(plan(1), Some(vec![2, 3, 1]));
        let event = Event::SessionPlanned { session: 1, validators: 3 };
        assert_eq!(last_event(), event.into());
        assert_eq!(ValidatorRegistry::planned_session(), vec![2, 3, 1]);
    });
}

#[test]
fn there_is_room_for_so_many_and_of_equal_stakes_the_older_is_first() {
    with_directors(3).execute_with(|| {
        for validator in [5, 4, 3, 2] {
            register_authorized(validator, MIN_STAKE);
        }
        register_authorized(1, MIN_STAKE + 1);
        assert_eq!(plan(1), Some(vec![1, 5, 4, 3]));
        assert_ok!(bond_more(2, 2));
        assert_eq!(plan(2), Some(vec![2, 1, 5, 4]));
        // What is unbonding is no stake.
        assert_ok!(unbond(2, 2));
        assert_eq!(plan(3), Some(vec![1, 5, 4, 3]));
    });
}

#[test]
fn who_leaves_or_is_revoked_is_not_in_the_next_set() {
    with_directors(3).execute_with(|| {
        (1..=4).for_each(|validator| register_authorized(validator, MIN_STAKE));
        assert_eq!(plan(1), Some(vec![1, 2, 3, 4]));
        assert_ok!(exit(2));
        assert_eq!(plan(2), Some(vec![1, 3, 4]));
        go_to(2);
        assert_ok!(submit((90..93).map(|d| vote(d, 3, REVOKE, 1)).collect()));
        assert_eq!(plan(3), Some(vec![1, 4]));
        assert_eq!(limited(), None);
    });
}

#[test]
fn who_has_too_little_stake_is_revoked() {
    with_directors(3).execute_with(|| {
        (1..=4).for_each(|validator| register_authorized(validator, MIN_STAKE));
        // As if the minimum had risen above what it has.
        Validators::<Test>::mutate(1, |validator| validator.as_mut().unwrap().stake -= 1);
        drop(Balances::slash(&HoldReason::Stake.into(), &1, 1).0);
        assert_eq!(plan(1), Some(vec![2, 3, 4]));
        assert_eq!(status(1), ValidatorStatus::Revoked);
    });
}

#[test]
fn a_session_loses_a_part_of_the_set_and_no_more_and_the_tombstoned_first() {
    with_directors(3).execute_with(|| {
        (1..=4).for_each(|validator| register_authorized(validator, MIN_STAKE + 10 - validator));
        assert_eq!(plan(1), Some(vec![1, 2, 3, 4]));
        <ValidatorRegistry as Offenders<_>>::punish(&1).unwrap();
        assert_ok!(exit(2));
        assert_ok!(exit(3));
        // A third of four is one: two must stay, and whoever only leaves stays first.
        assert_eq!(plan(2), Some(vec![4, 2, 3]));
        assert_eq!(limited(), Some((1, 2)));
        assert_eq!(status(1), ValidatorStatus::Tombstoned);
        assert_eq!(plan(3), Some(vec![4, 2]));
        assert_eq!(plan(4), Some(vec![4]));
        // The last one goes and nobody is left: the set stays.
        assert_ok!(exit(4));
        assert_eq!(plan(5), None);
        assert_eq!(ValidatorRegistry::planned_session(), vec![4]);
    });
}

#[test]
fn newcomers_make_up_for_who_is_lost() {
    with_directors(3).execute_with(|| {
        [1, 2].into_iter().for_each(|validator| register_authorized(validator, MIN_STAKE));
        assert_eq!(plan(1), Some(vec![1, 2]));
        [1, 2].into_iter().for_each(|validator| exit(validator).unwrap());
        [3, 4].into_iter().for_each(|validator| register_authorized(validator, MIN_STAKE));
        assert_eq!(plan(2), Some(vec![3, 4]));
        assert_eq!(limited(), None);
    });
}

#[test]
fn who_has_no_session_keys_takes_up_no_place() {
    with_directors(3).execute_with(|| {
        for validator in 1..=5 {
            register_authorized(validator, MIN_STAKE + validator);
        }
        Keyless::set(vec![5, 4]);
        assert_eq!(plan(1), Some(vec![3, 2, 1]));
        Keyless::set(vec![]);
        assert_eq!(plan(2), Some(vec![5, 4, 3, 2]));
    });
}

#[test]
fn the_largest_loss_is_rounded_down() {
    with_directors(3).execute_with(|| {
        (1..=3).for_each(|validator| register_authorized(validator, MIN_STAKE));
        assert_eq!(plan(1), Some(vec![1, 2, 3]));
        // 34 % of three are one and a bit.
        (1..=2).for_each(|validator| exit(validator).unwrap());
        assert_eq!(plan(2).map(|set| set.len()), Some(2));
    });
}
