//! Judges what a validator says to its sidecar, and what the sidecar says to it.

use director_primitives::{Encoding, PayloadKind, Priority, PublicKey, envelope::Topic};
use director_primitives_fuzz::{MADE, choices::Choices, cost::allocating};
use director_service::{
    client::{Message, MessageId},
    sidecar::fuzz::{Said, hear, lines, tell},
};
use serde_json::{Map, Value, json};
use std::{sync::LazyLock, time::Instant};
use tokio::{io::BufReader, runtime::Runtime};

/// Longest line here: a longer one is skipped.
const MOST: usize = 2 * 1024;

/// Longest name that a validator may give a command, as JSON.
const MAX_ID: usize = 64;

/// Bytes that reading a line may allocate for each of its own, and beside that: what JSON says in a byte is a value
/// in a map, and what is wrong with it is said in its words.
const PER_BYTE: usize = 128;
const AT_ONCE: usize = 16 * 1024;

/// What other kinds are called.
const OTHER_KINDS: [&str; 2] = ["certificate", "block-announcement"];

/// Where lines are read: all there is to read is there.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers")
});

/// Judges the lines in these bytes, or a message that they tell how to make.
pub fn pipe(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    if choices.byte() & 1 == MADE {
        published(&mut choices);
        told(&mut choices);
        return;
    }
    let piece = 1 + usize::from(choices.byte());
    let bytes = choices.rest();
    let read = RUNTIME.block_on(lines(BufReader::with_capacity(piece, bytes), MOST));
    // As many as there are, and each as it was.
    let mut expected: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
    if expected.last().is_some_and(|last| last.is_empty()) {
        expected.pop();
    }
    assert_eq!(read.len(), expected.len());
    for (line, expected) in read.iter().zip(expected) {
        match line {
            Some(line) => {
                assert!(expected.len() <= MOST);
                assert_eq!(*line, String::from_utf8_lossy(expected));
                judge(line);
            }
            None => assert!(expected.len() > MOST, "it is not too long"),
        }
    }
}

/// A line means something, or is answered in one line of JSON that names it as it named itself.
fn judge(line: &str) {
    let ((id, said), allocated) = allocating(|| hear(line));
    let most = line.len() * PER_BYTE + AT_ONCE;
    assert!(allocated <= most, "{allocated} bytes are allocated for a line of {}", line.len());
    if let Some(id) = &id {
        assert!(!id.is_null() && id.to_string().len() <= MAX_ID, "{id}");
    }
    match said {
        Said::Nothing(answer) => {
            let fields = object(&answer);
            assert_eq!(fields.get("event"), Some(&json!("error")), "{answer}");
            assert_eq!(fields.get("id"), id.as_ref(), "{answer}");
            for field in ["code", "message", "remedy"] {
                let said = fields.get(field).and_then(Value::as_str);
                assert!(said.is_some_and(|said| !said.is_empty()), "{field} in {answer}");
            }
        }
        // Checkpoint votes are signed here, or not at all.
        Said::Publish(kind, _) => assert_ne!(kind, PayloadKind::CheckpointVote),
        Said::Vote(..) | Said::Other => {}
    }
}

/// A line is one object in one line.
fn object(line: &str) -> Map<String, Value> {
    assert!(!line.contains('\n'), "{line:?}");
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}

/// What is to be published is published as it was said, whatever the payload is written in.
fn published(choices: &mut Choices<'_>) {
    let payload = choices.some_bytes();
    let mut said = json!({ "do": "publish", "id": choices.byte() });
    let kind = match choices.below(4) {
        0 => {
            said["kind"] = OTHER_KINDS[0].into();
            PayloadKind::Certificate
        }
        1 => {
            said["kind"] = OTHER_KINDS[1].into();
            PayloadKind::BlockAnnouncement
        }
        _ => {
            let topic: String = choices.some_bytes().into_iter().map(char::from).collect();
            said["kind"] = "opaque".into();
            said["topic"] = topic.clone().into();
            match Topic::try_from(topic.into_bytes()) {
                Ok(topic) => PayloadKind::Opaque(topic),
                Err(_) => {
                    said["payload_hex"] = "".into();
                    let (_, heard) = hear(&said.to_string());
                    assert!(matches!(heard, Said::Nothing(_)), "{heard:?} of {said}");
                    return;
                }
            }
        }
    };
    let plain = hex::encode(&payload);
    said["payload_hex"] = if choices.coin() { format!("0x{plain}") } else { plain }.into();
    let (id, heard) = hear(&said.to_string());
    assert_eq!(id.as_ref(), said.get("id"));
    assert_eq!(heard, Said::Publish(kind, payload), "{said}");
}

/// What the sidecar tells of a message says what is in it, also if that is no text.
fn told(choices: &mut Choices<'_>) {
    let kind = match choices.below(4) {
        0 => PayloadKind::CheckpointVote,
        1 => PayloadKind::Certificate,
        2 => PayloadKind::BlockAnnouncement,
        _ => PayloadKind::Opaque(Topic::truncate_from(choices.some_bytes())),
    };
    let class = choices.of(&Priority::ALL);
    let message = Message {
        origin: PublicKey::from_raw(choices.bytes()),
        id: MessageId { epoch: choices.number(), class, seq: choices.number() },
        kind,
        encoding: Encoding::Identity,
        payload: choices.some_bytes(),
        received_at: Instant::now(),
    };
    let (hexadecimal, base64) = (object(&tell(&message, false)), object(&tell(&message, true)));
    let payload = hexadecimal.get("payload_hex").and_then(Value::as_str);
    assert_eq!(payload.and_then(|payload| hex::decode(payload).ok()), Some(message.payload));
    for said in [&hexadecimal, &base64] {
        assert_eq!(said.get("seq"), Some(&message.id.seq.into()));
    }
    // What is told in Base64 can be said in Base64.
    let again = json!({
        "do": "publish", "kind": "opaque", "topic": "", "payload_base64": base64["payload_base64"],
    });
    let (_, heard) = hear(&again.to_string());
    let payload = hex::decode(payload.unwrap_or_default()).unwrap_or_default();
    assert_eq!(heard, Said::Publish(PayloadKind::Opaque(Topic::default()), payload));
}
