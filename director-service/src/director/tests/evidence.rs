//! What is believed of a proof that a peer sends.

use super::{count, sent, world::*};
use crate::director::{Input, Link, Output, Refusal};
use director_primitives::{
    Control, DoubleSignProof, H256, PublicKey, Signature, runtime_api::ValidatorStatus,
};

fn proof(n: u8, checkpoint: u64) -> DoubleSignProof {
    DoubleSignProof::new(genesis(), vote(n, checkpoint, 0xaa), vote(n, checkpoint, 0xbb)).unwrap()
}

fn tell(rig: &mut Rig, from: PublicKey, proof: DoubleSignProof) -> Vec<Output> {
    let message = Control::Evidence(proof);
    rig.put(Input::Control { from, link: Link::Mesh, message })
}

fn is_proven(out: &[Output]) -> bool {
    out.iter().any(|output| matches!(output, Output::Proven(_)))
}

#[test]
fn a_right_proof_is_kept_and_passed_on_once() {
    let mut rig = Rig::new(&World::new(3, 2));
    let peer = director_key(1).public();
    let out = tell(&mut rig, peer, proof(0, 10));
    assert!(is_proven(&out));
    let told = sent(&out, Link::Mesh);
    assert_eq!(told[0], (director_key(2).public(), Control::Evidence(proof(0, 10))));
    let revocation = |(_, message): &(_, Control)| matches!(message, Control::DirectorVote(_));
    assert!(told[1..].iter().all(revocation), "beside this director's own revocation");
    assert!(tell(&mut rig, peer, proof(0, 10)).is_empty());
    let stats = rig.core.stats();
    assert_eq!((stats.proofs_from_peers, stats.double_signs_detected), (1, 0));
}

#[test]
fn a_forged_proof_is_refused_in_every_field() {
    let right = proof(0, 10);
    let mut forged = Vec::new();
    let mut change = |change: &dyn Fn(&mut DoubleSignProof)| {
        let mut proof = right;
        change(&mut proof);
        forged.push(proof);
    };
    change(&|p| p.genesis_hash = H256::zero());
    change(&|p| p.first.signature = Signature::from_raw([1; 64]));
    change(&|p| p.second.signature = Signature::from_raw([1; 64]));
    change(&|p| p.first.key = checkpoint_key(1).public());
    change(&|p| p.second.key = checkpoint_key(9).public());
    change(&|p| p.first.key = PublicKey::from_raw([0; 32]));
    change(&|p| p.second = p.first);
    change(&|p| p.first.vote.checkpoint = 11);
    change(&|p| p.first.vote.block_hash = H256::repeat_byte(0xab));
    change(&|p| std::mem::swap(&mut p.first, &mut p.second));
    let mut rig = Rig::new(&World::new(3, 2));
    for (n, proof) in (1..).zip(forged) {
        assert!(tell(&mut rig, director_key(1).public(), proof).is_empty());
        assert_eq!(count(&rig, Refusal::ForgedProof), n);
    }
    // None of them keeps the right one out.
    assert!(is_proven(&tell(&mut rig, director_key(1).public(), right)));
}

#[test]
fn a_proof_of_a_stranger_is_not_looked_at() {
    let mut rig = Rig::new(&World::new(3, 2));
    assert!(tell(&mut rig, director_key(8).public(), proof(0, 10)).is_empty());
    assert_eq!(count(&rig, Refusal::NotADirector), 1);
    let (from, link) = (validator_key(1).public(), Link::Public);
    let message = Control::Evidence(proof(0, 10));
    assert!(rig.put(Input::Control { from, link, message }).is_empty());
    assert_eq!(count(&rig, Refusal::UnexpectedControl), 1);
}

#[test]
fn a_proof_comes_too_late_after_the_punishment() {
    let punished = World::new(3, 2).status(0, ValidatorStatus::Tombstoned);
    let mut rig = Rig::new(&punished);
    let (peer, other) = (director_key(1).public(), director_key(2).public());
    // It is kept for the case that the punishment is taken back, and told to who has not told it.
    let out = tell(&mut rig, peer, proof(0, 10));
    assert!(is_proven(&out));
    assert_eq!(sent(&out, Link::Mesh), [(other, Control::Evidence(proof(0, 10)))]);
    assert_eq!(count(&rig, Refusal::LateProof), 1);
    assert!(tell(&mut rig, other, proof(0, 10)).is_empty(), "it is known");
    let mut forged = proof(0, 11);
    forged.second.signature = Signature::from_raw([1; 64]);
    assert!(tell(&mut rig, peer, forged).is_empty());

    // Bounded as those that come in time.
    let kept = (11..100).filter(|at| is_proven(&tell(&mut rig, peer, proof(0, *at)))).count();
    assert_eq!(kept, 7);
    let told = |rig: &mut Rig| {
        rig.put(Input::Down { peer, link: Link::Mesh });
        let mut told = sent(&rig.put(Input::Up { peer, link: Link::Mesh }), Link::Mesh);
        told.retain(|(_, message)| matches!(message, Control::Evidence(_)));
        told.len()
    };
    assert_eq!(told(&mut rig), 4, "who comes later hears of them");
    rig.finalize(&World::new(3, 2).at(101));
    assert_eq!(told(&mut rig), 4, "the punishment was taken back");
    assert!(tell(&mut rig, other, proof(0, 17)).is_empty(), "it is known still");
}

#[test]
fn proofs_against_one_validator_are_bounded_until_the_chain_acts() {
    let mut rig = Rig::new(&World::new(3, 2));
    let peer = director_key(1).public();
    for checkpoint in (1..=10).rev() {
        tell(&mut rig, peer, proof(0, checkpoint));
    }
    assert_eq!(count(&rig, Refusal::SurplusProof), 6);
    // One at a higher checkpoint is not excused with those, and takes the place of the lowest.
    assert!(is_proven(&tell(&mut rig, peer, proof(0, 11))));
    assert!(!is_proven(&tell(&mut rig, peer, proof(0, 7))), "it had its place");
    assert!(is_proven(&tell(&mut rig, peer, proof(1, 1))), "others are not affected");

    // A peer that comes later is told of what the chain has not acted on.
    let up = |rig: &mut Rig| {
        rig.put(Input::Down { peer, link: Link::Mesh });
        let mut told = sent(&rig.put(Input::Up { peer, link: Link::Mesh }), Link::Mesh);
        told.retain(|(_, message)| matches!(message, Control::Evidence(_)));
        told.len()
    };
    assert_eq!(up(&mut rig), 5);
    rig.finalize(&World::new(3, 2).at(101).status(0, ValidatorStatus::Tombstoned));
    // One of them may be needed if the punishment is taken back.
    assert_eq!(up(&mut rig), 5);
    assert!(tell(&mut rig, peer, proof(0, 11)).is_empty(), "it is known still");
}

#[test]
fn a_stream_of_right_proofs_takes_few_places_until_the_next_block() {
    let mut rig = Rig::new(&World::new(3, 2));
    let peer = director_key(1).public();
    let stream = |rig: &mut Rig, checkpoints: std::ops::Range<u64>| {
        checkpoints.filter(|at| is_proven(&tell(rig, peer, proof(0, *at)))).count()
    };
    assert_eq!(stream(&mut rig, 1..100), 8, "four places, and each of them once more");
    // Nobody else pays for that: neither another validator's proofs nor what this director has seen itself.
    assert!(is_proven(&tell(&mut rig, peer, proof(1, 1))));
    let both = [(1, 0xaa), (2, 0xbb)]
        .map(|(seq, hash)| from_validator(0, &vote_frame(0, seq, &vote(0, 12, hash))));
    assert!(is_proven(&rig.frames(both.into())));
    rig.finalize(&World::new(3, 2).at(101));
    assert_eq!(stream(&mut rig, 100..200), 4);
}

#[test]
fn a_director_that_tells_proofs_all_the_time_is_limited_right_or_wrong() {
    let mut rig = Rig::new(&World::new(3, 2));
    let (peer, honest) = (director_key(1).public(), director_key(2).public());
    let wrong = DoubleSignProof { genesis_hash: H256::zero(), ..proof(0, 1) };
    for checkpoint in 1..=8 {
        tell(&mut rig, peer, proof(0, checkpoint));
    }
    for _ in 8..4_000 {
        tell(&mut rig, peer, wrong);
    }
    assert_eq!(count(&rig, Refusal::RateLimited), 0);
    assert!(!is_proven(&tell(&mut rig, peer, proof(1, 1))));
    assert_eq!(count(&rig, Refusal::RateLimited), 1);
    // What is known costs nothing.
    tell(&mut rig, peer, proof(0, 8));
    assert_eq!(count(&rig, Refusal::RateLimited), 1);
    assert!(is_proven(&tell(&mut rig, honest, proof(1, 1))));
    rig.now += 10;
    assert!(is_proven(&tell(&mut rig, peer, proof(1, 2))));
}

/// The chain before a validator's last rotation of its key.
fn before_rotation(world: &World, n: u8) -> World {
    let mut before = world.clone();
    before.validators[usize::from(n)].checkpoint_key = checkpoint_key(90 + n).public();
    before
}

#[test]
fn a_proof_with_a_key_that_this_node_does_not_know_yet_waits_for_the_next_blocks() {
    for blocks in [1, 15] {
        let world = World::new(3, 2);
        let mut rig = Rig::new(&before_rotation(&world, 0));
        let (peer, other) = (director_key(1).public(), director_key(2).public());
        assert!(tell(&mut rig, peer, proof(0, 10)).is_empty());
        assert!(tell(&mut rig, peer, proof(0, 10)).is_empty());
        for block in 1..blocks {
            let out = rig.finalize(&before_rotation(&world, 0).at(100 + block));
            assert!(!is_proven(&out));
        }
        let out = rig.finalize(&world.clone().at(100 + blocks));
        assert!(is_proven(&out), "after {blocks} blocks");
        assert_eq!(sent(&out, Link::Mesh)[0], (other, Control::Evidence(proof(0, 10))));
        assert_eq!(count(&rig, Refusal::ForgedProof), 0);
        assert!(!is_proven(&rig.finalize(&world.at(200))), "once");
    }
}

#[test]
fn proofs_with_keys_that_nobody_has_are_few_and_dropped_after_some_blocks() {
    let world = World::new(3, 2);
    let before = before_rotation(&world, 0);
    let mut rig = Rig::new(&before);
    let (liar, honest) = (director_key(1).public(), director_key(2).public());
    for checkpoint in 1..=100 {
        assert!(tell(&mut rig, liar, proof(0, checkpoint)).is_empty());
    }
    assert_eq!(count(&rig, Refusal::SurplusProof), 92);
    // Nobody else has fewer for that.
    tell(&mut rig, honest, proof(0, 200));
    assert_eq!(count(&rig, Refusal::SurplusProof), 92);
    for block in 1..=16 {
        assert_eq!(count(&rig, Refusal::ForgedProof), 0);
        rig.finalize(&before.clone().at(100 + block));
    }
    assert_eq!(count(&rig, Refusal::ForgedProof), 9);
    assert!(!is_proven(&rig.finalize(&world.at(200))));
}
