//! One key has one owner, and a replaced key is not forgotten.

use crate::{mock::*, *};
use director_primitives::test_utils::TestKey;
use frame_support::{assert_noop, assert_ok};

#[test]
fn a_key_of_small_order_is_refused() {
    new_test_ext().execute_with(|| {
        let (zero, anything) = (PublicKey::from_raw([0; 32]), Signature::from_raw([0; 64]));
        let register = |checkpoint, proof, peer, peer_proof| {
            let origin = RuntimeOrigin::signed(1);
            ValidatorRegistry::register(origin, MIN_STAKE, checkpoint, proof, peer, peer_proof)
        };
        let good = TestKey::new(1);
        let proof = |role| good.possession(&GENESIS, 1u64, role);
        assert_noop!(
            register(zero, anything, good.public(), proof(KeyRole::ValidatorPeer)),
            Error::<Test>::SmallOrderKey
        );
        assert_noop!(
            register(good.public(), proof(KeyRole::Checkpoint), zero, anything),
            Error::<Test>::SmallOrderKey
        );
    });
}

#[test]
fn a_key_without_proof_of_possession_is_refused() {
    new_test_ext().execute_with(|| {
        let (checkpoint, peer) = (checkpoint_key(1), peer_key(1));
        let register = |checkpoint_proof, peer_proof| {
            ValidatorRegistry::register(
                RuntimeOrigin::signed(1),
                MIN_STAKE,
                checkpoint.public(),
                checkpoint_proof,
                peer.public(),
                peer_proof,
            )
        };
        let right = checkpoint.possession(&GENESIS, 1u64, KeyRole::Checkpoint);
        let right_peer = peer.possession(&GENESIS, 1u64, KeyRole::ValidatorPeer);
        let elsewhere = H256::repeat_byte(8);
        // Another account, another role, another chain, another key.
        for wrong in [
            checkpoint.possession(&GENESIS, 2u64, KeyRole::Checkpoint),
            checkpoint.possession(&GENESIS, 1u64, KeyRole::ValidatorPeer),
            checkpoint.possession(&elsewhere, 1u64, KeyRole::Checkpoint),
            peer.possession(&GENESIS, 1u64, KeyRole::Checkpoint),
        ] {
            assert_noop!(register(wrong, right_peer), Error::<Test>::InvalidPossession);
        }
        for wrong in [
            peer.possession(&GENESIS, 2u64, KeyRole::ValidatorPeer),
            peer.possession(&GENESIS, 1u64, KeyRole::DirectorPeer),
            peer.possession(&elsewhere, 1u64, KeyRole::ValidatorPeer),
            checkpoint.possession(&GENESIS, 1u64, KeyRole::ValidatorPeer),
        ] {
            assert_noop!(register(right, wrong), Error::<Test>::InvalidPossession);
        }
        assert_ok!(register(right, right_peer));
    });
}

#[test]
fn one_key_has_one_owner_and_one_role() {
    with_directors(1).execute_with(|| {
        assert_ok!(register(1));
        let taken = [checkpoint_key(1), peer_key(1), director_key(90)];
        for key in &taken {
            assert_noop!(register_with(2, MIN_STAKE, key, &peer_key(2)), Error::<Test>::KeyTaken);
            assert_noop!(
                register_with(2, MIN_STAKE, &checkpoint_key(2), key),
                Error::<Test>::KeyTaken
            );
        }
        assert_noop!(
            register_with(2, MIN_STAKE, &peer_key(2), &peer_key(2)),
            Error::<Test>::SameKey
        );
        // Nor can a director take a validator's key, in whichever role it has it.
        DirectorRegistry::add_director(RuntimeOrigin::root(), 91).unwrap();
        for key in [checkpoint_key(1), peer_key(1)] {
            assert_noop!(
                activate_director(91, &key),
                pallet_director_registry::Error::<Test>::PeerKeyTaken
            );
        }
    });
}

#[test]
fn a_replaced_key_stays_punishable_and_taken_for_the_unbonding_period() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        let (old, new) = (checkpoint_key(1), TestKey::new(77));
        go_to(10);
        assert_ok!(rotate(1, &new));
        let until = 10 + UNBONDING;
        let event = Event::CheckpointKeyRotated {
            validator: 1,
            old: old.public(),
            new: new.public(),
            punishable_until: until,
        };
        assert_eq!(last_event(), event.into());
        let owner = |key: &TestKey| ValidatorRegistry::checkpoint_key_owner(&key.public());
        assert_eq!((owner(&old), owner(&new)), (Some(1), Some(1)));

        go_to(until);
        assert_eq!(owner(&old), Some(1));
        assert_eq!(ValidatorRegistry::validator_info(&1).unwrap().retired_keys.len(), 1);
        assert_noop!(register_with(2, MIN_STAKE, &old, &peer_key(2)), Error::<Test>::KeyTaken);
        assert_noop!(rotate(1, &old), Error::<Test>::KeyTaken);

        go_to(until + 1);
        assert_eq!(owner(&old), None);
        assert!(ValidatorRegistry::validator_info(&1).unwrap().retired_keys.is_empty());
        assert_ok!(register_with(2, MIN_STAKE, &old, &peer_key(2)));
        assert_eq!((owner(&old), owner(&new)), (Some(2), Some(1)));
        // The former owner keeps its hands off it when it goes.
        assert_ok!(exit(1));
        go_to(2 * until + 10);
        assert_ok!(withdraw(1));
        assert_eq!((owner(&old), owner(&new)), (Some(2), None));
    });
}

#[test]
fn an_expired_key_can_become_a_peer_key_or_come_back() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        assert_ok!(rotate(1, &TestKey::new(77)));
        go_to(System::block_number() + UNBONDING + 1);
        assert_ok!(register_with(2, MIN_STAKE, &checkpoint_key(2), &checkpoint_key(1)));
        assert_ok!(rotate(2, &TestKey::new(78)));
        go_to(System::block_number() + UNBONDING + 1);
        assert_ok!(rotate(2, &checkpoint_key(2)));
        let owner = ValidatorRegistry::checkpoint_key_owner(&checkpoint_key(2).public());
        assert_eq!(owner, Some(2));
    });
}

#[test]
fn replaced_keys_are_few_at_a_time() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        let most = u64::from(MAX_RETIRED_KEYS);
        (1..=most).for_each(|n| rotate(1, &TestKey::new(n)).unwrap());
        assert_noop!(rotate(1, &TestKey::new(most + 1)), Error::<Test>::TooManyRetiredKeys);
        go_to(System::block_number() + UNBONDING + 1);
        assert_ok!(rotate(1, &TestKey::new(most + 1)));
        assert_eq!(stored(1).retired_keys.len(), 1);
    });
}

#[test]
fn only_who_stays_replaces_a_key() {
    new_test_ext().execute_with(|| {
        assert_noop!(rotate(1, &TestKey::new(1)), Error::<Test>::NotRegistered);
        assert_ok!(register(1));
        let stolen = TestKey::new(5).possession(&GENESIS, 1u64, KeyRole::Checkpoint);
        let origin = RuntimeOrigin::signed(1);
        assert_noop!(
            ValidatorRegistry::rotate_checkpoint_key(origin, TestKey::new(6).public(), stolen),
            Error::<Test>::InvalidPossession
        );
        assert_ok!(exit(1));
        assert_noop!(rotate(1, &TestKey::new(1)), Error::<Test>::NotEligible);
    });
}

#[test]
fn pages_are_in_ascending_order_of_accounts() {
    new_test_ext().execute_with(|| {
        [4, 2, 5, 1, 3].into_iter().for_each(|validator| register(validator).unwrap());
        let page = |after: Option<u64>, limit| {
            ValidatorRegistry::validators_page(after.as_ref(), limit)
                .into_iter()
                .map(|info| info.account)
                .collect::<Vec<_>>()
        };
        assert_eq!(page(None, u32::MAX), vec![1, 2, 3, 4, 5]);
        assert_eq!(page(None, 2), vec![1, 2]);
        assert_eq!(page(Some(2), 2), vec![3, 4]);
        assert_eq!(page(Some(4), 2), vec![5]);
        assert!(page(Some(5), 2).is_empty() && page(None, 0).is_empty());
    });
}

#[test]
fn a_replaced_peer_key_is_locked_for_the_unbonding_period() {
    new_test_ext().execute_with(|| {
        let (old, new) = (peer_key(1), TestKey::new(77));
        assert_noop!(rotate_peer(1, &new), Error::<Test>::NotRegistered);
        assert_ok!(register(1));
        assert_noop!(rotate_peer(1, &checkpoint_key(1)), Error::<Test>::KeyTaken);
        assert_noop!(rotate_peer(1, &old), Error::<Test>::KeyTaken);
        go_to(5);
        assert_ok!(rotate_peer(1, &new));
        let event = Event::PeerKeyRotated {
            validator: 1,
            old: old.public(),
            new: new.public(),
            locked_until: 5 + UNBONDING,
        };
        assert_eq!(last_event(), event.into());
        assert_eq!(ValidatorRegistry::validator_info(&1).unwrap().peer_key, new.public());

        go_to(5 + UNBONDING);
        assert!(ValidatorRegistry::is_in_use(&old.public()));
        // Whoever stole it cannot take it, in no role; nor can a director.
        let taken = Error::<Test>::KeyTaken;
        assert_noop!(register_with(2, MIN_STAKE, &checkpoint_key(2), &old), taken);
        assert_noop!(register_with(2, MIN_STAKE, &old, &peer_key(2)), Error::<Test>::KeyTaken);
        DirectorRegistry::add_director(RuntimeOrigin::root(), 90).unwrap();
        assert!(activate_director(90, &old).is_err());

        go_to(5 + UNBONDING + 1);
        assert!(!ValidatorRegistry::is_in_use(&old.public()));
        assert_ok!(register_with(2, MIN_STAKE, &checkpoint_key(2), &old));
        assert!(stored(1).retired_peer_keys.is_empty());
    });
}

#[test]
fn so_many_replaced_peer_keys_and_no_more() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        for nth in 0..u64::from(MAX_RETIRED_KEYS) {
            go_to(2 + nth);
            assert_ok!(rotate_peer(1, &TestKey::new(100 + nth)));
        }
        assert_noop!(rotate_peer(1, &TestKey::new(99)), Error::<Test>::TooManyRetiredKeys);
        // Checkpoint keys are another matter.
        assert_ok!(rotate(1, &TestKey::new(98)));
        go_to(2 + UNBONDING + 1);
        assert_ok!(rotate_peer(1, &TestKey::new(99)));
    });
}

#[test]
fn an_expired_key_of_its_own_can_be_taken_again() {
    new_test_ext().execute_with(|| {
        assert_ok!(register(1));
        assert_ok!(rotate_peer(1, &TestKey::new(77)));
        assert_ok!(rotate(1, &TestKey::new(78)));
        go_to(1 + UNBONDING + 1);
        assert_ok!(rotate_peer(1, &peer_key(1)));
        assert_ok!(rotate(1, &checkpoint_key(1)));
        // Each in the other's role, once both are free.
        go_to(1 + 2 * (UNBONDING + 1));
        assert_ok!(rotate(1, &TestKey::new(77)));
    });
}
