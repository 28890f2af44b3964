//! Runs the devnet: reads the command line, runs, prints, chooses the exit status.

use clap::Parser;
use integration_tests::{devnet, options::Options, screen::Screen};
use std::{io::Write, process::ExitCode};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(contradiction) = options.validate() {
        eprintln!("error: {contradiction}");
        return ExitCode::from(2);
    }
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut screen = Screen::new(options.json);
    let outcome = runtime.block_on(devnet::run(&options, &mut screen));
    if options.json {
        match serde_json::to_string(&outcome.summary) {
            // A reader that went away is no reason to panic.
            Ok(json) => drop(writeln!(std::io::stdout(), "{json}")),
            Err(error) => eprintln!("error: cannot print the summary: {error}"),
        }
    }
    for fault in &outcome.faults {
        eprintln!("error: {fault}");
    }
    if outcome.faults.is_empty() {
        screen.say("all went as it must");
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}
