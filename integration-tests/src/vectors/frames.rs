//! What a reader makes of a stream: frames, acknowledgements, or the end of the connection.

use super::envelopes::join;
use codec::Encode;
use director_primitives::{Control, Welcome, envelope::MAX_ENVELOPE_LEN};
use director_service::network::{
    MAX_CONTROL_LEN,
    vectors::{PING, acknowledgement, read, slice},
};
use serde_json::{Value, json};

const CRITICAL: u8 = 0;
const BULK: u8 = 3;
const CONTROL: u8 = 4;

fn sliced(kind: u8, bytes: &[u8], more: bool) -> String {
    hex::encode(slice(kind, bytes, more).unwrap_or_default())
}

/// The header of a slice, without the slice.
fn header(byte: u8, len: u32) -> String {
    hex::encode([&[byte][..], &len.to_le_bytes()].concat())
}

pub(super) fn file() -> Value {
    let shown_unasked = |(name, parts)| shown(name, parts, 0);
    let acknowledged = |bytes| json!([hex::encode(acknowledgement(bytes))]);
    let vote = sliced(CRITICAL, b"vote", false);
    let twice =
        json!([hex::encode(acknowledgement(8_192)), vote, hex::encode(acknowledgement(1)),]);
    good()
        .into_iter()
        .map(shown_unasked)
        .chain([
            shown("an acknowledgement", acknowledged(8_192), 8_192),
            shown("two acknowledgements of what was sent", twice.clone(), 8_193),
        ])
        .chain(bad().into_iter().map(shown_unasked))
        .chain([
            shown("more acknowledged than was sent", acknowledged(8_192), 8_191),
            shown("more acknowledged than was sent, after a frame", twice, 8_192),
        ])
        .collect()
}

fn good() -> Vec<(&'static str, Value)> {
    let welcome = Control::Welcome(Welcome { last_epoch: 3, authorized: true }).encode();
    let long = MAX_ENVELOPE_LEN as u32;
    vec![
        ("nothing", json!([])),
        ("a ping", json!([hex::encode(PING)])),
        (
            "one of each class",
            json!((0..4).map(|kind| sliced(kind, b"frame", false)).collect::<Vec<_>>()),
        ),
        ("a control message", json!([sliced(CONTROL, &welcome, false)])),
        (
            "a control message in two slices, a ping between them",
            json!([
                sliced(CONTROL, &welcome[..4], true),
                hex::encode(PING),
                sliced(CONTROL, &welcome[4..], false)
            ]),
        ),
        (
            "slices of two lanes, mixed",
            json!([
                sliced(BULK, b"blo", true),
                sliced(CRITICAL, b"vo", true),
                sliced(BULK, b"ck", true),
                sliced(CRITICAL, b"te", false),
                sliced(BULK, b"s", false),
            ]),
        ),
        ("the longest envelope", json!([header(BULK, long), ["00", long]])),
        ("a frame that has not come yet", json!([sliced(CRITICAL, b"vote", true)])),
        ("half a header", json!([&header(CRITICAL, 4)[..6]])),
    ]
}

fn bad() -> Vec<(&'static str, Value)> {
    let long = MAX_ENVELOPE_LEN as u32;
    let vote = sliced(CRITICAL, b"vote", false);
    vec![
        ("no such kind", json!([vote, header(7, 1)])),
        ("a ping of which more follows", json!([header(0x85, 0)])),
        ("an acknowledgement of which more follows", json!([header(0x86, 1)])),
        ("a ping with a length", json!([header(5, 1)])),
        ("an empty slice", json!([header(BULK, 0)])),
        ("an empty slice of which more follows", json!([header(0x80 | BULK, 0)])),
        ("a byte too long", json!([header(BULK, long + 1)])),
        (
            "a control message that is a byte too long",
            json!([header(CONTROL, MAX_CONTROL_LEN as u32 + 1)]),
        ),
        (
            "two slices that are together too long",
            json!([sliced(BULK, b"x", true), header(BULK, long)]),
        ),
        (
            "a control message within a critical frame",
            json!([sliced(CRITICAL, b"vo", true), header(CONTROL, 1)]),
        ),
        (
            "a critical frame within a control message",
            json!([sliced(CONTROL, &[0], true), header(CRITICAL, 1)]),
        ),
        ("a control message that is none", json!([vote, sliced(CONTROL, &[0xff; 9], false)])),
    ]
}

fn shown(name: &str, parts: Value, bulk_sent: usize) -> Value {
    let read = read(&join(&parts), bulk_sent);
    let frames = read.frames.iter().map(|(kind, bytes)| {
        json!({
            "kind": kind,
            "length": bytes.len(),
            "blake2b_256": hex::encode(sp_crypto_hashing::blake2_256(bytes)),
        })
    });
    json!({
        "name": name,
        "bulk_sent": bulk_sent,
        "stream": parts,
        "frames": frames.collect::<Value>(),
        "bulk_read": read.bulk_read,
        "bulk_acknowledged": read.bulk_acknowledged,
        "error": read.error.map(|error| format!("{error:?}")),
    })
}
