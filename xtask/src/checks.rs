//! Checks everything that CI checks, and counts.

use crate::{
    bench, cargo, devnet, fuzz,
    setup::target_dir,
    sim,
    steps::{Steps, Tally},
    wasm,
};
use std::process::{Command, Stdio};

/// How long the end-to-end run may take, from the start of the node to the slash: what is promised.
const END_TO_END_TIMEOUT_S: &str = "90";

/// How long each fuzz target runs here: enough for the seeds and some 10,000 inputs around them.
const FUZZ_SECONDS: u64 = 8;

/// The fuzzer's programs of a director are not built below: that takes all that a director is made of once more.
const LINTS: [&str; 8] = [
    "clippy",
    "--workspace",
    "--all-targets",
    "--features",
    "director-service-fuzz/libfuzzer",
    "--",
    "--deny",
    "warnings",
];

/// Runs all checks, also those after a failed one, and counts at the end.
///
/// # Errors
///
/// If one failed.
pub(crate) fn run() -> Result<(), String> {
    let mut steps = Steps::new(10);
    let mut total = Tally::default();
    eprintln!(
        "The first run compiles a whole blockchain node, twice: 20 to 30 minutes on two cores."
    );

    steps.begin("format");
    total.add(one(cargo(&["fmt", "--all", "--check"])));
    total.add(one(cargo(&["fmt", "--manifest-path", bench::PEERS, "--all", "--check"])));

    steps.begin("lints");
    total.add(one(cargo(&LINTS)));
    // The compared systems are a workspace of their own: a benchmark that does not build measures nothing.
    total.add(one(bench::lint_peers()));

    steps.begin("documentation");
    total.add(one(documentation()));

    steps.begin("licences, advisories and sources of what is used");
    if let Some(result) = supply_chain()? {
        total.add(one(result));
    }

    steps.begin("runtime, node, director and devnet");
    // Tests start these programs; cargo does not build programs for the tests of another package.
    total.add(one(programs()));

    steps.begin("tests");
    total.add(tests()?);

    steps.begin("simulation: 200 seeds");
    total.add(one(sim::check()));

    steps.begin("fuzzing, briefly");
    total.add(fuzz::check(FUZZ_SECONDS).unwrap_or_else(|error| one(Err(error))));

    steps.begin("examples in the documentation");
    let mut doc = cargo::cargo()?;
    doc.args(["test", "--quiet", "--workspace", "--exclude", "xtask", "--doc"]);
    total.add(cargo::run_tests(&mut doc)?);

    steps.begin("end to end: a validator double-signs and is slashed");
    total.add(one(end_to_end()));

    eprintln!("{} passed, {} failed, in {}", total.passed, total.failed, steps.elapsed());
    match total.failed {
        0 => Ok(()),
        _ => Err("not everything passed, see above".into()),
    }
}

fn one(result: Result<(), String>) -> Tally {
    if let Err(error) = &result {
        eprintln!("      failed: {error}");
    }
    Tally::one(result.is_ok())
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    cargo::run(cargo::cargo()?.args(arguments))
}

/// Builds the pages of our own crates, of what is private too; a link that leads nowhere is an error.
fn documentation() -> Result<(), String> {
    let mut doc = cargo::cargo()?;
    doc.args(["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"]);
    cargo::run(doc.env("RUSTDOCFLAGS", "--deny warnings"))
}

/// `cargo deny check` by `deny.toml`; `None`, and loudly, where the tool is not installed: building it takes minutes.
fn supply_chain() -> Result<Option<Result<(), String>>, String> {
    if !has("deny")? {
        if std::env::var_os("REQUIRE_DENY").is_some() {
            return Ok(Some(Err("there is no cargo-deny, and REQUIRE_DENY is set; \
                                `cargo install --locked cargo-deny` installs it"
                .into())));
        }
        eprintln!(
            "      SKIPPED: there is no cargo-deny, so nobody has looked at licences, advisories and sources; \
             `cargo install --locked cargo-deny` installs it"
        );
        return Ok(None);
    }
    let own = cargo(&["deny", "--workspace", "check"]);
    // What is only compared with is no part of what is given away, but it runs on the same machines.
    let of_peers = ["deny", "--manifest-path", bench::PEERS, "--workspace", "check"];
    Ok(Some(own.and(cargo(&of_peers))))
}

/// Whether cargo has this command.
fn has(command: &str) -> Result<bool, String> {
    let mut asked = cargo::cargo()?;
    asked.args([command, "--version"]).stdin(Stdio::null());
    Ok(asked.output().is_ok_and(|output| output.status.success()))
}

fn programs() -> Result<(), String> {
    let runtime = wasm::start()?;
    devnet::build_programs()?;
    runtime.finish().map(drop)
}

fn tests() -> Result<Tally, String> {
    let mut tests = cargo::cargo()?;
    if has("nextest")? {
        tests.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        // Not `--all-targets`: that would run the benchmarks too.
        tests.args(["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"]);
    }
    cargo::run_tests(&mut tests)
}

fn end_to_end() -> Result<(), String> {
    let mut devnet = Command::new(target_dir()?.join("debug/devnet"));
    devnet.args(["--until", "slashed", "--json", "--timeout", END_TO_END_TIMEOUT_S]);
    cargo::run(&mut devnet)
}
