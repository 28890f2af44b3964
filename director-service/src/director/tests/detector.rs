//! How votes are compared, kept and passed on.

use super::{count, sent, world::*};
use crate::director::{Director, Frame, Input, Link, Output, Refusal, ValidatorVote};
use codec::Encode;
use director_primitives::{
    Control, DoubleSignProof, Encoding, Envelope, PayloadKind, Priority, Signature, SignedVote,
    runtime_api::ValidatorStatus, test_utils::TestKey,
};

fn proven(out: &[Output]) -> Vec<DoubleSignProof> {
    let proof = |output: &Output| match output {
        Output::Proven(proof) => Some(*proof),
        _ => None,
    };
    out.iter().filter_map(proof).collect()
}

fn remembered(out: &[Output]) -> Vec<SignedVote> {
    let vote = |output: &Output| match output {
        Output::Remember(vote) => Some(vote.vote),
        _ => None,
    };
    out.iter().filter_map(vote).collect()
}

fn replaced(out: &[Output]) -> Vec<SignedVote> {
    let vote = |output: &Output| match output {
        Output::Replace(vote) => Some(vote.vote),
        _ => None,
    };
    out.iter().filter_map(vote).collect()
}

fn of(n: u8, vote: SignedVote) -> ValidatorVote {
    ValidatorVote { validator: validator_account(n), vote }
}

/// A vote whose own signature is wrong, in an envelope that is right.
fn unsigned(mut vote: SignedVote) -> SignedVote {
    vote.signature = Signature::from_raw([9; 64]);
    vote
}

fn publish(rig: &mut Rig, n: u8, seq: u64, vote: &SignedVote) -> Vec<Output> {
    rig.frames(vec![from_validator(n, &vote_frame(n, seq, vote))])
}

#[test]
fn two_blocks_at_one_checkpoint_make_a_proof() {
    let mut rig = Rig::new(&World::new(3, 3));
    let (first, second) = (vote(0, 10, 0xcc), vote(0, 10, 0xaa));
    let out = publish(&mut rig, 0, 1, &first);
    assert_eq!((relayed(&out).len(), remembered(&out)), (1, vec![first]));

    let out = publish(&mut rig, 0, 2, &second);
    let proof = DoubleSignProof::new(genesis(), first, second).unwrap();
    assert_eq!(proven(&out), vec![proof]);
    assert_eq!(relayed(&out).len(), 1, "the second vote is passed on too");
    assert!(remembered(&out).is_empty(), "the first one stays");
    let mut told = sent(&out, Link::Mesh);
    told.retain(|(_, message)| !matches!(message, Control::DirectorVote(_)));
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|(_, message)| *message == Control::Evidence(proof)));
    assert_eq!(rig.core.stats().double_signs_detected, 1);
}

#[test]
fn honest_votes_accuse_nobody() {
    let mut rig = Rig::new(&World::new(3, 3));
    for n in 0..3 {
        for (seq, checkpoint) in (1..).zip(8..13) {
            let out = publish(&mut rig, n, seq, &vote(n, checkpoint, checkpoint as u8));
            assert_eq!(relayed(&out).len(), 1);
            assert!(proven(&out).is_empty());
        }
    }
}

#[test]
fn at_most_two_votes_of_a_slot_are_passed_on() {
    let mut rig = Rig::new(&World::new(3, 3));
    assert_eq!(relayed(&publish(&mut rig, 0, 1, &vote(0, 10, 0xaa))).len(), 1);
    assert!(relayed(&publish(&mut rig, 0, 2, &vote(0, 10, 0xaa))).is_empty());
    assert_eq!(relayed(&publish(&mut rig, 0, 3, &vote(0, 10, 0xbb))).len(), 1);
    assert!(relayed(&publish(&mut rig, 0, 4, &vote(0, 10, 0xbb))).is_empty());
    let out = publish(&mut rig, 0, 5, &vote(0, 10, 0xcc));
    assert!(relayed(&out).is_empty() && proven(&out).is_empty());
    assert_eq!(count(&rig, Refusal::RepeatedVote), 2);
    assert_eq!(count(&rig, Refusal::ThirdVote), 1);
    assert_eq!(rig.core.stats().votes_in_memory, 1);
}

#[test]
fn a_wrongly_signed_vote_accuses_nobody() {
    let mut rig = Rig::new(&World::new(3, 3));
    publish(&mut rig, 0, 1, &vote(0, 10, 0xaa));
    let out = publish(&mut rig, 0, 2, &unsigned(vote(0, 10, 0xbb)));
    assert!(out.is_empty());
    assert_eq!(rig.core.stats().invalid_votes, 1);
    assert_eq!(count(&rig, Refusal::InvalidVote), 1);
}

#[test]
fn nobody_hides_behind_rubbish_sent_first() {
    // For another block, and for the same.
    for rubbish in [0xbb, 0xaa] {
        let mut rig = Rig::new(&World::new(3, 3));
        publish(&mut rig, 0, 1, &unsigned(vote(0, 10, rubbish)));
        let out = publish(&mut rig, 0, 2, &vote(0, 10, 0xaa));
        assert_eq!(replaced(&out), vec![vote(0, 10, 0xaa)], "it takes the place");
        assert!(remembered(&out).is_empty());
        assert!(proven(&out).is_empty());
        let out = publish(&mut rig, 0, 3, &vote(0, 10, 0xcc));
        assert_eq!(proven(&out).len(), 1);
        let mut told = sent(&out, Link::Mesh);
        told.retain(|(_, message)| matches!(message, Control::Evidence(_)));
        assert_eq!(told.len(), 2, "everybody gets both votes with the proof");
        assert_eq!(rig.core.stats().relayed, 2);
    }
}

#[test]
fn rotating_the_key_is_no_escape() {
    let new_key = TestKey::new(77);
    let mut rig = Rig::new(&World::new(3, 3).rotate(0, &new_key));
    publish(&mut rig, 0, 1, &vote(0, 10, 0xaa));
    let second = new_key.vote(&genesis(), 10, director_primitives::H256::repeat_byte(0xbb));
    assert_eq!(proven(&publish(&mut rig, 0, 2, &second)).len(), 1);
}

#[test]
fn who_may_not_speak_is_still_heard_by_the_detector() {
    for status in [ValidatorStatus::Candidate, ValidatorStatus::Revoked, ValidatorStatus::Exiting] {
        let mut rig = Rig::new(&World::new(3, 3).status(0, status));
        let out = publish(&mut rig, 0, 1, &vote(0, 10, 0xaa));
        assert_eq!((relayed(&out).len(), remembered(&out).len()), (0, 1));
        let out = publish(&mut rig, 0, 2, &vote(0, 10, 0xbb));
        assert_eq!((relayed(&out).len(), proven(&out).len()), (0, 1));
        assert_eq!(count(&rig, Refusal::Unauthorized), 2);
    }
}

#[test]
fn who_is_punished_already_is_accused_for_the_case_of_a_pardon_and_not_without_end() {
    let mut rig = Rig::new(&World::new(3, 3).status(0, ValidatorStatus::Tombstoned));
    let mut kept = Vec::new();
    // What governance excuses has lower checkpoints than what it does not: nobody can fill the places with the former.
    for (seq, checkpoint) in (1..).zip([5, 6, 7, 8, 4, 8, 3, 9, 2, 8, 10]) {
        let block = 2 * seq as u8;
        publish(&mut rig, 0, 2 * seq - 1, &vote(0, checkpoint, block));
        let out = publish(&mut rig, 0, 2 * seq, &vote(0, checkpoint, block + 1));
        if !proven(&out).is_empty() {
            kept.push(checkpoint);
        }
        let told = sent(&out, Link::Mesh);
        assert_eq!(told.len(), 2 * proven(&out).len(), "{told:?}");
    }
    assert_eq!(kept, [5, 6, 7, 8, 9, 10]);
    assert_eq!(rig.core.stats().double_signs_detected, 0);
}

#[test]
fn a_vote_that_came_too_early_is_passed_on_later() {
    let mut rig = Rig::new(&World::new(3, 3).status(0, ValidatorStatus::Candidate));
    let frame = vote_frame(0, 1, &vote(0, 10, 0xaa));
    assert!(relayed(&rig.frames(vec![from_validator(0, &frame)])).is_empty());
    rig.finalize(&World::new(3, 3).at(101));
    assert_eq!(relayed(&rig.frames(vec![from_validator(0, &frame)])).len(), 1);
}

#[test]
fn the_second_vote_is_caught_in_any_envelope() {
    let second = vote(0, 10, 0xbb);
    let in_epoch = |epoch, seq| {
        let kind = PayloadKind::CheckpointVote;
        let envelope = envelope(0, Priority::Critical, epoch, seq, &second.encode());
        sign(0, Envelope { kind, ..envelope })
    };
    // In the place of the first one, in an epoch that is over, far in the future.
    for frame in [in_epoch(1, 1), in_epoch(0, 1), in_epoch(u64::MAX, 1)] {
        let mut rig = Rig::new(&World::new(3, 3));
        publish(&mut rig, 0, 1, &vote(0, 10, 0xaa));
        let out = rig.frames(vec![from_validator(0, &frame)]);
        assert_eq!((proven(&out).len(), relayed(&out).len()), (1, 1));
    }
}

#[test]
fn votes_of_others_and_hidden_votes_are_refused() {
    let mut rig = Rig::new(&World::new(3, 3));
    let kind = || PayloadKind::CheckpointVote;
    let with = |seq, encoding, payload: &[u8]| -> Frame {
        let envelope = envelope(0, Priority::Critical, 1, seq, payload);
        sign(0, Envelope { kind: kind(), encoding, ..envelope })
    };
    let foreign = vote(1, 10, 0xaa).encode();
    let unknown = vote(9, 10, 0xaa).encode();
    let own = vote(0, 10, 0xaa).encode();
    let out = rig.frames(vec![
        from_validator(0, &with(1, Encoding::Identity, &foreign)),
        from_validator(0, &with(2, Encoding::Identity, &unknown)),
        from_validator(0, &with(3, Encoding::Identity, &own[1..])),
        from_validator(0, &with(4, Encoding::Zstd, &own)),
    ]);
    assert!(out.is_empty());
    assert_eq!(count(&rig, Refusal::ForeignVoteKey), 1);
    assert_eq!(rig.core.stats().parked, 1, "a key that nobody has may be a new one");
    rig.now = 3_000;
    rig.put(Input::Tick);
    assert_eq!(count(&rig, Refusal::ForeignVoteKey), 2);
    assert_eq!(count(&rig, Refusal::MalformedVote), 1);
    assert_eq!(count(&rig, Refusal::CompressedVote), 1);
}

#[test]
fn votes_far_from_the_finalized_checkpoint_are_refused() {
    // Checkpoint 20,000 is finalized: memory from 19,936, disk from 10,000, up to 20,016.
    let mut rig = Rig::new(&World::new(3, 3).at(200_000));
    let heights = [(9_999, 0), (19_936, 1), (20_016, 1), (20_017, 0)];
    for (seq, (checkpoint, expected)) in (1..).zip(heights) {
        let out = publish(&mut rig, 0, seq, &vote(0, checkpoint, 0xaa));
        assert_eq!(relayed(&out).len(), expected, "checkpoint {checkpoint}");
    }
    assert_eq!(count(&rig, Refusal::VoteTooOld), 1);
    assert_eq!(count(&rig, Refusal::VoteTooFarAhead), 1);
}

#[test]
fn memory_moves_with_the_finalized_checkpoint() {
    let mut rig = Rig::new(&World::new(3, 3));
    for checkpoint in 5..=20 {
        publish(&mut rig, 0, checkpoint, &vote(0, checkpoint, 0xaa));
    }
    assert_eq!(rig.core.stats().votes_in_memory, 16);
    rig.finalize(&World::new(3, 3).at(800));
    // Checkpoint 80 is finalized, 16 and above are in memory.
    assert_eq!(rig.core.stats().votes_in_memory, 5);
    let out = rig.finalize(&World::new(3, 3).at(200_000));
    assert!(out.iter().any(|output| matches!(output, Output::Forget { below: 10_000 })));
    let out = rig.finalize(&World::new(3, 3).at(200_001));
    assert!(!out.iter().any(|output| matches!(output, Output::Forget { .. })));
}

#[test]
fn a_restart_between_two_votes_hides_nothing() {
    let history = vec![of(0, vote(0, 10, 0xaa))];
    let mut rig = Rig::with(&World::new(3, 3), director(0, history));
    // What was published before the restart is passed on again once: its relay may have failed.
    assert_eq!(relayed(&publish(&mut rig, 0, 1, &vote(0, 10, 0xaa))).len(), 1);
    assert!(relayed(&publish(&mut rig, 0, 2, &vote(0, 10, 0xaa))).is_empty());
    let out = publish(&mut rig, 0, 3, &vote(0, 10, 0xbb));
    assert_eq!((proven(&out).len(), relayed(&out).len()), (1, 1));
}

#[test]
fn after_a_restart_the_disk_is_asked_for_what_was_not_read_back() {
    // The newest 64 checkpoints with votes are read back; checkpoint 100 is finalized, so that
    // those from 36 to 116 would be in memory.
    for (read_back, conflict) in [(37..=100, 36), (53..=116, 50), (53..=116, 52)] {
        let complete_from = *read_back.start();
        let history = read_back.map(|checkpoint| of(0, vote(0, checkpoint, 0xaa))).collect();
        let crypto = TestCrypto(director_key(0));
        let core = Director::resume(config(0), crypto, history, complete_from);
        let mut rig = Rig::with(&World::new(3, 3).at(1_000), core);

        let (first, second) = (vote(0, conflict, 0xaa), vote(0, conflict, 0xbb));
        let out = publish(&mut rig, 0, 1, &second);
        assert!(matches!(&out[..], [Output::Recall(asked)] if *asked == of(0, second)), "{out:?}");
        let answer = Input::Recalled { vote: of(0, second), first: Some(of(0, first)) };
        let out = rig.put(answer);
        let proof = DoubleSignProof::new(genesis(), first, second).unwrap();
        assert_eq!((proven(&out), remembered(&out)), (vec![proof], vec![]));

        // What was read back needs no disk, nor does what comes after it.
        let out = publish(&mut rig, 0, 2, &vote(0, complete_from, 0xbb));
        assert_eq!(proven(&out).len(), 1);
        let out = publish(&mut rig, 1, 1, &vote(1, 116, 0xaa));
        assert_eq!((remembered(&out).len(), relayed(&out).len()), (1, 1));

        // Once the chain has moved on, the memory is where it usually is.
        rig.finalize(&World::new(3, 3).at(2_000));
        assert_eq!(remembered(&publish(&mut rig, 1, 2, &vote(1, 136, 0xaa))).len(), 1);
        let out = publish(&mut rig, 1, 3, &vote(1, 135, 0xaa));
        assert!(matches!(out[..], [Output::Recall(_)]), "{out:?}");
    }
}

#[test]
fn old_votes_are_compared_with_the_disk() {
    let world = World::new(3, 3).at(200_000);
    let recalls = |out: &[Output]| out.iter().filter(|o| matches!(o, Output::Recall(_))).count();
    let (first, second) = (vote(0, 15_000, 0xaa), vote(0, 15_000, 0xbb));

    // The disk has the other one.
    let mut rig = Rig::new(&world);
    let out = publish(&mut rig, 0, 1, &second);
    assert_eq!((recalls(&out), out.len()), (1, 1));
    let answer = Input::Recalled { vote: of(0, second), first: Some(of(0, first)) };
    let out = rig.put(answer.clone());
    assert_eq!((proven(&out).len(), relayed(&out).len()), (1, 1));
    assert!(rig.put(answer).is_empty(), "an answer counts once");

    // The disk has none; two come before it answers.
    let mut rig = Rig::new(&world);
    assert_eq!(recalls(&publish(&mut rig, 0, 1, &first)), 1);
    assert_eq!(recalls(&publish(&mut rig, 0, 2, &second)), 0, "asked already");
    let out = rig.put(Input::Recalled { vote: of(0, first), first: None });
    assert_eq!(remembered(&out), vec![first]);
    assert_eq!((proven(&out).len(), relayed(&out).len()), (1, 2));
    // Now it is in memory.
    assert_eq!(recalls(&publish(&mut rig, 0, 3, &first)), 0);
}

#[test]
fn who_has_heard_of_a_vote_that_waits_for_the_disk_hears_of_it_no_more() {
    let mut rig = Rig::new(&World::new(3, 3).at(200_000));
    let (first, second) = (vote(0, 15_000, 0xaa), vote(0, 15_000, 0xbb));
    // Both in one place of the sequence: the directors are told of that before the disk has answered.
    publish(&mut rig, 0, 1, &first);
    let told = relayed(&publish(&mut rig, 0, 1, &second));
    let mut others: Vec<_> = (1..3).map(|n| director_key(n).public()).collect();
    others.sort_unstable();
    assert_eq!((told.len(), &told[0].1), (1, &others));
    let out = rig.put(Input::Recalled { vote: of(0, first), first: None });
    assert_eq!(proven(&out).len(), 1);
    let again = relayed(&out).into_iter().find(|(frame, _)| *frame == told[0].0);
    let (_, to) = again.expect("the validators have not heard of it");
    assert!(!to.is_empty() && !others.iter().any(|other| to.contains(other)), "{to:?}");
}

#[test]
fn a_late_answer_of_the_disk_proves_a_double_sign() {
    let world = World::new(3, 3).at(200_000);
    let (first, second) = (vote(0, 15_000, 0xaa), vote(0, 15_000, 0xbb));
    let mut rig = Rig::new(&world);
    // The disk could not say that it has another one.
    publish(&mut rig, 0, 1, &second);
    let out = rig.put(Input::Recalled { vote: of(0, second), first: None });
    assert_eq!((remembered(&out), relayed(&out).len()), (vec![second], 1));
    // The same one is nothing new.
    let same = Input::Recalled { vote: of(0, second), first: Some(of(0, second)) };
    assert!(rig.put(same).is_empty());

    let late = Input::Recalled { vote: of(0, second), first: Some(of(0, first)) };
    let out = rig.put(late.clone());
    assert_eq!(proven(&out), vec![DoubleSignProof::new(genesis(), first, second).unwrap()]);
    assert!(rig.put(late).is_empty());
    assert_eq!(rig.core.stats().double_signs_detected, 1);

    // A wrongly signed one on disk gives way; a wrongly signed late one says nothing.
    let (old, new) = (vote(1, 15_000, 0xaa), vote(1, 15_000, 0xbb));
    let late = |vote, first| Input::Recalled { vote: of(1, vote), first: Some(of(1, first)) };
    let out = rig.put(late(new, unsigned(old)));
    assert_eq!((replaced(&out), proven(&out)), (vec![new], vec![]));
    assert!(rig.put(late(unsigned(new), old)).is_empty());
}

#[test]
fn votes_that_wait_for_the_disk_are_bounded() {
    let world = World::new(3, 3).at(200_000);
    let config = crate::director::Config { max_recalls: 20, ..config(0) };
    let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
    let mut rig = Rig::with(&world, core);
    for n in 0..2 {
        for seq in 1..=30 {
            publish(&mut rig, n, seq, &vote(n, 15_000 + seq, 0xaa));
        }
        let expected = if n == 0 { 16 } else { 20 };
        assert_eq!(rig.core.stats().votes_recalled, expected, "no validator takes all the room");
    }
    assert_eq!(count(&rig, Refusal::TooManyRecalls), 40);
    for seq in 1..=16 {
        let vote = of(0, vote(0, 15_000 + seq, 0xaa));
        rig.put(Input::Recalled { vote, first: None });
    }
    // There is room again.
    publish(&mut rig, 0, 31, &vote(0, 16_000, 0xaa));
    assert_eq!(rig.core.stats().votes_recalled, 21);
}
