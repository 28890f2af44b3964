//! Says why a protection file cannot be used, with the remedy.

use crate::keys::whose;
use director_primitives::{CheckpointNumber, H256};
use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

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
    /// The name leads to another file, or to none.
    #[error(
        "{0} was replaced, moved or removed while it is in use, so that others may know less of what was signed: put \
         back the file that was there, or stop every signer of this key and start one with the file that knows most"
    )]
    Replaced(PathBuf),
    /// It has a second name.
    #[error(
        "{0} has a second name (a hard link), which would go on leading to what the file says now: remove that name, \
         and never share the file otherwise than by its one name"
    )]
    Linked(PathBuf),
    /// There is no folder for it.
    #[error(
        "there is no folder {folder} for the slashing protection file (keys.protection, --protection): make it, as the \
         user that the sidecar runs as, or name a file elsewhere"
    )]
    NoFolder {
        /// Where the file was to be.
        folder: PathBuf,
    },
    /// This user may not use it.
    #[error("cannot use {path}: permission denied: {whose}; nothing is signed meanwhile")]
    Denied {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        whose: String,
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

impl ProtectionError {
    /// What the system says about a file.
    pub(super) fn of_disk(path: &Path, cause: io::Error) -> Self {
        let path = path.to_owned();
        // What has no number is said by us, and says whose it is.
        match cause.kind() == ErrorKind::PermissionDenied && cause.raw_os_error().is_some() {
            true => Self::Denied { whose: whose(&path), path },
            false => Self::Io { path, cause },
        }
    }
}
