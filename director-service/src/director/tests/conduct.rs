//! What a validator may not do, and what an honest one does without harm.

use super::{sent, world::*};
use crate::director::{
    Config, Director, DisconnectReason, Link, Output, Rate, Rates, conduct::Limits,
};
use director_primitives::{Control, Decision, Priority, RevocationReason};

/// The reason of this director's own revocations.
fn revoked_for(out: &[Output]) -> Vec<RevocationReason> {
    let to = director_key(1).public();
    let reason = |(peer, message)| match message {
        Control::DirectorVote(vote) if peer == to => match vote.vote.decision {
            Decision::Revoke(reason) => Some(reason),
            Decision::Approve => None,
        },
        _ => None,
    };
    sent(out, Link::Mesh).into_iter().filter_map(reason).collect()
}

fn is_cut_off(out: &[Output], n: u8) -> bool {
    let key = validator_key(n).public();
    out.iter().any(|output| {
        matches!(output, Output::Disconnect { peer, reason: DisconnectReason::Unwanted, .. }
            if *peer == key)
    })
}

/// A director that takes ten messages a second.
fn strict() -> Rig {
    let rate = Rate { messages_per_s: 10, bytes_per_s: 1 << 20 };
    let rates = Rates { classes: [rate; 4], ..Rates::default() };
    let config = Config { rates, ..config(0) };
    Rig::with(&World::new(3, 2), Director::new(config, TestCrypto(director_key(0)), Vec::new()))
}

/// Validator 0 sends so many messages at once.
fn flood(rig: &mut Rig, from_seq: u64, messages: u64) -> Vec<Output> {
    let batch = (from_seq..from_seq + messages).map(|seq| message(0, seq, b"flood"));
    rig.frames(batch.map(|frame| from_validator(0, &frame)).collect())
}

#[test]
fn limits_broken_again_and_again_revoke() {
    let mut rig = strict();
    let Limits { period_ms, limited_per_period, limited_periods, .. } = Limits::default();
    let too_much = u64::from(limited_per_period) + 10;
    for period in 0..u64::from(limited_periods) {
        let out = flood(&mut rig, 1 + period * too_much, too_much);
        let last = period + 1 == u64::from(limited_periods);
        let expected = if last { vec![RevocationReason::RateLimit] } else { vec![] };
        assert_eq!(revoked_for(&out), expected, "period {period}");
        assert_eq!(is_cut_off(&out, 0), last);
        rig.now += period_ms;
    }
}

#[test]
fn an_outage_is_forgiven() {
    let mut rig = strict();
    let Limits { period_ms, limited_per_period, limited_periods, .. } = Limits::default();
    // Ten thousand at once, as after a long outage; and a little too much all the time.
    assert!(revoked_for(&flood(&mut rig, 1, 10_000)).is_empty());
    let little = u64::from(limited_per_period) - 1;
    for period in 1..50 {
        rig.now = period * period_ms;
        let seq = 20_000 + period * little;
        assert!(revoked_for(&flood(&mut rig, seq, little)).is_empty(), "period {period}");
    }
    // Bad periods that are further apart than twelve never come together.
    for round in 0..u64::from(limited_periods) * 3 {
        rig.now += 3 * period_ms;
        let seq = 100_000 + round * 1_000;
        assert!(revoked_for(&flood(&mut rig, seq, 300)).is_empty(), "round {round}");
    }
}

#[test]
fn wrong_signatures_of_its_own_revoke() {
    let mut rig = Rig::new(&World::new(3, 2));
    let most = Limits::default().forged;
    for n in 1..=u64::from(most) {
        let out = rig.frames(vec![from_validator(0, &forge(&message(0, n, b"?")))]);
        let last = n == u64::from(most);
        let expected = if last { vec![RevocationReason::InvalidSignatures] } else { vec![] };
        assert_eq!(revoked_for(&out), expected, "number {n}");
    }
    // What others hand over says nothing about the origin.
    let mut rig = Rig::new(&World::new(3, 2));
    for n in 1..=5 * u64::from(most) {
        let out = rig.frames(vec![from_director(1, &forge(&message(0, n, b"?")))]);
        assert!(revoked_for(&out).is_empty());
    }
}

#[test]
fn few_wrong_signatures_are_forgotten() {
    let mut rig = Rig::new(&World::new(3, 2));
    let Limits { forged, period_ms, .. } = Limits::default();
    for n in 0..10 * u64::from(forged) {
        // One in each period: at most twelve are remembered.
        rig.now = n * period_ms;
        let out = rig.frames(vec![from_validator(0, &forge(&message(0, n + 1, b"?")))]);
        assert!(revoked_for(&out).is_empty(), "number {n}");
    }
}

#[test]
fn votes_with_wrong_signatures_revoke_who_put_them_into_an_envelope() {
    let mut rig = Rig::new(&World::new(3, 2));
    let mut revoked = Vec::new();
    for n in 0..u64::from(Limits::default().forged) {
        let checkpoint = 5 + n % 10;
        // A first vote, then another one for the same checkpoint with a wrong signature.
        let mut wrong = vote(0, checkpoint, 0xbb);
        wrong.signature = vote(0, checkpoint, 0xcc).signature;
        rig.frames(vec![from_director(1, &vote_frame(0, 1_000 + n, &vote(0, checkpoint, 0xaa)))]);
        revoked.extend(revoked_for(
            &rig.frames(vec![from_director(1, &vote_frame(0, n + 1, &wrong))]),
        ));
    }
    assert_eq!(rig.core.stats().invalid_votes, u64::from(Limits::default().forged));
    assert_eq!(revoked, [RevocationReason::InvalidSignatures]);
}

#[test]
fn two_envelopes_for_one_place_revoke_and_every_director_hears_of_it() {
    let [first, second] = [b"one", b"two"].map(|text| message(0, 1, text));
    let mut rig = Rig::new(&World::new(3, 3));
    rig.frames(vec![from_validator(0, &first)]);
    let out = rig.frames(vec![from_validator(0, &second)]);
    assert_eq!(revoked_for(&out), [RevocationReason::EnvelopeEquivocation]);
    assert!(is_cut_off(&out, 0));
    let peers = [1, 2].map(|n| director_key(n).public());
    let mut passed = relayed(&out);
    assert_eq!(passed.len(), 1);
    passed[0].1.sort();
    let mut expected = peers.to_vec();
    expected.sort();
    assert_eq!(passed[0], (second.clone(), expected), "to directors alone");

    // Another director convicts by itself, in whichever order the two come.
    for pair in [[&first, &second], [&second, &first]] {
        let mut other = Rig::new(&World::new(3, 3));
        let out: Vec<_> =
            pair.iter().flat_map(|frame| other.frames(vec![from_director(1, frame)])).collect();
        let told = |(peer, message)| match message {
            Control::DirectorVote(vote) if peer == peers[1] => Some(vote.vote.decision),
            _ => None,
        };
        let decisions: Vec<_> = sent(&out, Link::Mesh).into_iter().filter_map(told).collect();
        let reason = RevocationReason::EnvelopeEquivocation;
        assert_eq!(decisions, [Decision::Revoke(reason)]);
    }
    // More of them are passed on to nobody.
    for n in 0..10u8 {
        let third = message(0, 1, &[n]);
        assert!(relayed(&rig.frames(vec![from_director(1, &third)])).is_empty());
    }
}

#[test]
fn a_new_epoch_is_no_second_envelope() {
    let mut rig = Rig::new(&World::new(3, 2));
    for epoch in [1, 2, 3] {
        let frame = sign(0, envelope(0, Priority::Normal, epoch, 1, &epoch.to_le_bytes()));
        let out = rig.frames(vec![from_validator(0, &frame)]);
        assert!(revoked_for(&out).is_empty());
        assert_eq!(relayed(&out).len(), 1);
    }
}
