//! `director validator register` and `status`, `director rotate-key` and `revoke`, as people type them.

#![allow(clippy::unwrap_used)]

use director_service::keys::PeerKey;
use integration_tests::{
    chain::{Chain, FEES, STAKE, UNIT},
    director::{folder, write_config},
    keys::Identity,
    process::sibling,
};
use std::{path::Path, time::Duration};
use tokio::{process::Command, time::timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_registers_itself() {
    timeout(PATIENCE, validator()).await.expect("done within the bound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_director_rotates_its_key() {
    timeout(PATIENCE, director()).await.expect("done within the bound");
}

async fn validator() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let chain = Chain::start(dir, 250).await.unwrap();
    let files = "--account a.key --peer p.key --checkpoint c.key";
    let made = good(dir, &format!("keys generate {files}")).await;
    assert!(made.contains("checkpoint key ") && made.contains("peer id "), "{made}");
    let account = made.split("account ").nth(1).unwrap().split_whitespace().next().unwrap();
    let register =
        |stake: &str| format!("validator register --url {} {files} --stake {stake}", chain.url);
    let status = format!("validator status --url {} --account a.key", chain.url);

    let line = bad(dir, &register("999")).await;
    assert!(line.contains("999 UNIT is below the least, 1000 UNIT"), "{line}");
    let line = bad(dir, &register("many")).await;
    assert!(line.contains("--stake") && line.contains("write it as 1500"), "{line}");
    let line = bad(dir, &register("1500")).await;
    assert!(line.contains("has 0 UNIT free") && line.contains("send it"), "{line}");
    let line = bad(dir, &status).await;
    assert!(line.contains("is not registered"), "{line}");

    chain.fund(vec![(account.parse().unwrap(), STAKE + UNIT)]).await.unwrap();
    let plan = good(dir, &format!("{} --dry-run", register("1500"))).await;
    assert!(plan.contains("1500 UNIT") && plan.contains("nothing was submitted"), "{plan}");
    assert!(plan.contains("fee            about 0.0"), "{plan}");
    assert!(chain.node.validator(&account.parse().unwrap()).await.unwrap().is_none());

    let done = good(dir, &register("1500")).await;
    assert!(done.contains("registration ") && done.contains("What comes next"), "{done}");
    let known = chain.node.validator(&account.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(known.stake, 1_500 * UNIT);
    let line = bad(dir, &register("1500")).await;
    assert!(line.contains("is registered already"), "{line}");
    let said = good(dir, &status).await;
    assert!(said.contains("candidate") && said.contains("1500 UNIT"), "{said}");
    chain.process.stop().await;
}

async fn director() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let chain = Chain::start(dir, 250).await.unwrap();
    let identity = Identity::director(1);
    write_config(&identity, dir, &chain.url).unwrap();
    let home = folder(dir, "director-1");
    let line = bad(&home, "rotate-key --config director.toml").await;
    assert!(line.contains("is no active director"), "{line}");
    chain.fund(vec![(identity.id(), FEES)]).await.unwrap();
    chain.invite_directors(&[identity.id()]).await.unwrap();
    let register = "register --config director.toml --public /ip4/127.0.0.1/tcp/1 --mesh";
    let done = good(&home, &format!("{register} /ip4/10.0.0.1/tcp/2")).await;
    assert!(done.contains("director run --config director.toml"), "{done}");

    let key_on_chain = || async {
        let account = identity.id();
        let mut finalized = chain.node.finalized();
        let known = finalized
            .wait_for(|block| {
                block.as_ref().is_some_and(|block| block.director(&account).is_some())
            })
            .await
            .unwrap();
        known.as_ref().unwrap().director(&account).unwrap().peer_key
    };
    assert_eq!(key_on_chain().await, identity.peer_key());
    let done = good(&home, "rotate-key --config director.toml").await;
    assert!(done.contains("rotated in block") && done.contains("mv "), "{done}");
    let next = PeerKey::from_file(&home.join("peer.key.next")).unwrap().public();
    let mut finalized = chain.node.finalized();
    let rotated = |block: &Option<std::sync::Arc<director_primitives::Snapshot>>| {
        block.as_ref().is_some_and(|block| block.director_by_peer_key(&next).is_some())
    };
    timeout(PATIENCE, finalized.wait_for(rotated)).await.unwrap().unwrap();
    assert_eq!(key_on_chain().await, next);
    // Once more changes nothing; other addresses can be put on chain before it is finished.
    let done = good(&home, "rotate-key --config director.toml").await;
    assert!(done.contains("already"), "{done}");
    let (code, _, log) =
        director_command(&home, &format!("{register} /ip4/203.0.113.7/tcp/2")).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("anybody may knock there"), "{log}");

    let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    let line = bad(&home, &format!("revoke --config director.toml --validator {alice}")).await;
    assert!(line.contains("check that it runs"), "{line}");
    chain.process.stop().await;
}

/// What a command says that does what it should.
async fn good(dir: &Path, arguments: &str) -> String {
    let (code, said, log) = director_command(dir, arguments).await;
    assert_eq!(code, Some(0), "director {arguments}\n{said}\n{log}");
    said
}

/// The one line of a command that does not.
async fn bad(dir: &Path, arguments: &str) -> String {
    let (code, said, log) = director_command(dir, arguments).await;
    assert_eq!(code, Some(1), "director {arguments}\n{said}\n{log}");
    let lines: Vec<_> = log.lines().filter(|line| line.starts_with("director: ")).collect();
    let [line] = lines.as_slice() else { panic!("not one line:\n{log}") };
    (*line).to_owned()
}

/// Exit status, standard output and standard error of `director` in a folder.
async fn director_command(dir: &Path, arguments: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(sibling("director").unwrap());
    command.args(arguments.split_whitespace()).current_dir(dir).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
