//! From the report to the money.

use crate::{mock::*, *};
use director_primitives::runtime_api::ValidatorStatus;
use frame_support::{assert_noop, assert_ok, traits::Hooks};

#[test]
fn a_double_sign_is_slashed() {
    with_validators(12).execute_with(|| {
        go_to(35);
        let result = report(90, proof(1, 3)).unwrap();
        assert_eq!(result.pays_fee, Pays::No);
        let event = Event::DoubleSignProven {
            validator: 1,
            registration_id: 0,
            checkpoint: 3,
            first_hash: H256::repeat_byte(0xaa),
            second_hash: H256::repeat_byte(0xcc),
            stake: STAKE,
            reporter: 90,
            apply_at: 35 + DEFER,
        };
        assert_eq!(last_event(), event.into());
        assert_eq!((info(1).status, held(1)), (ValidatorStatus::Tombstoned, STAKE));
        let pending = SlashingEvidence::pending_slashes();
        assert_eq!((pending.len(), pending[0].offence.validator), (1, 1));
        assert_eq!((pending[0].reported_at, pending[0].apply_at), (35, 35 + DEFER));

        // Not a block too early.
        go_to(35 + DEFER - 1);
        idle();
        assert_noop!(apply(1), Error::<Test>::NotDue);
        assert_eq!(held(1), STAKE);

        go_to(35 + DEFER);
        idle();
        // A tenth is taken, and a fifth of that is the reporter's.
        assert_eq!((held(1), free(90), free(TREASURY)), (9_000, FUNDS + 200, FUNDS + 800));
        let event = Event::SlashApplied {
            validator: 1,
            registration_id: 0,
            checkpoint: 3,
            fraction: BASE,
            offenders: 1,
            authorized: 12,
            taken: 1_000,
            reporter: 90,
            reward: 200,
        };
        assert_eq!(last_event(), event.into());
        assert!(SlashingEvidence::pending_slashes().is_empty());
        assert_noop!(apply(1), Error::<Test>::NoPendingSlash);
        assert_eq!(info(1).status, ValidatorStatus::Tombstoned);
        // Nobody else was touched.
        (2..=12).for_each(|v| assert_eq!(info(v).status, ValidatorStatus::Authorized));
    });
}

#[test]
fn anybody_applies_a_slash_that_is_due_free_of_charge() {
    with_validators(12).execute_with(|| {
        report(90, proof(1, 3)).unwrap();
        go_to(1 + DEFER);
        assert_eq!(apply(1).unwrap().pays_fee, Pays::No);
        assert_eq!(held(1), 9_000);
        idle();
        assert_eq!(held(1), 9_000);
    });
}

#[test]
fn whatever_weight_is_left_applies_what_is_due_and_no_more() {
    with_validators(12).execute_with(|| {
        (1..=3).for_each(|validator| report_at(validator, 3));
        go_to(1 + DEFER);
        let base = <() as WeightInfo>::on_idle();
        let each = <() as WeightInfo>::apply_slash();
        let pending = || SlashingEvidence::pending_slashes().len();
        let on_idle = |limit| {
            let used = SlashingEvidence::on_idle(System::block_number(), limit);
            assert!(used.all_lte(limit));
            check();
            used
        };
        assert_eq!(on_idle(Weight::zero()), Weight::zero());
        assert_eq!(on_idle(base), base);
        assert_eq!((on_idle(base + each - Weight::from_parts(1, 0)), pending()), (base, 3));
        assert_eq!((on_idle(base + each), pending()), (base + each, 2));
        assert_eq!((on_idle(Weight::MAX), pending()), (base + each + each, 0));
        // Reported first, applied first.
        let order: Vec<_> = events()
            .into_iter()
            .filter_map(|event| match event {
                Event::SlashApplied { validator, .. } => Some(validator),
                _ => None,
            })
            .collect();
        assert_eq!(order, vec![1, 2, 3]);
    });
}

#[test]
fn nobody_but_a_director_is_rewarded() {
    with_validators(12).execute_with(|| {
        report(50, proof(1, 3)).unwrap();
        go_to(1 + DEFER);
        idle();
        assert_eq!((free(50), free(TREASURY)), (FUNDS, FUNDS + 1_000));
    });
}

#[test]
fn whoever_was_a_director_when_it_reported_is_rewarded() {
    with_validators(12).execute_with(|| {
        report(92, proof(1, 3)).unwrap();
        assert_ok!(DirectorRegistry::remove_director(RuntimeOrigin::root(), 92));
        report(92, proof(2, 3)).unwrap();
        go_to(1 + DEFER);
        idle();
        // Two of twelve together cost a quarter; a fifth of the first one's is its own.
        let Some(Event::SlashApplied { taken, reward: 0, .. }) = events().pop() else {
            panic!("the second report was no director's");
        };
        assert_eq!(free(92), FUNDS + 500);
        assert_eq!(free(TREASURY), FUNDS + 2_000 + taken);
    });
}

#[test]
fn a_director_that_reports_itself_is_not_rewarded() {
    with_validators(12).execute_with(|| {
        register(90).unwrap();
        authorize(90);
        report(90, proof(90, 3)).unwrap();
        go_to(1 + DEFER);
        idle();
        assert_eq!((free(90), free(TREASURY)), (FUNDS - STAKE, FUNDS + 1_000));
    });
}

#[test]
fn a_reward_that_cannot_be_paid_goes_where_the_rest_goes() {
    with_validators(12).execute_with(|| {
        // Less reward than the existential deposit, for an account that is gone.
        pallet_validator_registry::Validators::<Test>::mutate(1, |validator| {
            validator.as_mut().unwrap().stake = 100;
        });
        let reason = pallet_validator_registry::HoldReason::Stake.into();
        let release = <Balances as fungible::MutateHold<_>>::release;
        let exact = frame_support::traits::tokens::Precision::Exact;
        release(&reason, &1, STAKE - 100, exact).unwrap();
        let report = SlashingEvidence::report_double_sign(RuntimeOrigin::signed(90), proof(1, 3));
        assert_ok!(report);
        assert_ok!(Balances::transfer_all(RuntimeOrigin::signed(90), 50, false));
        assert_eq!(System::account(90), Default::default(), "reaped");

        System::set_block_number(1 + DEFER);
        SlashingEvidence::on_idle(1 + DEFER, Weight::MAX);
        let event = Event::RewardUndeliverable { validator: 1, reporter: 90, amount: 2 };
        assert!(events().contains(&event));
        let Some(Event::SlashApplied { taken: 10, reward: 0, .. }) = events().pop() else {
            panic!("10 % of 100");
        };
        assert_eq!((free(90), free(TREASURY)), (0, FUNDS + 10));
        check();
    });
}

#[test]
fn a_reaped_reporter_is_paid_if_the_reward_is_enough_to_live() {
    with_validators(12).execute_with(|| {
        report(90, proof(1, 3)).unwrap();
        assert_ok!(Balances::transfer_all(RuntimeOrigin::signed(90), 50, false));
        go_to(1 + DEFER);
        idle();
        assert_eq!(free(90), 200);
    });
}

#[test]
fn a_shortfall_is_told_with_its_numbers() {
    with_validators(2).execute_with(|| {
        report(90, proof(1, 3)).unwrap();
        // Two validators: everything is due. Somebody made the hold smaller by force.
        let reason = pallet_validator_registry::HoldReason::Stake.into();
        let missing = <Balances as fungible::BalancedHold<_>>::slash(&reason, &1, 400).0;
        drop(missing);
        System::set_block_number(1 + DEFER);
        SlashingEvidence::on_idle(1 + DEFER, Weight::MAX);
        let event = Event::SlashFellShort { validator: 1, taken: STAKE - 400, shortfall: 400 };
        assert!(events().contains(&event));
        // The reward is a part of what was really taken.
        assert_eq!(free(90), FUNDS + (STAKE - 400) / 5);
    });
}

#[test]
fn what_is_left_after_a_slash_can_be_withdrawn_after_the_unbonding_period() {
    with_validators(12).execute_with(|| {
        report(90, proof(1, 3)).unwrap();
        go_to(1 + DEFER);
        idle();
        go_to(1 + UNBONDING);
        assert!(withdraw(1).is_err());
        go_to(1 + UNBONDING + 1);
        assert_ok!(withdraw(1));
        assert_eq!((free(1), held(1)), (FUNDS - 1_000, 0));
        // The proof is worthless from now on, even if it comes back with the same keys.
        assert_eq!(SlashingEvidence::check_evidence(&proof(1, 3)), Err(Reason::UnknownKey));
        register(1).unwrap();
        assert_eq!(SlashingEvidence::check_evidence(&proof(1, 3)), Err(Reason::Excused));
    });
}

#[test]
fn money_is_conserved_whoever_gets_it() {
    with_validators(12).execute_with(|| {
        let issuance = Balances::total_issuance();
        for validator in 1..=4 {
            report(89 + validator, proof(validator, 3)).unwrap();
        }
        go_to(1 + DEFER);
        idle();
        // `check` compares issuance and accounts; nothing was burnt here.
        assert_eq!(Balances::total_issuance(), issuance);
        let gained = free(90) + free(91) + free(92) + free(93) + free(TREASURY) - 5 * FUNDS;
        let lost: Balance = (1..=4).map(|v| STAKE - held(v)).sum();
        assert_eq!(gained, lost);
    });
}

#[test]
fn a_slash_that_fails_is_told_and_tried_again_and_holds_up_nobody() {
    with_validators(12).execute_with(|| {
        report_at(1, 3);
        report_at(2, 3);
        // As if the registry had forgotten why the first one is locked.
        let validators = pallet_validator_registry::Validators::<Test>::get(1);
        pallet_validator_registry::Validators::<Test>::remove(1);
        System::set_block_number(1 + DEFER);
        SlashingEvidence::on_idle(1 + DEFER, Weight::MAX);
        let error = pallet_validator_registry::Error::<Test>::NotRegistered.into();
        let retried_at = 1 + 2 * DEFER;
        assert!(events().contains(&Event::SlashFailed { validator: 1, error, retried_at }));
        assert_eq!((held(1), held(2)), (STAKE, 7_024));

        pallet_validator_registry::Validators::<Test>::insert(1, validators.unwrap());
        go_to(retried_at);
        idle();
        assert_eq!(held(1), 7_500);
    });
}
