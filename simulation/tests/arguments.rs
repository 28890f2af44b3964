//! The command line says what is wrong with it.
#![allow(clippy::unwrap_used)]

use director_simulation::arguments::{Command, read};
use std::ffi::OsString;

fn given(line: &str) -> Result<Command, String> {
    read(line.split_whitespace().map(OsString::from))
}

#[test]
fn reads_what_makes_sense() {
    let seeds = given("--seeds 10 --seed=7 --jobs 2");
    assert_eq!(seeds, Ok(Command::Seeds { base: 7, count: 10, jobs: 2 }));
    assert_eq!(given("--replay 3"), Ok(Command::Replay { seed: 3, trace: false }));
    assert_eq!(given("--trace --replay 3"), Ok(Command::Replay { seed: 3, trace: true }));
    assert_eq!(given("--compare"), Ok(Command::Compare { out: "docs/comparison".into() }));
    assert_eq!(given("--compare --out x/y"), Ok(Command::Compare { out: "x/y".into() }));
    assert_eq!(given("--seeds 1 --help"), Ok(Command::Help));
    assert!(matches!(given(""), Ok(Command::Seeds { base: 0, count: 100, .. })));
}

#[test]
fn says_what_makes_none() {
    for (line, word) in [
        ("--seeds", "needs a value"),
        ("--seeds many", "takes a number"),
        ("--seeds -1", "takes a number"),
        ("--seeds 0", "would run nothing"),
        ("--jobs 0", "would run nothing"),
        ("--seeds 2 --seeds 3", "twice"),
        ("--replay 1 --seeds 2", "choose one"),
        ("--compare --replay 1", "choose one"),
        ("--trace", "goes with --replay"),
        ("--replay 1 --out x", "goes with --compare"),
        ("--trace=yes --replay 1", "no option"),
        ("--fast", "no option"),
        ("7", "no option"),
        ("--seed 18446744073709551615 --seeds 2", "there are no"),
    ] {
        let error = given(line).unwrap_err();
        assert!(error.contains(word), "{line}: {error}");
    }
}
