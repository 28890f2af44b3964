//! Says which nodes to use, and refuses addresses that give the chain away.

use super::ChainError;
use director_primitives::H256;
use std::time::Duration;

/// Most nodes that may be named: as many series of metrics there are, and as many are asked how far they are.
pub const MAX_ENDPOINTS: usize = 8;

/// How often the nodes that are not in use are asked how far they are, by default.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// How long a node's word is waited with, and how long it is kept, against what others say, by default.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which nodes to use.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Their WebSockets, `ws://…` or `wss://…`, the most wanted first.
    pub urls: Vec<String>,
    /// The chain they must serve; `None` takes whatever the first one serves that answers.
    pub genesis_hash: Option<H256>,
    /// Whether `ws://` to another machine is fine.
    pub allow_insecure: bool,
    /// How often the nodes that are not in use are asked how far they are.
    pub look_interval: Duration,
    /// How long what only one node says is waited with, and how long it is kept against what others say.
    pub patience: Duration,
}

impl Settings {
    /// One node, of whatever chain.
    pub fn new(url: impl Into<String>) -> Self {
        Self::of_several(vec![url.into()])
    }

    /// Several nodes of whatever chain, the most wanted first.
    pub fn of_several(urls: Vec<String>) -> Self {
        Self {
            urls,
            genesis_hash: None,
            allow_insecure: false,
            look_interval: LOOK_INTERVAL,
            patience: PATIENCE,
        }
    }
}

/// Checks the addresses of nodes that stand for each other.
///
/// # Errors
///
/// As [`check_url`]; if there are none, too many, or one twice.
pub fn check_urls(urls: &[String], allow_insecure: bool) -> Result<(), ChainError> {
    if urls.is_empty() || urls.len() > MAX_ENDPOINTS {
        let count = urls.len();
        let cause =
            format!("1 to {MAX_ENDPOINTS} addresses of nodes are needed, there are {count}");
        return Err(ChainError::Config(cause));
    }
    for (at, url) in urls.iter().enumerate() {
        check_url(url, allow_insecure)?;
        if urls[..at].contains(url) {
            return Err(ChainError::Config(format!("{} is there twice", without_secrets(url))));
        }
    }
    Ok(())
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

/// Protocol, host and port: who rents a node often has a key in the rest of its address.
pub(super) fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}
