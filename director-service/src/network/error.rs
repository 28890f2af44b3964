//! Says why a swarm does not start.

use super::Multiaddr;

/// Why a swarm does not start. Everything later is an event.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// What the system says.
        source: ListenFault,
    },
    /// The key is no ed25519 seed.
    #[error("the peer key is no ed25519 seed: give 32 bytes")]
    Key,
    /// The system gives no thread for handshakes.
    #[error("cannot start the thread that computes handshakes: {0}")]
    Thread(#[source] std::io::Error),
}

/// What the system says about an address to listen on; shown with what to do about it.
#[derive(Debug)]
pub struct ListenFault(std::io::Error);

impl From<std::io::Error> for ListenFault {
    fn from(source: std::io::Error) -> Self {
        Self(source)
    }
}

impl std::error::Error for ListenFault {}

impl std::fmt::Display for ListenFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
        f.write_str(match self.0.kind() {
            AddrInUse => "the port is in use; stop who has it or choose another",
            AddrNotAvailable => {
                "no interface of this machine has that address; is the private network up?"
            }
            PermissionDenied => "not permitted; choose a port from 1024 up",
            _ => return self.0.fmt(f),
        })
    }
}
