//! Runs a development node for the mock runtime: one process, no peers, every block finalized.

mod cli;
mod genesis;
mod rpc;
mod sealing;
mod service;
mod shutdown;

use clap::Parser;
use std::{io::IsTerminal, process::ExitCode};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let options = cli::Options::parse();
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,mock_node=info"));
    tracing_subscriber::fmt()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_env_filter(filter)
        .init();
    match service::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line: cause after cause, the remedy at its end.
            eprintln!("mock-node: {error:#}");
            ExitCode::FAILURE
        }
    }
}
