//! Knows where the programs are, and on which core each belongs.

use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// Core of all relays.
pub(crate) const RELAY_CORE: usize = 0;

/// Core of the load, and of the node.
pub(crate) const LOAD_CORE: usize = 1;

/// Where the programs are.
pub(crate) struct Programs {
    /// Folder with `director` and `director-load`, as a release has them.
    pub(crate) release: PathBuf,
    /// Folder with the programs of the other systems.
    pub(crate) peers: PathBuf,
}

impl Programs {
    /// The node that is beside this program.
    pub(crate) fn node(&self) -> Result<PathBuf> {
        integration_tests::process::sibling("mock-node")
    }

    pub(crate) fn director(&self) -> Result<PathBuf> {
        existing(&self.release, "director")
    }

    pub(crate) fn director_load(&self) -> Result<PathBuf> {
        existing(&self.release, "director-load")
    }

    pub(crate) fn peer(&self, name: &str) -> Result<PathBuf> {
        existing(&self.peers, name)
    }
}

fn existing(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    if !path.is_file() {
        bail!("{} is not there; `cargo xtask bench relay` builds it", path.display());
    }
    Ok(path)
}

/// The command that runs a program on one core.
pub(crate) fn pinned(core: usize, program: &Path, arguments: &[String]) -> (PathBuf, Vec<String>) {
    let mut all = vec!["--cpu-list".into(), core.to_string(), program.display().to_string()];
    all.extend_from_slice(arguments);
    ("taskset".into(), all)
}
