//! However the devnet ends, what it started ends with it.

#![allow(clippy::unwrap_used)]

use integration_tests::process::sibling;
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Longest wait for a process to be gone.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn when_it_is_killed() {
    let status = end_with("KILL");
    assert_eq!(status.signal(), Some(9));
}

#[test]
fn when_it_is_asked_to_end_before_it_is_up() {
    let status = end_with("TERM");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn when_it_is_interrupted_before_it_is_up() {
    let status = end_with("INT");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_wrong_command_line_starts_nothing() {
    for wrong in ["--directors 9", "--honest --until slashed", "--until never", "--double-sign 9@0"]
    {
        let mut command = Command::new(sibling("devnet").unwrap());
        let output = command.args(wrong.split(' ')).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(output.stdout.is_empty(), "{wrong}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("error: "), "{wrong}");
    }
}

/// Starts a devnet, waits until node and directors run, sends it a signal; how it ended. Checks that
/// the processes that it had started are gone.
fn end_with(signal: &str) -> std::process::ExitStatus {
    let mut devnet = Command::new(sibling("devnet").unwrap())
        .args(["--validators", "3", "--block-time-ms", "500", "--json"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(devnet.stderr.take().unwrap()).lines();
    // Said when node and directors run.
    let invited = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("invites")));
    assert!(invited.is_some());
    let children = children_of(devnet.id());
    assert_eq!(children.len(), 4, "a node and three directors");

    let pid = devnet.id().to_string();
    assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    let status = devnet.wait().unwrap();
    let end = Instant::now() + PATIENCE;
    while children.iter().any(|pid| is_running(*pid)) {
        assert!(Instant::now() < end, "some of {children:?} still run");
        std::thread::sleep(Duration::from_millis(20));
    }
    status
}

/// The fields of `/proc/PID/stat` from the third on: state, parent, ….
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the name, may contain anything but ends with the last parenthesis.
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().map(String::from).collect())
}

fn children_of(parent: u32) -> BTreeSet<u32> {
    let processes = std::fs::read_dir("/proc").unwrap();
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|stat| stat[1] == parent.to_string())).collect()
}

/// Whether a process is there and not merely waiting to be collected.
fn is_running(pid: u32) -> bool {
    stat(pid).is_some_and(|stat| stat[0] != "Z")
}
