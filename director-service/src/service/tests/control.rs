//! Orders come from the operator alone, and each is answered in one line that says what to do.

use super::super::{
    Stopper,
    control::{Desk, Handover, Order, listen, run, socket_file},
    start,
};
use crate::director::RevokeOutcome;
use director_primitives::AccountId32;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    sync::{mpsc, watch},
};

struct Rig {
    dir: TempDir,
    desk: Desk,
    orders: mpsc::Receiver<Order>,
    stopper: Stopper,
}

impl Rig {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (desk, stopper) = (Desk::default(), Stopper::new());
        let orders = desk.open();
        let waiting = || "nothing".to_owned();
        tokio::spawn(run(listen(dir.path()).unwrap(), desk.clone(), waiting, stopper.clone()));
        Self { dir, desk, orders, stopper }
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(socket_file(self.dir.path())).await.unwrap()
    }

    /// Says a line while the core answers orders like this.
    async fn say(&mut self, line: &str, outcome: Option<RevokeOutcome>) -> Value {
        let mut stream = self.connect().await;
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let obey = async {
            if let Some(outcome) = outcome {
                let order = self.orders.recv().await.unwrap();
                let Order::Revoke { validator, answer } = order else { panic!("no revocation") };
                assert_eq!(validator, AccountId32::new([7; 32]));
                answer.send(outcome).unwrap();
            }
        };
        let (_, read) = tokio::join!(obey, stream.read_to_string(&mut answer));
        read.unwrap();
        serde_json::from_str(&answer).unwrap()
    }
}

fn revoke(account: &str) -> String {
    format!("{{\"revoke\":\"{account}\"}}\n")
}

#[tokio::test]
async fn the_socket_is_the_operators_alone() {
    let rig = Rig::start();
    let mode = std::fs::metadata(socket_file(rig.dir.path())).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // One that is left over from a killed process is replaced.
    drop(listen(rig.dir.path()).unwrap());
    listen(rig.dir.path()).unwrap();
    let missing = listen(&rig.dir.path().join("missing")).unwrap_err().to_string();
    assert!(missing.contains("control.sock") && missing.contains("data_dir"), "{missing}");
    rig.stopper.stop();
}

#[tokio::test]
async fn an_order_is_answered() {
    let mut rig = Rig::start();
    let account = AccountId32::new([7; 32]).to_string();
    let signed = RevokeOutcome::Signed { votes: 1, needed: 2 };
    let answer = rig.say(&revoke(&account), Some(signed)).await;
    assert!(answer["ok"].as_str().unwrap().contains("1 of 2"), "{answer}");
    let hex = format!("0x{}", "07".repeat(32));
    for (outcome, words) in [
        (RevokeOutcome::NotRegistered, "no registered validator"),
        (RevokeOutcome::NotEligible, "may not speak anyway"),
        (RevokeOutcome::NoDirectorOurselves, "/api/v1/status"),
    ] {
        let answer = rig.say(&revoke(&hex), Some(outcome)).await;
        assert!(answer["error"].as_str().unwrap().contains(words), "{answer}");
    }
}

#[tokio::test]
async fn whoever_drains_follows_it_to_the_end() {
    for (left, last) in [(0, "ok"), (3, "error")] {
        let mut rig = Rig::start();
        let mut stream = rig.connect().await;
        stream.write_all(b"{\"drain\":true}\n").await.unwrap();
        let Some(Order::Drain { answer }) = rig.orders.recv().await else { panic!("no drain") };
        let handover = watch::Sender::new(Handover::default());
        answer.send(handover.subscribe()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        for left in [12, 12, 4] {
            handover.send_replace(Handover { left, is_over: false });
            line.clear();
            reader.read_line(&mut line).await.unwrap();
            let said: Value = serde_json::from_str(&line).unwrap();
            assert!(said["progress"].as_str().unwrap().starts_with(&left.to_string()), "{said}");
        }
        handover.send_replace(Handover { left, is_over: true });
        // The director stops when everybody has heard it.
        handover.closed().await;
        line.clear();
        reader.read_to_string(&mut line).await.unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        assert!(said[last].is_string(), "{said}");
    }
}

#[tokio::test]
async fn a_drain_cannot_be_taken_back_and_ends_with_the_director() {
    let mut rig = Rig::start();
    let answer = rig.say("{\"drain\":false}\n", None).await;
    assert!(answer["error"].as_str().unwrap().contains("taken back"), "{answer}");
    let mut stream = rig.connect().await;
    stream.write_all(b"{\"drain\":true}\n").await.unwrap();
    let Some(Order::Drain { answer }) = rig.orders.recv().await else { panic!("no drain") };
    // The core ends before it has answered.
    drop(answer);
    let mut line = String::new();
    stream.read_to_string(&mut line).await.unwrap();
    assert!(line.contains("stopping"), "{line}");
}

#[tokio::test]
async fn what_is_no_order_is_refused() {
    let mut rig = Rig::start();
    let long = format!("{}\n", "x".repeat(100_000));
    for line in ["\n", "revoke\n", "{}\n", "{\"approve\":\"x\"}\n", "[1,2]\n", &long] {
        let mut stream = rig.connect().await;
        // The rest of a line that is too long is not read.
        let _ = stream.write_all(line.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.is_empty() || answer.contains("no order"), "{line:?}: {answer}");
    }
    let answer = rig.say(&revoke("somebody"), None).await;
    assert!(answer["error"].as_str().unwrap().contains("SS58"), "{answer}");
    rig.orders.close();
    let answer = rig.say(&revoke(&format!("0x{}", "07".repeat(32))), None).await;
    assert!(answer["error"].as_str().unwrap().contains("stopping"), "{answer}");
}

#[tokio::test]
async fn who_says_nothing_keeps_nobody_out_for_long() {
    tokio::time::pause();
    let mut rig = Rig::start();
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(rig.connect().await);
    }
    // Each is cut off after a while, and makes room.
    for stream in &mut silent {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty());
    }
    let answer = rig.say("{}\n", None).await;
    assert!(answer["error"].is_string());
}

/// Before the first finalized block: each order is answered, and with why it is not carried out.
#[tokio::test]
async fn a_director_that_waits_for_its_node_says_so() {
    let (_dir, config) = super::start::folder();
    let socket = socket_file(&config.data_dir);
    let service = start(config).await.unwrap();
    let ask = async |line: &str| {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["error"].as_str().unwrap().to_owned()
    };
    let account = AccountId32::new([7; 32]).to_string();
    for (line, then) in
        [(revoke(&account).as_str(), "again"), ("{\"drain\":true}\n", "just stop it")]
    {
        let said = ask(line).await;
        for part in ["waits for its node", "no finalized block is known yet", then] {
            assert!(said.contains(part), "{part} is not in: {said}");
        }
    }
    assert!(ask("dance\n").await.contains("no order"));
    service.stopper().stop();
    service.wait().await.unwrap();
    assert!(UnixStream::connect(&socket).await.is_err(), "it ends with the director");
}

/// With each peer key there is a new core, which takes the orders from then on.
#[tokio::test]
async fn orders_go_to_the_newest_core() {
    let mut rig = Rig::start();
    rig.orders = rig.desk.open();
    let account = AccountId32::new([7; 32]).to_string();
    let signed = RevokeOutcome::Signed { votes: 1, needed: 2 };
    let answer = rig.say(&revoke(&account), Some(signed)).await;
    assert!(answer["ok"].is_string(), "{answer}");
}
