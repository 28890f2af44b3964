//! Builds the runtime for the node, with plain cargo.
//!
//! The usual tool, `substrate-wasm-builder`, compiles an optimizer first that takes longer than the
//! node. The node takes the blob as the compiler leaves it; shrinking is for releases.

use crate::{cargo, setup, steps::Steps};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Stdio},
    thread::{self, JoinHandle},
};

/// File name of the runtime, next to the node's executable.
const FILE: &str = "runtime_mock.wasm";

/// A way to build the runtime. The name is that of the profile in Cargo.toml; cargo names a folder after it.
#[derive(Clone, Copy)]
struct Kind {
    profile: &'static str,
    features: &'static str,
}

/// Cheap to build: for the node.
const NODE: Kind = Kind { profile: "wasm", features: "" };

/// As a release would be, with the benchmarks in it.
const BENCHMARKS: Kind = Kind { profile: "weights", features: "runtime-benchmarks" };

/// Tells the compiler that this is a runtime, and the linker what the node expects of one.
const FLAGS: [&str; 8] = [
    "-C",
    "link-arg=--export-table",
    "-C",
    "link-arg=--export=__heap_base",
    "-C",
    "link-arg=--import-memory",
    "--cfg",
    "substrate_runtime",
];

/// Builds the runtime and says so.
///
/// # Errors
///
/// If the target cannot be added or something does not build.
pub(crate) fn run() -> Result<(), String> {
    let mut steps = Steps::new(1);
    steps.begin("building the runtime (the first time 2 to 5 minutes)");
    let file = start()?.finish()?;
    eprintln!("      {}", file.display());
    Ok(())
}

/// Builds the runtime with its benchmarks; returns where it is.
///
/// # Errors
///
/// If the target cannot be added or something does not build.
pub(crate) fn with_benchmarks() -> Result<PathBuf, String> {
    let mut build = start_kind(BENCHMARKS)?;
    build.wait()?;
    built(BENCHMARKS)
}

/// A build of the runtime that is going on, beside other work.
pub(crate) struct Build {
    cargo: Child,
    reader: Option<JoinHandle<()>>,
}

/// Starts to build the runtime. Its compiler runs beside that of the node, in a folder of its own.
///
/// # Errors
///
/// If the target cannot be added or cargo not be started.
pub(crate) fn start() -> Result<Build, String> {
    start_kind(NODE)
}

fn start_kind(kind: Kind) -> Result<Build, String> {
    setup::wasm_target()?;
    let mut command = cargo::cargo()?;
    command
        .args(["rustc", "--package", "runtime-mock", "--lib", "--crate-type", "cdylib"])
        .args(["--no-default-features", "--features", kind.features])
        .args(["--target", setup::WASM_TARGET, "--profile", kind.profile])
        // This variable wins over all others that set flags.
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"))
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .stderr(Stdio::piped());
    let mut cargo =
        command.spawn().map_err(|error| format!("cannot start cargo for the runtime: {error}"))?;
    let reader = cargo.stderr.take().map(|stderr| {
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                eprintln!("runtime │ {line}");
            }
        })
    });
    Ok(Build { cargo, reader })
}

impl Build {
    /// Waits for the end and lays the runtime next to the node's executable; returns where.
    ///
    /// # Errors
    ///
    /// If it does not build.
    pub(crate) fn finish(mut self) -> Result<PathBuf, String> {
        self.wait()?;
        install()
    }

    fn wait(&mut self) -> Result<(), String> {
        let status = self.cargo.wait().map_err(|error| format!("lost cargo: {error}"))?;
        if let Some(reader) = self.reader.take() {
            // It only prints; a panic of it is on stderr already.
            let _ = reader.join();
        }
        if !status.success() {
            return Err("the runtime does not build, see above".into());
        }
        Ok(())
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        // After `finish` it has ended already; otherwise other work failed and nobody waits for it.
        let _ = self.cargo.kill();
        let _ = self.cargo.wait();
    }
}

fn built(kind: Kind) -> Result<PathBuf, String> {
    Ok(setup::target_dir()?.join(setup::WASM_TARGET).join(kind.profile).join(FILE))
}

/// Copies the blob next to the node's executable, unless the same is there.
fn install() -> Result<PathBuf, String> {
    let built = built(NODE)?;
    let installed = setup::target_dir()?.join("debug").join(FILE);
    let blob = fs::read(&built)
        .map_err(|error| format!("cargo left no runtime at {}: {error}", built.display()))?;
    if fs::read(&installed).is_ok_and(|present| present == blob) {
        return Ok(installed);
    }
    // A node that starts just now finds the old one or the new one, never half of it.
    let half = installed.with_extension("wasm.new");
    fs::write(&half, blob)
        .and_then(|()| fs::rename(&half, &installed))
        .map_err(|error| format!("cannot write {}: {error}", installed.display()))?;
    Ok(installed)
}
