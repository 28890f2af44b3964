//! A sidecar that is ended in the middle of signing never signs another block for that checkpoint.

use super::Sidecar;
use anyhow::Context;
use director_service::failpoint::{Failpoint, arm};
use serde_json::{Value, json};

/// A block hash of this byte for a checkpoint.
fn vote(checkpoint: u64, byte: &str) -> String {
    let hash = format!("0x{}", byte.repeat(32));
    json!({ "do": "vote", "checkpoint": checkpoint, "block_hash": hash }).to_string()
}

/// One that is killed as soon as it has voted remembers it.
pub(super) async fn survives_a_kill(command: &[String], checkpoint: u64) -> anyhow::Result<()> {
    let vote = |byte: &str| vote(checkpoint, byte);
    let mut sidecar = Sidecar::start(command)?;
    sidecar.wait_for("hello").await?;
    sidecar.say(&vote("7e")).await?;
    let voted = sidecar.wait_for("voted").await?;
    sidecar.process.kill().await?;
    assert_eq!((&voted["checkpoint"], &voted["again"]), (&json!(checkpoint), &json!(false)));

    let mut sidecar = Sidecar::start(command)?;
    sidecar.wait_for("hello").await?;
    sidecar.say(&vote("7f")).await?;
    assert_eq!(sidecar.wait_for("error").await?["code"], "already-signed");
    sidecar.say(&vote("7e")).await?;
    assert_eq!(sidecar.wait_for("voted").await?["signature"], voted["signature"]);
    sidecar.stop().await
}

/// One that ends at any step of a vote: whatever the step, nothing that may have been signed is contradicted, and the file is
/// good for the next vote. Of the checkpoint before `first` this byte's block, `7e`, is signed.
pub(super) async fn survives_its_end_at_each_step(
    command: &[String],
    first: u64,
) -> anyhow::Result<()> {
    // The file is there already.
    let steps = Failpoint::SIGNING.into_iter().filter(|at| *at != Failpoint::FileLinked);
    for (checkpoint, at) in (first..).zip(steps) {
        // The first permit of a process writes the file anew, the next ones append to it.
        let appends = matches!(at, Failpoint::VoteWritten);
        let mut sidecar = Sidecar::start(command)?;
        sidecar.wait_for("hello").await?;
        if appends {
            // What was signed already: that it is again makes the file sound.
            sidecar.say(&vote(first - 1, "7e")).await?;
            sidecar.wait_for("voted").await?;
        }
        arm(&Sidecar::failpoint(command), at, 1)?;
        sidecar.say(&vote(checkpoint, "7e")).await?;
        let voted = sidecar.wait_for("voted").await;
        anyhow::ensure!(voted.is_err(), "{}: it goes on, with {voted:?}", at.name());
        sidecar.process.wait().await?;

        let mut sidecar = Sidecar::start(command)?;
        sidecar.wait_for("hello").await.with_context(|| format!("after {}", at.name()))?;
        sidecar.say(&vote(checkpoint, "7f")).await?;
        let said = either(&mut sidecar).await?;
        // Before anything is written it may: nothing was signed. From then on it may not.
        let is_open = matches!(at, Failpoint::VoteAsked | Failpoint::FileBeside);
        let expected = if is_open { "voted" } else { "error" };
        anyhow::ensure!(said["event"] == expected, "{}: {said}", at.name());
        anyhow::ensure!(is_open || said["code"] == "already-signed", "{}: {said}", at.name());
        // What was signed, or may have been, is signed again.
        let (same, other) = if is_open { ("7f", "7e") } else { ("7e", "7f") };
        sidecar.say(&vote(checkpoint, same)).await?;
        anyhow::ensure!(either(&mut sidecar).await?["again"] == true, "{}", at.name());
        sidecar.say(&vote(checkpoint, other)).await?;
        anyhow::ensure!(either(&mut sidecar).await?["code"] == "already-signed", "{}", at.name());
        sidecar.stop().await?;
    }
    Ok(())
}

/// The answer to a vote: it was signed, or not.
async fn either(sidecar: &mut Sidecar) -> anyhow::Result<Value> {
    loop {
        let line = sidecar.lines.next_line().await?.context("the sidecar has ended")?;
        let event: Value = serde_json::from_str(&line)?;
        if event["event"] == "voted" || event["event"] == "error" {
            return Ok(event);
        }
    }
}
