//! How much it costs, alone and together.

use crate::{mock::*, penalty::fraction, *};
use frame_support::assert_ok;

#[test]
fn the_fraction_grows_with_the_square_of_the_offenders() {
    let base = Perbill::from_percent(1);
    for (k, n, expected) in [
        (1, 100, Perbill::from_percent(1)),
        (5, 100, Perbill::from_parts(22_500_000)),
        (10, 100, Perbill::from_percent(9)),
        (30, 100, Perbill::from_percent(81)),
        (33, 100, Perbill::from_parts(980_100_000)),
        (34, 100, Perbill::one()),
        (1, 3, Perbill::one()),
        (1, 1, Perbill::one()),
        (0, 0, Perbill::one()),
        (7, 21, Perbill::one()),
        (1, u32::MAX, base),
        (u32::MAX, u32::MAX, Perbill::one()),
        // Rounded up.
        (1, 7, Perbill::from_parts(183_673_470)),
    ] {
        assert_eq!(fraction(base, k, n), expected, "{k} of {n}");
    }
}

#[test]
fn never_below_the_base_never_above_all_and_never_less_for_more() {
    let base = Perbill::from_percent(7);
    for n in 1..200 {
        let mut last = base;
        for k in 1..=n {
            let now = fraction(base, k, n);
            assert!(now >= last && now <= Perbill::one(), "{k} of {n}");
            last = now;
        }
        assert_eq!(last, Perbill::one());
    }
}

/// What each of the applied slashes took, and with how many offenders it was correlated.
fn applied() -> Vec<(AccountId, u32, u32, Balance)> {
    let numbers = |event| match event {
        Event::SlashApplied { validator, offenders, authorized, taken, .. } => {
            Some((validator, offenders, authorized, taken))
        }
        _ => None,
    };
    events().into_iter().filter_map(numbers).collect()
}

#[test]
fn those_who_offend_together_pay_more_the_first_one_too() {
    with_validators(12).execute_with(|| {
        report(90, proof(1, 3)).unwrap();
        go_to(3);
        report(90, proof(2, 3)).unwrap();
        go_to(3 + DEFER);
        idle();
        // (3·2/12)² = 25 %, (3·2/11)² = 29.75206612 %
        assert_eq!(applied(), vec![(1, 2, 12, 2_500), (2, 2, 11, 2_976)]);
    });
}

#[test]
fn a_third_of_the_validators_loses_everything() {
    with_validators(12).execute_with(|| {
        (1..=4).for_each(|validator| report_at(validator, 3));
        go_to(1 + DEFER);
        idle();
        (1..=4).for_each(|validator| assert_eq!(held(validator), 0));
    });
}

#[test]
fn the_window_is_as_wide_as_it_says() {
    for (distance, together) in [(CORRELATION, 2), (CORRELATION + 1, 1)] {
        with_validators(12).execute_with(|| {
            report(90, proof(1, 3)).unwrap();
            go_to(1 + DEFER);
            idle();
            go_to(1 + distance);
            report(90, proof(2, 3)).unwrap();
            go_to(1 + distance + DEFER);
            idle();
            let counts: Vec<_> = applied().into_iter().map(|(_, k, ..)| k).collect();
            assert_eq!(counts, vec![1, together], "{distance} blocks apart");
        });
    }
}

#[test]
fn who_was_pardoned_does_not_count() {
    with_validators(12).execute_with(|| {
        (1..=3).for_each(|validator| report_at(validator, 3));
        assert_ok!(cancel(1));
        assert_ok!(cancel(3));
        go_to(1 + DEFER);
        idle();
        // It was reported when one of twelve was out already.
        assert_eq!(applied(), vec![(2, 1, 11, 1_000)]);
    });
}

#[test]
fn who_was_never_authorized_makes_nobodys_slash_heavier() {
    with_validators(11).execute_with(|| {
        (12..=15).for_each(|candidate| register(candidate).unwrap());
        (12..=15).for_each(|candidate| report_at(candidate, 3));
        report_at(1, 3);
        assert_eq!(Window::<Test>::get().len(), 1);
        // A pardoned candidate counts nobody out.
        assert_ok!(cancel(12));
        assert_eq!(Window::<Test>::get()[0].offenders, 1);
        go_to(1 + DEFER);
        idle();
        assert_eq!(applied().last(), Some(&(1, 1, 11, 1_000)));
    });
}

#[test]
fn the_window_forgets_what_nothing_can_be_correlated_with() {
    with_validators(12).execute_with(|| {
        report(90, proof(1, 3)).unwrap();
        go_to(1 + DEFER);
        idle();
        go_to(1 + CORRELATION);
        idle();
        assert_eq!(Window::<Test>::get().len(), 1);
        go_to(1 + CORRELATION + 1);
        idle();
        assert!(Window::<Test>::get().is_empty());
    });
}

#[test]
fn all_validators_can_be_punished_at_one_time() {
    let most = u64::from(MAX_VALIDATORS);
    with_validators(most).execute_with(|| {
        for validator in 1..=most {
            go_to(System::block_number() + 1);
            report(90, proof(validator, 3)).unwrap();
        }
        assert_eq!(SlashingEvidence::pending_slashes().len() as u64, most);
        go_to(System::block_number() + DEFER);
        idle();
        assert!(SlashingEvidence::pending_slashes().is_empty());
        assert_eq!(applied().len() as u64, most);
    });
}

#[test]
fn storage_of_full_lives_is_what_it_was() {
    let most = u64::from(MAX_VALIDATORS);
    new_test_ext().execute_with(|| {
        let keys = || {
            let (mut count, mut key) = (0, vec![]);
            while let Some(next) = sp_io::storage::next_key(&key) {
                count += usize::from(!next.starts_with(&sp_io::hashing::twox_128(b"System")));
                key = next;
            }
            count
        };
        let life = |_: u32| {
            (1..=most).for_each(|validator| {
                register(validator).unwrap();
                authorize(validator);
            });
            let checkpoint = System::block_number() / 10 + 1;
            (1..=most).for_each(|v| report_at(v, checkpoint));
            (1..=2).for_each(|validator| cancel(validator).unwrap());
            (1..=2).for_each(|validator| exit(validator).unwrap());
            go_to(System::block_number() + DEFER);
            idle();
            go_to(System::block_number() + UNBONDING + 1);
            (1..=most).for_each(|validator| withdraw(validator).unwrap());
            for validator in 1..=most {
                // For the next life; this one has cost it everything.
                let stake = <Balances as fungible::Mutate<_>>::mint_into(&validator, STAKE);
                assert_ok!(stake);
            }
            idle();
        };
        life(0);
        let before = keys();
        (1..4).for_each(life);
        assert_eq!(keys(), before);
    });
}
