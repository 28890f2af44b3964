//! Runs simulations: see `--help`.

use director_simulation::{
    Options, Scenario, Trace,
    arguments::{self, Command, HELP},
    compare::{insert, json, measure_all, picture, table},
    run_with,
    seeds::run_seeds,
};
use std::{
    fs,
    io::{self, BufWriter},
    path::Path,
    process::ExitCode,
    time::Instant,
};

/// Failing seeds of which the failures are told; of the others only the number.
const TOLD: usize = 20;

fn main() -> ExitCode {
    match arguments::read(std::env::args_os().skip(1)) {
        Ok(Command::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Command::Seeds { base, count, jobs }) => seeds(base, count, jobs),
        Ok(Command::Replay { seed, trace }) => replay(seed, trace),
        Ok(Command::Compare { out }) => compare(&out),
        Err(error) => {
            eprintln!("sim: {error}; `cargo xtask sim --help` tells what there is");
            ExitCode::from(2)
        }
    }
}

fn seeds(base: u64, count: u64, jobs: usize) -> ExitCode {
    let started = Instant::now();
    let results = run_seeds(base, count, jobs, Options::default(), |done, failed| {
        let seconds = started.elapsed().as_secs_f64();
        eprintln!(
            "{done} of {count} seeds, {failed} failed, {:.0} ms a seed",
            1e3 * seconds / done as f64
        );
    });
    for (seed, failures) in results.failed.iter().take(TOLD) {
        eprintln!("seed {seed} failed; again with: cargo xtask sim --replay {seed} --trace");
        for failure in failures {
            eprintln!("    {failure}");
        }
    }
    if results.failed.len() > TOLD {
        let rest: Vec<_> = results.failed.keys().skip(TOLD).map(u64::to_string).collect();
        eprintln!("and these failed too: {}", rest.join(" "));
    }
    println!("{}", results.summary(started.elapsed()));
    ExitCode::from(u8::from(!results.failed.is_empty()))
}

fn replay(seed: u64, with_trace: bool) -> ExitCode {
    let scenario = Scenario::draw(seed, Options::default());
    let trace = match with_trace {
        true => Trace::to(Box::new(BufWriter::new(io::stdout()))),
        false => Trace::default(),
    };
    if with_trace {
        println!("{scenario:#?}");
    }
    let report = run_with(&scenario, trace);
    for failure in &report.failures {
        println!("failed: {failure}");
    }
    let verdict = if report.failures.is_empty() { "passed" } else { "failed" };
    println!(
        "seed {seed} {verdict} messages {} deliveries {} gaps {} proofs {} events {} digest {:016x}",
        report.messages,
        report.deliveries,
        report.gaps,
        report.proofs,
        report.events,
        report.digest
    );
    ExitCode::from(u8::from(!report.failures.is_empty()))
}

/// The seed of the comparison; another one gives other figures of the same kind.
const COMPARISON_SEED: u64 = 1;

fn compare(out: &Path) -> ExitCode {
    let rows = measure_all(COMPARISON_SEED, |at, of, case| {
        eprintln!(
            "[{at}/{of}] {} validators, {}, {}",
            case.validators, case.condition, case.topology
        );
    });
    let table = table(&rows);
    print!("{table}");
    let page = out.with_extension("md");
    let written = fs::read_to_string(&page)
        .map_err(|error| error.to_string())
        .and_then(|text| insert(&text, &table))
        .and_then(|text| write(&page, &text))
        .and_then(|()| write(&out.with_extension("json"), &json(&rows, COMPARISON_SEED)))
        .and_then(|()| write(&out.with_extension("svg"), &picture(&rows)));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sim: cannot write {}: {error}", page.display());
            ExitCode::FAILURE
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| error.to_string())
}
