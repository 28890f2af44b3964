//! Evidence that is forged in any field is refused with its own error and changes nothing.
//!
//! `assert_noop!` compares the state root. The dry run must say the same as the call.

use crate::{mock::*, *};
use director_primitives::{Signature, SignedVote, test_utils::TestKey};
use frame_support::assert_noop;

/// Asserts that `proof` is refused for `reason`, by the call and by the dry run.
fn refused(proof: DoubleSignProof, reason: Reason) {
    assert_eq!(SlashingEvidence::check_evidence(&proof), Err(reason));
    let error: Error<Test> = reason.into();
    assert_noop!(report(90, proof), error);
}

#[test]
fn the_proof_that_the_others_are_forged_from_is_valid() {
    with_validators(4).execute_with(|| {
        let offence = SlashingEvidence::check_evidence(&proof(1, 3)).unwrap();
        assert_eq!((offence.validator, offence.checkpoint), (1, 3));
        assert!(report(90, proof(1, 3)).is_ok());
    });
}

#[test]
fn another_chains_genesis_is_refused() {
    with_validators(4).execute_with(|| {
        let elsewhere = H256::repeat_byte(8);
        // Valid there.
        let proof = director_primitives::test_utils::double_sign(&checkpoint_key(1), elsewhere, 3);
        refused(proof, Reason::OtherChain);
        // The same signatures with this chain's name on them.
        refused(DoubleSignProof { genesis_hash: GENESIS, ..proof }, Reason::InvalidFirstSignature);
    });
}

#[test]
fn equal_hashes_are_refused() {
    with_validators(4).execute_with(|| {
        let mut proof = proof(1, 3);
        proof.second = proof.first;
        refused(proof, Reason::SameBlock);
    });
}

#[test]
fn two_signatures_on_one_hash_are_no_offence() {
    with_validators(4).execute_with(|| {
        let mut proof = proof(1, 3);
        proof.second.vote = proof.first.vote;
        refused(proof, Reason::SameBlock);
    });
}

#[test]
fn swapped_order_is_refused() {
    with_validators(4).execute_with(|| {
        let mut proof = proof(1, 3);
        core::mem::swap(&mut proof.first, &mut proof.second);
        refused(proof, Reason::NotCanonical);
    });
}

#[test]
fn two_checkpoints_are_refused() {
    with_validators(4).execute_with(|| {
        let key = checkpoint_key(1);
        let proof = DoubleSignProof {
            genesis_hash: GENESIS,
            first: vote(&key, 3, 0xaa),
            second: vote(&key, 4, 0xcc),
        };
        refused(proof, Reason::DifferentCheckpoints);
    });
}

#[test]
fn a_small_order_key_is_refused() {
    with_validators(4).execute_with(|| {
        // The zero key with the zero signature verifies anything.
        let zero = |vote: SignedVote| SignedVote {
            key: PublicKey::from_raw([0; 32]),
            signature: Signature::from_raw([0; 64]),
            ..vote
        };
        let valid = proof(1, 3);
        let first = zero(valid.first);
        assert!(first.verify(&GENESIS), "or the test shows nothing");
        refused(DoubleSignProof { first, ..valid }, Reason::SmallOrderKey);
        refused(DoubleSignProof { second: zero(valid.second), ..valid }, Reason::SmallOrderKey);
    });
}

#[test]
fn a_strangers_key_is_refused() {
    with_validators(4).execute_with(|| {
        let (stranger, valid) = (TestKey::new(77), proof(1, 3));
        let first = vote(&stranger, 3, 0xaa);
        refused(DoubleSignProof { first, ..valid }, Reason::UnknownKey);
        let second = vote(&stranger, 3, 0xcc);
        refused(DoubleSignProof { second, ..valid }, Reason::UnknownKey);
        refused(DoubleSignProof { first, second, ..valid }, Reason::UnknownKey);
    });
}

#[test]
fn two_validators_votes_are_refused() {
    with_validators(4).execute_with(|| {
        let proof = DoubleSignProof { second: vote(&checkpoint_key(2), 3, 0xcc), ..proof(1, 3) };
        refused(proof, Reason::DifferentValidators);
    });
}

#[test]
fn a_peer_key_proves_nothing() {
    with_validators(4).execute_with(|| {
        let peer = TestKey::new(3_000_001);
        assert_eq!(peer.public(), info(1).peer_key);
        let proof = director_primitives::test_utils::double_sign(&peer, GENESIS, 3);
        refused(proof, Reason::UnknownKey);
    });
}

#[test]
fn a_forged_first_signature_is_refused() {
    with_validators(4).execute_with(|| {
        let mut proof = proof(1, 3);
        proof.first.signature = proof.second.signature;
        refused(proof, Reason::InvalidFirstSignature);
        proof.first.signature = Signature::from_raw([0; 64]);
        refused(proof, Reason::InvalidFirstSignature);
    });
}

#[test]
fn a_forged_second_signature_is_refused() {
    with_validators(4).execute_with(|| {
        let mut proof = proof(1, 3);
        proof.second.signature = proof.first.signature;
        refused(proof, Reason::InvalidSecondSignature);
    });
}

#[test]
fn every_bit_of_a_signature_matters() {
    with_validators(4).execute_with(|| {
        for bit in 0..512 {
            let mut proof = proof(1, 3);
            proof.first.signature.0[bit / 8] ^= 1 << (bit % 8);
            refused(proof, Reason::InvalidFirstSignature);
        }
    });
}

#[test]
fn a_key_of_someone_else_under_a_true_signature_is_refused() {
    with_validators(4).execute_with(|| {
        let mut proof = proof(1, 3);
        let other = checkpoint_key(2).public();
        (proof.first.key, proof.second.key) = (other, other);
        refused(proof, Reason::InvalidFirstSignature);
    });
}

#[test]
fn a_hash_or_checkpoint_changed_after_signing_is_refused() {
    with_validators(4).execute_with(|| {
        let mut changed = proof(1, 3);
        changed.first.vote.block_hash = H256::repeat_byte(0xab);
        refused(changed, Reason::InvalidFirstSignature);
        let mut changed = proof(1, 3);
        changed.second.vote.block_hash = H256::repeat_byte(0xcd);
        refused(changed, Reason::InvalidSecondSignature);
        let mut changed = proof(1, 3);
        (changed.first.vote.checkpoint, changed.second.vote.checkpoint) = (4, 4);
        refused(changed, Reason::InvalidFirstSignature);
    });
}

#[test]
fn the_same_offence_is_not_punished_twice() {
    with_validators(4).execute_with(|| {
        report(90, proof(1, 3)).unwrap();
        refused(proof(1, 3), Reason::AlreadyPunished);
        refused(proof(1, 4), Reason::AlreadyPunished);
        // Nor after the slash.
        go_to(System::block_number() + DEFER);
        idle();
        refused(proof(1, 3), Reason::AlreadyPunished);
    });
}

#[test]
fn a_report_needs_a_signed_origin() {
    with_validators(4).execute_with(|| {
        assert_noop!(
            SlashingEvidence::report_double_sign(RuntimeOrigin::none(), proof(1, 3)),
            sp_runtime::DispatchError::BadOrigin
        );
    });
}
