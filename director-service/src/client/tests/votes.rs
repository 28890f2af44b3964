use super::{GENESIS, authorized, checkpoint_key, snapshot, validator};
use crate::{
    client::{Counted, Ignored, LocalKey, Signer, VoteRefused, Voter},
    testing::Equivocator,
};
use director_primitives::{
    DoubleSignProof, H256, Signature, SignedVote, Snapshot,
    runtime_api::{RetiredKey, ValidatorStatus},
};
use std::collections::BTreeSet;

const REAL: H256 = H256::repeat_byte(1);
const OTHER: H256 = H256::repeat_byte(2);

fn voter(n: u8) -> Voter<LocalKey> {
    Voter::new(GENESIS, checkpoint_key(n), 8)
}

fn vote(n: u8, checkpoint: u64, hash: H256) -> SignedVote {
    voter(n).vote(checkpoint, hash).unwrap()
}

fn ignored(why: Ignored) -> Counted {
    Counted::Ignored(why)
}

#[test]
fn never_two_hashes_for_one_checkpoint() {
    let mut voter = voter(1);
    let first = voter.vote(3, REAL).unwrap();
    assert!(first.verify(&GENESIS));
    assert_eq!(voter.vote(3, REAL), Ok(first));
    let refused = VoteRefused::AlreadySigned { checkpoint: 3, signed: REAL };
    assert_eq!(voter.vote(3, OTHER), Err(refused));
    // The guard has moved on: nothing is signed where it does not see.
    for checkpoint in 4..=12 {
        voter.vote(checkpoint, REAL).unwrap();
    }
    let refused = VoteRefused::TooOld { checkpoint: 3, oldest: 5 };
    assert_eq!(voter.vote(3, OTHER), Err(refused));
}

#[test]
fn a_restored_voter_remembers() {
    let mut voter = voter(1);
    voter.restore([vote(1, 3, REAL), vote(2, 4, REAL)]);
    let refused = VoteRefused::AlreadySigned { checkpoint: 3, signed: REAL };
    assert_eq!(voter.vote(3, OTHER), Err(refused));
    assert!(voter.vote(4, OTHER).is_ok(), "that was somebody else's");
}

#[test]
fn a_late_restore_opens_nothing_that_was_closed() {
    let mut voter = voter(1);
    for checkpoint in 20..=40 {
        voter.vote(checkpoint, REAL).unwrap();
    }
    let refused = VoteRefused::TooOld { checkpoint: 25, oldest: 33 };
    assert_eq!(voter.vote(25, OTHER), Err(refused));
    // Room for one is made by the oldest, which is older than all that was forgotten.
    voter.restore([vote(1, 3, REAL)]);
    assert_eq!(voter.vote(25, OTHER), Err(refused));
    assert_eq!(voter.vote(4, OTHER), Err(VoteRefused::TooOld { checkpoint: 4, oldest: 33 }));
}

#[test]
fn more_than_two_thirds_make_a_certificate_once() {
    let (mut voter, block) = (voter(1), authorized(30, 4));
    for n in [4, 2] {
        assert!(matches!(voter.count(&block, &vote(n, 3, REAL)), Counted::Votes { needed: 3, .. }));
    }
    let Counted::Certificate(certificate) = voter.count(&block, &vote(1, 3, REAL)) else {
        panic!("three of four are enough");
    };
    let voters: BTreeSet<_> = block.validators().iter().map(|of| of.checkpoint_key).collect();
    assert_eq!(certificate.verify(&GENESIS, &voters), Ok(()));
    let late = voter.count(&block, &vote(3, 3, REAL));
    assert_eq!(late, Counted::Votes { got: 4, needed: 3 });
}

#[test]
fn two_hashes_share_no_votes() {
    let (mut voter, block) = (voter(1), authorized(30, 4));
    for (n, hash) in [(1, REAL), (2, REAL), (3, OTHER)] {
        assert!(matches!(voter.count(&block, &vote(n, 3, hash)), Counted::Votes { .. }));
    }
    assert!(matches!(voter.count(&block, &vote(4, 3, REAL)), Counted::Certificate(_)));
}

#[test]
fn a_validator_counts_once() {
    let (mut voter, block) = (voter(1), authorized(30, 4));
    let [real, invented] = Equivocator::new(GENESIS, checkpoint_key(2)).double_sign(3, REAL);
    assert_eq!(voter.count(&block, &real), Counted::Votes { got: 1, needed: 3 });
    assert_eq!(voter.count(&block, &real), ignored(Ignored::Known));
    assert_eq!(voter.count(&block, &invented), ignored(Ignored::Conflicting));
}

#[test]
fn what_an_equivocator_signs_is_a_proof() {
    let [real, invented] = Equivocator::new(GENESIS, checkpoint_key(2)).double_sign(3, REAL);
    assert_eq!(real.vote.block_hash, REAL);
    let proof = DoubleSignProof::new(GENESIS, real, invented).unwrap();
    assert!(proof.check(&authorized(30, 4)).is_ok());
}

#[test]
fn only_authorized_validators_with_their_present_key_count() {
    let mut voter = voter(1);
    let candidate = validator(2, ValidatorStatus::Candidate);
    let mut rotated = validator(3, ValidatorStatus::Authorized);
    rotated.checkpoint_key = checkpoint_key(33).key();
    rotated.retired_keys.push(RetiredKey { key: checkpoint_key(3).key(), until: 1_000 });
    let block: Snapshot = snapshot(30, vec![candidate, rotated]);
    for n in [2, 3, 4] {
        assert_eq!(voter.count(&block, &vote(n, 3, REAL)), ignored(Ignored::NotAuthorized));
    }
    assert!(matches!(voter.count(&block, &vote(33, 3, REAL)), Counted::Certificate(_)));
}

#[test]
fn who_lost_its_authorization_is_not_in_the_certificate() {
    let mut voter = voter(1);
    let before = authorized(30, 4);
    for n in [1, 2] {
        voter.count(&before, &vote(n, 3, REAL));
    }
    let validators = (1..=4).map(|n| match n {
        2 => validator(n, ValidatorStatus::Tombstoned),
        _ => validator(n, ValidatorStatus::Authorized),
    });
    let after = snapshot(31, validators.collect());
    let counted = voter.count(&after, &vote(3, 3, REAL));
    assert_eq!(counted, Counted::Votes { got: 2, needed: 3 });
    let Counted::Certificate(certificate) = voter.count(&after, &vote(4, 3, REAL)) else {
        panic!("three of three are enough");
    };
    assert_eq!(certificate.signatures.len(), 3);
}

#[test]
fn a_forged_vote_does_not_count() {
    let (mut voter, block) = (voter(1), authorized(30, 4));
    let mut forged = vote(2, 3, REAL);
    forged.signature = Signature::from_raw([1; 64]);
    assert_eq!(voter.count(&block, &forged), ignored(Ignored::InvalidSignature));
    assert_eq!(voter.count(&block, &vote(2, 3, REAL)), Counted::Votes { got: 1, needed: 3 });
}

#[test]
fn after_a_block_that_never_was_votes_count_again() {
    let mut voter = voter(1);
    let (far, near) = (authorized(1_000_000, 4), authorized(40, 4));
    let interval = near.domain.checkpoint_interval;
    voter.count(&far, &vote(2, far.number / interval, REAL));
    let counted = voter.count(&near, &vote(2, near.number / interval, REAL));
    assert!(matches!(counted, Counted::Votes { got: 1, .. }), "{counted:?}");
}

#[test]
fn far_checkpoints_take_no_memory() {
    let (mut voter, block) = (voter(1), authorized(300, 4));
    for checkpoint in [0, 22, 39, u64::MAX] {
        let counted = voter.count(&block, &vote(2, checkpoint, REAL));
        assert_eq!(counted, ignored(Ignored::OutOfWindow), "{checkpoint}");
    }
    for checkpoint in [23, 30, 38] {
        let counted = voter.count(&block, &vote(2, checkpoint, REAL));
        assert_eq!(counted, Counted::Votes { got: 1, needed: 3 }, "{checkpoint}");
    }
}
