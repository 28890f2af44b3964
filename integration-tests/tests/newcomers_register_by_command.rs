//! `director validator register`, `rotate-key` and `status`, `director rotate-key` and `revoke`, as people type them.

#![allow(clippy::unwrap_used)]

use codec::Encode;
use director_primitives::{AccountId32, DoubleSignProof, H256, PublicKey, Snapshot};
use director_service::keys::PeerKey;
use integration_tests::{
    boaster::Boaster,
    chain::{Chain, FEES, STAKE, UNIT},
    director::{folder, write_config},
    keys::Identity,
    process::{Managed, sibling},
};
use std::{path::Path, sync::Arc, time::Duration};
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
    let other = format!("--genesis-hash 0x{}", "11".repeat(32));
    for command in [
        register("1500"),
        status.clone(),
        format!("validator rotate-key --url {} --account a.key --peer p.key", chain.url),
    ] {
        let line = bad(dir, &format!("{command} {other}")).await;
        assert!(
            line.contains("0x1111") && line.contains("correct --url or --genesis-hash"),
            "{line}"
        );
    }
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

    let plan = format!("{} --dry-run --output json", register("1500"));
    let plan = of_json(&good(dir, &plan).await);
    assert_eq!((&plan["account"], &plan["submitted"]), (&account.into(), &false.into()), "{plan}");

    let done = good(dir, &register("1500")).await;
    assert!(done.contains("registration ") && done.contains("What comes next"), "{done}");
    let known = chain.node.validator(&account.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(known.stake, 1_500 * UNIT);
    let line = bad(dir, &register("1500")).await;
    assert!(line.contains("is registered already"), "{line}");
    let said = good(dir, &status).await;
    assert!(said.contains("candidate") && said.contains("1500 UNIT"), "{said}");
    rotate(&chain, dir, account).await;
    chain.process.stop().await;
}

/// Both keys of a validator, one after the other, and a sidecar that goes on with them.
async fn rotate(chain: &Chain, dir: &Path, account: &str) {
    let account: AccountId32 = account.parse().unwrap();
    let account = &account;
    // As soon as the finalized block is known here as well.
    let registered = |with: PublicKey| async move {
        let mut finalized = chain.node.finalized();
        let has_it = |block: &Snapshot| {
            let known = block.validator_by_peer_key(&with);
            known.or_else(|| block.validator_by_checkpoint_key(&with)).is_some()
        };
        let has_it = |block: &Option<Arc<Snapshot>>| block.as_deref().is_some_and(has_it);
        let found = timeout(PATIENCE, finalized.wait_for(has_it)).await.unwrap().unwrap();
        // Of that very block: what is asked for now may be of one before it.
        found.as_deref().unwrap().validator(account).unwrap().clone()
    };
    let first = PeerKey::from_file(&dir.join("p.key")).unwrap().public();
    let before = registered(first).await;
    let rotate = format!("validator rotate-key --url {} --account a.key", chain.url);
    let plan = good(dir, &format!("{rotate} --peer p.key --dry-run")).await;
    assert!(plan.contains("nothing was made or submitted"), "{plan}");
    assert!(!dir.join("p.key.next").exists());

    let done = good(dir, &format!("{rotate} --peer p.key")).await;
    assert!(done.contains("the peer key of") && done.contains("mv p.key.next p.key"), "{done}");
    let next = PeerKey::from_file(&dir.join("p.key.next")).unwrap().public();
    let known = registered(next).await;
    assert_eq!((known.peer_key, known.checkpoint_key), (next, before.checkpoint_key));
    // Once more changes nothing, and says the rest again.
    let done = good(dir, &format!("{rotate} --peer p.key")).await;
    assert!(done.contains("already") && done.contains("mv p.key.next p.key"), "{done}");
    std::fs::rename(dir.join("p.key.next"), dir.join("p.key")).unwrap();

    // A key that somebody has is not taken.
    std::fs::copy(dir.join("p.key"), dir.join("c.key.next")).unwrap();
    let line = bad(dir, &format!("{rotate} --checkpoint c.key")).await;
    assert!(line.contains("is in use by") && line.contains("remove the file"), "{line}");
    std::fs::remove_file(dir.join("c.key.next")).unwrap();
    let done = good(dir, &format!("{rotate} --checkpoint c.key")).await;
    assert!(
        done.contains("mv c.key c.key.old") && done.contains("--new-protection-file"),
        "{done}"
    );
    let next = PeerKey::from_file(&dir.join("c.key.next")).unwrap().public();
    let known = registered(next).await;
    assert_eq!(known.checkpoint_key, next);
    assert_ne!(known.checkpoint_key, before.checkpoint_key);

    // A sidecar with the old key says so; with the new one it runs, until the end of its input.
    let files = "--peer p.key --checkpoint c.key --protection c.protection";
    let run = format!("validator run --url {} {files} --pipe --new-protection-file", chain.url);
    let line = bad(dir, &run).await;
    assert!(line.contains("votes with the checkpoint key") && line.contains("keys.checkpoint"));
    std::fs::rename(dir.join("c.key"), dir.join("c.key.old")).unwrap();
    std::fs::rename(dir.join("c.key.next"), dir.join("c.key")).unwrap();
    a_node_that_syncs_is_waited_for(chain, dir).await;
    let said = good(dir, &run).await;
    assert!(said.contains(&hex::encode(next.0)) && dir.join("c.protection").exists(), "{said}");

    // One whose key is lost needs nothing but its account.
    std::fs::remove_file(dir.join("p.key")).unwrap();
    let done = good(dir, &format!("{rotate} --peer p.key --dry-run")).await;
    assert!(done.contains("note: p.key does not hold"), "{done}");
    let done = of_json(&good(dir, &format!("{rotate} --peer p.key --output json")).await);
    let next = PeerKey::from_file(&dir.join("p.key.next")).unwrap().public();
    assert_eq!((&done["key"], &done["submitted"]), (&hex::encode(next.0).into(), &true.into()));
}

/// Where a new protection file begins is counted from the last finalized block, which such a node has not.
async fn a_node_that_syncs_is_waited_for(chain: &Chain, dir: &Path) {
    let node = Boaster::start(&chain.url).await.unwrap();
    node.sync(true);
    let file = |name: &str| dir.join(name).display().to_string();
    let [peer, checkpoint, protection] = ["p.key", "c.key", "early.protection"].map(file);
    let arguments = [
        ["validator", "run"].map(String::from),
        ["--url".into(), node.url.clone()],
        ["--peer".into(), peer],
        ["--checkpoint".into(), checkpoint],
        ["--protection".into(), protection],
        ["--pipe", "--new-protection-file"].map(String::from),
    ];
    let (program, log) = (sibling("director").unwrap(), dir.join("early.log"));
    let mut sidecar =
        Managed::spawn("the sidecar", &program, arguments.as_flattened(), log).unwrap();
    sidecar.wait_for_log("waiting until it has caught up", PATIENCE).await.unwrap();
    assert!(!dir.join("early.protection").exists());
    node.sync(false);
    // Nor does the chain have a director that it could connect to, which is waited for as well.
    let alone = sidecar.wait_for_log("no active director yet", PATIENCE).await.unwrap();
    assert!(alone.contains("governance has to add some; waiting for that"), "{alone}");
    let hello = sidecar.wait_for_line("{", PATIENCE).await.unwrap();
    assert!(hello.contains("\"event\":\"hello\""), "{hello}");
    assert!(dir.join("early.protection").exists());
    sidecar.stop().await;
}

async fn director() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let chain = Chain::start(dir, 250).await.unwrap();
    let identity = Identity::director(1);
    write_config(&identity, dir, &chain.url).unwrap();
    let home = folder(dir, "director-1");
    on_another_chain(&chain, &home).await;
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
    let rotated = |block: &Option<Arc<Snapshot>>| {
        block.as_ref().is_some_and(|block| block.director_by_peer_key(&next).is_some())
    };
    timeout(PATIENCE, finalized.wait_for(rotated)).await.unwrap().unwrap();
    assert_eq!(key_on_chain().await, next);
    // Once more changes nothing; other addresses can be put on chain before it is finished.
    let done = good(&home, "rotate-key --config director.toml").await;
    assert!(done.contains("already"), "{done}");
    let done = of_json(&good(&home, "rotate-key --config director.toml --output json").await);
    assert_eq!(
        (&done["peer_key"], &done["submitted"]),
        (&hex::encode(next.0).into(), &false.into())
    );
    let (code, said, log) =
        director_command(&home, &format!("{register} /ip4/203.0.113.7/tcp/2 --output json")).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(of_json(&said)["block_number"].is_u64(), "{said}");
    assert!(log.contains("anybody may knock there"), "{log}");

    // One whose key is lost needs nothing but its account.
    std::fs::remove_file(home.join("peer.key")).unwrap();
    std::fs::rename(home.join("peer.key.next"), home.join("lost.key")).unwrap();
    let done = good(&home, "rotate-key --config director.toml").await;
    assert!(done.contains("note: ") && done.contains("rotated in block"), "{done}");

    let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    let line = bad(&home, &format!("revoke --config director.toml --validator {alice}")).await;
    assert!(line.contains("check that it runs"), "{line}");
    chain.process.stop().await;
}

/// A director and its commands whose configuration names another chain, and a proof of another one.
async fn on_another_chain(chain: &Chain, home: &Path) {
    let other = format!("0x{}", "11".repeat(32));
    let text = std::fs::read_to_string(home.join("director.toml")).unwrap();
    let named = text.replace("[chain]", &format!("[chain]\ngenesis_hash = \"{other}\""));
    std::fs::write(home.join("other.toml"), named).unwrap();
    let vote = |n| Identity::validator(1).vote(&H256::zero(), 1, H256::repeat_byte(n));
    let proof = DoubleSignProof::new(H256::zero(), vote(1), vote(2)).unwrap();
    std::fs::write(home.join("proof"), hex::encode(proof.encode())).unwrap();
    let submit = format!("evidence submit --url {} --account account.key proof", chain.url);
    for command in [
        "register --config other.toml --public /ip4/203.0.113.7/tcp/1 --mesh /ip4/10.0.0.1/tcp/2",
        "rotate-key --config other.toml",
        "validators --config other.toml",
        "run --config other.toml",
    ] {
        let line = bad(home, command).await;
        assert!(line.contains("0x1111") && line.contains("chain.genesis_hash"), "{line}");
    }
    let line = bad(home, &format!("{submit} --genesis-hash {other}")).await;
    assert!(line.contains("0x1111") && line.contains("correct --url or --genesis-hash"), "{line}");
    let line = bad(home, &submit).await;
    assert!(line.contains("give --url of a node of that chain"), "{line}");
}

/// What a command says that does what it should.
async fn good(dir: &Path, arguments: &str) -> String {
    let (code, said, log) = director_command(dir, arguments).await;
    assert_eq!(code, Some(0), "director {arguments}\n{said}\n{log}");
    said
}

fn of_json(said: &str) -> serde_json::Value {
    serde_json::from_str(said).unwrap_or_else(|_| panic!("more than one value:\n{said}"))
}

/// The one line of a command that does not: of all that it says, but for that it is at work, and for what a service logs of its
/// beginning.
async fn bad(dir: &Path, arguments: &str) -> String {
    let (code, said, log) = director_command(dir, arguments).await;
    assert_eq!(code, Some(1), "director {arguments}\n{said}\n{log}");
    let is_service = arguments.split_whitespace().any(|word| word == "run");
    let is_usual = |line: &str| line.ends_with(" …") || is_service && line.contains(" INFO ");
    let lines: Vec<_> = log.lines().filter(|line| !is_usual(line)).collect();
    match lines.as_slice() {
        [line] if line.starts_with("director: ") => (*line).to_owned(),
        _ => panic!("director {arguments}: not one line:\n{log}"),
    }
}

/// Exit status, standard output and standard error of `director` in a folder.
async fn director_command(dir: &Path, arguments: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(sibling("director").unwrap());
    command.args(arguments.split_whitespace()).current_dir(dir).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
