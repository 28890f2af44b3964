//! Finds what is wrong on this machine before a node is asked: for `director validator run`, and for `director config check`.

use super::{
    config::Config,
    protection::{Protection, ProtectionError},
    signer::Signer,
    start::StartError,
    token,
};
use crate::keys::{KeyFileError, PeerKey};
use director_primitives::PublicKey;
use zeroize::Zeroizing;

/// The secrets of a sidecar.
pub(super) struct Secrets {
    pub(super) peer: PeerKey,
    pub(super) signer: Signer,
    /// What WebSocket clients bring.
    pub(super) token: Option<Zeroizing<String>>,
}

/// What a check has found.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// The validator's peer key.
    pub peer_key: PublicKey,
    /// Whether the checkpoint key has its protection file. If not, this is the key's first start, or it is not brought yet.
    pub has_protection: bool,
}

/// Says what [`run`](super::run) would refuse before it asks a node. Ports are not looked at: a sidecar may be running.
///
/// # Errors
///
/// One line with cause and remedy.
pub fn check(config: &Config) -> Result<Checked, StartError> {
    let secrets = secrets(config)?;
    let peer_key = secrets.peer.public();
    let has_protection = match Protection::look(&config.keys.protection, secrets.signer.key()) {
        Err(ProtectionError::Missing(_)) => false,
        found => {
            found?;
            true
        }
    };
    Ok(Checked { peer_key, has_protection })
}

/// Reads the files of `[keys]`, and the token's.
pub(super) fn secrets(config: &Config) -> Result<Secrets, StartError> {
    let peer = PeerKey::from_file(&config.keys.peer)?;
    let signer = signer(config)?;
    if signer.key() == peer.public() {
        return Err(StartError::SameKey);
    }
    let token = config.interface.token_file.as_deref().map(token::read).transpose()?;
    Ok(Secrets { peer, signer, token })
}

fn signer(config: &Config) -> Result<Signer, KeyFileError> {
    let keys = &config.keys;
    // Validated: there is exactly one of them, and a key for the others.
    let key = config.remote_key().unwrap_or_default();
    match (&keys.checkpoint, &keys.signer_command, &keys.signer_socket) {
        (_, Some(program), _) => Ok(Signer::Command { program: program.clone(), key }),
        (_, _, Some(path)) => Ok(Signer::Socket { path: path.clone(), key }),
        (Some(file), ..) => Signer::from_file(file),
        (None, None, None) => Err(KeyFileError::Missing("keys.checkpoint".into())),
    }
}
