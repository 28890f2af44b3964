//! A director that says that it has what it has not, asks without end, or answers nonsense.

use super::{
    asked, count, fetch, from_mesh, range, replayed, served, tick_at, ticks_to, vector, world::*,
};
use crate::director::{Config, Director, Output, Refusal};
use director_primitives::{
    Control, Fetched, Served, Vector, VectorEntry, VectorSummary,
    repair::{MAX_RANGES, MAX_VECTOR_ENTRIES},
};

/// The director that lies.
const LIAR: u8 = 2;

fn claim(entries: Vec<VectorEntry>) -> Control {
    let entries = entries.try_into().unwrap();
    Control::Vector(Vector { entries, complete: true })
}

fn entry(n: u8, epoch: u64, number: u64) -> VectorEntry {
    VectorEntry { origin: validator_key(n).public(), epoch, contiguous: [number; 4] }
}

#[test]
fn huge_numbers_make_it_ask_the_liar_and_nobody_else_and_give_up_nothing() {
    let mut rig = Rig::new(&World::new(3, 3));
    for seq in 1..=3 {
        rig.frames(vec![from_director(1, &message(0, seq, b"words"))]);
    }
    from_mesh(&mut rig, LIAR, claim((0..3).map(|n| entry(n, 1, u64::MAX)).collect()));
    let out = ticks_to(&mut rig, 60_000);
    let questions = asked(&out);
    assert!(questions.iter().all(|(to, _)| *to == director_key(LIAR).public()));
    assert!(questions.len() < 100, "{}", questions.len());
    assert_eq!(rig.core.stats().given_up, 0);
    // What is said goes on as before.
    let out = rig.frames(vec![from_director(1, &message(0, 4, b"words"))]);
    assert_eq!(relayed(&out)[0].1.len(), 3, "the liar, and two validators");
}

#[test]
fn huge_epochs_are_not_believed_and_likely_ones_change_nothing() {
    let config = Config { max_epoch_jump: 1_000, ..config(0) };
    let core = Director::new(config, TestCrypto(director_key(0)), Vec::new());
    let mut rig = Rig::with(&World::new(3, 3), core);
    rig.frames(vec![from_director(1, &message(0, 1, b"words"))]);
    from_mesh(&mut rig, LIAR, claim(vec![entry(0, 1_002, 9), entry(1, u64::MAX, 9)]));
    assert!(asked(&ticks_to(&mut rig, 1_000)).is_empty());
    from_mesh(&mut rig, LIAR, claim(vec![entry(0, 1_001, 9)]));
    assert!(!asked(&ticks_to(&mut rig, 2_000)).is_empty());
    assert_eq!(relayed(&rig.frames(vec![from_director(1, &message(0, 2, b"words"))])).len(), 1);
    // An epoch after the other leaves nothing behind.
    for epoch in 2..1_000 {
        from_mesh(&mut rig, LIAR, claim(vec![entry(0, epoch, 9), entry(1, epoch, 9)]));
    }
    ticks_to(&mut rig, 3_000);
    assert!(rig.core.stats().behind <= 8, "{}", rig.core.stats().behind);
}

#[test]
fn strangers_are_not_kept_and_a_flood_of_claims_is_not_looked_at() {
    let mut rig = Rig::new(&World::new(3, 3));
    let stranger = |n: u32| {
        let mut origin = [0xee; 32];
        origin[..4].copy_from_slice(&n.to_le_bytes());
        VectorEntry { origin: director_primitives::PublicKey::from_raw(origin), ..entry(0, 1, 9) }
    };
    let strangers: Vec<_> = (0..MAX_VECTOR_ENTRIES).map(stranger).collect();
    for _ in 0..100 {
        from_mesh(&mut rig, LIAR, claim(strangers.clone()));
    }
    assert!(asked(&ticks_to(&mut rig, 500)).is_empty());
    // 32,000 entries at once: 21 of those.
    assert_eq!(count(&rig, Refusal::RateLimited), 79);
    from_mesh(&mut rig, 1, vector(&[(0, 2)], true));
    assert_eq!(asked(&ticks_to(&mut rig, 1_000)).len(), 1, "others are heard");
}

#[test]
fn a_flood_of_questions_is_not_answered() {
    let mut rig = Rig::new(&World::new(3, 3));
    for seq in 1..=5 {
        rig.frames(vec![from_validator(0, &message(0, seq, b"words"))]);
    }
    let greedy = fetch(&vec![range(0, 1, u64::MAX); MAX_RANGES as usize]);
    let answered = |rig: &mut Rig, n| {
        let out = from_mesh(rig, n, greedy.clone());
        let bytes: usize =
            replayed(&out).iter().flat_map(|(_, frames)| frames).map(|frame| frame.len()).sum();
        assert!(bytes <= 512 * 1024);
        served(&out).is_some()
    };
    assert_eq!((0..1_000).filter(|_| answered(&mut rig, LIAR)).count(), 64);
    assert_eq!(count(&rig, Refusal::RateLimited), 936);
    assert!(answered(&mut rig, 1), "others are");
    rig.now += 500;
    assert_eq!((0..1_000).filter(|_| answered(&mut rig, LIAR)).count(), 32);
}

#[test]
fn bytes_are_bounded_too() {
    let mut rig = Rig::new(&World::new(3, 3));
    for seq in 1..=8 {
        rig.now += 1_000;
        rig.frames(vec![from_validator(0, &message(0, seq, &vec![7; 512_000]))]);
    }
    let sent: usize = (0..64)
        .flat_map(|_| replayed(&from_mesh(&mut rig, LIAR, fetch(&[range(0, 1, 8)]))))
        .flat_map(|(_, frames)| frames)
        .map(|frame| frame.len())
        .sum();
    assert!((15 << 20..=16 << 20).contains(&sent), "{sent}");
}

#[test]
fn false_answers_lose_nothing() {
    let mut rig = Rig::new(&World::new(3, 3));
    for seq in [1, 4] {
        rig.frames(vec![from_director(1, &message(0, seq, b"words"))]);
    }
    let said = |gone_to, served_to| {
        let served = Served { range: range(0, 2, 3), gone_to, served_to };
        Control::Fetched(Fetched { ranges: vec![served].try_into().unwrap() })
    };
    // Nobody asked.
    assert!(from_mesh(&mut rig, LIAR, said(u64::MAX, u64::MAX)).is_empty());
    from_mesh(&mut rig, LIAR, vector(&[(0, 4)], true));
    assert_eq!(asked(&tick_at(&mut rig, 50)).len(), 1);
    // All of it is gone, says the liar; the other one has not said yet what it has.
    from_mesh(&mut rig, LIAR, said(u64::MAX, u64::MAX));
    ticks_to(&mut rig, 3_000);
    assert_eq!(rig.core.stats().given_up, 0);
    from_mesh(&mut rig, 1, vector(&[(0, 4)], true));
    let questions = asked(&tick_at(&mut rig, 3_100));
    assert_eq!(questions, vec![(director_key(1).public(), vec![range(0, 2, 3)])]);
    for seq in [2, 3] {
        let out = rig.frames(vec![from_director(1, &message(0, seq, b"words"))]);
        assert_eq!(relayed(&out).len(), 1);
    }
    tick_at(&mut rig, 3_200);
    assert_eq!((rig.core.stats().given_up, rig.core.stats().behind), (0, 0));
}

#[test]
fn heartbeats_with_false_vectors_are_no_worse() {
    let mut rig = Rig::new(&World::new(3, 3));
    let mut requests = 0;
    for time in 1..=600u64 {
        rig.now = time * 100;
        let heartbeat = director_primitives::Heartbeat {
            director: director_key(LIAR).public(),
            time_ms: time,
            validators: u32::MAX,
            capacity: u32::MAX,
            cpu_permille: u16::MAX,
            bandwidth_bytes_per_s: u64::MAX,
            finalized: u64::MAX,
            vector: match time % 2 {
                0 => VectorSummary::Hash(director_primitives::H256::from_low_u64_be(time)),
                _ => VectorSummary::Delta(vec![entry((time % 5) as u8, 1, u64::MAX - time)]),
            },
        };
        let signature = director_key(LIAR).sign(&genesis(), &heartbeat);
        let signed = director_primitives::SignedHeartbeat { heartbeat, signature };
        let mut out = from_mesh(&mut rig, LIAR, Control::Heartbeat(signed));
        out.extend(tick_at(&mut rig, time * 100));
        let is_request = |output: &&Output| {
            matches!(output, Output::Send { message: Control::VectorRequest, .. })
        };
        requests += out.iter().filter(is_request).count();
    }
    assert!(requests <= 6, "{requests}");
    assert_eq!(rig.core.stats().given_up, 0);
    assert!(relayed(&rig.frames(vec![from_validator(0, &message(0, 1, b"words"))])).len() == 1);
}
