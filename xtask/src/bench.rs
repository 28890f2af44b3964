//! Builds what is measured as operators would, and measures: `cargo xtask bench relay|memory|failover|heartbeats|core|detector|sidecar|store|dashboard`.

use crate::{cargo, devnet, setup, steps::Steps, wasm};
use std::{
    ffi::OsString,
    path::PathBuf,
    process::{Command, Stdio},
};

const HELP: &str = "\
Measures the project on this machine.

Usage: cargo xtask bench BENCHMARK [ARGUMENTS]

Benchmarks:
  relay  directors against gossipsub, NATS and plain TCP, as real processes: `--help` tells the
         options, `--quick` takes under four minutes, all of it half an hour; builds releases first
         (10 minutes on two cores, once)
  memory a director of a thousand validators, of whom a hundred do not read, beside large messages, held to the
         formula for its memory
  failover
         what validators notice when a director dies, freezes, restarts or drains, or the link between
         two of them is cut, as real processes under load: `--help` tells the options
  heartbeats
         what heartbeats and vectors cost a director of a thousand validators
  detector
         a million votes of a thousand validators through detector and store; fails below its bounds
  sidecar
         messages through a sidecar's pipe and its WebSocket, both ways
  core   what a director does with a message, without sockets (criterion)
  store  what it keeps on disk (criterion)
  dashboard [CHROMIUM]
         how soon the page with a thousand validators is there, and how long it ever stands still; needs Node.js 20 and
         Chromium, fails above its bounds

The machine should have nothing else to do meanwhile.
";

/// Manifest of the other systems, a workspace of its own.
pub(crate) const PEERS: &str = "benchmarks/peers/Cargo.toml";

/// Where a director's memory is largest: many connections, some of which do not read, and large messages.
const MEMORY: [&str; 10] = [
    "--systems",
    "director",
    "--rate",
    "20",
    "--validators",
    "1000",
    "--frozen",
    "100",
    "--bulk",
    "1",
];

/// The other systems' packages; each is built by itself, so that they share no features.
const SYSTEMS: [&str; 3] = ["bench-raw", "bench-gossipsub", "bench-nats"];

/// Runs a benchmark.
///
/// # Errors
///
/// If there is no such benchmark, something does not build, or the benchmark fails.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), String> {
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.to_string_lossy().into_owned(), rest),
        None => ("help".into(), arguments),
    };
    match &*name {
        "relay" => relay(rest),
        "memory" => relay(&[&MEMORY.map(OsString::from)[..], rest].concat()),
        "failover" => failover(rest),
        "core" | "detector" | "store" | "heartbeats" | "sidecar" => criterion(&name, rest),
        "dashboard" => dashboard(rest),
        "help" | "-h" | "--help" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("there is no benchmark {other:?}; `cargo xtask bench` lists them")),
    }
}

fn relay(arguments: &[OsString]) -> Result<(), String> {
    let target = setup::target_dir()?;
    let peers = target.join("peers");
    // Questions need no releases.
    let asks = arguments.iter().any(|argument| argument == "--help" || argument == "-h");
    let mut steps = Steps::new(if asks { 1 } else { 3 });
    steps.begin("building runtime, node and the benchmark");
    let runtime = wasm::start()?;
    devnet::build_programs()?;
    runtime.finish()?;
    if !asks {
        steps.begin("building the director as operators would");
        release(&["--bins", "-p", "director-service", "-p", "bench-director"], None)?;
        steps.begin("building the other systems");
        for system in SYSTEMS {
            release(&["--bins", "--manifest-path", PEERS, "-p", system], Some(peers.clone()))?;
        }
    }
    let mut benchmark = Command::new(target.join("debug/relay-bench"));
    benchmark
        .arg("--release")
        .arg(target.join("release"))
        .arg("--peers")
        .arg(peers.join("release"))
        .args(arguments)
        .stdin(Stdio::null());
    let status =
        benchmark.status().map_err(|error| format!("cannot start the benchmark: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err("the benchmark failed, see above".into()),
    }
}

/// Nothing of it is compiled: the page's files are served by the script.
fn dashboard(arguments: &[OsString]) -> Result<(), String> {
    let chromium = arguments.first().cloned().unwrap_or_else(|| "chromium".into());
    let root = setup::root();
    let mut node = Command::new("node");
    node.arg(root.join("integration-tests/dashboard/check.mjs")).arg(chromium);
    node.arg(root.join("director-service/src/http/dashboard"));
    run_to_its_end(node.arg(setup::target_dir()?.join("dashboard")))
}

fn failover(arguments: &[OsString]) -> Result<(), String> {
    as_operators_would("failover", arguments)
}

/// Builds directors and a program of `integration-tests` as releases, and runs it.
///
/// # Errors
///
/// If something does not build, or the program fails.
pub(crate) fn as_operators_would(program: &str, arguments: &[OsString]) -> Result<(), String> {
    let mut steps = Steps::new(2);
    steps.begin("building runtime and node");
    let runtime = wasm::start()?;
    devnet::build_programs()?;
    runtime.finish()?;
    steps.begin("building directors and validators as operators would");
    // Not the devnet: linking it takes minutes.
    let packages = ["-p", "director-service", "-p", "integration-tests"];
    release(&[&packages[..], &["--bin", "director", "--bin", program]].concat(), None)?;
    // Directors are found beside it, the node, which is not measured, among the debug builds.
    let executable = setup::target_dir()?.join("release").join(program);
    run_to_its_end(Command::new(executable).args(arguments))
}

/// Runs a program that was built, with this one's output.
///
/// # Errors
///
/// If it cannot be started, or fails.
pub(crate) fn run_to_its_end(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{program} failed, see above")),
    }
}

/// Lints the other systems.
///
/// # Errors
///
/// If there is something to say about them.
pub(crate) fn lint_peers() -> Result<(), String> {
    let mut lints = cargo::cargo()?;
    lints.env("CARGO_TARGET_DIR", setup::target_dir()?.join("peers"));
    lints.args(["clippy", "--manifest-path", PEERS, "--workspace", "--all-targets"]);
    lints.args(["--", "--deny", "warnings"]);
    cargo::run(&mut lints)
}

fn release(what: &[&str], target: Option<PathBuf>) -> Result<(), String> {
    let mut build = cargo::cargo()?;
    build.args(["build", "--release"]).args(what);
    if let Some(target) = target {
        build.env("CARGO_TARGET_DIR", target);
    }
    cargo::run(&mut build)
}

fn criterion(name: &str, arguments: &[OsString]) -> Result<(), String> {
    let mut bench = cargo::cargo()?;
    bench.args(["bench", "-p", "director-service", "--bench", name, "--"]).args(arguments);
    let status = bench
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("the benchmark {name} failed, see above")),
    }
}
