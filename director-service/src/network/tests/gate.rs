use super::{key, local};
use crate::network::{
    Limits, Multiaddr, Refusal,
    gate::{Gate, PATIENCE},
    ip_of,
    link::{Link, Way},
    pass::{Guarded, Pass},
};
use libp2p::swarm::ConnectionId;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Small, and without a bound on rates.
fn limits() -> Limits {
    Limits {
        max_connections: 2,
        max_connections_per_ip: 2,
        max_pending: 4,
        max_pending_per_ip: 2,
        handshakes_per_s_per_ip: 1_000,
        handshake_burst_per_ip: 1_000,
        restricted_bytes: 1_000,
        ..Limits::default()
    }
}

fn gate() -> Gate {
    Gate::new(limits(), Instant::now())
}

fn id(n: usize) -> ConnectionId {
    ConnectionId::new_unchecked(n)
}

fn link(n: usize, secret: u8) -> Arc<Link> {
    link_from(n, secret, None)
}

fn link_from(n: usize, secret: u8, ip: Option<&str>) -> Arc<Link> {
    let caller = ip.map(|ip| ip.parse().unwrap());
    let way = Way { caller, ..Way::default() };
    Arc::new(Link::new(key(secret), id(n), way, [1_000; 4], 1_000, Arc::default()))
}

fn remote(ip: &str) -> Multiaddr {
    let ip: IpAddr = ip.parse().unwrap();
    let family = if ip.is_ipv4() { "ip4" } else { "ip6" };
    format!("/{family}/{ip}/tcp/1").parse().unwrap()
}

fn begin(gate: &mut Gate, n: usize, ip: &str, now: Instant) -> Result<(), Refusal> {
    gate.begin(id(n), &local(), &remote(ip), now)
}

#[test]
fn handshakes_are_bounded_in_all_and_by_address() {
    let (mut gate, now) = (gate(), Instant::now());
    let (one, other) = ("192.0.2.1", "192.0.2.2");
    assert_eq!(begin(&mut gate, 1, one, now), Ok(()));
    assert_eq!(begin(&mut gate, 2, one, now), Ok(()));
    assert_eq!(begin(&mut gate, 3, one, now), Err(Refusal::TooManyPendingFromAddress));
    assert_eq!(begin(&mut gate, 3, other, now), Ok(()));
    assert_eq!(begin(&mut gate, 4, other, now), Ok(()));
    assert_eq!(begin(&mut gate, 5, "192.0.2.3", now), Err(Refusal::TooManyPending));
    gate.end(id(1));
    assert_eq!(begin(&mut gate, 6, one, now), Ok(()));
    assert_eq!(gate.counts(), (4, 0));
}

#[test]
fn loopback_is_not_bounded_by_address_unless_asked() {
    let (mut gate, now) = (gate(), Instant::now());
    for n in 0..4 {
        assert_eq!(begin(&mut gate, n, "127.0.0.1", now), Ok(()));
    }
    let mut strict = Gate::new(Limits { spare_loopback: false, ..limits() }, now);
    assert_eq!(begin(&mut strict, 1, "::1", now), Ok(()));
    assert_eq!(begin(&mut strict, 2, "::1", now), Ok(()));
    assert_eq!(begin(&mut strict, 3, "::1", now), Err(Refusal::TooManyPendingFromAddress));
}

#[test]
fn a_network_of_ipv6_counts_as_one_address() {
    let (mut gate, now) = (gate(), Instant::now());
    assert_eq!(begin(&mut gate, 1, "2001:db8::1", now), Ok(()));
    assert_eq!(begin(&mut gate, 2, "2001:db8::2:3:4:5", now), Ok(()));
    let third = begin(&mut gate, 3, "2001:db8::9", now);
    assert_eq!(third, Err(Refusal::TooManyPendingFromAddress));
    assert_eq!(begin(&mut gate, 3, "2001:db8:0:1::1", now), Ok(()));
}

#[test]
fn whoever_is_known_does_not_wait_behind_strangers() {
    let (mut gate, now) = (gate(), Instant::now());
    gate.allow([key(1)].into());
    assert_eq!(gate.admit(&link_from(100, 1, Some("192.0.2.9")), now), Ok(()));
    for n in 0..4 {
        assert_eq!(begin(&mut gate, n, &format!("192.0.2.{n}"), now), Ok(()));
    }
    assert_eq!(begin(&mut gate, 5, "192.0.2.5", now), Err(Refusal::TooManyPending));
    assert_eq!(begin(&mut gate, 6, "192.0.2.9", now), Ok(()));
}

#[test]
fn a_slow_handshake_makes_room() {
    let (mut gate, start) = (gate(), Instant::now());
    for n in 0..4u8 {
        let ip = format!("192.0.2.{n}");
        let now = start + Duration::from_millis(n.into());
        assert_eq!(begin(&mut gate, n.into(), &ip, now), Ok(()));
    }
    let passes: Vec<_> =
        (0..4).map(|n| gate.pass(&local(), &remote(&format!("192.0.2.{n}"))).unwrap()).collect();
    let later = start + PATIENCE;
    // The first two are of QUIC, where nothing can be ended.
    assert_eq!(begin(&mut gate, 5, "192.0.2.5", later), Err(Refusal::TooManyPending));
    let _sockets: Vec<_> =
        passes[2..].iter().map(|pass| Guarded::new(futures::io::empty(), pass.clone())).collect();
    assert_eq!(begin(&mut gate, 5, "192.0.2.5", later), Err(Refusal::TooManyPending), "too soon");
    let later = later + Duration::from_millis(2);
    assert_eq!(begin(&mut gate, 5, "192.0.2.5", later), Ok(()));
    let evicted: Vec<_> = passes.iter().map(|pass| pass.is_evicted()).collect();
    assert_eq!(evicted, [false, false, true, false]);
    let pending = gate.end(id(2)).unwrap();
    assert_eq!(gate.why_failed(&pending, later), Refusal::MadeRoom);
    let pending = gate.end(id(0)).unwrap();
    assert_eq!(gate.why_failed(&pending, later), Refusal::HandshakeFailed);
    let timeout = start + Duration::from_secs(10);
    assert_eq!(gate.why_failed(&pending, timeout), Refusal::HandshakeTimeout);
}

#[test]
fn only_known_addresses_are_answered_if_asked() {
    let (mut gate, now) = (gate(), Instant::now());
    let known: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
    gate.allow_addresses(Some([known].into()));
    assert_eq!(begin(&mut gate, 1, "192.0.2.2", now), Err(Refusal::UnknownAddress));
    assert_eq!(begin(&mut gate, 1, "127.0.0.1", now), Err(Refusal::UnknownAddress));
    assert_eq!(begin(&mut gate, 1, "192.0.2.1", now), Ok(()));
    assert_eq!(begin(&mut gate, 2, "::ffff:192.0.2.1", now), Ok(()));
    gate.allow_addresses(None);
    assert_eq!(begin(&mut gate, 3, "192.0.2.2", now), Ok(()));
}

#[test]
fn only_keys_of_the_set_are_admitted() {
    let (mut gate, now) = (gate(), Instant::now());
    assert_eq!(gate.admit(&link(1, 1), now), Err(Refusal::NotAllowed));
    assert!(gate.allow([key(1), key(2)].into()).is_empty());
    assert_eq!(gate.admit(&link(1, 1), now), Ok(()));
    assert_eq!(gate.admit(&link(2, 3), now), Err(Refusal::NotAllowed));
    assert_eq!(gate.admit(&link(2, 2), now), Ok(()));
    assert_eq!(gate.admit(&link(3, 2), now), Err(Refusal::TooManyConnections));
    let out = gate.allow([key(2)].into());
    assert_eq!(out.iter().map(|link| link.peer).collect::<Vec<_>>(), [key(1)]);
}

#[test]
fn one_key_cannot_use_up_all_connections() {
    let now = Instant::now();
    let mut gate = Gate::new(Limits { max_connections: 9, ..limits() }, now);
    gate.allow([key(1), key(2)].into());
    for n in 0..3 {
        assert_eq!(gate.admit(&link(n, 1), now), Ok(()));
    }
    assert_eq!(gate.admit(&link(3, 1), now), Err(Refusal::TooManyOfPeer));
    assert_eq!(gate.admit(&link(3, 2), now), Ok(()));
    gate.remove(id(0), now);
    assert_eq!(gate.admit(&link(4, 1), now), Ok(()));
}

#[test]
fn the_address_is_found_in_a_multiaddr() {
    let ip = |text: &str| ip_of(&text.parse().unwrap());
    assert_eq!(ip("/ip4/192.0.2.1/tcp/1"), Some(IpAddr::from([192, 0, 2, 1])));
    assert_eq!(ip("/ip6/::1/tcp/1"), "::1".parse().ok());
    assert_eq!(ip("/ip6/::ffff:192.0.2.1/tcp/1"), Some(IpAddr::from([192, 0, 2, 1])));
    assert_eq!(ip("/memory/1"), None);
    assert_eq!(ip("/dns/director.example/tcp/1"), None);
}

#[test]
fn one_address_cannot_use_up_all_connections() {
    let now = Instant::now();
    let mut gate = Gate::new(Limits { max_connections: 9, ..limits() }, now);
    gate.allow((1..6).map(key).collect());
    let (one, other) = (Some("192.0.2.1"), Some("192.0.2.2"));
    assert_eq!(gate.admit(&link_from(1, 1, one), now), Ok(()));
    assert_eq!(gate.admit(&link_from(2, 2, one), now), Ok(()));
    assert_eq!(gate.admit(&link_from(3, 3, one), now), Err(Refusal::TooManyFromAddress));
    assert_eq!(gate.admit(&link_from(4, 1, one), now), Ok(()), "it replaces the older one");
    assert_eq!(gate.admit(&link_from(5, 3, other), now), Ok(()));
    assert_eq!(gate.admit(&link(6, 4), now), Ok(()), "loopback is not counted");
}

#[test]
fn a_restricted_key_shares_one_budget_among_its_connections_and_waits_when_it_is_spent() {
    let now = Instant::now();
    let mut gate = gate();
    gate.allow([key(1), key(2)].into());
    gate.restrict([key(1)].into_iter(), now);
    let (first, second) = (link(1, 1), link(2, 1));
    assert_eq!(gate.admit(&first, now), Ok(()));
    assert_eq!(gate.admit(&second, now), Ok(()));
    assert!(first.pass.read(600));
    // The same set again changes nothing.
    gate.restrict([key(1)].into_iter(), now);
    assert!(!second.pass.read(401));
    assert!(second.pass.is_over() && !first.pass.is_over());
    gate.remove(id(1), now);
    gate.remove(id(2), now);
    assert_eq!(gate.admit(&link(3, 1), now), Err(Refusal::OverBudget));
    assert_eq!(gate.admit(&link(4, 2), now), Ok(()), "another key is not concerned");
    assert_eq!(gate.admit(&link(3, 1), now + Duration::from_secs(60)), Ok(()));
}

#[test]
fn who_may_speak_is_not_restricted_any_more() {
    let now = Instant::now();
    let mut gate = gate();
    gate.allow([key(1)].into());
    let link = link(1, 1);
    assert_eq!(gate.admit(&link, now), Ok(()));
    assert!(link.pass.read(1_000_000));
    gate.restrict([key(1)].into_iter(), now);
    assert!(link.pass.read(1_000));
    gate.restrict([].into_iter(), now);
    assert!(link.pass.read(1_000_000));
}

#[test]
fn single_bytes_are_not_cheap() {
    let now = Instant::now();
    let mut gate = gate();
    gate.allow([key(1)].into());
    gate.restrict([key(1)].into_iter(), now);
    let link = link(1, 1);
    assert_eq!(gate.admit(&link, now), Ok(()));
    assert_eq!((0..1_000).take_while(|_| link.pass.read(1)).count(), 1_000 / 64);
}

#[test]
fn a_handshake_is_read_for_so_long_and_no_longer() {
    let pass = Pass::default();
    assert!(pass.read(20_000));
    assert!(!pass.read(20_000));
    assert!(!pass.read(5_000));
    assert!(!pass.is_over(), "that is for those that were taken");
}
