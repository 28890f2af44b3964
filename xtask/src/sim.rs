//! Builds the simulation and runs it: `cargo xtask sim`.

use crate::{cargo, setup};
use std::{
    ffi::OsString,
    path::Path,
    process::{Command, Stdio},
};

/// The simulation's own reading of its arguments: std only, and so a mistake is told before a long build.
#[allow(dead_code, unreachable_pub)]
#[path = "../../simulation/src/arguments.rs"]
mod arguments;

/// Seeds that every run of the tests runs.
const CHECKED_SEEDS: &str = "200";

/// Builds a release, then runs it in the place of this program.
///
/// # Errors
///
/// If the arguments make no sense, it does not build, or a seed fails.
pub(crate) fn run(given: &[OsString]) -> Result<(), String> {
    let command = arguments::read(given.iter().cloned())
        .map_err(|error| format!("{error}; `cargo xtask sim --help` tells what there is"))?;
    if command == arguments::Command::Help {
        print!("{}", arguments::HELP);
        return Ok(());
    }
    let executable = setup::target_dir()?.join("release/director-sim");
    if !executable.exists() {
        eprintln!("The first build of a release takes some minutes; later ones take seconds.");
    }
    cargo::run(cargo::cargo()?.args(["build", "--release", "-p", "director-simulation"]))?;
    let mut simulation = Command::new(&executable);
    simulation.args(given).stdin(Stdio::null());
    if let arguments::Command::Compare { .. } = command
        && !given.iter().any(|argument| argument.to_string_lossy().starts_with("--out"))
    {
        simulation.arg("--out").arg(setup::root().join("docs/comparison"));
    }
    start(&mut simulation, &executable)
}

/// Runs some seeds with what the tests have built.
///
/// # Errors
///
/// If one fails.
pub(crate) fn check() -> Result<(), String> {
    let executable = setup::target_dir()?.join("debug/director-sim");
    start(Command::new(&executable).args(["--seeds", CHECKED_SEEDS]), &executable)
}

fn start(command: &mut Command, executable: &Path) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|error| format!("cannot start {}: {error}", executable.display()))?;
    match status.success() {
        true => Ok(()),
        false => Err("the simulation failed, see above".into()),
    }
}
