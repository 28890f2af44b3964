//! Measures gossipsub of libp2p as a relay of signed votes, and loads it.
//!
//! What was chosen, each time in favour of gossipsub:
//!
//! - **Mesh.** Validators know their relay only, so a relay must forward to all its peers: the mesh
//!   takes everybody (`mesh_n*` 2,000, `mesh_outbound_min` 0). Gossip of identifiers then has nobody
//!   to go to.
//! - **Queues.** 50,000 messages and 10 s for each peer instead of 5,000 and 1 s: it does not drop
//!   what it could still deliver. `max_transmit_size` is 2 MiB.
//! - **`--verify`.** Messages are signed by the validators' swarms and checked by the relays
//!   (`ValidationMode::Strict`). The validators check nothing, so that the core of the load is not the
//!   limit. Without it messages are anonymous.
//! - **Identifiers** are the first 24 bytes of a message, which costs less than a hash. The default,
//!   author and sequence, is the same for all messages where nobody is checked or named.
//! - **As it comes:** seen-cache of 60 s, history, IDONTWANT above 1,000 bytes, Noise, Yamux. Heartbeat
//!   once a second, the first after 0.1 s instead of 5 s.
//! - **Validators** forget after 0.2 s: 21 seen-caches that grow in one process are no fault of gossipsub.
//! - One thread a relay: it has one core.

mod load;
mod network;
mod relay;

use std::{net::SocketAddr, process::ExitCode};

use clap::{Args, Parser};

/// gossipsub of libp2p.
#[derive(Parser)]
enum Cli {
    /// Relays each message to all peers, until standard input ends.
    ///
    /// A line `mesh ADDR` on standard input dials another relay; name each pair of relays once.
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
    /// A relay to dial; repeat it for several.
    #[arg(long, value_name = "ADDR")]
    mesh: Vec<SocketAddr>,
    /// Check the signature of every message.
    #[arg(long)]
    verify: bool,
}

#[derive(Args)]
struct LoadArgs {
    #[command(flatten)]
    options: bench_load::Options,
    /// Sign messages: the relays were started with `--verify`.
    #[arg(long)]
    verify: bool,
}

fn main() -> ExitCode {
    let result = match Cli::parse() {
        Cli::Relay(args) => relay::run(args),
        Cli::Load(args) => load::run(&args.options, args.verify),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
