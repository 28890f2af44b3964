//! Runs the devnet: reads the command line, runs, prints, chooses the exit status.

use clap::Parser;
use integration_tests::{devnet, options::Options, screen::Screen};
use std::process::ExitCode;
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
    match runtime.block_on(devnet::run(&options, &mut screen)) {
        Ok(outcome) => {
            if options.json {
                match serde_json::to_string(&outcome.summary) {
                    Ok(json) => println!("{json}"),
                    Err(error) => eprintln!("error: cannot print the summary: {error}"),
                }
            }
            for fault in &outcome.faults {
                screen.say(&format!("error: {fault}"));
            }
            if outcome.faults.is_empty() {
                screen.say("all went as it must");
                return ExitCode::SUCCESS;
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
