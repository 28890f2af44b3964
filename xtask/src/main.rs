//! Sets up, builds, runs and tests this workspace: `cargo xtask COMMAND`.
//!
//! Only the standard library, so that it is there within seconds on a machine that has nothing else
//! built yet. Whatever it says, and whatever cargo says, goes to stderr: stdout belongs to the
//! program that is run.

mod bench;
mod cargo;
mod checks;
mod devnet;
mod fuzz;
mod metadata;
mod setup;
mod sim;
mod steps;
mod trials;
mod vectors;
mod wasm;
mod weights;

use std::process::ExitCode;

const HELP: &str = "\
Sets up, builds, runs and tests this workspace.

Usage: cargo xtask COMMAND [ARGUMENTS]

Commands:
  devnet [ARGS]  build, then run a node, directors and validators; ARGS go to the devnet,
                 `cargo xtask devnet --help` tells them
  test           format, lints, documentation, runtime, unit and integration tests, 200 seeds of the
                 simulation, fuzzing for some seconds, end to end: what CI runs
  fuzz [--minutes N | --seconds N] [TARGET]...
                 fuzz what is signed or sent, and every door of a director and of a sidecar, 10 minutes each
                 if nothing else is said
  sim [--seeds N] [--seed BASE] [--jobs J] | --replay SEED [--trace] | --compare
                 directors and validators in simulated time, with faults that a seed draws; `--help`
                 tells more
  kills [--runs N] [--seed S]
                 kill directors at every place of a proof's way to the chain, 200 times if nothing else is said
  soak [--minutes N] [--rate N]
                 a network under load for an hour, with something happening every minute
  bench [relay|memory|failover|heartbeats|core|detector|sidecar|store|dashboard] [ARGS]
                 measures this machine's director, against other systems too
  build          everything that the devnet needs, without running it
  wasm           the runtime for the node
  env            what plain cargo commands need in their environment, for `eval`
  weights        measures the weights of the pallets and writes them down
  vectors        the protocol's test vectors in docs/vectors, after a change of what is signed or sent
  metadata       the chain interface that the director is compiled against, after a change of pallets

The first build takes 10 to 20 minutes on two cores, later ones seconds. Nothing has to be installed
but Rust, a C compiler (C++ for the fuzzer), make and perl: protoc comes as a crate, the wasm target
is added with rustup.

Environment:
  CARGO_TARGET_DIR  where to build (about 6 GB)
  PROTOC            a protoc to use instead of the one that comes along
";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next().unwrap_or_default();
    let arguments: Vec<_> = arguments.collect();
    let result = match command.to_str().unwrap_or_default() {
        "devnet" => devnet::run(&arguments),
        "test" => no_arguments("test", &arguments).and_then(|()| checks::run()),
        "fuzz" => fuzz::run(&arguments),
        "sim" => sim::run(&arguments),
        "bench" => bench::run(&arguments),
        "kills" => trials::kills(&arguments),
        "soak" => trials::soak(&arguments),
        "build" => no_arguments("build", &arguments).and_then(|()| devnet::build().map(drop)),
        "wasm" => no_arguments("wasm", &arguments).and_then(|()| wasm::run()),
        "env" => no_arguments("env", &arguments).and_then(|()| setup::print_environment()),
        "weights" => no_arguments("weights", &arguments).and_then(|()| weights::run()),
        "vectors" => no_arguments("vectors", &arguments).and_then(|()| vectors::run()),
        "metadata" => no_arguments("metadata", &arguments).and_then(|()| metadata::run()),
        "" | "help" | "-h" | "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => Err(format!("there is no command {other:?}; `cargo xtask` lists them")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn no_arguments(command: &str, arguments: &[std::ffi::OsString]) -> Result<(), String> {
    match arguments.first() {
        None => Ok(()),
        Some(argument) => {
            Err(format!("`{command}` takes no arguments, and was given {argument:?}"))
        }
    }
}
