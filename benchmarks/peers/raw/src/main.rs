//! Measures what this machine can do: a relay of plain TCP without protection, as cheap as one thread
//! can be, and its load.
//!
//! Frames are a length (4 bytes, little-endian) and so many bytes. Who accepts a connection sends an
//! empty frame: only then is the other side sure to get every message.

mod frames;
mod load;
mod relay;

use std::{net::SocketAddr, process::ExitCode};

use clap::Parser;

/// Raw TCP, coalesced.
#[derive(Parser)]
enum Cli {
    /// Relays each message to all other clients and to the mesh, until standard input ends.
    ///
    /// A line `mesh ADDR` on standard input dials another relay; name each pair of relays once.
    Relay {
        /// Where clients connect.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// Where other relays connect.
        #[arg(long, value_name = "ADDR")]
        mesh_listen: Option<SocketAddr>,
        /// A relay to dial; repeat it for several.
        #[arg(long, value_name = "ADDR")]
        mesh: Vec<SocketAddr>,
    },
    /// Publishes and receives as all validators.
    Load(bench_load::Options),
}

fn main() -> ExitCode {
    let result = match Cli::parse() {
        Cli::Relay { listen, mesh_listen, mesh } => relay::run(listen, mesh_listen, mesh),
        Cli::Load(options) => load::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
