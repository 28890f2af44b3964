//! Writes the protocol's test vectors into the folder that is named: `cargo xtask vectors`.

use anyhow::Context;
use std::{env, fs, path::PathBuf};

fn main() -> anyhow::Result<()> {
    let folder = env::args_os().nth(1).map(PathBuf::from).context("name a folder")?;
    for (name, contents) in integration_tests::vectors::files() {
        fs::write(folder.join(name), integration_tests::vectors::text(&contents))?;
    }
    Ok(())
}
