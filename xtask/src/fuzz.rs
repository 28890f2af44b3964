//! Fuzzes what is decoded and verified: libFuzzer, built by plain cargo on the stable toolchain.
//!
//! The flags are those of `cargo fuzz --sanitizer none`. They hold for the target alone: it is named,
//! so that build scripts and procedural macros are built without them.

mod report;

use crate::{
    cargo, setup,
    steps::{Steps, Tally},
};
use report::{Report, Row};
use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// Targets that are built together.
#[derive(Clone, Copy, Debug)]
struct Crate {
    package: &'static str,
    /// From the workspace's folder; `corpus` and, for texts, `dictionaries` are in it.
    folder: &'static str,
    /// Named as its programs.
    targets: &'static [&'static str],
    /// Most bytes of an input.
    max_len: usize,
    /// How long its first build takes, for people.
    takes: &'static str,
}

/// What is signed or sent. Eight directors' votes, one more than are accepted, are an input.
const PRIMITIVES: Crate = Crate {
    package: "director-primitives-fuzz",
    folder: "pallets/primitives/fuzz",
    targets: &["proof", "director_vote", "envelope", "request", "vote", "control"],
    max_len: 2_048,
    takes: "3 to 6 minutes",
};

/// What a director and a sidecar hear. The longest input is what the tests have, too.
const SERVICE: Crate = Crate {
    package: "director-service-fuzz",
    folder: "director-service/fuzz",
    targets: &["frame", "core", "client", "stake_proof", "http", "config", "pipe"],
    max_len: 4_096,
    takes: "a good deal longer",
};

const CRATES: [Crate; 2] = [PRIMITIVES, SERVICE];

/// How long each target runs if nobody says.
const DEFAULT_SECONDS: u64 = 600;

/// Most MiB that a target may take.
const MAX_MIB: u64 = 1_024;

/// Tells the fuzzer which branches an input took and what was compared. `fuzzing` is what crates look
/// for that behave otherwise below a fuzzer.
const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg",
    "fuzzing",
];

/// Builds the targets and runs them, or those that are named.
///
/// # Errors
///
/// If the arguments are wrong, something does not build, or something was found.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), String> {
    let (seconds, targets) = parse(arguments)?;
    let wanted = CRATES.into_iter().filter_map(|of| {
        let is_wanted = |target: &&&str| targets.contains(*target);
        let wanted: Vec<_> = of.targets.iter().filter(is_wanted).copied().collect();
        (!wanted.is_empty()).then_some((of, wanted))
    });
    let wanted: Vec<_> = wanted.collect();
    let mut steps = Steps::new(wanted.len() + targets.len());
    let mut rows = Vec::new();
    for (of, targets) in wanted {
        let takes = of.takes;
        steps.begin(&format!("building {} (the first time {takes} on two cores)", of.package));
        let fuzzer = Fuzzer::build(of)?;
        for target in targets {
            steps.begin(&format!("fuzzing {target} for {seconds} s"));
            rows.push(fuzzer.run(target, seconds)?);
        }
    }
    eprint!("{}", report::table(&rows));
    match rows.iter().filter(|row| row.has_failed()).count() {
        0 => Ok(()),
        failed => Err(format!("{failed} of the targets failed, see above")),
    }
}

/// Fuzzes each target of what is signed or sent for so long, and counts each as one check. The others would have to be
/// built with everything that a director is made of; tests run them without a fuzzer.
///
/// # Errors
///
/// If something does not build.
pub(crate) fn check(seconds: u64) -> Result<Tally, String> {
    let fuzzer = Fuzzer::build(PRIMITIVES)?;
    let mut tally = Tally::default();
    for target in PRIMITIVES.targets {
        let row = fuzzer.run(target, seconds)?;
        tally.add(Tally::one(!row.has_failed()));
    }
    Ok(tally)
}

fn parse(arguments: &[OsString]) -> Result<(u64, Vec<&'static str>), String> {
    let mut seconds = DEFAULT_SECONDS;
    let mut targets = Vec::new();
    let all = || CRATES.into_iter().flat_map(|of| of.targets.iter().copied());
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(argument) = arguments.next() {
        let unit = match &*argument {
            "--seconds" => Some(1),
            "--minutes" => Some(60),
            _ => None,
        };
        if let Some(unit) = unit {
            seconds = arguments
                .next()
                .and_then(|number| number.parse::<u64>().ok())
                // Zero is without end for libFuzzer.
                .filter(|number| *number > 0)
                .and_then(|number| number.checked_mul(unit))
                .ok_or_else(|| format!("`{argument}` takes a whole number from 1"))?;
        } else if let Some(target) = all().find(|target| argument == *target) {
            targets.push(target);
        } else {
            let targets = all().collect::<Vec<_>>().join(", ");
            return Err(format!("`fuzz` knows no {argument:?}; the targets are {targets}"));
        }
    }
    if targets.is_empty() {
        targets.extend(all());
    }
    Ok((seconds, targets))
}

/// The programs of one crate and where they work.
struct Fuzzer {
    of: Crate,
    programs: PathBuf,
    folder: PathBuf,
    /// `TARGET_DIR/fuzz`: an instrumented build beside the others, and what the fuzzer writes.
    work: PathBuf,
}

impl Fuzzer {
    fn build(of: Crate) -> Result<Self, String> {
        cpp_compiler()?;
        let work = setup::target_dir()?.join("fuzz");
        let host = host()?;
        let mut build = cargo::cargo()?;
        build
            .args(["build", "--locked", "--profile", "fuzz", "--bins", "--target", &host])
            .args(["--package", of.package, "--features", "libfuzzer"])
            .env("CARGO_TARGET_DIR", &work)
            // This variable wins over all others that set flags.
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
        cargo::run(&mut build)?;
        let programs = work.join(host).join("fuzz");
        Ok(Self { of, programs, folder: setup::root().join(of.folder), work })
    }

    /// Runs a target, and tells at once what is found.
    fn run(&self, target: &'static str, seconds: u64) -> Result<Row, String> {
        let cannot = |what: &Path, error| format!("cannot write {}: {error}", what.display());
        let (corpus, findings) = (self.folder("corpus", target)?, self.folder("findings", target)?);
        let log = self.work.join(format!("{target}.log"));
        let output = File::create(&log).map_err(|error| cannot(&log, error))?;
        let errors = output.try_clone().map_err(|error| cannot(&log, error))?;
        let program = self.programs.join(target);
        let mut fuzzer = Command::new(&program);
        fuzzer
            .args([format!("-max_total_time={seconds}"), format!("-max_len={}", self.of.max_len)])
            .args(["-timeout=10", "-print_final_stats=1"])
            .arg(format!("-rss_limit_mb={MAX_MIB}"))
            .arg(format!("-artifact_prefix={}/", findings.display()));
        let words = self.folder.join("dictionaries").join(format!("{target}.dict"));
        if words.exists() {
            fuzzer.arg(format!("-dict={}", words.display()));
        }
        let seeds = self.folder.join("corpus").join(target);
        let started = Instant::now();
        let status = fuzzer
            // What is new goes to the first one, so that the committed seeds stay as they are.
            .args([&corpus, &seeds])
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .status()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let seconds = started.elapsed().as_secs();
        let text = fs::read(&log).map_err(|error| format!("cannot read the log: {error}"))?;
        let report = Report::of(&String::from_utf8_lossy(&text));
        let row = Row { target, seconds, corpus: files(&corpus) + files(&seeds), status, report };
        eprintln!("      {}", row.summary());
        for line in row.report.panic.iter().filter(|_| row.has_failed()) {
            eprintln!("      | {line}");
        }
        match &row.report.finding {
            _ if !row.has_failed() => {}
            Some(finding) => eprintln!(
                "      failed: reproduce it with\n        {} {finding}\n      the log is {}",
                program.display(),
                log.display()
            ),
            None => eprintln!("      failed: {target} ended with {status}, see {}", log.display()),
        }
        Ok(row)
    }

    fn folder(&self, kind: &str, target: &str) -> Result<PathBuf, String> {
        let folder = self.work.join(kind).join(target);
        fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        Ok(folder)
    }
}

/// How many files are there.
fn files(folder: &Path) -> usize {
    fs::read_dir(folder).into_iter().flatten().count()
}

/// libFuzzer is C++ that comes as a crate.
fn cpp_compiler() -> Result<(), String> {
    let compiler = env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let found = Command::new(&compiler)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.map(drop).map_err(|_| {
        format!(
            "`{}` is missing, and the fuzzer is built with it: install your distribution's package \
             for a C++ compiler (Debian: build-essential)",
            compiler.to_string_lossy()
        )
    })
}

/// The compiler's own target.
fn host() -> Result<String, String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .arg("-vV")
        .output()
        .map_err(|error| format!("cannot start rustc: {error}"))?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(String::from)
        .ok_or_else(|| "rustc does not tell its target".into())
}

#[cfg(test)]
mod tests {
    use super::{CRATES, DEFAULT_SECONDS, parse};
    use std::ffi::OsString;

    fn parsed(arguments: &[&str]) -> Result<(u64, Vec<&'static str>), String> {
        parse(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn reads_its_arguments() {
        let all: Vec<_> = CRATES.iter().flat_map(|of| of.targets).copied().collect();
        assert_eq!(parsed(&[]), Ok((DEFAULT_SECONDS, all.clone())));
        assert_eq!(parsed(&["--seconds", "20"]), Ok((20, all)));
        assert_eq!(parsed(&["proof", "--seconds", "5"]), Ok((5, vec!["proof"])));
        assert_eq!(parsed(&["core", "http", "--minutes", "2"]), Ok((120, vec!["core", "http"])));
        for wrong in [
            &["--seconds"][..],
            &["--seconds", "0"],
            &["--seconds", "x"],
            &["--minutes", "0"],
            &["--minutes", "18446744073709551615"],
            &["prove"],
        ] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
