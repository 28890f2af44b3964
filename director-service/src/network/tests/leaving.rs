//! A last word is read before the connection ends.

use super::{Peer, key};
use crate::network::{DownReason, Event, Payload, Sent, Side};
use director_primitives::{
    Control,
    Priority::{Bulk, Critical, Normal},
    Welcome,
};
use std::time::{Duration, Instant};

async fn pair() -> (Peer, Peer) {
    let mut director = Peer::director(1, &[key(2)]).await;
    let mut validator = Peer::validator(2, &director).await;
    assert_eq!((director.up().await, validator.up().await), (key(2), key(1)));
    (director, validator)
}

#[tokio::test]
async fn what_waits_is_written_first() {
    let (mut director, mut validator) = pair().await;
    let last = Control::Welcome(Welcome { last_epoch: 9, authorized: false });
    director.send(&validator, Normal, &[7; 100_000]);
    director.send(&validator, Bulk, &[8; 100_000]);
    director.handle.send(&key(2), Critical, Payload::control(&last));
    let begun = Instant::now();
    director.handle.disconnect_after_flush(&key(2));
    assert_eq!(director.send(&validator, Critical, b"too late"), Sent::NotConnected);
    assert!(director.handle.is_connected(&key(2)));

    match validator.next().await {
        Event::Control(_, message) => assert_eq!(message, last),
        other => panic!("expected the last word, got {other:?}"),
    }
    assert_eq!(validator.frames(2).await.len(), 2);
    assert_eq!(validator.down().await, (key(1), DownReason::Closed));
    assert_eq!(director.down().await, (key(2), DownReason::Disconnected));
    assert!(begun.elapsed() < Duration::from_millis(900), "nobody waits for the bound");
}

#[tokio::test]
async fn a_peer_that_talks_on_gets_the_last_word_too() {
    let (mut director, mut validator) = pair().await;
    let last = Control::Welcome(Welcome { last_epoch: 9, authorized: false });
    for _ in 0..1_000 {
        validator.send(&director, Normal, &[1; 1_000]);
    }
    director.handle.send(&key(2), Critical, Payload::control(&last));
    director.handle.disconnect_after_flush(&key(2));
    match validator.next().await {
        Event::Control(_, message) => assert_eq!(message, last),
        other => panic!("expected the last word, got {other:?}"),
    }
    loop {
        match director.next().await {
            Event::Frames(_) => {}
            Event::Down { reason, .. } => break assert_eq!(reason, DownReason::Disconnected),
            other => panic!("unexpected {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_not_waited_for() {
    let mut director = Peer::director(1, &[key(2)]).await;
    let deaf = Peer::start(Side::Client, 2, |config| config.limits.inbound_bytes_per_peer = 1);
    let deaf = deaf.await;
    deaf.want(&director);
    director.up().await;
    for _ in 0..400 {
        director.send(&deaf, Critical, &[1; 15_000]);
    }
    let begun = Instant::now();
    director.handle.disconnect_after_flush(&key(2));
    assert_eq!(director.down().await, (key(2), DownReason::Disconnected));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn nobody_is_no_trouble() {
    let director = Peer::director(1, &[key(2)]).await;
    director.handle.disconnect_after_flush(&key(2));
}
