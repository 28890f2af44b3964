use super::{ELSEWHERE, GENESIS};
use crate::{
    CheckpointNumber, DoubleSignProof, H256, Offence, OffenceContext, PublicKey, Reason, Signature,
    SignedVote,
    test_utils::{TestKey, double_sign},
};

/// What a chain knows: key 1 and key 2 are validator 1's, key 3 is validator 3's.
#[derive(Default)]
struct Chain {
    punished: bool,
    slashable_from: CheckpointNumber,
}

impl OffenceContext for Chain {
    type AccountId = u64;

    fn genesis_hash(&self) -> H256 {
        GENESIS
    }

    fn key_owner(&self, key: &PublicKey) -> Option<u64> {
        [(1, 1), (2, 1), (3, 3)]
            .into_iter()
            .find(|(n, _)| TestKey::new(*n).public() == *key)
            .map(|(_, owner)| owner)
    }

    fn is_punished(&self, _: &u64) -> bool {
        self.punished
    }

    fn slashable_from(&self, _: &u64) -> CheckpointNumber {
        self.slashable_from
    }
}

fn proof() -> DoubleSignProof {
    double_sign(&TestKey::new(1), GENESIS, 3)
}

fn vote(key: u64, checkpoint: u64, block: u8) -> SignedVote {
    TestKey::new(key).vote(&GENESIS, checkpoint, H256::repeat_byte(block))
}

fn check(proof: &DoubleSignProof) -> Result<Offence<u64>, Reason> {
    proof.check(&Chain::default())
}

#[test]
fn two_votes_of_one_validator_for_two_blocks_prove_it() {
    let offence = Offence {
        validator: 1,
        checkpoint: 3,
        first_hash: H256::repeat_byte(0xaa),
        second_hash: H256::repeat_byte(0xcc),
    };
    assert_eq!(check(&proof()), Ok(offence.clone()));
    // Whatever the order in which they were seen, and with a key rotated in between.
    for (a, b) in [(1, 1), (1, 2), (2, 1)] {
        let (first, second) = (vote(a, 3, 0xaa), vote(b, 3, 0xcc));
        for (one, other) in [(first, second), (second, first)] {
            let proof = DoubleSignProof::new(GENESIS, one, other).unwrap();
            assert_eq!(check(&proof), Ok(offence.clone()));
        }
    }
}

#[test]
fn what_is_no_offence_makes_no_proof() {
    assert_eq!(DoubleSignProof::new(GENESIS, vote(1, 3, 1), vote(1, 3, 1)), None);
    assert_eq!(DoubleSignProof::new(GENESIS, vote(1, 3, 1), vote(2, 3, 1)), None);
    assert_eq!(DoubleSignProof::new(GENESIS, vote(1, 3, 1), vote(1, 4, 2)), None);
}

#[test]
fn every_reason_has_its_case() {
    let valid = proof();
    let with = |change: fn(&mut DoubleSignProof)| {
        let mut proof = valid;
        change(&mut proof);
        check(&proof).unwrap_err()
    };
    assert_eq!(with(|p| p.genesis_hash = ELSEWHERE), Reason::OtherChain);
    assert_eq!(with(|p| p.second = p.first), Reason::SameBlock);
    assert_eq!(with(|p| core::mem::swap(&mut p.first, &mut p.second)), Reason::NotCanonical);
    assert_eq!(with(|p| p.second = vote(1, 4, 0xcc)), Reason::DifferentCheckpoints);
    assert_eq!(with(|p| p.first.key.0 = [0; 32]), Reason::SmallOrderKey);
    assert_eq!(with(|p| p.second.key.0 = [0; 32]), Reason::SmallOrderKey);
    assert_eq!(with(|p| p.first = vote(9, 3, 0xaa)), Reason::UnknownKey);
    assert_eq!(with(|p| p.second = vote(9, 3, 0xcc)), Reason::UnknownKey);
    assert_eq!(with(|p| p.second = vote(3, 3, 0xcc)), Reason::DifferentValidators);
    let forged = Signature::from_raw([0; 64]);
    let mut proof = valid;
    proof.second.signature = forged;
    assert_eq!(check(&proof), Err(Reason::InvalidSecondSignature));
    proof.first.signature = forged;
    assert_eq!(check(&proof), Err(Reason::InvalidFirstSignature));

    let punished = Chain { punished: true, ..Default::default() };
    assert_eq!(valid.check(&punished), Err(Reason::AlreadyPunished));
    let excused = |slashable_from| Chain { slashable_from, ..Default::default() };
    assert_eq!(valid.check(&excused(4)), Err(Reason::Excused));
    assert!(valid.check(&excused(3)).is_ok());
}

#[test]
fn the_first_reason_that_applies_is_told() {
    // Everything is wrong; one thing after the other is put right.
    let chain = Chain { punished: true, slashable_from: 9 };
    let mut proof = proof();
    core::mem::swap(&mut proof.first, &mut proof.second);
    proof.genesis_hash = ELSEWHERE;
    proof.first.vote.checkpoint = 4;
    proof.second.key = PublicKey::from_raw([0; 32]);
    assert_eq!(proof.check(&chain), Err(Reason::OtherChain));
    proof.genesis_hash = GENESIS;
    assert_eq!(proof.check(&chain), Err(Reason::NotCanonical));
    core::mem::swap(&mut proof.first.vote.block_hash, &mut proof.second.vote.block_hash);
    assert_eq!(proof.check(&chain), Err(Reason::DifferentCheckpoints));
    proof.first.vote.checkpoint = 3;
    assert_eq!(proof.check(&chain), Err(Reason::SmallOrderKey));
    proof.second.key = TestKey::new(9).public();
    assert_eq!(proof.check(&chain), Err(Reason::UnknownKey));
    proof.second.key = TestKey::new(3).public();
    assert_eq!(proof.check(&chain), Err(Reason::DifferentValidators));
    proof.second.key = TestKey::new(1).public();
    assert_eq!(proof.check(&chain), Err(Reason::AlreadyPunished));
    assert_eq!(proof.check(&Chain { punished: false, ..chain }), Err(Reason::Excused));
    assert_eq!(check(&proof), Err(Reason::InvalidFirstSignature));
}

#[test]
fn other_signature_bytes_are_the_same_proof() {
    let mut other = proof();
    other.first.signature.0[0] ^= 1;
    other.second.signature.0[0] ^= 1;
    assert_eq!(other.id(), proof().id());
    let mut ids = vec![proof().id()];
    ids.push(double_sign(&TestKey::new(1), GENESIS, 4).id());
    ids.push(double_sign(&TestKey::new(2), GENESIS, 3).id());
    ids.push(double_sign(&TestKey::new(1), ELSEWHERE, 3).id());
    ids.push(DoubleSignProof { second: vote(1, 3, 0xcd), ..proof() }.id());
    ids.push(DoubleSignProof { second: vote(2, 3, 0xcc), ..proof() }.id());
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}
