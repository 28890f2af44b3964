//! Judges checkpoint votes, and certificates, which are many of them.

use crate::{
    ELSEWHERE, GENESIS, KEYS, PUBLIC,
    choices::{Choices, MADE},
    known,
    wire::{read, written},
};
use codec::{DecodeAll, Encode, MaxEncodedLen};
use director_primitives::{
    Certificate, CertificateError, CheckpointVote, H256, PublicKey, Signature, SignedVote,
    StatementKind, keys::is_small_order, signing::signing_prefix,
};
use std::collections::BTreeSet;

/// Judges the votes and the certificate that are in these bytes, or that they tell how to make.
pub fn vote(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    if choices.byte() & 1 == MADE {
        made(&mut choices);
        return;
    }
    let rest = choices.rest();
    if let Some(vote) = read::<SignedVote>(rest) {
        assert_eq!(vote.encode().len(), SignedVote::max_encoded_len(), "votes have one length");
        judge(&vote);
    }
    if let Some(certificate) = read::<Certificate>(rest) {
        judge_certificate(&certificate, &voters(usize::MAX));
    }
}

/// A vote verifies exactly if its key made its signature, for the chain in question.
fn judge(signed: &SignedVote) {
    if is_small_order(&signed.key) {
        return;
    }
    for genesis_hash in [GENESIS, ELSEWHERE] {
        let is_signed = is_signed(&genesis_hash, &signed.vote, &signed.key, &signed.signature);
        assert_eq!(signed.verify(&genesis_hash), is_signed, "{signed:?}");
    }
}

fn is_signed(
    genesis_hash: &H256,
    vote: &CheckpointVote,
    key: &PublicKey,
    signature: &Signature,
) -> bool {
    known(key).is_some_and(|key| key.sign(genesis_hash, vote) == *signature)
}

/// The first so many of the known keys.
fn voters(count: usize) -> BTreeSet<PublicKey> {
    PUBLIC.iter().take(count).copied().collect()
}

/// Holds the verdict on a certificate against every objection that there is, each looked at by itself.
fn judge_certificate(certificate: &Certificate, voters: &BTreeSet<PublicKey>) {
    let signatures = &certificate.signatures;
    let got = signatures.len() as u32;
    // The least number that is more than two thirds.
    let needed = (0..).find(|count| 3 * count > 2 * voters.len() as u32).unwrap_or_default();
    let is_bad = |(key, signature): &(PublicKey, Signature)| {
        !is_signed(&GENESIS, &certificate.vote, key, signature)
    };
    let objections = [
        (CertificateError::Unordered, signatures.windows(2).any(|pair| pair[0].0 >= pair[1].0)),
        (CertificateError::UnknownKey, signatures.iter().any(|(key, _)| !voters.contains(key))),
        (CertificateError::TooFew { got, needed }, got < needed),
        (CertificateError::InvalidSignature, signatures.iter().any(is_bad)),
    ];
    let expected = objections.into_iter().find(|(_, applies)| *applies).map(|(error, _)| error);
    let verdict = certificate.verify(&GENESIS, voters);
    assert_eq!(verdict.err(), expected, "{certificate:?} among {} voters", voters.len());
}

/// Has keys vote for a block, makes a certificate of it, and spoils up to three things.
fn made(choices: &mut Choices) {
    let vote = CheckpointVote { checkpoint: choices.number(), block_hash: choices.hash() };
    let CheckpointVote { checkpoint, block_hash } = vote;
    let count = 1 + usize::from(choices.below(KEYS.len() as u8));
    let mut votes: Vec<_> =
        KEYS[..count].iter().map(|key| key.vote(&GENESIS, checkpoint, block_hash)).collect();
    assert!(votes.iter().all(|vote| vote.verify(&GENESIS)));
    for _ in 0..choices.below(4) {
        let at = usize::from(choices.byte()) % votes.len();
        spoil(&mut votes[at], choices);
    }
    for vote in &votes {
        judge(vote);
        written(vote, choices);
    }
    let mut signatures: Vec<_> = votes.iter().map(|vote| (vote.key, vote.signature)).collect();
    if choices.below(8) != 7 {
        signatures.sort_unstable_by_key(|(key, _)| *key);
    }
    let certificate = Certificate { vote, signatures };
    judge_certificate(&certificate, &voters(usize::from(choices.below(6))));
    written(&certificate, choices);
}

/// Changes one thing.
fn spoil(signed: &mut SignedVote, choices: &mut Choices) {
    match choices.below(6) {
        0 => signed.vote.checkpoint ^= 1 << choices.below(64),
        1 => signed.vote.block_hash = choices.hash(),
        2 => signed.key = choices.key(),
        3 => signed.signature = choices.spoilt(&signed.signature),
        4 => {
            // By the right key, as another kind of statement or for another chain.
            let kind = choices.of(&StatementKind::ALL);
            let mut bytes = signing_prefix(kind, &choices.of(&[GENESIS, ELSEWHERE]));
            signed.vote.encode_to(&mut bytes);
            if let Some(key) = known(&signed.key) {
                signed.signature = key.sign_bytes(&bytes);
            }
        }
        _ => {
            let mut bytes = signed.encode();
            choices.flip(&mut bytes);
            *signed = SignedVote::decode_all(&mut &bytes[..]).expect("any bytes of that length");
        }
    }
}
