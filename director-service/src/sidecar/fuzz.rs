//! Hands the reader of commands to `fuzz/`, which cannot see it otherwise. For nothing else.

use super::{
    pipe,
    protocol::{self, Command, Request, Writing, to_publish},
};
use crate::client::Message;
use director_primitives::{CheckpointNumber, H256, PayloadKind};
use serde_json::Value;
use tokio::io::AsyncBufRead;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// A message to all others.
    Publish(PayloadKind, Vec<u8>),
    /// A vote.
    Vote(CheckpointNumber, H256),
    /// A question, or a wish about messages.
    Other,
    /// Nothing: this is answered.
    Nothing(String),
}

/// Reads a line, as the sidecar does. The validator's name for it, and what it says.
pub fn hear(line: &str) -> (Option<Value>, Said) {
    let (id, request) = match Command::parse(line) {
        Ok(Command { id, request }) => (id, request),
        Err((id, refusal)) => {
            let answer = refusal.line(id.as_ref());
            return (id, Said::Nothing(answer));
        }
    };
    let said = match request {
        Request::Publish { kind, topic, payload_hex, payload_base64, .. } => {
            match to_publish(kind, topic, payload_hex, payload_base64) {
                Ok((kind, payload)) => Said::Publish(kind, payload),
                Err(refusal) => Said::Nothing(refusal.line(id.as_ref())),
            }
        }
        Request::Vote { checkpoint, block_hash } => Said::Vote(checkpoint, block_hash),
        Request::Status {} | Request::Subscribe(_) => Said::Other,
    };
    (id, said)
}

/// The lines of an input, of at most so many bytes; `None` for each longer one.
pub async fn lines(mut input: impl AsyncBufRead + Unpin, most: usize) -> Vec<Option<String>> {
    let mut lines = Vec::new();
    loop {
        match pipe::read_line(&mut input, most).await {
            Ok(pipe::Read::Line(line)) => lines.push(Some(line)),
            Ok(pipe::Read::TooLong) => lines.push(None),
            Ok(pipe::Read::End) | Err(_) => return lines,
        }
    }
}

/// The line that tells of a message.
pub fn tell(message: &Message, in_base64: bool) -> String {
    let writing = if in_base64 { Writing::Base64 } else { Writing::Hex };
    protocol::message(message, None, writing)
}
