//! A runtime that slashes by `pallet-offences` instead of the registered stake.

use super::offences_runtime::*;
use crate as pallet_slashing_evidence;
use crate::*;
use director_primitives::{
    runtime_api::ValidatorStatus,
    test_utils::{TestKey, double_sign},
    traits::{OffenceHandler, Offenders},
};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::Perbill;

fn report(reporter: AccountId, checkpoint: u64) -> DispatchResultWithPostInfo {
    let proof = double_sign(&checkpoint_key(), GENESIS, checkpoint);
    let result = SlashingEvidence::report_double_sign(RuntimeOrigin::signed(reporter), proof);
    check();
    result
}

#[test]
fn the_offence_is_passed_on_with_its_numbers_and_no_slash_waits_here() {
    new_test_ext().execute_with(|| {
        assert_ok!(report(DIRECTOR, 3));
        let told = Told {
            offender: VALIDATOR,
            reporters: vec![DIRECTOR],
            session: 7,
            // One of one: everything.
            fraction: Perbill::one(),
        };
        assert_eq!(Handled::get(), vec![told]);
        assert!(SlashingEvidence::pending_slashes().is_empty());
        let validator = pallet_validator_registry::Validators::<Test>::get(VALIDATOR).unwrap();
        assert_eq!(validator.status, ValidatorStatus::Tombstoned);
        let handed_over = System::events().into_iter().any(|record| {
            matches!(
                record.event,
                RuntimeEvent::SlashingEvidence(Event::OffenceHandedOver {
                    validator: VALIDATOR,
                    checkpoint: 3,
                    reporter: DIRECTOR,
                    ..
                })
            )
        });
        assert!(handed_over);
        // It is not slashed here, ever.
        assert_noop!(
            SlashingEvidence::apply_slash(RuntimeOrigin::signed(1), VALIDATOR),
            Error::<Test>::NoPendingSlash
        );
        assert_noop!(report(DIRECTOR, 4), Error::<Test>::AlreadyPunished);
        go_to(1 + UNBONDING + 1);
        assert_ok!(ValidatorRegistry::withdraw(RuntimeOrigin::signed(VALIDATOR)));
        assert_eq!(Balances::free_balance(VALIDATOR), FUNDS);
    });
}

#[test]
fn who_is_no_director_or_the_offender_itself_is_no_reporter() {
    new_test_ext().execute_with(|| {
        assert_ok!(report(50, 3));
        assert_eq!(Handled::get()[0].reporters, Vec::<AccountId>::new());
    });
    new_test_ext().execute_with(|| {
        assert_ok!(report(VALIDATOR, 3));
        assert_eq!(Handled::get()[0].reporters, Vec::<AccountId>::new());
    });
}

#[test]
fn governance_undoes_the_tombstone() {
    new_test_ext().execute_with(|| {
        assert_ok!(report(DIRECTOR, 3));
        let origin = RuntimeOrigin::root();
        assert_ok!(SlashingEvidence::cancel_slash(origin.clone(), VALIDATOR));
        check();
        assert!(!ValidatorRegistry::is_punished(&VALIDATOR));
        assert_noop!(report(DIRECTOR, 3), Error::<Test>::Excused);
        assert_noop!(
            SlashingEvidence::cancel_slash(origin, VALIDATOR),
            Error::<Test>::NoPendingSlash
        );
        assert_ok!(report(DIRECTOR, 4));
    });
}

#[test]
fn what_pallet_offences_refuses_changes_nothing() {
    new_test_ext().execute_with(|| {
        // Governance has excused the first one here, and `pallet-offences` knows it still.
        assert_ok!(report(DIRECTOR, 3));
        assert_ok!(SlashingEvidence::cancel_slash(RuntimeOrigin::root(), VALIDATOR));
        pallet_validator_registry::Validators::<Test>::mutate(VALIDATOR, |validator| {
            validator.as_mut().unwrap().slashable_from = 0;
        });
        let proof = double_sign(&checkpoint_key(), GENESIS, 3);
        assert_noop!(
            SlashingEvidence::report_double_sign(RuntimeOrigin::signed(DIRECTOR), proof),
            sp_runtime::DispatchError::Other("pallet-offences knows this offence already")
        );
    });
}

#[test]
fn forged_evidence_is_passed_on_to_nobody() {
    new_test_ext().execute_with(|| {
        let mut proof = double_sign(&checkpoint_key(), GENESIS, 3);
        proof.first.signature = TestKey::new(1).sign_bytes(b"something else");
        assert_noop!(
            SlashingEvidence::report_double_sign(RuntimeOrigin::signed(DIRECTOR), proof),
            Error::<Test>::InvalidFirstSignature
        );
        assert!(Handled::get().is_empty());
    });
}

#[test]
fn a_report_weighs_what_the_handler_takes_too() {
    use frame_support::dispatch::GetDispatchInfo;
    let proof = double_sign(&checkpoint_key(), GENESIS, 3);
    let call = pallet_slashing_evidence::Call::<Test>::report_double_sign { proof };
    let handler = <ByOffences as OffenceHandler<AccountId>>::weight();
    let expected = <() as WeightInfo>::report_double_sign() + handler;
    assert_eq!(call.get_dispatch_info().call_weight, expected);
}
