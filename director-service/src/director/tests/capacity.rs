//! Who finds room, and where the others are sent.

use super::{sent, world::*};
use crate::director::{DisconnectReason, Input, Link, Output};
use director_primitives::{
    Control, Heartbeat, PublicKey, SignedHeartbeat, VectorSummary, runtime_api::ValidatorStatus,
};

fn redirected(out: &[Output]) -> Vec<(PublicKey, Vec<PublicKey>)> {
    let redirect = |(to, message)| match message {
        Control::Redirect(redirect) => Some((to, redirect.directors.into_inner())),
        _ => None,
    };
    let told: Vec<_> = sent(out, Link::Public).into_iter().filter_map(redirect).collect();
    let full = |output: &&Output| {
        matches!(output, Output::Disconnect { reason: DisconnectReason::Full, .. })
    };
    assert_eq!(out.iter().filter(full).count(), told.len(), "whoever is sent away has to go");
    told
}

fn up(rig: &mut Rig, n: u8) -> Vec<Output> {
    rig.put(Input::Up { peer: validator_key(n).public(), link: Link::Public })
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
    assert!(redirected(&up(&mut rig, 0)).is_empty());
    assert!(redirected(&up(&mut rig, 1)).is_empty());
    let roomy = [2, 1].map(|n| director_key(n).public()).to_vec();
    let out = up(&mut rig, 2);
    assert_eq!(redirected(&out), vec![(validator_key(2).public(), roomy)]);
    assert_eq!(sent(&out, Link::Public).len(), 1, "it is not welcomed");
    assert_eq!(rig.core.stats().public_connections, 2);
    // Whoever is here already comes back to its own place.
    assert!(redirected(&up(&mut rig, 0)).is_empty());
    rig.put(Input::Down { peer: validator_key(0).public(), link: Link::Public });
    assert!(redirected(&up(&mut rig, 2)).is_empty(), "a place is free");
}

#[test]
fn what_was_said_long_ago_says_nothing() {
    let mut rig = rig(&World::new(4, 4));
    beat(&mut rig, 1, 1, 0, 10);
    up(&mut rig, 0);
    up(&mut rig, 1);
    rig.now = 5_000;
    assert_eq!(redirected(&up(&mut rig, 2))[0].1.len(), 1);
    rig.now = 5_001;
    assert_eq!(redirected(&up(&mut rig, 2)), vec![(validator_key(2).public(), vec![])]);
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
    let out = up(&mut rig, 2);
    assert_eq!(redirected(&out).into_iter().map(|(who, _)| who).collect::<Vec<_>>(), vec![leaves]);
    let welcomed = sent(&out, Link::Public).into_iter().any(|(to, message)| {
        to == validator_key(2).public() && matches!(message, Control::Welcome(_))
    });
    assert!(welcomed);
    assert_eq!(rig.core.stats().public_connections, 2);
    // The other way round it is not.
    assert_eq!(redirected(&up(&mut rig, 3))[0].0, validator_key(3).public());
}
