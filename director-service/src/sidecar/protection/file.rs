//! Keeps a protection file on disk, locked for as long as it is open.

use super::{Medium, ProtectionError};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// A file that nobody else has open, as long as everybody locks it.
pub struct LockedFile {
    /// Without links, so that who names it in another way locks the same file.
    path: PathBuf,
    file: File,
}

impl LockedFile {
    pub(super) fn open(path: &Path) -> Result<Self, ProtectionError> {
        let io = |cause: io::Error| match cause.kind() {
            ErrorKind::NotFound => ProtectionError::Missing(path.to_owned()),
            _ => ProtectionError::Io { path: path.to_owned(), cause },
        };
        let real = fs::canonicalize(path).map_err(io)?;
        loop {
            let file = OpenOptions::new().read(true).append(true).open(&real).map_err(io)?;
            lock(&file, path)?;
            // Whoever had it may have put a new file in its place between the two steps.
            let (here, named) = (file.metadata().map_err(io)?, fs::metadata(&real).map_err(io)?);
            if (here.dev(), here.ino()) == (named.dev(), named.ino()) {
                return Ok(Self { path: real, file });
            }
        }
    }

    /// A new file with this in it. Of two that try at once one fails.
    pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<Self, ProtectionError> {
        let io = |cause: io::Error| match cause.kind() {
            ErrorKind::AlreadyExists => ProtectionError::Exists(path.to_owned()),
            _ => ProtectionError::Io { path: path.to_owned(), cause },
        };
        if path.symlink_metadata().is_ok() {
            return Err(ProtectionError::Exists(path.to_owned()));
        }
        let folder = fs::canonicalize(folder(path)).map_err(io)?;
        let name = path.file_name().ok_or_else(|| io(ErrorKind::InvalidFilename.into()))?;
        let real = folder.join(name);
        let (beside, file) = write_beside(&real, bytes).map_err(io)?;
        // Unlike a rename this overwrites nothing.
        let linked = fs::hard_link(&beside, &real);
        let removed = fs::remove_file(&beside);
        linked.and(removed).and_then(|()| File::open(&folder)?.sync_all()).map_err(io)?;
        Ok(Self { path: real, file })
    }
}

impl Medium for LockedFile {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::End(0))?;
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (beside, file) = write_beside(&self.path, bytes)?;
        fs::rename(&beside, &self.path)?;
        // Locked since before it had the name; the old one is let go only now.
        self.file = file;
        File::open(folder(&self.path))?.sync_all()
    }
}

fn lock(file: &File, path: &Path) -> Result<(), ProtectionError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => ProtectionError::Locked(path.to_owned()),
        TryLockError::Error(cause) => ProtectionError::Io { path: path.to_owned(), cause },
    })
}

/// A whole, synced and locked file beside the one with this name.
fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<(PathBuf, File)> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    // What a process with this number left that died meanwhile.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).create_new(true).mode(0o600).open(&beside)?;
    file.try_lock().map_err(io::Error::from)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok((beside, file))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
