//! Runs what takes too long for the tests: `cargo xtask kills` and `cargo xtask soak`.

use crate::{bench, devnet, setup, wasm};
use std::{ffi::OsString, process::Command};

/// Kills directors while double signs are on their way to the chain. Debug builds: releases have no failpoints.
///
/// # Errors
///
/// If something does not build, or an offender is not slashed as it must be.
pub(crate) fn kills(arguments: &[OsString]) -> Result<(), String> {
    let runtime = wasm::start()?;
    devnet::build_programs()?;
    runtime.finish()?;
    bench::run_to_its_end(Command::new(setup::target_dir()?.join("debug/kills")).args(arguments))
}

/// Lets a network run under load, as operators would.
///
/// # Errors
///
/// If something does not build, or does not stay as it was.
pub(crate) fn soak(arguments: &[OsString]) -> Result<(), String> {
    bench::as_operators_would("soak", arguments)
}
