//! Counts connections where they cannot be made up: in the kernel's table of sockets.

use anyhow::Context;

/// State `ESTABLISHED` in `/proc/net/tcp` (`include/net/tcp_states.h` of Linux).
const ESTABLISHED: &str = "01";

/// How many established TCP connections have `port` as their local port, seen from the machine's
/// listening side: each connection to a server on this port counts once.
///
/// # Errors
///
/// If `/proc/net/tcp` cannot be read.
pub fn established_at(port: u16) -> anyhow::Result<u32> {
    let v4 = std::fs::read_to_string("/proc/net/tcp").context("cannot read /proc/net/tcp")?;
    let v6 = std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    Ok(count(&v4, port) + count(&v6, port))
}

fn count(table: &str, port: u16) -> u32 {
    let is_ours = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, _remote, state) = (fields.next(), fields.next(), fields.next());
        let local_port = local.and_then(|address| address.rsplit(':').next());
        state == Some(ESTABLISHED)
            && local_port.and_then(|hex| u16::from_str_radix(hex, 16).ok()) == Some(port)
    };
    table.lines().skip(1).filter(is_ours).count() as u32
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
        drop((clients, served));
    }
}
