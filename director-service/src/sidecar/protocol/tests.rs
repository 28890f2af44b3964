#![allow(clippy::unwrap_used)]

use super::*;
use crate::{client::MessageId, network::DownReason};
use director_primitives::Encoding;
use std::time::Instant;

fn parse(line: &str) -> Result<Request, Refusal> {
    Command::parse(line).map(|command| command.request).map_err(|(_, refusal)| refusal)
}

#[test]
fn commands_are_read() {
    let command = Command::parse(r#"{"do":"status","id":7}"#).unwrap();
    assert_eq!((command.id, command.request), (Some(json!(7)), Request::Status {}));
    let hash = H256::repeat_byte(1);
    let vote = parse(&format!(r#"{{"do":"vote","checkpoint":3,"block_hash":"{hash:?}"}}"#));
    assert_eq!(vote, Ok(Request::Vote { checkpoint: 3, block_hash: hash }));
    let read = parse(r#"{"do":"subscribe","kinds":["opaque"],"payload":"base64"}"#).unwrap();
    assert!(matches!(read, Request::Subscribe(of) if of.payload == Writing::Base64));
}

#[test]
fn what_is_no_command_is_told_of() {
    let long = format!(r#"{{"do":"status","id":"{}"}}"#, "x".repeat(100));
    for (line, said) in [
        ("", "no JSON object"),
        ("[]", "no JSON object"),
        ("{}", "do"),
        (r#"{"do":"dance"}"#, "dance"),
        (r#"{"do":"status","now":1}"#, "now"),
        (r#"{"do":"vote","checkpoint":3}"#, "block_hash"),
        (r#"{"do":"vote","checkpoint":3,"block_hash":"0x00"}"#, "32 bytes"),
        (r#"{"do":"subscribe","kind":["opaque"]}"#, "kind"),
        (&long, "64 bytes"),
    ] {
        let refusal = parse(line).unwrap_err();
        assert_eq!(refusal.code, "malformed");
        assert!(refusal.message.contains(said), "{line}: {}", refusal.message);
    }
}

#[test]
fn a_line_of_many_values_is_refused_before_it_is_read_into_any() {
    let refused = |line: String| parse(&line).unwrap_err().message;
    let deep = format!("{{\"do\":{}", "[".repeat(100_000));
    let wide = format!("{{\"do\":[{}0]}}", "0,".repeat(100_000));
    let maps = format!("{{\"do\":[{}0]}}", "{\"a\":0},".repeat(100_000));
    let fields: String = (0..100_000).map(|n| format!("\"{n}\":0,")).collect();
    for line in [deep, wide, maps, format!("{{{fields}\"do\":\"status\"}}")] {
        let said = refused(line);
        assert!(said.contains("more than 256"), "{said}");
    }
    // What is text counts as one value, whatever is in it.
    let text = r#"[{:,\"\\"#.repeat(1_000);
    let command = json!({ "do": "publish", "kind": "opaque", "payload_base64": text }).to_string();
    assert!(matches!(parse(&command), Ok(Request::Publish { .. })));
}

#[test]
fn a_subscription_keeps_few_topics_and_short_ones() {
    let subscribe = |topics: Vec<String>| {
        parse(&json!({ "do": "subscribe", "topics": topics, "kinds": ["opaque"] }).to_string())
    };
    let many = |count: usize| (0..count).map(|n| format!("{n:032}")).collect::<Vec<_>>();
    assert!(subscribe(many(MAX_TOPICS)).is_ok());
    assert!(subscribe(vec!["é".repeat(16)]).is_ok());
    for topics in [many(MAX_TOPICS + 1), vec!["x".repeat(33)], vec!["é".repeat(17)]] {
        let refusal = subscribe(topics).unwrap_err();
        assert!(refusal.message.contains("at most 64 topics"), "{}", refusal.message);
    }
    assert!(parse(r#"{"do":"subscribe","topics":null}"#).is_ok());
}

#[test]
fn payloads_come_in_either_writing() {
    let publish = |hex: Option<&str>, base64: Option<&str>| {
        let (hex, base64) = (hex.map(String::from), base64.map(String::from));
        to_publish(Kind::Opaque, Some("a".into()), hex, base64)
    };
    let expected = (PayloadKind::Opaque(b"a".to_vec().try_into().unwrap()), vec![1, 2, 255]);
    assert_eq!(publish(Some("0102ff"), None), Ok(expected.clone()));
    assert_eq!(publish(Some("0x0102ff"), None), Ok(expected.clone()));
    assert_eq!(publish(None, Some("AQL/")), Ok(expected));
    for (hex, base64) in [(None, None), (Some("01"), Some("AQ==")), (Some("0"), None)] {
        assert_eq!(publish(hex, base64).unwrap_err().code, "malformed");
    }
    let vote = to_publish(Kind::CheckpointVote, None, Some("00".into()), None);
    assert_eq!(vote.unwrap_err().code, "use-vote", "it would go around the protection");
    let topic = to_publish(Kind::Opaque, Some("x".repeat(33)), Some(String::new()), None);
    assert!(topic.unwrap_err().message.contains("32 bytes"));
}

#[test]
fn a_subscription_chooses() {
    let message = |kind| Message {
        origin: PublicKey::from_raw([1; 32]),
        id: MessageId { epoch: 1, class: Priority::Normal, seq: 2 },
        kind,
        encoding: Encoding::Identity,
        payload: vec![0xab],
        received_at: Instant::now(),
    };
    let opaque = message(PayloadKind::Opaque(b"rates".to_vec().try_into().unwrap()));
    let block = message(PayloadKind::BlockAnnouncement);
    let subscribed = |text: &str| serde_json::from_str::<Subscription>(text).unwrap();
    assert!(subscribed("{}").wants(&opaque) && subscribed("{}").wants(&block));
    let rates = subscribed(r#"{"topics":["rates"]}"#);
    assert!(rates.wants(&opaque) && rates.wants(&block), "topics are of opaque ones alone");
    assert!(!subscribed(r#"{"topics":["other"]}"#).wants(&opaque));
    assert!(!subscribed(r#"{"kinds":["opaque"]}"#).wants(&block));

    let said: Value = serde_json::from_str(&super::message(&opaque, None, Writing::Hex)).unwrap();
    assert_eq!((&said["topic"], &said["payload_hex"]), (&json!("rates"), &json!("ab")));
    assert_eq!((&said["class"], &said["seq"]), (&json!("normal"), &json!(2)));
    assert_eq!(said["validator"], Value::Null);
}

#[test]
fn reasons_are_names() {
    assert_eq!(kebab(&DownReason::Overflow(Priority::High)), "overflow");
    assert_eq!(kebab(&DownReason::SaidNothing), "said-nothing");
}
