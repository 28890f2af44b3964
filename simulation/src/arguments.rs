//! Reads the command line.

use std::{ffi::OsString, path::PathBuf};

/// What `--help` says.
pub const HELP: &str = "\
Runs directors and validators in simulated time, with faults that a seed draws, and checks that no message was
lost, nobody honest accused, and everything bounded.

Usage: cargo xtask sim [--seeds N] [--seed BASE] [--jobs J]
       cargo xtask sim --replay SEED [--trace]
       cargo xtask sim --compare [--out PATH]

  --seeds N      run so many seeds; 100 if nothing is said
  --seed BASE    the first of them; 0 if nothing is said
  --jobs J       so many at once; as many as there are cores if nothing is said
  --replay SEED  run one seed and tell its digest: the same seed, the same digest
  --trace        with --replay: every event as a line
  --compare      full mesh, gossip and directors in the same simulator, as a table and a picture
  --out PATH     with --compare: where to, without extension; docs/comparison if nothing is said

Progress goes to stderr, one line with the result to stdout. The exit code is 0 if everything passed, 1 if not, 2
if the arguments make no sense.
";

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Say how to use it.
    Help,
    /// Run seeds.
    Seeds {
        /// The first.
        base: u64,
        /// How many.
        count: u64,
        /// How many at once.
        jobs: usize,
    },
    /// Run one seed.
    Replay {
        /// Which.
        seed: u64,
        /// Whether to tell every event.
        trace: bool,
    },
    /// Compare topologies.
    Compare {
        /// Where the results go, without extension.
        out: PathBuf,
    },
}

#[derive(Default)]
struct Given {
    seeds: Option<u64>,
    base: Option<u64>,
    jobs: Option<u64>,
    replay: Option<u64>,
    out: Option<PathBuf>,
    trace: bool,
    compare: bool,
}

impl Given {
    fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Self>, String> {
        let mut given = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let text = argument.to_string_lossy().into_owned();
            let (name, inline) = match text.split_once('=') {
                Some((name, value)) => (name, Some(OsString::from(value))),
                None => (&*text, None),
            };
            let mut value = || {
                inline.clone().or_else(|| arguments.next()).ok_or(format!("{name} needs a value"))
            };
            match name {
                "--seeds" => put(&mut given.seeds, name, number(name, value()?)?)?,
                "--seed" => put(&mut given.base, name, number(name, value()?)?)?,
                "--jobs" => put(&mut given.jobs, name, number(name, value()?)?)?,
                "--replay" => put(&mut given.replay, name, number(name, value()?)?)?,
                "--out" => put(&mut given.out, name, value()?.into())?,
                "--trace" if inline.is_none() => given.trace = true,
                "--compare" if inline.is_none() => given.compare = true,
                "-h" | "--help" | "help" => return Ok(None),
                _ => return Err(format!("there is no option {text:?}")),
            }
        }
        Ok(Some(given))
    }
}

fn put<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{name} is given twice")),
    }
}

fn number(name: &str, value: OsString) -> Result<u64, String> {
    let text = value.to_string_lossy();
    text.parse().map_err(|_| format!("{name} takes a number, not {text:?}"))
}

/// Reads what was given, without the program's name.
///
/// # Errors
///
/// Says what makes no sense.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let Some(given) = Given::read(arguments)? else { return Ok(Command::Help) };
    let runs_seeds = given.seeds.is_some() || given.base.is_some() || given.jobs.is_some();
    if [given.compare, given.replay.is_some(), runs_seeds].iter().filter(|of| **of).count() > 1 {
        return Err(
            "--seeds, --seed and --jobs are for many seeds, --replay for one, --compare for none: \
             choose one of them"
                .into(),
        );
    }
    if given.trace && given.replay.is_none() {
        return Err("--trace goes with --replay".into());
    }
    if given.out.is_some() && !given.compare {
        return Err("--out goes with --compare".into());
    }
    if let Some(seed) = given.replay {
        return Ok(Command::Replay { seed, trace: given.trace });
    }
    if given.compare {
        let out = given.out.unwrap_or_else(|| "docs/comparison".into());
        return Ok(Command::Compare { out });
    }
    let (base, count) = (given.base.unwrap_or(0), given.seeds.unwrap_or(100));
    if count == 0 {
        return Err("--seeds 0 would run nothing".into());
    }
    if base.checked_add(count).is_none() {
        return Err(format!("there are no {count} seeds from {base} on"));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = match given.jobs {
        Some(0) => return Err("--jobs 0 would run nothing".into()),
        Some(jobs) => usize::try_from(jobs).unwrap_or(usize::MAX).min(256),
        None => cores,
    };
    Ok(Command::Seeds { base, count, jobs })
}
