//! Measures what validators notice when something happens to a director: `cargo xtask bench failover`.

use anyhow::{Context, ensure};
use clap::Parser;
use integration_tests::trial::{Fault, Outcome, Setting, Trial, has_run_elsewhere};
use std::time::Duration;

/// Lets something happen to directors again and again while validators speak, and says what became of
/// their messages.
#[derive(Parser)]
struct Options {
    /// What happens; several, separated by commas.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "kill,freeze,restart,rolling,drain"
    )]
    faults: Vec<Fault>,
    /// How often each.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Messages a second of all validators together.
    #[arg(long, default_value_t = 2_000)]
    rate: u64,
    /// Validators; all of them live in this process.
    #[arg(long, default_value_t = 21)]
    validators: usize,
    /// Directors.
    #[arg(long, default_value_t = 3)]
    directors: usize,
    /// Seconds for which the chain is away (`chain-away`).
    #[arg(long, default_value_t = 60)]
    away: u64,
    /// Milliseconds from one block to the next.
    #[arg(long, default_value_t = 500)]
    block_time_ms: u64,
    /// Have the validators check each other's signatures, which takes most of their time.
    #[arg(long)]
    check_signatures: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if has_run_elsewhere(&options.faults)? {
        return Ok(());
    }
    println!(
        "{} directors, {} validators in one process, {} msg/s; times in milliseconds",
        options.directors, options.validators, options.rate
    );
    println!(
        "{:<8} {:>4} {:>8} {:>6} {:>6} {:>5} {:>9} {:>9} {:>6} {:>9} {:>6} {:>8} {:>8} {:>8} {:>10} {:>9}",
        "fault",
        "run",
        "messages",
        "lost",
        "twice",
        "gaps",
        "stall 50",
        "stall 99",
        "lost 1",
        "without 1",
        "moved",
        "by other",
        "p50",
        "p99",
        "p99 before",
        "longest"
    );
    let (mut whole, mut missed) = (0, 0);
    for fault in &options.faults {
        for run in 1..=options.runs {
            let outcome = trial(*fault, &options).await.with_context(|| format!("{fault:?}"))?;
            show(*fault, run, &outcome);
            whole += usize::from(outcome.is_whole());
            if let Some(missed_by) = outcome.misses(*fault) {
                println!("         {missed_by}");
                missed += 1;
            }
        }
    }
    let runs = options.runs * options.faults.len();
    println!("{whole} of {runs} runs: every validator ended with every message, once");
    ensure!(whole == runs, "{} runs lost or repeated messages", runs - whole);
    ensure!(missed == 0, "{missed} runs did not keep what is promised");
    Ok(())
}

async fn trial(fault: Fault, options: &Options) -> anyhow::Result<Outcome> {
    let dir = tempfile::tempdir()?;
    let setting = Setting {
        directors: options.directors,
        validators: options.validators,
        per_s: options.rate,
        check_signatures: options.check_signatures,
        churn: fault == Fault::Churn,
        apart: fault.is_apart(),
        block_time_ms: options.block_time_ms,
        away: Duration::from_secs(options.away),
        dir: dir.path().into(),
    };
    let mut trial = Trial::start(&setting).await?;
    trial.happen(fault).await?;
    trial.end().await
}

fn show(fault: Fault, run: usize, of: &Outcome) {
    let at = |quantile: f64| {
        let last = of.stalls.len().saturating_sub(1) as f64;
        let stall = of.stalls.get((last * quantile).ceil() as usize);
        stall.copied().unwrap_or(Duration::ZERO).as_millis()
    };
    let [p50, p99, longest] = of.latency_ms;
    let [_, before, _] = of.latency_before_ms;
    println!(
        "{:<8} {run:>4} {:>8} {:>6} {:>6} {:>5} {:>9} {:>9} {:>6} {:>9.1} {:>6} {:>8} {p50:>8.1} {p99:>8.1} \
         {before:>10.1} {longest:>9.1}",
        format!("{fault:?}").to_lowercase(),
        of.published,
        of.lost,
        of.duplicates,
        of.gaps,
        at(0.5),
        at(0.99),
        of.disconnected,
        of.longest_outage().as_secs_f64() * 1e3,
        of.moved,
        of.withheld,
    );
    if let Some(blocks) = of.evidence_blocks {
        println!(
            "         the proof of what was done meanwhile was on chain {blocks} blocks after its return"
        );
    }
}
