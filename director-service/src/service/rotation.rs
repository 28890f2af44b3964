//! Knows the peer keys that a director can serve with: the one it has, and the one it changes to.
//!
//! `director rotate-key` writes the next key into `<keys.peer>.next` and puts it on chain. The director
//! serves with whichever of the two the chain has for it, so that neither the moment of the change nor a
//! restart around it matters; when it is done, the operator moves the new file over the old one.

use crate::keys::{KeyFileError, PeerKey};
use director_primitives::PublicKey;
use std::path::{Path, PathBuf};

/// Where the key is that a director changes to.
pub fn next_key_file(peer: &Path) -> PathBuf {
    let mut name = peer.as_os_str().to_owned();
    name.push(".next");
    name.into()
}

/// The peer keys at hand.
#[derive(Clone)]
pub(super) struct PeerKeys {
    file: PathBuf,
    first: PeerKey,
}

impl PeerKeys {
    /// Reads the key; the next one is looked for when it is needed.
    ///
    /// # Errors
    ///
    /// If the file holds no key.
    pub(super) fn load(file: &Path) -> Result<Self, KeyFileError> {
        Ok(Self { file: file.to_owned(), first: PeerKey::from_file(file)? })
    }

    /// The key in the file that the configuration names.
    pub(super) fn first(&self) -> &PeerKey {
        &self.first
    }

    /// The key with this public half, if its secret is at hand. Reads the files: they may have changed.
    ///
    /// # Errors
    ///
    /// If there is a next key's file and it cannot be used.
    pub(super) fn find(&self, public: &PublicKey) -> Result<Option<PeerKey>, KeyFileError> {
        if self.first.public() == *public {
            return Ok(Some(self.first.clone()));
        }
        for file in [next_key_file(&self.file), self.file.clone()] {
            match PeerKey::from_file(&file) {
                Ok(key) if key.public() == *public => return Ok(Some(key)),
                Ok(_) | Err(KeyFileError::Missing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}
