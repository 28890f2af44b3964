//! Judges signed envelopes.

use crate::{
    ELSEWHERE, GENESIS, KEYS, PUBLIC,
    choices::{Choices, MADE},
    cost::bounded,
    known,
    wire::{read, written},
};
use codec::{DecodeAll, Encode};
use director_primitives::{
    Encoding, Envelope, EnvelopeError, H256, PayloadKind, Priority, SignedEnvelope, StatementKind,
    Topic,
    envelope::{fingerprint, signing_bytes_of_encoded},
    keys::is_small_order,
    signing::{signing_bytes, signing_prefix},
};

/// Judges the envelope that is in these bytes, or that they tell how to make.
pub fn envelope(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    if choices.byte() & 1 == MADE {
        made(&mut choices);
        return;
    }
    let rest = choices.rest();
    let from_bytes = bounded(rest.len(), || SignedEnvelope::from_bytes(rest));
    // A director hears exactly these bytes: nothing may be left over, and numbers count from 1.
    let decoded = read::<SignedEnvelope>(rest).filter(|signed| signed.encode().len() == rest.len());
    match from_bytes {
        Ok(signed) => {
            assert_eq!(decoded.as_ref(), Some(&signed));
            assert_ne!(signed.envelope.seq, 0);
            judge(&signed, rest);
        }
        Err(EnvelopeError::ZeroSequence) => {
            assert!(decoded.is_some_and(|signed| signed.envelope.seq == 0));
        }
        Err(error) => assert_eq!((error, decoded), (EnvelopeError::Malformed, None)),
    }
}

/// An envelope verifies exactly if its origin's key made its signature, for the chain in question; and what
/// is covered can be told without reading it.
fn judge(signed: &SignedEnvelope, encoded: &[u8]) {
    for genesis_hash in [GENESIS, ELSEWHERE] {
        is_as_signed(signed, &genesis_hash);
        let covered = signing_bytes_of_encoded(&genesis_hash, encoded);
        assert_eq!(covered, Some(signing_bytes(&genesis_hash, &signed.envelope)));
    }
    assert_eq!(fingerprint(encoded), fingerprint(&signed.encode()));
}

fn is_as_signed(signed: &SignedEnvelope, genesis_hash: &H256) {
    let origin = &signed.envelope.origin;
    // Such a key is content with anything: it is refused where it would enter, at registration.
    if is_small_order(origin) {
        return;
    }
    let again = known(origin).map(|key| key.sign(genesis_hash, &signed.envelope));
    assert_eq!(signed.verify(genesis_hash), again == Some(signed.signature), "{signed:?}");
}

/// Has an envelope signed, changes up to three things, and judges what came of it.
fn made(choices: &mut Choices) {
    let number = usize::from(choices.byte()) % KEYS.len();
    let body = Envelope { origin: PUBLIC[number], ..body(choices) };
    let honest = KEYS[number].envelope(&GENESIS, body);
    assert!(honest.verify(&GENESIS), "the right signature of {honest:?}");
    let mut signed = honest.clone();
    for _ in 0..choices.below(4) {
        spoil(&mut signed, choices);
    }
    is_as_signed(&signed, &GENESIS);
    is_as_signed(&signed, &ELSEWHERE);
    if signed.signature == honest.signature && !is_small_order(&signed.envelope.origin) {
        let is_the_same = signed.envelope == honest.envelope;
        assert_eq!(signed.verify(&GENESIS), is_the_same, "{honest:?} was signed, not {signed:?}");
    }
    written(&signed, choices);
    let (bytes, seq) = (signed.encode(), signed.envelope.seq);
    let read = SignedEnvelope::from_bytes(&bytes);
    let expected = if seq == 0 { Err(EnvelopeError::ZeroSequence) } else { Ok(signed) };
    assert_eq!(read, expected);
}

fn body(choices: &mut Choices) -> Envelope {
    Envelope {
        origin: choices.key(),
        epoch: choices.number(),
        class: choices.of(&Priority::ALL),
        seq: choices.number(),
        kind: kind(choices),
        encoding: choices.of(&[Encoding::Identity, Encoding::Zstd]),
        payload: choices.some_bytes(),
    }
}

fn kind(choices: &mut Choices) -> PayloadKind {
    match choices.below(4) {
        0 => PayloadKind::CheckpointVote,
        1 => PayloadKind::Certificate,
        2 => PayloadKind::BlockAnnouncement,
        _ => PayloadKind::Opaque(Topic::truncate_from(choices.some_bytes())),
    }
}

/// Changes one thing.
fn spoil(signed: &mut SignedEnvelope, choices: &mut Choices) {
    let envelope = &mut signed.envelope;
    match choices.below(11) {
        0 => envelope.origin = choices.key(),
        1 => envelope.epoch ^= 1 << choices.below(64),
        2 => envelope.class = choices.of(&Priority::ALL),
        3 => envelope.seq ^= 1 << choices.below(64),
        4 => envelope.kind = kind(choices),
        5 => envelope.encoding = choices.of(&[Encoding::Identity, Encoding::Zstd]),
        6 => envelope.payload = choices.some_bytes(),
        7 => signed.signature = choices.spoilt(&signed.signature),
        8 => *envelope = body(choices),
        9 => {
            // By the right key, as another kind of statement or for another chain.
            let kind = choices.of(&StatementKind::ALL);
            let mut bytes = signing_prefix(kind, &choices.of(&[GENESIS, ELSEWHERE]));
            envelope.encode_to(&mut bytes);
            if let Some(key) = known(&envelope.origin) {
                signed.signature = key.sign_bytes(&bytes);
            }
        }
        _ => {
            let mut bytes = signed.encode();
            choices.flip(&mut bytes);
            if let Ok(changed) = SignedEnvelope::decode_all(&mut &bytes[..]) {
                *signed = changed;
            }
        }
    }
}
