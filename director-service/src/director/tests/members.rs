//! Who may be connected and what it is told.

use super::{sent, world::*};
use crate::director::{DisconnectReason, Input, Link, Output};
use director_primitives::{Control, Priority, PublicKey, Welcome, runtime_api::ValidatorStatus};

fn allowed(out: &[Output]) -> Option<(Vec<PublicKey>, Vec<PublicKey>)> {
    out.iter().find_map(|output| match output {
        Output::Allow { mesh, public } => Some((mesh.clone(), public.clone())),
        _ => None,
    })
}

fn disconnected(out: &[Output]) -> Vec<(PublicKey, DisconnectReason)> {
    let disconnect = |output: &Output| match output {
        Output::Disconnect { peer, reason, .. } => Some((*peer, *reason)),
        _ => None,
    };
    out.iter().filter_map(disconnect).collect()
}

fn sorted(keys: impl IntoIterator<Item = PublicKey>) -> Vec<PublicKey> {
    let mut keys: Vec<_> = keys.into_iter().collect();
    keys.sort();
    keys
}

fn up(rig: &mut Rig, n: u8) -> Vec<Output> {
    rig.put(Input::Up { peer: validator_key(n).public(), link: Link::Public })
}

#[test]
fn allows_directors_validators_and_candidates() {
    let world = World::new(3, 4)
        .status(1, ValidatorStatus::Candidate)
        .status(2, ValidatorStatus::Tombstoned)
        .status(3, ValidatorStatus::Exiting);
    let mut rig = Rig::bare(director(0, Vec::new()));
    let out = rig.finalize(&world);
    let mesh = sorted([1, 2].map(|n| director_key(n).public()));
    let public = sorted([0, 1].map(|n| validator_key(n).public()));
    assert_eq!(allowed(&out), Some((mesh, public)));
    assert_eq!(allowed(&rig.finalize(&world.clone().at(101))), None, "nothing changed");
    assert!(allowed(&rig.finalize(&World::new(3, 4).at(102))).is_some());
    assert_eq!(allowed(&rig.finalize(&world.at(99))), None, "an older block says nothing");
}

#[test]
fn welcomes_with_the_last_epoch() {
    let mut rig = Rig::new(&World::new(3, 2).status(1, ValidatorStatus::Candidate));
    let frame = sign(0, envelope(0, Priority::Normal, 42, 1, b""));
    rig.frames(vec![from_validator(0, &frame)]);
    let welcome = |last_epoch, authorized| Control::Welcome(Welcome { last_epoch, authorized });
    let key = |n| validator_key(n).public();
    assert_eq!(sent(&up(&mut rig, 0), Link::Public), vec![(key(0), welcome(42, true))]);
    assert_eq!(sent(&up(&mut rig, 1), Link::Public), vec![(key(1), welcome(0, false))]);

    // The candidate is told when it is one no more.
    let out = rig.finalize(&World::new(3, 2).at(101));
    assert_eq!(sent(&out, Link::Public), vec![(key(1), welcome(0, true))]);
    assert!(sent(&rig.finalize(&World::new(3, 2).at(102)), Link::Public).is_empty());
}

#[test]
fn disconnects_whoever_is_revoked() {
    let mut rig = Rig::new(&World::new(3, 2));
    let out = rig.finalize(&World::new(3, 2).at(101).status(1, ValidatorStatus::Revoked));
    let key = validator_key(1).public();
    assert_eq!(disconnected(&out), vec![(key, DisconnectReason::NotAllowed)]);
    assert_eq!(rig.core.stats().public_connections, 1);
    assert_eq!(disconnected(&up(&mut rig, 1)), vec![(key, DisconnectReason::NotAllowed)]);
}

#[test]
fn disconnects_a_removed_director() {
    let mut rig = Rig::new(&World::new(3, 2));
    let mut world = World::new(3, 2).at(101);
    world.directors.retain(|n| *n != 2);
    let out = rig.finalize(&world);
    let key = director_key(2).public();
    assert_eq!(disconnected(&out), vec![(key, DisconnectReason::NotADirector)]);
}

#[test]
fn serves_nobody_once_it_is_no_director_itself() {
    let mut rig = Rig::new(&World::new(3, 2));
    let mut world = World::new(3, 2).at(101);
    world.directors.retain(|n| *n != 0);
    let out = rig.finalize(&world);
    assert_eq!(allowed(&out), Some((vec![], vec![])));
    assert_eq!(disconnected(&out).len(), 4);
    assert!(relayed(&rig.frames(vec![from_validator(0, &message(0, 1, b""))]))[0].1.is_empty());
}

#[test]
fn who_connects_before_the_first_block_is_settled_by_it() {
    let mut rig = Rig::bare(director(0, Vec::new()));
    assert!(up(&mut rig, 0).is_empty());
    assert!(up(&mut rig, 9).is_empty());
    let out = rig.finalize(&World::new(3, 2));
    assert_eq!(sent(&out, Link::Public).len(), 1);
    assert_eq!(disconnected(&out).len(), 1);
}
