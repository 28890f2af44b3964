//! What a validator may send, and that nobody else pays for what it sends beyond that.

use super::{count, world::*};
use crate::director::{
    Config, Director, Frame, Input, Link, Output, Rate, Rates, Received, Refusal, rates::Bucket,
};
use codec::Encode;
use director_primitives::{
    Envelope, PayloadKind, Priority, SignedVote, envelope::MAX_ENVELOPE_LEN, test_utils::TestKey,
};
use proptest::prelude::*;

/// Ten messages and 100,000 bytes a second in each class, three votes beyond that.
fn narrow() -> Rates {
    let rate = Rate { messages_per_s: 10, bytes_per_s: 100_000 };
    Rates { classes: [rate; 4], votes_per_s: 3, burst_ms: 1_000 }
}

fn rig(rates: Rates) -> Rig {
    let config = Config { rates, ..config(0) };
    Rig::with(&World::new(3, 3), Director::new(config, TestCrypto(director_key(0)), Vec::new()))
}

/// Messages of validator `n`, with these numbers.
fn messages(n: u8, seqs: std::ops::RangeInclusive<u64>) -> Vec<Received> {
    seqs.map(|seq| from_validator(n, &message(n, seq, b"flood"))).collect()
}

/// Frames with votes of validator 0, one for each of these checkpoints, the first with number `seq`.
fn votes(seq: u64, checkpoints: std::ops::RangeInclusive<u64>) -> Vec<Received> {
    (seq..).zip(checkpoints).map(|(seq, at)| from_validator(0, &ballot(seq, at, 0xaa))).collect()
}

fn ballot(seq: u64, checkpoint: u64, hash: u8) -> Frame {
    vote_frame(0, seq, &vote(0, checkpoint, hash))
}

fn proofs(out: &[Output]) -> usize {
    out.iter().filter(|output| matches!(output, Output::Proven(_))).count()
}

#[test]
fn what_exceeds_the_messages_of_a_class_is_refused_and_counted() {
    let mut rig = rig(narrow());
    assert_eq!(relayed(&rig.frames(messages(0, 1..=15))).len(), 10);
    assert_eq!(count(&rig, Refusal::RateLimited), 5);
    assert_eq!(rig.core.stats().rate_limited, [0, 0, 5, 0]);
    assert_eq!(rig.core.stats().signatures_checked, 10, "before their signatures are checked");
    // Other classes and other validators have limits of their own.
    let high = sign(0, envelope(0, Priority::High, 1, 1, b"hello"));
    assert_eq!(relayed(&rig.frames(vec![from_validator(0, &high)])).len(), 1);
    assert_eq!(relayed(&rig.frames(messages(1, 1..=10))).len(), 10);
}

#[test]
fn limits_are_made_up_for_with_time() {
    let mut rig = rig(narrow());
    rig.frames(messages(0, 1..=10));
    rig.now = 250;
    assert_eq!(relayed(&rig.frames(messages(0, 11..=15))).len(), 2);
    rig.now = 300;
    assert_eq!(relayed(&rig.frames(messages(0, 16..=20))).len(), 1, "halves are not lost");
    rig.now = 3_600_000;
    assert_eq!(relayed(&rig.frames(messages(0, 21..=40))).len(), 10, "a burst, not an hour's");
}

#[test]
fn what_exceeds_the_bytes_of_a_class_is_refused() {
    let mut rates = narrow();
    rates.classes[Priority::Bulk.index()].bytes_per_s = 2 * MAX_ENVELOPE_LEN as u64;
    let mut rig = rig(rates);
    let block =
        |seq, len| from_validator(0, &sign(0, envelope(0, Priority::Bulk, 1, seq, &vec![7; len])));
    let blocks = vec![block(1, 1024 * 1024), block(2, 1024 * 1024), block(3, 1_000)];
    assert_eq!(relayed(&rig.frames(blocks)).len(), 2);
    assert_eq!(rig.core.stats().rate_limited, [0, 0, 0, 1]);
}

#[test]
fn the_longest_message_passes_however_low_the_limit() {
    let mut rates = narrow();
    rates.classes = [Rate { messages_per_s: 1, bytes_per_s: 1 }; 4];
    rates.burst_ms = 1;
    let mut rig = rig(rates);
    let long = sign(0, envelope(0, Priority::Critical, 1, 1, &vec![7; 1024 * 1024]));
    assert_eq!(relayed(&rig.frames(vec![from_validator(0, &long)])).len(), 1);
}

#[test]
fn what_was_passed_on_already_may_be_sent_again() {
    let mut rig = rig(narrow());
    let all = messages(0, 1..=10);
    rig.frames(all.clone());
    // The client was cut off and sends again what it has, of which the last one is new.
    rig.now = 100;
    let again = all.into_iter().chain(messages(0, 11..=11)).collect();
    assert_eq!(relayed(&rig.frames(again)).len(), 1);
    assert_eq!(count(&rig, Refusal::RateLimited), 0);
}

#[test]
fn neither_a_new_connection_nor_a_new_key_fills_a_bucket() {
    let mut rig = rig(narrow());
    rig.frames(messages(0, 1..=10));
    let (peer, link) = (validator_key(0).public(), Link::Public);
    rig.put(Input::Down { peer, link });
    rig.put(Input::Up { peer, link });
    assert!(rig.frames(messages(0, 11..=12)).is_empty());

    let mut world = World::new(3, 3).at(101);
    let new = TestKey::new(77);
    world.validators[0].peer_key = new.public();
    rig.finalize(&world);
    let envelope = Envelope { origin: new.public(), ..envelope(0, Priority::Normal, 1, 1, b"me") };
    let frame = new.envelope(&genesis(), envelope).encode().into();
    let out = rig.frames(vec![Received { from: new.public(), link, frame }]);
    assert!(relayed(&out).is_empty());
    assert_eq!(count(&rig, Refusal::RateLimited), 3);
}

#[test]
fn what_peer_directors_pass_on_is_not_limited_again() {
    let mut rig = rig(narrow());
    let batch = (1..=50).map(|seq| from_director(1, &message(0, seq, b"much"))).collect();
    assert_eq!(relayed(&rig.frames(batch)).len(), 50);
    assert_eq!(count(&rig, Refusal::RateLimited), 0);
}

#[test]
fn a_vote_beyond_the_limits_is_seen_by_the_detector_and_by_nobody_else() {
    let mut rig = rig(narrow());
    assert_eq!(relayed(&rig.frames(votes(1, 5..=16))).len(), 10);
    let stats = rig.core.stats();
    assert_eq!((stats.votes_seen, stats.votes_unseen), (12, 0));
    assert_eq!((stats.rate_limited, count(&rig, Refusal::RateLimited)), ([2, 0, 0, 0], 2));
}

#[test]
fn the_second_half_of_a_double_sign_is_passed_on_beyond_the_limits() {
    let mut rig = rig(narrow());
    rig.frames(votes(1, 5..=14));
    let out = rig.frames(vec![from_validator(0, &ballot(11, 5, 0xbb))]);
    assert_eq!((relayed(&out).len(), proofs(&out)), (1, 1));
    assert_eq!(count(&rig, Refusal::RateLimited), 0);
}

#[test]
fn both_halves_of_a_double_sign_may_be_beyond_the_limits() {
    let mut rig = rig(narrow());
    rig.frames(votes(1, 5..=14));
    let halves = [ballot(11, 15, 0xaa), ballot(12, 15, 0xbb)];
    let out = rig.frames(halves.iter().map(|half| from_validator(0, half)).collect());
    assert_eq!((relayed(&out).len(), proofs(&out)), (1, 1));
}

#[test]
fn a_flood_of_other_messages_leaves_the_allowance_for_votes_alone() {
    let mut rig = rig(narrow());
    let flood = (1..=100)
        .map(|seq| from_validator(0, &sign(0, envelope(0, Priority::Critical, 1, seq, b"flood"))));
    rig.frames(flood.collect());
    // Nor can it be used up by what calls itself a vote and is none.
    let kind = PayloadKind::CheckpointVote;
    let false_vote =
        |seq| Envelope { kind: kind.clone(), ..envelope(0, Priority::Critical, 1, seq, b"vote") };
    rig.frames((101..=200).map(|seq| from_validator(0, &sign(0, false_vote(seq)))).collect());
    assert_eq!(rig.core.stats().signatures_checked, 10);
    assert_eq!(rig.core.stats().votes_unseen, 0);

    rig.frames(votes(201, 5..=7));
    assert_eq!(rig.core.stats().votes_seen, 3);
}

#[test]
fn a_flood_of_votes_costs_no_more_than_the_allowance() {
    let mut rig = rig(narrow());
    // Endless envelopes around two votes: each is another frame.
    let flood = (1..=1_000).map(|seq| from_validator(0, &ballot(seq, 5 + seq % 2, 0xaa)));
    rig.frames(flood.collect());
    let stats = rig.core.stats();
    assert_eq!((stats.signatures_checked, stats.votes_seen, stats.votes_unseen), (13, 13, 987));
    assert_eq!(stats.relayed, 2);
    // The same without bytes left: nothing is hashed that is not looked at.
    let mut tight = narrow();
    tight.classes[0].bytes_per_s = 1;
    let mut rig = self::rig(tight);
    let long = sign(0, envelope(0, Priority::Critical, 1, 1, &vec![7; 1024 * 1024]));
    rig.frames(vec![from_validator(0, &long)]);
    rig.frames(votes(2, 5..=14));
    let stats = rig.core.stats();
    assert_eq!((stats.votes_seen, stats.votes_unseen), (3, 7));
}

#[test]
fn a_limited_vote_is_passed_on_when_it_comes_by_another_way() {
    let mut rig = rig(narrow());
    rig.frames(votes(1, 5..=14));
    let late = ballot(11, 15, 0xaa);
    assert!(relayed(&rig.frames(vec![from_validator(0, &late)])).is_empty());
    assert_eq!(relayed(&rig.frames(vec![from_director(1, &late)])).len(), 1);
}

#[test]
fn an_unseen_vote_still_proves_a_double_sign_when_it_comes_by_another_way() {
    let mut rig = rig(narrow());
    rig.frames(votes(1, 5..=17));
    let second = ballot(14, 5, 0xbb);
    assert_eq!(proofs(&rig.frames(vec![from_validator(0, &second)])), 0);
    assert_eq!(rig.core.stats().votes_unseen, 1);
    assert_eq!(proofs(&rig.frames(vec![from_director(1, &second)])), 1);
}

#[test]
fn twenty_validators_may_send_twenty_thousand_messages_a_second_if_so_configured() {
    let rate = Rate { messages_per_s: 1_000, bytes_per_s: 1_000_000 };
    let rates = Rates { classes: [rate; 4], burst_ms: 10, ..Rates::default() };
    let core =
        Director::new(Config { rates, ..config(0) }, TestCrypto(director_key(0)), Vec::new());
    let mut rig = Rig::with(&World::new(3, 20), core);
    let mut passed = 0;
    for ms in 1..=100 {
        rig.now = ms;
        let batch = (0..20).flat_map(|n| messages(n, ms..=ms)).collect();
        passed += relayed(&rig.frames(batch)).len();
    }
    assert_eq!(passed, 2_000);
}

#[test]
fn a_vote_is_as_long_as_the_limits_take_it_for() {
    use codec::MaxEncodedLen;
    assert_eq!(vote(0, u64::MAX, 0xff).encoded_size(), SignedVote::max_encoded_len());
}

proptest! {
    #[test]
    fn a_bucket_gives_its_burst_and_its_rate_and_no_more(
        per_s in 0u64..5_000,
        burst_ms in 0u64..3_000,
        steps in prop::collection::vec((0u64..50, 1u64..20), 1..200),
    ) {
        let mut bucket = Bucket::full(per_s, burst_ms, 20);
        let capacity = (per_s * burst_ms).max(20_000);
        let (mut now, mut given) = (0, 0);
        for (pause, tokens) in steps {
            now += pause;
            let took = bucket.take(tokens, now);
            given += if took { tokens * 1_000 } else { 0 };
            prop_assert!(given <= capacity + per_s * now, "more than the rate");
            prop_assert!(took || given + tokens * 1_000 > per_s * now.min(burst_ms), "less than the rate");
        }
    }

    #[test]
    fn a_clock_that_goes_back_fills_nothing(times in prop::collection::vec(0u64..1_000, 1..50)) {
        let mut bucket = Bucket::full(1, 1, 10);
        let given = times.iter().filter(|now| bucket.take(1, **now)).count();
        prop_assert!(given <= 10 + 1);
    }
}
