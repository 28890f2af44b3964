//! However a director dies while a double sign is on its way to the chain, the offender is slashed once, by two
//! extrinsics at most, and no outbox has a proof that nobody will submit.
//!
//! `cargo xtask kills` does the same 200 times.

#![allow(clippy::unwrap_used)]

use integration_tests::kills::Kills;
use std::time::Duration;
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(280);

/// Nine of the eleven failpoints, from a random one on, and three random times.
const RUNS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_saves_no_offender() {
    let dir = tempfile::tempdir().unwrap();
    let seed = rand::random();
    println!("seed {seed}");
    let runs = async {
        let mut kills = Kills::start(dir.path().into(), seed).await.unwrap();
        for _ in 0..RUNS {
            let run = kills.run().await.unwrap();
            println!("{} killed {}: {run:?}", run.victim, run.kill);
        }
        kills.end().await.unwrap()
    };
    let summary = timeout(PATIENCE, runs).await.expect("done within the bound");
    println!("{summary}");
    let struck = summary.runs.iter().filter(|run| run.struck).count();
    assert!(struck * 3 > RUNS * 2, "too few were killed to say something: {summary}");
}
