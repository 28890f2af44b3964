//! Remembers what a checkpoint key has signed, so that it never signs two blocks for one checkpoint.
//!
//! ```text
//! permit(checkpoint, hash) ─► known? same hash: yes, another: no ─► append ─► sync ─► the signature may be made
//! ```
//!
//! A record is on disk, synced, before its signature exists. A crash in between leaves a record without a
//! signature, which costs nothing: the same hash may be signed again. The other way round cannot happen.
//!
//! # The file
//!
//! Lines of text, each with a checksum that covers the first line as well, so that no line of another key's or chain's file
//! passes:
//!
//! ```text
//! director-slashing-protection 1 GENESIS_HASH KEY CHECKSUM
//! below 00000000000000000012 CHECKSUM
//! signed 00000000000000000012 BLOCK_HASH CHECKSUM
//! ```
//!
//! * *A torn last line* is what a crash leaves of a record that was not synced: its signature was never made, and it
//!   is dropped. Any other line that is not whole means a damaged file, and nothing is signed.
//! * *One owner*: the file is locked for as long as it is open. A second process that shares it does not start.
//! * *Bound*: the latest [`KEEP`] checkpoints. For older ones nothing is signed any more. The file is written anew
//!   beside itself and renamed when it has twice as many lines.
//! * *A disk that fails*: after a write or sync that failed nothing is known of what is on disk, so the whole file
//!   is written anew before anything else is signed.

mod file;
mod format;
mod interchange;
#[cfg(test)]
mod tests;

pub use file::LockedFile;
pub use interchange::{Imported, Interchange, InterchangeError, Signed};

use director_primitives::{CheckpointNumber, H256, PublicKey};
use format::{Contents, first_line, line, signed_body, text};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// Checkpoints that are remembered one by one.
pub const KEEP: usize = 10_000;

/// Why a protection file cannot be used, or a vote must not be signed.
#[derive(Debug, thiserror::Error)]
pub enum ProtectionError {
    /// There is no file.
    #[error(
        "there is no slashing protection file {0}: if this key has signed before, bring its file here, or import \
         what another signer exported (`director validator protection import`); if it has never signed \
         anywhere, start once with --new-protection-file"
    )]
    Missing(PathBuf),
    /// A new one was asked for, and there is one.
    #[error("{0} exists already and is kept; start without --new-protection-file")]
    Exists(PathBuf),
    /// Somebody has it open.
    #[error(
        "{0} is in use: another sidecar runs with this key; stop that one first, two must never sign with one key"
    )]
    Locked(PathBuf),
    /// A line in it is not whole.
    #[error(
        "{path} is damaged in line {line}: restore it from a backup or import what you exported; do not go on \
         without it, a vote signed twice is slashed"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
    },
    /// It is of another key.
    #[error(
        "{path} is of key {found}, and the checkpoint key is {wanted}; each key has its own file"
    )]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// In the file.
        found: String,
        /// The key that is to sign.
        wanted: String,
    },
    /// It is of another chain.
    #[error(
        "{path} is of the chain with genesis {found:?}, and the node is of {wanted:?}; each chain has its own file"
    )]
    OtherChain {
        /// The file.
        path: PathBuf,
        /// In the file.
        found: H256,
        /// The node's.
        wanted: H256,
    },
    /// Another hash was signed for this checkpoint.
    #[error("checkpoint {checkpoint} was signed with {signed:?}; a second block would be slashed")]
    AlreadySigned {
        /// The checkpoint.
        checkpoint: CheckpointNumber,
        /// What was signed.
        signed: H256,
    },
    /// The file does not reach back so far.
    #[error(
        "checkpoint {checkpoint} is before {below}, and nothing is known of what was signed there"
    )]
    TooOld {
        /// The checkpoint.
        checkpoint: CheckpointNumber,
        /// The first that is known.
        below: CheckpointNumber,
    },
    /// The disk does not take it. Nothing was signed.
    #[error("cannot use {path}: {cause}; nothing is signed until it can be written and synced")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// What a protection file is kept in. The tests' one crashes.
pub trait Medium {
    /// Everything in it.
    ///
    /// # Errors
    ///
    /// That of the system.
    fn read(&mut self) -> io::Result<Vec<u8>>;

    /// Adds at the end.
    ///
    /// # Errors
    ///
    /// That of the system; then some of it may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when all that was appended survives a crash.
    ///
    /// # Errors
    ///
    /// That of the system; then nothing is known of what was appended since the last time.
    fn sync(&mut self) -> io::Result<()>;

    /// Puts this in place of everything, in one step and for good.
    ///
    /// # Errors
    ///
    /// That of the system; then it is the one or the other.
    fn replace(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// Whether a vote is new to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// It was written down just now.
    New,
    /// The same hash was signed before, which does no harm.
    Again,
}

/// What a key has signed on a chain.
pub struct Protection<M = LockedFile> {
    path: PathBuf,
    medium: M,
    genesis_hash: H256,
    key: PublicKey,
    signed: BTreeMap<CheckpointNumber, H256>,
    /// Below this nothing is signed.
    below: CheckpointNumber,
    /// Lines in the medium beyond the first.
    lines: usize,
    /// Whether the medium is known to have all that is in memory.
    is_sound: bool,
    keep: usize,
}

impl Protection {
    /// Opens the file of a key on a chain, and locks it.
    ///
    /// # Errors
    ///
    /// If it is missing, in use, damaged, or another key's or chain's.
    pub fn open(path: &Path, genesis_hash: H256, key: PublicKey) -> Result<Self, ProtectionError> {
        Self::load(path.to_owned(), LockedFile::open(path)?, Some((genesis_hash, key)), KEEP)
    }

    /// Opens a file, whosever it is.
    ///
    /// # Errors
    ///
    /// If it is missing, in use or damaged.
    pub fn open_any(path: &Path) -> Result<Self, ProtectionError> {
        Self::load(path.to_owned(), LockedFile::open(path)?, None, KEEP)
    }

    /// Makes a file for a key that has signed nothing at or after checkpoint `below`; before that it never will.
    ///
    /// # Errors
    ///
    /// If there is one already, or the disk does not take it.
    pub fn create(
        path: &Path,
        genesis_hash: H256,
        key: PublicKey,
        below: CheckpointNumber,
    ) -> Result<Self, ProtectionError> {
        let text = text(genesis_hash, key, below, &BTreeMap::new());
        let medium = LockedFile::create(path, text.as_bytes())?;
        Self::load(path.to_owned(), medium, Some((genesis_hash, key)), KEEP)
    }

    /// Makes a file of what another signer knows: there is no moment in which it is there and knows less.
    ///
    /// # Errors
    ///
    /// As [`Protection::create`].
    pub fn create_from(path: &Path, other: &Interchange) -> Result<Self, ProtectionError> {
        let Interchange { genesis_hash, key, below, .. } = *other;
        let signed = other.signed.iter().map(|of| (of.checkpoint, of.block_hash)).collect();
        let medium = LockedFile::create(path, text(genesis_hash, key, below, &signed).as_bytes())?;
        Self::load(path.to_owned(), medium, Some((genesis_hash, key)), KEEP)
    }
}

impl<M: Medium> Protection<M> {
    fn load(
        path: PathBuf,
        mut medium: M,
        wanted: Option<(H256, PublicKey)>,
        keep: usize,
    ) -> Result<Self, ProtectionError> {
        let bytes = medium.read();
        let bytes = bytes.map_err(|cause| ProtectionError::Io { path: path.clone(), cause })?;
        let read = Contents::parse(&bytes)
            .map_err(|line| ProtectionError::Damaged { path: path.clone(), line })?;
        if let Some((genesis_hash, key)) = wanted {
            if read.key != key {
                let (found, wanted) = (hex::encode(read.key.0), hex::encode(key.0));
                return Err(ProtectionError::OtherKey { path, found, wanted });
            }
            if read.genesis_hash != genesis_hash {
                let (found, wanted) = (read.genesis_hash, genesis_hash);
                return Err(ProtectionError::OtherChain { path, found, wanted });
            }
        }
        let Contents { genesis_hash, key, signed, below, lines, is_torn } = read;
        // What was read may never have reached the disk: a process that ended before it synced leaves its writes
        // in the system's memory, where the next one reads them. So the first permit writes everything anew.
        let is_sound = false;
        let mut this =
            Self { path, medium, genesis_hash, key, signed, below, lines, is_sound, keep };
        this.forget();
        if is_torn || this.lines > 2 * this.keep {
            this.rewrite()?;
        }
        Ok(this)
    }

    /// Whose it is.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// The latest checkpoint that was signed, with its block.
    pub fn latest(&self) -> Option<(CheckpointNumber, H256)> {
        self.signed.last_key_value().map(|(checkpoint, hash)| (*checkpoint, *hash))
    }

    /// Writes down that this is about to be signed. Only when this has returned `Ok` may it be.
    ///
    /// # Errors
    ///
    /// If it must not be signed, or cannot be written down.
    pub fn permit(
        &mut self,
        checkpoint: CheckpointNumber,
        block_hash: H256,
    ) -> Result<Permit, ProtectionError> {
        match self.signed.get(&checkpoint) {
            Some(signed) if *signed == block_hash => {
                // Known, but perhaps only here: the write that was to bring it to the disk had failed.
                if !self.is_sound {
                    self.rewrite()?;
                }
                return Ok(Permit::Again);
            }
            Some(signed) => {
                return Err(ProtectionError::AlreadySigned { checkpoint, signed: *signed });
            }
            None if checkpoint < self.below => {
                return Err(ProtectionError::TooOld { checkpoint, below: self.below });
            }
            None => {}
        }
        // From here on no other block, whatever becomes of the write.
        self.signed.insert(checkpoint, block_hash);
        if self.is_sound && self.lines < 2 * self.keep {
            self.append(checkpoint, block_hash)?;
        } else {
            self.rewrite()?;
        }
        self.forget();
        Ok(Permit::New)
    }

    fn append(&mut self, checkpoint: u64, block_hash: H256) -> Result<(), ProtectionError> {
        let first = first_line(self.genesis_hash, self.key);
        let line = line(&first, &signed_body(checkpoint, block_hash));
        self.is_sound = false;
        let done = self.medium.append(line.as_bytes()).and_then(|()| self.medium.sync());
        done.map_err(|cause| self.io(cause))?;
        (self.is_sound, self.lines) = (true, self.lines + 1);
        Ok(())
    }

    fn rewrite(&mut self) -> Result<(), ProtectionError> {
        let text = text(self.genesis_hash, self.key, self.below, &self.signed);
        self.is_sound = false;
        self.medium.replace(text.as_bytes()).map_err(|cause| self.io(cause))?;
        (self.is_sound, self.lines) = (true, 1 + self.signed.len());
        Ok(())
    }

    fn forget(&mut self) {
        while self.signed.len() > self.keep {
            if let Some((checkpoint, _)) = self.signed.pop_first() {
                self.below = self.below.max(checkpoint.saturating_add(1));
            }
        }
    }

    fn io(&self, cause: io::Error) -> ProtectionError {
        ProtectionError::Io { path: self.path.clone(), cause }
    }
}
