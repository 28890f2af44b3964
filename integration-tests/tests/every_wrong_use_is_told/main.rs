//! Each command's wrong use ends in one line on standard error that names the cause and the remedy.
//!
//! The table runs without a node, and all of it at once: those that wait for one take ten seconds.

#![allow(clippy::unwrap_used)]

mod fields;
mod prints;
mod protection;
mod scene;
mod table;

use futures::future::join_all;
use integration_tests::process::sibling;
use scene::{prepare, prepare_wrong};
use std::{
    fs, net::TcpListener, os::unix::fs::MetadataExt, path::Path, process::Output, time::Duration,
};
use table::{
    COMMANDS, TABLE,
    Wrong::{Address, Away, Bad, Missing, Other, Permission},
};
use tokio::{process::Command, time::timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);

const KEYS: &str = "--account good.account --peer good.key --checkpoint good.checkpoint";

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_use_is_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    prepare(dir);
    prepare_wrong(dir, taken.port());
    let taken = taken.to_string();
    let checked = TABLE.iter().flat_map(|(_, cases)| *cases).map(|(typed, says)| {
        let run = "RUN0 --pipe";
        let arguments = typed
            .replace("RUN ", &format!("{run} "))
            .replace("RUN0", "--url NODE --peer good.key --checkpoint good.checkpoint")
            .replace("STAKE", &format!("--url NODE {KEYS} --stake 1"))
            .replace("ADDRESSES", "--public /ip4/203.0.113.7/tcp/1 --mesh /ip4/10.0.0.1/tcp/1")
            .replace("TAKEN", &taken)
            .replace("ALICE", ALICE);
        // What comes first of two is what is wrong.
        let arguments = without_repeats(&arguments.replace("NODE", "ws://127.0.0.1:1"));
        async move {
            let output = director(dir, &arguments).await;
            let log = String::from_utf8(output.stderr).unwrap();
            let is_told = output.status.code() == Some(1)
                && one_line(&log).is_some_and(|line| says.iter().all(|part| line.contains(part)));
            let strange = fields::strange(&arguments, &log);
            (!is_told || !strange.is_empty()).then(|| {
                format!(
                    "director {arguments}\n{says:?} is not all in one line, or {strange:?} are no fields, of:\n{log}"
                )
            })
        }
    });
    let wrong: Vec<_> = join_all(checked).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_is_in_the_table_with_all_that_can_be_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let mut known: Vec<_> = COMMANDS.iter().map(|(command, _)| String::from(*command)).collect();
    let mut all = all_commands(dir.path()).await;
    known.sort();
    all.sort();
    assert_eq!(known, all);
    for (command, wrongs) in COMMANDS {
        for wrong in [Missing, Bad, Permission, Address, Away, Other] {
            let mut cases =
                TABLE.iter().filter(|(of, _)| *of == wrong).flat_map(|(_, cases)| *cases);
            let has_it = cases
                .any(|(typed, _)| typed.starts_with(&format!("{command} ")) || typed == command);
            assert_eq!(has_it, wrongs.contains(&wrong), "{command}: {wrong:?}");
        }
    }
}

/// All that the help lists, but for those that have commands below them.
async fn all_commands(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![String::new()];
    while let Some(command) = open.pop() {
        let help = director(dir, &format!("{command} --help")).await;
        let help = String::from_utf8(help.stdout).unwrap();
        let listed = help.split_once("\nCommands:\n").map(|(_, rest)| rest.lines());
        let Some(listed) = listed else {
            found.push(command.trim().to_owned());
            continue;
        };
        let listed = listed.take_while(|line| line.starts_with("  "));
        let names = listed.filter_map(|line| line.split_whitespace().next());
        open.extend(names.filter(|name| *name != "help").map(|name| format!("{command} {name}")));
    }
    found
}

/// The one line of a command that fails, and all that it says: also that it is at work, which none here gets to.
fn one_line(log: &str) -> Option<&str> {
    let line = log.strip_suffix('\n')?;
    (line.starts_with("director: ") && !line.contains('\n')).then_some(line)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_command_line_has_its_own_exit_status() {
    let dir = tempfile::tempdir().unwrap();
    for (typed, says) in [
        ("dance", "dance"),
        ("run", "--config"),
        ("status", "--config"),
        ("validator run --listen nowhere", "nowhere"),
        ("revoke --config a --validator alice", "SS58"),
        ("status --http 127.0.0.1:1 --output picture", "table, json"),
        ("status --http foo", "127.0.0.1:9615"),
        ("validator run --listen foo", "an IP address and a port"),
        ("keys inspect --peer p --ss58-prefix 99999", "from 0 to 16383"),
        (
            "register --config a --mesh /ip4/10.0.0.1/tcp/1 --public 127.0.0.1:30400",
            "/ip4/203.0.113.7/tcp/30400",
        ),
        (
            "register --config a --public /ip4/203.0.113.7/tcp/1 --mesh host:1",
            "/ip4/203.0.113.7/tcp/30400",
        ),
    ] {
        let output = director(dir.path(), typed).await;
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "director {typed}\n{log}");
        let line = one_line(&log).unwrap_or_else(|| panic!("director {typed}: no one line\n{log}"));
        assert!(line.contains(says) && line.ends_with("--help`"), "director {typed}\n{line}");
    }
    // Who says nothing gets the help, and the same exit status.
    let output = director(dir.path(), "validator").await;
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{log}");
    assert!(log.contains("rotate-key") && log.contains("Usage"), "{log}");
}

/// Of an option that is there twice the last one stays: clap refuses both.
fn without_repeats(arguments: &str) -> String {
    let mut kept: Vec<Vec<&str>> = Vec::new();
    for word in arguments.split_whitespace() {
        match kept.last_mut() {
            Some(option) if !word.starts_with("--") && option[0].starts_with("--") => {
                option.push(word)
            }
            _ => {
                kept.retain(|option| !word.starts_with("--") || option[0] != word);
                kept.push(vec![word]);
            }
        }
    }
    kept.concat().join(" ")
}

async fn director(dir: &Path, arguments: &str) -> Output {
    let done = timeout(PATIENCE, command(dir, arguments).output()).await;
    done.unwrap_or_else(|_| panic!("director {arguments}: it goes on")).unwrap()
}

fn command(dir: &Path, arguments: &str) -> Command {
    let program = sibling("director").unwrap();
    // To the superuser no file is closed. Without these two powers it is as other users are.
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = Command::new(if is_root { Path::new("setpriv") } else { &program });
    if is_root {
        command.arg("--bounding-set=-dac_override,-dac_read_search").arg(&program);
    }
    command.args(arguments.split_whitespace()).current_dir(dir).kill_on_drop(true);
    command
        .env_remove("DIRECTOR_CONFIG")
        .env_remove("DIRECTOR_VALIDATOR_CONFIG")
        .stdin(std::process::Stdio::null());
    command
}
