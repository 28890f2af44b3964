//! How validators are handed over before a director stops.

use super::{attach, from_mesh, from_public, sent, tick_at, ticks_to, world::*};
use crate::director::{DisconnectReason, Input, Link, Output};
use director_primitives::{Control, Heartbeat, PublicKey, Role, SignedHeartbeat, VectorSummary};

fn key(n: u8) -> PublicKey {
    validator_key(n).public()
}

/// Directors 1 to 3 say that they have room, the last one least.
fn rig(validators: u8) -> Rig {
    let mut rig = Rig::new(&World::new(4, validators));
    for n in 1..4 {
        let director = director_key(n).public();
        let heartbeat = Heartbeat {
            director,
            time_ms: 1,
            validators: n.into(),
            capacity: 10,
            cpu_permille: 0,
            bandwidth_bytes_per_s: 0,
            finalized: 100,
            vector: VectorSummary::Delta(Vec::new()),
        };
        let signature = director_key(n).sign(&genesis(), &heartbeat);
        from_mesh(&mut rig, n, Control::Heartbeat(SignedHeartbeat { heartbeat, signature }));
    }
    rig
}

/// Who is told to move, and where to.
fn moved(out: &[Output]) -> Vec<(PublicKey, Vec<PublicKey>)> {
    let tell = |(to, message)| match message {
        Control::Move(redirect) => Some((to, redirect.directors.into_inner())),
        _ => None,
    };
    sent(out, Link::Public).into_iter().filter_map(tell).collect()
}

fn drained(out: &[Output]) -> Option<u32> {
    let over: Vec<_> = out
        .iter()
        .filter_map(|output| match output {
            Output::Drained { left } => Some(*left),
            _ => None,
        })
        .collect();
    assert!(over.len() <= 1, "once");
    over.first().copied()
}

fn down(rig: &mut Rig, peer: PublicKey) {
    rig.put(Input::Down { peer, link: Link::Public });
}

#[test]
fn validators_are_told_one_after_the_other_and_spread() {
    let mut rig = rig(10);
    let mut told = moved(&rig.put(Input::Drain));
    assert_eq!(told.len(), 1, "the first at once");
    assert!(rig.core.is_draining());
    for now in [50, 100, 150] {
        told.extend(moved(&tick_at(&mut rig, now)));
        assert_eq!(told.len() as u64, now / 20 + 1);
    }
    told.extend(moved(&ticks_to(&mut rig, 1_000)));
    let who: Vec<_> = told.iter().map(|(who, _)| *who).collect();
    let mut all: Vec<_> = (0..10).map(key).collect();
    all.sort();
    assert_eq!(who, all, "each once");
    let director = |n| director_key(n).public();
    let (first, second) = (&told[0].1, &told[1].1);
    assert_eq!(*first, [1, 2, 3].map(director), "the emptiest first");
    assert_eq!(*second, [2, 3, 1].map(director));
    assert_eq!(told[3].1, *first);
}

#[test]
fn when_the_last_has_moved_it_is_over() {
    let mut rig = rig(3);
    let mut out = rig.put(Input::Drain);
    for n in 0..3 {
        out.extend(ticks_to(&mut rig, 100 * u64::from(n + 1)));
        down(&mut rig, key(n));
    }
    assert_eq!(drained(&out), None);
    // For what the last one said a moment ago.
    assert_eq!(drained(&ticks_to(&mut rig, 600)), None);
    assert_eq!(drained(&ticks_to(&mut rig, 1_000)), Some(0));
    assert_eq!(drained(&ticks_to(&mut rig, 60_000)), None, "it is said once");
    assert!(rig.put(Input::Drain).is_empty() && rig.core.is_draining());
    assert_eq!(rig.core.stats().moves_asked, 3);
}

#[test]
fn who_stays_is_told_again_and_is_not_waited_for_for_ever() {
    let mut rig = rig(3);
    let mut out = rig.put(Input::Drain);
    down(&mut rig, key(0));
    out.extend(ticks_to(&mut rig, 29_900));
    assert_eq!(drained(&out), None);
    let times = moved(&out).iter().filter(|(who, _)| *who == key(1)).count();
    assert_eq!(times, 15, "every two seconds");
    // It is served meanwhile.
    let frame = message(1, 1, b"words");
    assert!(relayed(&rig.frames(vec![from_validator(1, &frame)]))[0].1.contains(&key(2)));
    assert_eq!(drained(&ticks_to(&mut rig, 30_100)), Some(2));
}

#[test]
fn it_says_that_it_has_no_room_and_has_none() {
    let mut rig = rig(4);
    down(&mut rig, key(3));
    let out = rig.put(Input::Drain);
    let capacities = |out: &[Output]| -> Vec<u32> {
        let capacity = |(_, message)| match message {
            Control::Heartbeat(signed) => Some(signed.heartbeat.capacity),
            _ => None,
        };
        sent(out, Link::Mesh).into_iter().filter_map(capacity).collect()
    };
    assert_eq!(capacities(&out), [0, 0, 0], "at once");
    assert_eq!(capacities(&tick_at(&mut rig, 200)), [0, 0, 0]);
    for role in [Role::Primary, Role::Standby] {
        rig.put(Input::Up { peer: key(3), link: Link::Public });
        let out = from_public(&mut rig, 3, attach(role, &[]));
        let is_sent_away = |output: &Output| matches!(output, Output::Disconnect { peer, reason: DisconnectReason::Full, .. } if *peer == key(3));
        assert!(out.iter().any(is_sent_away));
        let told = sent(&out, Link::Public);
        assert!(matches!(&told[0].1, Control::Redirect(to) if to.directors.len() == 3));
    }
    // Who is here keeps its place until it goes.
    let out = from_public(&mut rig, 1, attach(Role::Primary, &[]));
    assert!(!out.iter().any(|output| matches!(output, Output::Disconnect { .. })));
    assert_eq!(rig.core.stats().public_connections, 3);
}

#[test]
fn who_stands_by_is_told_first_and_not_waited_for() {
    let mut rig = rig(3);
    for n in 1..3 {
        from_public(&mut rig, n, attach(Role::Standby, &[]));
    }
    let out = rig.put(Input::Drain);
    let Output::SendAll { to, message: Control::Move(redirect), .. } = &out[0] else {
        panic!("{out:?}")
    };
    let mut standbys = [key(1), key(2)];
    standbys.sort();
    assert_eq!((&**to, redirect.directors.len()), (&standbys[..], 3));
    assert_eq!(moved(&out).len(), 1);
    down(&mut rig, key(0));
    assert_eq!(drained(&ticks_to(&mut rig, 500)), Some(0));
    assert_eq!(rig.core.stats().standby_connections, 2);
}

#[test]
fn a_director_that_has_nobody_stops_soon() {
    let mut rig = Rig::bare(crate::director::Director::new(
        config(0),
        TestCrypto(director_key(0)),
        Vec::new(),
    ));
    rig.put(Input::Drain);
    assert_eq!(drained(&ticks_to(&mut rig, 500)), Some(0), "before its first block too");
}
