//! What the benchmark measures happens: messages and commands go through both doors.

use super::{Door, publish, receive};
use std::time::Duration;

/// More than what waits at a door, so that both sides have to wait for each other.
const MESSAGES: usize = 2_000;
const PAYLOAD: usize = 16 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn messages_come_to_a_validator_through_each_door() {
    for door in [Door::Pipe, Door::WebSocket] {
        let took = receive(door, MESSAGES, PAYLOAD).await.unwrap();
        assert_ne!(took, Duration::ZERO, "{door:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_a_validator_come_through_each_door() {
    for door in [Door::Pipe, Door::WebSocket] {
        let took = publish(door, MESSAGES, PAYLOAD).await.unwrap();
        assert_ne!(took, Duration::ZERO, "{door:?}");
    }
}
