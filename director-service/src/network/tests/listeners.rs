//! Listeners come, go, and are tried again.

use super::{GENESIS, PATIENCE, Peer, key};
use crate::network::{Config, Multiaddr, Side, listeners::Listeners, start};
use director_primitives::Priority;
use libp2p::core::transport::ListenerId;
use std::{net::TcpListener, time::Duration};
use tokio::time::{Instant, timeout};

const SECOND: Duration = Duration::from_secs(1);

fn at(port: u16) -> Multiaddr {
    format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
}

#[test]
fn what_stays_is_not_touched() {
    let (mut listeners, now) = (Listeners::new(SECOND), Instant::now());
    assert!(listeners.set(vec![at(1), at(2)], now).is_empty());
    assert_eq!(listeners.due(now), [at(1), at(2)]);
    let ids = [ListenerId::next(), ListenerId::next()];
    listeners.opened(&at(1), ids[0]);
    listeners.opened(&at(2), ids[1]);
    assert!(listeners.due(now).is_empty() && listeners.next_due().is_none());
    assert!(!listeners.are_open());
    listeners.listens(ids[1], at(2));
    listeners.listens(ids[0], at(1));
    assert!(listeners.are_open());
    assert_eq!(listeners.addresses(), [at(1), at(2)]);

    assert_eq!(listeners.set(vec![at(2), at(3)], now), [ids[0]]);
    assert_eq!(listeners.due(now), [at(3)]);
    assert_eq!(listeners.addresses(), [at(2)]);
    assert_eq!(listeners.closed(ids[0], now), None, "it is not wanted any more");
}

#[test]
fn a_listener_that_fails_is_opened_again_later_and_later() {
    let (mut listeners, now) = (Listeners::new(SECOND), Instant::now());
    listeners.set(vec![at(1)], now);
    let delays: Vec<_> = (0..7).map(|_| listeners.failed(&at(1), now).as_secs()).collect();
    assert_eq!(delays, [1, 2, 4, 8, 16, 30, 30]);
    assert_eq!(listeners.next_due(), Some(now + 30 * SECOND));
    assert!(listeners.due(now + 29 * SECOND).is_empty());
    assert_eq!(listeners.due(now + 30 * SECOND), [at(1)]);

    let id = ListenerId::next();
    listeners.opened(&at(1), id);
    listeners.listens(id, at(1));
    assert_eq!(listeners.closed(id, now), Some((at(1), SECOND)), "it worked: from the beginning");
    assert!(listeners.addresses().is_empty());
}

/// A port that was free a moment ago.
fn free() -> Multiaddr {
    at(TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port())
}

async fn listens(peer: &Peer, expected: &[Multiaddr]) {
    let mut listening = peer.handle.watch_listening();
    let wait = listening.wait_for(|now| now == expected);
    timeout(PATIENCE, wait).await.expect("it should listen there").unwrap();
}

#[tokio::test]
async fn a_director_moves_and_its_connections_stay() {
    let mut director = Peer::director(1, &[key(2), key(3)]).await;
    let old = director.handle.listening();
    let mut validator = Peer::validator(2, &director).await;
    director.up().await;
    validator.up().await;

    let new = free();
    director.handle.listen(vec![new.clone()]);
    listens(&director, std::slice::from_ref(&new)).await;
    validator.send(&director, Priority::Critical, b"vote");
    assert_eq!(director.frames(1).await.len(), 1);

    let mut other = Peer::start(Side::Client, 3, |_| {}).await;
    other.handle.allow([key(1)]);
    other.handle.maintain(key(1), old);
    assert!(matches!(other.next().await, crate::network::Event::DialFailed { .. }));
    other.want(&director);
    director.up().await;
    director.handle.listen(Vec::new());
    listens(&director, &[]).await;
}

#[tokio::test]
async fn a_port_that_becomes_free_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = at(taken.local_addr().unwrap().port());
    let director = Peer::start(Side::Public, 1, |config| config.limits.relisten_ms = 10).await;
    let before = director.handle.listening();
    director.handle.listen([&before[..], std::slice::from_ref(&address)].concat());
    // It cannot, and goes on listening where it does.
    listens(&director, &before).await;
    drop(taken);
    listens(&director, &[&before[..], &[address]].concat()).await;
}

#[tokio::test]
async fn a_director_may_listen_nowhere_at_first() {
    let config = Config::new(Side::Mesh, [1; 32], GENESIS);
    let (handle, events) = start(config).await.unwrap();
    assert!(handle.listening().is_empty());
    let director = Peer { handle, events };
    let address = free();
    director.handle.listen(vec![address.clone()]);
    listens(&director, &[address]).await;
    director.handle.shutdown().await;
    assert!(director.handle.listening().is_empty());
}
