//! Counts connections where they cannot be made up: in the kernel's table of sockets.

use anyhow::Context;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// States in `/proc/net/tcp` (`include/net/tcp_states.h` of Linux).
const ESTABLISHED: u8 = 1;
const LISTEN: u8 = 10;

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Its own end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    state: u8,
}

impl Socket {
    /// Whether it is connected.
    pub fn is_established(&self) -> bool {
        self.state == ESTABLISHED
    }

    /// Whether it waits for connections.
    pub fn is_listening(&self) -> bool {
        self.state == LISTEN
    }
}

/// How many established TCP connections have `port` as their local port, seen from the machine's
/// listening side: each connection to a server on this port counts once.
///
/// # Errors
///
/// If `/proc/net/tcp` cannot be read.
pub fn established_at(port: u16) -> anyhow::Result<u32> {
    let v4 = std::fs::read_to_string("/proc/net/tcp").context("cannot read /proc/net/tcp")?;
    let v6 = std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    let all = parse(&v4).chain(parse(&v6));
    Ok(all.filter(|of| of.is_established() && of.local.port() == port).count() as u32)
}

/// Reads `/proc/net/tcp` or `/proc/net/tcp6`. A line that cannot be read is left out.
pub fn parse(table: &str) -> impl Iterator<Item = Socket> {
    table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote) = (address(fields.next()?)?, address(fields.next()?)?);
        let state = u8::from_str_radix(fields.next()?, 16).ok()?;
        Some(Socket { local, remote, state })
    })
}

/// Reads `0100007F:1F90`: an address as words of 32 bits in the machine's order, and a port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word =
        |at: usize| Some(u32::from_str_radix(ip.get(8 * at..8 * at + 8)?, 16).ok()?.to_ne_bytes());
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&words.concat());
            // An IPv4 address is one, however it is written.
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_connections_to_a_listening_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(established_at(address.port()).unwrap(), 0);
        let clients: Vec<_> =
            (0..3).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let served: Vec<_> = (0..3).map(|_| listener.accept().unwrap()).collect();
        assert_eq!(established_at(address.port()).unwrap(), 3);
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let listening = |of: &Socket| of.is_listening() && of.local == address;
        assert!(parse(&table).any(|of| listening(&of)));
        drop((clients, served));
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn reads_addresses_of_both_kinds() {
        let read = |text| address(text).unwrap().to_string();
        assert_eq!(read("0100007F:1F90"), "127.0.0.1:8080");
        assert_eq!(read("00000000000000000000000001000000:0016"), "[::1]:22");
        assert_eq!(read("0000000000000000FFFF00000100007F:0016"), "127.0.0.1:22");
        assert_eq!(address("0100007F"), None);
    }
}
