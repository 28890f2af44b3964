//! What somebody with bad intentions can do at the relay, one misdeed after the other.
//!
//! [`super::relay`] and [`super::detector`] have the rules alone; [`super::storm`] has all misdeeds at
//! once and at random.

use super::{count, resigning::resign, world::*};
use crate::director::{
    Config, Director, Frame, Input, Output, Received, Refusal, ValidatorVote, copies::Copies,
};
use codec::Encode;
use director_primitives::{H256, Priority, SignedEnvelope, test_utils::TestKey};

fn frames(out: &[Output]) -> Vec<Frame> {
    relayed(out).into_iter().map(|(frame, _)| frame).collect()
}

fn with_cache(seen_capacity: usize) -> Rig {
    let config = Config { seen_capacity, ..config(0) };
    let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
    Rig::with(&World::new(3, 3), core)
}

/// Ways by which a copy of a frame of validator 0 can come.
fn ways(frame: &Frame) -> [Received; 3] {
    let own = from_validator(0, frame);
    let foreign = Received { from: validator_key(1).public(), ..own.clone() };
    [from_director(1, frame), own, foreign]
}

#[test]
fn poisoning_from_any_side_suppresses_nothing() {
    for real in [message(0, 1, b"hello"), vote_frame(0, 1, &vote(0, 10, 0xaa))] {
        for poison in ways(&forge(&real)) {
            for way in [from_validator(0, &real), from_director(2, &real)] {
                let mut rig = Rig::new(&World::new(3, 2));
                let out = rig.frames(vec![poison.clone(), poison.clone(), way.clone()]);
                assert_eq!(frames(&out), vec![real.clone()], "in one batch with {poison:?}");

                let mut rig = Rig::new(&World::new(3, 2));
                assert!(rig.frames(vec![poison.clone()]).is_empty());
                let out = rig.frames(vec![way]);
                assert_eq!(frames(&out), vec![real.clone()], "after {poison:?}");
                assert_eq!(rig.core.stats().loops_prevented, 0);
            }
        }
    }
}

#[test]
fn a_frame_of_another_chain_suppresses_nothing() {
    let mut rig = Rig::new(&World::new(3, 2));
    let body = envelope(0, Priority::Normal, 1, 1, b"hello");
    let elsewhere: Frame = validator_key(0).envelope(&H256::zero(), body).encode().into();
    assert!(rig.frames(vec![from_director(1, &elsewhere)]).is_empty());
    assert_eq!(count(&rig, Refusal::BadSignature), 1);
    assert_eq!(rig.frames(vec![from_validator(0, &message(0, 1, b"hello"))]).len(), 1);
}

#[test]
fn forgeries_do_not_flush_the_cache() {
    let mut rig = with_cache(4);
    let real = message(0, 1, b"hello");
    rig.frames(vec![from_validator(0, &real)]);
    let forged = (2..=40).map(|seq| from_director(1, &forge(&message(0, seq, b"forged"))));
    rig.frames(forged.collect());
    rig.frames(vec![from_director(1, &real)]);
    let stats = rig.core.stats();
    assert_eq!((stats.loops_prevented, stats.replays_after_eviction), (1, 0));
}

#[test]
fn a_replay_is_known_after_its_author_flushed_the_cache_with_ten_thousand_messages() {
    let mut rig = Rig::new(&World::new(3, 3));
    let honest = message(0, 1, b"once");
    let vote_of_honest = vote_frame(0, 1, &vote(0, 10, 0xaa));
    let own = message(1, 1, b"mine");
    let all = [from_validator(0, &honest), from_validator(0, &vote_of_honest)];
    rig.frames(all.into_iter().chain([from_validator(1, &own)]).collect());

    let mut passed = 0;
    for batch in 0..11u64 {
        rig.now += 500;
        let flood =
            (2..=1_001).map(|n| from_validator(1, &message(1, batch * 1_000 + n, b"flush")));
        passed += rig.frames(flood.collect()).len();
    }
    assert_eq!(passed, 11_000, "more than the cache holds, all within the limits");

    // By the one who flushed, and by the directors at any time later.
    for replay in [from_director(1, &honest), from_director(2, &honest), from_validator(0, &honest)]
    {
        assert!(rig.frames(vec![replay]).is_empty());
    }
    let out = rig.frames(vec![from_director(1, &vote_of_honest), from_validator(1, &own)]);
    assert!(out.is_empty());
    let stats = rig.core.stats();
    assert_eq!((stats.replays_after_eviction, stats.envelope_equivocations), (5, 0));
    assert_eq!(stats.votes_seen, 2, "the detector was shown the vote again");
    // Who was flushed away can go on.
    assert_eq!(rig.frames(vec![from_validator(0, &message(0, 2, b"twice"))]).len(), 1);
}

#[test]
fn one_message_signed_in_many_ways_is_passed_on_once_and_accuses_nobody() {
    let mut rig = Rig::new(&World::new(3, 2));
    let first = message(0, 1, b"hello");
    // Other nonces, and nonces with a part of small order, which ZIP-215 lets pass.
    let again: Vec<_> = (0..16).map(|part| resign(0, &first, 40 + part as u64, part % 8)).collect();
    for frame in &again {
        assert_ne!(*frame, first);
        let signed = SignedEnvelope::from_bytes(frame).unwrap();
        assert!(signed.verify(&genesis()), "these are no forgeries");
    }
    let one_batch = [&first, &again[0], &again[1]].map(|frame| from_validator(0, frame));
    assert_eq!(rig.frames(one_batch.into()).len(), 1);
    for frame in &again[2..] {
        assert!(rig.frames(vec![from_validator(0, frame), from_director(1, frame)]).is_empty());
    }
    let stats = rig.core.stats();
    assert_eq!((stats.relayed, stats.envelope_equivocations), (1, 0));
    assert_eq!(stats.refused.total(), 0, "all are repeats");
}

#[test]
fn a_vote_in_envelopes_signed_in_many_ways_is_passed_on_once() {
    let mut rig = Rig::new(&World::new(3, 2));
    let first = vote_frame(0, 1, &vote(0, 10, 0xaa));
    let mut out = rig.frames(vec![from_validator(0, &first)]);
    for part in 0..8 {
        out.extend(rig.frames(vec![from_director(1, &resign(0, &first, 9, part))]));
    }
    assert_eq!(frames(&out), [first]);
    assert!(!out.iter().any(|output| matches!(output, Output::Proven(_))));
}

#[test]
fn a_malleated_signature_is_a_forgery_and_suppresses_nothing() {
    let mut rig = Rig::new(&World::new(3, 2));
    let real = message(0, 1, b"hello");
    let malleated = super::resigning::malleate(&real);
    assert_ne!(malleated, real);
    let batch = vec![from_director(1, &malleated), from_validator(0, &real)];
    assert_eq!(frames(&rig.frames(batch)), [real]);
    assert!(rig.frames(vec![from_director(1, &malleated)]).is_empty());
    assert_eq!(count(&rig, Refusal::BadSignature), 1, "the second is refused before a look at it");
}

#[test]
fn votes_for_heights_far_away_leave_nothing_behind() {
    // Checkpoint 20,000 is finalized: disk from 10,000, memory from 19,936, up to 20,016.
    let mut rig = Rig::new(&World::new(3, 3).at(200_000));
    let heights = [0, 1, 9_999, 20_017, 1 << 40, u64::MAX];
    let mut seq = 0;
    for _ in 0..20 {
        for checkpoint in heights {
            for hash in [0xaa, 0xbb] {
                seq += 1;
                let frame = vote_frame(1, seq, &vote(1, checkpoint, hash));
                assert!(rig.frames(vec![from_validator(1, &frame)]).is_empty(), "{checkpoint}");
            }
        }
    }
    let stats = rig.core.stats();
    assert_eq!((stats.votes_in_memory, stats.votes_recalled, stats.votes_seen), (0, 0, 0));
    assert_eq!(count(&rig, Refusal::VoteTooOld), 120);
    assert_eq!(count(&rig, Refusal::VoteTooFarAhead), 120);
    let honest = vote_frame(0, 1, &vote(0, 20_000, 0xaa));
    assert_eq!(frames(&rig.frames(vec![from_validator(0, &honest)])), [honest]);
}

#[test]
fn counts_of_forgotten_slots_move_with_the_history() {
    let mut copies = Copies::default();
    let (one, other) = (validator_account(1), validator_account(2));
    copies.forget(1_000);
    for (validator, checkpoint, count) in [(&one, 1_000, 1), (&one, 1_500, 2), (&other, 1_001, 2)] {
        copies.set(validator.clone(), checkpoint, count);
        assert_eq!(copies.get(validator, checkpoint), count);
    }
    assert_eq!((copies.get(&one, 1_001), copies.get(&one, 9_999)), (0, 0));
    // What is below the history costs nothing, nor does a step back.
    copies.set(one.clone(), 999, 1);
    copies.forget(1_002);
    copies.forget(7);
    assert_eq!((copies.get(&one, 999), copies.get(&one, 1_000)), (0, 0));
    assert_eq!((copies.get(&one, 1_500), copies.get(&other, 1_001)), (2, 0));
    copies.forget(u64::MAX);
    assert_eq!(copies.get(&one, 1_500), 0);
}

/// Hands a vote over and answers from `disk` what the core asks for; the votes that are passed on.
fn with_disk(rig: &mut Rig, disk: &mut Vec<ValidatorVote>, frame: &Frame) -> usize {
    let mut out = rig.frames(vec![from_validator(1, frame)]);
    let mut passed = 0;
    while !out.is_empty() {
        passed += relayed(&out).len();
        let mut more = Vec::new();
        for output in out {
            match output {
                Output::Remember(vote) => disk.push(vote),
                Output::Recall(vote) => {
                    let at = vote.vote.vote.checkpoint;
                    let first = disk.iter().find(|known| known.vote.vote.checkpoint == at).cloned();
                    more.extend(rig.put(Input::Recalled { vote, first }));
                }
                _ => {}
            }
        }
        out = more;
    }
    passed
}

#[test]
fn votes_of_a_slot_are_passed_on_twice_at_most_however_often_the_slot_is_forgotten() {
    let config = Config { max_recalls: 3, ..config(0) };
    let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
    let world = World::new(3, 3).at(200_000);
    let mut rig = Rig::with(&world, core);
    let mut disk = Vec::new();
    // Below the memory, more slots than are kept; in it; and in it now, below it later.
    let checkpoints = [15_000, 15_001, 15_002, 15_003, 15_004, 19_937, 19_990];
    let mut passed = [0; 7];
    for round in 0..4u64 {
        // Each time in envelopes of their own, so that no other rule knows them.
        for (at, checkpoint) in checkpoints.into_iter().enumerate() {
            for hash in [0xaa, 0xbb, 0xcc] {
                let seq = 1 + round * 100 + at as u64 * 10 + u64::from(hash & 7);
                let frame = vote_frame(1, seq, &vote(1, checkpoint, hash));
                passed[at] += with_disk(&mut rig, &mut disk, &frame);
            }
        }
        rig.finalize(&world.clone().at(200_000 + round * 200));
    }
    assert_eq!(passed, [2; 7]);
}

#[test]
fn a_wild_sequence_number_shuts_out_nobody_but_its_author() {
    let mut rig = Rig::new(&World::new(3, 2));
    for (epoch, seq) in [(1, u64::MAX), (1 << 60, 1), (1 << 60, u64::MAX)] {
        let wild = sign(1, envelope(1, Priority::Normal, epoch, seq, b"wild"));
        assert_eq!(rig.frames(vec![from_validator(1, &wild)]).len(), 1);
    }
    assert!(rig.frames(vec![from_validator(1, &message(1, 1, b"too late"))]).is_empty());
    assert_eq!(rig.frames(vec![from_validator(0, &message(0, 1, b"hello"))]).len(), 1);
}

#[test]
fn every_message_of_twenty_honest_validators_passes_beside_a_flood() {
    const FLOODER: u8 = 20;
    let mut rig = Rig::new(&World::new(3, 21));
    let (mut honest, mut passed) = (Vec::new(), Vec::new());
    // Messages that are right, forged, votes and repeats: full batches for a second.
    let own = message(FLOODER, 1, b"again and again");
    for round in 1..=20u64 {
        rig.now += 50;
        let flood = (1..=480).map(|n| match n % 4 {
            0 => own.clone(),
            1 => message(FLOODER, round * 1_000 + n, b"flood"),
            2 => forge(&message(FLOODER, round * 1_000 + n, b"forged")),
            _ => vote_frame(FLOODER, round * 1_000 + n, &vote(FLOODER, 5 + n % 16, n as u8)),
        });
        let mut batch: Vec<_> = flood.map(|frame| from_validator(FLOODER, &frame)).collect();
        for n in 0..FLOODER {
            let frame = message(n, round, b"honest");
            batch.push(from_validator(n, &frame));
            honest.push(frame);
        }
        passed.extend(frames(&rig.frames(batch)));
    }
    let of_flooder = |frame: &Frame| frame.starts_with(&validator_key(FLOODER).public().0);
    passed.retain(|frame| !of_flooder(frame));
    passed.sort();
    honest.sort();
    assert_eq!(passed, honest);
}

#[test]
fn a_director_that_was_removed_poisons_nothing_any_more() {
    let mut rig = Rig::new(&World::new(3, 2));
    let mut world = World::new(3, 2).at(101);
    world.directors.retain(|n| *n != 2);
    rig.finalize(&world);
    let frame = message(0, 1, b"hello");
    assert!(rig.put(Input::Frames(vec![from_director(2, &frame)])).is_empty());
    assert_eq!(count(&rig, Refusal::NotADirector), 1);
    assert_eq!(frames(&rig.frames(vec![from_validator(0, &frame)])), [frame]);
}

/// Whether this director's validator gets its vote to the detector by sending the same frame again.
fn gets_through_again(rig: &mut Rig, frame: &Frame) -> bool {
    let before = rig.core.stats().votes_seen;
    let out = rig.frames(vec![from_validator(0, frame)]);
    rig.core.stats().votes_seen == before + 1 && frames(&out) == [frame.clone()]
}

#[test]
fn a_vote_that_came_too_early_is_not_lost_for_good() {
    // For a checkpoint that this director's node has not come near to.
    let mut rig = Rig::new(&World::new(3, 2));
    let early = vote_frame(0, 1, &vote(0, 27, 0xaa));
    assert!(!gets_through_again(&mut rig, &early));
    assert_eq!(count(&rig, Refusal::VoteTooFarAhead), 1);
    rig.finalize(&World::new(3, 2).at(270));
    assert!(gets_through_again(&mut rig, &early));
    assert_eq!(rig.core.stats().loops_prevented, 0);
}

#[test]
fn a_vote_with_a_new_key_waits_for_the_block_that_has_it() {
    let new_key = TestKey::new(77);
    let ballot = new_key.vote(&genesis(), 10, H256::repeat_byte(0xaa));
    let frame = vote_frame(0, 1, &ballot);
    for received in [from_validator(0, &frame), from_director(1, &frame)] {
        let mut rig = Rig::new(&World::new(3, 2));
        assert!(rig.frames(vec![received.clone()]).is_empty());
        let out = rig.finalize(&World::new(3, 2).rotate(0, &new_key).at(101));
        assert_eq!(frames(&out), vec![frame.clone()], "by itself");

        // A block that comes too late finds it gone, but not suppressed.
        let mut rig = Rig::new(&World::new(3, 2));
        rig.frames(vec![received]);
        rig.now = 3_000;
        rig.put(Input::Tick);
        assert_eq!(count(&rig, Refusal::ForeignVoteKey), 1);
        rig.finalize(&World::new(3, 2).rotate(0, &new_key).at(101));
        assert!(gets_through_again(&mut rig, &frame));
    }
}

#[test]
fn votes_with_keys_of_nobody_take_little_room() {
    let mut rig = Rig::new(&World::new(3, 2));
    for n in 0..100u8 {
        let ballot = TestKey::new(500 + u64::from(n)).vote(&genesis(), 10, H256::repeat_byte(n));
        rig.frames(vec![from_validator(0, &vote_frame(0, u64::from(n) + 1, &ballot))]);
    }
    assert_eq!(rig.core.stats().parked, 8);
    assert_eq!(count(&rig, Refusal::ForeignVoteKey), 92);
    // Another's key is nothing to wait for.
    rig.frames(vec![from_validator(1, &vote_frame(1, 1, &vote(0, 10, 0xaa)))]);
    assert_eq!(rig.core.stats().parked, 8);
}

#[test]
fn a_vote_without_room_to_wait_for_the_disk_is_not_lost_for_good() {
    let config = Config { max_recalls: 1, ..config(0) };
    let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
    let mut rig = Rig::with(&World::new(3, 2).at(2_000), core);
    let (one, other) = (vote_frame(1, 1, &vote(1, 50, 0xaa)), vote_frame(0, 1, &vote(0, 51, 0xaa)));
    let out = rig.frames(vec![from_validator(1, &one)]);
    let Some(Output::Recall(waiting)) = out.into_iter().next() else { panic!("it waits") };
    rig.frames(vec![from_validator(0, &other)]);
    assert_eq!(count(&rig, Refusal::TooManyRecalls), 1);
    rig.put(Input::Recalled { vote: waiting, first: None });
    let out = rig.frames(vec![from_validator(0, &other)]);
    assert!(matches!(out[..], [Output::Recall(_)]), "now there is room");
}
