//! Requests, directors' votes, and how many of them it takes.

use super::{
    GENESIS, Key, OTHER_GENESIS, account, fields::Fields, hexadecimal, spoilt, statements,
};
use codec::Encode;
use director_primitives::{
    Decision, H256, RevocationReason, SignedAuthorizationRequest, SignedDirectorVote,
    authorization::first_nonce,
    threshold::{approvals_needed, quorum},
};
use serde_json::{Value, json};

pub(super) fn file() -> Value {
    let first_nonces = [0, 1, 1_234_567, u64::MAX].map(
        |block| json!({ "block": block.to_string(), "nonce": first_nonce(block).to_string() }),
    );
    let thresholds = (0..=100)
        .chain([1_000, u32::MAX])
        .map(|n| json!({ "n": n, "approvals_needed": approvals_needed(n), "quorum": quorum(n) }));
    json!({
        "requests": requests(),
        "votes": votes(),
        "first_nonces": first_nonces,
        "thresholds": thresholds.collect::<Value>(),
    })
}

fn requests() -> Value {
    let key = Key::new(1);
    let request = statements::request();
    let signature = key.sign(&GENESIS, &request);
    let good = SignedAuthorizationRequest { request, signature };
    let mut other_block = good.clone();
    other_block.request.block_number += 1;
    let spoilt = SignedAuthorizationRequest { signature: spoilt(signature), ..good.clone() };
    let cases = [
        ("a request", GENESIS, good.clone()),
        ("for another chain", OTHER_GENESIS, good),
        ("the block changed", GENESIS, other_block),
        ("the signature changed", GENESIS, spoilt),
    ];
    let shown = cases.into_iter().map(|(name, genesis_hash, signed)| {
        let valid = signed.verify(&genesis_hash, &key.public());
        case(name, &genesis_hash, &key, &signed, valid)
    });
    shown.collect()
}

/// Something signed, and whether it is as it should be.
fn case(
    name: impl Into<Value>,
    genesis_hash: &H256,
    key: &Key,
    signed: &(impl Encode + Fields),
    valid: bool,
) -> Value {
    json!({
        "name": name.into(),
        "genesis_hash": hex::encode(genesis_hash),
        "key": hex::encode(key.public()),
        "bytes": hexadecimal(signed),
        "fields": signed.fields(),
        "valid": valid,
    })
}

fn votes() -> Value {
    let key = Key::new(3);
    let sign = |decision| {
        let vote = statements::director_vote(decision);
        let signature = key.sign(&GENESIS, &vote);
        SignedDirectorVote { director: account(0x88), vote, signature }
    };
    let good = sign(Decision::Approve);
    let revocations = [
        RevocationReason::LowStake,
        RevocationReason::RateLimit,
        RevocationReason::EnvelopeEquivocation,
        RevocationReason::InvalidSignatures,
        RevocationReason::DoubleSign,
        RevocationReason::Operator,
    ];
    let mut of_another_registration = good.clone();
    of_another_registration.vote.registration_id += 1;
    let mut turned = good.clone();
    turned.vote.decision = Decision::Revoke(RevocationReason::Operator);
    // The director's account is not signed: its key on chain decides whose vote it is.
    let of_another_director = SignedDirectorVote { director: account(0x89), ..good.clone() };
    let spoilt = SignedDirectorVote { signature: spoilt(good.signature), ..good.clone() };
    let mut cases = vec![("an approval".to_owned(), GENESIS, good.clone())];
    cases.extend(revocations.map(|reason| {
        (format!("a revocation: {reason:?}"), GENESIS, sign(Decision::Revoke(reason)))
    }));
    cases.extend([
        ("for another chain".to_owned(), OTHER_GENESIS, good),
        ("for another registration".to_owned(), GENESIS, of_another_registration),
        ("an approval turned into a revocation".to_owned(), GENESIS, turned),
        ("another account with the same key".to_owned(), GENESIS, of_another_director),
        ("the signature changed".to_owned(), GENESIS, spoilt),
    ]);
    let shown = cases.into_iter().map(|(name, genesis_hash, signed)| {
        let valid = signed.verify(&genesis_hash, &key.public());
        case(name, &genesis_hash, &key, &signed, valid)
    });
    shown.collect()
}
