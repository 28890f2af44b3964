//! Says whose a file is, where this user may not do with it what it has to.

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Whose the file is, or its folder if it is not there or not what stands in the way, and as whom this runs: what somebody needs
/// to know who used `sudo` once too often, or not.
pub(crate) fn whose(path: &Path) -> String {
    let us = rustix::process::geteuid().as_raw();
    let folder = folder_of(path);
    let of_folder = folder.metadata().ok();
    match (path.metadata().ok(), of_folder) {
        (Some(file), Some(found)) if is_usable(&file, us) && found.uid() != us => {
            belongs(&folder, &found, us)
        }
        (Some(file), _) => belongs(path, &file, us),
        (None, Some(found)) => belongs(&folder, &found, us),
        (None, None) => match path.ancestors().find(|at| at.metadata().is_ok()) {
            Some(at) => format!(
                "user {us}, as which this runs, may not look below {}: run it as the user that the director or the sidecar runs \
                 as (`sudo -u`)",
                at.display()
            ),
            None => format!("this runs as user {us}"),
        },
    }
}

fn is_usable(found: &Metadata, us: u32) -> bool {
    found.uid() == us && found.mode() & 0o600 == 0o600
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => ".".into(),
        Some(folder) => folder.into(),
        None => path.into(),
    }
}

fn belongs(at: &Path, found: &Metadata, us: u32) -> String {
    let (at, owner, group) = (at.display(), found.uid(), found.gid());
    match owner == us {
        true => format!("{at} is this user's own, but its mode is {:04o}", found.mode() & 0o7777),
        false => format!(
            "{at} belongs to user {owner} and group {group}, and this runs as user {us}: run it as that user \
             (`sudo -u`), or `chown` it to the one that must have it"
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt, chown},
    };

    #[test]
    fn what_is_ones_own_and_what_is_somebody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(whose(&file).contains("file is this user's own"), "{}", whose(&file));
        // Of a file that is not there, its folder's: not that of the folder above, whoever has that.
        let missing = whose(&dir.path().join("missing"));
        assert!(
            missing.starts_with(&format!("{} is this user's own", dir.path().display())),
            "{missing}"
        );
        // Only the superuser can give files away.
        if chown(&file, Some(4321), None).is_ok() {
            let said = whose(&file);
            assert!(
                said.contains("file belongs to user 4321") && said.contains("sudo -u"),
                "{said}"
            );
            chown(&file, Some(0), None).unwrap();
            chown(dir.path(), Some(4321), None).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
            let said = whose(&file);
            assert!(
                said.starts_with(&format!("{} belongs to user 4321", dir.path().display())),
                "{said}"
            );
            fs::set_permissions(&file, Permissions::from_mode(0o400)).unwrap();
            assert!(whose(&file).contains("mode is 0400"), "{}", whose(&file));
        }
    }

    #[test]
    fn where_nothing_can_be_seen_nobody_is_sent_to_the_superuser() {
        let said = whose(Path::new("/nowhere/at/all"));
        assert!(said.contains("may not look below /: run it as the user"), "{said}");
    }
}
