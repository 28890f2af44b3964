//! Measures nats-server as a relay of votes: starts it, and loads it through a minimal client.

mod certificate;
mod client;
mod load;
mod protocol;
mod relay;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Parser};

/// nats-server, core NATS.
#[derive(Parser)]
enum Cli {
    /// Starts a nats-server, prints its addresses and its `pid`, ends it when standard input ends.
    Relay(RelayArgs),
    /// Publishes and receives as all validators.
    Load(LoadArgs),
}

#[derive(Args)]
struct RelayArgs {
    /// Where clients connect.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where other relays connect.
    #[arg(long, value_name = "ADDR")]
    mesh_listen: Option<SocketAddr>,
    /// A relay that runs already; repeat it for several.
    #[arg(long, value_name = "ADDR", requires = "mesh_listen")]
    mesh: Vec<SocketAddr>,
    /// Encrypt, with the certificate in this folder: made when there is none.
    #[arg(long, value_name = "DIR")]
    tls: Option<PathBuf>,
    /// The program to start.
    #[arg(long, value_name = "FILE", default_value = "nats-server")]
    server: PathBuf,
}

#[derive(Args)]
struct LoadArgs {
    #[command(flatten)]
    options: bench_load::Options,
    /// Encrypt; the folder that the relays were given.
    #[arg(long, value_name = "DIR")]
    tls: Option<PathBuf>,
}

fn main() -> ExitCode {
    let result = match Cli::parse() {
        Cli::Relay(args) => relay::run(&args),
        Cli::Load(args) => load::run(&args.options, args.tls.as_deref()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
