//! Each order that is typed while the devnet runs does what it says, as the directors' own pages tell it: one dies and comes
//! back, one stands still and goes on, links break, the council adds one and removes one, a validator signs twice and is slashed,
//! validators are replaced. Then it ends well.

#![allow(clippy::unwrap_used)]

use codec::DecodeAll;
use director_primitives::DoubleSignProof;
use integration_tests::{
    chain::UNIT,
    director::get,
    process::sibling,
    sockets::{Socket, parse},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{sleep, timeout},
};

/// Bounds a failure, for each thing that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a page is asked, which cannot be awaited.
const LOOK: Duration = Duration::from_millis(100);

struct Devnet {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    said: Vec<String>,
}

impl Devnet {
    fn start() -> Self {
        let mut child = Command::new(sibling("devnet").unwrap())
            .args(["--validators", "5", "--block-time-ms", "300", "--honest"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, stdin, lines: BufReader::new(stdout).lines(), said: Vec::new() }
    }

    /// Waits until it says something with `text`; the line.
    async fn wait_for(&mut self, text: &str) -> String {
        let found = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.said.push(line.clone());
                assert!(!line.contains("it did not work"), "{line}");
                if line.contains(text) {
                    return Some(line);
                }
            }
            None
        };
        match timeout(PATIENCE, found).await {
            Ok(Some(line)) => line,
            _ => panic!("it never says `{text}`:\n{}", self.said.join("\n")),
        }
    }

    async fn order(&mut self, order: &str, answer: &str) -> String {
        self.stdin.write_all(format!("{order}\n").as_bytes()).await.unwrap();
        self.wait_for(answer).await
    }
}

/// A director's page.
struct Page {
    url: String,
    account: String,
}

impl Page {
    /// The one whose address ends the line.
    async fn of(line: &str) -> Self {
        let url = line.split_whitespace().last().unwrap().to_owned();
        let mut page = Self { url, account: String::new() };
        let status = page.until("status", |of| of["ready"] == true).await;
        page.account = status["account"].as_str().unwrap().to_owned();
        page
    }

    async fn ask(&self, part: &str) -> Option<Value> {
        let answer = timeout(Duration::from_secs(5), get(format!("{}api/v1/{part}", self.url)));
        serde_json::from_str(&answer.await.ok()?.ok()?).ok()
    }

    /// Waits until a part is as it should be.
    async fn until(&self, part: &str, is_right: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let said = self.ask(part).await;
            match said.filter(|of| is_right(of)) {
                Some(said) => return said,
                None if Instant::now() > end => {
                    panic!("{}{part} is not as it should be: {:#?}", self.url, self.ask(part).await)
                }
                None => sleep(LOOK).await,
            }
        }
    }

    /// Waits until it sees these directors connected, and no others in the set.
    async fn sees(&self, directors: &[(&Page, bool)]) {
        let expected: BTreeSet<_> =
            directors.iter().map(|(of, is_up)| (of.account.as_str(), *is_up)).collect();
        let is_right = |mesh: &Value| {
            let all = mesh["directors"].as_array().unwrap().iter();
            let seen = all.map(|of| (of["account"].as_str().unwrap(), of["connected"] == true));
            seen.collect::<BTreeSet<_>>() == expected
        };
        self.until("mesh", is_right).await;
    }

    async fn mesh_port(&self) -> u16 {
        let status = self.ask("status").await.unwrap();
        let address = status["mesh_listen"][0].as_str().unwrap().to_owned();
        address.rsplit('/').next().unwrap().parse().unwrap()
    }
}

/// Ports of both ends of each connection on this machine that has one of these.
fn connections(ports: &[u16]) -> BTreeSet<(u16, u16)> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let established = parse(&table).filter(Socket::is_established);
    let ends = established.map(|of| (of.local.port(), of.remote.port()));
    let ours = ends.filter(|(a, b)| ports.contains(a) || ports.contains(b));
    ours.map(|(a, b)| (a.min(b), a.max(b))).collect()
}

/// Whether this user may break connections, and there is the tool for it.
fn can_cut() -> bool {
    let said = |program: &str, argument: &str| {
        let ran = std::process::Command::new(program).arg(argument).output();
        ran.ok().filter(|ran| ran.status.success()).map(|ran| ran.stdout)
    };
    said("id", "-u").is_some_and(|id| id.trim_ascii() == b"0") && said("ss", "-V").is_some()
}

async fn links_break(devnet: &mut Devnet, pages: [&Page; 3]) {
    if !can_cut() {
        assert!(std::env::var_os("REQUIRE_CUT").is_none(), "`cut` needs root and ss");
        eprintln!("SKIPPED: `cut` needs root and ss");
        return;
    }
    let mut ports = Vec::new();
    for page in pages {
        ports.push(page.mesh_port().await);
    }
    let before = connections(&ports);
    let said = devnet.order("cut 1", "mesh connections of director-1 were broken").await;
    let cut: usize = said.split_whitespace().next().unwrap().parse().unwrap();
    assert_eq!(cut, 2, "{said}");
    pages[0].sees(&pages.map(|page| (page, true))).await;
    let after = connections(&ports);
    assert!(before.difference(&after).count() >= cut, "{before:?} {after:?}");
}

/// A validator signs twice: every director's page tells of the slash what the devnet does.
async fn a_slash_is_told(devnet: &mut Devnet, page: &Page) {
    devnet.order("double-sign 5", "validator-5 signs two blocks").await;
    // Before that it says when that will be.
    let said = devnet.wait_for("UNIT, of which").await;
    let words: Vec<_> = said.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "block").unwrap();
    let block: u64 = words[at + 1].trim_end_matches(':').parse().unwrap();
    let slashed = |cases: &Value| {
        let steps = cases["items"][0]["steps"].as_array().map_or(&[][..], Vec::as_slice);
        steps.iter().any(|of| of["name"] == "slash" && !of["amount"].is_null())
    };
    let cases = page.until("evidence", slashed).await;
    let step = cases["items"][0]["steps"].as_array().unwrap().last().unwrap();
    assert_eq!((step["state"].as_str(), step["block"].as_u64()), (Some("done"), Some(block)));
    // As the devnet writes it.
    let taken: u128 = step["amount"].as_str().unwrap().parse().unwrap();
    let written = format!("{:.2} UNIT", taken as f64 / UNIT as f64);
    assert!(said.contains(&written), "{said}: {written}");
    assert_eq!(cases["items"][0]["validator_status"], "tombstoned");
    a_proof_is_exported(page, cases["items"][0]["id"].as_str().unwrap()).await;
}

/// What the director has proven can be taken out by hand, as JSON and in hexadecimal.
async fn a_proof_is_exported(page: &Page, id: &str) {
    let address = page.url.trim_start_matches("http://").trim_end_matches('/');
    let export = async |more: &[&str]| {
        let mut command = Command::new(sibling("director").unwrap());
        command.args(["evidence", "export", "--http", address]).args(more);
        let output = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let told: Value = serde_json::from_str(&export(&[&id[..10]]).await).unwrap();
    let digits = export(&["--output", "hex"]).await;
    assert_eq!(told["scale"].as_str(), Some(digits.trim_end()), "it is the only one");
    let bytes = hex::decode(digits.trim_end().trim_start_matches("0x")).unwrap();
    let proof = DoubleSignProof::decode_all(&mut &*bytes).unwrap();
    assert_eq!(format!("{:?}", proof.id()), id);
    assert_eq!(told["first"]["checkpoint"], proof.first.vote.checkpoint);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_devnet_takes_orders() {
    let mut devnet = Devnet::start();
    let mut pages = Vec::new();
    for number in 1..=3 {
        let line = devnet.wait_for(&format!("dashboard of director-{number}: ")).await;
        assert!(line.contains("http://127.0.0.1:") && line.ends_with('/'), "{line}");
        pages.push(Page::of(&line).await);
    }
    let [first, second, third] = &pages[..] else { panic!("there are three") };
    devnet.order("help", "rotate-validators K").await;
    devnet.order("explode 3", "no such command").await;
    first.sees(&[(first, true), (second, true), (third, true)]).await;

    devnet.order("kill 2", "director-2 is dead").await;
    assert!(second.ask("status").await.is_none(), "a dead one answers");
    first.sees(&[(first, true), (second, false), (third, true)]).await;
    let back = devnet.order("start 2", "director-2 is back").await;
    let second = &Page::of(&back).await;
    first.sees(&[(first, true), (second, true), (third, true)]).await;

    devnet.order("freeze 3", "director-3 is frozen").await;
    first.sees(&[(first, true), (second, true), (third, false)]).await;
    devnet.order("thaw 3", "director-3 goes on").await;
    first.sees(&[(first, true), (second, true), (third, true)]).await;

    links_break(&mut devnet, [first, second, third]).await;

    let added = devnet.order("add-director", "director-4 is active").await;
    let fourth = &Page::of(&added).await;
    first.sees(&[(first, true), (second, true), (third, true), (fourth, true)]).await;
    devnet.order("remove-director 3", "the council removed director-3").await;
    first.sees(&[(first, true), (second, true), (fourth, true)]).await;
    third.until("status", |of| of["active"] == false).await;

    let replaced = "2 validators left, and as many new ones are authorized";
    devnet.order("rotate-validators 2", replaced).await;
    let counted = |of: &Value| {
        let validators = &of["validators"];
        validators["exiting"] == 2 && validators["authorized"] == 5
    };
    first.until("chain", counted).await;
    a_slash_is_told(&mut devnet, first).await;

    let pid = devnet.child.id().unwrap().to_string();
    let asked = Command::new("kill").args(["-s", "TERM", &pid]).status().await.unwrap();
    assert!(asked.success());
    devnet.wait_for("all went as it must").await;
    assert!(timeout(PATIENCE, devnet.child.wait()).await.unwrap().unwrap().success());
}
