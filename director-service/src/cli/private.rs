//! Tells addresses that only a private network reaches.

use crate::network::Multiaddr;
use std::net::{IpAddr, Ipv4Addr};

/// Whether only a private network, or this machine, reaches the address: those of RFC 1918, of carriers
/// (100.64.0.0/10, which Tailscale uses), link-local and loopback ones, and fc00::/7. A name may lead
/// anywhere.
pub(super) fn is_private(address: &Multiaddr) -> bool {
    let text = address.to_string();
    let ip = match text.split('/').collect::<Vec<_>>().as_slice() {
        ["", "ip4" | "ip6", ip, ..] => ip.parse(),
        _ => return false,
    };
    match ip {
        Ok(IpAddr::V4(ip)) => is_private_v4(ip),
        Ok(IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
            Some(ip) => is_private_v4(ip),
            None => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        },
        Err(_) => false,
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let of_carriers = a == 100 && (64..128).contains(&b);
    ip.is_private() || ip.is_loopback() || ip.is_link_local() || of_carriers
}
