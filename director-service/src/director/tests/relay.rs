//! What is passed on, to whom, and what is not.

use super::{count, world::*};
use crate::director::{Config, Director, Input, Link, Received, Refusal};
use director_primitives::{Priority, PublicKey, runtime_api::ValidatorStatus};

fn keys(directors: &[u8], validators: &[u8]) -> Vec<PublicKey> {
    let mut mesh: Vec<_> = directors.iter().map(|n| director_key(*n).public()).collect();
    let mut public: Vec<_> = validators.iter().map(|n| validator_key(*n).public()).collect();
    mesh.sort();
    public.sort();
    mesh.into_iter().chain(public).collect()
}

#[test]
fn passes_a_message_on_to_everybody_else_once() {
    let mut rig = Rig::new(&World::new(3, 4));
    let frame = message(0, 1, b"hello");
    let out = rig.frames(vec![from_validator(0, &frame)]);
    assert_eq!(relayed(&out), vec![(frame.clone(), keys(&[1, 2], &[1, 2, 3]))]);

    // Its echoes over the mesh go nowhere.
    let out = rig.frames(vec![from_director(1, &frame), from_director(2, &frame)]);
    assert!(out.is_empty());
    let stats = rig.core.stats();
    assert_eq!((stats.relayed, stats.deliveries, stats.loops_prevented), (1, 5, 2));
    assert_eq!(stats.signatures_checked, 1);
}

#[test]
fn passes_on_from_the_mesh_but_not_back() {
    let mut rig = Rig::new(&World::new(3, 2));
    let frame = message(1, 1, b"hello");
    let out = rig.frames(vec![from_director(1, &frame)]);
    // Validator 1 is connected here too, in the middle of a failover: it is the origin.
    assert_eq!(relayed(&out), vec![(frame, keys(&[2], &[0]))]);
}

#[test]
fn a_forged_copy_does_not_suppress_the_real_one() {
    for forged_first in [true, false] {
        let mut rig = Rig::new(&World::new(3, 2));
        let real = message(0, 1, b"hello");
        let forged = forge(&real);
        // Alone, then together in one batch.
        assert!(relayed(&rig.frames(vec![from_director(1, &forged)])).is_empty());
        let mut batch = vec![from_director(1, &forged), from_validator(0, &real)];
        if !forged_first {
            batch.reverse();
        }
        assert_eq!(relayed(&rig.frames(batch)).len(), 1);
        assert_eq!(count(&rig, Refusal::BadSignature), 2);
        assert_eq!(rig.core.stats().envelope_equivocations, 0);
    }
}

#[test]
fn a_forged_rival_takes_no_place_in_the_sequence() {
    let mut rig = Rig::new(&World::new(3, 2));
    let rival = forge(&message(0, 1, b"something else"));
    let out = rig.frames(vec![
        from_director(1, &rival),
        from_validator(0, &message(0, 1, b"hello")),
        from_director(1, &rival),
    ]);
    assert_eq!(relayed(&out).len(), 1);
    assert_eq!(rig.core.stats().envelope_equivocations, 0, "nobody is accused by a forgery");
}

#[test]
fn equal_frames_of_one_batch_are_checked_once_and_passed_on_once() {
    let mut rig = Rig::new(&World::new(3, 2));
    let frame = message(0, 1, b"hello");
    let out = rig.frames(vec![from_director(1, &frame), from_director(2, &frame)]);
    assert_eq!(relayed(&out).len(), 1);
    let stats = rig.core.stats();
    assert_eq!((stats.signatures_checked, stats.loops_prevented), (1, 1));
    assert_eq!(stats.replays_after_eviction, 0, "the cache itself knew");
}

#[test]
fn sizes_of_batches_are_counted_in_powers_of_two() {
    let mut rig = Rig::new(&World::new(3, 2));
    let mut seq = 1;
    for size in [1, 1, 2, 3, 4, 5, 256, 257] {
        let batch = (0..size).map(|n| from_director(1, &message(0, seq + n, b"hello"))).collect();
        seq += size;
        rig.frames(batch);
    }
    let repeats_alone = from_director(1, &message(0, seq - 1, b"hello"));
    rig.frames(vec![repeats_alone]);
    let stats = rig.core.stats();
    assert_eq!(stats.verify_batch, [2, 1, 2, 1, 0, 0, 0, 0, 1, 1, 0, 0]);
    assert_eq!(stats.signatures_checked, seq - 1);
}

#[test]
fn a_replay_is_known_after_the_cache_was_flushed() {
    let world = World::new(3, 2);
    let small = Config { seen_capacity: 4, ..config(0) };
    let core = Director::new(small, TestCrypto(director_key(0)), Vec::new());
    let mut rig = Rig::with(&world, core);
    let first = message(0, 1, b"first");
    rig.frames(vec![from_validator(0, &first)]);
    for seq in 1..=10 {
        rig.frames(vec![from_validator(1, &message(1, seq, b"flush"))]);
    }
    assert!(relayed(&rig.frames(vec![from_director(1, &first)])).is_empty());
    assert_eq!(rig.core.stats().replays_after_eviction, 1);
}

#[test]
fn two_envelopes_for_one_place_are_an_equivocation() {
    let mut rig = Rig::new(&World::new(3, 2));
    let (one, other) = (message(0, 1, b"one"), message(0, 1, b"other"));
    let out = rig.frames(vec![from_validator(0, &one), from_validator(0, &other)]);
    // The second one goes to the directors alone, which convict the validator by themselves.
    let (mesh, everybody) = (keys(&[1, 2], &[]), keys(&[1, 2], &[1]));
    assert_eq!(relayed(&out), vec![(one, everybody), (other, mesh)]);
    assert_eq!(rig.core.stats().envelope_equivocations, 1);
    assert_eq!(count(&rig, Refusal::Equivocation), 1);
    // In another class it is another place.
    let class = sign(0, envelope(0, Priority::High, 1, 1, b"other"));
    assert_eq!(relayed(&rig.frames(vec![from_validator(0, &class)])).len(), 1);
}

#[test]
fn epochs_only_grow_and_not_too_far() {
    let mut rig = Rig::new(&World::new(3, 2));
    let of_epoch = |epoch| sign(0, envelope(0, Priority::Normal, epoch, 1, b""));
    assert_eq!(relayed(&rig.frames(vec![from_validator(0, &of_epoch(5))])).len(), 1);
    assert!(rig.frames(vec![from_validator(0, &of_epoch(4))]).is_empty());
    assert_eq!(count(&rig, Refusal::OldEpoch), 1);
    assert!(rig.frames(vec![from_validator(0, &of_epoch(u64::MAX))]).is_empty());
    assert_eq!(count(&rig, Refusal::EpochTooFar), 1);
    assert_eq!(relayed(&rig.frames(vec![from_validator(0, &of_epoch(6))])).len(), 1);
}

#[test]
fn a_validator_speaks_for_itself_alone() {
    let mut rig = Rig::new(&World::new(3, 2));
    let frame = message(1, 1, b"hello");
    assert!(rig.frames(vec![from_validator(0, &frame)]).is_empty());
    assert_eq!(count(&rig, Refusal::ForeignOrigin), 1);
    // That was no reason to refuse it from its origin.
    assert_eq!(relayed(&rig.frames(vec![from_validator(1, &frame)])).len(), 1);
}

#[test]
fn who_is_not_authorized_neither_speaks_nor_receives() {
    let candidate = World::new(3, 3).status(2, ValidatorStatus::Candidate);
    let mut rig = Rig::new(&candidate);
    let early = message(2, 1, b"too early");
    assert!(rig.frames(vec![from_validator(2, &early)]).is_empty());
    assert_eq!(count(&rig, Refusal::Unauthorized), 1);
    let out = rig.frames(vec![from_validator(0, &message(0, 1, b"hello"))]);
    assert_eq!(relayed(&out)[0].1, keys(&[1, 2], &[1]));

    // Once it is authorized, the very same message passes.
    rig.finalize(&World::new(3, 3).at(101));
    assert_eq!(relayed(&rig.frames(vec![from_validator(2, &early)])).len(), 1);
}

#[test]
fn strangers_and_rubbish_are_refused() {
    let mut rig = Rig::new(&World::new(3, 2));
    let frame = message(0, 1, b"hello");
    let stranger = message(9, 1, b"hello");
    rig.frames(vec![
        from_director(8, &frame),
        from_validator(9, &stranger),
        from_validator(0, &vec![].into()),
        from_validator(0, &vec![0xff; 300].into()),
    ]);
    assert_eq!(count(&rig, Refusal::NotADirector), 1);
    assert_eq!(count(&rig, Refusal::UnknownOrigin), 1);
    assert_eq!(count(&rig, Refusal::Malformed), 2);
    assert_eq!(rig.core.stats().signatures_checked, 0);
}

#[test]
fn nothing_passes_before_the_first_finalized_block() {
    let mut core = director(0, Vec::new());
    let mut out = Vec::new();
    let frame = message(0, 1, b"hello");
    core.handle(0, Input::Frames(vec![from_validator(0, &frame)]), &mut out);
    assert!(out.is_empty());
    assert_eq!(core.stats().refused.get(Refusal::NotReady), 1);
}

#[test]
fn a_peers_frame_waits_for_the_block_that_authorizes_its_origin() {
    let candidate = World::new(3, 3).status(2, ValidatorStatus::Candidate);
    let mut rig = Rig::new(&candidate);
    let frame = message(2, 1, b"first words");
    assert!(rig.frames(vec![from_director(1, &frame), from_director(2, &frame)]).is_empty());
    assert_eq!(rig.core.stats().parked, 2);
    let out = rig.finalize(&World::new(3, 3).at(101));
    assert_eq!(relayed(&out), vec![(frame, keys(&[2], &[0, 1]))]);
}

#[test]
fn a_parked_frame_does_not_wait_for_ever() {
    let candidate = World::new(3, 3).status(2, ValidatorStatus::Candidate);
    let mut rig = Rig::new(&candidate);
    rig.frames(vec![from_director(1, &message(2, 1, b"first words"))]);
    rig.now = 3_000;
    assert!(relayed(&rig.put(Input::Tick)).is_empty());
    assert_eq!(count(&rig, Refusal::Unauthorized), 1);
    assert!(relayed(&rig.finalize(&World::new(3, 3).at(101))).is_empty());
}

#[test]
fn parked_bytes_are_bounded_and_given_back() {
    let candidate = World::new(3, 3).status(2, ValidatorStatus::Candidate);
    let config = Config { park_bytes: 2_000, ..config(0) };
    let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
    let mut rig = Rig::with(&candidate, core);
    let frames = |seqs: std::ops::RangeInclusive<u64>| -> Vec<Received> {
        seqs.map(|seq| from_director(1, &message(2, seq, &[0; 100]))).collect()
    };
    rig.frames(frames(1..=20));
    let refused = count(&rig, Refusal::Unauthorized);
    assert!((14..20).contains(&refused), "{refused} had no room");
    rig.now = 3_000;
    rig.put(Input::Tick);
    assert_eq!(count(&rig, Refusal::Unauthorized), 20);
    rig.frames(frames(21..=40));
    assert_eq!(count(&rig, Refusal::Unauthorized), 20 + refused);
}

#[test]
fn a_parked_vote_reaches_the_detector_in_the_end() {
    let candidate = World::new(3, 3).status(2, ValidatorStatus::Candidate);
    let mut rig = Rig::new(&candidate);
    for (seq, hash) in [(1, 0xaa), (2, 0xbb)] {
        rig.frames(vec![from_director(1, &vote_frame(2, seq, &vote(2, 10, hash)))]);
    }
    assert_eq!(rig.core.stats().votes_seen, 0);
    rig.now = 3_000;
    let out = rig.put(Input::Tick);
    assert!(relayed(&out).is_empty());
    assert_eq!((rig.core.stats().votes_seen, rig.core.stats().double_signs_detected), (2, 1));
}

#[test]
fn nothing_is_kept_of_who_is_not_registered_any_more() {
    let mut rig = Rig::new(&World::new(3, 3));
    let frame = sign(2, envelope(2, Priority::Normal, 9, 1, b"before"));
    rig.frames(vec![from_validator(2, &frame)]);
    rig.finalize(&World::new(3, 2).at(101));
    rig.finalize(&World::new(3, 3).at(102));
    let anew = sign(2, envelope(2, Priority::Normal, 1, 1, b"after"));
    assert_eq!(relayed(&rig.frames(vec![from_validator(2, &anew)])).len(), 1);
}

#[test]
fn who_went_down_gets_nothing() {
    let mut rig = Rig::new(&World::new(3, 3));
    rig.put(Input::Down { peer: validator_key(1).public(), link: Link::Public });
    rig.put(Input::Down { peer: director_key(2).public(), link: Link::Mesh });
    let out = rig.frames(vec![from_validator(0, &message(0, 1, b"hello"))]);
    assert_eq!(relayed(&out)[0].1, keys(&[1], &[2]));
}

#[test]
fn signatures_without_an_answer_count_as_wrong() {
    struct Lazy;
    impl crate::director::Crypto for Lazy {
        fn verify_envelopes(&mut self, _: &director_primitives::H256, _: &[&[u8]]) -> Vec<bool> {
            Vec::new()
        }
        fn sign(&self, _: &[u8]) -> director_primitives::Signature {
            director_primitives::Signature::from_raw([0; 64])
        }
    }
    let mut core = Director::new(config(0), Lazy, Vec::new());
    let mut out = Vec::new();
    core.handle(0, Input::Finalized(World::new(3, 2).snapshot()), &mut out);
    out.clear();
    let frame = message(0, 1, b"hello");
    core.handle(0, Input::Frames(vec![from_validator(0, &frame)]), &mut out);
    assert!(out.is_empty());
    assert_eq!(core.stats().refused.get(Refusal::BadSignature), 1);
}

/// No input whatever makes the core panic.
#[test]
fn survives_any_bytes() {
    use proptest::prelude::*;
    let rig = std::cell::RefCell::new(Rig::new(&World::new(3, 2)));
    let valid = vote_frame(0, 1, &vote(0, 10, 0xaa)).to_vec();
    proptest!(ProptestConfig::with_cases(300), |(
        at in 0..valid.len(), cut in 0..valid.len(), byte: u8, on_mesh: bool
    )| {
        let mut bytes = valid.clone();
        bytes[at] = byte;
        bytes.truncate(valid.len() - cut / 4);
        let received = Received {
            from: if on_mesh { director_key(1) } else { validator_key(0) }.public(),
            link: if on_mesh { Link::Mesh } else { Link::Public },
            frame: bytes.into(),
        };
        rig.borrow_mut().frames(vec![received]);
    });
}
