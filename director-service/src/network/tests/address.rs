use crate::network::{Multiaddr, Socket, address::caller_of, is_private};
use std::net::IpAddr;

fn at(text: &str) -> Multiaddr {
    text.parse().unwrap()
}

fn socket(text: &str) -> Option<Socket> {
    Socket::of(&at(text))
}

#[test]
fn a_socket_is_of_exactly_these_forms() {
    let four = "192.0.2.1:7".parse().unwrap();
    assert_eq!(socket("/ip4/192.0.2.1/tcp/7"), Some(Socket::Tcp(four)));
    assert_eq!(socket("/ip4/192.0.2.1/udp/7/quic-v1"), Some(Socket::Quic(four)));
    assert_eq!(socket("/ip6/::1/tcp/7"), Some(Socket::Tcp("[::1]:7".parse().unwrap())));
    for other in [
        "/ip4/192.0.2.1",
        "/ip4/192.0.2.1/udp/7",
        "/ip4/192.0.2.1/tcp/7/ws",
        "/ip4/192.0.2.1/udp/7/quic-v1/webtransport",
        "/dns4/director.example/tcp/7",
        "/memory/1",
    ] {
        assert_eq!(socket(other), None, "{other}");
    }
}

#[test]
fn sockets_overlap_if_one_would_take_the_others_connections() {
    let overlap = |one, other| socket(one).unwrap().overlaps(socket(other).unwrap());
    assert!(overlap("/ip4/10.0.0.1/tcp/7", "/ip4/10.0.0.1/tcp/7"));
    assert!(overlap("/ip4/10.0.0.1/tcp/7", "/ip4/0.0.0.0/tcp/7"));
    assert!(overlap("/ip6/::/tcp/7", "/ip4/10.0.0.1/tcp/7"));
    assert!(!overlap("/ip4/10.0.0.1/tcp/7", "/ip4/10.0.0.2/tcp/7"));
    assert!(!overlap("/ip4/10.0.0.1/tcp/7", "/ip4/10.0.0.1/tcp/8"));
    assert!(!overlap("/ip4/10.0.0.1/tcp/7", "/ip4/10.0.0.1/udp/7/quic-v1"));
    assert!(!overlap("/ip4/10.0.0.1/tcp/0", "/ip4/10.0.0.1/tcp/0"));
}

#[test]
fn addresses_of_private_networks_are_told_from_those_of_the_internet() {
    let ips = |private: bool, list: &[&str]| {
        for ip in list {
            let family = if ip.contains(':') { "ip6" } else { "ip4" };
            assert_eq!(is_private(&at(&format!("/{family}/{ip}/tcp/1"))), private, "{ip}");
        }
    };
    ips(
        true,
        &[
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.0.1",
            "100.64.0.0",
            "100.127.255.255",
            "::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ],
    );
    ips(
        false,
        &[
            "0.0.0.0",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.32.0.1",
            "192.169.0.1",
            "::",
            "2001:db8::1",
            "fec0::1",
            "::ffff:8.8.8.8",
        ],
    );
    assert!(is_private(&at("/dns4/director.example/tcp/1")), "nobody knows: no warning");
}

#[test]
fn a_caller_is_an_address_or_a_network_of_ipv6() {
    let caller = |ip: &str| caller_of(ip.parse().unwrap()).to_string();
    assert_eq!(caller("192.0.2.1"), "192.0.2.1");
    assert_eq!(caller("::ffff:192.0.2.1"), "192.0.2.1");
    assert_eq!(caller("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    assert_eq!(caller_of("::1".parse().unwrap()), "::1".parse::<IpAddr>().unwrap());
}
