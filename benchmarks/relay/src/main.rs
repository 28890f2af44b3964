//! `relay-bench`: measures relays against each other on one machine.

mod case;
mod process;
mod programs;
mod row;
mod stage;
mod systems;

use anyhow::Result;
use case::{Case, Load, System};
use clap::Parser;
use programs::Programs;
use std::path::PathBuf;

#[derive(Parser)]
struct Cli {
    #[arg(long)]
    release: PathBuf,
    #[arg(long)]
    peers: PathBuf,
    #[arg(long, value_delimiter = ',')]
    systems: Vec<System>,
    #[arg(long, value_delimiter = ',', default_value = "1000")]
    rates: Vec<u64>,
    #[arg(long)]
    burst: bool,
    #[arg(long, default_value_t = 1)]
    relays: usize,
    #[arg(long, default_value_t = 21)]
    validators: usize,
    #[arg(long, default_value_t = 216)]
    payload: usize,
    #[arg(long, default_value_t = 0)]
    bulk: u64,
    #[arg(long, default_value_t = 0)]
    frozen: usize,
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    #[arg(long, default_value_t = 1)]
    repeat: usize,
    #[arg(long, default_value = "critical")]
    class: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let programs = Programs { release: cli.release, peers: cli.peers };
    let dir = tempfile::tempdir()?;
    let stage =
        stage::Stage::prepare(&dir.path().join("stage"), &programs, cli.relays, cli.validators)
            .await?;
    eprintln!("staged");
    let mut n = 0;
    let loads: Vec<Load> =
        if cli.burst { vec![Load::Burst] } else { cli.rates.iter().map(|r| Load::Rate(*r)).collect() };
    for load in loads {
        for _ in 0..cli.repeat {
            for system in &cli.systems {
                let mut case = Case::new(*system, cli.relays, cli.validators, load);
                case.payload = cli.payload;
                case.bulk = cli.bulk;
                case.frozen = cli.frozen;
                case.seconds = cli.seconds;
                case.class = cli.class.clone();
                n += 1;
                match systems::measure(&case, &stage, &programs, &dir.path().join(format!("{n}"))).await {
                    Ok(row) => println!("{case}: {}", serde_json::to_string(&row)?),
                    Err(error) => println!("{case}: {error:#}"),
                }
            }
        }
    }
    stage.end().await;
    Ok(())
}
