use super::key;
use crate::network::{
    Refusal,
    gate::{Gate, GateLimits, ip_of},
    link::Link,
};
use libp2p::swarm::ConnectionId;
use std::{net::IpAddr, sync::Arc};

fn gate() -> Gate {
    Gate::new(GateLimits { connections: 2, pending: 4, pending_per_ip: 2 })
}

fn id(n: usize) -> ConnectionId {
    ConnectionId::new_unchecked(n)
}

fn link(n: usize, secret: u8) -> Arc<Link> {
    Arc::new(Link::new(key(secret), id(n), false, [1_000; 4], 1_000, Arc::default()))
}

#[test]
fn handshakes_are_bounded_in_all_and_by_address() {
    let (mut gate, one, other) = (gate(), "192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
    assert_eq!(gate.begin(id(1), one), Ok(()));
    assert_eq!(gate.begin(id(2), one), Ok(()));
    assert_eq!(gate.begin(id(3), one), Err(Refusal::TooManyPendingFromAddress));
    assert_eq!(gate.begin(id(3), other), Ok(()));
    assert_eq!(gate.begin(id(4), other), Ok(()));
    assert_eq!(gate.begin(id(5), None), Err(Refusal::TooManyPending));
    gate.end(id(1));
    assert_eq!(gate.begin(id(6), one), Ok(()));
}

#[test]
fn loopback_is_not_bounded_by_address() {
    let (mut gate, loopback) = (gate(), "127.0.0.1".parse().ok());
    for n in 0..4 {
        assert_eq!(gate.begin(id(n), loopback), Ok(()));
    }
}

#[test]
fn only_keys_of_the_set_are_admitted() {
    let mut gate = gate();
    assert_eq!(gate.admit(&link(1, 1)), Err(Refusal::NotAllowed));
    assert!(gate.allow([key(1), key(2)].into()).is_empty());
    assert_eq!(gate.admit(&link(1, 1)), Ok(()));
    assert_eq!(gate.admit(&link(2, 3)), Err(Refusal::NotAllowed));
    assert_eq!(gate.admit(&link(2, 2)), Ok(()));
    assert_eq!(gate.admit(&link(3, 2)), Err(Refusal::TooManyConnections));
    let out = gate.allow([key(2)].into());
    assert_eq!(out.iter().map(|link| link.peer).collect::<Vec<_>>(), [key(1)]);
}

#[test]
fn one_key_cannot_use_up_all_connections() {
    let mut gate = Gate::new(GateLimits { connections: 9, pending: 4, pending_per_ip: 2 });
    gate.allow([key(1), key(2)].into());
    for n in 0..3 {
        assert_eq!(gate.admit(&link(n, 1)), Ok(()));
    }
    assert_eq!(gate.admit(&link(3, 1)), Err(Refusal::TooManyOfPeer));
    assert_eq!(gate.admit(&link(3, 2)), Ok(()));
    gate.remove(id(0));
    assert_eq!(gate.admit(&link(4, 1)), Ok(()));
}

#[test]
fn the_address_is_found_in_a_multiaddr() {
    let ip = |text: &str| ip_of(&text.parse().unwrap());
    assert_eq!(ip("/ip4/192.0.2.1/tcp/1"), Some(IpAddr::from([192, 0, 2, 1])));
    assert_eq!(ip("/ip6/::1/tcp/1"), "::1".parse().ok());
    assert_eq!(ip("/memory/1"), None);
}
