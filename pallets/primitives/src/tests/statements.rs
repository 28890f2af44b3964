use super::{ELSEWHERE, GENESIS};
use crate::{
    CheckpointVote, H256, Statement, StatementKind,
    authorization::{AuthorizationRequest, Decision, DirectorVote, RevocationReason},
    heartbeat::{Heartbeat, SignedHeartbeat, VectorSummary},
    signing::{CONTEXT, signing_bytes, signing_prefix, verify},
    test_utils::TestKey,
};
use codec::Encode;

#[test]
fn no_prefix_is_a_prefix_of_another() {
    for a in StatementKind::ALL {
        for b in StatementKind::ALL {
            let (first, second) = (signing_prefix(a, &GENESIS), signing_prefix(b, &GENESIS));
            assert_eq!(second.starts_with(&first), a == b, "{a:?} and {b:?}");
        }
    }
}

#[test]
fn the_signed_bytes_are_context_kind_zero_genesis_body() {
    let vote = CheckpointVote { checkpoint: 1, block_hash: H256([2; 32]) };
    let expected = [
        b"director/v1/checkpoint-vote\0".as_slice(),
        GENESIS.as_bytes(),
        &1u64.to_le_bytes(),
        &[2; 32],
    ]
    .concat();
    assert_eq!(signing_bytes(&GENESIS, &vote), expected);
    assert!(expected.starts_with(CONTEXT));
}

/// The same bytes as another statement.
#[derive(Encode)]
struct Disguised(CheckpointVote);

impl Statement for Disguised {
    const KIND: StatementKind = StatementKind::Possession;
}

#[test]
fn a_signature_is_worth_nothing_for_another_kind_or_chain() {
    let key = TestKey::new(1);
    let vote = CheckpointVote { checkpoint: 1, block_hash: H256([2; 32]) };
    let signature = key.sign(&GENESIS, &vote);
    assert!(verify(&GENESIS, &vote, &key.public(), &signature));
    assert!(!verify(&ELSEWHERE, &vote, &key.public(), &signature));
    assert!(!verify(&GENESIS, &Disguised(vote), &key.public(), &signature));
    assert!(!verify(&GENESIS, &vote, &TestKey::new(2).public(), &signature));
}

#[test]
fn a_directors_vote_is_bound_to_all_that_it_says() {
    let key = TestKey::new(1);
    let vote = DirectorVote {
        validator: 1u64,
        registration_id: 2,
        decision: Decision::Approve,
        nonce: 3,
        valid_until: 4,
    };
    let signed = key.director_vote(&GENESIS, 9, vote.clone());
    assert!(signed.verify(&GENESIS, &key.public()));
    assert!(!signed.verify(&ELSEWHERE, &key.public()));
    assert!(!signed.verify(&GENESIS, &TestKey::new(2).public()));
    let changes: [fn(&mut DirectorVote<u64>); 5] = [
        |vote| vote.validator += 1,
        |vote| vote.registration_id += 1,
        |vote| vote.decision = Decision::Revoke(RevocationReason::LowStake),
        |vote| vote.nonce += 1,
        |vote| vote.valid_until += 1,
    ];
    for change in changes {
        let mut forged = signed.clone();
        change(&mut forged.vote);
        assert!(!forged.verify(&GENESIS, &key.public()));
    }
}

#[test]
fn requests_and_heartbeats_are_verified_by_their_keys() {
    let key = TestKey::new(1);
    let request = AuthorizationRequest {
        validator: 1u64,
        registration_id: 2,
        block_number: 3,
        block_hash: H256([4; 32]),
        timestamp_ms: 5,
    };
    let signature = key.sign(&GENESIS, &request);
    let signed = crate::SignedAuthorizationRequest { request, signature };
    assert!(signed.verify(&GENESIS, &key.public()) && !signed.verify(&ELSEWHERE, &key.public()));

    let heartbeat = Heartbeat {
        director: key.public(),
        time_ms: 1,
        validators: 2,
        capacity: 3,
        cpu_permille: 4,
        bandwidth_bytes_per_s: 5,
        finalized: 6,
        vector: VectorSummary::Hash(H256([7; 32])),
    };
    let signature = key.sign(&GENESIS, &heartbeat);
    let mut signed = SignedHeartbeat { heartbeat, signature };
    assert!(signed.verify(&GENESIS) && !signed.verify(&ELSEWHERE));
    signed.heartbeat.director = TestKey::new(2).public();
    assert!(!signed.verify(&GENESIS));
}
