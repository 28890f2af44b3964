//! What directors tell each other that they have.

use super::{from_mesh, sent, tick_at, ticks_to, vector, vectors, world::*};
use crate::{
    director::{Director, Input, Link, Output},
    repair::Claims,
};
use director_primitives::{
    Control, H256, Heartbeat, PublicKey, SignedHeartbeat, VectorEntry, VectorSummary,
    runtime_api::ValidatorStatus, test_utils::TestKey,
};

fn key(n: u8) -> PublicKey {
    director_key(n).public()
}

/// What director 0 says in its heartbeats to another one, in order.
fn summaries(out: &[Output], who: u8) -> Vec<VectorSummary> {
    let summary = |(to, message)| match message {
        Control::Heartbeat(signed) if to == key(who) => Some(signed.heartbeat.vector),
        _ => None,
    };
    sent(out, Link::Mesh).into_iter().filter_map(summary).collect()
}

/// Takes what a director is told, as it is told; `false` if a hash differs.
fn follow(claims: &mut Claims, out: &[Output], who: u8) -> bool {
    for (to, message) in sent(out, Link::Mesh) {
        match message {
            _ if to != key(who) => {}
            Control::Vector(vector) => claims.take(&vector.entries),
            Control::Heartbeat(SignedHeartbeat { heartbeat, .. }) => match heartbeat.vector {
                VectorSummary::Delta(entries) => claims.take(&entries),
                VectorSummary::Hash(hash) if hash != claims.hash() => return false,
                VectorSummary::Hash(_) => {}
            },
            _ => {}
        }
    }
    true
}

fn beat(rig: &mut Rig, n: u8, time_ms: u64, vector: VectorSummary) -> Vec<Output> {
    let director: TestKey = director_key(n);
    let heartbeat = Heartbeat {
        director: director.public(),
        time_ms,
        validators: 0,
        capacity: 10,
        cpu_permille: 0,
        bandwidth_bytes_per_s: 0,
        finalized: 100,
        vector,
    };
    let signature = director.sign(&genesis(), &heartbeat);
    from_mesh(rig, n, Control::Heartbeat(SignedHeartbeat { heartbeat, signature }))
}

fn requests(out: &[Output]) -> usize {
    let is_request = |(_, message): &(PublicKey, Control)| *message == Control::VectorRequest;
    sent(out, Link::Mesh).into_iter().filter(is_request).count()
}

#[test]
fn what_changes_is_told_with_the_heartbeats_and_every_tenth_has_the_hash() {
    let mut rig = Rig::new(&World::new(3, 2));
    let mut claims = Claims::default();
    let mut told = Vec::new();
    for seq in 1..=40 {
        rig.frames(vec![from_validator(0, &message(0, seq, b"words"))]);
        let out = tick_at(&mut rig, seq * 200);
        assert!(follow(&mut claims, &out, 1), "the hash is of what was told");
        told.extend(summaries(&out, 1));
        assert_eq!(claims.get(&validator_key(0).public()).unwrap().contiguous, [0, 0, seq, 0]);
    }
    let is_hash = |summary: &VectorSummary| matches!(summary, VectorSummary::Hash(_));
    let at: Vec<_> = (1..=40).filter(|at| is_hash(&told[at - 1])).collect();
    assert_eq!(at, [10, 20, 30, 40]);
    // While nothing changes, nothing is told.
    let out = ticks_to(&mut rig, 8_400);
    assert_eq!(summaries(&out, 2), vec![VectorSummary::Delta(Vec::new()); 2]);
}

#[test]
fn whoever_connects_is_told_all_of_it() {
    let mut rig = Rig::new(&World::new(3, 2));
    for n in 0..2 {
        rig.frames(vec![from_validator(n, &message(n, 1, b"words"))]);
    }
    ticks_to(&mut rig, 400);
    rig.put(Input::Down { peer: key(1), link: Link::Mesh });
    let out = rig.put(Input::Up { peer: key(1), link: Link::Mesh });
    let told = vectors(&out, &key(1));
    assert_eq!((told.len(), told[0].entries.len(), told[0].complete), (1, 2, true));
    let mut claims = Claims::default();
    assert!(follow(&mut claims, &out, 1));
    rig.frames(vec![from_validator(0, &message(0, 2, b"words"))]);
    assert!(follow(&mut claims, &ticks_to(&mut rig, 5_000), 1));
    // Upon request too, but not without end.
    let told = (0..100)
        .filter(|_| !vectors(&from_mesh(&mut rig, 2, Control::VectorRequest), &key(2)).is_empty());
    assert_eq!(told.count(), 8);
}

#[test]
fn a_hash_that_differs_makes_it_ask_for_all_of_it_now_and_then() {
    let mut rig = Rig::new(&World::new(3, 2));
    assert_eq!(requests(&beat(&mut rig, 1, 1, VectorSummary::Hash(Claims::default().hash()))), 0);
    let wrong = VectorSummary::Hash(H256::repeat_byte(1));
    let mut at = Vec::new();
    for time in (0..30_000).step_by(500) {
        rig.now = time;
        if requests(&beat(&mut rig, 1, time + 2, wrong.clone())) > 0 {
            at.push(time);
        }
    }
    // Each time that it does not help it waits longer.
    assert_eq!(at, [0, 2_000, 6_000, 14_000]);
    assert_eq!(rig.core.stats().vectors_mismatched, 60);
    // When it has helped, it begins anew.
    from_mesh(&mut rig, 1, vector(&[(0, 5)], true));
    let mut claims = Claims::default();
    let entry =
        VectorEntry { origin: validator_key(0).public(), epoch: 1, contiguous: [0, 0, 5, 0] };
    claims.take(&[entry]);
    rig.now = 30_000;
    assert_eq!(requests(&beat(&mut rig, 1, 30_002, VectorSummary::Hash(claims.hash()))), 0);
    rig.now = 30_500;
    assert_eq!(requests(&beat(&mut rig, 1, 30_502, wrong.clone())), 1);
    assert_eq!(rig.core.stats().vectors_mismatched, 61);
}

#[test]
fn two_directors_agree_though_their_chains_are_not_at_the_same_block() {
    let (before, after) = (World::new(3, 2), World::new(3, 3).at(101));
    let mut ahead = Rig::new(&after);
    ahead.frames(vec![from_validator(2, &message(2, 1, b"words"))]);
    let mut behind = Rig::bare(director(1, Vec::new()));
    behind.finalize(&before);
    behind.put(Input::Up { peer: key(0), link: Link::Mesh });
    let mut asked = 0;
    for now in (200..=10_000).step_by(200) {
        if now == 5_000 {
            behind.finalize(&after);
        }
        behind.now = now;
        for (to, message) in sent(&tick_at(&mut ahead, now), Link::Mesh) {
            if to == key(1) {
                for (_, answer) in sent(&from_mesh(&mut behind, 0, message), Link::Mesh) {
                    asked += u64::from(answer == Control::VectorRequest);
                    for (_, vector) in sent(&from_mesh(&mut ahead, 1, answer), Link::Mesh) {
                        from_mesh(&mut behind, 0, vector);
                    }
                }
            }
        }
    }
    assert!((1..=3).contains(&asked), "{asked}");
    let mismatched = behind.core.stats().vectors_mismatched;
    assert!((1..=4).contains(&mismatched), "then they agree: {mismatched}");
}

#[test]
fn origins_that_are_gone_are_told_of_no_more() {
    let mut rig = Rig::new(&World::new(3, 2));
    for n in 0..2 {
        rig.frames(vec![from_validator(n, &message(n, 1, b"words"))]);
    }
    ticks_to(&mut rig, 200);
    rig.finalize(&World::new(3, 1).at(101));
    let told = vectors(&from_mesh(&mut rig, 1, Control::VectorRequest), &key(1));
    let origins: Vec<_> = told[0].entries.iter().map(|entry| entry.origin).collect();
    assert_eq!(origins, [validator_key(0).public()]);
}

#[test]
fn of_those_who_may_not_speak_nothing_is_asked_until_they_may() {
    let world = World::new(3, 2).status(1, ValidatorStatus::Candidate);
    let mut rig = Rig::with(&world, director(0, Vec::new()));
    from_mesh(&mut rig, 1, vector(&[(1, 3)], true));
    from_mesh(&mut rig, 2, vector(&[], true));
    assert!(super::asked(&ticks_to(&mut rig, 500)).is_empty());
    assert!(rig.core.is_ready(), "and it is not waited for");
    rig.finalize(&World::new(3, 2).at(101));
    let asked = super::asked(&ticks_to(&mut rig, 1_000));
    assert_eq!(asked, vec![(key(1), vec![super::range(1, 1, 3)])]);
}

#[test]
fn a_core_that_is_no_director_tells_nobody() {
    let mut without = World::new(3, 2);
    without.directors = vec![1, 2, 3];
    let mut rig = Rig::bare(Director::new(config(0), TestCrypto(director_key(0)), Vec::new()));
    rig.finalize(&without);
    rig.put(Input::Up { peer: key(1), link: Link::Mesh });
    assert!(ticks_to(&mut rig, 1_000).is_empty());
    assert!(!rig.core.is_ready());
}
