//! Each command's wrong use ends in one line on standard error that names the cause and the remedy.
//!
//! The table runs without a node, and all of it at once: those that wait for one take ten seconds.

#![allow(clippy::unwrap_used)]

mod protection;

use codec::Encode;
use director_primitives::{DoubleSignProof, H256};
use futures::future::join_all;
use integration_tests::{
    director::{folder, write_config},
    keys::Identity,
    process::sibling,
};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixListener,
    },
    path::Path,
    process::Output,
    time::Duration,
};
use tokio::{process::Command, time::timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is typed, and what the line must have in it: cause and remedy.
type Case = (&'static str, &'static [&'static str]);

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// A file that is not there.
    Missing,
    /// A file with something else in it than a key, a proof, a configuration.
    Bad,
    /// A file that may not be read or written, or that others may read.
    Permission,
    /// An address, or a port that somebody has.
    Address,
    /// A node or a director that does not answer.
    Away,
    /// Something else.
    Other,
}

use Wrong::{Address, Away, Bad, Missing, Other, Permission};

/// Each command, and what can be wrong with its use. A command that is not here, or that has no row in [`TABLE`] for something
/// that is, fails the test.
///
/// Two things need a chain, and are not of this table:
///
/// * *The wrong chain*, of all commands that ask a node: `newcomers_register_by_command`, `validators_speak_any_language`.
/// * *No peers* ends nobody: `run` and `validator run` wait for them, log it, and `status` has exit status 3 and the reason.
///   The same two tests see it.
const COMMANDS: &[(&str, &[Wrong])] = &[
    ("run", &[Missing, Bad, Permission, Address]),
    ("config init", &[Permission, Other]),
    ("config check", &[Missing, Bad, Permission, Other]),
    ("config show", &[Missing, Bad, Other]),
    ("keys generate", &[Permission, Other]),
    ("keys inspect", &[Missing, Bad, Permission]),
    ("status", &[Missing, Bad, Address, Away]),
    ("validators", &[Missing, Bad, Away]),
    ("evidence list", &[Missing, Away]),
    ("evidence show", &[Missing, Away]),
    ("evidence export", &[Missing, Permission, Away]),
    ("evidence submit", &[Missing, Bad, Permission, Away]),
    ("register", &[Missing, Bad, Permission, Address, Away]),
    ("rotate-key", &[Missing, Bad, Permission, Away]),
    ("revoke", &[Missing, Bad, Permission, Away]),
    ("drain", &[Missing, Bad, Permission, Away]),
    ("store check", &[Missing, Bad, Permission]),
    ("store compact", &[Missing, Bad, Permission]),
    ("validator register", &[Missing, Bad, Permission, Away, Other]),
    ("validator rotate-key", &[Missing, Bad, Permission, Away]),
    ("validator status", &[Missing, Bad, Permission, Address, Away, Other]),
    ("validator run", &[Missing, Bad, Permission, Address, Other]),
    ("validator protection export", &[Missing, Bad, Permission]),
    ("validator protection import", &[Missing, Bad, Permission]),
    ("completions", &[]),
];

/// What makes a configuration that is not there.
const INIT: &str = "`director config init --config nowhere.toml`";

/// `NODE` is an address at which nobody listens, `TAKEN` a port that somebody has; `RUN`, `STAKE` and `ADDRESSES` are what a
/// sidecar, a registration and a director's record need beside what is wrong. `missing.toml`, `badpeer.toml` and the like are
/// a good configuration but for what they are called.
const TABLE: &[(Wrong, &[Case])] = &[
    (Missing, MISSING),
    (Bad, BAD),
    (Permission, PERMISSION),
    (Address, ADDRESS),
    (Away, AWAY),
    (Other, OTHER),
];

const MISSING: &[Case] = &[
    ("run --config nowhere.toml", &["nowhere.toml", INIT]),
    ("run --config missing.toml", &["nowhere.key", "director keys generate"]),
    ("status --config nowhere.toml", &["nowhere.toml", INIT]),
    ("drain --config nowhere.toml", &["nowhere.toml", INIT]),
    ("revoke --config nowhere.toml --validator ALICE", &["nowhere.toml", INIT]),
    ("validators --config nowhere.toml", &["nowhere.toml", INIT]),
    ("store check --config nowhere.toml", &["nowhere.toml", INIT]),
    ("store compact --config nowhere.toml", &["nowhere.toml", INIT]),
    ("store check --config director.toml", &["there is no store", "director.redb", "data_dir"]),
    ("store compact --config director.toml", &["there is no store", "director.redb", "data_dir"]),
    ("config show --config nowhere.toml", &["nowhere.toml", INIT]),
    ("config show --validator --config nowhere.toml", &["nowhere.toml", "config init --validator"]),
    ("config check --config nowhere.toml", &["nowhere.toml", INIT]),
    ("config check --config missing.toml", &["nowhere.key", "director keys generate"]),
    ("register --config nowhere.toml ADDRESSES", &["nowhere.toml", INIT]),
    ("register --config missing.toml ADDRESSES", &["nowhere.key", "director keys generate"]),
    ("rotate-key --config nowhere.toml", &["nowhere.toml", INIT]),
    ("rotate-key --config missing.toml", &["nowhere.key", "director keys generate"]),
    ("validator register STAKE --account nowhere.key", &["nowhere.key", "director keys generate"]),
    ("validator register STAKE --checkpoint nowhere.key", &["nowhere.key", "keys generate"]),
    (
        "validator rotate-key --url NODE --account nowhere.key --peer p",
        &["nowhere.key", "generate"],
    ),
    ("validator status --url NODE --account nowhere.key", &["nowhere.key", "keys generate"]),
    ("validator run --config nowhere.toml", &["nowhere.toml", "config init --validator"]),
    ("keys inspect --peer nowhere.key", &["nowhere.key", "director keys generate"]),
    ("keys inspect --account nowhere.key", &["nowhere.key", "director keys generate"]),
    ("keys inspect --config nowhere.toml", &["nowhere.toml", INIT]),
    ("validator run RUN --protection good --peer nowhere.key", &["nowhere.key", "keys generate"]),
    ("validator run RUN --protection nowhere", &["nowhere", "--new-protection-file"]),
    ("validator protection export --protection nowhere", &["nowhere", "--new-protection-file"]),
    ("validator protection import --protection p --from nowhere", &["nowhere", "export"]),
    ("evidence list --config nowhere.toml", &["nowhere.toml", INIT]),
    ("evidence show --config nowhere.toml ab", &["nowhere.toml", INIT]),
    ("evidence submit --url NODE --account good.account nowhere", &["nowhere", "proof"]),
    ("evidence submit --url NODE --account nowhere.key good", &["nowhere.key", "keys generate"]),
    ("evidence export --config nowhere.toml", &["nowhere.toml", INIT]),
    ("evidence export --store nowhere", &["there is no store", "nowhere", "data_dir"]),
];

const BAD: &[Case] = &[
    ("run --config bad.toml", &["bad.toml, line 1", "config init --config"]),
    ("run --config badpeer.toml", &["bad.key", "64 hexadecimal digits"]),
    ("run --config badaccount.toml", &["bad.key", "secret URI", "mnemonic"]),
    ("status --config bad.toml", &["bad.toml, line 1", "config init --config"]),
    ("validators --config bad.toml", &["bad.toml, line 1", "config init --config"]),
    ("drain --config bad.toml", &["bad.toml, line 1", "config init --config"]),
    ("revoke --config bad.toml --validator ALICE", &["bad.toml, line 1", "config init --config"]),
    ("validator run --config bad.toml", &["bad.toml", "config init --validator"]),
    ("config check --config unknown.toml", &["colour", "config init --config"]),
    ("config check --config badpeer.toml", &["bad.key", "64 hexadecimal digits"]),
    ("config check --config badaccount.toml", &["bad.key", "secret URI", "mnemonic"]),
    ("register --config badpeer.toml ADDRESSES", &["bad.key", "64 hexadecimal digits"]),
    ("register --config badaccount.toml ADDRESSES", &["bad.key", "secret URI", "mnemonic"]),
    ("rotate-key --config badaccount.toml", &["bad.key", "secret URI", "mnemonic"]),
    ("store check --config badstore.toml", &["director.redb", "no director's store", "backup"]),
    ("store compact --config badstore.toml", &["director.redb", "no director's store", "backup"]),
    ("keys inspect --peer bad.key", &["bad.key", "64 hexadecimal digits"]),
    ("keys inspect --account bad.key", &["bad.key", "secret URI", "mnemonic"]),
    ("config show --config unknown.toml", &["colour", "config init --config"]),
    ("validator register STAKE --account bad.key", &["bad.key", "secret URI", "mnemonic"]),
    ("validator register STAKE --peer bad.key", &["bad.key", "64 hexadecimal digits"]),
    (
        "validator rotate-key --url NODE --account bad.key --peer p",
        &["bad.key", "secret URI", "mnemonic"],
    ),
    ("validator status --url NODE --account bad.key", &["bad.key", "secret URI", "mnemonic"]),
    ("validator run RUN --protection good --checkpoint bad.key", &["bad.key", "64 hexadecimal"]),
    ("validator protection export --protection bad.key", &["damaged in line 1", "backup"]),
    ("validator protection import --protection p --from bad.key", &["bad.key", "export"]),
    ("evidence submit --url NODE --account good.account bad.key", &["no proof", "SCALE"]),
    ("evidence submit --url NODE --account bad.key good", &["bad.key", "secret URI", "mnemonic"]),
];

const PERMISSION: &[Case] = &[
    ("run --config open.toml", &["open.key", "0644", "chmod 600"]),
    ("run --config closed.toml", &["no permission", "closed", "owner"]),
    ("config check --config open.toml", &["open.key", "0644", "chmod 600"]),
    ("register --config open.toml ADDRESSES", &["open.key", "0644", "chmod 600"]),
    ("rotate-key --config open.toml", &["open.key", "0644", "chmod 600"]),
    ("keys inspect --peer open.key", &["0644", "chmod 600"]),
    ("keys inspect --peer closed.key", &["closed.key", "check the path and its permissions"]),
    ("validator register STAKE --account open.key", &["open.key", "0644", "chmod 600"]),
    (
        "validator rotate-key --url NODE --account open.key --peer p",
        &["open.key", "0644", "chmod 600"],
    ),
    ("validator status --url NODE --account open.key", &["open.key", "0644", "chmod 600"]),
    ("validator run RUN --protection good --peer open.key", &["0644", "chmod 600"]),
    ("validator protection export --protection closed.key", &["closed.key", "ermission"]),
    ("validator protection import --protection p --from closed.key", &["closed.key", "ermission"]),
    ("evidence submit --url NODE --account open.key good", &["open.key", "0644", "chmod 600"]),
    ("evidence export --store closed", &["no permission", "closed", "owner"]),
    ("store check --config closed.toml", &["no permission", "closed", "owner"]),
    ("store compact --config closed.toml", &["no permission", "closed", "owner"]),
    ("drain --config closed.toml", &["control.sock", "as the user that the director runs as"]),
    (
        "revoke --config closed.toml --validator ALICE",
        &["control.sock", "as the user that the director runs as"],
    ),
    ("keys generate --peer good.key", &["good.key", "not overwritten", "move it away"]),
    ("keys generate --peer /proc/peer.key", &["/proc/peer.key", "check the path"]),
    ("config init --config bad.toml", &["bad.toml", "not there yet"]),
    ("config init --config /proc/director.toml", &["/proc/director.toml", "name a file"]),
];

const ADDRESS: &[Case] = &[
    ("run --config takenmesh.toml", &["mesh.listen", "choose another"]),
    ("run --config takenpublic.toml", &["public.listen", "choose another"]),
    ("run --config takenhttp.toml", &["http.listen", "choose another"]),
    ("register --config director.toml ADDRESSES --public /ip4/0.0.0.0/tcp/1", &["nobody reaches"]),
    ("register --config director.toml ADDRESSES --mesh /ip4/10.0.0.1/tcp/0", &["give the address"]),
    ("validator run RUN --protection good --listen TAKEN", &["interface.listen", "choose another"]),
    ("validator run RUN --protection good --listen 0.0.0.0:0", &["loopback", "allow_remote"]),
    ("validator run RUN --protection good --url http://node", &["ws://", "chain.url"]),
    ("validator status --url http://node --account good.account", &["http://node", "ws://"]),
    ("status --config director.toml", &["port 0", "--http"]),
];

const AWAY: &[Case] = &[
    ("status --http 127.0.0.1:1", &["no director answers at 127.0.0.1:1", "check that it runs"]),
    ("evidence list --http 127.0.0.1:1", &["no director answers", "check that it runs"]),
    ("evidence show --http 127.0.0.1:1 ab", &["no director answers", "check that it runs"]),
    ("evidence export --http 127.0.0.1:1 ab", &["no director answers", "check that it runs"]),
    ("evidence export --config director.toml", &["no director answers", "director.redb"]),
    (
        "evidence submit --url NODE --account good.account good.proof",
        &["no answer of ws://", "check that the node runs"],
    ),
    ("drain --config director.toml", &["no director listens", "check that it runs"]),
    ("revoke --config director.toml --validator ALICE", &["no director listens", "check that it"]),
    ("validator status --url NODE --account good.account", &["no answer of ws://", "check that"]),
    (
        "register --config director.toml ADDRESSES",
        &["no answer of ws://", "check that the node runs"],
    ),
    (
        // An address of the mesh at which anybody may knock is told to those whom the node lets register.
        "register --config director.toml ADDRESSES --mesh /ip4/203.0.113.7/tcp/1",
        &["no answer of ws://", "check that the node runs"],
    ),
    ("rotate-key --config director.toml", &["no answer of ws://", "check that the node runs"]),
    ("validator register STAKE", &["no answer of ws://", "check that the node runs"]),
    ("validator rotate-key --url NODE --account good.account --peer good.key", &["no answer of"]),
    ("validators --config director.toml", &["no answer of ws://", "check that the node runs"]),
];

const OTHER: &[Case] = &[
    ("keys generate", &["--peer FILE"]),
    ("keys generate --account a --words 13", &["12 or 24"]),
    ("config show", &["--config FILE", "DIRECTOR_CONFIG"]),
    ("config check --validator", &["--config FILE", "DIRECTOR_VALIDATOR_CONFIG"]),
    ("config init", &["--config FILE", "DIRECTOR_CONFIG"]),
    ("validator run RUN0 --protection good", &["--pipe", "--listen"]),
    ("validator status --url NODE", &["--validator ACCOUNT", "--account FILE"]),
    ("validator register STAKE --checkpoint good.key", &["are the same key", "each needs its own"]),
];

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
            (!is_told).then(|| {
                format!("director {arguments}\n{says:?} is not all in one line of:\n{log}")
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

/// The one line of a command that fails. That it is at work is told there, too, in lines that end in ` …`.
fn one_line(log: &str) -> Option<&str> {
    let mut lines = log.lines().filter(|line| !line.ends_with(" …"));
    let line = lines.next().filter(|line| line.starts_with("director: "))?;
    lines.next().is_none().then_some(line)
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
    ] {
        let output = director(dir.path(), typed).await;
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "director {typed}\n{log}");
        assert!(log.contains(says), "director {typed}\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_goes_over_the_file_of_directors_and_sidecars() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    write_ours(dir.path());
    for (typed, prefix) in [
        ("config show --config director.toml", "DIRECTOR_"),
        ("config show --validator --config ours.toml", "DIRECTOR_VALIDATOR_"),
    ] {
        let named = |field: &str| format!("{prefix}{field}");
        let mut command = command(dir.path(), typed);
        command.env(named("CHAIN_URL"), "wss://node.example").env(named("LOG_FILTER"), "warn");
        let shown = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
        let text = String::from_utf8(shown.stdout).unwrap();
        assert!(
            text.contains("wss://node.example") && text.contains("\"warn\""),
            "{typed}: {text}"
        );
        // The variable of the one names no file of the other.
        let words: Vec<_> = typed.split(" --config ").collect();
        let other = if prefix == "DIRECTOR_" { "DIRECTOR_VALIDATOR_" } else { "DIRECTOR_" };
        let mut by_variable = self::command(dir.path(), words[0]);
        by_variable.env(format!("{prefix}CONFIG"), words[1]);
        by_variable.env(format!("{other}CONFIG"), "bad.toml");
        let by_variable = timeout(PATIENCE, by_variable.output()).await.unwrap().unwrap();
        assert!(by_variable.status.success(), "{typed}: {}", lossy(&by_variable.stderr));

        command.env(named("COLOUR"), "red");
        let refused = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
        let line = String::from_utf8(refused.stderr).unwrap();
        assert!(line.contains(&named("COLOUR")) && line.lines().count() == 1, "{typed}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_for_programs_is_json_and_without_colours() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let inspect = "keys inspect --peer good.key --account good.account --output json";
    let said = director(dir.path(), inspect).await;
    let read: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(read["account"], Identity::director(1).id().to_string());
    assert!(read["peer_id"].as_str().unwrap().starts_with("12D3KooW"), "{read}");

    for shell in ["bash", "zsh", "fish"] {
        let said = director(dir.path(), &format!("completions {shell}")).await;
        assert!(said.status.success() && said.stdout.len() > 1_000, "{shell}");
    }
    for (arguments, check) in
        [("--config d.toml", Some("d.toml")), ("--validator --config v.toml", None)]
    {
        let said = director(dir.path(), &format!("config init {arguments}")).await;
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        if let Some(file) = check {
            let shown = director(dir.path(), &format!("config show --config {file}")).await;
            assert!(String::from_utf8_lossy(&shown.stdout).contains("[limits]"));
        }
    }
}

/// What writes text that is a form of its own, or goes on: a configuration, a script, JSON anyway, a log.
const WITHOUT_JSON: &[&str] = &[
    "run",
    "config init",
    "config show",
    "drain",
    "completions",
    "validator run",
    "validator protection export",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_result_can_be_had_as_one_json_value() {
    let dir = tempfile::tempdir().unwrap();
    for command in all_commands(dir.path()).await {
        let help = director(dir.path(), &format!("{command} --help")).await;
        let has_it = String::from_utf8_lossy(&help.stdout).contains("--output <FORM>");
        assert_eq!(has_it, !WITHOUT_JSON.contains(&command.as_str()), "{command}");
    }
    prepare_prints(dir.path()).await;
    let export = "validator protection export --protection protection --to signed.json";
    assert!(director(dir.path(), export).await.status.success());
    let orders = dir.path().join("data/control.sock");
    let _ = fs::remove_file(&orders);
    let answers = answer_one(UnixListener::bind(&orders).unwrap());
    for (typed, field) in [
        ("config check --config director.toml", "account"),
        ("config check --validator --config ours.toml", "peer_key"),
        ("store check --config director.toml", "votes"),
        ("store compact --config director.toml", "bytes_after"),
        ("validator protection import --protection other --from signed.json", "signs_from"),
        ("revoke --config director.toml --validator ALICE", "said"),
    ] {
        let typed = format!("{typed} --output json").replace("ALICE", ALICE);
        let said = director(dir.path(), &typed).await;
        let read: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| {
            panic!("{typed}: {}{}", lossy(&said.stdout), lossy(&said.stderr));
        });
        assert!(!read[field].is_null(), "{typed}: {read}");
    }
    answers.join().unwrap();
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What prints, and may have nobody that reads it. Those that need a node print in the same way: a lint of the command line
/// allows no other.
const PRINTS: &[&str] = &[
    "config init --config new.toml",
    "config init --validator --config validator.toml",
    "config check --config director.toml",
    "config check --config director.toml --output json",
    "config check --validator --config ours.toml",
    "config show --config director.toml",
    "config show --validator --config ours.toml",
    "keys generate --peer new.key --account new.account",
    "keys inspect --peer good.key",
    "keys inspect --peer good.key --output json",
    "completions bash",
    "store check --config director.toml",
    "store check --config director.toml --output json",
    "store compact --config director.toml",
    "store compact --config director.toml --output json",
    "validator protection export --protection protection",
    "validator protection export --protection protection --to signed.json",
    "validator protection import --protection other --from signed.json",
    "revoke --config director.toml --validator ALICE",
    "drain --config director.toml",
    "--help",
    "validator run --help",
    "--version",
];

/// `director … | head -0`
#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_to_read_what_a_command_prints() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare_prints(dir).await;
    for typed in PRINTS {
        let orders = dir.join("data/control.sock");
        let answers = (typed.starts_with("drain") || typed.starts_with("revoke")).then(|| {
            let _ = fs::remove_file(&orders);
            answer_one(UnixListener::bind(&orders).unwrap())
        });
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = printing(dir, typed, writer.into()).await;
        let log = String::from_utf8_lossy(&output.stderr);
        // That it is at work is told there.
        let wrong: Vec<_> = log.lines().filter(|line| !line.ends_with(" …")).collect();
        assert_eq!((output.status.code(), wrong), (Some(0), vec![]), "director {typed}");
        if let Some(answers) = answers {
            answers.join().unwrap();
        }
    }
    // Done all the same.
    for made in ["new.toml", "new.key", "new.account", "signed.json", "other"] {
        assert!(dir.join(made).exists(), "{made}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_printed_is_told() {
    let dir = tempfile::tempdir().unwrap();
    prepare_prints(dir.path()).await;
    for typed in ["config show --config director.toml", "keys inspect --peer good.key"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = printing(dir.path(), typed, full.into()).await;
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "director {typed}: {log}");
        assert!(log.starts_with("director: cannot write to standard output"), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
    }
}

async fn printing(dir: &Path, typed: &str, stdout: std::process::Stdio) -> Output {
    let mut command = command(dir, &typed.replace("ALICE", ALICE));
    command.stdout(stdout).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap()
}

/// A director that carries out one order, and is gone.
fn answer_one(listener: UnixListener) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        BufReader::new(&stream).read_line(&mut String::new()).unwrap();
        stream.write_all(b"{\"ok\":\"done\"}\n").unwrap();
    })
}

async fn prepare_prints(dir: &Path) {
    use director_service::{sidecar::protection::Protection, store::Store};
    prepare(dir);
    let store = Store::open(&dir.join("data")).unwrap();
    store.bind(Default::default()).await.unwrap();
    store.close().await;
    let key = Identity::validator(1).checkpoint_key();
    Protection::create(&dir.join("protection"), Default::default(), key, 0).unwrap();
    write_ours(dir);
}

/// A sidecar's configuration.
fn write_ours(dir: &Path) {
    let ours = "chain.url = \"ws://127.0.0.1:1\"\nvote.automatically = true\n[keys]\npeer = \"good.key\"\n\
                checkpoint = \"good.checkpoint\"\nprotection = \"protection\"\n";
    fs::write(dir.join("ours.toml"), ours).unwrap();
}

fn prepare(dir: &Path) {
    let identity = Identity::director(1);
    let config = write_config(&identity, dir, "ws://127.0.0.1:1").unwrap();
    let home = folder(dir, &identity.name);
    let text = fs::read_to_string(&config).unwrap();
    let text =
        text.replace("\"account.key\"", "\"good.account\"").replace("\"peer.key\"", "\"good.key\"");
    fs::write(dir.join("director.toml"), &text).unwrap();
    fs::write(dir.join("unknown.toml"), text.replace("[mesh]", "[mesh]\ncolour = \"red\""))
        .unwrap();
    fs::write(dir.join("bad.toml"), "this is no TOML").unwrap();
    fs::rename(home.join("account.key"), dir.join("good.account")).unwrap();
    fs::rename(home.join("peer.key"), dir.join("good.key")).unwrap();
    let write = |name: &str, text: &str, mode: u32| {
        fs::write(dir.join(name), text).unwrap();
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    write("good.checkpoint", &"22".repeat(32), 0o600);
    write("bad.key", "this is no key", 0o600);
    write("open.key", &"11".repeat(32), 0o644);
    // That it is no protection file is found only once the chain says which key it must be of.
    write("good", "", 0o600);
    // A director that was killed leaves its socket.
    fs::create_dir_all(dir.join("data")).unwrap();
    drop(UnixListener::bind(dir.join("data/control.sock")).unwrap());
}

/// Configurations that are good but for one thing, and what they name.
fn prepare_wrong(dir: &Path, taken: u16) {
    let good = fs::read_to_string(dir.join("director.toml")).unwrap();
    let write = |name: &str, from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in\n{good}");
        fs::write(dir.join(name), good.replace(from, to)).unwrap();
    };
    let (peer, account) = ("peer = \"good.key\"", "account = \"good.account\"");
    write("missing.toml", account, "account = \"nowhere.key\"");
    write("badpeer.toml", peer, "peer = \"bad.key\"");
    write("badaccount.toml", account, "account = \"bad.key\"");
    write("open.toml", account, "account = \"open.key\"");
    write("closed.toml", "\"data\"", "\"closed\"");
    write("badstore.toml", "\"data\"", "\"badstore\"");
    for section in ["mesh", "public"] {
        let listen = format!("tcp/0\"] # {section}");
        write(&format!("taken{section}.toml"), &listen, &format!("tcp/{taken}\"] # {section}"));
    }
    write("takenhttp.toml", "\"127.0.0.1:0\"", &format!("\"127.0.0.1:{taken}\""));
    fs::create_dir_all(dir.join("badstore")).unwrap();
    fs::write(dir.join("badstore/director.redb"), "this is no store".repeat(1_000)).unwrap();
    let validator = Identity::validator(1);
    let vote = |n| validator.vote(&Default::default(), 1, H256::repeat_byte(n));
    let proof = DoubleSignProof::new(Default::default(), vote(1), vote(2)).unwrap();
    fs::write(dir.join("good.proof"), hex::encode(proof.encode())).unwrap();
    // Of somebody else, as far as its permissions go.
    fs::create_dir_all(dir.join("closed")).unwrap();
    drop(UnixListener::bind(dir.join("closed/control.sock")).unwrap());
    fs::copy(dir.join("badstore/director.redb"), dir.join("closed/director.redb")).unwrap();
    fs::write(dir.join("closed.key"), "11".repeat(32)).unwrap();
    for name in ["closed/control.sock", "closed/director.redb", "closed.key"] {
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
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
