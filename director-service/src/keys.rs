//! Reads and writes the two secrets of a director: one file each, readable by its owner alone.
//!
//! * The *peer key* file holds an ed25519 seed, 64 hexadecimal digits.
//! * The *account* file holds what the Substrate tools call a secret URI: a mnemonic phrase, a seed
//!   with `0x` before it, or either with a derivation path (`//director-1`).
//!
//! Secrets are never taken from the command line or the environment, where other users see them,
//! and are wiped from memory when they are dropped.

mod owner;
mod secret;

use director_primitives::{PublicKey, Signature, Statement, keys::is_small_order, signing_bytes};
use ed25519_zebra::VerificationKey;
pub(crate) use owner::whose;
pub(crate) use secret::Secret;
use std::{
    fs::OpenOptions,
    io::{ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Longest secret file that is read: a mnemonic of 24 words with a long path fits many times.
const MAX_SECRET_LEN: u64 = 4096;

/// Why a key file cannot be used, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is no such file.
    #[error("there is no key file {0}; make one with `director keys generate`")]
    Missing(PathBuf),
    /// Somebody else than the owner may read or write it.
    #[error("key file {path} is open to other users (mode {mode:04o}); run `chmod 600 {path}`")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The contents are no key.
    #[error("key file {path} holds no key: {what}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was expected.
        what: &'static str,
    },
    /// Writing would overwrite a key.
    #[error("{0} exists already and is not overwritten; move it away first")]
    Exists(PathBuf),
    /// This user may not.
    #[error("cannot use key file {path}: permission denied: {whose}")]
    Denied {
        /// The file.
        path: PathBuf,
        /// Whose it is, and what to do.
        whose: String,
    },
    /// The operating system refused.
    #[error("cannot use key file {path}: {cause}; check the path and its permissions")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
}

/// Reads the text of a secret file.
///
/// # Errors
///
/// If it is missing, open to others, too long or no text.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let io = |cause: std::io::Error| match cause.kind() {
        ErrorKind::NotFound => KeyFileError::Missing(path.to_owned()),
        ErrorKind::PermissionDenied => {
            KeyFileError::Denied { path: path.to_owned(), whose: whose(path) }
        }
        _ => KeyFileError::Io { path: path.to_owned(), cause },
    };
    let mut file = OpenOptions::new().read(true).open(path).map_err(io)?;
    // Of the open file, not of the path: between the two it could be swapped.
    let metadata = file.metadata().map_err(io)?;
    // First of all: `chmod 600` is no remedy for a folder, and harms one that others need.
    if metadata.is_dir() {
        return Err(malformed(path, "it is a folder; name the file in it"));
    }
    if !metadata.is_file() {
        return Err(malformed(path, "it is no file; name the one with the key"));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
    }
    if metadata.len() > MAX_SECRET_LEN {
        return Err(malformed(path, "it is no small text file"));
    }
    let mut text = Zeroizing::new(String::with_capacity(MAX_SECRET_LEN as usize));
    (&mut file).take(MAX_SECRET_LEN).read_to_string(&mut text).map_err(io)?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Writes a secret into a new file that only its owner may read.
///
/// # Errors
///
/// If the file exists or cannot be written.
pub fn write_secret(path: &Path, text: &str) -> Result<(), KeyFileError> {
    let io = |cause: std::io::Error| match cause.kind() {
        ErrorKind::AlreadyExists => KeyFileError::Exists(path.to_owned()),
        ErrorKind::PermissionDenied => {
            KeyFileError::Denied { path: path.to_owned(), whose: whose(path) }
        }
        _ => KeyFileError::Io { path: path.to_owned(), cause },
    };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(text.as_bytes()).map_err(io)?;
    file.write_all(b"\n").map_err(io)?;
    file.sync_all().map_err(io)
}

/// A fresh seed of 32 bytes from the operating system.
///
/// # Panics
///
/// If the operating system has no randomness: nothing can be done then.
pub fn random_seed() -> Zeroizing<[u8; 32]> {
    use rand::TryRngCore;
    let mut seed = Zeroizing::new([0; 32]);
    rand::rngs::OsRng
        .try_fill_bytes(seed.as_mut())
        .expect("the operating system gives random bytes; qed");
    seed
}

/// A director's or validator's peer key: its libp2p identity, and what it signs envelopes with.
#[derive(Clone)]
pub struct PeerKey(Secret);

impl PeerKey {
    /// The key with this seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Secret::from_seed(seed))
    }

    /// Reads it from a file of 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// If the file cannot be used or holds something else.
    pub fn from_file(path: &Path) -> Result<Self, KeyFileError> {
        const WHAT: &str =
            "expected 64 hexadecimal digits, as `director keys generate` writes them";
        let text = read_secret(path)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits, seed.as_mut()).map_err(|_| malformed(path, WHAT))?;
        let key = Self::from_seed(&seed);
        match is_small_order(&key.public()) {
            true => Err(malformed(path, "the key is of small order")),
            false => Ok(key),
        }
    }

    /// The seed, for the network's own key type.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(self.0.as_ref());
        seed
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        PublicKey::from_raw(VerificationKey::from(&*self.0).into())
    }

    /// Its signature of these bytes.
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        Signature::from_raw(self.0.sign(bytes).into())
    }

    /// Its signature of a statement on the chain with `genesis_hash`.
    pub fn sign_statement<S: Statement>(
        &self,
        genesis_hash: &director_primitives::H256,
        statement: &S,
    ) -> Signature {
        self.sign(&signing_bytes(genesis_hash, statement))
    }
}

impl std::fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PeerKey({})", hex::encode(self.public().0))
    }
}

/// The libp2p peer id of a peer key, as libp2p writes it (base 58).
pub fn peer_id(key: &PublicKey) -> String {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let bytes = director_primitives::keys::to_peer_id(key);
    let mut digits = Vec::with_capacity(56);
    for byte in bytes {
        let mut carry = u32::from(byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            digits.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).map(|_| 0);
    let digits = zeros.chain(digits.into_iter().rev());
    digits.map(|digit| char::from(ALPHABET[usize::from(digit)])).collect()
}

fn malformed(path: &Path, what: &'static str) -> KeyFileError {
    KeyFileError::Malformed { path: path.to_owned(), what }
}

#[cfg(test)]
mod tests;
