//! `relay-bench`: measures relays against each other on one machine; see docs/benchmarks.md.

mod case;
mod memory;
mod plan;
mod plot;
mod process;
mod programs;
mod row;
mod run;
mod stage;
mod systems;
mod table;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result, ensure};
use case::{Case, Load, System};
use clap::Parser;
use plan::Group;
use programs::Programs;
use std::{path::PathBuf, process::ExitCode};

/// Measures this director against other relays, as real processes on this machine.
///
/// Relays run on core 0, the load on core 1: leave the machine alone meanwhile. Without options it
/// measures everything that the project's targets speak of, in about half an hour; --quick takes
/// under four minutes. With --rate or --burst it measures one case, which the other options describe.
#[derive(Parser)]
#[command(name = "cargo xtask bench relay", bin_name = "cargo xtask bench relay")]
struct Cli {
    /// The main topology and the mesh only, few repeats, a coarse search.
    #[arg(long, conflicts_with_all = ["load", "repeat", "seconds"])]
    quick: bool,
    /// Write all rows to this file, as one JSON array.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draw latency and cost over the rate into this file.
    #[arg(long, value_name = "FILE", default_value = "relay-bench.svg")]
    plot: PathBuf,
    /// Measure nothing: show the tables of rows that --out wrote, and draw them.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "load", "out"])]
    show: Option<PathBuf>,
    /// Systems to measure [default: all; NATS where nats-server is installed].
    #[arg(long, value_name = "SYSTEM", value_delimiter = ',')]
    systems: Vec<System>,
    /// Runs of each case, of which the median is shown [default: 3, or 1 for a single case].
    #[arg(long, value_name = "N")]
    repeat: Option<usize>,
    /// Seconds that a run is measured.
    #[arg(long, value_name = "S", default_value_t = 5)]
    seconds: u64,

    /// Measure only this: messages a second of all validators together; several with commas.
    #[arg(
        long,
        value_name = "MSG/S",
        value_delimiter = ',',
        group = "load",
        help_heading = "A single case"
    )]
    rate: Vec<u64>,
    /// Measure only this: all validators at once, once a second.
    #[arg(long, group = "load", help_heading = "A single case")]
    burst: bool,
    /// Directors.
    #[arg(long, default_value_t = 1, requires = "load", help_heading = "A single case")]
    relays: usize,
    /// Validators.
    #[arg(long, default_value_t = 21, requires = "load", help_heading = "A single case")]
    validators: usize,
    /// Bytes of a message.
    #[arg(long, default_value_t = 216, requires = "load", help_heading = "A single case")]
    payload: usize,
    /// Messages of 1 MiB to keep outstanding beside.
    #[arg(long, default_value_t = 0, requires = "load", help_heading = "A single case")]
    bulk: u64,
    /// Validators that never read.
    #[arg(long, default_value_t = 0, requires = "load", help_heading = "A single case")]
    frozen: usize,
    /// Class of the messages, for directors: critical, high or normal.
    #[arg(
        long,
        default_value = "critical",
        value_parser = ["critical", "high", "normal"],
        requires = "load",
        help_heading = "A single case"
    )]
    class: String,
    /// Strangers that knock at directors meanwhile, a second.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        requires = "load",
        help_heading = "A single case"
    )]
    strangers: u64,
    /// MiB that may wait in a director, on either side; its log is then of 4 MiB [default: as directors have it].
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(40..=65_536),
        requires = "load",
        help_heading = "A single case"
    )]
    waiting_mib: Option<u32>,

    /// Where `director` and `director-load` are, as a release has them.
    #[arg(long, value_name = "DIR", hide = true)]
    release: PathBuf,
    /// Where the programs of the other systems are.
    #[arg(long, value_name = "DIR", hide = true)]
    peers: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(cli)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relay-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<()> {
    if let Some(file) = &cli.show {
        let text = std::fs::read_to_string(file);
        let text = text.with_context(|| format!("cannot read {}", file.display()))?;
        let rows = serde_json::from_str::<Vec<row::Row>>(&text);
        let rows = rows.with_context(|| format!("{} has no rows of --out", file.display()))?;
        show(&rows);
        return plot::draw(&rows, &cli.plot);
    }
    let groups = groups(&cli)?;
    run::check_machine()?;
    let programs = Programs { release: cli.release.clone(), peers: cli.peers.clone() };
    let dir = tempfile::tempdir()?;
    let mut run = run::Run::new(&programs, dir.path());
    for group in &groups {
        run.group(group).await?;
    }
    let rows = run.rows();
    show(&rows);
    if let Some(out) = &cli.out {
        let text = serde_json::to_string_pretty(&rows)?;
        std::fs::write(out, text).with_context(|| format!("cannot write {}", out.display()))?;
        eprintln!("rows: {}", out.display());
    }
    plot::draw(&rows, &cli.plot)?;
    eprintln!("plot: {}", cli.plot.display());
    ensure!(
        run.failures.is_empty(),
        "{} cases could not be measured:\n{}",
        run.failures.len(),
        run.failures.join("\n")
    );
    let excesses = memory::excesses(&rows);
    ensure!(
        excesses.is_empty(),
        "directors took more memory than they may:\n{}",
        excesses.join("\n")
    );
    Ok(())
}

fn show(rows: &[row::Row]) {
    println!("{}", table::table(rows));
    println!("{}", table::capacities(rows));
    println!("{}", table::targets(rows));
}

fn groups(cli: &Cli) -> Result<Vec<Group>> {
    let systems = match cli.systems.is_empty() {
        true => plan::everybody(has_nats()),
        false => cli.systems.clone(),
    };
    let is_single = !cli.rate.is_empty() || cli.burst;
    ensure!(cli.repeat != Some(0), "--repeat 0 measures nothing: give 1 or more");
    if !is_single {
        let mut groups = match cli.quick {
            true => plan::quick(&systems),
            false => plan::full(&systems, cli.repeat.unwrap_or(3), cli.seconds),
        };
        // A chain that nothing is measured on need not be set up.
        groups.retain(|group| !group.cases.is_empty() || !group.searches.is_empty());
        ensure!(!groups.is_empty(), "--quick measures none of these systems: leave it out");
        return Ok(groups);
    }
    ensure!(cli.relays > 0, "--relays 0 relays nothing: give 1 or more");
    let only_directors = cli.strangers > 0 || cli.class != "critical" || cli.waiting_mib.is_some();
    ensure!(
        !only_directors || systems.iter().all(|system| *system == System::Director),
        "--class, --strangers and --waiting-mib are for directors alone: add --systems director"
    );
    let loads = match cli.burst {
        true => vec![Load::Burst],
        false => cli.rate.iter().map(|rate| Load::Rate(*rate)).collect(),
    };
    let case = |load, system| Case {
        payload: cli.payload,
        bulk: cli.bulk,
        frozen: cli.frozen,
        class: cli.class.clone(),
        strangers: cli.strangers,
        waiting_mib: cli.waiting_mib.map(|mib| mib as usize),
        seconds: cli.seconds,
        ..Case::new(system, cli.relays, cli.validators, load)
    };
    let cases = loads.iter().flat_map(|load| systems.iter().map(|system| case(*load, *system)));
    Ok(vec![Group {
        relays: cli.relays,
        validators: cli.validators,
        cases: cases.collect(),
        repeat: cli.repeat.unwrap_or(1),
        searches: Vec::new(),
    }])
}

fn has_nats() -> bool {
    let found = std::process::Command::new("nats-server").arg("--version").output();
    found.is_ok_and(|output| output.status.success())
        || std::path::Path::new("/usr/sbin/nats-server").is_file()
}
