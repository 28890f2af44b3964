//! Measures the weights of the pallets' calls and writes them into the pallets.

use crate::{cargo, setup, steps::Steps, wasm};
use std::process::{Command, Stdio};

/// The program that measures: the field's own, installed by hand. It brings a node's worth of crates, too much
/// for something that is used once a release.
const BENCHER: &str = "frame-omni-bencher";

/// The pallets, by the names of their folders.
const PALLETS: [&str; 3] = ["director-registry", "validator-registry", "slashing-evidence"];

/// Builds the runtime with its benchmarks, and has each pallet measured.
///
/// # Errors
///
/// If the bencher is missing, or something does not build or fails.
pub(crate) fn run() -> Result<(), String> {
    let found = Command::new(BENCHER)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_err() {
        return Err(format!(
            "`{BENCHER}` is missing: install it with `cargo install {BENCHER} --version 0.28.0 --locked` \
             (about an hour on two cores) and have it on the PATH"
        ));
    }
    let mut steps = Steps::new(1 + PALLETS.len());
    steps.begin("building the runtime with its benchmarks (the first time 5 to 10 minutes)");
    let runtime = wasm::with_benchmarks()?;
    for pallet in PALLETS {
        steps.begin(&format!("measuring pallet-{pallet}"));
        let mut bencher = Command::new(BENCHER);
        bencher
            .current_dir(setup::root())
            .args(["v1", "benchmark", "pallet", "--extrinsic", "*"])
            .args(["--steps", "20", "--repeat", "10", "--genesis-builder", "none"])
            .arg("--runtime")
            .arg(&runtime)
            .arg("--pallet")
            .arg(format!("pallet_{}", pallet.replace('-', "_")))
            .args(["--template", "xtask/weights.hbs", "--output"])
            .arg(format!("pallets/{pallet}/src/weights.rs"));
        cargo::run(&mut bencher)?;
    }
    cargo::run(cargo::cargo()?.args(["fmt", "--all"]))?;
    eprintln!("      written: pallets/*/src/weights.rs; look at the changes and commit them");
    Ok(())
}
