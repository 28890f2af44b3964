//! Says why a swarm does not start.

use super::Multiaddr;

/// Why a swarm does not start. Everything later is an event.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {}", .source.remedy())]
    Listen {
        /// The address.
        address: Multiaddr,
        /// What the system says.
        source: ListenFault,
    },
    /// The key is no ed25519 seed.
    #[error("the peer key is no ed25519 seed: give 32 bytes")]
    Key,
}

/// What the system says about an address to listen on.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ListenFault(#[from] std::io::Error);

impl ListenFault {
    fn remedy(&self) -> String {
        use std::io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
        let source = &self.0;
        match source.kind() {
            AddrInUse => "the port is in use; stop who has it or choose another".to_owned(),
            AddrNotAvailable => {
                "no interface of this machine has that address; is the private network up?"
                    .to_owned()
            }
            PermissionDenied => "not permitted; choose a port from 1024 up".to_owned(),
            _ => source.to_string(),
        }
    }
}
