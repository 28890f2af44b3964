//! A node that cannot start says why and what helps, in one line, and exits with 1.

#![allow(clippy::unwrap_used)]

use std::{
    net::TcpListener,
    process::{Command, Output},
};

fn node(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mock-node")).args(arguments).output().unwrap()
}

fn assert_refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(output.stdout.is_empty());
    for word in words {
        assert!(said.contains(word), "no {word:?} in {said}");
    }
}

/// A file that passes for a runtime until it is compiled.
fn almost_a_runtime() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"\0asm").unwrap();
    file
}

#[test]
fn refuses_to_leave_final_blocks() {
    let output = node(&["--dev", "--fork-every", "5", "--finalize-after", "1"]);
    assert_refused(&output, &["--fork-every", "--finalize-after 2"]);
}

#[test]
fn refuses_a_missing_runtime() {
    let output = node(&["--dev", "--runtime", "/no/such/runtime.wasm"]);
    assert_refused(&output, &["/no/such/runtime.wasm", "cargo xtask wasm", "--runtime FILE"]);
}

#[test]
fn refuses_a_runtime_that_is_no_wasm() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "text").unwrap();
    let output = node(&["--dev", "--runtime", file.path().to_str().unwrap()]);
    assert_refused(&output, &["is no wasm", "cargo xtask wasm"]);
}

#[test]
fn refuses_a_busy_port() {
    let runtime = almost_a_runtime();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port().to_string();
    let runtime = runtime.path().to_str().unwrap();
    let output = node(&["--dev", "--runtime", runtime, "--rpc-port", &port]);
    assert_refused(&output, &[&port, "--rpc-port"]);
}

#[test]
fn refuses_to_guess_where_the_chain_is_kept() {
    let runtime = almost_a_runtime();
    let output = node(&["--runtime", runtime.path().to_str().unwrap(), "--rpc-port", "0"]);
    assert_refused(&output, &["--base-path", "--dev"]);
}

#[test]
fn refuses_a_base_path_that_is_a_file() {
    let runtime = almost_a_runtime();
    let runtime = runtime.path().to_str().unwrap();
    let output = node(&["--base-path", runtime, "--runtime", runtime, "--rpc-port", "0"]);
    assert_refused(&output, &["cannot make", "--base-path"]);
}
