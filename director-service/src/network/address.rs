//! Reads the addresses of sockets out of multiaddrs, and says which networks they are of.

use super::{Multiaddr, error::ListenFault};
use libp2p::multiaddr::Protocol;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

/// What a multiaddr names that we can listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// `/ip4/192.0.2.1/tcp/30401`.
    Tcp(SocketAddr),
    /// `/ip4/192.0.2.1/udp/30401/quic-v1`.
    Quic(SocketAddr),
}

impl Socket {
    /// The socket of a multiaddr of exactly one of these forms, with `ip4` or `ip6`; else `None`.
    pub fn of(address: &Multiaddr) -> Option<Self> {
        let mut parts = address.iter();
        let ip: IpAddr = match parts.next()? {
            Protocol::Ip4(ip) => ip.into(),
            Protocol::Ip6(ip) => ip.into(),
            _ => return None,
        };
        let socket = match parts.next()? {
            Protocol::Tcp(port) => Self::Tcp((ip, port).into()),
            Protocol::Udp(port) if parts.next()? == Protocol::QuicV1 => {
                Self::Quic((ip, port).into())
            }
            _ => return None,
        };
        parts.next().is_none().then_some(socket)
    }

    /// Address and port.
    pub fn address(self) -> SocketAddr {
        match self {
            Self::Tcp(address) | Self::Quic(address) => address,
        }
    }

    /// Whether a listener on the one would take connections meant for the other. Never with port 0,
    /// which is any free port and never the same twice.
    pub fn overlaps(self, other: Self) -> bool {
        let same_kind =
            matches!((self, other), (Self::Tcp(_), Self::Tcp(_)) | (Self::Quic(_), Self::Quic(_)));
        let (one, other) = (self.address(), other.address());
        let same_host =
            one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
        same_kind && same_host && one.port() == other.port() && one.port() != 0
    }

    /// Takes the port for a moment. libp2p listens with SO_REUSEPORT, by which a second process of the
    /// same user would silently share the port and get every other connection; this does not.
    ///
    /// # Errors
    ///
    /// Why nobody can listen there.
    pub fn probe(self) -> Result<(), ListenFault> {
        match self {
            Self::Tcp(socket) => TcpListener::bind(socket).map(drop)?,
            Self::Quic(socket) => UdpSocket::bind(socket).map(drop)?,
        }
        Ok(())
    }
}

/// The IP address in a multiaddr; one of IPv4 that is written as IPv6 (`::ffff:192.0.2.1`) as what it
/// is. `None` for a name, which only a resolver could tell.
pub fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    address.iter().find_map(|protocol| match protocol {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(IpAddr::from(ip).to_canonical()),
        _ => None,
    })
}

/// Whether an address is of a network that is not the internet: loopback, link-local, those of RFC
/// 1918, 100.64.0.0/10 (Tailscale, carriers) and fc00::/7. `0.0.0.0` and `::` are all addresses of the
/// machine, the public ones too: not private. A name may be anything, and nobody is warned about it:
/// it counts as private.
pub fn is_private(address: &Multiaddr) -> bool {
    ip_of(address).is_none_or(is_private_ip)
}

/// The same for an IP address.
pub(super) fn is_private_ip(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_private_v4(ip),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    let shared = first == 100 && second & 0xc0 == 64;
    ip.is_loopback() || ip.is_private() || ip.is_link_local() || shared
}

/// What counts as one caller: an address of IPv4, or the /64 of one of IPv6, of which everybody has
/// 2^64 addresses.
pub(super) fn caller_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) if ip.is_loopback() => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
    }
}
