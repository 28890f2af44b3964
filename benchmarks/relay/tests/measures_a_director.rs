//! The benchmark counts what it says it counts, on a real director: short and slow, for it is neither
//! a release nor alone here. Speed is not looked at.

use serde_json::Value;
use std::{path::Path, process::Command};

#[test]
fn every_message_is_counted_at_everybody_else() {
    let program = Path::new(env!("CARGO_BIN_EXE_relay-bench"));
    let programs = program.parent().expect("a program is in a folder");
    let dir = tempfile::tempdir().expect("a folder for the rows");
    let (rows, plot) = (dir.path().join("rows.json"), dir.path().join("plot.svg"));
    let output = Command::new(program)
        .args(["--systems", "director", "--rate", "200", "--validators", "4", "--seconds", "1"])
        .args(["--release".as_ref(), programs, "--peers".as_ref(), programs])
        .args(["--out".as_ref(), rows.as_path(), "--plot".as_ref(), plot.as_path()])
        .output()
        .expect("the benchmark was built");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let rows = std::fs::read(&rows).expect("rows are written");
    let rows: Value = serde_json::from_slice(&rows).expect("rows are JSON");
    let row = &rows[0];
    let number = |field: &str| row[field].as_f64().unwrap_or(f64::NAN);
    assert_eq!(row["system"], "director");
    assert_eq!((number("relays"), number("validators"), number("ingress")), (1.0, 4.0, 200.0));
    assert_eq!((number("lost"), number("duplicates")), (0.0, 0.0), "{row}");
    assert!(number("p50_ms") > 0.0 && number("cpu_us_per_delivery") > 0.0, "{row}");
    assert!(plot.is_file());
}
