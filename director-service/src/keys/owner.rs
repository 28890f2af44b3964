//! Says whose a file is, where this user may not do with it what it has to.

use std::{os::unix::fs::MetadataExt, path::Path};

/// Whose the file or its folder is, and as whom this runs: what somebody needs to know who used `sudo` once too often, or not.
pub(crate) fn whose(path: &Path) -> String {
    let us = rustix::process::geteuid().as_raw();
    let seen = || path.ancestors().filter_map(|at| Some((at, at.metadata().ok()?)));
    // A folder of somebody else's is not to be seen into: the one above it says whose it is.
    let foreign = seen().take(2).find(|(_, found)| found.uid() != us);
    let Some((at, found)) = foreign.or_else(|| seen().next()) else {
        return format!("this runs as user {us}");
    };
    let (at, owner, group) = (at.display(), found.uid(), found.gid());
    match owner == us {
        true => format!("{at} is this user's own, but its mode is {:04o}", found.mode() & 0o7777),
        false => format!(
            "{at} belongs to user {owner} and group {group}, and this runs as user {us}: run it as that user \
             (`sudo -u`), or `chown` what that user must have"
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_ones_own_and_what_is_somebody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(whose(&file).contains("this user's own"), "{}", whose(&file));
        // Only the superuser can give files away.
        if std::os::unix::fs::chown(&file, Some(4321), None).is_ok() {
            let said = whose(&file);
            assert!(said.contains("belongs to user 4321") && said.contains("sudo -u"), "{said}");
        }
        // Of a file that is not there, its folder's.
        assert!(whose(&dir.path().join("missing")).contains("this user's own"));
    }
}
