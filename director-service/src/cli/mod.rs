//! The command line: one file a subcommand.

// They panic when nobody reads; `output::say` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod completions;
mod config;
mod control;
mod drain;
mod evidence;
mod harden;
mod keys;
mod node;
mod output;
mod page;
mod progress;
mod register;
mod revoke;
mod rotate_key;
mod run;
mod status;
mod store;
mod usage;
mod validator;
mod validators;

use crate::network::Multiaddr;
use clap::{CommandFactory, Parser, Subcommand};
use director_primitives::AccountId32;
use node::{NodeArgs, connect};
use std::{
    future::Future,
    io::{IsTerminal, Write},
    net::SocketAddr,
    process::ExitCode,
};

/// Relay, detector and reporter of director-anchored peering.
#[derive(Parser)]
#[command(name = "director", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
From nothing to a running director:
  director keys generate --peer peer.key --account account.key
  director config init --config director.toml && $EDITOR director.toml
  director config check --config director.toml
  director keys inspect --config director.toml     # the account: governance invites it (add_director)
  director register --config director.toml --public /ip4/203.0.113.7/tcp/30400 \\
      --mesh /ip4/100.64.0.1/tcp/30401 --region eu-west --capacity 300
  director run --config director.toml

A validator's steps: `director validator --help`. While a director runs: `director status`, `director validators`,
`director evidence`, `director revoke`, `director rotate-key`, `director drain` before an upgrade, and
`director register` once more for other addresses.

While it runs, on the address of [http]: /healthz, /readyz, /metrics, /api/v1/status.
Colours are for terminals alone, and not if NO_COLOR is set.
Exit status: 0 if it is done, and after SIGINT, SIGTERM or a drain; 1 with one line on stderr that says why not
and what to do; 2 if the command line is wrong; 3 from `director status` if the director is not ready.";

#[derive(Subcommand)]
enum Command {
    /// Run the director until SIGINT or SIGTERM.
    Run(run::Args),
    /// Write, check or show a configuration.
    Config(config::Args),
    /// Make key files, or show the public side of them.
    Keys(keys::Args),
    /// Say how the running director is.
    Status(status::Args),
    /// List the chain's validators, and which of them the running director serves.
    Validators(validators::Args),
    /// See the double signs that the running director knows of, or report one.
    Evidence(evidence::Args),
    /// Put this director's peer key and addresses on chain.
    Register(register::Args),
    /// Replace this director's peer key on chain, while it runs.
    RotateKey(rotate_key::Args),
    /// Have the running director sign a validator's revocation.
    Revoke(revoke::Args),
    /// Have the running director hand its validators over to others, and stop.
    Drain(drain::Args),
    /// Look after the file with the history of votes, while the director is stopped.
    Store(store::Args),
    /// Do a validator's steps on chain, see how far it is, or connect it to the directors.
    Validator(validator::Args),
    /// Print what makes a shell complete these commands.
    Completions(completions::Args),
}

/// Runs what the command line says.
pub fn main() -> ExitCode {
    // Before any key is read.
    harden::harden();
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return usage::refuse(&error),
    };
    let done = match command {
        Command::Run(args) => args.execute(),
        Command::Config(args) => args.execute(),
        Command::Keys(args) => args.execute(),
        Command::Register(args) => args.execute(),
        Command::RotateKey(args) => args.execute(),
        Command::Revoke(args) => args.execute(),
        Command::Drain(args) => args.execute(),
        Command::Store(args) => args.execute(),
        Command::Validator(args) => args.execute(),
        Command::Completions(args) => args.execute(Cli::command()),
        Command::Validators(args) => args.execute(),
        Command::Evidence(args) => args.execute(),
        Command::Status(args) => match args.execute() {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = format!("{error:#}");
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            // `eprintln!` would panic if standard error is a file on a full disk.
            let _ = writeln!(std::io::stderr(), "director: {line}");
            ExitCode::FAILURE
        }
    }
}

/// Logs to stderr what the filter lets through.
fn start_logging(filter: &str) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_new(filter)?)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        // A line that standard error does not take is lost. To say so there would be a panic.
        .log_internal_errors(false)
        .try_init()
        .map_err(|error| anyhow::anyhow!("cannot log: {error}"))
}

/// Logs what a command that asks a node has to say beside its result. What is wrong with the node is its last line, and not said
/// twice.
fn log_notes() -> anyhow::Result<()> {
    start_logging("error,director_service::chain=off,director_service::cli=warn")
}

/// An account as people write it: SS58, or `0x` and 64 digits.
fn account_of(text: &str) -> Result<AccountId32, String> {
    text.trim().parse().map_err(|_| {
        "expected an account in SS58 (5Grw…), or 0x and 64 hexadecimal digits".to_owned()
    })
}

/// An address with a port.
fn socket_of(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an IP address and a port: 127.0.0.1:9615".to_owned())
}

/// An address that others dial.
fn multiaddr_of(text: &str) -> Result<Multiaddr, String> {
    text.parse().map_err(|_| {
        "expected a multiaddr that others dial: /ip4/203.0.113.7/tcp/30400, or \
         /ip4/203.0.113.7/udp/30400/quic-v1"
            .to_owned()
    })
}

fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // Sockets are looked at after so many tasks, instead of 61: connections that carry blocks take
        // long for each turn, and a vote that has arrived meanwhile must not wait for 61 of them.
        .event_interval(8)
        .enable_all()
        .build()?;
    let done = runtime.block_on(future);
    // Everything of ours has ended; a read of standard input cannot be, and is not waited for.
    runtime.shutdown_background();
    done
}

#[cfg(test)]
mod tests;
