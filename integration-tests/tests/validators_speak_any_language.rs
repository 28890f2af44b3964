//! Two validators that are no Rust programs vote through their sidecars and get certificates; a second block for one
//! checkpoint is refused, also after a restart and to a second sidecar.
//!
//! The validators are `examples/validator.py` and `examples/validator.mjs`. Without Python or Node.js this test says that it
//! is skipped, unless `CI` is set.

#![allow(clippy::unwrap_used)]

#[path = "validators_speak_any_language/crashes.rs"]
mod crashes;
#[path = "validators_speak_any_language/last_words.rs"]
mod last_words;

use anyhow::{Context, ensure};
use codec::Encode;
use director_primitives::{DoubleSignProof, H256, runtime_api::ValidatorStatus};
use director_service::failpoint;
use futures::future::try_join_all;
use integration_tests::{
    chain::{Chain, FEES, STAKE},
    director::Director,
    keys::Identity,
    process::sibling,
};
use serde_json::{Value, json};
use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread")]
async fn validators_speak_any_language() {
    for tool in ["python3", "node"] {
        let found = std::process::Command::new(tool).arg("--version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            assert!(env::var_os("CI").is_none(), "{tool} is not installed, and CI is set");
            eprintln!("SKIPPED: {tool} is not installed");
            return;
        }
    }
    timeout(PATIENCE, run()).await.expect("done within the bound").unwrap();
}

async fn run() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let dir = dir.path();
    let chain = Chain::start(dir, 250).await?;
    let (directors, validators) = network(dir, &chain).await?;

    let sidecar = |of: &Identity| sidecar(&chain.url, &dir.join(&of.name));
    let (python, javascript) = tokio::try_join!(
        example(
            "python3",
            "validator.py",
            &["--certificates", "2", "--sign-twice"],
            sidecar(&validators[0])
        ),
        example("node", "validator.mjs", &["--certificates", "2"], sidecar(&validators[1])),
    )?;
    for said in ["authorized by director", "voted for checkpoint", "certificate for checkpoint"] {
        assert!(python.contains(said), "{said} is not in\n{python}");
        assert!(javascript.contains(said), "{said} is not in\n{javascript}");
    }
    assert!(python.contains("refused: checkpoint"), "{python}");
    assert!(javascript.contains("message: vote for"), "it hears the other's votes:\n{javascript}");
    assert!(javascript.contains("published normal 1"), "{javascript}");

    survives_a_restart(&sidecar(&validators[0]), &python).await?;
    wrong_uses(dir, &chain, &validators).await?;
    commands(dir, &chain, &directors[0], &validators[1]).await?;
    no_peers(directors).await?;
    chain.process.stop().await;
    Ok(())
}

/// What was signed before is refused by the next process, and while that runs no other one starts.
async fn survives_a_restart(command: &[String], before: &str) -> anyhow::Result<()> {
    let mut voted = before.lines().filter_map(|line| line.strip_prefix("voted for checkpoint "));
    let checkpoint: u64 = voted.next_back().context("no vote")?.parse()?;
    let command: Vec<_> =
        command.iter().filter(|word| *word != "--new-protection-file").cloned().collect();
    let mut sidecar =
        Sidecar::start(&[&command[..], &["--listen".into(), "127.0.0.1:0".into()]].concat())?;
    assert_eq!(sidecar.wait_for("hello").await?["protocol"], 1);
    let address = sidecar.listening().await?;
    let page = upgrade(&address, "Origin: https://example.com\r\n").await?;
    assert!(page.starts_with("HTTP/1.1 403"), "{page}");
    let program = upgrade(&address, "").await?;
    assert!(program.starts_with("HTTP/1.1 101"), "{program}");
    assert!(program.contains(r#""event":"hello""#), "{program}");

    let second =
        Command::new(&command[0]).args(&command[1..]).stdin(Stdio::null()).output().await?;
    let line = String::from_utf8(second.stderr)?;
    assert_eq!(second.status.code(), Some(1), "{line}");
    assert!(line.contains("is in use") && line.contains("two must never sign"), "{line}");

    let other = format!("0x{}", "7e".repeat(32));
    let vote = json!({ "do": "vote", "id": [1], "checkpoint": checkpoint, "block_hash": other });
    sidecar.say(&vote.to_string()).await?;
    let refused = sidecar.wait_for("error").await?;
    assert_eq!((&refused["code"], &refused["id"]), (&json!("already-signed"), &json!([1])));
    sidecar.say("no JSON").await?;
    assert_eq!(sidecar.wait_for("error").await?["code"], "malformed");
    sidecar.say(r#"{"do":"vote","checkpoint":1000000,"block_hash":"0x0000000000000000000000000000000000000000000000000000000000000000"}"#).await?;
    assert_eq!(sidecar.wait_for("error").await?["code"], "too-far");
    sidecar.say(r#"{"do":"status","id":"s"}"#).await?;
    let status = sidecar.wait_for("status").await?;
    assert_eq!(status["last_signed"]["checkpoint"], checkpoint, "{status}");
    assert_eq!(status["chain"]["authorized_validators"], 2, "{status}");
    sidecar.stop().await?;
    crashes::survives_a_kill(&command, checkpoint + 3).await?;
    crashes::survives_its_end_at_each_step(&command, checkpoint + 4).await?;
    last_words::reach_a_websocket(&command).await
}

/// A chain is needed to see these.
async fn wrong_uses(dir: &Path, chain: &Chain, validators: &[Identity]) -> anyhow::Result<()> {
    let home = dir.join(&validators[0].name);
    let refused = async |arguments: &[&str], says: [&str; 2]| {
        let mut command = Command::new(sibling("director")?);
        command.args(arguments).current_dir(&home).stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(PATIENCE, command.output()).await??;
        let line = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(1), "{arguments:?}: {line}");
        let told: Vec<_> = line.lines().filter(|line| !line.contains(" INFO ")).collect();
        ensure!(told.len() == 1, "{arguments:?}: not one line: {line}");
        for part in says {
            ensure!(line.contains(part), "{arguments:?}: `{part}` is not in: {line}");
        }
        Ok(())
    };
    let url = chain.url.as_str();
    let other = "0x1111111111111111111111111111111111111111111111111111111111111111";
    let name = validators[0].id().to_string();
    let status = ["validator", "status", "--url", url, "--validator", &name];
    refused(&[&status[..], &["--genesis-hash", other]].concat(), ["0x1111", "genesis"]).await?;
    let named = format!("chain.url = {url:?}\nchain.genesis_hash = {other:?}\n");
    fs::write(home.join("other.toml"), named)?;
    let keys = ["--protection", "protection", "--pipe"];
    let mine = ["--peer", "peer.key", "--checkpoint", "checkpoint.key"];
    let on_another = [&["validator", "run", "--config", "other.toml"][..], &keys, &mine].concat();
    refused(&on_another, ["0x1111", "chain.genesis_hash"]).await?;
    let run = [&["validator", "run", "--url", url][..], &keys].concat();
    let with =
        |peer, checkpoint| [&run[..], &["--peer", peer, "--checkpoint", checkpoint]].concat();
    let other = Identity::validator(9);
    fs::write(home.join("other.key"), hex::encode(other.peer_secret()))?;
    fs::set_permissions(home.join("other.key"), fs::Permissions::from_mode(0o600))?;
    refused(&with("other.key", "checkpoint.key"), ["no validator has", "register"]).await?;
    refused(&with("peer.key", "other.key"), ["protection is of key", "has its own file"]).await?;
    let fresh = ["--protection", "fresh", "--new-protection-file", "--pipe"];
    let unknown = ["--peer", "peer.key", "--checkpoint", "other.key"];
    let unknown = [&["validator", "run", "--url", url][..], &fresh, &unknown].concat();
    refused(&unknown, ["would not count", "check keys.checkpoint"]).await?;
    let again = [&with("peer.key", "checkpoint.key")[..], &["--new-protection-file"]].concat();
    refused(&again, ["exists already", "without --new-protection-file"]).await
}

/// What an operator asks, of a director that runs.
async fn commands(
    dir: &Path,
    chain: &Chain,
    of: &Director,
    offender: &Identity,
) -> anyhow::Result<()> {
    let home = dir.join(&of.identity.name);
    let page = format!("--http 127.0.0.1:{}", of.ports.http);
    let said = async |arguments: &str, code: i32| {
        let mut command = Command::new(sibling("director")?);
        command.args(arguments.split_whitespace()).current_dir(&home).kill_on_drop(true);
        let output = timeout(PATIENCE, command.stdin(Stdio::null()).output()).await??;
        let log = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(code), "director {arguments}: {log}");
        Ok(String::from_utf8(output.stdout)?)
    };
    let status = said(&format!("status {page}"), 0).await?;
    assert!(status.contains("ready, active") && status.contains("2 of 2 directors"), "{status}");
    let status = said(&format!("status {page} --output json"), 0).await?;
    let status: Value = serde_json::from_str(&status)?;
    assert_eq!(status["account"], of.identity.id().to_string());
    let listed = said(&format!("validators --config director.toml {page}"), 0).await?;
    let line = listed.lines().find(|line| line.contains(&offender.id().to_string()));
    assert!(
        line.is_some_and(|line| line.contains("authorized") && line.ends_with("no")),
        "{listed}"
    );
    let none = said(&format!("evidence list {page}"), 0).await?;
    assert!(none.contains("no double sign is known"), "{none}");

    let vote = |n| offender.vote(&chain.genesis_hash, 1, H256::repeat_byte(n));
    let proof = DoubleSignProof::new(chain.genesis_hash, vote(1), vote(2)).context("a proof")?;
    fs::write(home.join("proof"), hex::encode(proof.encode()))?;
    let submit = format!("evidence submit --url {} --account account.key proof", chain.url);
    let would = said(&format!("{submit} --dry-run"), 0).await?;
    assert!(would.contains("nothing was submitted"), "{would}");
    let done = said(&format!("{submit} --output json"), 0).await?;
    let done: Value = serde_json::from_str(&done)?;
    assert_eq!(done["validator"], offender.id().to_string());
    let known = chain.node.validator(&offender.id()).await?.context("it is registered")?;
    assert_eq!(known.status, ValidatorStatus::Tombstoned);
    // Once is enough, and the chain says so.
    said(&submit, 1).await?;
    Ok(())
}

/// A director that is alone goes on, and whoever asks how it is learns why it is not ready, and what to look at.
async fn no_peers(directors: Vec<Director>) -> anyhow::Result<()> {
    let mut directors = directors.into_iter();
    let first = directors.next().context("a director")?;
    for other in directors {
        other.process.stop().await;
    }
    let http = format!("127.0.0.1:{}", first.ports.http);
    let alone = |status: &Value| {
        let connected = |peer: &Value| peer["connected"] == true;
        !status["mesh"].as_array().is_some_and(|peers| peers.iter().any(connected))
    };
    first.wait_for_status(PATIENCE, alone).await?;
    let mut command = Command::new(sibling("director")?);
    command.args(["status", "--http", &http]).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await??;
    let said = String::from_utf8(output.stdout)?;
    ensure!(output.status.code() == Some(3), "{said}");
    for part in ["none of the 2 other directors is connected", "the port of mesh.listen is open"] {
        ensure!(said.contains(part), "{part} is not in\n{said}");
    }
    first.process.stop().await;
    Ok(())
}

async fn network(dir: &Path, chain: &Chain) -> anyhow::Result<(Vec<Director>, Vec<Identity>)> {
    let invited: Vec<_> = (1..=3).map(Identity::director).collect();
    let validators: Vec<_> = (1..=2).map(Identity::validator).collect();
    let start = invited.iter().map(|of| Director::start(of.clone(), dir, &chain.url));
    let directors = try_join_all(start).await?;
    let accounts: Vec<_> = invited.iter().map(Identity::id).collect();
    let funds = accounts.iter().map(|account| (account.clone(), FEES));
    let funds = funds.chain(validators.iter().map(|of| (of.id(), STAKE + FEES)));
    tokio::try_join!(chain.invite_directors(&accounts), chain.fund(funds.collect()))?;
    let activate = directors.iter().map(|of| chain.activate(&of.identity, of.ports));
    let register = validators.iter().map(|of| async {
        let registered = chain.register(of, STAKE).await;
        registered.with_context(|| format!("{} registers", of.name))
    });
    tokio::try_join!(try_join_all(activate), try_join_all(register))?;
    for validator in &validators {
        let home = dir.join(&validator.name);
        fs::create_dir_all(&home)?;
        for (name, seed) in [
            ("peer.key", validator.peer_secret()),
            ("checkpoint.key", validator.checkpoint_secret()),
        ] {
            fs::write(home.join(name), hex::encode(seed))?;
            fs::set_permissions(home.join(name), fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok((directors, validators))
}

/// The command that starts a sidecar for the first time.
fn sidecar(url: &str, home: &Path) -> Vec<String> {
    let file = |name: &str| home.join(name).display().to_string();
    let program = sibling("director").unwrap().display().to_string();
    let words = ["validator", "run", "--pipe", "--new-protection-file", "--url", url, "--peer"];
    let mut command = vec![program];
    command.extend(words.map(String::from));
    command.push(file("peer.key"));
    command.extend(["--checkpoint".into(), file("checkpoint.key")]);
    command.extend(["--protection".into(), file("protection")]);
    command
}

/// Runs an example to its end; what it printed.
async fn example(
    program: &str,
    script: &str,
    options: &[&str],
    sidecar: Vec<String>,
) -> anyhow::Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(script);
    let mut command = Command::new(program);
    command.arg(&script).args(options).args(sidecar).stdin(Stdio::null()).kill_on_drop(true);
    let Output { status, stdout, stderr } = command.output().await?;
    let (said, log) = (String::from_utf8(stdout)?, String::from_utf8_lossy(&stderr));
    ensure!(status.success(), "{script:?} ended with {status}:\n{said}\n{log}");
    Ok(said)
}

/// Asks for a WebSocket; the answer, up to the greeting if there is one.
async fn upgrade(address: &str, header: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{header}\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    // The greeting ends with the only closing brace.
    while !answer.ends_with(b"}") && stream.read_buf(&mut answer).await? > 0 {}
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A sidecar that this test talks to.
struct Sidecar {
    process: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
}

impl Sidecar {
    /// What ends a sidecar with this command at a step, once it is written.
    fn failpoint(command: &[String]) -> PathBuf {
        let at = command.iter().position(|word| word == "--protection");
        PathBuf::from(&command[at.unwrap() + 1]).with_extension("failpoint")
    }

    fn start(command: &[String]) -> anyhow::Result<Self> {
        let mut process = Command::new(PathBuf::from(&command[0]))
            .args(&command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env(failpoint::VARIABLE, Self::failpoint(command))
            .kill_on_drop(true)
            .spawn()?;
        let input = process.stdin.take().context("a pipe")?;
        let lines = BufReader::new(process.stdout.take().context("a pipe")?).lines();
        let log = BufReader::new(process.stderr.take().context("a pipe")?).lines();
        Ok(Self { process, input, lines, log })
    }

    /// Where its WebSocket is. It logs little, so that the rest need not be read.
    async fn listening(&mut self) -> anyhow::Result<String> {
        loop {
            let line = self.log.next_line().await?.context("the sidecar has ended")?;
            if let Some(address) = line.strip_prefix("listening websocket=") {
                return Ok(address.to_owned());
            }
        }
    }

    async fn say(&mut self, line: &str) -> anyhow::Result<()> {
        Ok(self.input.write_all(format!("{line}\n").as_bytes()).await?)
    }

    /// The next event of this name.
    async fn wait_for(&mut self, name: &str) -> anyhow::Result<Value> {
        loop {
            let line = self.lines.next_line().await?.context("the sidecar has ended")?;
            let event: Value = serde_json::from_str(&line)?;
            if event["event"] == name {
                return Ok(event);
            }
        }
    }

    /// Closes its input, as a validator that ends does.
    async fn stop(self) -> anyhow::Result<()> {
        let Self { mut process, input, mut lines, log: _log } = self;
        drop(input);
        let mut last = String::new();
        while let Some(line) = lines.next_line().await? {
            last = line;
        }
        ensure!(last.contains("stopping"), "its last word is {last}");
        let status = process.wait().await?;
        ensure!(status.success(), "the sidecar ended with {status}");
        Ok(())
    }
}
