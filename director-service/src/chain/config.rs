//! Says which node to use, and refuses addresses that give the chain away.

use super::ChainError;
use director_primitives::H256;

/// Which node to use.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its WebSocket, `ws://…` or `wss://…`.
    pub url: String,
    /// The chain it must serve; `None` takes whatever it serves.
    pub genesis_hash: Option<H256>,
    /// Whether `ws://` to another machine is fine.
    pub allow_insecure: bool,
}

/// Checks the address of a node.
///
/// # Errors
///
/// If it is no WebSocket address, or an unprotected one to another machine and not `allow_insecure`.
pub fn check_url(url: &str, allow_insecure: bool) -> Result<(), ChainError> {
    let invalid = |cause: String| Err(ChainError::Config(cause));
    if !url.starts_with("ws://") && !url.starts_with("wss://") {
        return invalid(format!("{url:?} must begin with ws:// or wss://"));
    }
    match subxt::rpcs::utils::url_is_secure(url) {
        Err(error) => invalid(format!("{url:?} is no address ({error}); it begins with wss://")),
        Ok(false) if !allow_insecure => invalid(format!(
            "{url:?} is neither wss:// nor on this machine, so that anybody between could change \
             what the chain says; use wss://, or set chain.allow_insecure = true"
        )),
        Ok(_) => Ok(()),
    }
}
