//! A director's secrets are neither in its log, however much that tells, nor in a core dump: there is none.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use integration_tests::{
    chain::Chain,
    director::write_config,
    keys::Identity,
    process::{Managed, sibling},
};
use std::{fs, os::unix::fs::MetadataExt, time::Duration};
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// How secrets look where somebody prints bytes.
fn spellings(secret: &[u8]) -> Vec<String> {
    let numbers = secret.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    // Half of it is bad enough.
    let digits = hex::encode(&secret[..secret.len() / 2]);
    vec![digits.to_uppercase(), digits, numbers]
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_log_nor_a_core_dump_has_them() {
    timeout(PATIENCE, run()).await.expect("done within the bound");
}

async fn run() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let chain = Chain::start(dir, 250).await.unwrap();
    let identity = Identity::director(1);
    chain.invite_directors(&[identity.id()]).await.unwrap();
    let config = write_config(&identity, dir, &chain.url).unwrap();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\n[log]\nfilter = \"trace\"\n")).unwrap();
    let arguments = ["run", "--config", config.to_str().unwrap(), "--exit-on-stdin-eof"];
    let (program, log) = (sibling("director").unwrap(), dir.join("log"));
    let arguments = arguments.map(String::from);
    let mut director = Managed::spawn("director", &program, &arguments, log.clone()).unwrap();
    director.wait_for_line("listening ", PATIENCE).await.unwrap();

    let of = format!("/proc/{}", director.pid().unwrap());
    let limits = fs::read_to_string(format!("{of}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let limits: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(limits, ["0", "0"], "{core}");
    // Of a process that cannot be dumped these are root's, whoever runs it.
    assert_eq!(fs::metadata(format!("{of}/environ")).unwrap().uid(), 0);

    director.stop().await;
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("TRACE") && log.contains("connected to the node"));
    let phrase = identity.secret_uri.split("//").next().unwrap();
    assert!(!log.contains(phrase), "the account's phrase is in the log");
    for spelling in spellings(&identity.peer_secret()) {
        assert!(!log.contains(&spelling), "the peer key is in the log");
    }
    chain.process.stop().await;
}
