//! The benchmark counts what it says it counts, on a real director: short and slow, for it is neither
//! a release nor alone here. Speed is not looked at.

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// A run of the benchmark with a folder of its own.
struct Measured {
    row: Value,
    plot: PathBuf,
    _dir: TempDir,
}

impl Measured {
    /// Runs it with these words.
    fn of(words: &str) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_relay-bench"));
        let programs = program.parent().expect("a program is in a folder");
        let dir = tempfile::tempdir().expect("a folder for the rows");
        let (rows, plot) = (dir.path().join("rows.json"), dir.path().join("plot.svg"));
        let output = Command::new(program)
            .args(["--systems", "director"])
            .args(words.split_whitespace())
            .args(["--release".as_ref(), programs, "--peers".as_ref(), programs])
            .args(["--out".as_ref(), rows.as_path(), "--plot".as_ref(), plot.as_path()])
            .output()
            .expect("the benchmark was built");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let rows = std::fs::read(&rows).expect("rows are written");
        let rows: Value = serde_json::from_slice(&rows).expect("rows are JSON");
        Self { row: rows[0].clone(), plot, _dir: dir }
    }

    fn number(&self, field: &str) -> f64 {
        self.row[field].as_f64().unwrap_or(f64::NAN)
    }
}

#[test]
fn every_message_is_counted_at_everybody_else() {
    let measured = Measured::of("--rate 200 --validators 4 --seconds 1");
    let (row, number) = (&measured.row, |field| measured.number(field));
    assert_eq!(row["system"], "director");
    assert_eq!((number("relays"), number("validators"), number("ingress")), (1.0, 4.0, 200.0));
    assert_eq!((number("lost"), number("duplicates")), (0.0, 0.0), "{row}");
    assert!(number("p50_ms") > 0.0 && number("cpu_us_per_delivery") > 0.0, "{row}");
    assert!(measured.plot.is_file());
}

/// The benchmark itself fails if there is more. What may wait is little here, and so is the log: more than half of what
/// the formula allows is for the connections and the validators.
#[test]
fn a_thousand_connections_stay_within_the_formula_for_memory() {
    let words = "--rate 2 --validators 1000 --frozen 100 --bulk 1 --seconds 5 --waiting-mib 40";
    let measured = Measured::of(words);
    let (row, number) = (&measured.row, |field| measured.number(field));
    assert_eq!((number("validators"), number("frozen")), (1_000.0, 100.0), "{row}");
    // What does not fit is dropped, of blocks: where this is no release, most of them.
    assert_eq!((number("waiting_mib"), number("duplicates")), (40.0, 0.0), "{row}");
    // Without connections, validators and what waits it has a few MiB.
    assert!(number("peak_mib") > 60.0, "{row}");
}
