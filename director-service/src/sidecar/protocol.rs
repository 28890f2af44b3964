//! Says in JSON what a validator wants and what happens to it: one object a line, docs/validators.md.

use crate::client::{Event, Message, Stats};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use codec::DecodeAll;
use director_primitives::{
    Certificate, CheckpointNumber, H256, PayloadKind, Priority, PublicKey, Range, SignedVote,
    Snapshot, envelope::Topic,
};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Version of what is said here. Fields and events are added without a new one.
pub(super) const VERSION: u32 = 1;

/// Longest line that is read: a payload of 1 MiB in hexadecimal, and what is around it.
pub(super) const MAX_LINE: usize = 3 * 1024 * 1024;

/// Longest `id` of a command, as JSON.
const MAX_ID: usize = 64;

/// Most brackets, commas and colons of a command: a subscription with all its topics has about 150. A line is read into values only
/// if it has no more: each of them takes up to a hundred times the bytes of its text.
const MAX_PARTS: usize = 256;

/// Topics of a subscription.
const MAX_TOPICS: usize = 64;

/// Bytes of a topic.
const MAX_TOPIC: usize = 32;

/// Something that the validator wants, and its name for it.
#[derive(Debug)]
pub(super) struct Command {
    /// Comes back with the answer.
    pub(super) id: Option<Value>,
    pub(super) request: Request,
}

/// What the validator wants.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Request {
    /// A message to all others.
    Publish {
        kind: Kind,
        #[serde(default)]
        topic: Option<String>,
        #[serde(default)]
        priority: Option<Class>,
        #[serde(default)]
        payload_hex: Option<String>,
        #[serde(default)]
        payload_base64: Option<String>,
    },
    /// A vote for a block, signed here.
    Vote { checkpoint: CheckpointNumber, block_hash: H256 },
    /// How things are.
    Status {},
    /// Which messages it wants, and how written.
    Subscribe(Subscription),
}

/// Which messages a consumer gets. Default: all, payloads in hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Subscription {
    /// Of these kinds alone.
    kinds: Option<BTreeSet<Kind>>,
    /// Of opaque ones, with these topics alone.
    #[serde(deserialize_with = "topics")]
    topics: Option<BTreeSet<String>>,
    /// How payloads are written.
    pub(super) payload: Writing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Writing {
    #[default]
    Hex,
    Base64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    CheckpointVote,
    Certificate,
    BlockAnnouncement,
    Opaque,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Class {
    Critical,
    High,
    Normal,
    Bulk,
}

impl From<Class> for Priority {
    fn from(class: Class) -> Self {
        match class {
            Class::Critical => Self::Critical,
            Class::High => Self::High,
            Class::Normal => Self::Normal,
            Class::Bulk => Self::Bulk,
        }
    }
}

impl Kind {
    fn of(kind: &PayloadKind) -> Self {
        match kind {
            PayloadKind::CheckpointVote => Self::CheckpointVote,
            PayloadKind::Certificate => Self::Certificate,
            PayloadKind::BlockAnnouncement => Self::BlockAnnouncement,
            PayloadKind::Opaque(_) => Self::Opaque,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::CheckpointVote => "checkpoint-vote",
            Self::Certificate => "certificate",
            Self::BlockAnnouncement => "block-announcement",
            Self::Opaque => "opaque",
        }
    }
}

/// What went wrong, for a program (`code`) and for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

impl Refusal {
    pub(super) fn new(
        code: &'static str,
        message: impl Into<String>,
        remedy: &'static str,
    ) -> Self {
        Self { code, message: message.into(), remedy }
    }

    /// A line for whoever asked.
    pub(super) fn line(&self, id: Option<&Value>) -> String {
        let Self { code, message, remedy } = self;
        answer(id, json!({ "event": "error", "code": code, "message": message, "remedy": remedy }))
    }

    /// Whether the same vote may be signed and published later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self.code, "busy" | "signer" | "protection" | "outbox-full")
    }

    fn malformed(message: impl Into<String>) -> Self {
        Self::new("malformed", message, "see docs/validators.md for all commands and their fields")
    }
}

impl Command {
    /// Reads a line; if it is none, what to say about it.
    pub(super) fn parse(line: &str) -> Result<Self, (Option<Value>, Refusal)> {
        if parts(line) > MAX_PARTS {
            let message = format!("it has more than {MAX_PARTS} brackets, commas and colons");
            return Err((None, Refusal::malformed(message)));
        }
        let read = serde_json::from_str::<Map<String, Value>>(line);
        let mut fields =
            read.map_err(|error| (None, Refusal::malformed(format!("no JSON object: {error}"))))?;
        let id = fields.remove("id").filter(|id| !id.is_null());
        if id.as_ref().is_some_and(|id| id.to_string().len() > MAX_ID) {
            let refusal = Refusal::malformed(format!("the id is longer than {MAX_ID} bytes"));
            return Err((None, refusal));
        }
        match serde_json::from_value(Value::Object(fields)) {
            Ok(request) => Ok(Self { id, request }),
            Err(error) => Err((id, Refusal::malformed(error.to_string()))),
        }
    }
}

/// How many brackets, commas and colons there are outside of texts, up to one more than is allowed.
fn parts(line: &str) -> usize {
    let (mut is_text, mut is_escaped) = (false, false);
    let is_part = |letter: &u8| {
        match letter {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            b'[' | b'{' | b',' | b':' => return !is_text,
            _ => {}
        }
        false
    };
    line.as_bytes().iter().copied().filter(is_part).take(MAX_PARTS + 1).count()
}

/// Reads topics, of which there are few and short ones: they stay as long as the consumer.
fn topics<'de, D: Deserializer<'de>>(from: D) -> Result<Option<BTreeSet<String>>, D::Error> {
    let topics = Option::<BTreeSet<String>>::deserialize(from)?;
    let known = topics.iter().flatten();
    if known.clone().count() > MAX_TOPICS || known.clone().any(|of| of.len() > MAX_TOPIC) {
        let what = format!("at most {MAX_TOPICS} topics of at most {MAX_TOPIC} bytes each");
        return Err(D::Error::custom(what));
    }
    Ok(topics)
}

/// What a publish command says, ready to be published.
pub(super) fn to_publish(
    kind: Kind,
    topic: Option<String>,
    payload_hex: Option<String>,
    payload_base64: Option<String>,
) -> Result<(PayloadKind, Vec<u8>), Refusal> {
    let kind = match (kind, topic) {
        (Kind::CheckpointVote, _) => {
            return Err(Refusal::new(
                "use-vote",
                "a checkpoint vote is published by the command that signs it",
                "send {\"do\":\"vote\",\"checkpoint\":N,\"block_hash\":\"0x…\"}",
            ));
        }
        (Kind::Opaque, topic) => {
            let topic = Topic::try_from(topic.unwrap_or_default().into_bytes());
            let topic = topic.map_err(|_| {
                Refusal::malformed(format!("a topic has at most {MAX_TOPIC} bytes"))
            })?;
            PayloadKind::Opaque(topic)
        }
        (_, Some(_)) => return Err(Refusal::malformed("only kind opaque has a topic")),
        (Kind::Certificate, None) => PayloadKind::Certificate,
        (Kind::BlockAnnouncement, None) => PayloadKind::BlockAnnouncement,
    };
    let payload = match (payload_hex, payload_base64) {
        (Some(digits), None) => hex::decode(digits.strip_prefix("0x").unwrap_or(&digits))
            .map_err(|error| Refusal::malformed(format!("payload_hex: {error}"))),
        (None, Some(text)) => BASE64_STANDARD
            .decode(text)
            .map_err(|error| Refusal::malformed(format!("payload_base64: {error}"))),
        _ => Err(Refusal::malformed("give the payload as payload_hex or as payload_base64")),
    }?;
    Ok((kind, payload))
}

impl Subscription {
    /// Whether a message is wanted.
    pub(super) fn wants(&self, message: &Message) -> bool {
        let topic = match &message.kind {
            PayloadKind::Opaque(topic) => Some(String::from_utf8_lossy(topic)),
            _ => None,
        };
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&Kind::of(&message.kind)))
            && match (&self.topics, topic) {
                (Some(topics), Some(topic)) => topics.contains(topic.as_ref()),
                _ => true,
            }
    }
}

/// A line that answers a command.
pub(super) fn answer(id: Option<&Value>, mut said: Value) -> String {
    if let (Some(id), Some(fields)) = (id, said.as_object_mut()) {
        fields.insert("id".into(), id.clone());
    }
    said.to_string()
}

/// A message, with what a validator wants to know of a vote.
pub(super) fn message(of: &Message, snapshot: Option<&Snapshot>, writing: Writing) -> String {
    let validator = snapshot.and_then(|of_block| of_block.validator_by_peer_key(&of.origin));
    let mut said = json!({
        "event": "message",
        "kind": Kind::of(&of.kind).name(),
        "origin": hex::encode(of.origin.0),
        "validator": validator.map(|known| known.account.to_string()),
        "epoch": of.id.epoch,
        "class": class_name(of.id.class),
        "seq": of.id.seq,
    });
    let (field, payload) = match writing {
        Writing::Hex => ("payload_hex", hex::encode(&of.payload)),
        Writing::Base64 => ("payload_base64", BASE64_STANDARD.encode(&of.payload)),
    };
    said[field] = payload.into();
    if let PayloadKind::Opaque(topic) = &of.kind {
        said["topic"] = String::from_utf8_lossy(topic).into();
    }
    if let Some(vote) = vote_of(of) {
        said["vote"] = json!({
            "checkpoint": vote.vote.checkpoint,
            "block_hash": vote.vote.block_hash,
            "key": hex::encode(vote.key.0),
        });
    }
    said.to_string()
}

/// The vote in a message, if it is one.
pub(super) fn vote_of(message: &Message) -> Option<SignedVote> {
    let is_vote = message.kind == PayloadKind::CheckpointVote;
    is_vote.then(|| SignedVote::decode_all(&mut &*message.payload).ok()).flatten()
}

/// More than two thirds of the validators have voted for a block.
pub(super) fn certificate(of: &Certificate) -> String {
    let signatures = of.signatures.iter().map(|(key, signature)| {
        json!({ "key": hex::encode(key.0), "signature": hex::encode(signature.0) })
    });
    json!({
        "event": "certificate",
        "checkpoint": of.vote.checkpoint,
        "block_hash": of.vote.block_hash,
        "signatures": signatures.collect::<Vec<_>>(),
    })
    .to_string()
}

/// What happens to the link, but for messages.
pub(super) fn link(event: &Event) -> Option<String> {
    let key = |key: &PublicKey| hex::encode(key.0);
    let said = match event {
        Event::Message(_) => return None,
        Event::Connected { director } => {
            json!({ "event": "connected", "director": key(director) })
        }
        Event::Disconnected { director, reason } => json!({
            "event": "disconnected", "director": key(director), "reason": kebab(reason),
        }),
        Event::Unreachable { director, error } => json!({
            "event": "unreachable", "director": key(director), "error": error,
        }),
        Event::Authorized { director } => {
            json!({ "event": "authorized", "director": key(director) })
        }
        Event::Approved { director, votes, needed } => json!({
            "event": "approved", "director": key(director), "votes": votes, "needed": needed,
        }),
        Event::Refused(answer) => json!({ "event": "refused", "reason": kebab(answer) }),
        Event::Redirected { from, to } => json!({
            "event": "redirected", "director": key(from),
            "to": to.iter().map(key).collect::<Vec<_>>(),
        }),
        Event::Standby { director } => json!({ "event": "standby", "director": key(director) }),
        Event::Moved { from, to } => {
            json!({ "event": "moved", "from": key(from), "to": key(to) })
        }
        Event::Withheld { director, via, message } => json!({
            "event": "withheld", "director": key(director), "via": key(via),
            "messages": range(message),
        }),
        Event::Gap(lost) => json!({ "event": "gap", "messages": range(lost) }),
    };
    Some(said.to_string())
}

fn range(of: &Range) -> Value {
    json!({
        "origin": hex::encode(of.origin.0),
        "epoch": of.epoch,
        "class": class_name(of.class),
        "first": of.first,
        "last": of.last,
    })
}

pub(super) fn class_name(class: Priority) -> &'static str {
    match class {
        Priority::Critical => "critical",
        Priority::High => "high",
        Priority::Normal => "normal",
        Priority::Bulk => "bulk",
    }
}

/// Counters of the client, by name.
pub(super) fn stats(of: &Stats) -> Value {
    json!({
        "published": of.published,
        "delivered": of.delivered,
        "duplicates": of.duplicates,
        "forged": of.forged,
        "connections": of.connections,
        "failovers": of.failovers,
        "moves": of.moves,
        "fetches": of.fetches,
        "withheld": of.withheld,
        "gaps": of.gaps,
        "sent_again": of.sent_again,
    })
}

/// The name of a variant, `NotAllowed(…)` as `not-allowed`.
pub(super) fn kebab(of: &impl std::fmt::Debug) -> String {
    let name = format!("{of:?}");
    let mut said = String::with_capacity(name.len() + 4);
    for letter in name.chars().take_while(char::is_ascii_alphanumeric) {
        if letter.is_ascii_uppercase() && !said.is_empty() {
            said.push('-');
        }
        said.push(letter.to_ascii_lowercase());
    }
    said
}

#[cfg(test)]
mod tests;
