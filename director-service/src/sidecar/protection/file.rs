//! Keeps a protection file on disk, locked for as long as it is open.
//!
//! A lock is of a file, and not of its name. So before anything is written it is looked whether the name still leads to
//! the file that is locked, and whether that has no second name: under either another signer could find a file that is
//! not locked, and knows less.

use super::{Medium, ProtectionError, Standing};
use crate::failpoint::{self, Failpoint};
use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    },
    path::{Path, PathBuf},
};

/// What the name of a file ends in that has no name of its own yet.
const UNNAMED: &str = ".new";

/// How often a file is opened that another one takes the place of meanwhile.
const ATTEMPTS: usize = 10;

/// A file that nobody else has open, as long as everybody locks it.
pub struct LockedFile {
    /// As it was asked for: a link may lead elsewhere one day.
    named: PathBuf,
    /// Without links, so that who names it in another way locks the same file.
    path: PathBuf,
    file: File,
    /// What the last write of ours left: length, and when it was (seconds, nanoseconds). `None` until it was synced.
    left: Option<(u64, i64, i64)>,
}

impl LockedFile {
    pub(super) fn open(path: &Path) -> Result<Self, ProtectionError> {
        let io = |cause: io::Error| match cause.kind() {
            ErrorKind::NotFound => ProtectionError::Missing(path.to_owned()),
            _ => ProtectionError::of_disk(path, cause),
        };
        let named = std::path::absolute(path).map_err(io)?;
        let real = fs::canonicalize(path).map_err(io)?;
        for _ in 0..ATTEMPTS {
            let file = OpenOptions::new().read(true).append(true).open(&real).map_err(io)?;
            lock(&file, path)?;
            // Whoever had it may have put a new file in its place between the two steps.
            if is_named(&file, &real).map_err(io)? {
                remove_leftovers(&real);
                let this = Self { named, path: real, file, left: None };
                this.standing().map_err(io)?.check(path)?;
                return Ok(this);
            }
        }
        // Or this file system says something else of an open file each time.
        Err(ProtectionError::Replaced(path.to_owned()))
    }

    /// A new file with this in it. Of two that try at once one fails.
    pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<Self, ProtectionError> {
        let io = |cause: io::Error| match cause.kind() {
            ErrorKind::AlreadyExists => ProtectionError::Exists(path.to_owned()),
            _ => ProtectionError::of_disk(path, cause),
        };
        if path.symlink_metadata().is_ok() {
            return Err(ProtectionError::Exists(path.to_owned()));
        }
        let named = std::path::absolute(path).map_err(io)?;
        let folder = fs::canonicalize(folder(path)).map_err(io)?;
        let name = path.file_name().ok_or_else(|| io(ErrorKind::InvalidFilename.into()))?;
        let real = folder.join(name);
        let (beside, file) = write_beside(&real, bytes, None).map_err(io)?;
        // Unlike a rename this overwrites nothing.
        fs::hard_link(&beside.0, &real).map_err(io)?;
        failpoint::hit(Failpoint::FileLinked);
        drop(beside);
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        let mut this = Self { named, path: real, file, left: None };
        this.mark().map_err(io)?;
        this.standing().map_err(io)?.check(path)?;
        Ok(this)
    }

    /// What is there now is what we know.
    fn mark(&mut self) -> io::Result<()> {
        let now = self.file.metadata()?;
        self.left = Some((now.len(), now.mtime(), now.mtime_nsec()));
        Ok(())
    }
}

impl Medium for LockedFile {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut bytes)?;
        self.mark()?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.left = None;
        self.file.seek(SeekFrom::End(0))?;
        self.file.write_all(bytes)?;
        failpoint::hit(Failpoint::VoteWritten);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.mark()
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let old = self.file.metadata()?;
        let (beside, file) = write_beside(&self.path, bytes, Some(&old))?;
        fs::rename(&beside.0, &self.path)?;
        failpoint::hit(Failpoint::FileRenamed);
        // Locked since before it had the name; the old one is let go only now.
        self.file = file;
        self.mark()?;
        File::open(folder(&self.path))?.sync_all()?;
        failpoint::hit(Failpoint::FileReplaced);
        Ok(())
    }

    fn standing(&self) -> io::Result<Standing> {
        if !is_named(&self.file, &self.path)? || !is_named(&self.file, &self.named)? {
            return Ok(Standing::Replaced);
        }
        let now = self.file.metadata()?;
        // An older one may have been copied over it.
        if self.left.is_some_and(|left| left != (now.len(), now.mtime(), now.mtime_nsec())) {
            return Ok(Standing::Replaced);
        }
        Ok(match now.nlink() {
            1 => Standing::Alone,
            _ => Standing::Linked,
        })
    }
}

fn lock(file: &File, path: &Path) -> Result<(), ProtectionError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => ProtectionError::Locked(path.to_owned()),
        TryLockError::Error(cause) => ProtectionError::Io { path: path.to_owned(), cause },
    })
}

/// Whether a name leads to this open file.
fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    let here = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((here.dev(), here.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The name of a file that was not put in place; dropped, it is gone.
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        // After a rename it is gone already. What cannot be removed is seen as a second name, or removed by the next owner.
        let _ = fs::remove_file(&self.0);
    }
}

/// A whole, synced and locked file beside the one with this name, owned and open to whom that one is.
///
/// Its name is drawn: processes in two containers may have the same number.
fn write_beside(path: &Path, bytes: &[u8], old: Option<&Metadata>) -> io::Result<(Beside, File)> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}{UNNAMED}", rand::random::<u64>()));
    let beside = path.with_file_name(name);
    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).create_new(true).mode(0o600).open(&beside)?;
    let beside = Beside(beside);
    file.try_lock().map_err(io::Error::from)?;
    if let Some(old) = old {
        resemble(&file, old)?;
    }
    file.write_all(bytes)?;
    file.sync_all()?;
    failpoint::hit(Failpoint::FileBeside);
    Ok((beside, file))
}

/// Gives a file the owner and the permissions of the one whose place it takes: else whoever ran this once as root, and from then
/// on as somebody else, could not open it any more.
fn resemble(file: &File, old: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    let (user, group) = (old.uid(), old.gid());
    let mut mode = old.mode() & 0o777;
    if new.uid() != user {
        fchown(file, Some(user), Some(group)).map_err(|error| {
            let what = format!(
                "it belongs to user {user} and group {group}, and what takes its place cannot be given to them \
                 ({error}); run this as that user, or chown the file to the one that runs this"
            );
            io::Error::new(error.kind(), what)
        })?;
    } else if new.gid() != group && fchown(file, None, Some(group)).is_err() {
        // A group that the owner is not in: what it might is not the other one's right.
        mode &= !0o070;
    }
    if file.metadata()?.mode() & 0o777 != mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Removes what processes left that died before they put it in place. Only the owner may: nobody else writes beside a
/// file that is there, but whoever tries to make it, which fails.
fn remove_leftovers(path: &Path) {
    let Some(name) = path.file_name().map(OsStrExt::as_bytes) else { return };
    let is_leftover = |other: &[u8]| {
        let between = other.strip_prefix(name).and_then(|rest| rest.strip_prefix(b"."));
        let drawn = between.and_then(|rest| rest.strip_suffix(UNNAMED.as_bytes()));
        drawn.is_some_and(|drawn| !drawn.is_empty() && drawn.iter().all(u8::is_ascii_hexdigit))
    };
    for entry in fs::read_dir(folder(path)).into_iter().flatten().flatten() {
        if is_leftover(entry.file_name().as_bytes()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes a file beside this one and takes it away again: whether this one could be made.
pub(super) fn probe(path: &Path) -> io::Result<()> {
    let beside = folder(path).join(format!(".protection-check-{:016x}", rand::random::<u64>()));
    OpenOptions::new().write(true).create_new(true).open(&beside)?;
    fs::remove_file(&beside)
}

/// The folder that a file is in, or would be.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
