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
    // What it did before it found out is logged.
    let (errors, logged): (Vec<_>, Vec<_>) =
        log.lines().partition(|line| line.starts_with("director: "));
    let [line] = errors.as_slice() else { panic!("not one line:\n{log}") };
    assert!(logged.iter().all(|line| line.contains(" INFO ")), "{log}");
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

#[tokio::test]
async fn a_folder_for_a_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let line = refused(dir.path(), dir.path()).await;
    assert_eq!(line.matches("os error").count(), 1, "{line}");
    assert!(line.contains("name a file"), "{line}");
}

#[tokio::test]
async fn a_busy_port_for_the_page() {
    let dir = tempfile::tempdir().unwrap();
    let config = prepare(dir.path());
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    edit(&config, |text| text.replace("\"127.0.0.1:0\"", &format!("\"{address}\"")));
    let line = refused(dir.path(), &config).await;
    assert!(line.contains(&address) && line.contains("http.listen"), "{line}");
    assert!(line.contains("choose another") && !line.contains("os error"), "{line}");
}

#[tokio::test]
async fn a_data_folder_that_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let config = prepare(dir.path());
    edit(&config, |text| text.replace("\"data\"", "\"/proc/director\""));
    let line = refused(dir.path(), &config).await;
    assert!(line.contains("/proc/director") && line.contains("set data_dir to"), "{line}");
}

#[tokio::test]
async fn a_runtime_whose_interface_differs() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = dir.path().join("other.wasm");
    let wasm = fs::read(sibling("runtime_mock.wasm").unwrap()).unwrap();
    fs::write(&runtime, renamed(wasm, b"report_double_sign", b"report_double_sigm")).unwrap();
    let runtime = runtime.to_str().unwrap();
    let arguments = ["--dev", "--rpc-port", "0", "--exit-on-stdin-eof", "--runtime", runtime];
    let program = sibling("mock-node").unwrap();
    let log = dir.path().join("node.log");
    let mut node = Managed::spawn("node", &program, &arguments.map(String::from), log).unwrap();
    let url = node.wait_for_line("ready rpc=", PATIENCE).await.unwrap();

    let config = write_config(&Identity::director(1), dir.path(), &url).unwrap();
    let director = start(dir.path(), &config);
    // Others need what it relays.
    let said = "relaying goes on, but nothing is submitted";
    let line = director.wait_for_log(said, PATIENCE).await.unwrap();
    assert!(line.contains("SlashingEvidence.report_double_sign"), "{line}");
    assert!(line.contains("update the director"), "{line}");
    director.stop().await;
    node.stop().await;
}

/// The program with another name of the same length everywhere.
fn renamed(mut program: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let found = |(at, window): (usize, &[u8])| (window == from).then_some(at);
    let places: Vec<_> = program.windows(from.len()).enumerate().filter_map(found).collect();
    assert!(!places.is_empty());
    for at in places {
        program[at..][..to.len()].copy_from_slice(to);
    }
    program
}
