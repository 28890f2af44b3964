//! What directors tell of themselves.

use super::{count, sent, world::*};
use crate::director::{Config, Director, Input, Link, Output, Refusal};
use director_primitives::{Control, PublicKey, SignedHeartbeat};

fn beats(out: &[Output]) -> Vec<(PublicKey, SignedHeartbeat)> {
    let beat = |(to, message)| match message {
        Control::Heartbeat(heartbeat) => Some((to, heartbeat)),
        _ => None,
    };
    sent(out, Link::Mesh).into_iter().filter_map(beat).collect()
}

fn hear(rig: &mut Rig, from: u8, heartbeat: &SignedHeartbeat) {
    let message = Control::Heartbeat(heartbeat.clone());
    rig.put(Input::Control { from: director_key(from).public(), link: Link::Mesh, message });
}

/// A heartbeat of director 0.
fn beat() -> SignedHeartbeat {
    let mut rig = Rig::new(&World::new(3, 2));
    beats(&rig.put(Input::Tick))[0].1.clone()
}

#[test]
fn tells_every_director_how_much_room_it_has() {
    let config = Config { unix_ms_at_start: 1_000_000, ..config(0) };
    let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
    let mut rig = Rig::with(&World::new(3, 2), core);
    rig.now = 50;
    let out = rig.put(Input::Tick);
    let told = beats(&out);
    let to: Vec<_> = told.iter().map(|(to, _)| *to).collect();
    assert_eq!(to.len(), 2);
    let signed = &told[0].1;
    assert!(signed.verify(&genesis()));
    let beat = &signed.heartbeat;
    assert_eq!(beat.director, director_key(0).public());
    assert_eq!((beat.time_ms, beat.finalized), (1_000_050, 100));
    assert_eq!((beat.validators, beat.capacity), (2, 100));
    // Five times a second, however often time goes by.
    let mut count = 0;
    for now in (60..=1_050).step_by(10) {
        rig.now = now;
        count += beats(&rig.put(Input::Tick)).len();
    }
    assert_eq!(count, 10);
}

#[test]
fn who_is_no_director_tells_nothing() {
    let mut rig = Rig::bare(director(0, Vec::new()));
    assert!(beats(&rig.put(Input::Tick)).is_empty());
    let mut without = World::new(3, 2);
    without.directors = vec![1, 2, 3];
    rig.finalize(&without);
    assert!(beats(&rig.put(Input::Tick)).is_empty());
    assert!(beats(&Rig::new(&World::new(1, 2)).put(Input::Tick)).is_empty(), "alone");
}

#[test]
fn only_a_new_heartbeat_of_the_director_itself_counts() {
    let beat = beat();
    let mut rig = Rig::bare(director(1, Vec::new()));
    rig.finalize(&World::new(3, 2));
    hear(&mut rig, 2, &beat);
    assert_eq!(count(&rig, Refusal::BadHeartbeat), 1, "another's");
    let mut forged = beat.clone();
    forged.heartbeat.validators += 1;
    hear(&mut rig, 0, &forged);
    assert_eq!(count(&rig, Refusal::BadHeartbeat), 2);
    hear(&mut rig, 0, &beat);
    assert_eq!(rig.core.stats().heartbeats_heard, 1);
    hear(&mut rig, 0, &beat);
    assert_eq!(count(&rig, Refusal::BadHeartbeat), 3, "replayed");
    // A removed director is not heard.
    let mut without = World::new(3, 2).at(101);
    without.directors = vec![1, 2, 3];
    rig.finalize(&without);
    hear(&mut rig, 0, &beat);
    assert_eq!((rig.core.stats().heartbeats_heard, count(&rig, Refusal::NotADirector)), (1, 1));
}

#[test]
fn a_director_whose_clock_is_set_back_is_heard() {
    let mut rig = Rig::bare(director(1, Vec::new()));
    rig.finalize(&World::new(3, 2));
    for unix_ms_at_start in [1_000_000, 400_000] {
        let config = Config { unix_ms_at_start, ..config(0) };
        let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
        let mut other = Rig::with(&World::new(3, 2), core);
        hear(&mut rig, 0, &beats(&other.put(Input::Tick))[0].1);
    }
    assert_eq!(rig.core.stats().heartbeats_heard, 2);
    assert_eq!(count(&rig, Refusal::BadHeartbeat), 0);
}
