//! Who counts, what counts, and when it takes effect.

use crate::{mock::*, *};
use director_primitives::{
    DirectorVote, authorization::NONCES_PER_BLOCK, test_utils::TestKey, threshold::approvals_needed,
};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

/// A signed vote with one thing changed before it was signed.
fn changed(
    director: AccountId,
    change: impl FnOnce(&mut DirectorVote<AccountId>),
) -> SignedDirectorVote<AccountId> {
    let mut body = vote(director, 1, APPROVE, 1).vote;
    change(&mut body);
    director_key(director).director_vote(&GENESIS, director, body)
}

#[test]
fn two_thirds_of_the_directors_rounded_up_authorize() {
    for (directors, needed) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5)] {
        with_directors(directors).execute_with(|| {
            assert_ok!(register(1));
            for nth in 1..=needed {
                assert_eq!(status(1), ValidatorStatus::Candidate);
                let result = submit(vec![vote(89 + nth, 1, APPROVE, 1)]).unwrap();
                let expected = if nth == needed { Pays::No } else { Pays::Yes };
                assert_eq!(result.pays_fee, expected, "vote {nth} of {directors}");
            }
            assert_eq!(status(1), ValidatorStatus::Authorized);
            let event = Event::ValidatorAuthorized {
                validator: 1,
                registration_id: 0,
                approvals: needed as u32,
                directors: directors as u32,
            };
            assert_eq!(last_event(), event.into());
            assert_eq!(needed as u32, approvals_needed(directors as u32));
        });
    }
}

#[test]
fn without_directors_nothing_is_decided() {
    with_directors(1).execute_with(|| {
        assert_ok!(register(1));
        let approval = vote(90, 1, APPROVE, 1);
        // Governance cannot go below the minimum; take the director away by hand.
        pallet_director_registry::Active::<Test>::kill();
        pallet_director_registry::Records::<Test>::remove(90);
        let votes = vec![approval].try_into().unwrap();
        assert_noop!(
            ValidatorRegistry::submit_votes(RuntimeOrigin::signed(50), votes),
            Error::<Test>::NotDirector
        );
    });
}

#[test]
fn one_extrinsic_may_carry_all_votes() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        let result = submit((90..93).map(|d| vote(d, 1, APPROVE, 1)).collect()).unwrap();
        assert_eq!((result.pays_fee, status(1)), (Pays::No, ValidatorStatus::Authorized));
        let progress = ValidatorRegistry::vote_progress(&1).unwrap();
        assert_eq!((progress.needed, progress.votes.len()), (2, 3));
    });
}

#[test]
fn one_extrinsic_may_be_about_several_validators() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        assert_ok!(register(2));
        let votes = [(90, 1), (90, 2), (91, 2), (91, 1)];
        assert_ok!(submit(votes.map(|(d, v)| vote(d, v, APPROVE, 1)).to_vec()));
        assert_eq!((status(1), status(2)), (ValidatorStatus::Authorized, status(1)));
        assert_eq!(AuthorizedCount::<Test>::get(), 2);
    });
}

#[test]
fn directors_revoke_and_approve_again() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        authorize(1, 1);
        assert_eq!(submit(vec![vote(90, 1, REVOKE, 2)]).unwrap().pays_fee, Pays::Yes);
        assert_eq!(submit(vec![vote(91, 1, REVOKE, 2)]).unwrap().pays_fee, Pays::No);
        assert_eq!((status(1), AuthorizedCount::<Test>::get()), (ValidatorStatus::Revoked, 0));
        let cause = RevocationCause::Directors { revocations: 2, directors: 3 };
        let event = Event::ValidatorRevoked { validator: 1, registration_id: 0, cause };
        assert_eq!(last_event(), event.into());
        // The third still approves, so one change of mind is enough.
        assert_ok!(submit(vec![vote(90, 1, APPROVE, 3)]));
        assert_eq!(status(1), ValidatorStatus::Authorized);
    });
}

#[test]
fn a_candidate_can_be_turned_down() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        assert_ok!(submit(vec![vote(90, 1, REVOKE, 1), vote(92, 1, REVOKE, 1)]));
        assert_eq!(status(1), ValidatorStatus::Revoked);
    });
}

#[test]
fn one_director_has_one_vote() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        assert_ok!(submit((1..=5).map(|nonce| vote(90, 1, APPROVE, nonce)).collect()));
        assert_eq!(status(1), ValidatorStatus::Candidate);
        assert_eq!(ValidatorRegistry::vote_progress(&1).unwrap().votes.len(), 1);
    });
}

#[test]
fn a_vote_needs_a_newer_nonce() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        assert_ok!(submit(vec![vote(90, 1, APPROVE, 5)]));
        for nonce in [5, 4] {
            assert_noop!(submit(vec![vote(90, 1, REVOKE, nonce)]), Error::<Test>::OldNonce);
        }
        assert_ok!(submit(vec![vote(90, 1, REVOKE, 6)]));
    });
}

#[test]
fn votes_that_are_known_do_not_spoil_those_that_are_new() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        let (first, second) = (vote(90, 1, APPROVE, 1), vote(91, 1, APPROVE, 1));
        assert_ok!(submit(vec![first.clone()]));
        assert_ok!(submit(vec![first, second]));
        assert_eq!(status(1), ValidatorStatus::Authorized);
    });
}

#[test]
fn a_vote_that_says_nothing_does_not_spoil_those_that_do() {
    type Spoiler = fn(&SignedDirectorVote<AccountId>) -> SignedDirectorVote<AccountId>;
    let spoilers: [(Spoiler, Error<Test>); 8] = [
        (|_| changed(92, |vote| vote.valid_until = 20), Error::VoteExpired),
        (|_| vote(99, 1, APPROVE, 1), Error::NotDirector),
        (|old| old.clone(), Error::VoidVote),
        (|_| changed(92, |vote| vote.nonce = nonce_now(0) + NONCES_PER_BLOCK), Error::NonceTooHigh),
        (
            |_| SignedDirectorVote { director: 91, ..vote(92, 1, APPROVE, 1) },
            Error::InvalidSignature,
        ),
        (|_| changed(92, |vote| vote.registration_id += 7), Error::OtherRegistration),
        (|_| changed(92, |vote| vote.validator = 7), Error::NotRegistered),
        (|_| vote(92, 2, APPROVE, 1), Error::NotEligible),
    ];
    for (spoiler, why) in spoilers {
        let why = DispatchError::from(why);
        for at in 0..=3 {
            with_directors(4).execute_with(|| {
                assert_ok!(register(1));
                assert_ok!(register(2));
                assert_ok!(exit(2));
                // 93 has voted, was removed and came back.
                let old = vote(93, 1, APPROVE, 5);
                assert_ok!(submit(vec![old.clone()]));
                go_to(2);
                remove_director(93);
                add_director(93);
                go_to(21);
                // Alone it fails, and so does the call if nothing else is new; the first tells why.
                assert_noop!(submit(vec![spoiler(&old)]), why);
                assert_noop!(submit(vec![spoiler(&old), old.clone()]), why);
                assert_eq!(status(1), ValidatorStatus::Candidate);
                let mut votes: Vec<_> = (90..93).map(|d| vote(d, 1, APPROVE, 1)).collect();
                votes.insert(at, spoiler(&old));
                let result = submit(votes).unwrap();
                assert_eq!(
                    (result.pays_fee, status(1)),
                    (Pays::No, ValidatorStatus::Authorized),
                    "{why:?} at place {at}"
                );
                assert_eq!(ValidatorRegistry::vote_progress(&1).unwrap().votes.len(), 3);
            });
        }
    }
}

#[test]
fn known_votes_decide_when_there_are_fewer_directors() {
    with_directors(4).execute_with(|| {
        assert_ok!(register(1));
        // Three of four are needed.
        let votes = vec![vote(90, 1, APPROVE, 1), vote(91, 1, APPROVE, 1)];
        assert_ok!(submit(votes.clone()));
        assert_noop!(submit(votes.clone()), Error::<Test>::OldNonce);
        remove_director(93);
        // Two of three are: whoever brings them again makes it so, free of charge.
        assert_eq!(submit(votes.clone()).unwrap().pays_fee, Pays::No);
        assert_eq!(status(1), ValidatorStatus::Authorized);
        assert_noop!(submit(votes), Error::<Test>::OldNonce);
    });
}

#[test]
fn an_older_vote_cannot_be_replayed_after_the_newer_one_expired() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        let approvals = vec![vote(90, 1, APPROVE, 1), vote(91, 1, APPROVE, 1)];
        assert_ok!(submit(approvals.clone()));
        let short = |director| {
            changed(director, |vote| {
                vote.decision = REVOKE;
                vote.nonce = nonce_now(2);
                vote.valid_until = 20;
            })
        };
        assert_ok!(submit(vec![short(90), short(91)]));
        assert_eq!(status(1), ValidatorStatus::Revoked);
        go_to(21);
        assert_noop!(submit(approvals), Error::<Test>::OldNonce);
    });
}

#[test]
fn an_expired_vote_is_not_taken_and_does_not_count() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        let until_20 = |director| changed(director, |vote| vote.valid_until = 20);
        go_to(20);
        assert_ok!(submit(vec![until_20(90)]));
        assert_eq!(ValidatorRegistry::vote_progress(&1).unwrap().votes.len(), 1);
        go_to(21);
        assert!(ValidatorRegistry::vote_progress(&1).unwrap().votes.is_empty());
        assert_noop!(submit(vec![until_20(91)]), Error::<Test>::VoteExpired);
        assert_ok!(submit(vec![vote(91, 1, APPROVE, 1)]));
        assert_eq!(status(1), ValidatorStatus::Candidate);
        assert_ok!(submit(vec![vote(90, 1, APPROVE, 2)]));
        assert_eq!(status(1), ValidatorStatus::Authorized);
    });
}

#[test]
fn a_forged_vote_is_refused() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        let body = vote(90, 1, APPROVE, 1).vote;
        let elsewhere = H256::repeat_byte(8);
        let signed_by = |key: u64| director_key(key).director_vote(&GENESIS, 90, body.clone());
        let forged = [
            signed_by(91),
            director_key(90).director_vote(&elsewhere, 90, body.clone()),
            // One thing changed after it was signed.
            SignedDirectorVote {
                vote: DirectorVote { decision: REVOKE, ..body.clone() },
                ..signed_by(90)
            },
            SignedDirectorVote {
                vote: DirectorVote { nonce: nonce_now(9), ..body.clone() },
                ..signed_by(90)
            },
            SignedDirectorVote {
                vote: DirectorVote { valid_until: 9, ..body.clone() },
                ..signed_by(90)
            },
            SignedDirectorVote { director: 91, ..signed_by(90) },
        ];
        for forged in forged {
            assert_noop!(submit(vec![forged]), Error::<Test>::InvalidSignature);
        }
        assert_ok!(submit(vec![signed_by(90)]));
    });
}

#[test]
fn votes_of_strangers_are_refused() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        assert_noop!(submit(vec![vote(99, 1, APPROVE, 1)]), Error::<Test>::NotDirector);
        // Invited is not enough.
        DirectorRegistry::add_director(RuntimeOrigin::root(), 99).unwrap();
        assert_noop!(submit(vec![vote(99, 1, APPROVE, 1)]), Error::<Test>::NotDirector);
        assert_noop!(submit(vec![]), Error::<Test>::NoVotes);
    });
}

#[test]
fn votes_of_a_removed_director_do_not_count() {
    with_directors(4).execute_with(|| {
        assert_ok!(register(1));
        // Three of four are needed.
        assert_ok!(submit(vec![vote(90, 1, APPROVE, 1), vote(91, 1, APPROVE, 1)]));
        remove_director(91);
        // Two of three are needed; 90 alone is left.
        assert_eq!(ValidatorRegistry::vote_progress(&1).unwrap().votes.len(), 1);
        assert_noop!(submit(vec![vote(91, 1, APPROVE, 2)]), Error::<Test>::NotDirector);
        assert_ok!(submit(vec![vote(90, 1, APPROVE, 2)]));
        assert_eq!(status(1), ValidatorStatus::Candidate);
        assert_ok!(submit(vec![vote(92, 1, APPROVE, 1)]));
        assert_eq!(status(1), ValidatorStatus::Authorized);
    });
}

#[test]
fn votes_given_before_a_removal_stay_void_when_the_director_comes_back() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        let old = vote(91, 1, APPROVE, 7);
        // Signed in the same term and submitted by nobody so far.
        let kept = vote(91, 1, APPROVE, NONCES_PER_BLOCK - 1);
        assert_ok!(submit(vec![old.clone()]));
        go_to(2);
        remove_director(91);
        add_director(91);
        assert!(ValidatorRegistry::vote_progress(&1).unwrap().votes.is_empty());
        assert_noop!(submit(vec![old]), Error::<Test>::VoidVote);
        assert_noop!(submit(vec![kept]), Error::<Test>::VoidVote);
        assert_ok!(submit(vec![vote(90, 1, APPROVE, 1)]));
        assert_eq!(status(1), ValidatorStatus::Candidate);
        // The first vote of the new term: signed when the block of its activation is finalized.
        go_to(3);
        assert_ok!(submit(vec![vote(91, 1, APPROVE, 0)]));
        assert_eq!(status(1), ValidatorStatus::Authorized);
    });
}

#[test]
fn a_vote_cannot_be_signed_ahead_for_a_later_term() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        // Of this very block, in which the term may end and another one begin, or of a later one.
        for ahead in [NONCES_PER_BLOCK, 10 * NONCES_PER_BLOCK] {
            let ahead = vote(91, 1, APPROVE, ahead);
            assert_noop!(submit(vec![ahead]), Error::<Test>::NonceTooHigh);
        }
        assert_ok!(submit(vec![vote(91, 1, APPROVE, NONCES_PER_BLOCK - 1)]));
    });
}

#[test]
fn a_director_leaves_nothing_behind() {
    with_directors(3).execute_with(|| {
        assert_eq!(FirstNonces::<Test>::iter_keys().count(), 3);
        remove_director(91);
        assert_eq!(FirstNonces::<Test>::iter_keys().count(), 2);
    });
}

#[test]
fn votes_signed_with_a_replaced_peer_key_are_worthless_and_stored_ones_count() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        let before = [vote(90, 1, APPROVE, 1), vote(91, 1, APPROVE, 1)];
        assert_ok!(submit(vec![before[0].clone()]));
        for director in [90, 91] {
            let new = TestKey::new(7_000 + director);
            assert_ok!(DirectorRegistry::rotate_peer_key(
                RuntimeOrigin::signed(director),
                new.public(),
                new.possession(&GENESIS, director, KeyRole::DirectorPeer),
            ));
        }
        assert_noop!(submit(vec![before[1].clone()]), Error::<Test>::InvalidSignature);
        assert_ok!(submit(vec![vote(92, 1, APPROVE, 1)]));
        assert_eq!(status(1), ValidatorStatus::Authorized);
    });
}

#[test]
fn former_directors_take_up_no_room() {
    with_directors(7).execute_with(|| {
        assert_ok!(register(1));
        for round in 0..10 {
            go_to(round + 2);
            for director in 90..97 {
                // A revocation each, so that nothing is decided before all are gone.
                let decision = if director % 2 == 0 { REVOKE } else { APPROVE };
                assert_ok!(submit(vec![vote(director, 1, decision, round + 1)]));
            }
            for director in 91..97 {
                remove_director(director);
                add_director(director);
            }
        }
        for director in 91..97 {
            remove_director(director);
            add_director(director - 50);
        }
        go_to(System::block_number() + 1);
        (41..47).for_each(|director| {
            assert_ok!(submit(vec![vote(director, 1, APPROVE, 1)]));
        });
        assert_eq!(status(1), ValidatorStatus::Authorized);
    });
}

#[test]
fn votes_for_an_old_registration_never_authorize_a_new_one() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        let old = vec![vote(90, 1, APPROVE, 1), vote(91, 1, APPROVE, 1)];
        assert_ok!(submit(vec![old[0].clone()]));
        assert_ok!(exit(1));
        go_to(System::block_number() + UNBONDING + 1);
        assert_ok!(withdraw(1));
        assert_noop!(submit(old.clone()), Error::<Test>::NotRegistered);
        assert_ok!(register(1));
        assert_eq!(stored(1).registration_id, 1);
        assert_noop!(submit(old), Error::<Test>::OtherRegistration);
        assert!(ValidatorRegistry::vote_progress(&1).unwrap().votes.is_empty());
    });
}

#[test]
fn votes_about_who_leaves_are_refused() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        let approval = vote(90, 1, APPROVE, 1);
        assert_ok!(exit(1));
        assert_noop!(submit(vec![approval]), Error::<Test>::NotEligible);
    });
}

#[test]
fn low_stake_revokes_and_is_not_approved() {
    with_directors(3).execute_with(|| {
        assert_ok!(register(1));
        let revoke_low_stake = || ValidatorRegistry::revoke_low_stake(RuntimeOrigin::signed(50), 1);
        authorize(1, 1);
        assert_noop!(revoke_low_stake(), Error::<Test>::StakeNotLow);
        // As if the minimum had risen above what it has.
        Validators::<Test>::mutate(1, |validator| validator.as_mut().unwrap().stake -= 1);
        assert_eq!(revoke_low_stake().unwrap().pays_fee, Pays::No);
        assert_eq!(status(1), ValidatorStatus::Revoked);
        let cause = RevocationCause::LowStake { stake: MIN_STAKE - 1, minimum: MIN_STAKE };
        let event = Event::ValidatorRevoked { validator: 1, registration_id: 0, cause };
        assert_eq!(last_event(), event.into());
        // Votes are taken, and authorize it once there is enough stake.
        let votes = vec![vote(90, 1, APPROVE, 2)].try_into().unwrap();
        let result = ValidatorRegistry::submit_votes(RuntimeOrigin::signed(50), votes).unwrap();
        assert_eq!((result.pays_fee, status(1)), (Pays::Yes, ValidatorStatus::Revoked));
        assert_noop!(revoke_low_stake(), Error::<Test>::StakeNotLow);
        assert_ok!(ValidatorRegistry::bond_more(RuntimeOrigin::signed(1), 1));
        assert_eq!(status(1), ValidatorStatus::Authorized);
    });
}
