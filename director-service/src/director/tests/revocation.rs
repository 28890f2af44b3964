//! How validators get revoked, and how not.

use super::{count, sent, world::*};
use crate::director::{
    Config, Director, DisconnectReason, Input, Link, Output, Policy, Refusal, RevokeOutcome,
};
use director_primitives::{
    AccountId32, Answer, Control, Decision, DirectorVote, PublicKey, RevocationReason,
    SignedDirectorVote, authorization::first_nonce, runtime_api::ValidatorStatus,
};

const OPERATOR: Decision = Decision::Revoke(RevocationReason::Operator);

/// Director `n`'s vote on validator `of`, signed at this block.
fn vote_at(block: u64, n: u8, of: u8, decision: Decision) -> SignedDirectorVote<AccountId32> {
    let vote = DirectorVote {
        validator: validator_account(of),
        registration_id: u64::from(of) + 1,
        decision,
        nonce: first_nonce(block),
        valid_until: block + 600,
    };
    director_key(n).director_vote(&genesis(), director_account(n), vote)
}

fn revocation(n: u8, of: u8) -> SignedDirectorVote<AccountId32> {
    vote_at(100, n, of, OPERATOR)
}

fn hear(rig: &mut Rig, from: u8, vote: SignedDirectorVote<AccountId32>) -> Vec<Output> {
    let message = Control::DirectorVote(vote);
    rig.put(Input::Control { from: director_key(from).public(), link: Link::Mesh, message })
}

fn revoke(rig: &mut Rig, n: u8) -> (Vec<Output>, RevokeOutcome) {
    let out = rig.put(Input::Revoke { validator: validator_account(n) });
    let outcome = out.iter().find_map(|output| match output {
        Output::Revoked { outcome, .. } => Some(*outcome),
        _ => None,
    });
    (out, outcome.unwrap())
}

fn disconnected(out: &[Output]) -> Vec<(PublicKey, DisconnectReason)> {
    let disconnect = |output: &Output| match output {
        Output::Disconnect { peer, link: Link::Public, reason } => Some((*peer, *reason)),
        _ => None,
    };
    out.iter().filter_map(disconnect).collect()
}

fn allowed(out: &[Output]) -> Option<Vec<PublicKey>> {
    out.iter().rev().find_map(|output| match output {
        Output::Allow { public, .. } => Some(public.clone()),
        _ => None,
    })
}

fn submitted(out: &[Output]) -> Option<Vec<SignedDirectorVote<AccountId32>>> {
    out.iter().find_map(|output| match output {
        Output::SubmitVotes { votes, .. } => Some(votes.clone()),
        _ => None,
    })
}

/// Whether what validator `n` says is passed on when another director hands it over.
fn is_passed_on(rig: &mut Rig, n: u8, seq: u64) -> bool {
    !relayed(&rig.frames(vec![from_director(1, &message(n, seq, b"!"))])).is_empty()
}

#[test]
fn enough_revocations_cut_a_validator_off_at_once() {
    let mut rig = Rig::new(&World::new(3, 2));
    assert!(disconnected(&hear(&mut rig, 1, revocation(1, 0))).is_empty(), "one of two");
    let out = hear(&mut rig, 2, revocation(2, 0));
    let (key, other) = (validator_key(0).public(), validator_key(1).public());
    assert_eq!(disconnected(&out), vec![(key, DisconnectReason::Revoked)]);
    assert_eq!(allowed(&out), Some(vec![other]), "it does not come back");
    let farewell = Control::AuthorizationAnswer(Answer::Revoked(RevocationReason::Operator));
    assert_eq!(sent(&out, Link::Public), vec![(key, farewell)]);
    let at = |wanted: fn(&Output) -> bool| out.iter().position(wanted).unwrap();
    let told = at(|o| matches!(o, Output::Send { link: Link::Public, .. }));
    let cut = at(|o| matches!(o, Output::Disconnect { .. }));
    let shut = at(|o| matches!(o, Output::Allow { .. }));
    assert!(told < cut && cut < shut, "it is told why before it is cut off");
    assert_eq!(rig.core.stats().revocations, 1);
    // Should its connection have come up in the meantime:
    let out = rig.put(Input::Up { peer: key, link: Link::Public });
    assert_eq!(disconnected(&out), vec![(key, DisconnectReason::Revoked)]);
}

#[test]
fn what_it_said_before_is_still_passed_on_for_a_moment() {
    let mut rig = Rig::new(&World::new(3, 2));
    hear(&mut rig, 1, revocation(1, 0));
    hear(&mut rig, 2, revocation(2, 0));
    rig.now += Config::new(director_account(0), director_key(0).public()).park_ms - 1;
    assert!(is_passed_on(&mut rig, 0, 1), "it was on its way");
    let own = rig.frames(vec![from_validator(0, &message(0, 9, b"anew"))]);
    assert!(!own.iter().any(|output| matches!(output, Output::Relay { .. })), "that it says now");
    rig.now += 1;
    assert!(!is_passed_on(&mut rig, 0, 2), "a director that keeps it speaks for nobody");
    assert_eq!(count(&rig, Refusal::Unauthorized), 2);
    assert!(is_passed_on(&mut rig, 1, 1), "others go on");
    // Its votes still reach the detector.
    let pair = [0xaa, 0xbb].map(|hash| vote_frame(0, u64::from(hash), &vote(0, 10, hash)));
    rig.frames(pair.iter().map(|frame| from_director(1, frame)).collect());
    assert_eq!(rig.core.stats().double_signs_detected, 1);
}

#[test]
fn the_votes_go_on_chain_until_it_knows() {
    let mut submissions = Vec::new();
    for n in 0..3 {
        let mut rig = Rig::bare(director(n, Vec::new()));
        rig.finalize(&World::new(3, 2));
        revoke(&mut rig, 0);
        let peer = (n + 1) % 3;
        let mut out = hear(&mut rig, peer, revocation(peer, 0));
        for block in 101..=104 {
            if let Some(votes) = submitted(&out) {
                assert_eq!(votes.len(), 2);
                submissions.push(block - 1);
            }
            out = rig.finalize(&World::new(3, 2).at(block));
        }
        submissions.extend(submitted(&out).map(|_| 104));
        let known = World::new(3, 2).status(0, ValidatorStatus::Revoked);
        for block in 105..140 {
            assert_eq!(submitted(&rig.finalize(&known.clone().at(block))), None);
        }
    }
    submissions.sort();
    assert_eq!(submissions, [100, 102, 104], "by turns");
}

#[test]
fn one_director_alone_serves_it_no_more_and_that_is_all() {
    let mut rig = Rig::new(&World::new(3, 2));
    let (out, outcome) = revoke(&mut rig, 0);
    assert_eq!(outcome, RevokeOutcome::Signed { votes: 1, needed: 2 });
    let key = validator_key(0).public();
    assert_eq!(disconnected(&out), vec![(key, DisconnectReason::Unwanted)]);
    assert_eq!(submitted(&out), None);
    rig.now += 10_000;
    assert!(is_passed_on(&mut rig, 0, 1), "others may still speak for it");
    // Elsewhere nothing happens, whatever it signs and however often.
    let mut other = Rig::new(&World::new(3, 2));
    for round in 0..50 {
        for of in 0..2 {
            let out = hear(&mut other, 1, vote_at(100 + round / 5, 1, of, OPERATOR));
            assert!(disconnected(&out).is_empty() && submitted(&out).is_none());
        }
        let block = 100 + round / 5;
        let out = other.finalize(&World::new(3, 2).at(block));
        assert!(disconnected(&out).is_empty() && submitted(&out).is_none());
    }
    assert_eq!(other.core.stats().public_connections, 2);
}

#[test]
fn nobody_votes_for_another() {
    let mut rig = Rig::new(&World::new(3, 2));
    hear(&mut rig, 1, revocation(1, 0));
    let mut in_anothers_name = revocation(1, 0);
    in_anothers_name.director = director_account(2);
    let mut altered = revocation(2, 1);
    altered.vote.validator = validator_account(0);
    altered.vote.registration_id = 1;
    let mut own_name = revocation(1, 0);
    own_name.director = director_account(0);
    for forged in [in_anothers_name, altered, own_name] {
        assert!(disconnected(&hear(&mut rig, 1, forged)).is_empty());
    }
    assert_eq!(count(&rig, Refusal::BadDirectorVote), 3);
    let outsider = vote_at(100, 8, 0, OPERATOR);
    assert!(disconnected(&hear(&mut rig, 1, outsider)).is_empty());
    assert_eq!(count(&rig, Refusal::UselessDirectorVote), 1);
}

#[test]
fn replayed_expired_and_early_votes_say_nothing() {
    let mut rig = Rig::new(&World::new(3, 2));
    hear(&mut rig, 1, revocation(1, 0));

    // Expired.
    let mut expired = revocation(2, 0).vote;
    expired.valid_until = 99;
    let expired = director_key(2).director_vote(&genesis(), director_account(2), expired);
    assert!(disconnected(&hear(&mut rig, 1, expired)).is_empty());
    // About another registration.
    let mut other = revocation(2, 0).vote;
    other.registration_id = 7;
    let other = director_key(2).director_vote(&genesis(), director_account(2), other);
    assert!(disconnected(&hear(&mut rig, 1, other)).is_empty());
    // From a block that nobody can have seen.
    assert!(disconnected(&hear(&mut rig, 1, vote_at(117, 2, 0, OPERATOR))).is_empty());
    assert_eq!(count(&rig, Refusal::UselessDirectorVote), 3);

    // Taken back, and replayed.
    let mut rig = Rig::new(&World::new(3, 2));
    hear(&mut rig, 2, revocation(2, 0));
    hear(&mut rig, 2, vote_at(101, 2, 0, Decision::Approve));
    assert!(hear(&mut rig, 1, revocation(2, 0)).is_empty(), "an old vote comes back");
    assert!(disconnected(&hear(&mut rig, 1, revocation(1, 0))).is_empty());
    rig.finalize(&World::new(3, 2).at(101));
    assert!(hear(&mut rig, 1, revocation(2, 0)).is_empty(), "and again");
}

#[test]
fn votes_of_an_earlier_term_do_not_count() {
    let mut rig = Rig::new(&World::new(4, 2));
    let mut without = World::new(4, 2).at(101);
    without.directors.retain(|n| *n != 3);
    rig.finalize(&without);
    let mut back = World::new(4, 2).at(105);
    back.terms.push((3, 104));
    rig.finalize(&back);
    for n in [1, 2] {
        assert!(disconnected(&hear(&mut rig, n, revocation(n, 0))).is_empty());
    }
    assert!(disconnected(&hear(&mut rig, 1, revocation(3, 0))).is_empty());
    assert_eq!(count(&rig, Refusal::UselessDirectorVote), 1);
    let out = hear(&mut rig, 1, vote_at(104, 3, 0, OPERATOR));
    assert_eq!(disconnected(&out).len(), 1);
}

/// It has seen nobody come or go: the chain says when a term began.
#[test]
fn votes_of_an_earlier_term_do_not_count_after_a_restart_either() {
    let mut world = World::new(4, 2).at(105);
    world.terms.push((3, 104));
    let mut rig = Rig::new(&world);
    for n in [1, 2] {
        assert!(disconnected(&hear(&mut rig, n, revocation(n, 0))).is_empty());
    }
    assert!(disconnected(&hear(&mut rig, 1, vote_at(103, 3, 0, OPERATOR))).is_empty());
    assert_eq!(count(&rig, Refusal::UselessDirectorVote), 1);
    let out = hear(&mut rig, 1, vote_at(104, 3, 0, OPERATOR));
    assert_eq!(disconnected(&out).len(), 1);
}

#[test]
fn it_comes_back_when_the_votes_are_not_enough_any_more() {
    let mut rig = Rig::new(&World::new(3, 2));
    hear(&mut rig, 1, revocation(1, 0));
    hear(&mut rig, 2, revocation(2, 0));
    // A director that voted is one no more, another takes its place.
    let mut changed = World::new(3, 2).at(101);
    changed.directors = vec![0, 1, 3];
    let back = allowed(&rig.finalize(&changed)).unwrap();
    assert!(back.contains(&validator_key(0).public()));
    // Or they expire, the chain having refused them.
    let mut rig = Rig::new(&World::new(3, 2));
    hear(&mut rig, 1, revocation(1, 0));
    hear(&mut rig, 2, revocation(2, 0));
    assert_eq!(allowed(&rig.finalize(&World::new(3, 2).at(700))), None);
    let back = allowed(&rig.finalize(&World::new(3, 2).at(701))).unwrap();
    assert!(back.contains(&validator_key(0).public()));
}

#[test]
fn a_restarted_director_gets_its_votes_back() {
    let mut before = Rig::new(&World::new(3, 2));
    let (out, _) = revoke(&mut before, 0);
    let vote = sent(&out, Link::Mesh).into_iter().find_map(|(_, message)| match message {
        Control::DirectorVote(vote) => Some(vote),
        _ => None,
    });
    let vote = vote.unwrap();
    let mut peer = Rig::bare(director(1, Vec::new()));
    peer.finalize(&World::new(3, 2));
    hear(&mut peer, 0, vote.clone());
    let key = director_key(0).public();
    let told = peer.put(Input::Up { peer: key, link: Link::Mesh });
    assert_eq!(sent(&told, Link::Mesh)[0], (key, Control::DirectorVote(vote.clone())));

    let mut after = Rig::new(&World::new(3, 2));
    let out = hear(&mut after, 1, vote.clone());
    assert_eq!(disconnected(&out), vec![(validator_key(0).public(), DisconnectReason::Unwanted)]);
    let (out, _) = revoke(&mut after, 1);
    let nonces: Vec<_> = sent(&out, Link::Mesh)
        .into_iter()
        .filter_map(|(_, message)| match message {
            Control::DirectorVote(vote) => Some(vote.vote.nonce),
            _ => None,
        })
        .collect();
    assert!(nonces.iter().all(|nonce| *nonce > vote.vote.nonce), "none is used twice");
}

#[test]
fn the_operator_hears_what_became_of_it() {
    let world = World::new(3, 3)
        .status(1, ValidatorStatus::Candidate)
        .status(2, ValidatorStatus::Tombstoned);
    let mut rig = Rig::bare(director(0, Vec::new()));
    assert_eq!(revoke(&mut rig, 0).1, RevokeOutcome::NoDirectorOurselves, "no block is known");
    rig.finalize(&world);
    assert_eq!(revoke(&mut rig, 9).1, RevokeOutcome::NotRegistered);
    assert_eq!(revoke(&mut rig, 2).1, RevokeOutcome::NotEligible);
    for _ in 0..2 {
        let signed = RevokeOutcome::Signed { votes: 1, needed: 2 };
        assert_eq!(revoke(&mut rig, 0).1, signed);
    }
    assert_eq!(rig.core.stats().revocations_signed, 1);
    hear(&mut rig, 1, revocation(1, 0));
    assert_eq!(revoke(&mut rig, 0).1, RevokeOutcome::Signed { votes: 2, needed: 2 });
    // A candidate is not approved afterwards.
    revoke(&mut rig, 1);
    let message = Control::AuthorizationRequest(application(request(1, 100)));
    let (from, link) = (validator_key(1).public(), Link::Public);
    let out = rig.put_proving(Input::Control { from, link, message });
    let no = Control::AuthorizationAnswer(Answer::Revoked(RevocationReason::Operator));
    assert_eq!(sent(&out, Link::Public), vec![(from, no)]);
    let mut without = world.at(101);
    without.directors = vec![1, 2, 3];
    rig.finalize(&without);
    assert_eq!(revoke(&mut rig, 0).1, RevokeOutcome::NoDirectorOurselves);
}

#[test]
fn a_stake_below_the_policy_is_revoked() {
    let policy = Policy { min_stake: Some(MIN_STAKE + 5), ..Policy::default() };
    let config = Config { policy, ..config(0) };
    let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
    let mut world = World::new(3, 2);
    world.validators[0].stake = MIN_STAKE + 5;
    world.validators[1].stake = MIN_STAKE + 5;
    let mut rig = Rig::with(&world, core);
    assert_eq!(rig.core.stats().revocations_signed, 0);
    world.validators[1].stake -= 1;
    let out = rig.finalize(&world.clone().at(101));
    assert_eq!(disconnected(&out), vec![(validator_key(1).public(), DisconnectReason::Unwanted)]);
    let reason = Decision::Revoke(RevocationReason::LowStake);
    let told = sent(&out, Link::Mesh);
    assert!(told.iter().any(
        |(_, message)| matches!(message, Control::DirectorVote(v) if v.vote.decision == reason)
    ));
    rig.finalize(&world.at(102));
    assert_eq!(rig.core.stats().revocations_signed, 1, "once");
}

#[test]
fn a_proven_double_sign_revokes_and_the_report_does_the_rest() {
    let mut rig = Rig::new(&World::new(3, 2));
    let frames = [0xaa, 0xbb].map(|hash| vote_frame(0, u64::from(hash), &vote(0, 10, hash)));
    let out = rig.frames(frames.iter().map(|frame| from_validator(0, frame)).collect());
    assert_eq!(relayed(&out).len(), 2, "both are passed on first");
    assert_eq!(disconnected(&out), vec![(validator_key(0).public(), DisconnectReason::Unwanted)]);
    let reason = Decision::Revoke(RevocationReason::DoubleSign);
    let out = hear(&mut rig, 1, vote_at(100, 1, 0, reason));
    assert_eq!(rig.core.stats().revocations, 1);
    assert_eq!(submitted(&out), None, "the proof revokes by itself");
    for block in 101..120 {
        assert_eq!(submitted(&rig.finalize(&World::new(3, 2).at(block))), None);
    }
}

#[test]
fn votes_of_a_key_that_was_rotated_out_do_not_count() {
    let mut rig = Rig::new(&World::new(3, 2));
    hear(&mut rig, 1, revocation(1, 0));
    // Director 1 has a new peer key; a thief has the old one.
    let mut rotated = World::new(3, 2).at(101);
    rotated.new_keys = vec![1];
    rig.finalize(&rotated);
    let out = hear(&mut rig, 2, revocation(2, 0));
    assert!(disconnected(&out).is_empty() && submitted(&out).is_none(), "one of two");
    assert!(disconnected(&hear(&mut rig, 2, vote_at(101, 1, 0, OPERATOR))).is_empty());
    assert_eq!(count(&rig, Refusal::BadDirectorVote), 1);
}

#[test]
fn an_equivocator_is_convicted_again_when_its_revocation_has_expired() {
    let mut rig = Rig::new(&World::new(3, 2));
    let [first, second, third] = [b"one", b"two", b"six"].map(|text| message(0, 1, text));
    rig.frames(vec![from_validator(0, &first), from_validator(0, &second)]);
    assert_eq!(rig.core.stats().revocations_signed, 1);
    rig.finalize(&World::new(3, 2).at(701));
    rig.frames(vec![from_validator(0, &third)]);
    assert_eq!(rig.core.stats().revocations_signed, 2);
}

#[test]
fn a_director_that_floods_with_votes_is_not_listened_to_and_holds_up_nobody() {
    let mut rig = Rig::new(&World::new(3, 2));
    let flood = |n: u64| {
        let vote = DirectorVote { nonce: first_nonce(100) + n, ..revocation(1, 0).vote };
        director_key(1).director_vote(&genesis(), director_account(1), vote)
    };
    for n in 0..12_000 {
        hear(&mut rig, 1, flood(n));
    }
    assert_eq!(rig.core.stats().director_votes_accepted, 10_000);
    assert_eq!(count(&rig, Refusal::RateLimited), 2_000);
    // Another director is heard as before.
    assert_eq!(disconnected(&hear(&mut rig, 2, revocation(2, 0))).len(), 1);
}

#[test]
fn a_flood_that_others_hand_on_uses_up_nobody_elses_share() {
    let mut rig = Rig::new(&World::new(4, 2));
    // Director 1 signs without end, and director 2 hands on what it was told.
    for n in 0..12_000 {
        let vote = DirectorVote { nonce: first_nonce(100) + n, ..revocation(1, 0).vote };
        hear(&mut rig, 2, director_key(1).director_vote(&genesis(), director_account(1), vote));
    }
    assert_eq!(rig.core.stats().director_votes_accepted, 10_000);
    hear(&mut rig, 2, revocation(2, 0));
    assert_eq!(disconnected(&hear(&mut rig, 2, revocation(3, 0))).len(), 1, "they are heard");
}

#[test]
fn wrong_votes_and_proofs_count_for_who_hands_them_over() {
    let mut rig = Rig::new(&World::new(4, 2));
    let forged = |n: u64| {
        let vote = DirectorVote { nonce: first_nonce(100) + n, ..revocation(1, 0).vote };
        // Signed by 2, in the name of 1.
        director_key(2).director_vote(&genesis(), director_account(1), vote)
    };
    for n in 0..12_000 {
        hear(&mut rig, 2, forged(n));
    }
    assert_eq!(count(&rig, Refusal::BadDirectorVote), 10_000);
    assert_eq!(count(&rig, Refusal::RateLimited), 2_000);
    // The one in whose name they came is heard as before.
    for (from, signer) in [(1, 1), (3, 3)] {
        hear(&mut rig, from, revocation(signer, 0));
    }
    assert_eq!(rig.core.stats().director_votes_accepted, 2);
}
