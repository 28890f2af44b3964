//! A run that does not go as it must ends with status 1, says why, and still prints its books.

#![allow(clippy::unwrap_used)]

use integration_tests::process::sibling;
use serde_json::Value;
use std::process::Command;

/// Runs a devnet of three validators that must fail; its books and what it says.
fn fails(arguments: &[&str]) -> (Value, String) {
    let common = ["--json", "--validators", "3", "--block-time-ms", "200"];
    let mut devnet = Command::new(sibling("devnet").unwrap());
    let output = devnet.args(common).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    (serde_json::from_slice(&output.stdout).unwrap(), said)
}

#[test]
fn a_folder_of_another_run_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("node.log"), "of another run").unwrap();
    let (books, said) = fails(&["--dir", dir.path().to_str().unwrap()]);
    assert!(said.contains("is not empty"), "{said}");
    assert_eq!(books["validators"], 3);
    assert_eq!(books["checkpoints"], 0);
}

#[test]
fn a_network_that_is_not_up_in_time() {
    let (books, said) = fails(&["--timeout", "1"]);
    assert!(said.contains("not up within --timeout"), "{said}");
    assert_eq!(books["connections"]["validators"], 0);
}

#[test]
fn a_double_sign_that_does_not_come() {
    // Enough for a busy machine to get to the first checkpoint.
    let run = ["--double-sign", "2@1000", "--until", "checkpoints=1", "--timeout", "30"];
    let (books, said) = fails(&run);
    assert!(said.contains("not slashed"), "{said}");
    assert!(books["certificates"].as_u64() >= Some(1), "{books}");
    assert_eq!((&books["lost"], &books["slashed"]), (&0.into(), &Value::Array(Vec::new())));
}
