//! What commands print, for people and programs, and who reads it.

use super::{
    ALICE, PATIENCE, all_commands, command, director,
    scene::{answer_one, prepare, prepare_prints, write_ours},
};
use integration_tests::keys::Identity;
use std::{fs, os::unix::net::UnixListener, path::Path, process::Output};
use tokio::time::timeout;

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

/// What is accepted and probably not meant is said, and does not change the exit status.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_notes_what_is_probably_not_meant() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare(dir);
    write_ours(dir);
    let told = async |typed: &str| {
        let said = director(dir, typed).await;
        assert!(said.status.success(), "{}", lossy(&said.stderr));
        lossy(&said.stdout)
    };
    // As `config init` writes it, but for the keys' files.
    told("config init --config fresh.toml").await;
    let text = fs::read_to_string(dir.join("fresh.toml")).unwrap();
    let text = text.replace("\"account.key\"", "\"good.account\"").replace("peer.key", "good.key");
    fs::write(dir.join("fresh.toml"), text).unwrap();
    let said = told("config check --config fresh.toml").await;
    assert!(said.contains("note: mesh.listen is on loopback"), "{said}");
    assert!(said.contains("note: chain.genesis_hash is not set"), "{said}");
    // Who says that the mesh is a trial's on one machine is not told.
    let text = fs::read_to_string(dir.join("director.toml")).unwrap();
    let trial = text.replace("[mesh]", "[mesh]\nknown_addresses_only = false");
    fs::write(dir.join("trial.toml"), trial).unwrap();
    let said = told("config check --config trial.toml --output json").await;
    assert!(!said.contains("mesh.listen") && said.contains("\"notes\""), "{said}");
    // A checkpoint key before its first start.
    let said = told("config check --validator --config ours.toml").await;
    assert!(said.contains("note: there is no protection:"), "{said}");
    assert!(said.contains("--new-protection-file"), "{said}");
    // Nothing was made but what was there.
    assert!(!dir.join("protection").exists());
}
