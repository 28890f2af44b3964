//! Envelopes as they travel, and bytes that are none.

use super::{GENESIS, Key, OTHER_GENESIS, fields::Fields, spoilt, statements, verdict};
use codec::Encode;
use director_primitives::{
    Encoding, Envelope, H256, PayloadKind, Priority, SignedEnvelope, Topic,
    envelope::{MAX_ENVELOPE_LEN, MAX_PAYLOAD_LEN, fingerprint, signing_bytes_of_encoded},
};
use serde_json::{Value, json};

pub(super) fn file() -> Value {
    json!({ "envelopes": envelopes(), "malformed": malformed() })
}

fn topic(bytes: &[u8]) -> PayloadKind {
    PayloadKind::Opaque(Topic::try_from(bytes.to_vec()).unwrap_or_default())
}

fn envelopes() -> Value {
    let origin = Key::new(1);
    let base = statements::envelope(&origin);
    let with = |class, seq, kind| Envelope { class, seq, kind, ..base.clone() };
    let sign = |envelope: Envelope| {
        let signature = origin.sign(&GENESIS, &envelope);
        SignedEnvelope { envelope, signature }
    };
    let good = sign(base.clone());
    let certificate = with(Priority::Critical, 1, PayloadKind::Certificate);
    let empty = Envelope { payload: Vec::new(), ..with(Priority::Bulk, u64::MAX, topic(b"")) };
    let named = with(Priority::High, 2, topic(b"abc"));
    let longest_topic = with(Priority::High, 3, topic(&[b'x'; 32]));
    // Both take two bytes for the length.
    let longer = Envelope { payload: vec![7; 64], ..base.clone() };
    let zstd = Envelope { encoding: Encoding::Zstd, ..base.clone() };
    let mut changed = good.clone();
    changed.envelope.payload[0] ^= 1;
    let another_origin = Envelope { origin: Key::new(2).public(), ..base };
    let spoilt = SignedEnvelope { signature: spoilt(good.signature), ..good.clone() };
    let cases = [
        ("a block announcement", GENESIS, good.clone()),
        ("a certificate, of the most urgent class", GENESIS, sign(certificate)),
        ("nothing, of the class Bulk, without a topic, the last number", GENESIS, sign(empty)),
        ("a topic", GENESIS, sign(named)),
        ("the longest topic", GENESIS, sign(longest_topic)),
        ("a payload of 64 bytes", GENESIS, sign(longer)),
        ("said to be compressed", GENESIS, sign(zstd)),
        ("for another chain", OTHER_GENESIS, good),
        ("the payload changed after it was signed", GENESIS, changed),
        ("the signature changed", GENESIS, spoilt),
        ("signed by somebody else", GENESIS, sign(another_origin)),
    ];
    cases
        .into_iter()
        .map(|(name, genesis_hash, signed)| shown(name, &genesis_hash, &signed))
        .collect()
}

fn shown(name: &str, genesis_hash: &H256, signed: &SignedEnvelope) -> Value {
    let bytes = signed.encode();
    json!({
        "name": name,
        "genesis_hash": hex::encode(genesis_hash),
        "bytes": hex::encode(&bytes),
        "fields": signed.fields(),
        "message": signing_bytes_of_encoded(genesis_hash, &bytes).map(hex::encode),
        "fingerprint": hex::encode(fingerprint(&bytes)),
        "valid": signed.verify(genesis_hash),
    })
}

/// Bytes with what is made of them: parts, so that a long one is short here.
fn malformed() -> Value {
    let origin = Key::new(1);
    let good = statements::envelope(&origin);
    let good = SignedEnvelope { signature: origin.sign(&GENESIS, &good), envelope: good }.encode();
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        hex::encode(bytes)
    };
    let head = hex::encode(&good[..40]);
    // class, seq, kind (block announcement), encoding.
    let middle = "02 0900000000000000 02 00".replace(' ', "");
    let long = |payload: usize| {
        let length = hex::encode(codec::Compact(payload as u32).encode());
        json!([format!("{head}{middle}{length}"), ["00", payload], ["55", 64]])
    };
    let seq_zero = [&good[..41], &[0; 8], &good[49..]].concat();
    // Two bits say that the length takes two bytes, and it would fit into one.
    let wasteful = [&good[..51], &[0x1d, 0x00], &good[52..]].concat();
    let topic = format!("{head}02 0900000000000000 03 84",).replace(' ', "");
    let cases = [
        ("nothing", json!([""])),
        ("no room for a signature", json!([hex::encode(&good[..63])])),
        ("the last byte is missing", json!([hex::encode(&good[..good.len() - 1])])),
        ("a byte too many", json!([hex::encode([&good[..], &[0]].concat())])),
        ("no such class", json!([changed(40, 4)])),
        ("no such kind", json!([changed(49, 4)])),
        ("no such encoding", json!([changed(50, 2)])),
        ("a length that is not as short as it can be", json!([hex::encode(wasteful)])),
        ("a topic of 33 bytes", json!([topic, ["78", 33], "0000", ["55", 64]])),
        ("number 0", json!([hex::encode(seq_zero)])),
        ("the longest payload", long(MAX_PAYLOAD_LEN)),
        ("a payload that is a byte longer", long(MAX_PAYLOAD_LEN + 1)),
        ("longer than any envelope", json!([["00", MAX_ENVELOPE_LEN + 1]])),
    ];
    let shown = cases.into_iter().map(|(name, parts)| {
        let result = verdict(SignedEnvelope::from_bytes(&join(&parts)));
        json!({ "name": name, "bytes": parts, "result": result })
    });
    shown.collect()
}

/// The bytes that parts stand for.
///
/// # Panics
///
/// If they are no parts: the vectors would be wrong.
pub(super) fn join(parts: &Value) -> Vec<u8> {
    let parts = parts.as_array().expect("parts are an array");
    let part = |part: &Value| match part.as_array() {
        Some(repeated) => {
            let (bytes, times) = (repeated[0].as_str(), repeated[1].as_u64());
            let bytes = hex::decode(bytes.expect("bytes")).expect("hexadecimal");
            bytes.repeat(times.expect("a number") as usize)
        }
        None => hex::decode(part.as_str().expect("bytes")).expect("hexadecimal"),
    };
    parts.iter().flat_map(part).collect()
}
