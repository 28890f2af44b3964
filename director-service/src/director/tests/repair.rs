//! What is served out of the log, and what is asked of others.

use super::{
    asked, count, fetch, from_mesh, from_public, range, replayed, sent, served, tick_at, ticks_to,
    vector, world::*,
};
use crate::director::{Config, Director, Frame, Input, Link, Output, Refusal};
use director_primitives::{
    Control, Fetched, Priority, PublicKey, Range, Served, runtime_api::ValidatorStatus,
};

fn key(n: u8) -> PublicKey {
    validator_key(n).public()
}

/// Normal messages of validator `n`, by their numbers.
fn messages(n: u8, numbers: impl IntoIterator<Item = u64>) -> Vec<Frame> {
    numbers.into_iter().map(|seq| message(n, seq, b"words")).collect()
}

/// A director to which validator 0 has said these, with a page of so many bytes.
fn rig(numbers: impl IntoIterator<Item = u64>, page: usize) -> Rig {
    let config = Config { fetch_page_bytes: page, log_ms: 5_000, ..config(0) };
    let core = Director::new(config, TestCrypto(director_key(0)), vec![]);
    let mut rig = Rig::with(&World::new(3, 3), core);
    for frame in messages(0, numbers) {
        rig.frames(vec![from_validator(0, &frame)]);
    }
    rig
}

fn answer(ranges: &[(Range, u64, u64)]) -> Control {
    let served = |(range, gone_to, served_to): &(Range, u64, u64)| Served {
        range: *range,
        gone_to: *gone_to,
        served_to: *served_to,
    };
    let ranges = ranges.iter().map(served).collect::<Vec<_>>().try_into().unwrap();
    Control::Fetched(Fetched { ranges })
}

#[test]
fn a_director_is_sent_what_it_asks_for() {
    let mut rig = rig(1..=5, 1 << 20);
    let out = from_mesh(&mut rig, 1, fetch(&[range(0, 2, 3), range(0, 5, 5), range(1, 1, 1)]));
    assert_eq!(replayed(&out), vec![(director_key(1).public(), messages(0, [2, 3, 5]))]);
    // Of validator 1 nothing has come yet: it may.
    assert_eq!(served(&out), Some(vec![(1, 3), (4, 5), (0, 0)]));
    assert!(matches!(out.last(), Some(Output::Send { message: Control::Fetched(_), .. })));
}

#[test]
fn a_page_is_bounded_and_says_where_to_go_on() {
    let frames = messages(0, 1..=10);
    let mut rig = rig(1..=10, 3 * frames[0].len());
    let out = from_mesh(&mut rig, 1, fetch(&[range(0, 1, 2), range(0, 3, 6), range(0, 8, 9)]));
    assert_eq!(replayed(&out)[0].1, frames[..3]);
    assert_eq!(served(&out), Some(vec![(0, 2), (2, 3), (7, 7)]));
    // A frame that is longer than a page is one.
    let long = message(0, 11, &vec![7; 10_000]);
    rig.frames(vec![from_validator(0, &long)]);
    let out = from_mesh(&mut rig, 1, fetch(&[range(0, 11, 11)]));
    assert_eq!((replayed(&out)[0].1.clone(), served(&out)), (vec![long], Some(vec![(10, 11)])));
}

#[test]
fn says_what_is_gone_and_what_it_misses_itself() {
    let mut rig = rig([1, 2, 3, 7, 8], 1 << 20);
    // 4 to 6 are missing here too: what is beyond is sent, and the hole is to be asked for again.
    let out = from_mesh(&mut rig, 1, fetch(&[range(0, 3, 9)]));
    assert_eq!(replayed(&out)[0].1, messages(0, [3, 7, 8]));
    assert_eq!(served(&out), Some(vec![(2, 3)]));
    let out = from_mesh(&mut rig, 1, fetch(&[range(0, 4, 6)]));
    assert_eq!((replayed(&out).len(), served(&out)), (0, Some(vec![(3, 3)])));
    // After a while the log has forgotten.
    tick_at(&mut rig, 5_001);
    rig.frames(vec![from_validator(0, &message(0, 9, b"words"))]);
    let out = from_mesh(&mut rig, 1, fetch(&[range(0, 1, 2), range(0, 9, 9)]));
    assert_eq!(served(&out), Some(vec![(3, 2), (8, 9)]), "all of it, up to what may still come");
    assert_eq!(replayed(&out)[0].1, messages(0, [9]));
    // What is no range is answered and costs nothing.
    let out = from_mesh(&mut rig, 1, fetch(&[range(0, 0, 9), range(0, 9, 2)]));
    assert_eq!(served(&out), Some(vec![(9, 9), (2, 2)]));
}

#[test]
fn of_an_epoch_that_is_over_everything_is_gone_but_what_the_log_has() {
    let mut rig = rig(1..=2, 1 << 20);
    let anew = sign(0, envelope(0, Priority::Normal, 2, 1, b"again"));
    rig.frames(vec![from_validator(0, &anew)]);
    let out = from_mesh(&mut rig, 1, fetch(&[range(0, 2, 4)]));
    assert_eq!((replayed(&out)[0].1.clone(), served(&out)), (messages(0, [2]), Some(vec![(1, 4)])));
    let out = from_mesh(&mut rig, 1, fetch(&[range(0, 3, 4)]));
    assert_eq!(served(&out), Some(vec![(u64::MAX, 4)]));
}

#[test]
fn a_validator_is_served_at_a_pace_and_not_its_own_words() {
    let mut rig = Rig::new(&World::new(3, 3));
    let long: Vec<_> = (1..=20).map(|seq| message(0, seq, &vec![7; 500_000])).collect();
    for frame in &long {
        rig.now += 200;
        assert_eq!(relayed(&rig.frames(vec![from_validator(0, frame)])).len(), 1);
    }
    let out = from_public(&mut rig, 0, fetch(&[range(0, 1, 2)]));
    assert_eq!((replayed(&out).len(), served(&out)), (0, Some(vec![(2, 2)])));
    // 8 MiB at once, a page at a time, then it has to ask again.
    let mut got = 0;
    for _ in 0..20 {
        let out = from_public(&mut rig, 1, fetch(&[range(0, got + 1, 20)]));
        let Some((_, frames)) = replayed(&out).first().cloned() else {
            assert_eq!(served(&out), Some(vec![(got, got)]));
            break;
        };
        assert_eq!(frames, long[got as usize..][..1], "a page");
        got += 1;
    }
    assert_eq!(got, 16);
    rig.now += 1_000;
    assert_eq!(replayed(&from_public(&mut rig, 1, fetch(&[range(0, 17, 20)]))).len(), 1);
    // Somebody else has a pace of its own.
    assert_eq!(replayed(&from_public(&mut rig, 2, fetch(&[range(0, 1, 2)]))).len(), 1);
}

#[test]
fn whoever_may_not_speak_fetches_nothing() {
    let mut rig = rig(1..=2, 1 << 20);
    rig.finalize(&World::new(3, 3).at(101).status(1, ValidatorStatus::Candidate));
    assert!(from_public(&mut rig, 1, fetch(&[range(0, 1, 2)])).is_empty());
    assert_eq!(count(&rig, Refusal::Unauthorized), 1);
    // And nobody but a director answers, or says what it has.
    assert!(from_public(&mut rig, 2, answer(&[])).is_empty());
    assert!(from_public(&mut rig, 2, vector(&[(0, 9)], true)).is_empty());
    assert_eq!(count(&rig, Refusal::UnexpectedControl), 2);
}

#[test]
fn only_what_was_passed_on_is_kept() {
    let mut rig = Rig::new(&World::new(3, 3).status(2, ValidatorStatus::Candidate));
    let frames =
        [message(0, 1, b"words"), forge(&message(0, 2, b"words")), message(2, 1, b"words")];
    for (n, frame) in [0, 0, 2].into_iter().zip(&frames) {
        rig.frames(vec![from_validator(n, frame)]);
    }
    rig.frames(vec![from_validator(0, &frames[0])]);
    tick_at(&mut rig, 50);
    let stats = rig.core.stats();
    assert_eq!((stats.log_frames, stats.relayed), (1, 1));
    assert!(stats.log_bytes as usize > frames[0].len());
    // Nothing is kept of those who are not registered any more.
    rig.finalize(&World::new(3, 0).at(101));
    tick_at(&mut rig, 100);
    assert_eq!(rig.core.stats().log_frames, 0);
}

#[test]
fn a_hole_is_filled_from_another_director_and_told_to_the_own_validators() {
    let mut rig = Rig::new(&World::new(3, 3));
    let frames = messages(0, 1..=4);
    for frame in [&frames[0], &frames[3]] {
        rig.frames(vec![from_director(1, frame)]);
    }
    let director = director_key(2).public();
    from_mesh(&mut rig, 2, vector(&[(0, 4)], false));
    assert!(asked(&tick_at(&mut rig, 49)).is_empty(), "it may be on its way");
    assert_eq!(asked(&tick_at(&mut rig, 50)), vec![(director, vec![range(0, 2, 3)])]);
    let out = rig.frames(vec![from_director(2, &frames[1]), from_director(2, &frames[2])]);
    for ((frame, hearers), sent) in relayed(&out).into_iter().zip(&frames[1..]) {
        assert_eq!(frame, *sent);
        let mut validators = [key(1), key(2)];
        validators.sort();
        assert_eq!(hearers, validators, "no director");
    }
    let out = from_mesh(&mut rig, 2, answer(&[(range(0, 2, 3), 1, 3)]));
    assert!(out.is_empty());
    assert!(asked(&ticks_to(&mut rig, 1_000)).is_empty());
    let stats = rig.core.stats();
    assert_eq!((stats.repaired, stats.fetches_asked, stats.given_up), (2, 1, 0));
    assert_eq!((stats.relayed, stats.loops_prevented), (4, 0));
    // What comes next by the same way is no repair.
    let out = rig.frames(vec![from_director(2, &message(0, 5, b"words"))]);
    assert!(relayed(&out)[0].1.contains(&director_key(1).public()));
}

#[test]
fn who_is_asked_for_a_message_and_does_not_send_it_is_noticed() {
    let missing = || {
        let mut rig = Rig::new(&World::new(4, 3));
        let frames = messages(0, 1..=4);
        for frame in [&frames[0], &frames[3]] {
            rig.frames(vec![from_director(1, frame)]);
        }
        // One claims it and says nothing when it is asked.
        from_mesh(&mut rig, 2, vector(&[(0, 4)], false));
        assert_eq!(asked(&tick_at(&mut rig, 50)).len(), 1);
        (rig, frames)
    };
    let (mut rig, frames) = missing();
    from_mesh(&mut rig, 3, vector(&[(0, 4)], false));
    let at_last = ticks_to(&mut rig, 1_000);
    assert!(asked(&at_last).iter().any(|(of, _)| *of == director_key(3).public()));
    rig.frames(vec![from_director(3, &frames[1])]);
    assert_eq!((rig.core.stats().repaired, rig.core.stats().withheld), (1, 1));

    // Who says that it does not have it keeps nothing back.
    let (mut rig, frames) = missing();
    from_mesh(&mut rig, 3, vector(&[(0, 4)], false));
    from_mesh(&mut rig, 2, answer(&[(range(0, 2, 3), 3, 1)]));
    ticks_to(&mut rig, 1_000);
    rig.frames(vec![from_director(3, &frames[1])]);
    assert_eq!((rig.core.stats().repaired, rig.core.stats().withheld), (1, 0));

    // Nor does who sends it late.
    let (mut rig, frames) = missing();
    tick_at(&mut rig, 349);
    rig.frames(vec![from_director(2, &frames[1])]);
    assert_eq!((rig.core.stats().repaired, rig.core.stats().withheld), (1, 0));
}

#[test]
fn a_vote_that_was_missed_is_shown_to_the_detector() {
    let mut rig = Rig::new(&World::new(3, 3));
    rig.frames(vec![from_director(1, &vote_frame(0, 1, &vote(0, 10, 0xaa)))]);
    rig.frames(vec![from_director(1, &vote_frame(0, 3, &vote(0, 11, 0xaa)))]);
    let of_votes = |first, last| Range { class: Priority::Critical, ..range(0, first, last) };
    let Control::Vector(mut heard) = vector(&[(0, 0)], true) else { unreachable!() };
    heard.entries[0].contiguous = [3, 0, 0, 0];
    from_mesh(&mut rig, 2, Control::Vector(heard));
    assert_eq!(asked(&tick_at(&mut rig, 100))[0].1, vec![of_votes(2, 2)]);
    // It is the second half of a double sign.
    let second = vote_frame(0, 2, &vote(0, 10, 0xbb));
    let out = rig.frames(vec![from_director(2, &second)]);
    assert!(out.iter().any(|output| matches!(output, Output::Proven(_))));
    assert_eq!(rig.core.stats().repaired, 1);
}

#[test]
fn what_nobody_has_any_more_is_given_up() {
    let mut rig = Rig::new(&World::new(3, 3));
    for frame in messages(0, [1, 5]) {
        rig.frames(vec![from_director(1, &frame)]);
    }
    for n in 1..3 {
        from_mesh(&mut rig, n, vector(&[(0, 5)], true));
    }
    let mut out = tick_at(&mut rig, 50);
    for _ in 1..3 {
        let (director, ranges) = asked(&out)[0].clone();
        assert_eq!(ranges, [range(0, 2, 4)], "one after the other");
        let n = (1..3).find(|n| director_key(*n).public() == director).unwrap();
        out = from_mesh(&mut rig, n, answer(&[(range(0, 2, 4), 4, 4)]));
    }
    assert!(out.is_empty());
    tick_at(&mut rig, 100);
    assert_eq!((rig.core.stats().given_up, rig.core.stats().behind), (3, 0));
    let told = super::vectors(&tick_at(&mut rig, 300), &key(0));
    assert!(told.is_empty(), "nobody stands by");
    // If it comes after all, it is passed on.
    let out = rig.frames(vec![from_director(1, &message(0, 3, b"words"))]);
    assert_eq!(relayed(&out).len(), 1);
}

#[test]
fn a_director_that_is_gone_is_asked_no_more() {
    let mut rig = Rig::new(&World::new(3, 3));
    from_mesh(&mut rig, 1, vector(&[(0, 5)], true));
    rig.put(Input::Down { peer: director_key(1).public(), link: Link::Mesh });
    assert!(asked(&ticks_to(&mut rig, 1_000)).is_empty());
    rig.put(Input::Up { peer: director_key(1).public(), link: Link::Mesh });
    assert!(asked(&ticks_to(&mut rig, 2_000)).is_empty(), "it may have restarted");
    from_mesh(&mut rig, 1, vector(&[(0, 2)], true));
    let told = sent(&ticks_to(&mut rig, 2_100), Link::Mesh);
    assert!(told.iter().any(|(to, message)| {
        *to == director_key(1).public() && *message == fetch(&[range(0, 1, 2)])
    }));
}
