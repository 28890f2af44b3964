//! Finds out whether `data_dir` can be what it has to be, as `director run` would, and leaves nothing there.

use crate::keys::whose;
use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// The name of the socket in it, and how long its whole path may be: the system's own bound for such names.
const SOCKET: (&str, usize) = ("control.sock", 107);

/// What is wrong with it, and what to do.
pub(super) fn check(folder: &Path) -> Result<(), String> {
    let (name, longest) = SOCKET;
    if folder.join(name).as_os_str().len() > longest {
        return Err(format!(
            "{} is too long a path for the socket in it; choose one of fewer than 90 bytes",
            folder.display()
        ));
    }
    probe(folder).or_else(|(at, error)| match error.kind() {
        // With a disk that takes nothing now a director starts all the same.
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem => Ok(()),
        ErrorKind::PermissionDenied => {
            Err(format!("no permission to make or use {}; {}", folder.display(), whose(&at)))
        }
        _ => Err(format!(
            "cannot make or use {} ({error}); set it to a folder on a healthy disk that the user who runs the \
             director may write",
            folder.display()
        )),
    })
}

/// Makes a folder where it is, or where it would have to be made, and takes it away again. What does not work, and at which path.
fn probe(folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    let mut at = folder;
    while let Err(error) = at.metadata() {
        match at.parent().filter(|_| error.kind() == ErrorKind::NotFound) {
            Some(above) if !above.as_os_str().is_empty() => at = above,
            Some(_) => at = Path::new("."),
            None => return Err((at.to_owned(), error)),
        }
    }
    let made = at.join(format!(".director-check-{:016x}", rand::random::<u64>()));
    let tried = fs::create_dir(&made).and_then(|()| fs::remove_dir(&made));
    tried.map_err(|error| (made, error))?;
    // The store, if it is there: all that a director keeps in files.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|of| of.is_file()) {
            let opened = OpenOptions::new().read(true).write(true).open(entry.path());
            opened.map_err(|error| (entry.path(), error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_folder_that_can_be_made_or_is_there_is_good_and_nothing_is_left_there() {
        let dir = tempfile::tempdir().unwrap();
        for folder in [dir.path().join("one/two"), dir.path().to_owned()] {
            assert_eq!(check(&folder), Ok(()));
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        fs::write(dir.path().join("director.redb"), "").unwrap();
        assert_eq!(check(dir.path()), Ok(()));
    }

    #[test]
    fn what_can_be_no_folder_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        for wrong in [file.clone(), file.join("data")] {
            let said = check(&wrong).unwrap_err();
            assert!(said.contains("set it to a folder"), "{said}");
        }
        let said = check(Path::new("/proc/director")).unwrap_err();
        assert!(said.contains("/proc/director"), "{said}");
        let said = check(&dir.path().join("x".repeat(100))).unwrap_err();
        assert!(said.contains("too long"), "{said}");
    }
}
