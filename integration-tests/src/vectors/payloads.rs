//! Compressed payloads, and what is delivered of them.

use super::envelopes::join;
use director_primitives::{Encoding, PayloadKind, envelope::MAX_PAYLOAD_LEN};
use director_service::client::vectors::{pack, unpack};
use serde_json::{Value, json};

const MAGIC: &str = "28b52ffd";

/// One segment, 8 bytes of content size; then the size.
fn header(size: u64) -> String {
    format!("{MAGIC}e0{}", hex::encode(size.to_le_bytes()))
}

/// A block of `len` bytes: raw (0) or one byte repeated (1).
fn block(kind: u32, len: usize, last: bool) -> String {
    let header = u32::from(last) | kind << 1 | (len as u32) << 3;
    hex::encode(&header.to_le_bytes()[..3])
}

pub(super) fn file() -> Value {
    // A block has 128 KiB at most.
    let eighth = MAX_PAYLOAD_LEN / 8;
    let repeated = |last| format!("{}00", block(1, eighth, last));
    let plain = format!("{}{}646972656374", header(6), block(0, 6, true));
    let full = json!([header(MAX_PAYLOAD_LEN as u64), [repeated(false), 7], repeated(true)]);
    // Says nothing of its size: a window of 1 MiB.
    let open = format!("{MAGIC}0050");
    let bomb = json!([open, [repeated(false), 8], repeated(true)]);
    let text = b"a validator's message, a validator's message, a validator's message".to_vec();
    let packed = pack(PayloadKind::BlockAnnouncement, text);
    let packed = packed.filter(|(encoding, _)| *encoding == Encoding::Zstd);
    let (_, compressed) = packed.expect("it gets smaller");
    let cases = [
        ("a raw block", json!([plain])),
        ("a byte repeated, the most that there may be", full),
        ("as the client compresses", json!([hex::encode(&compressed)])),
        (
            "more than there may be, and says so",
            json!([header(MAX_PAYLOAD_LEN as u64 + 1), block(1, 1, true), "00"]),
        ),
        ("more than there may be, and does not say so", bomb),
        ("says another size than it has", json!([header(7), block(0, 6, true), "646972656374"])),
        ("cut off", json!([&plain[..plain.len() - 2]])),
        ("a byte after the frame", json!([plain, "00"])),
        ("two frames", json!([plain, plain])),
        ("a frame that only takes up room", json!(["502a4d1802000000", "0000"])),
        ("not compressed", json!([hex::encode(b"directors")])),
        ("nothing", json!([""])),
    ];
    let shown = cases.into_iter().map(|(name, parts)| {
        let content = unpack(&join(&parts)).map(|content| hashed(&content));
        json!({ "name": name, "bytes": parts, "content": content })
    });
    shown.collect()
}

/// Length and BLAKE2b-256: a content may be long.
fn hashed(content: &[u8]) -> Value {
    json!({
        "length": content.len(),
        "blake2b_256": hex::encode(sp_crypto_hashing::blake2_256(content)),
    })
}
