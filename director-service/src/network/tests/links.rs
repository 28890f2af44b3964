//! Connections come, go and are refused.

use super::{GENESIS, PATIENCE, Peer, key};
use crate::network::{
    Config, DownReason, Event, FrameError, NetworkError, Payload, Refusal, Sent, Side, start,
};
use director_primitives::{Control, H256, Priority, Welcome, envelope::MAX_ENVELOPE_LEN};

#[tokio::test]
async fn frames_go_both_ways() {
    let mut director = Peer::director(1, &[key(2)]).await;
    let mut validator = Peer::validator(2, &director).await;
    assert_eq!(director.up().await, key(2));
    assert_eq!(validator.up().await, key(1));

    let welcome = Control::Welcome(Welcome { last_epoch: 0, authorized: true });
    let sent = director.handle.send(&key(2), Priority::Bulk, Payload::control(&welcome));
    assert_eq!(sent, Sent::Queued);
    let block = vec![9; MAX_ENVELOPE_LEN];
    assert_eq!(director.send(&validator, Priority::Bulk, &block), Sent::Queued);
    assert_eq!(validator.send(&director, Priority::Critical, b"vote"), Sent::Queued);

    assert_eq!(director.frames(1).await, [(key(2), b"vote"[..].into())]);
    match validator.next().await {
        Event::Control(from, message) => assert_eq!((from, message), (key(1), welcome)),
        other => panic!("control goes before a block: {other:?}"),
    }
    assert_eq!(validator.frames(1).await, [(key(1), block.into())]);
    assert_eq!(director.handle.connected(), [key(2)]);
    let stats = director.handle.stats();
    assert_eq!((stats.frames_in, stats.frames_out, stats.connected), (1, 2, 1));
}

#[tokio::test]
async fn unknown_key_is_refused() {
    let director = Peer::director(1, &[key(3)]).await;
    let mut stranger = Peer::start(Side::Client, 2, |_| {}).await;
    stranger.handle.allow([key(1)]);
    stranger.handle.dial(key(1), director.handle.listening());
    match stranger.next().await {
        Event::DialFailed { peer, .. } => assert_eq!(peer, key(1)),
        other => panic!("expected a failed dial, got {other:?}"),
    }
    assert_eq!(director.handle.stats().refused(Refusal::NotAllowed), 1);
    assert_eq!(stranger.send(&director, Priority::Critical, b"vote"), Sent::NotConnected);
    assert!(director.handle.connected().is_empty());
}

#[tokio::test]
async fn key_that_leaves_the_set_is_disconnected() {
    let mut director = Peer::director(1, &[key(2), key(3)]).await;
    let mut leaves = Peer::validator(2, &director).await;
    director.up().await;
    let mut stays = Peer::validator(3, &director).await;
    director.up().await;
    leaves.up().await;
    stays.up().await;

    director.handle.allow([key(3)]);
    assert_eq!(director.down().await, (key(2), DownReason::NotAllowed));
    assert_eq!(leaves.down().await, (key(1), DownReason::Closed));
    assert_eq!(director.send(&leaves, Priority::Normal, b"secret"), Sent::NotConnected);
    director.send(&stays, Priority::Normal, b"hello");
    assert_eq!(stays.frames(1).await.len(), 1);
}

#[tokio::test]
async fn newer_connection_of_one_key_wins() {
    let mut director = Peer::director(1, &[key(2)]).await;
    let dial = async || {
        let peer = Peer::start(Side::Client, 2, |_| {}).await;
        peer.handle.allow([key(1)]);
        peer.handle.dial(key(1), director.handle.listening());
        peer
    };
    let mut old = dial().await;
    old.up().await;
    let mut new = dial().await;
    new.up().await;

    assert_eq!(director.up().await, key(2));
    assert_eq!(director.down().await, (key(2), DownReason::Replaced));
    assert_eq!(director.up().await, key(2));
    assert_eq!(old.down().await, (key(1), DownReason::Closed));
    director.send(&new, Priority::Critical, b"vote");
    new.frames(1).await;
    assert_eq!(director.handle.stats().replaced, 1);

    // The old one's end is no news any more: what comes next is the new one's.
    new.send(&director, Priority::Critical, b"vote");
    assert_eq!(director.frames(1).await.len(), 1);
}

#[tokio::test]
async fn what_has_come_is_unread_until_somebody_takes_it() {
    let mut director = Peer::director(1, &[key(2)]).await;
    let mut validator = Peer::validator(2, &director).await;
    director.up().await;
    validator.up().await;
    assert!(validator.handle.with_unread().is_empty());
    director.send(&validator, Priority::Critical, b"vote");
    let arrived = async {
        while validator.handle.with_unread() != [key(1)] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, arrived).await.expect("it arrives");
    validator.frames(1).await;
    assert!(validator.handle.with_unread().is_empty());
}

#[tokio::test]
async fn garbage_ends_the_connection() {
    let mut director = Peer::director(1, &[key(2)]).await;
    let mut validator = Peer::validator(2, &director).await;
    director.up().await;
    validator.up().await;
    let garbage = Payload::Control([0xff; 10][..].into());
    validator.handle.send(&key(1), Priority::Critical, garbage);
    let violation = DownReason::Violation(FrameError::Control);
    assert_eq!(director.down().await, (key(2), violation));
    assert_eq!(validator.down().await, (key(1), DownReason::Closed));
}

#[tokio::test]
async fn peer_of_another_chain_does_not_get_in() {
    let director = Peer::director(1, &[key(2)]).await;
    let mut foreign =
        Peer::start(Side::Client, 2, |config| config.genesis_hash = H256::repeat_byte(8)).await;
    foreign.want(&director);
    match foreign.next().await {
        Event::DialFailed { error, .. } => assert!(error.contains("another chain"), "{error}"),
        other => panic!("expected a failed dial, got {other:?}"),
    }
    assert!(director.handle.connected().is_empty());
}

#[tokio::test]
async fn a_silent_peer_is_dead() {
    let mut director = Peer::start(Side::Public, 1, |config| {
        config.limits.ping_interval_ms = 20;
        config.limits.silence_ms = 100;
    })
    .await;
    director.handle.allow([key(2)]);
    let mute = Peer::start(Side::Client, 2, |config| config.limits.ping_interval_ms = 3_600_000);
    let mute = mute.await;
    mute.want(&director);
    director.up().await;
    assert_eq!(director.down().await, (key(2), DownReason::Silent));
}

#[tokio::test]
async fn a_lost_director_is_dialed_again() {
    let mut director = Peer::director(1, &[key(2)]).await;
    let mut validator = Peer::validator(2, &director).await;
    director.up().await;
    validator.up().await;
    let address = director.handle.listening()[0].clone();
    director.handle.shutdown().await;
    assert_eq!(validator.down().await, (key(1), DownReason::Closed));

    let config = Config::new(Side::Public, [1; 32], GENESIS).listen(address);
    let (handle, _events) = start(config).await.unwrap();
    handle.allow([key(2)]);
    loop {
        match validator.next().await {
            Event::Up { .. } => break,
            Event::DialFailed { .. } => {}
            other => panic!("expected to come up again, got {other:?}"),
        }
    }
}

#[tokio::test]
async fn shutdown_closes_everything() {
    let mut director = Peer::director(1, &[key(2)]).await;
    let mut validator = Peer::validator(2, &director).await;
    director.up().await;
    validator.up().await;
    director.handle.shutdown().await;
    assert_eq!(director.down().await, (key(2), DownReason::Shutdown));
    assert!(director.events.recv().await.is_none());
    assert_eq!(validator.down().await, (key(1), DownReason::Closed));
}

#[tokio::test]
async fn a_busy_port_is_said_clearly() {
    let director = Peer::director(1, &[]).await;
    let address = director.handle.listening()[0].clone();
    let config = Config::new(Side::Public, [2; 32], GENESIS).listen(address.clone());
    let error = start(config).await.err().unwrap();
    assert!(matches!(error, NetworkError::Listen { .. }));
    let expected = format!("cannot listen on {address}: the port is in use; ");
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[tokio::test]
async fn an_address_that_is_not_ours_is_said_clearly() {
    let config = Config::new(Side::Mesh, [2; 32], GENESIS)
        .listen("/ip4/192.0.2.1/tcp/30400".parse().unwrap());
    let error = start(config).await.err().unwrap();
    assert!(error.to_string().contains("no interface of this machine"), "{error}");
}

#[tokio::test]
async fn two_directors_that_want_each_other_make_one_connection() {
    let mut one = Peer::start(Side::Mesh, 1, |_| {}).await;
    let mut other = Peer::start(Side::Mesh, 2, |_| {}).await;
    one.want(&other);
    other.want(&one);
    assert_eq!(one.up().await, other.key());
    assert_eq!(other.up().await, one.key());
    one.send(&other, Priority::Critical, b"ping");
    other.frames(1).await;
    other.send(&one, Priority::Critical, b"pong");
    one.frames(1).await;
    assert_eq!(one.handle.stats().replaced + other.handle.stats().replaced, 0);
}
