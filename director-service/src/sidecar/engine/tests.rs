//! The engine with a real client whose directors are away, a signer, and a chain that does as the test says.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    client::{self, DirectorAddress, LocalKey, Prover, Publisher, Signer as _},
    sidecar::{
        protection::Protection,
        signer::Signer,
        tests::{CHECKPOINT, GENESIS, INTERVAL, PEER, account, snapshot},
    },
};
use async_trait::async_trait;
use director_primitives::StakeProof;
use futures::stream;
use std::{path::Path, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixListener,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(60);

struct NoProver;

#[async_trait]
impl Prover for NoProver {
    async fn stake_proof(&self, _: &AccountId32, _: (u64, H256)) -> Result<StakeProof, String> {
        Err("it is authorized".into())
    }
}

fn local() -> Signer {
    Signer::Local(LocalKey::from_seed(&CHECKPOINT))
}

struct Running {
    said: mpsc::Sender<Said>,
    heads: mpsc::Sender<Head>,
    outlet: Arc<Outlet>,
    publisher: Publisher,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Ended>,
    _finalized: watch::Sender<Option<Arc<Snapshot>>>,
    _home: tempfile::TempDir,
}

impl Running {
    /// At checkpoint 2.
    async fn start(signer: Signer, is_automatic: bool) -> Self {
        let home = tempfile::tempdir().unwrap();
        let now = Arc::new(snapshot(2 * INTERVAL, ValidatorStatus::Authorized));
        let (sender, finalized) = watch::channel(Some(now));
        let nobody = DirectorAddress {
            peer_key: PublicKey::from_raw([8; 32]),
            addresses: vec!["/ip4/127.0.0.1/tcp/1".parse().unwrap()],
        };
        let config = client::Config::new(PEER, account(), GENESIS, vec![nobody]);
        let client = Client::start(config, finalized.clone(), Arc::new(NoProver)).await.unwrap();
        let key = signer.key();
        let path = home.path().join("protection");
        let signing =
            Signing::start(GENESIS, signer, Protection::create(&path, GENESIS, key, 0).unwrap());
        let identity = Identity {
            genesis_hash: GENESIS,
            account: account(),
            peer_key: client.key(),
            checkpoint_key: key,
            interval: INTERVAL,
            votes_automatically: is_automatic,
            signs_from: 0,
            last_signed: None,
        };
        let publisher = client.publisher();
        let engine = Engine::new(identity, client, finalized, signing);
        let (heads, blocks) = mpsc::channel(16);
        let blocks = Heads::start(stream::unfold(blocks, |mut blocks| async {
            Some((blocks.recv().await?, blocks))
        }));
        let (said, lines) = mpsc::channel(16);
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        let outlet = Outlet::new(1024 * 1024);
        said.send(Said::Joined(outlet.clone())).await.unwrap();
        let ended = tokio::spawn(engine.run(lines, blocks, stopped));
        // Who has not joined yet is not told of a block.
        let hello = timeout(PATIENCE, outlet.next()).await.expect("a line in time").unwrap();
        assert!(hello.contains("hello"), "{hello}");
        Self { said, heads, outlet, publisher, stop, ended, _finalized: sender, _home: home }
    }

    /// Checkpoint 2 is finalized.
    async fn finalize(&self, hash: H256) {
        self.heads.send(Head { number: 2 * INTERVAL, hash }).await.unwrap();
        assert_eq!(self.next().await.unwrap()["event"], "checkpoint");
    }

    async fn ask(&self, line: Value) {
        self.said.send(Said::Line(self.outlet.clone(), line.to_string())).await.unwrap();
    }

    /// The next line that is about nothing but this test.
    async fn next(&self) -> Option<Value> {
        loop {
            let line = timeout(PATIENCE, self.outlet.next()).await.expect("a line in time")?;
            let line: Value = serde_json::from_str(&line).unwrap();
            if !matches!(line["event"].as_str(), Some("hello" | "unreachable" | "certificate")) {
                return Some(line);
            }
        }
    }

    /// Tells it to stop; what it says until the end.
    async fn stop(self) -> (Ended, Vec<Value>) {
        let Self { stop, ended, outlet, heads: _heads, .. } = self;
        // Gone if it has ended already.
        let _ = stop.send(());
        let ended = timeout(PATIENCE, ended).await.expect("it ends").unwrap();
        let mut lines = Vec::new();
        while let Some(line) = outlet.next().await {
            lines.push(serde_json::from_str(&line).unwrap());
        }
        (ended, lines)
    }
}

fn vote(id: u64, checkpoint: u64) -> Value {
    let block_hash = H256::repeat_byte(checkpoint as u8);
    json!({ "do": "vote", "id": id, "checkpoint": checkpoint, "block_hash": block_hash })
}

/// Answers of a service that signs: the first ones are errors, later ones signatures.
async fn serve(path: &Path, errors: usize) {
    let listener = UnixListener::bind(path).unwrap();
    for at in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.into_split();
        let mut line = String::new();
        BufReader::new(reader).read_line(&mut line).await.unwrap();
        let asked: Value = serde_json::from_str(&line).unwrap();
        let message = asked["message"].as_str().unwrap().trim_start_matches("0x");
        let signature = LocalKey::from_seed(&CHECKPOINT).sign(&hex::decode(message).unwrap());
        let answer = match at < errors {
            true => json!({ "error": "it is away" }),
            false => json!({ "signature": hex::encode(signature.0) }),
        };
        writer.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
    }
}

fn remote(path: &Path) -> Signer {
    let key = LocalKey::from_seed(&CHECKPOINT).key();
    Signer::Socket { path: path.to_owned(), key }
}

#[tokio::test]
async fn votes_that_wait_when_it_stops_are_signed_and_answered() {
    let running = Running::start(local(), false).await;
    for n in 0..10 {
        running.ask(vote(n, n + 3)).await;
    }
    let publisher = running.publisher.clone();
    let (ended, lines) = running.stop().await;
    assert_eq!(ended, Ended::Asked);
    let voted: Vec<_> = lines.iter().filter(|line| line["event"] == "voted").collect();
    let ids: Vec<_> = voted.iter().map(|line| line["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (0..10).collect::<Vec<_>>(), "{lines:?}");
    assert_eq!(lines.last().unwrap()["event"], "stopping");
    assert_eq!(publisher.unconfirmed(), 10, "and published");
}

#[tokio::test]
async fn votes_that_are_not_signed_before_it_stops_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("signer.sock");
    // It takes a connection and never answers.
    let _silent = UnixListener::bind(&path).unwrap();
    let running = Running::start(remote(&path), false).await;
    for n in 0..3 {
        running.ask(vote(n, n + 3)).await;
    }
    let (_, lines) = running.stop().await;
    let refused: Vec<_> = lines.iter().filter(|line| line["code"] == "stopping").collect();
    let ids: Vec<_> = refused.iter().map(|line| line["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [0, 1, 2], "{lines:?}");
    assert_eq!(lines.last().unwrap()["event"], "stopping");
}

#[tokio::test]
async fn an_own_vote_is_tried_again_until_it_is_out() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("signer.sock");
    let service = path.clone();
    let service = tokio::spawn(async move { serve(&service, 2).await });
    let hash = H256::repeat_byte(5);
    let running = Running::start(remote(&path), true).await;
    running.finalize(hash).await;
    let failed = running.next().await.unwrap();
    assert_eq!((&failed["code"], &failed["id"]), (&json!("signer"), &Value::Null), "{failed}");
    let voted = running.next().await.unwrap();
    assert_eq!(voted["event"], "voted", "told of once: {voted}");
    assert_eq!((&voted["checkpoint"], &voted["block_hash"]), (&json!(2), &json!(hash)));
    assert_eq!(voted["again"], true, "the record was there");
    assert_eq!(running.publisher.unconfirmed(), 1);
    running.stop().await;
    service.abort();
}

#[tokio::test]
async fn an_own_vote_that_must_not_be_is_not_tried_again() {
    let running = Running::start(local(), true).await;
    running.ask(vote(1, 2)).await;
    assert_eq!(running.next().await.unwrap()["event"], "voted");
    // The sidecar's node is on another fork than the validator's.
    running.finalize(H256::repeat_byte(6)).await;
    assert_eq!(running.next().await.unwrap()["code"], "already-signed");
    running.ask(json!({ "do": "status" })).await;
    let status = running.next().await.unwrap();
    assert_eq!((&status["event"], &status["unsent_votes"]), (&json!("status"), &json!(0)));
    running.stop().await;
}

#[tokio::test]
async fn it_ends_with_its_link_and_says_so() {
    let running = Running::start(local(), false).await;
    running.ask(json!({ "do": "status" })).await;
    assert_eq!(running.next().await.unwrap()["event"], "status");
    running.publisher.shutdown().await;
    assert_eq!(running.next().await.unwrap()["event"], "stopping");
    assert_eq!(running.next().await, None);
    assert_eq!(running.stop().await.0, Ended::Broken("the link to the directors"));
}
