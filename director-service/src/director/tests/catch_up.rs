//! When a director that has started is ready.

use super::{asked, fetch, from_mesh, range, tick_at, ticks_to, vector, vectors, world::*};
use crate::director::{Input, Link};
use director_primitives::{Control, Fetched, Served};

/// Director 0 with the others at this world, of whom none is connected.
fn alone(world: &World) -> Rig {
    let mut rig = Rig::bare(director(0, Vec::new()));
    rig.finalize(world);
    rig
}

fn up(rig: &mut Rig, n: u8) {
    rig.put(Input::Up { peer: director_key(n).public(), link: Link::Mesh });
}

#[test]
fn who_is_alone_on_the_chain_is_ready_at_once() {
    let rig = Rig::bare(director(0, Vec::new()));
    assert!(!rig.core.is_ready(), "nothing is known yet");
    assert!(alone(&World::new(1, 2)).core.is_ready());
}

#[test]
fn who_finds_nobody_is_ready_after_a_while() {
    let mut rig = alone(&World::new(3, 2));
    ticks_to(&mut rig, 1_950);
    assert!(!rig.core.is_ready());
    // A connection begins it anew.
    up(&mut rig, 1);
    tick_at(&mut rig, 2_000);
    rig.put(Input::Down { peer: director_key(1).public(), link: Link::Mesh });
    ticks_to(&mut rig, 4_000);
    assert!(!rig.core.is_ready());
    ticks_to(&mut rig, 4_100);
    assert!(rig.core.is_ready());
    up(&mut rig, 1);
    from_mesh(&mut rig, 1, vector(&[(0, 9)], true));
    ticks_to(&mut rig, 5_000);
    assert!(rig.core.is_ready(), "it stays so");
}

#[test]
fn who_starts_together_with_the_others_is_ready_at_once() {
    let mut rig = alone(&World::new(3, 2));
    up(&mut rig, 1);
    up(&mut rig, 2);
    tick_at(&mut rig, 50);
    assert!(!rig.core.is_ready());
    from_mesh(&mut rig, 1, vector(&[], true));
    tick_at(&mut rig, 100);
    assert!(!rig.core.is_ready(), "one may lie, or know as little");
    from_mesh(&mut rig, 2, vector(&[], true));
    tick_at(&mut rig, 150);
    assert!(rig.core.is_ready());
}

#[test]
fn one_word_is_enough_if_nobody_else_comes() {
    let mut rig = alone(&World::new(3, 2));
    up(&mut rig, 1);
    from_mesh(&mut rig, 1, vector(&[], true));
    ticks_to(&mut rig, 1_900);
    assert!(!rig.core.is_ready());
    ticks_to(&mut rig, 2_100);
    assert!(rig.core.is_ready());
}

#[test]
fn who_has_missed_something_is_ready_when_it_is_there() {
    let mut rig = alone(&World::new(2, 2));
    up(&mut rig, 1);
    from_mesh(&mut rig, 1, vector(&[(0, 3)], false));
    from_mesh(&mut rig, 1, vector(&[(1, 2)], true));
    let asked = asked(&tick_at(&mut rig, 100));
    assert_eq!(asked.len(), 1);
    assert!(asked[0].1.contains(&range(0, 1, 3)) && asked[0].1.contains(&range(1, 1, 2)));
    // The first is gone, the rest comes.
    let served = [
        Served { range: asked[0].1[0], gone_to: 0, served_to: asked[0].1[0].last },
        Served { range: asked[0].1[1], gone_to: 0, served_to: asked[0].1[1].last },
    ];
    let fetched = Fetched { ranges: served.to_vec().try_into().unwrap() };
    from_mesh(&mut rig, 1, Control::Fetched(fetched));
    tick_at(&mut rig, 150);
    assert!(!rig.core.is_ready(), "the answer is not the thing");
    for (n, seq) in [(0, 1), (0, 2), (0, 3), (1, 1)] {
        rig.frames(vec![from_director(1, &message(n, seq, b"words"))]);
    }
    tick_at(&mut rig, 200);
    assert!(!rig.core.is_ready());
    rig.frames(vec![from_director(1, &message(1, 2, b"words"))]);
    tick_at(&mut rig, 250);
    assert!(rig.core.is_ready());
    assert_eq!(rig.core.stats().repaired, 5);
}

#[test]
fn what_is_gone_is_not_waited_for() {
    let mut rig = alone(&World::new(2, 2));
    up(&mut rig, 1);
    from_mesh(&mut rig, 1, vector(&[(0, 1_000_000)], true));
    let asked = asked(&tick_at(&mut rig, 100));
    let served = Served { range: asked[0].1[0], gone_to: 1_000_000, served_to: asked[0].1[0].last };
    let fetched = Fetched { ranges: vec![served].try_into().unwrap() };
    from_mesh(&mut rig, 1, Control::Fetched(fetched));
    tick_at(&mut rig, 150);
    assert!(rig.core.is_ready());
}

#[test]
fn who_claims_and_does_not_send_is_not_waited_for_without_end() {
    let mut rig = alone(&World::new(3, 2));
    up(&mut rig, 1);
    from_mesh(&mut rig, 1, vector(&[(0, u64::MAX)], true));
    ticks_to(&mut rig, 29_900);
    assert!(!rig.core.is_ready());
    ticks_to(&mut rig, 30_100);
    assert!(rig.core.is_ready());
    // An honest one settles it sooner.
    let mut rig = alone(&World::new(3, 2));
    up(&mut rig, 1);
    up(&mut rig, 2);
    from_mesh(&mut rig, 1, vector(&[(0, u64::MAX)], true));
    from_mesh(&mut rig, 2, vector(&[], true));
    tick_at(&mut rig, 100);
    assert!(!rig.core.is_ready());
    ticks_to(&mut rig, 2_100);
    assert!(rig.core.is_ready());
}

#[test]
fn it_counts_from_when_the_chain_has_it() {
    let mut without = World::new(3, 2);
    without.directors = vec![1, 2];
    let mut rig = alone(&without);
    ticks_to(&mut rig, 60_000);
    assert!(!rig.core.is_ready());
    rig.finalize(&World::new(3, 2).at(101));
    ticks_to(&mut rig, 61_000);
    assert!(!rig.core.is_ready());
    ticks_to(&mut rig, 63_000);
    assert!(rig.core.is_ready());
}

#[test]
fn it_serves_others_meanwhile() {
    let mut rig = alone(&World::new(3, 2));
    up(&mut rig, 1);
    from_mesh(&mut rig, 1, vector(&[(0, 5)], true));
    rig.put(Input::Up { peer: validator_key(1).public(), link: Link::Public });
    let out = rig.frames(vec![from_validator(1, &message(1, 1, b"words"))]);
    assert_eq!(relayed(&out).len(), 1);
    let out = from_mesh(&mut rig, 1, fetch(&[range(1, 1, 1)]));
    assert_eq!(super::replayed(&out).len(), 1);
    assert_eq!(
        vectors(&from_mesh(&mut rig, 1, Control::VectorRequest), &director_key(1).public()).len(),
        1
    );
}
