//! How candidates get approved.

use super::{count, sent, world::*};
use crate::director::{Config, Director, Input, Link, Output, Policy, Refusal, Waiting};
use codec::Encode;
use director_primitives::{
    AccountId32, Answer, Application, Control, Decision, DirectorVote, H256, ProvenStake,
    Signature, SignedAuthorizationRequest, SignedDirectorVote, StakeRefusal,
    runtime_api::ValidatorStatus, turn::rank,
};

/// Three directors, a validator and candidate 1.
fn world() -> World {
    World::new(3, 2).status(1, ValidatorStatus::Candidate)
}

fn ask(rig: &mut Rig, request: SignedAuthorizationRequest<AccountId32>) -> Vec<Output> {
    let message = Control::AuthorizationRequest(application(request));
    let from = validator_key(1).public();
    rig.put_proving(Input::Control { from, link: Link::Public, message })
}

fn answer(out: &[Output]) -> Option<Answer> {
    sent(out, Link::Public).into_iter().find_map(|(_, message)| match message {
        Control::AuthorizationAnswer(answer) => Some(answer),
        _ => None,
    })
}

/// Director `n`'s approval of candidate 1.
fn approval(n: u8, nonce: u64, decision: Decision) -> SignedDirectorVote<AccountId32> {
    let vote = DirectorVote {
        validator: validator_account(1),
        registration_id: 2,
        decision,
        nonce,
        valid_until: 500,
    };
    director_key(n).director_vote(&genesis(), director_account(n), vote)
}

fn hear(rig: &mut Rig, from: u8, vote: SignedDirectorVote<AccountId32>) -> Vec<Output> {
    let message = Control::DirectorVote(vote);
    rig.put(Input::Control { from: director_key(from).public(), link: Link::Mesh, message })
}

fn submitted(out: &[Output]) -> Option<Vec<SignedDirectorVote<AccountId32>>> {
    out.iter().find_map(|output| match output {
        Output::SubmitVotes { validator, votes } => {
            assert_eq!(*validator, validator_account(1));
            Some(votes.clone())
        }
        _ => None,
    })
}

/// The directors by their turns for candidate 1.
fn turns() -> Vec<u8> {
    let accounts: Vec<_> = (0..3).map(director_account).collect();
    let subject = (validator_account(1), 2u64).encode();
    let mut turns: Vec<u8> = (0..3).collect();
    turns.sort_by_key(|n| rank(&subject, &director_account(*n), &accounts));
    turns
}

fn rig_of(n: u8) -> Rig {
    let mut rig = Rig::bare(director(n, Vec::new()));
    rig.finalize(&world());
    for peer in (0..3).filter(|peer| *peer != n) {
        rig.put(Input::Up { peer: director_key(peer).public(), link: Link::Mesh });
    }
    rig.put(Input::Up { peer: validator_key(1).public(), link: Link::Public });
    rig
}

#[test]
fn approves_a_registered_candidate_once() {
    let mut rig = Rig::new(&world());
    let out = ask(&mut rig, request(1, 100));
    assert_eq!(answer(&out), Some(Answer::Approved { votes: 1, needed: 2 }));
    let told = sent(&out, Link::Mesh);
    let requests = told.iter().filter(|(_, m)| matches!(m, Control::AuthorizationRequest(_)));
    assert_eq!(requests.count(), 2);
    let votes: Vec<_> = told
        .iter()
        .filter_map(|(_, message)| match message {
            Control::DirectorVote(vote) => Some(vote),
            _ => None,
        })
        .collect();
    assert_eq!(votes.len(), 2);
    assert!(votes[0].verify(&genesis(), &director_key(0).public()));
    assert_eq!(votes[0].vote.registration_id, 2);
    assert!(votes[0].vote.nonce >= 100 << 16, "the nonce grows with the chain");

    let out = ask(&mut rig, request(1, 100));
    assert_eq!(answer(&out), Some(Answer::Approved { votes: 1, needed: 2 }));
    assert!(sent(&out, Link::Mesh).is_empty());
    assert_eq!(rig.core.stats().approvals_signed, 1);
}

#[test]
fn says_why_not() {
    let expect = |world: World, request: SignedAuthorizationRequest<AccountId32>, expected| {
        let mut rig = Rig::new(&world);
        let out = ask(&mut rig, request);
        assert_eq!(answer(&out), Some(expected));
        assert_eq!(rig.core.stats().approvals_signed, 0);
        assert!(sent(&out, Link::Mesh).is_empty());
    };
    let changed = |change: &dyn Fn(&mut SignedAuthorizationRequest<AccountId32>)| {
        let mut request = request(1, 100);
        change(&mut request);
        request.signature = validator_key(1).sign(&genesis(), &request.request);
        request
    };
    expect(World::new(3, 2), request(1, 100), Answer::AlreadyAuthorized);
    expect(world().status(1, ValidatorStatus::Revoked), request(1, 100), Answer::NotEligible);
    expect(world().status(1, ValidatorStatus::Tombstoned), request(1, 100), Answer::NotEligible);
    expect(world(), request(0, 100), Answer::NotRegistered); // another's
    expect(world(), changed(&|r| r.request.registration_id = 1), Answer::NotRegistered);
    expect(world(), changed(&|r| r.request.block_hash = H256::zero()), Answer::OtherChain);
    expect(world(), changed(&|r| r.request.timestamp_ms = 120_001), Answer::Stale);
    expect(world().at(1_000), request(1, 899), Answer::Stale);
    expect(world(), request(1, 117), Answer::Stale);
    let mut forged = request(1, 100);
    forged.signature = Signature::from_raw([1; 64]);
    expect(world(), forged, Answer::InvalidSignature);
    let mut poor = world();
    poor.validators[1].stake = MIN_STAKE - 1;
    expect(poor, request(1, 100), Answer::LowStake);
}

#[test]
fn its_own_policy_may_ask_for_more_stake() {
    let policy = Policy { min_stake: Some(MIN_STAKE + 1), ..Policy::default() };
    let config = Config { policy, ..config(0) };
    let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
    let mut rig = Rig::with(&world(), core);
    assert_eq!(answer(&ask(&mut rig, request(1, 100))), Some(Answer::LowStake));
}

#[test]
fn a_request_over_the_mesh_is_approved_too_and_passed_on() {
    let mut rig = Rig::new(&world());
    let message = Control::AuthorizationRequest(application(request(1, 100)));
    let out = rig.put_proving(Input::Control {
        from: director_key(1).public(),
        link: Link::Mesh,
        message: message.clone(),
    });
    assert_eq!(rig.core.stats().approvals_signed, 1);
    let approved = Answer::Approved { votes: 1, needed: 2 };
    assert_eq!(answer(&out), Some(approved), "it is connected here too");
    let told = sent(&out, Link::Mesh);
    assert!(told.contains(&(director_key(2).public(), message.clone())));
    assert!(!told.contains(&(director_key(1).public(), message)), "not back");
}

#[test]
fn enough_votes_are_submitted_by_turn() {
    for (turn, n) in turns().into_iter().enumerate() {
        let mut rig = rig_of(n);
        assert_eq!(submitted(&ask(&mut rig, request(1, 100))), None, "one vote of two");
        let peer = (n + 1) % 3;
        let mut found = submitted(&hear(&mut rig, peer, approval(peer, 1, Decision::Approve)));
        for block in 101..=100 + 2 * turn as u64 {
            assert_eq!(found, None, "rank {turn} waits");
            found = submitted(&rig.finalize(&world().at(block)));
        }
        let votes = found.unwrap();
        assert_eq!(votes.len(), 2);
        assert!(votes.is_sorted_by_key(|vote| vote.director.clone()));
        // As long as the chain does not know, again after ten blocks.
        let from = 100 + 2 * turn as u64;
        for block in from + 1..from + 10 {
            assert_eq!(submitted(&rig.finalize(&world().at(block))), None);
        }
        assert!(submitted(&rig.finalize(&world().at(from + 10))).is_some());
        // Once it does, never again.
        for block in from + 11..from + 40 {
            assert_eq!(submitted(&rig.finalize(&World::new(3, 2).at(block))), None);
        }
    }
}

#[test]
fn votes_are_believed_of_directors_alone() {
    let mut rig = rig_of(turns()[0]);
    let me = turns()[0];
    let peer = (me + 1) % 3;
    ask(&mut rig, request(1, 100));
    let right = approval(peer, 1, Decision::Approve);

    let mut forged = right.clone();
    forged.signature = Signature::from_raw([1; 64]);
    assert!(hear(&mut rig, peer, forged).is_empty());
    assert_eq!(count(&rig, Refusal::BadDirectorVote), 1);

    let mut outsider = approval(8, 1, Decision::Approve);
    assert!(hear(&mut rig, peer, outsider.clone()).is_empty());
    outsider.director = director_account(peer);
    assert!(hear(&mut rig, peer, outsider).is_empty(), "signed with another's key");
    let mut other_registration = right.clone();
    other_registration.vote.registration_id = 1;
    assert!(hear(&mut rig, peer, other_registration).is_empty());
    let mut expired = right.clone();
    expired.vote.valid_until = 99;
    assert!(hear(&mut rig, peer, expired).is_empty());
    assert_eq!(count(&rig, Refusal::UselessDirectorVote), 3);
    assert_eq!(count(&rig, Refusal::BadDirectorVote), 2);

    assert!(hear(&mut rig, 8, right.clone()).is_empty());
    assert_eq!(count(&rig, Refusal::NotADirector), 1);
    // Over a detour, from the third director, it counts.
    assert!(submitted(&hear(&mut rig, (me + 2) % 3, right)).is_some());
}

/// Director `n`'s approval of candidate 1 that counts until this block.
fn approval_until(n: u8, nonce: u64, valid_until: u64) -> SignedDirectorVote<AccountId32> {
    let vote = DirectorVote { valid_until, ..approval(n, nonce, Decision::Approve).vote };
    director_key(n).director_vote(&genesis(), director_account(n), vote)
}

#[test]
fn votes_that_last_too_short_hold_up_nobody() {
    let [me, honest, liar] = turns()[..] else { panic!("three directors") };
    // With two of three, the liar's vote is left out, whatever it signs anew with each block.
    let mut rig = rig_of(me);
    hear(&mut rig, liar, approval_until(liar, 1, 100));
    ask(&mut rig, request(1, 100));
    let out = hear(&mut rig, honest, approval(honest, 1, Decision::Approve));
    let of_the_honest = |out: &[Output]| {
        let votes = submitted(out)?;
        assert_eq!(votes.len(), 2);
        assert!(votes.iter().all(|vote| vote.director != director_account(liar)));
        Some(votes)
    };
    assert!(of_the_honest(&out).is_some());
    let mut again = 0;
    for block in 101..=130 {
        let lie = hear(&mut rig, liar, approval_until(liar, block, block));
        let out = rig.finalize(&world().at(block));
        again += [lie, out].iter().filter_map(|out| of_the_honest(out)).count();
    }
    assert_eq!(again, 3, "every ten blocks");

    // Where it would be needed, nothing is submitted until it lasts long enough.
    let mut rig = rig_of(me);
    ask(&mut rig, request(1, 100));
    for (nonce, valid_until) in [(1, 100), (2, 101), (3, 109)] {
        let vote = approval_until(liar, nonce, valid_until);
        assert_eq!(submitted(&hear(&mut rig, liar, vote)), None, "until {valid_until}");
    }
    let votes = submitted(&hear(&mut rig, liar, approval_until(liar, 4, 110)));
    assert_eq!(votes.map(|votes| votes.len()), Some(2));
}

#[test]
fn its_own_approval_always_lasts_long_enough_to_be_submitted() {
    let config = Config { approval_valid_blocks: 30, ..config(0) };
    let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
    let mut rig = Rig::with(&world(), core);
    ask(&mut rig, request(1, 100));
    hear(&mut rig, 1, approval(1, 1, Decision::Approve));
    let mut submissions = 0;
    for block in 101..=200 {
        for vote in submitted(&rig.finalize(&world().at(block))).unwrap_or_default() {
            assert!(vote.vote.valid_until >= block + 10, "block {block}");
            submissions += 1;
        }
    }
    assert!(submissions >= 10, "{submissions}");
}

#[test]
fn a_newer_vote_replaces_an_older_one() {
    let mut rig = rig_of(turns()[0]);
    let peer = (turns()[0] + 1) % 3;
    let revoke = Decision::Revoke(director_primitives::RevocationReason::Operator);
    hear(&mut rig, peer, approval(peer, 5, Decision::Approve));
    hear(&mut rig, peer, approval(peer, 6, revoke));
    assert!(hear(&mut rig, peer, approval(peer, 5, Decision::Approve)).is_empty());
    assert_eq!(submitted(&ask(&mut rig, request(1, 100))), None);
    assert!(submitted(&hear(&mut rig, peer, approval(peer, 7, Decision::Approve))).is_some());
}

#[test]
fn a_vote_goes_round_the_mesh_once() {
    let mut rig = Rig::new(&World::new(4, 2).status(1, ValidatorStatus::Candidate));
    let vote = approval(1, 5, Decision::Approve);
    let told = |out: &[Output]| -> Vec<_> {
        sent(out, Link::Mesh).into_iter().map(|(to, _)| to).collect()
    };
    // Over director 2: not back to it, nor to the one that voted.
    assert_eq!(told(&hear(&mut rig, 2, vote.clone())), vec![director_key(3).public()]);
    for from in [1, 2, 3] {
        assert!(hear(&mut rig, from, vote.clone()).is_empty());
    }
    assert_eq!(rig.core.stats().director_votes_accepted, 1);
}

#[test]
fn a_removed_directors_vote_does_not_count() {
    let mut rig = Rig::new(&world());
    hear(&mut rig, 1, approval(1, 1, Decision::Approve));
    let mut without = world().at(101);
    without.directors = vec![0, 2, 3];
    rig.finalize(&without);
    assert_eq!(submitted(&ask(&mut rig, request(1, 100))), None);
    for block in 102..110 {
        assert_eq!(submitted(&rig.finalize(&without.clone().at(block))), None);
    }
}

#[test]
fn nothing_is_lost_with_a_mesh_link() {
    let mut rig = Rig::new(&world());
    ask(&mut rig, request(1, 100));
    let peer = director_key(1).public();
    rig.put(Input::Down { peer, link: Link::Mesh });
    let out = rig.put(Input::Up { peer, link: Link::Mesh });
    let told = sent(&out, Link::Mesh);
    assert!(matches!(told[0], (to, Control::AuthorizationRequest(_)) if to == peer));
    assert!(matches!(told[1], (to, Control::DirectorVote(_)) if to == peer));

    // And again every three blocks, for peers whose view was behind.
    let told_at =
        |rig: &mut Rig, block| !sent(&rig.finalize(&world().at(block)), Link::Mesh).is_empty();
    let blocks: Vec<_> = (101..110).filter(|block| told_at(&mut rig, *block)).collect();
    assert_eq!(blocks, vec![103, 106, 109]);
}

#[test]
fn an_expired_approval_is_signed_anew_with_a_higher_nonce() {
    let config = Config { approval_valid_blocks: 5, ..config(0) };
    let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
    let mut rig = Rig::with(&world(), core);
    let nonces = |out: &[Output]| -> Vec<u64> {
        let nonce = |(_, message): (_, Control)| match message {
            Control::DirectorVote(vote) => Some(vote.vote.nonce),
            _ => None,
        };
        sent(out, Link::Mesh).into_iter().filter_map(nonce).collect()
    };
    let first = nonces(&ask(&mut rig, request(1, 100)))[0];
    let mut last = first;
    for block in 101..112 {
        last = nonces(&rig.finalize(&world().at(block))).last().copied().unwrap_or(last);
    }
    assert!(last > first);
    assert_eq!(rig.core.stats().approvals_signed, 2);
}

#[test]
fn a_new_registration_needs_new_votes() {
    let mut rig = Rig::new(&world());
    ask(&mut rig, request(1, 100));
    let mut again = world().at(101);
    again.validators[1].registration_id = 9;
    rig.finalize(&again);
    assert_eq!(answer(&ask(&mut rig, request(1, 100))), Some(Answer::NotRegistered));
    assert!(hear(&mut rig, 1, approval(1, 1, Decision::Approve)).is_empty());
    assert_eq!(count(&rig, Refusal::UselessDirectorVote), 1);
}

/// What candidate 1 is answered if its proof is found to prove this.
fn answer_to(found: Result<ProvenStake, StakeRefusal>) -> Answer {
    let mut rig = Rig::new(&world());
    let message = Control::AuthorizationRequest(application(request(1, 100)));
    let (from, link) = (validator_key(1).public(), Link::Public);
    let out = rig.put(Input::Control { from, link, message });
    assert_eq!(answer(&out), None, "before the proof is checked");
    let out = rig.answer_checks(out, |application: &Application| Input::StakeChecked {
        request: application.request.clone(),
        result: found,
    });
    let answer = answer(&out).unwrap();
    let approved = matches!(answer, Answer::Approved { .. });
    assert_eq!(rig.core.stats().approvals_signed, u64::from(approved));
    assert_eq!(count(&rig, Refusal::RequestRefused), u64::from(!approved));
    answer
}

#[test]
fn each_bad_proof_is_refused_with_a_reason_of_its_own() {
    let right = proven(&world().snapshot(), &validator_account(1)).unwrap();
    assert_eq!(answer_to(Ok(right)), Answer::Approved { votes: 1, needed: 2 });
    for (refusal, answer) in [
        (StakeRefusal::NotFinalized, Answer::Stale),
        (StakeRefusal::OtherChain, Answer::OtherChain),
        (StakeRefusal::Invalid, Answer::InvalidStakeProof),
        (StakeRefusal::OtherValidator, Answer::OtherValidatorsProof),
        (StakeRefusal::NotRegistered, Answer::NotRegistered),
        (StakeRefusal::Unavailable, Answer::Unavailable),
    ] {
        assert_eq!(answer_to(Err(refusal)), answer);
    }
    let not_held = ProvenStake { held: right.held - 1, ..right };
    assert_eq!(answer_to(Ok(not_held)), Answer::StakeNotHeld);
    let low = ProvenStake { stake: MIN_STAKE - 1, ..right };
    assert_eq!(answer_to(Ok(low)), Answer::LowStake);
    let earlier = ProvenStake { registration_id: 1, ..right };
    assert_eq!(answer_to(Ok(earlier)), Answer::NotRegistered);
    let other_key = ProvenStake { peer_key: validator_key(0).public(), ..right };
    assert_eq!(answer_to(Ok(other_key)), Answer::NotRegistered);
    let revoked = ProvenStake { status: ValidatorStatus::Revoked, ..right };
    assert_eq!(answer_to(Ok(revoked)), Answer::NotEligible);
}

#[test]
fn the_operators_lists_decide() {
    let candidate = validator_account(1);
    let other = validator_account(0);
    let list = |account: &AccountId32| [account.clone()].into_iter().collect();
    let deny = Policy { deny: list(&candidate), ..Policy::default() };
    let allow = Policy { allow: list(&candidate), ..Policy::default() };
    let allow_other = Policy { allow: list(&other), ..Policy::default() };
    let both = Policy { allow: list(&candidate), deny: list(&candidate), ..Policy::default() };
    let approved = Answer::Approved { votes: 1, needed: 2 };
    for (policy, expected) in [
        (deny, Answer::Denied),
        (allow, approved),
        (allow_other, Answer::Denied),
        (both, Answer::Denied),
    ] {
        let config = Config { policy, ..config(0) };
        let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
        let mut rig = Rig::with(&world(), core);
        assert_eq!(answer(&ask(&mut rig, request(1, 100))), Some(expected));
    }
}

#[test]
fn a_bad_proof_passed_on_by_a_director_does_not_stand_in_the_candidates_way() {
    let mut rig = Rig::new(&world());
    let bad = Control::AuthorizationRequest(application(request(1, 100)));
    let (liar, link) = (director_key(1).public(), Link::Mesh);
    let first = rig.put(Input::Control { from: liar, link, message: bad.clone() });
    assert!(matches!(first[..], [Output::CheckStake(_)]));
    // While that one is checked, the same again, and the candidate itself.
    let again = rig.put(Input::Control { from: liar, link, message: bad });
    let (from, link) = (validator_key(1).public(), Link::Public);
    let message = Control::AuthorizationRequest(application(request(1, 99)));
    let own = rig.put(Input::Control { from, link, message });
    assert!(again.is_empty() && own.is_empty(), "one check at a time");
    let out = rig.answer_checks(first, |application| Input::StakeChecked {
        request: application.request.clone(),
        result: match application.request.request.block_number {
            100 => Err(StakeRefusal::Invalid),
            _ => Ok(proven(&world().snapshot(), &validator_account(1)).unwrap()),
        },
    });
    assert_eq!(answer(&out), Some(Answer::Approved { votes: 1, needed: 2 }));
}

#[test]
fn the_candidate_and_the_operator_see_how_far_it_is() {
    let mut rig = rig_of(turns()[2]);
    let me = turns()[2];
    let peers = [(me + 1) % 3, (me + 2) % 3];
    ask(&mut rig, request(1, 100));
    let waiting = |directors: &[u8]| {
        let mut approved_by: Vec<_> = directors.iter().map(|n| director_account(*n)).collect();
        approved_by.sort();
        let votes = directors.len() as u32;
        vec![Waiting { validator: validator_account(1), votes, needed: 2, approved_by }]
    };
    assert_eq!(rig.core.waiting(), waiting(&[me]));
    let out = hear(&mut rig, peers[0], approval(peers[0], 1, Decision::Approve));
    assert_eq!(answer(&out), Some(Answer::Approved { votes: 2, needed: 2 }));
    assert_eq!(rig.core.waiting(), waiting(&[me, peers[0]]));
    // It falls back with the director that is none any more.
    let mut without = world().at(101);
    without.directors = vec![me, peers[1], 3];
    rig.finalize(&without);
    assert_eq!(rig.core.waiting(), waiting(&[me]));
    rig.finalize(&World::new(3, 2).at(102));
    assert_eq!(rig.core.waiting(), vec![]);
}

#[test]
fn who_asks_without_end_is_not_listened_to() {
    let mut rig = Rig::new(&world());
    let mut forged = request(1, 100);
    forged.signature = Signature::from_raw([1; 64]);
    for _ in 0..100 {
        ask(&mut rig, forged.clone());
    }
    assert_eq!(count(&rig, Refusal::RequestRefused), 32);
    assert_eq!(count(&rig, Refusal::RateLimited), 68);
    rig.now += 250;
    assert_eq!(
        answer(&ask(&mut rig, request(1, 100))),
        Some(Answer::Approved { votes: 1, needed: 2 })
    );
}

#[test]
fn a_clock_that_is_corrected_while_it_runs_counts() {
    let hour_ms = 3_600_000;
    let mut rig = Rig::new(&world());
    let now_is = |unix_ms| {
        let mut request = request(1, 100);
        request.request.timestamp_ms = unix_ms;
        request.signature = validator_key(1).sign(&genesis(), &request.request);
        request
    };
    assert_eq!(answer(&ask(&mut rig, now_is(hour_ms))), Some(Answer::Stale));
    rig.core.set_clock(rig.now, hour_ms);
    let approved = Answer::Approved { votes: 1, needed: 2 };
    assert_eq!(answer(&ask(&mut rig, now_is(hour_ms))), Some(approved));
}
