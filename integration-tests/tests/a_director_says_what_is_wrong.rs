//! What keeps the `director` program from starting ends it, with one line that says what to do; a
//! chain that is not there does not.

#![allow(clippy::unwrap_used)]

use integration_tests::{
    director::{folder, write_config},
    keys::Identity,
    process::{Managed, sibling},
};
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// Nobody listens there: port 1 is privileged, and no service of a test machine has it.
const NO_NODE: &str = "ws://127.0.0.1:1";

/// Longest wait for a director to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A configuration that is right but for the chain, which is not there.
fn prepare(dir: &Path) -> PathBuf {
    write_config(&Identity::director(1), dir, NO_NODE).unwrap()
}

fn start(dir: &Path, config: &Path) -> Managed {
    let arguments =
        ["run", "--config", config.to_str().unwrap(), "--exit-on-stdin-eof"].map(String::from);
    Managed::spawn("director", &sibling("director").unwrap(), &arguments, dir.join("log")).unwrap()
}

/// Runs a director that must end by itself with an error; its line.
async fn refused(dir: &Path, config: &Path) -> String {
    let (status, log) = start(dir, config).wait_for_end(PATIENCE).await.unwrap();
    assert_eq!(status.code(), Some(1), "{log}");
    let lines: Vec<_> = log.lines().collect();
    let [line] = lines.as_slice() else { panic!("not one line:\n{log}") };
    assert!(line.starts_with("director: "), "{line}");
    line.to_string()
}

fn edit(config: &Path, change: impl FnOnce(String) -> String) {
    let text = fs::read_to_string(config).unwrap();
    fs::write(config, change(text)).unwrap();
}

#[tokio::test]
async fn a_missing_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let line = refused(dir.path(), &dir.path().join("nowhere.toml")).await;
    assert!(line.contains("nowhere.toml"), "{line}");
}

#[tokio::test]
async fn an_unknown_field() {
    let dir = tempfile::tempdir().unwrap();
    let config = prepare(dir.path());
    edit(&config, |text| text.replace("[mesh]", "[mesh]\nlissten = []"));
    let line = refused(dir.path(), &config).await;
    assert!(line.contains("lissten") && line.contains("director.toml"), "{line}");
}

#[tokio::test]
async fn an_address_that_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let config = prepare(dir.path());
    edit(&config, |text| text.replace("/ip4/127.0.0.1/tcp/0\"] # mesh", "127.0.0.1:0\"] # mesh"));
    let line = refused(dir.path(), &config).await;
    assert!(line.contains("director.toml, line") && line.contains("multiaddr"), "{line}");
}

#[tokio::test]
async fn a_key_file_that_others_can_read() {
    let dir = tempfile::tempdir().unwrap();
    let config = prepare(dir.path());
    let key = folder(dir.path(), "director-1").join("peer.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let line = refused(dir.path(), &config).await;
    assert!(line.contains("chmod 600") && line.contains("peer.key"), "{line}");
}

#[tokio::test]
async fn a_busy_port() {
    let dir = tempfile::tempdir().unwrap();
    let config = prepare(dir.path());
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    edit(&config, |text| text.replace("tcp/0\"] # public", &format!("tcp/{port}\"] # public")));
    let line = refused(dir.path(), &config).await;
    assert!(line.contains(&port.to_string()) && line.contains("public.listen"), "{line}");
}

#[tokio::test]
async fn a_chain_that_is_not_there_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let config = prepare(dir.path());
    let mut director = start(dir.path(), &config);
    let line = director.wait_for_log("cannot reach the node", PATIENCE).await.unwrap();
    assert!(line.contains(NO_NODE) && line.contains("trying again"), "{line}");
    director.check_alive().unwrap();
    director.stop().await;
}
