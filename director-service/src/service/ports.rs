//! Finds a busy port before the node is waited for.

use super::ServiceError;
use crate::network::Multiaddr;
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// Takes each port for a moment. The networks are opened only when the node has answered.
pub(super) fn check(field: &'static str, addresses: &[Multiaddr]) -> Result<(), ServiceError> {
    for address in addresses {
        let text = address.to_string();
        let parts: Vec<_> = text.split('/').collect();
        let [_, _, host, transport, port, ..] = parts.as_slice() else { continue };
        let (Ok(host), Ok(port)) = (host.parse(), port.parse::<u16>()) else { continue };
        let socket = SocketAddr::new(host, port);
        let tried = match *transport {
            "udp" => UdpSocket::bind(socket).map(drop),
            _ => TcpListener::bind(socket).map(drop),
        };
        if let Err(error) = tried {
            let cause = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    format!("port {port} is in use; stop who has it or choose another")
                }
                std::io::ErrorKind::AddrNotAvailable => {
                    "no interface of this machine has that address; is the private network up?"
                        .into()
                }
                std::io::ErrorKind::PermissionDenied => {
                    "not permitted; choose a port from 1024 up".into()
                }
                _ => error.to_string(),
            };
            return Err(ServiceError::Port { field, address: address.clone(), cause });
        }
    }
    Ok(())
}
