//! Why the director does not start, or has ended.

use crate::{
    chain::ChainError,
    config::ConfigError,
    http::HttpError,
    keys::KeyFileError,
    network::{Multiaddr, NetworkError},
    store::StoreError,
};
use std::{io::ErrorKind, path::PathBuf};
use tokio::task::JoinError;

/// Why the director does not start, or has ended.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// What is in an account's file.
    #[error("account file {}: {error}", .path.display())]
    Account {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: ChainError,
    },
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The HTTP page.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain, for good: another one, or another interface.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// One of the networks.
    #[error("{error} ({field})")]
    Network {
        /// Field of the configuration.
        field: &'static str,
        /// What is wrong.
        error: NetworkError,
    },
    /// A port is taken.
    #[error("cannot listen on {address} ({field}): {cause}")]
    Port {
        /// Field of the configuration.
        field: &'static str,
        /// The address.
        address: Multiaddr,
        /// What is wrong and what to do.
        cause: String,
    },
    /// The socket for the operator's orders.
    #[error(
        "cannot listen on {path} for orders ({cause}); data_dir must be writable, and its path shorter \
         than 90 bytes"
    )]
    Control {
        /// Where it should be.
        path: std::path::PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The system gives no more threads.
    #[error("cannot start a thread ({0}); let this process have more (ulimit -u, pids limit)")]
    Thread(std::io::Error),
    /// A part has ended without being asked.
    #[error("{0} ended unexpectedly; the log above says why, restart the director")]
    Ended(&'static str),
    /// A task panicked.
    #[error("a task panicked ({0}); this is a fault of the program, please report it with the log")]
    Panicked(String),
}

impl ServiceError {
    /// Whether something could not be made because the disk is full, or takes nothing any more.
    pub(super) fn is_want_of_space(&self) -> bool {
        const FULL: [ErrorKind; 3] =
            [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::ReadOnlyFilesystem];
        matches!(self, Self::Control { cause, .. } if FULL.contains(&cause.kind()))
    }
}

pub(super) fn panicked(error: JoinError) -> ServiceError {
    let cause = match error.try_into_panic() {
        Ok(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            text.or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "without a message".into())
        }
        Err(_) => "it was cancelled".into(),
    };
    ServiceError::Panicked(cause)
}
