//! What validators are sent, as what they say they are.

use super::{
    attach, caught_up, count, from_mesh, from_public, replayed, sent, tick_at, ticks_to, vector,
    vectors, world::*,
};
use crate::director::{Config, Director, Frame, Input, Link, Output, Refusal};
use director_primitives::{
    Attach, Control, Heartbeat, Priority, PublicKey, Role, VectorEntry, VectorSummary,
    runtime_api::ValidatorStatus,
};

fn key(n: u8) -> PublicKey {
    validator_key(n).public()
}

/// Validator `n` says so many things, from one number to another.
fn say(rig: &mut Rig, n: u8, numbers: std::ops::RangeInclusive<u64>) -> Vec<Frame> {
    let frames: Vec<_> = numbers.map(|seq| message(n, seq, b"words")).collect();
    for frame in &frames {
        rig.frames(vec![from_validator(n, frame)]);
    }
    frames
}

fn heartbeats_to(out: &[Output], who: &PublicKey) -> Vec<Heartbeat> {
    let beat = |output: &Output| match output {
        Output::SendAll { to, link: Link::Public, message: Control::Heartbeat(signed) }
            if to.contains(who) =>
        {
            assert!(signed.verify(&genesis()));
            Some(signed.heartbeat.clone())
        }
        _ => None,
    };
    out.iter().filter_map(beat).collect()
}

#[test]
fn a_validator_goes_on_where_it_stopped() {
    let mut rig = Rig::new(&World::new(3, 4));
    caught_up(&mut rig);
    let of_first = say(&mut rig, 0, 1..=5);
    let of_second = say(&mut rig, 1, 1..=3);
    say(&mut rig, 2, 1..=3);
    say(&mut rig, 3, 1..=3);
    ticks_to(&mut rig, 200);
    // It has some of 0, all of 1, says nothing of 2, and its own are its own.
    let vector = [(0, 2), (1, 3), (3, 0)];
    let out = from_public(&mut rig, 3, attach(Role::Primary, &vector));
    assert_eq!(replayed(&out), vec![(key(3), of_first[2..].to_vec())]);
    let told = vectors(&out, &key(3));
    assert_eq!((told.len(), told[0].entries.len(), told[0].complete), (1, 4, true));
    // The frames come before: who reads the vector knows that nothing more comes by itself.
    assert!(matches!(out[0], Output::Replay { .. }));

    let out = from_public(&mut rig, 3, attach(Role::Primary, &[(1, 0)]));
    assert_eq!(replayed(&out), vec![(key(3), of_second)]);
    assert_eq!(rig.core.stats().replayed_bytes, 6 * of_first[0].len() as u64);
}

#[test]
fn a_new_epoch_is_sent_from_its_beginning() {
    let mut rig = Rig::new(&World::new(3, 2));
    let old = say(&mut rig, 0, 1..=3);
    let new: Vec<_> =
        (1..=2).map(|seq| sign(0, envelope(0, Priority::High, 9, seq, b"again"))).collect();
    for frame in &new {
        rig.frames(vec![from_validator(0, frame)]);
    }
    let out = from_public(&mut rig, 1, attach(Role::Standby, &[(0, 2)]));
    let (_, frames) = &replayed(&out)[0];
    let mut expected = vec![old[2].clone()];
    expected.extend(new);
    let (mut got, mut expected) = (frames.clone(), expected);
    got.sort();
    expected.sort();
    assert_eq!(got, expected, "what is left of the old one too");
    // Whoever is ahead of us is sent nothing.
    let entry = VectorEntry { origin: key(0), epoch: 10, contiguous: [0; 4] };
    let vector = vec![entry].try_into().unwrap();
    let message = Control::Attach(Attach { role: Role::Standby, vector });
    assert!(replayed(&from_public(&mut rig, 1, message)).is_empty());
}

/// Of what is over nobody claims anything any more: what does not fit of it would be missing without a word.
#[test]
fn what_is_over_is_sent_first() {
    let config = Config { fetch_page_bytes: 1_000, ..config(0) };
    let mut rig =
        Rig::with(&World::new(3, 3), Director::new(config, TestCrypto(director_key(0)), vec![]));
    let mut over = Vec::new();
    for epoch in [7, 8, 9] {
        let frame = sign(2, envelope(2, Priority::High, epoch, 1, b"again"));
        rig.frames(vec![from_validator(2, &frame)]);
        over.push(frame);
    }
    over.pop();
    say(&mut rig, 0, 1..=20);
    let entry = |n, epoch| VectorEntry { origin: key(n), epoch, contiguous: [0; 4] };
    let vector = vec![entry(0, 1), entry(2, 7)].try_into().unwrap();
    let message = Control::Attach(Attach { role: Role::Standby, vector });
    let out = from_public(&mut rig, 1, message);
    let (_, frames) = &replayed(&out)[0];
    assert_eq!(frames[..2], over, "the one that is listed, and the one after it");
    assert!(frames.len() > 2);
}

#[test]
fn one_page_is_sent_at_once() {
    let config = Config { fetch_page_bytes: 1_000, ..config(0) };
    let mut rig =
        Rig::with(&World::new(3, 2), Director::new(config, TestCrypto(director_key(0)), vec![]));
    let frames = say(&mut rig, 0, 1..=20);
    let fit = 1_000 / frames[0].len();
    let out = from_public(&mut rig, 1, attach(Role::Primary, &[(0, 0)]));
    assert_eq!(replayed(&out), vec![(key(1), frames[..fit].to_vec())]);
}

#[test]
fn who_stands_by_hears_what_there_is_and_nothing_more() {
    let mut rig = Rig::new(&World::new(3, 3));
    caught_up(&mut rig);
    tick_at(&mut rig, 1_000);
    from_public(&mut rig, 2, attach(Role::Standby, &[]));
    let out = rig.frames(vec![from_validator(0, &message(0, 1, b"words"))]);
    let (_, hearers) = &relayed(&out)[0];
    assert!(hearers.contains(&key(1)) && !hearers.contains(&key(2)));
    assert!(vectors(&tick_at(&mut rig, 1_150), &key(2)).is_empty(), "at the next heartbeat");
    let out = tick_at(&mut rig, 1_200);
    let told = vectors(&out, &key(2));
    assert_eq!((told.len(), told[0].complete), (1, false));
    assert_eq!(told[0].entries[0].contiguous, [0, 0, 1, 0]);
    assert!(vectors(&out, &key(1)).is_empty(), "who gets everything does not need it");
    assert!(vectors(&ticks_to(&mut rig, 5_000), &key(2)).is_empty(), "nothing has changed");
    // What it says itself is passed on like anybody's.
    let out = rig.frames(vec![from_validator(2, &message(2, 1, b"words"))]);
    assert!(relayed(&out)[0].1.contains(&key(0)));
}

#[test]
fn validators_hear_how_their_director_does() {
    let mut rig = Rig::new(&World::new(3, 3));
    caught_up(&mut rig);
    from_public(&mut rig, 2, attach(Role::Standby, &[]));
    rig.core.set_load(250, 1_000_000);
    say(&mut rig, 0, 1..=3);
    let out = ticks_to(&mut rig, 2_000);
    for n in 1..3 {
        let beats = heartbeats_to(&out, &key(n));
        assert_eq!(beats.len(), 4, "every 500 ms");
        let beat = &beats[0];
        assert_eq!((beat.cpu_permille, beat.bandwidth_bytes_per_s), (250, 1_000_000));
        assert_eq!((beat.validators, beat.capacity), (2, 100), "one only stands by");
        assert!(matches!(beat.vector, VectorSummary::Hash(_)));
    }
    // The hash is that of what was told to whoever stands by.
    let VectorSummary::Hash(hash) = heartbeats_to(&out, &key(2))[3].vector else { unreachable!() };
    let mut claims = crate::repair::Claims::default();
    for vector in vectors(&out, &key(2)) {
        claims.take(&vector.entries);
    }
    assert_eq!(claims.hash(), hash);
}

#[test]
fn a_director_alone_tells_its_validators_too() {
    let mut rig = Rig::new(&World::new(1, 2));
    from_public(&mut rig, 1, attach(Role::Standby, &[]));
    say(&mut rig, 0, 1..=1);
    let out = ticks_to(&mut rig, 500);
    assert_eq!(vectors(&out, &key(1)).len(), 1);
    assert!(!heartbeats_to(&out, &key(0)).is_empty());
}

/// Else the validator would think that there was nothing when it came, and that all that the director catches up with is new.
#[test]
fn a_director_that_has_not_caught_up_does_not_say_yet_what_it_has() {
    let mut rig = Rig::new(&World::new(3, 4));
    let behind = vector(&[(0, 3)], true);
    from_mesh(&mut rig, 1, behind.clone());
    from_mesh(&mut rig, 2, behind);
    for (validator, role) in [(1, Role::Primary), (2, Role::Standby), (3, Role::Standby)] {
        let out = from_public(&mut rig, validator, attach(role, &[]));
        assert!(vectors(&out, &key(validator)).is_empty());
    }
    rig.put(Input::Down { peer: key(3), link: Link::Public });
    let out = ticks_to(&mut rig, 1_000);
    let told = |out: &[Output], n| -> Vec<_> {
        vectors(out, &key(n)).into_iter().filter(|vector| vector.complete).collect()
    };
    say(&mut rig, 0, 1..=1);
    let out = [out, ticks_to(&mut rig, 1_500)].concat();
    assert!([1, 2, 3].iter().all(|n| vectors(&out, &key(*n)).is_empty()), "no part either");
    say(&mut rig, 0, 1..=3);
    let out = ticks_to(&mut rig, 2_000);
    assert!(rig.core.is_ready());
    for n in [1, 2] {
        assert_eq!(told(&out, n).len(), 1, "{n}");
    }
    assert!(told(&out, 3).is_empty(), "it has gone");
    let of_first = told(&out, 1)[0].entries.iter().find(|of| of.origin == key(0)).copied();
    assert!(of_first.is_some_and(|of| of.contiguous.contains(&3)), "{of_first:?}");
}

/// What others claim must not keep it from saying anything at all.
#[test]
fn a_director_that_cannot_catch_up_says_what_it_has_at_last() {
    let mut rig = Rig::new(&World::new(3, 2));
    from_mesh(&mut rig, 1, vector(&[(0, 3)], true));
    from_public(&mut rig, 1, attach(Role::Primary, &[]));
    assert!(vectors(&ticks_to(&mut rig, 7_900), &key(1)).is_empty());
    assert_eq!(vectors(&ticks_to(&mut rig, 8_100), &key(1)).len(), 1);
    assert!(!rig.core.is_ready());
}

/// Nobody hears how the sequences go on, and who comes later has to begin where they stand then.
#[test]
fn who_comes_to_a_director_alone_is_told_where_the_sequences_stand_now() {
    let mut rig = Rig::new(&World::new(1, 2));
    say(&mut rig, 0, 1..=5);
    ticks_to(&mut rig, 1_000);
    let out = from_public(&mut rig, 1, attach(Role::Primary, &[]));
    let told = vectors(&out, &key(1));
    assert!(told[0].entries.iter().any(|of| of.origin == key(0) && of.contiguous.contains(&5)));
}

#[test]
fn only_an_authorized_validator_says_what_it_wants_and_not_too_often() {
    let world = World::new(3, 2).status(1, ValidatorStatus::Candidate);
    let mut rig = Rig::new(&world);
    caught_up(&mut rig);
    assert!(from_public(&mut rig, 1, attach(Role::Primary, &[])).is_empty());
    assert_eq!(count(&rig, Refusal::Unauthorized), 1);
    let answered = (0..20)
        .filter(|_| !from_public(&mut rig, 0, attach(Role::Primary, &[(1, 0)])).is_empty())
        .count();
    assert_eq!((answered, count(&rig, Refusal::RateLimited)), (8, 12));
    rig.now += 1_000;
    assert!(!from_public(&mut rig, 0, Control::VectorRequest).is_empty());
    assert!(from_public(&mut rig, 1, Control::VectorRequest).is_empty());
    // Who is revoked is neither.
    rig.finalize(&World::new(3, 2).at(101).status(0, ValidatorStatus::Revoked));
    assert!(from_public(&mut rig, 0, attach(Role::Primary, &[])).is_empty());
    let who_hears = sent(&rig.put(Input::Tick), Link::Public);
    assert!(who_hears.is_empty());
}
