//! Who finds room, and where the others are sent.

use super::{sent, world::*};
use crate::director::{DisconnectReason, Input, Link, Output};
use director_primitives::{
    Attach, Control, Heartbeat, PublicKey, Role, SignedHeartbeat, VectorSummary,
    runtime_api::ValidatorStatus,
};

fn redirected(out: &[Output]) -> Vec<(PublicKey, Vec<PublicKey>)> {
    let redirect = |(to, message)| match message {
        Control::Redirect(redirect) => Some((to, redirect.directors.into_inner())),
        _ => None,
    };
    let told: Vec<_> = sent(out, Link::Public).into_iter().filter_map(redirect).collect();
    told
}

/// The same, of those that have to go.
fn sent_away(out: &[Output]) -> Vec<(PublicKey, Vec<PublicKey>)> {
    let full = |output: &&Output| {
        matches!(output, Output::Disconnect { reason: DisconnectReason::Full, .. })
    };
    let told = redirected(out);
    assert_eq!(out.iter().filter(full).count(), told.len(), "whoever is sent away has to go");
    told
}

fn up(rig: &mut Rig, n: u8) -> Vec<Output> {
    rig.put(Input::Up { peer: validator_key(n).public(), link: Link::Public })
}

fn attach(rig: &mut Rig, n: u8, role: Role) -> Vec<Output> {
    let message = Control::Attach(Attach { role, vector: Default::default() });
    rig.put(Input::Control { from: validator_key(n).public(), link: Link::Public, message })
}

fn is_welcomed(out: &[Output], n: u8) -> bool {
    sent(out, Link::Public).into_iter().any(|(to, message)| {
        to == validator_key(n).public() && matches!(message, Control::Welcome(_))
    })
}

/// Who gets what validator `n` says.
fn hearers(rig: &mut Rig, n: u8, seq: u64) -> Vec<PublicKey> {
    let out = rig.frames(vec![from_validator(n, &message(n, seq, b"hear"))]);
    relayed(&out)[0].1.clone()
}

fn beat(rig: &mut Rig, n: u8, time_ms: u64, validators: u32, capacity: u32) {
    let director = director_key(n).public();
    let heartbeat = Heartbeat {
        director,
        time_ms,
        validators,
        capacity,
        cpu_permille: 0,
        bandwidth_bytes_per_s: 0,
        finalized: 100,
        vector: VectorSummary::Delta(Vec::new()),
    };
    let signature = director_key(n).sign(&genesis(), &heartbeat);
    let message = Control::Heartbeat(SignedHeartbeat { heartbeat, signature });
    rig.put(Input::Control { from: director, link: Link::Mesh, message });
}

/// Room for two, with nobody there yet.
fn rig(world: &World) -> Rig {
    let mut world = world.clone();
    world.capacity = 2;
    let mut rig = Rig::bare(director(0, Vec::new()));
    rig.finalize(&world);
    for n in 1..4 {
        rig.put(Input::Up { peer: director_key(n).public(), link: Link::Mesh });
    }
    rig
}

#[test]
fn whoever_finds_no_room_is_told_where_there_is_some() {
    let mut rig = rig(&World::new(4, 4));
    beat(&mut rig, 1, 1, 9, 10);
    beat(&mut rig, 2, 1, 1, 10);
    beat(&mut rig, 3, 1, 10, 10);
    assert!(sent_away(&up(&mut rig, 0)).is_empty());
    assert!(sent_away(&up(&mut rig, 1)).is_empty());
    let roomy = [2, 1].map(|n| director_key(n).public()).to_vec();
    let out = up(&mut rig, 2);
    assert!(is_welcomed(&out, 2) && sent_away(&out).is_empty(), "it may want to stand by");
    let out = attach(&mut rig, 2, Role::Primary);
    assert_eq!(sent_away(&out), vec![(validator_key(2).public(), roomy)]);
    assert_eq!(sent(&out, Link::Public).len(), 1, "nothing else");
    assert_eq!(rig.core.stats().public_connections, 2);
    // Whoever is here already comes back to its own place.
    assert!(sent_away(&up(&mut rig, 0)).is_empty());
    assert!(sent_away(&attach(&mut rig, 0, Role::Primary)).is_empty());
    rig.put(Input::Down { peer: validator_key(0).public(), link: Link::Public });
    up(&mut rig, 2);
    assert!(sent_away(&attach(&mut rig, 2, Role::Primary)).is_empty(), "a place is free");
}

#[test]
fn a_guest_that_says_nothing_goes_after_a_while() {
    let mut rig = rig(&World::new(4, 4));
    for n in 0..4 {
        up(&mut rig, n);
    }
    assert_eq!(rig.core.stats().public_connections, 4);
    let (here, guest) = (validator_key(1).public(), validator_key(2).public());
    let hear = hearers(&mut rig, 0, 1);
    assert!(hear.contains(&here) && !hear.contains(&guest), "nothing is relayed to a guest");
    assert!(hearers(&mut rig, 2, 1).contains(&here), "what it says is");
    rig.now = 1_999;
    assert!(sent_away(&rig.put(Input::Tick)).is_empty());
    rig.now = 2_000;
    let gone: Vec<_> = sent_away(&rig.put(Input::Tick)).into_iter().map(|(who, _)| who).collect();
    let mut guests = [2, 3].map(|n| validator_key(n).public());
    guests.sort();
    assert_eq!(gone, guests);
    assert_eq!(rig.core.stats().public_connections, 2);
    // Whoever finds a place by then stays.
    up(&mut rig, 2);
    rig.put(Input::Down { peer: here, link: Link::Public });
    rig.now = 4_000;
    assert!(sent_away(&rig.put(Input::Tick)).is_empty());
    assert!(hearers(&mut rig, 0, 2).contains(&guest), "as if it had asked for it");
}

#[test]
fn as_many_again_may_stand_by() {
    let mut rig = rig(&World::new(4, 6));
    for n in 0..2 {
        up(&mut rig, n);
    }
    for n in 2..5 {
        up(&mut rig, n);
    }
    for n in 2..4 {
        assert!(redirected(&attach(&mut rig, n, Role::Standby)).is_empty());
    }
    let full = attach(&mut rig, 4, Role::Standby);
    assert_eq!(sent_away(&full)[0].0, validator_key(4).public());
    let stats = rig.core.stats();
    assert_eq!((stats.public_connections, stats.standby_connections), (2, 2));
    let hear = hearers(&mut rig, 0, 1);
    assert!(!hear.contains(&validator_key(2).public()), "it only stands by");

    // It stays where it is if there is no room for more.
    let out = attach(&mut rig, 2, Role::Primary);
    assert_eq!(redirected(&out)[0].0, validator_key(2).public());
    let goes = out.iter().any(|output| matches!(output, Output::Disconnect { .. }));
    assert!(!goes && rig.core.stats().standby_connections == 2);
    // And when there is, it has it at once.
    rig.put(Input::Down { peer: validator_key(1).public(), link: Link::Public });
    assert!(redirected(&attach(&mut rig, 2, Role::Primary)).is_empty());
    assert!(hearers(&mut rig, 0, 2).contains(&validator_key(2).public()));
    // The other way round too.
    attach(&mut rig, 2, Role::Standby);
    assert!(!hearers(&mut rig, 0, 3).contains(&validator_key(2).public()));
}

#[test]
fn what_was_said_long_ago_says_nothing() {
    let mut rig = rig(&World::new(4, 4));
    beat(&mut rig, 1, 1, 0, 10);
    up(&mut rig, 0);
    up(&mut rig, 1);
    rig.now = 5_000;
    up(&mut rig, 2);
    assert_eq!(sent_away(&attach(&mut rig, 2, Role::Primary))[0].1.len(), 1);
    rig.now = 5_001;
    up(&mut rig, 2);
    let out = attach(&mut rig, 2, Role::Primary);
    assert_eq!(sent_away(&out), vec![(validator_key(2).public(), vec![])]);
}

#[test]
fn a_candidate_makes_room_for_who_may_speak() {
    let world = World::new(4, 4)
        .status(0, ValidatorStatus::Candidate)
        .status(3, ValidatorStatus::Candidate);
    let mut rig = rig(&world);
    up(&mut rig, 0);
    up(&mut rig, 1);
    let leaves = validator_key(0).public();
    assert!(is_welcomed(&up(&mut rig, 2), 2));
    let out = attach(&mut rig, 2, Role::Primary);
    assert_eq!(sent_away(&out).into_iter().map(|(who, _)| who).collect::<Vec<_>>(), vec![leaves]);
    assert_eq!(rig.core.stats().public_connections, 2);
    assert!(hearers(&mut rig, 1, 1).contains(&validator_key(2).public()));
    // The other way round it is not: who asks to be let in wants a seat.
    up(&mut rig, 3);
    let message = Control::AuthorizationRequest(application(request(3, 100)));
    let from = validator_key(3).public();
    let out = rig.put(Input::Control { from, link: Link::Public, message });
    assert_eq!(sent_away(&out)[0].0, from);
    assert_eq!(rig.core.stats().requests, 0);
}
