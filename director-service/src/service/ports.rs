//! Finds a busy port before the node is waited for.

use super::ServiceError;
use crate::network::{Multiaddr, Socket};

/// Takes each port for a moment. The networks are opened only when the node has answered.
pub(super) fn check(field: &'static str, addresses: &[Multiaddr]) -> Result<(), ServiceError> {
    for address in addresses {
        // What is no socket was refused with the configuration; port 0 is always free.
        let Some(socket) = Socket::of(address) else { continue };
        socket.probe().map_err(|fault| ServiceError::Port {
            field,
            address: address.clone(),
            cause: fault.to_string(),
        })?;
    }
    Ok(())
}
