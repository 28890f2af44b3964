//! Writes down the chain interface that the director is compiled against.

use crate::{cargo, setup, steps::Steps};
use std::{
    fs,
    process::{Command, Stdio},
};

/// Asks the native runtime, so that neither wasm nor a node is needed.
///
/// # Errors
///
/// If the runtime does not build or the file cannot be written.
pub(crate) fn run() -> Result<(), String> {
    let mut steps = Steps::new(2);
    steps.begin("building the runtime natively");
    let mut build = cargo::cargo()?;
    // The whole workspace is selected for its features; built is this example and what it needs.
    build.args(["build", "--workspace", "--exclude", "xtask", "--example", "metadata"]);
    cargo::run(&mut build)?;

    steps.begin("writing the metadata");
    let example = setup::target_dir()?.join("debug/examples/metadata");
    let output = Command::new(&example)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot start {}: {error}", example.display()))?;
    if !output.status.success() {
        return Err("the runtime does not tell its metadata, see above".into());
    }
    let artifacts = setup::root().join("director-service/artifacts");
    let file = artifacts.join("metadata.scale");
    let is_current = fs::read(&file).is_ok_and(|present| present == output.stdout);
    fs::create_dir_all(&artifacts)
        .and_then(|()| fs::write(&file, output.stdout))
        .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    let change = if is_current { "is as it was" } else { "has changed: commit it" };
    eprintln!("      {} {change}", file.display());
    Ok(())
}
