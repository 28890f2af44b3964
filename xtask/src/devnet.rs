//! Builds what a devnet needs and runs it.

use crate::{cargo, setup, steps::Steps, wasm};
use std::{
    ffi::OsString,
    path::PathBuf,
    process::{Command, Stdio},
};

/// Builds, then becomes the devnet.
///
/// # Errors
///
/// If something does not build or the devnet cannot be started.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), String> {
    let devnet = build()?;
    let mut command = Command::new(&devnet);
    command.args(arguments);
    become_it(command).map_err(|error| format!("cannot start {}: {error}", devnet.display()))
}

/// Builds the programs and the runtime; returns the devnet's executable.
///
/// # Errors
///
/// If something does not build.
pub(crate) fn build() -> Result<PathBuf, String> {
    let devnet = setup::target_dir()?.join("debug").join("devnet");
    if !devnet.exists() {
        eprintln!(
            "The first build compiles a whole blockchain node: 10 to 20 minutes on two cores. \
             Later ones take seconds."
        );
    }
    let mut steps = Steps::new(1);
    steps.begin("building runtime, node, director and devnet");
    let runtime = wasm::start()?;
    build_programs()?;
    runtime.finish()?;
    Ok(devnet)
}

/// Builds every program of the workspace.
///
/// The whole workspace is selected, here and in the tests: cargo then chooses the same features of
/// the dependencies each time and builds them once.
///
/// # Errors
///
/// If something does not build.
pub(crate) fn build_programs() -> Result<(), String> {
    setup::native_tools()?;
    let mut cargo = cargo::cargo()?;
    cargo.args(["build", "--workspace", "--exclude", "xtask", "--bins"]);
    cargo::run(&mut cargo)
}

#[cfg(unix)]
fn become_it(mut command: Command) -> Result<(), std::io::Error> {
    use std::os::unix::process::CommandExt;
    // Signals, exit status and terminal are then the devnet's own.
    Err(command.stdin(Stdio::inherit()).exec())
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> Result<(), std::io::Error> {
    let status = command.stdin(Stdio::inherit()).status()?;
    std::process::exit(status.code().unwrap_or(1))
}
