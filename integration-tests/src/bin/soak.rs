//! Lets a network run for long, with something happening every minute: `cargo xtask soak`.

use anyhow::bail;
use clap::Parser;
use integration_tests::soak::{Minute, Setting, Soak};
use std::time::Duration;

/// Runs three directors as real processes and validators in this one under load; each minute a director is killed,
/// frozen or drained, a validator leaves and another comes, or nothing happens. Says what each minute came to, and fails
/// if messages were lost, came twice or had gaps, if somebody was accused, if the memory of a director grew, or if deliveries became
/// slower from one such minute to the next.
#[derive(Parser)]
#[command(name = "cargo xtask soak")]
struct Options {
    /// How long.
    #[arg(long, default_value_t = 60)]
    minutes: usize,
    /// Messages a second of all validators together.
    #[arg(long, default_value_t = 2_000)]
    rate: u64,
    /// Validators.
    #[arg(long, default_value_t = 21)]
    validators: usize,
    /// Directors, two at least.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(2..=7))]
    directors: u16,
    /// Seconds of a minute, to try it.
    #[arg(long, default_value_t = 60)]
    minute: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Options { minutes, rate, validators, directors, minute } = Options::parse();
    let dir = tempfile::tempdir()?;
    let directors = directors.into();
    let setting = Setting { minutes, directors, validators, per_s: rate, dir: dir.path().into() };
    println!(
        "{directors} directors, {validators} validators in one process, {rate} msg/s; times in milliseconds"
    );
    let mut soak = Soak::start(&setting).await?;
    println!("minute {}", Minute::HEAD);
    for number in 1..=minutes {
        println!("{number:>6} {}", soak.minute(Duration::from_secs(minute)).await?);
    }
    let outcome = soak.end().await?;
    let mut p99: Vec<_> = outcome.minutes.iter().map(|of| of.latency_ms[1]).collect();
    p99.sort_unstable_by(f64::total_cmp);
    if let (Some(least), Some(most)) = (p99.first(), p99.last()) {
        println!(
            "p99 by minute: {least:.1} at least, {:.1} median, {most:.1} at most",
            p99[p99.len() / 2]
        );
    }
    for (event, first, second) in outcome.slowest() {
        let name = event.name();
        println!("p99 in minutes with {name}: {first:.1} at first, {second:.1} at last");
    }
    let growth: Vec<_> = outcome.growth().iter().map(|of| format!("{of:+.1} %")).collect();
    println!(
        "{} messages, {} lost, {} twice, {} gaps, {} accusations; memory of the directors after {} minutes of warm-up: {}",
        outcome.published,
        outcome.lost,
        outcome.duplicates,
        outcome.gaps,
        outcome.accusations,
        outcome.warm_up(),
        growth.join(", ")
    );
    let faults = outcome.faults();
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    Ok(())
}
