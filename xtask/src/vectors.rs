//! Writes down the protocol's test vectors.

use crate::{cargo, setup, steps::Steps};
use std::process::Command;

/// Makes them anew below `docs/vectors`.
///
/// # Errors
///
/// If the program that makes them does not build or cannot write.
pub(crate) fn run() -> Result<(), String> {
    let mut steps = Steps::new(2);
    steps.begin("building the program that makes them");
    setup::native_tools()?;
    let mut build = cargo::cargo()?;
    // The whole workspace is selected for its features; built is this example and what it needs.
    build.args(["build", "--workspace", "--exclude", "xtask", "--example", "vectors"]);
    cargo::run(&mut build)?;

    steps.begin("writing docs/vectors");
    let mut example = Command::new(setup::target_dir()?.join("debug/examples/vectors"));
    cargo::run(example.arg(setup::root().join("docs/vectors")))
}
