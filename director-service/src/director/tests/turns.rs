//! One that floods, and those that must not wait for it.

use super::{count, world::*};
use crate::director::{Frame, Input, Received, Refusal, turns::take_turns};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Validator that floods.
const FLOODER: u8 = 20;

/// Each honest validator's messages behind a flood, as one batch.
fn flooded(flood: u64, honest: u64) -> Vec<Received> {
    let flood = (1..=flood).map(|seq| from_validator(FLOODER, &message(FLOODER, seq, b"flood")));
    let honest = (0..FLOODER)
        .flat_map(|n| (1..=honest).map(move |seq| from_validator(n, &message(n, seq, b"honest"))));
    flood.chain(honest).collect()
}

#[test]
fn the_tail_of_a_flood_comes_after_everybody_else() {
    let mut rig = Rig::new(&World::new(3, 21));
    let batch = flooded(904, 6);
    let honest: Vec<Frame> = batch[904..].iter().map(|received| received.frame.clone()).collect();
    let passed: Vec<_> = relayed(&rig.frames(batch)).into_iter().map(|(frame, _)| frame).collect();
    assert_eq!(passed.len(), 1_024);
    let place = |frame| passed.iter().position(|passed| passed == frame).unwrap();
    let last = honest.iter().map(place).max().unwrap();
    assert_eq!(last, 21 * 6 - 1, "of the flood, six messages take turns with the others");
}

#[test]
fn a_flooder_is_limited_and_the_others_are_not() {
    let mut rig = Rig::new(&World::new(3, 21));
    let mut passed = Vec::new();
    // A second of full batches, each with a message of everybody behind the flood.
    for round in 1..=3 {
        rig.now += 100;
        let flood = (1..=1_004)
            .map(|n| from_validator(FLOODER, &message(FLOODER, round * 2_000 + n, b"flood")));
        let honest = (0..FLOODER).map(|n| from_validator(n, &message(n, round, b"honest")));
        passed.extend(relayed(&rig.frames(flood.chain(honest).collect())));
    }
    let of_flooder = |frame: &Frame| frame.starts_with(&validator_key(FLOODER).public().0);
    let (flood, honest): (Vec<_>, Vec<_>) = passed.iter().partition(|(frame, _)| of_flooder(frame));
    assert_eq!(honest.len(), 60);
    // What a rested bucket holds, and what two tenths of a second put into it.
    assert_eq!(flood.len(), 2_000 + 400);
    assert_eq!(count(&rig, Refusal::RateLimited), 3 * 1_004 - 2_400);
}

#[test]
fn each_senders_frames_stay_in_order() {
    let seed = std::env::var("TURNS_SEED").map_or_else(|_| rand::random(), |s| s.parse().unwrap());
    println!("TURNS_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..50 {
        let senders = rng.random_range(1..6u8);
        let batch: Vec<_> = (0..rng.random_range(1..60u8))
            .map(|n| {
                let frame: Frame = vec![n].into();
                match rng.random_range(0..senders) {
                    0 => from_director(1, &frame),
                    sender => from_validator(sender, &frame),
                }
            })
            .collect();
        let ordered = take_turns(batch.clone());
        assert_eq!(ordered.len(), batch.len());
        for sender in &batch {
            let of = |all: &[Received]| -> Vec<Frame> {
                let own = all.iter().filter(|received| received.from == sender.from);
                own.map(|received| received.frame.clone()).collect()
            };
            assert_eq!(of(&ordered), of(&batch));
        }
    }
}

#[test]
fn frames_of_peers_do_not_wait_for_turns() {
    let peer = from_director(1, &message(3, 1, b"from afar"));
    let batch = vec![from_validator(0, &message(0, 1, b"near")), peer.clone(), peer.clone(), peer];
    let ordered = take_turns(batch);
    assert!(ordered[..3].iter().all(|received| received.from == director_key(1).public()));
    let mut rig = Rig::new(&World::new(3, 2));
    assert_eq!(relayed(&rig.put(Input::Frames(ordered))).len(), 1, "the origin is unknown here");
}
