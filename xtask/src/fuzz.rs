//! Fuzzes what is decoded and verified: libFuzzer, built by plain cargo on the stable toolchain.
//!
//! The flags are those of `cargo fuzz --sanitizer none`. They hold for the target alone: it is named,
//! so that build scripts and procedural macros are built without them.

use crate::{
    cargo, setup,
    steps::{Steps, Tally},
};
use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// The crate of the targets, from the workspace's folder.
pub(crate) const MANIFEST: &str = "pallets/primitives/fuzz/Cargo.toml";

/// The targets, named as the crate's programs.
const TARGETS: [&str; 6] = ["proof", "director_vote", "envelope", "request", "vote", "control"];

/// How long each target runs if nobody says.
const DEFAULT_SECONDS: u64 = 600;

/// Most bytes of an input: eight directors' votes, one more than are accepted, and some.
const MAX_LEN: usize = 2048;

/// How much of what broke is shown: the place, the message, two values that differ.
const PANIC_LINES: usize = 4;

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

/// Builds the targets and runs them, or the one that is named.
///
/// # Errors
///
/// If the arguments are wrong, something does not build, or something was found.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), String> {
    let (seconds, targets) = parse(arguments)?;
    let mut steps = Steps::new(1 + targets.len());
    steps.begin("building the fuzzer (the first time 3 to 6 minutes on two cores)");
    let fuzzer = Fuzzer::build()?;
    let mut findings = 0;
    for target in targets {
        steps.begin(&format!("fuzzing {target} for {seconds} s"));
        if let Err(error) = fuzzer.run(target, seconds) {
            eprintln!("      failed: {error}");
            findings += 1;
        }
    }
    match findings {
        0 => Ok(()),
        _ => Err(format!("{findings} of the targets failed, see above")),
    }
}

/// Fuzzes each target for so long, and counts each as one check.
///
/// # Errors
///
/// If something does not build.
pub(crate) fn check(seconds: u64) -> Result<Tally, String> {
    let fuzzer = Fuzzer::build()?;
    let mut tally = Tally::default();
    for target in TARGETS {
        let result = fuzzer.run(target, seconds);
        if let Err(error) = &result {
            eprintln!("      failed: {error}");
        }
        tally.add(Tally::one(result.is_ok()));
    }
    Ok(tally)
}

fn parse(arguments: &[OsString]) -> Result<(u64, Vec<&'static str>), String> {
    let mut seconds = DEFAULT_SECONDS;
    let mut targets = Vec::new();
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            seconds = arguments
                .next()
                .and_then(|number| number.parse().ok())
                // Zero is without end for libFuzzer.
                .filter(|seconds| *seconds > 0)
                .ok_or("`--seconds` takes a whole number from 1")?;
        } else if let Some(target) = TARGETS.into_iter().find(|target| argument == *target) {
            targets.push(target);
        } else {
            let targets = TARGETS.join(", ");
            return Err(format!("`fuzz` knows no {argument:?}; the targets are {targets}"));
        }
    }
    if targets.is_empty() {
        targets.extend(TARGETS);
    }
    Ok((seconds, targets))
}

/// The targets' programs and where they work.
struct Fuzzer {
    programs: PathBuf,
    seeds: PathBuf,
    /// `TARGET_DIR/fuzz`: an instrumented build beside the others, and what the fuzzer writes.
    work: PathBuf,
}

impl Fuzzer {
    fn build() -> Result<Self, String> {
        cpp_compiler()?;
        let work = setup::target_dir()?.join("fuzz");
        let host = host()?;
        let mut build = cargo::cargo()?;
        build
            .args(["build", "--locked", "--release", "--bins", "--target", &host, "--manifest-path"])
            .arg(MANIFEST)
            .env("CARGO_TARGET_DIR", &work)
            // This variable wins over all others that set flags.
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
        cargo::run(&mut build)?;
        Ok(Self {
            programs: work.join(host).join("release"),
            seeds: setup::root().join(MANIFEST).with_file_name("corpus"),
            work,
        })
    }

    fn run(&self, target: &str, seconds: u64) -> Result<(), String> {
        let cannot = |what: &Path, error| format!("cannot write {}: {error}", what.display());
        let (corpus, findings) = (self.folder("corpus", target)?, self.folder("findings", target)?);
        let log = self.work.join(format!("{target}.log"));
        let output = File::create(&log).map_err(|error| cannot(&log, error))?;
        let errors = output.try_clone().map_err(|error| cannot(&log, error))?;
        let program = self.programs.join(target);
        let started = Instant::now();
        let status = Command::new(&program)
            .args([format!("-max_total_time={seconds}"), format!("-max_len={MAX_LEN}")])
            .args(["-timeout=10", "-print_final_stats=1"])
            .arg(format!("-artifact_prefix={}/", findings.display()))
            // What is new goes to the first one, so that the committed seeds stay as they are.
            .args([corpus, self.seeds.join(target)])
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .status()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let seconds = started.elapsed().as_secs();
        let text = fs::read(&log).map_err(|error| format!("cannot read the log: {error}"))?;
        let report = Report::of(&String::from_utf8_lossy(&text));
        let found = if status.success() { 0 } else { 1 };
        eprintln!("      {target}: {}, {found} findings", report.summary(seconds));
        for line in &report.panic {
            eprintln!("      | {line}");
        }
        match (status.success(), report.finding) {
            (true, _) => Ok(()),
            (false, Some(finding)) => Err(format!(
                "{target} found {finding}; reproduce it with\n        {} {finding}\n      the log is {}",
                program.display(),
                log.display()
            )),
            (false, None) => Err(format!("{target} ended with {status}, see {}", log.display())),
        }
    }

    fn folder(&self, kind: &str, target: &str) -> Result<PathBuf, String> {
        let folder = self.work.join(kind).join(target);
        fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        Ok(folder)
    }
}

/// What the fuzzer says in its log.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    executions: Option<String>,
    /// Edges of the program that some input took.
    coverage: Option<String>,
    /// What broke.
    panic: Vec<String>,
    /// File with the input that broke it.
    finding: Option<String>,
}

impl Report {
    fn of(log: &str) -> Self {
        let mut report = Self::default();
        for line in log.lines() {
            let after = |word: &str| {
                let rest = line.split_once(word)?.1;
                rest.split_whitespace().next().map(String::from)
            };
            report.executions = after("stat::number_of_executed_units:").or(report.executions);
            report.coverage = after(" cov:").or(report.coverage);
            report.finding = after("Test unit written to ").or(report.finding);
            let is_first = report.panic.is_empty() && line.contains(" panicked at ");
            let is_more = (1..PANIC_LINES).contains(&report.panic.len());
            if is_first || is_more {
                report.panic.push(line.into());
            }
        }
        report
    }

    fn summary(&self, seconds: u64) -> String {
        let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "?".into());
        let (executions, coverage) = (said(&self.executions), said(&self.coverage));
        format!("{executions} executions in {seconds} s, coverage {coverage}")
    }
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
    use super::{DEFAULT_SECONDS, PANIC_LINES, Report, TARGETS, parse};
    use std::ffi::OsString;

    fn parsed(arguments: &[&str]) -> Result<(u64, Vec<&'static str>), String> {
        parse(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn reads_its_arguments() {
        assert_eq!(parsed(&[]), Ok((DEFAULT_SECONDS, TARGETS.to_vec())));
        assert_eq!(parsed(&["--seconds", "20"]), Ok((20, TARGETS.to_vec())));
        assert_eq!(parsed(&["proof", "--seconds", "5"]), Ok((5, vec!["proof"])));
        for wrong in [&["--seconds"][..], &["--seconds", "0"], &["--seconds", "x"], &["prove"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn reads_what_the_fuzzer_says() {
        let log = "#2 INITED cov: 300 ft: 301 corp: 1/1b\n#9 DONE   cov: 512 ft: 900\n\
                   Done 4711 runs in 21 second(s)\nstat::number_of_executed_units: 4711\n";
        let report = Report::of(log);
        assert_eq!(report.summary(21), "4711 executions in 21 s, coverage 512");
        assert_eq!((report.finding, report.panic), (None, Vec::new()));

        let log = "thread '<unnamed>' (1) panicked at src/proof.rs:1:2:\nwrong\n\
                   artifact_prefix='/x/'; Test unit written to /x/crash-1\nBase64: AA==\nmore\n";
        let report = Report::of(log);
        assert_eq!(report.finding.as_deref(), Some("/x/crash-1"));
        assert_eq!((report.panic.len(), &*report.panic[1]), (PANIC_LINES, "wrong"));
    }
}
