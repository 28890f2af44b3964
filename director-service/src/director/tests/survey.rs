//! What the core tells people of checkpoints, and when it counts a certificate.

use super::{from_mesh, tick_at, ticks_to, world::*};
use crate::director::{Input, Seated};
use director_primitives::{
    Attach, Control, Heartbeat, Role, SignedHeartbeat, VectorSummary, runtime_api::ValidatorStatus,
};

/// Validator `n` votes for checkpoint 10, and time goes by.
fn vote_at(rig: &mut Rig, n: u8, hash: u8, now: u64) {
    rig.now = now;
    rig.frames(vec![from_validator(n, &vote_frame(n, 1, &vote(n, 10, hash)))]);
    tick_at(rig, now);
}

#[test]
fn a_certificate_is_counted_once_and_timed_from_the_first_vote() {
    let mut rig = Rig::new(&World::new(3, 7));
    for n in 0..4 {
        vote_at(&mut rig, n, 1, 100 + u64::from(n) * 50);
    }
    assert_eq!(rig.core.stats().certificates, 0, "four of seven are not more than two thirds");
    let survey = rig.core.survey(300);
    let [checkpoint] = &survey.checkpoints[..] else { panic!("{survey:?}") };
    assert_eq!((checkpoint.needed, checkpoint.certified), (5, false));
    assert_eq!(checkpoint.begun_ms_ago, Some(200));

    vote_at(&mut rig, 4, 1, 350);
    vote_at(&mut rig, 5, 1, 400);
    let stats = *rig.core.stats();
    assert_eq!((stats.certificates, stats.certified, stats.certificate_ms_sum), (1, 10, 250));
    assert_eq!(stats.certificate_ms[3], 1, "more than 200 ms and at most 400");
    let checkpoint = rig.core.survey(500).checkpoints.remove(0);
    assert_eq!((checkpoint.certified, checkpoint.certified_after_ms), (true, Some(250)));
    assert_eq!(checkpoint.blocks[0].1, 6);
}

#[test]
fn a_certificate_keeps_its_votes_when_validators_leave_and_come() {
    let mut rig = Rig::new(&World::new(3, 7));
    let counted = |rig: &Rig| {
        let checkpoint = rig.core.survey(500).checkpoints.remove(0);
        let votes: u32 = checkpoint.blocks.iter().map(|(_, votes)| votes).sum();
        assert!(votes <= checkpoint.voters, "{checkpoint:?}");
        assert!(!checkpoint.certified || votes >= checkpoint.needed, "{checkpoint:?}");
        (votes, checkpoint.needed, checkpoint.voters, checkpoint.certified)
    };
    for n in 0..4 {
        vote_at(&mut rig, n, 1, 100);
    }
    assert_eq!(counted(&rig), (4, 5, 7, false));
    // Of what is not complete only those count who may still vote.
    rig.finalize(&World::new(3, 7).at(101).status(0, ValidatorStatus::Exiting));
    assert_eq!(counted(&rig), (3, 5, 6, false));
    rig.finalize(&World::new(3, 7).at(102));
    vote_at(&mut rig, 4, 1, 200);
    assert_eq!(counted(&rig), (5, 5, 7, true));
    let fewer = World::new(3, 7).at(103).status(0, ValidatorStatus::Tombstoned);
    rig.finalize(&fewer.status(1, ValidatorStatus::Exiting));
    assert_eq!(counted(&rig), (5, 5, 7, true));
    // A vote that comes late is one more; who came after it was complete is no voter of it.
    rig.finalize(&World::new(3, 8).at(104));
    vote_at(&mut rig, 5, 1, 300);
    vote_at(&mut rig, 7, 1, 300);
    assert_eq!(counted(&rig), (6, 5, 7, true));
}

#[test]
fn votes_for_different_blocks_make_no_certificate() {
    let mut rig = Rig::new(&World::new(3, 6));
    for n in 0..6 {
        vote_at(&mut rig, n, n % 2 + 1, 100);
    }
    assert_eq!(rig.core.stats().certificates, 0);
    let checkpoint = rig.core.survey(100).checkpoints.remove(0);
    assert_eq!(checkpoint.blocks.iter().map(|(_, votes)| *votes).collect::<Vec<_>>(), [3, 3]);
}

#[test]
fn votes_far_ahead_hide_no_checkpoint() {
    let mut rig = Rig::new(&World::new(3, 3));
    for ahead in 12..22 {
        let seq = ahead - 10;
        rig.frames(vec![from_validator(0, &vote_frame(0, seq, &vote(0, ahead, 1)))]);
    }
    vote_at(&mut rig, 1, 1, 100);
    let survey = rig.core.survey(100);
    assert_eq!(survey.checkpoints.iter().map(|of| of.checkpoint).collect::<Vec<_>>(), [10]);
    assert_eq!(survey.voted.get(&validator_account(1)), Some(&1));
    assert_eq!(survey.voted.get(&validator_account(0)), None);
}

#[test]
fn checkpoints_that_nobody_votes_for_are_told() {
    let mut rig = Rig::new(&World::new(3, 3));
    assert!(rig.core.survey(0).checkpoints.is_empty(), "no chain without votes has them");
    vote_at(&mut rig, 0, 1, 100);
    let listed = |rig: &Rig| {
        let survey = rig.core.survey(100);
        survey.checkpoints.iter().map(|of| (of.checkpoint, of.blocks.len())).collect::<Vec<_>>()
    };
    assert_eq!(listed(&rig), [(10, 1)]);
    // Those who vote for the newest one may be about to.
    rig.finalize(&World::new(3, 3).at(110));
    assert_eq!(listed(&rig), [(10, 1)]);
    rig.finalize(&World::new(3, 3).at(139));
    assert_eq!(listed(&rig), [(12, 0), (11, 0), (10, 1)]);
    // Also when the memory has no vote any more.
    rig.finalize(&World::new(3, 3).at(20_005));
    tick_at(&mut rig, 200);
    assert_eq!(listed(&rig), (1_992..2_000).rev().map(|at| (at, 0)).collect::<Vec<_>>());
}

#[test]
fn what_was_there_before_the_start_is_not_timed() {
    let history = (0..3).map(|n| crate::director::ValidatorVote {
        validator: validator_account(n),
        vote: vote(n, 10, 1),
    });
    let mut rig = Rig::with(&World::new(3, 3), director(0, history.collect()));
    ticks_to(&mut rig, 200);
    assert_eq!(rig.core.stats().certificates, 0);
    let checkpoint = rig.core.survey(200).checkpoints.remove(0);
    assert_eq!((checkpoint.certified, checkpoint.begun_ms_ago), (true, None));
    assert_eq!(checkpoint.certified_after_ms, None);
}

#[test]
fn tells_what_others_said_and_who_stands_by() {
    let mut rig = Rig::new(&World::new(3, 3));
    rig.now = 1_000;
    let heartbeat = Heartbeat {
        director: director_key(1).public(),
        time_ms: 990,
        validators: 4,
        capacity: 50,
        cpu_permille: 120,
        bandwidth_bytes_per_s: 9,
        finalized: 99,
        vector: VectorSummary::Delta(Default::default()),
    };
    let signature = director_key(1).sign(&genesis(), &heartbeat);
    from_mesh(&mut rig, 1, Control::Heartbeat(SignedHeartbeat { heartbeat, signature }));
    let attach = Attach { role: Role::Standby, vector: Default::default() };
    rig.put(Input::Control {
        from: validator_key(2).public(),
        link: crate::director::Link::Public,
        message: Control::Attach(attach),
    });
    let survey = rig.core.survey(1_200);
    let [of] = &survey.neighbours[..] else { panic!("{survey:?}") };
    assert_eq!((of.director, of.age_ms, of.clock_ms), (director_key(1).public(), 200, 10));
    assert_eq!((of.validators, of.capacity, of.cpu_permille, of.finalized), (4, 50, 120, 99));
    assert_eq!(survey.not_seated, [(validator_key(2).public(), Seated::Standby)]);
}
