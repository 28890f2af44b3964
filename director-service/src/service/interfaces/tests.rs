#![allow(clippy::unwrap_used)]

use super::*;
use crate::network::{self, Config, Side};
use std::sync::mpsc::{Receiver, sync_channel};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

fn addresses(list: &[(&str, &str)]) -> Vec<Address> {
    let address = |(name, ip): &(&str, &str)| Address {
        interface: name.to_string(),
        ip: ip.parse().unwrap(),
    };
    list.iter().map(address).collect()
}

fn present(name: &str) -> Present {
    Present { name: name.into(), port: 30401, before: None }
}

fn change(present: &mut Present, list: &[(&str, &str)]) -> Option<Vec<String>> {
    let changed = present.change(&addresses(list))?;
    Some(changed.iter().map(ToString::to_string).collect())
}

#[test]
fn ipv4_comes_first_and_link_local_never() {
    let mut tailscale = present("tailscale0");
    let all = [
        ("lo", "127.0.0.1"),
        ("tailscale0", "fe80::1"),
        ("tailscale0", "fd7a:115c:a1e0::1"),
        ("tailscale0", "100.64.0.1"),
        ("tailscale0", "169.254.7.7"),
        ("eth0", "203.0.113.1"),
    ];
    let expected = ["/ip4/100.64.0.1/tcp/30401", "/ip6/fd7a:115c:a1e0::1/tcp/30401"];
    assert_eq!(change(&mut tailscale, &all).unwrap(), expected);
    assert_eq!(change(&mut tailscale, &all), None, "nothing is new");
}

#[test]
fn an_interface_comes_changes_and_goes() {
    let mut wireguard = present("wg0");
    let lan = ("eth0", "192.168.1.2");
    assert_eq!(change(&mut wireguard, &[lan]).unwrap(), [""; 0], "it is waited for, said once");
    assert_eq!(change(&mut wireguard, &[lan]), None);
    let first = ("wg0", "10.0.0.1");
    assert_eq!(change(&mut wireguard, &[lan, first]).unwrap(), ["/ip4/10.0.0.1/tcp/30401"]);
    assert_eq!(change(&mut wireguard, &[first, ("eth0", "192.168.1.3")]), None);
    let second = ("wg0", "10.0.0.2");
    assert_eq!(change(&mut wireguard, &[second]).unwrap(), ["/ip4/10.0.0.2/tcp/30401"]);
    assert_eq!(change(&mut wireguard, &[]).unwrap(), [""; 0]);
}

#[test]
fn loopback_is_found_on_this_machine() {
    let all = interface_addresses().unwrap();
    assert!(all.iter().any(|address| address.ip.is_loopback()), "{all:?}");
}

/// A mesh that follows an interface whose addresses the test tells.
#[tokio::test]
async fn the_mesh_follows_the_interface() {
    let config = Config::new(Side::Mesh, [1; 32], director_primitives::H256::zero());
    let (network, _events) = network::start(config).await.unwrap();
    let (tell, told): (_, Receiver<Vec<Address>>) = sync_channel(4);
    let mut last = Vec::new();
    let look = move || {
        last = told.try_recv().unwrap_or_else(|_| last.clone());
        Ok(last.clone())
    };
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap().port();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let following = tokio::spawn(follow_with(
        "private0".into(),
        port,
        network.clone(),
        async { stopped.await.unwrap() },
        look,
    ));
    let mut listening = network.watch_listening();
    for ips in [&["127.0.0.2"][..], &["127.0.0.3"], &[], &["127.0.0.2", "127.0.0.3"]] {
        let list: Vec<_> = ips.iter().map(|ip| ("private0", *ip)).collect();
        tell.send(addresses(&list)).unwrap();
        let expected: Vec<Multiaddr> =
            ips.iter().map(|ip| format!("/ip4/{ip}/tcp/{port}").parse().unwrap()).collect();
        let arrived = timeout(PATIENCE, listening.wait_for(|now| *now == expected)).await;
        arrived.expect("it should listen there").unwrap();
        for ip in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
            let open = tokio::net::TcpStream::connect((ip, port)).await.is_ok();
            assert_eq!(open, ips.contains(&ip), "{ip} with {ips:?}");
        }
    }
    stop.send(()).unwrap();
    timeout(PATIENCE, following).await.unwrap().unwrap();
}
