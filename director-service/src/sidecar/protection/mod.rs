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
//! until 00000000000000000028 CHECKSUM
//! signed 00000000000000000012 BLOCK_HASH CHECKSUM
//! ```
//!
//! * *`until`* is ahead of what is signed: before anything later is, another such line is on disk, synced.
//! * *A last line that is not whole* is what a crash leaves of a record that was not synced, and whose signature was never
//!   made. It may as well be one that was synced and damaged afterwards. So it is dropped, and nothing new is signed up to
//!   `until`, which is not before what it said: that costs votes for up to seventeen checkpoints and forgets nothing. A line that lacks its
//!   line break alone is whole. Any other line that is not means a damaged file, and nothing is signed.
//! * *Reading* writes nothing: the first permit does.
//! * *One owner*: the file is locked for as long as it is open. A second process that shares it does not start. A file that
//!   was replaced, moved or given a second name meanwhile is not written to: others may have another one under its name.
//! * *A new file* is for a key that has signed nothing, and forbids what it may have signed all the same: whatever
//!   somebody could still be sent (`start::first_checkpoint`).
//! * *Bound*: the latest [`KEEP`] checkpoints. For older ones nothing is signed any more. The file is written anew
//!   beside itself and renamed when it has twice as many lines.
//! * *A disk that fails*: after a write or sync that failed nothing is known of what is on disk, so the whole file
//!   is written anew before anything else is signed.

mod error;
mod file;
mod format;
mod interchange;
#[cfg(test)]
mod tests;

pub use error::ProtectionError;
pub use file::LockedFile;
pub use interchange::{Imported, Interchange, InterchangeError, Signed};

use crate::failpoint::{self, Failpoint};
use director_primitives::{CheckpointNumber, H256, PublicKey};
use format::{Contents, first_line, line, signed_body, text, until_body};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};
use tracing::warn;

/// Checkpoints that are remembered one by one.
pub const KEEP: usize = 10_000;

/// How far `until` is moved beyond what is to be signed: more of it costs more votes after a crash, less of it more syncs.
const ROOM: u64 = 16;

/// How what is open stands to its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// The name leads to it, and no other one does.
    #[default]
    Alone,
    /// The name leads elsewhere, or nowhere.
    Replaced,
    /// Another name leads to it as well.
    Linked,
}

impl Standing {
    fn check(self, path: &Path) -> Result<(), ProtectionError> {
        match self {
            Self::Alone => Ok(()),
            Self::Replaced => Err(ProtectionError::Replaced(path.to_owned())),
            Self::Linked => Err(ProtectionError::Linked(path.to_owned())),
        }
    }
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

    /// Whether it is what others find.
    ///
    /// # Errors
    ///
    /// That of the system.
    fn standing(&self) -> io::Result<Standing>;
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
    /// After this nothing was signed, as the medium says.
    until: CheckpointNumber,
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

    /// Looks whether there is a file for this key, without taking it: a sidecar may be running.
    ///
    /// # Errors
    ///
    /// If there is none, or no folder for one, or it is damaged or another key's.
    pub fn look(path: &Path, key: PublicKey) -> Result<(), ProtectionError> {
        let folder = file::folder(path);
        if !folder.is_dir()
            && folder.metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        {
            return Err(ProtectionError::NoFolder { folder: folder.to_owned() });
        }
        let is_missing =
            path.symlink_metadata().is_err_and(|of| of.kind() == io::ErrorKind::NotFound);
        if is_missing {
            file::probe(path).map_err(|cause| ProtectionError::of_disk(path, cause))?;
            return Err(ProtectionError::Missing(path.to_owned()));
        }
        // As it is opened when it is used, but not locked.
        std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .map_err(|cause| ProtectionError::of_disk(path, cause))?;
        let bytes = std::fs::read(path).map_err(|cause| ProtectionError::of_disk(path, cause))?;
        let damaged = |line| ProtectionError::Damaged { path: path.to_owned(), line };
        let found = Contents::parse(&bytes).map_err(damaged)?.key;
        if found != key {
            let (found, wanted) = (hex::encode(found.0), hex::encode(key.0));
            return Err(ProtectionError::OtherKey { path: path.to_owned(), found, wanted });
        }
        Ok(())
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
        Self::create_from(path, &Interchange::new(genesis_hash, key, below))
    }

    /// Makes a file of what another signer knows: there is no moment in which it is there and knows less.
    ///
    /// # Errors
    ///
    /// As [`Protection::create`].
    pub fn create_from(path: &Path, other: &Interchange) -> Result<Self, ProtectionError> {
        let Interchange { genesis_hash, key, .. } = *other;
        let (below, signed) = other.known();
        let until = signed.last_key_value().map_or(0, |(latest, _)| latest.saturating_add(ROOM));
        let text = text(genesis_hash, key, below, until, &signed);
        let medium = LockedFile::create(path, text.as_bytes())?;
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
        let bytes = bytes.map_err(|cause| ProtectionError::of_disk(&path, cause))?;
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
        let Contents { genesis_hash, key, signed, below, until, lines, is_torn } = read;
        if is_torn {
            warn!(
                path = %path.display(),
                "the last line of the protection file is not whole, after a crash or by damage: in case that something was \
                 signed for it, nothing new is signed before checkpoint {below}"
            );
        }
        // What was read may never have reached the disk: a process that ended before it synced leaves its writes
        // in the system's memory, where the next one reads them. So the first permit writes everything anew.
        let is_sound = false;
        let mut this =
            Self { path, medium, genesis_hash, key, signed, below, until, lines, is_sound, keep };
        this.forget();
        Ok(this)
    }

    /// Whose it is.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// The first checkpoint of which all is known: before it nothing new is signed.
    pub fn below(&self) -> CheckpointNumber {
        self.below
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
        let known = self.signed.get(&checkpoint);
        match known {
            Some(signed) if *signed != block_hash => {
                return Err(ProtectionError::AlreadySigned { checkpoint, signed: *signed });
            }
            None if checkpoint < self.below => {
                return Err(ProtectionError::TooOld { checkpoint, below: self.below });
            }
            _ => {}
        }
        let is_known = known.is_some();
        self.check_standing()?;
        if is_known {
            // But perhaps only here: the write that was to bring it to the disk had failed.
            if !self.is_sound {
                self.rewrite()?;
            }
            return Ok(Permit::Again);
        }
        // From here on no other block, whatever becomes of the write.
        self.signed.insert(checkpoint, block_hash);
        failpoint::hit(Failpoint::VoteAsked);
        if self.is_sound && self.lines < 2 * self.keep {
            if self.make_room(checkpoint) {
                self.append(&until_body(self.until))?;
            }
            self.append(&signed_body(checkpoint, block_hash))?;
        } else {
            self.rewrite()?;
        }
        self.forget();
        failpoint::hit(Failpoint::VoteSynced);
        Ok(Permit::New)
    }

    fn check_standing(&self) -> Result<(), ProtectionError> {
        self.medium.standing().map_err(|cause| self.io(cause))?.check(&self.path)
    }

    /// Whether `until` had to be moved for this checkpoint.
    fn make_room(&mut self, checkpoint: CheckpointNumber) -> bool {
        let is_beyond = checkpoint > self.until;
        if is_beyond {
            self.until = checkpoint.saturating_add(ROOM);
        }
        is_beyond
    }

    fn append(&mut self, body: &str) -> Result<(), ProtectionError> {
        let line = line(&first_line(self.genesis_hash, self.key), body);
        self.is_sound = false;
        let done = self.medium.append(line.as_bytes()).and_then(|()| self.medium.sync());
        done.map_err(|cause| self.io(cause))?;
        (self.is_sound, self.lines) = (true, self.lines + 1);
        Ok(())
    }

    fn rewrite(&mut self) -> Result<(), ProtectionError> {
        if let Some((latest, _)) = self.latest() {
            self.make_room(latest);
        }
        let text = text(self.genesis_hash, self.key, self.below, self.until, &self.signed);
        self.is_sound = false;
        self.medium.replace(text.as_bytes()).map_err(|cause| self.io(cause))?;
        (self.is_sound, self.lines) = (true, 2 + self.signed.len());
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
        ProtectionError::of_disk(&self.path, cause)
    }
}
