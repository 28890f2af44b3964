//! Ends the process in the middle of something, for tests of what a crash leaves: debug builds only, in a release
//! these places are empty.
//!
//! A failpoint is a place in the code with a name, `hit`. The environment variable `FAILPOINT_FILE` names a
//! file; while that holds `NAME N`, the N-th passing of that place aborts the process, without a destructor or a flush,
//! as a power cut would. The file is removed first, so that the process that is started next lives. A test arms a
//! process that runs by writing the file ([`arm`]).

#[cfg(debug_assertions)]
use std::{env, path::PathBuf, sync::OnceLock};
use std::{fs, io, path::Path};

/// Names the file. No `DIRECTOR_…`: those are fields of the configuration.
pub const VARIABLE: &str = "FAILPOINT_FILE";

/// Where a process can be ended: first in the order in which a proof of a double sign passes a director, then in that in which a
/// vote passes the slashing protection of a validator's sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failpoint {
    /// The core has made the proof; nobody else has heard of it.
    Proven,
    /// The reporter has it; the outbox does not.
    Taken,
    /// In the transaction that puts it, or what became of it, into the outbox.
    Committing,
    /// After that transaction, before anybody is told.
    Committed,
    /// The chain has said that it would accept it.
    Judged,
    /// At the best block, too, and it is this director's turn.
    Due,
    /// The extrinsic is signed, and nowhere but in memory.
    Signed,
    /// It is in the outbox; the node does not have it.
    Written,
    /// The node has it; nobody has noted that.
    Handed,
    /// That is noted.
    Submitted,
    /// It was found in a finalized block; the outbox does not say so.
    Included,
    /// A vote may be signed as far as the memory knows; the protection file has nothing of it.
    VoteAsked,
    /// Its record is appended, and not synced.
    VoteWritten,
    /// It is synced; nothing is signed.
    VoteSynced,
    /// It is signed; nobody has been told.
    VoteSigned,
    /// A new file is written and synced beside the one whose place it is to take, or beside a name that is to become its.
    FileBeside,
    /// It has a second name, the one that it is to have.
    FileLinked,
    /// It has taken the other one's name; the folder is not synced.
    FileRenamed,
    /// That is synced.
    FileReplaced,
}

impl Failpoint {
    /// Those of a sidecar's slashing protection.
    pub const SIGNING: [Self; 8] = [
        Self::VoteAsked,
        Self::VoteWritten,
        Self::VoteSynced,
        Self::VoteSigned,
        Self::FileBeside,
        Self::FileLinked,
        Self::FileRenamed,
        Self::FileReplaced,
    ];

    /// Those of a director, in order.
    pub const ALL: [Self; 11] = [
        Self::Proven,
        Self::Taken,
        Self::Committing,
        Self::Committed,
        Self::Judged,
        Self::Due,
        Self::Signed,
        Self::Written,
        Self::Handed,
        Self::Submitted,
        Self::Included,
    ];

    /// As it is spelled in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Taken => "taken",
            Self::Committing => "committing",
            Self::Committed => "committed",
            Self::Judged => "judged",
            Self::Due => "due",
            Self::Signed => "signed",
            Self::Written => "written",
            Self::Handed => "handed",
            Self::Submitted => "submitted",
            Self::Included => "included",
            Self::VoteAsked => "vote-asked",
            Self::VoteWritten => "vote-written",
            Self::VoteSynced => "vote-synced",
            Self::VoteSigned => "vote-signed",
            Self::FileBeside => "file-beside",
            Self::FileLinked => "file-linked",
            Self::FileRenamed => "file-renamed",
            Self::FileReplaced => "file-replaced",
        }
    }
}

/// Has the process whose variable names this file end at the `passing`-th passing of a place, from 1.
///
/// # Errors
///
/// If the file cannot be written.
pub fn arm(file: &Path, at: Failpoint, passing: u32) -> io::Result<()> {
    // Renamed, so that nobody reads half of it.
    let new = file.with_extension("new");
    fs::write(&new, format!("{} {passing}", at.name()))?;
    fs::rename(new, file)
}

/// The process passes this place, and ends there if it was told to.
#[cfg(debug_assertions)]
pub(crate) fn hit(at: Failpoint) {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let file = FILE.get_or_init(|| env::var_os(VARIABLE).map(PathBuf::from));
    if let Some(file) = file
        && is_armed(file, at)
    {
        tracing::error!("ending at the failpoint {}", at.name());
        std::process::abort();
    }
}

/// The process passes this place.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) const fn hit(_: Failpoint) {}

/// Whether this passing is the one; if not, one less is left.
#[cfg(debug_assertions)]
fn is_armed(file: &Path, at: Failpoint) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let Some((name, passing)) = text.split_once(' ') else { return false };
    match passing.trim().parse() {
        _ if name != at.name() => false,
        Ok(0 | 1) => fs::remove_file(file).is_ok(),
        Ok(more) => {
            // Where it cannot be counted down, the process lives on.
            let _ = arm(file, at, more - 1);
            false
        }
        Err(_) => false,
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn the_nth_passing_of_the_place_that_is_named_is_the_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("failpoint");
        assert!(!is_armed(&file, Failpoint::Due), "nobody has armed it");
        arm(&file, Failpoint::Due, 3).unwrap();
        assert!(!is_armed(&file, Failpoint::Written), "another place");
        let passings = [1, 2, 3, 4].map(|_| is_armed(&file, Failpoint::Due));
        assert_eq!(passings, [false, false, true, false], "once, and the next process lives");
        assert!(!file.exists());
    }

    #[test]
    fn names_are_distinct() {
        let all = Failpoint::ALL.into_iter().chain(Failpoint::SIGNING);
        let names: std::collections::BTreeSet<_> = all.map(Failpoint::name).collect();
        assert_eq!(names.len(), Failpoint::ALL.len() + Failpoint::SIGNING.len());
    }
}
