#![allow(clippy::unwrap_used)]

use crate::{mock::*, *};
use director_primitives::{runtime_api::EndpointScope, test_utils::TestKey};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError::BadOrigin;

fn last_event() -> RuntimeEvent {
    System::events().pop().unwrap().event
}

#[test]
fn governance_invites_and_the_director_activates_itself() {
    new_test_ext().execute_with(|| {
        assert_ok!(add(1));
        assert_eq!(last_event(), Event::DirectorAdded { director: 1, version: 1 }.into());
        assert_eq!(<DirectorRegistry as Directors<_>>::active_count(), 0);

        go_to(5);
        assert_ok!(activate(1));
        let peer_key = TestKey::new(1).public();
        assert_eq!(
            last_event(),
            Event::DirectorActivated { director: 1, peer_key, active: 1, version: 2 }.into()
        );
        let set = DirectorRegistry::director_set();
        assert_eq!((set.version, set.invited.len(), set.active.len()), (2, 0, 1));
        let info = &set.active[0];
        assert_eq!((info.account, info.peer_key, info.capacity), (1, peer_key, 100));
        assert_eq!((&info.endpoints, &info.region), (&endpoints(), &region()));
        assert_eq!((info.active_since, info.refreshed_at), (5, 5));

        type Registry = DirectorRegistry;
        assert_eq!(<Registry as Directors<_>>::active(), vec![1]);
        assert_eq!(<Registry as Directors<_>>::peer_key(&1), Some(peer_key));
        assert!(<Registry as Directors<AccountId>>::is_peer_key(&peer_key));
    });
}

#[test]
fn directors_can_be_invited_at_genesis() {
    with_invited(vec![3, 1, 3]).execute_with(|| {
        assert_eq!(DirectorRegistry::director_set().invited, vec![1, 3]);
        assert_ok!(activate(3));
        assert_ok!(activate(1));
        assert_eq!(<DirectorRegistry as Directors<_>>::active(), vec![1, 3]);
    });
}

#[test]
fn nobody_but_governance_adds_or_removes() {
    new_test_ext().execute_with(|| {
        add_active(1);
        let origin = RuntimeOrigin::signed(1);
        assert_noop!(DirectorRegistry::add_director(origin.clone(), 2), BadOrigin);
        assert_noop!(DirectorRegistry::remove_director(origin, 1), BadOrigin);
    });
}

#[test]
fn nobody_activates_without_an_invitation_or_twice() {
    new_test_ext().execute_with(|| {
        assert_noop!(activate(1), Error::<Test>::NotInvited);
        add_active(1);
        assert_noop!(activate(1), Error::<Test>::NotInvited);
    });
}

#[test]
fn nobody_is_invited_twice() {
    new_test_ext().execute_with(|| {
        assert_ok!(add(1));
        assert_noop!(add(1), Error::<Test>::AlreadyDirector);
        assert_ok!(activate(1));
        assert_noop!(add(1), Error::<Test>::AlreadyDirector);
    });
}

#[test]
fn active_and_invited_together_stay_within_the_maximum() {
    new_test_ext().execute_with(|| {
        let most = u64::from(MAX_DIRECTORS);
        add_active(1);
        (2..=most).for_each(|director| add(director).unwrap());
        assert_noop!(add(most + 1), Error::<Test>::TooManyDirectors);
        assert_ok!(remove(most));
        assert_ok!(add(most + 1));
    });
}

#[test]
fn a_removal_leaves_at_least_the_minimum_active() {
    new_test_ext().execute_with(|| {
        (1..=3).for_each(add_active);
        assert_ok!(add(4));
        assert_ok!(remove(2));
        assert_eq!(
            last_event(),
            Event::DirectorRemoved { director: 2, was_active: true, active: 2, version: 8 }.into()
        );
        assert_noop!(remove(1), Error::<Test>::TooFewDirectors);
        // An invitation can always be taken back: it does not count.
        assert_ok!(remove(4));
        assert_noop!(remove(4), Error::<Test>::NotDirector);
    });
}

#[test]
fn a_removed_director_is_gone_and_the_others_are_told() {
    new_test_ext().execute_with(|| {
        (1..=3).for_each(add_active);
        assert_ok!(add(4));
        assert_ok!(remove(4));
        assert!(Removed::get().is_empty(), "an invitation never decided anything");
        assert_ok!(remove(3));
        assert_eq!(Removed::get(), vec![3]);
        let key = TestKey::new(3);
        assert_eq!(<DirectorRegistry as Directors<_>>::peer_key(&3), None);
        assert!(!<DirectorRegistry as Directors<AccountId>>::is_peer_key(&key.public()));
        // Its key is free again, for whoever has it.
        assert_ok!(add(4));
        assert_ok!(activate_with(4, &key));
    });
}

#[test]
fn a_key_of_small_order_is_refused() {
    new_test_ext().execute_with(|| {
        assert_ok!(add(1));
        // The zero key with the zero signature verifies anything.
        let (key, possession) = (PublicKey::from_raw([0; 32]), Signature::from_raw([0; 64]));
        assert_noop!(
            DirectorRegistry::activate(
                RuntimeOrigin::signed(1),
                key,
                possession,
                endpoints(),
                region(),
                1
            ),
            Error::<Test>::SmallOrderKey
        );
    });
}

#[test]
fn a_key_without_proof_of_possession_is_refused() {
    new_test_ext().execute_with(|| {
        assert_ok!(add(1));
        let key = TestKey::new(1);
        let other_chain = H256::repeat_byte(8);
        let proofs = [
            // Somebody else's account, another role, another chain, another key.
            key.possession(&GENESIS, 2u64, KeyRole::DirectorPeer),
            key.possession(&GENESIS, 1u64, KeyRole::ValidatorPeer),
            key.possession(&GENESIS, 1u64, KeyRole::Checkpoint),
            key.possession(&other_chain, 1u64, KeyRole::DirectorPeer),
            TestKey::new(2).possession(&GENESIS, 1u64, KeyRole::DirectorPeer),
        ];
        for proof in proofs {
            assert_noop!(
                DirectorRegistry::activate(
                    RuntimeOrigin::signed(1),
                    key.public(),
                    proof,
                    endpoints(),
                    region(),
                    1
                ),
                Error::<Test>::InvalidPossession
            );
        }
    });
}

#[test]
fn a_key_of_another_director_or_of_a_validator_is_refused() {
    new_test_ext().execute_with(|| {
        add_active(1);
        assert_ok!(add(2));
        assert_noop!(activate_with(2, &TestKey::new(1)), Error::<Test>::PeerKeyTaken);
        ValidatorKeys::mutate(|keys| keys.push(TestKey::new(9).public()));
        assert_noop!(activate_with(2, &TestKey::new(9)), Error::<Test>::PeerKeyTaken);
        assert_ok!(activate(2));
    });
}

#[test]
fn a_record_must_make_sense() {
    new_test_ext().execute_with(|| {
        add_active(1);
        let update = |endpoints, region: &[u8], capacity| {
            let region = region.to_vec().try_into().unwrap();
            DirectorRegistry::update_record(RuntimeOrigin::signed(1), endpoints, region, capacity)
        };
        let address = |address: &[u8]| {
            let mut endpoints = endpoints();
            endpoints[0].address = address.to_vec().try_into().unwrap();
            endpoints
        };
        assert_noop!(update(Endpoints::new(), b"eu", 1), Error::<Test>::NoEndpoints);
        assert_noop!(update(endpoints(), b"eu", 0), Error::<Test>::NoCapacity);
        assert_noop!(update(endpoints(), b"\xff", 1), Error::<Test>::InvalidText);
        assert_noop!(update(address(b"203.0.113.7"), b"eu", 1), Error::<Test>::InvalidText);
        assert_noop!(update(address(b"/\xff"), b"eu", 1), Error::<Test>::InvalidText);
        assert_ok!(update(address(b"/dns4/a.example/tcp/1"), b"", 1));
        check();
    });
}

#[test]
fn a_director_changes_and_refreshes_its_record() {
    new_test_ext().execute_with(|| {
        add_active(1);
        assert_ok!(add(2));
        for stranger in [2, 3] {
            let origin = RuntimeOrigin::signed(stranger);
            assert_noop!(DirectorRegistry::refresh(origin.clone()), Error::<Test>::NotActive);
            assert_noop!(
                DirectorRegistry::update_record(origin, endpoints(), region(), 1),
                Error::<Test>::NotActive
            );
        }
        let version = DirectorRegistry::director_set().version;

        go_to(8);
        let mut public = endpoints();
        public.retain(|endpoint| endpoint.scope == EndpointScope::Public);
        let origin = RuntimeOrigin::signed(1);
        assert_ok!(DirectorRegistry::update_record(origin.clone(), public.clone(), region(), 7));
        let set = DirectorRegistry::director_set();
        assert_eq!(set.version, version + 1);
        assert_eq!((&set.active[0].endpoints, set.active[0].capacity), (&public, 7));
        assert_eq!(set.active[0].refreshed_at, 8);

        go_to(9);
        assert_ok!(DirectorRegistry::refresh(origin));
        let set = DirectorRegistry::director_set();
        assert_eq!((set.version, set.active[0].refreshed_at), (version + 1, 9));
        assert!(set.active[0].active_since < 8, "its term goes on");
        check();
    });
}

#[test]
fn storage_of_full_lives_is_what_it_was() {
    new_test_ext().execute_with(|| {
        (1..=2).for_each(add_active);
        let keys = || {
            let mut count = 0;
            let mut key = vec![];
            while let Some(next) = sp_io::storage::next_key(&key) {
                // Events grow within one block.
                count += usize::from(!next.starts_with(&sp_io::hashing::twox_128(b"System")));
                key = next;
            }
            count
        };
        let before = keys();
        for director in 10..60 {
            add_active(director);
            assert_ok!(remove(director));
        }
        assert_eq!(keys(), before);
    });
}

#[test]
fn a_successor_takes_the_place_in_the_moment_of_its_activation() {
    new_test_ext().execute_with(|| {
        (1..=2).for_each(add_active);
        // At the minimum, where nobody can be removed.
        assert_noop!(remove(1), Error::<Test>::TooFewDirectors);
        assert_ok!(swap(1, 3));
        let event = Event::SuccessorInvited { director: 1, successor: 3, version: 5 };
        assert_eq!(last_event(), event.into());
        assert_eq!(<DirectorRegistry as Directors<_>>::active(), vec![1, 2]);
        let invitation = Invitation { account: 3, replaces: Some(1) };
        assert_eq!(DirectorRegistry::invitations(), vec![invitation]);

        // Its predecessor's key is taken until then.
        assert_noop!(activate_with(3, &TestKey::new(1)), Error::<Test>::PeerKeyTaken);
        assert_ok!(activate(3));
        assert_eq!(<DirectorRegistry as Directors<_>>::active(), vec![2, 3]);
        assert_eq!((Activated::get(), Removed::get()), (vec![1, 2, 3], vec![1]));
        assert!(!<DirectorRegistry as Directors<AccountId>>::is_peer_key(
            &TestKey::new(1).public()
        ));
        let removed =
            Event::DirectorRemoved { director: 1, was_active: true, active: 1, version: 6 };
        assert!(System::events().iter().any(|record| record.event == removed.clone().into()));
    });
}

#[test]
fn a_full_set_can_be_swapped_to_the_last() {
    new_test_ext().execute_with(|| {
        let most = u64::from(MAX_DIRECTORS);
        (1..=most).for_each(add_active);
        assert_noop!(add(100), Error::<Test>::TooManyDirectors);
        (1..=most).for_each(|director| swap(director, 100 + director).unwrap());
        assert_noop!(add(100), Error::<Test>::TooManyDirectors);
        (1..=most).for_each(|director| activate(100 + director).unwrap());
        assert_eq!(<DirectorRegistry as Directors<_>>::active(), vec![101, 102, 103, 104]);
    });
}

#[test]
fn only_one_successor_for_each_and_only_for_who_is_there() {
    new_test_ext().execute_with(|| {
        (1..=3).for_each(add_active);
        assert_noop!(swap(9, 4), Error::<Test>::NotDirector);
        assert_noop!(swap(1, 2), Error::<Test>::AlreadyDirector);
        assert_noop!(swap(1, 1), Error::<Test>::AlreadyDirector);
        assert_ok!(swap(1, 4));
        assert_noop!(swap(1, 5), Error::<Test>::AlreadyBeingReplaced);
        assert_noop!(swap(2, 4), Error::<Test>::AlreadyDirector);
        let origin = RuntimeOrigin::signed(1);
        assert_noop!(DirectorRegistry::swap_director(origin, 2, 5), BadOrigin);
        // Taken back, the place is its own again.
        assert_ok!(remove(4));
        assert_ok!(swap(1, 5));
    });
}

#[test]
fn an_invitation_passes_on_with_what_it_is_for() {
    new_test_ext().execute_with(|| {
        (1..=2).for_each(add_active);
        assert_ok!(add(3));
        assert_ok!(swap(3, 4));
        assert_noop!(activate(3), Error::<Test>::NotInvited);
        assert_ok!(swap(1, 5));
        assert_ok!(swap(5, 6));
        assert_ok!(activate(4));
        assert_ok!(activate(6));
        assert_eq!(<DirectorRegistry as Directors<_>>::active(), vec![2, 4, 6]);
    });
}

#[test]
fn who_was_to_replace_a_removed_director_is_one_more() {
    new_test_ext().execute_with(|| {
        (1..=3).for_each(add_active);
        assert_ok!(swap(1, 4));
        assert_ok!(remove(1));
        assert_eq!(DirectorRegistry::invitations(), vec![Invitation::plain(4)]);
        assert_ok!(activate(4));
        assert_eq!(<DirectorRegistry as Directors<_>>::active(), vec![2, 3, 4]);
    });
}

#[test]
fn a_director_replaces_its_peer_key() {
    new_test_ext().execute_with(|| {
        (1..=2).for_each(add_active);
        let (old, new) = (TestKey::new(1), TestKey::new(11));
        assert_noop!(rotate(9, &new), Error::<Test>::NotActive);
        assert_noop!(rotate(1, &TestKey::new(2)), Error::<Test>::PeerKeyTaken);
        assert_noop!(rotate(1, &old), Error::<Test>::PeerKeyTaken);
        ValidatorKeys::set(vec![TestKey::new(12).public()]);
        assert_noop!(rotate(1, &TestKey::new(12)), Error::<Test>::PeerKeyTaken);
        let foreign = new.possession(&GENESIS, 2u64, KeyRole::DirectorPeer);
        let origin = RuntimeOrigin::signed(1);
        assert_noop!(
            DirectorRegistry::rotate_peer_key(origin.clone(), new.public(), foreign),
            Error::<Test>::InvalidPossession
        );
        let (zero, anything) = (PublicKey::from_raw([0; 32]), Signature::from_raw([0; 64]));
        assert_noop!(
            DirectorRegistry::rotate_peer_key(origin, zero, anything),
            Error::<Test>::SmallOrderKey
        );
        go_to(9);
        assert_ok!(rotate(1, &new));
        let (old, new) = (old.public(), new.public());
        let event = Event::PeerKeyRotated { director: 1, old, new, version: 5 };
        assert_eq!(last_event(), event.into());
        assert_eq!(<DirectorRegistry as Directors<_>>::peer_key(&1), Some(new));
        assert!(!<DirectorRegistry as Directors<AccountId>>::is_peer_key(&old));
        let info = DirectorRegistry::director(1).unwrap();
        assert_eq!(info.refreshed_at, 9);
        assert!(info.active_since < 9, "its term goes on");
    });
}

#[test]
fn a_silent_director_shows_as_stale() {
    new_test_ext().execute_with(|| {
        (1..=2).for_each(add_active);
        go_to(1 + STALE_AFTER);
        assert!(DirectorRegistry::stale_directors().is_empty());
        assert_ok!(DirectorRegistry::refresh(RuntimeOrigin::signed(2)));
        go_to(1 + STALE_AFTER + 1);
        assert_eq!(DirectorRegistry::stale_directors(), vec![1]);
        // It counts all the same: governance looks and decides.
        assert_eq!(<DirectorRegistry as Directors<AccountId>>::active_count(), 2);
    });
}
