//! Kills directors while double signs are on their way to the chain: `cargo xtask kills`.

use clap::Parser;
use integration_tests::kills::Kills;

/// Kills the director whose turn it is to report a double sign, at every place of the proof's way and at random times,
/// starts it again, and checks that each offender is slashed once, by two extrinsics at most.
#[derive(Parser)]
#[command(name = "cargo xtask kills")]
struct Options {
    /// Double signs, each with one kill.
    #[arg(long, default_value_t = 200)]
    runs: usize,
    /// Of all that is left to chance. Default: by chance.
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    let dir = tempfile::tempdir()?;
    let mut kills = Kills::start(dir.path().into(), seed).await?;
    for number in 1..=options.runs {
        let run = kills.run().await?;
        let lived = if run.struck { "" } else { ", which does not come to that" };
        println!(
            "{number:>4}: {} killed {}{}{lived}; reported by {}, extrinsics: {}",
            run.victim, run.kill, run.beside, run.reporter, run.extrinsics
        );
    }
    println!("{}", kills.end().await?);
    Ok(())
}
