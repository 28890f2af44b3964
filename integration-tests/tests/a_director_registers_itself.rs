//! `director register` puts an invited director on chain, upon which the one that runs is ready;
//! whom governance did not invite is told so.

#![allow(clippy::unwrap_used)]

use director_primitives::runtime_api::EndpointScope;
use integration_tests::{
    chain::{Chain, FEES},
    director::{Director, folder, get},
    keys::Identity,
    process::{Managed, sibling},
};
use std::{path::Path, time::Duration};
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// Bounds a step.
const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_director_registers_itself() {
    timeout(PATIENCE, run()).await.expect("done within the bound");
}

async fn run() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::start(dir.path(), 250).await.unwrap();
    let identity = Identity::director(1);
    let director = Director::start(identity.clone(), dir.path(), &chain.url).await.unwrap();
    let (public, mesh) = (address(director.ports.public), address(director.ports.mesh));
    chain.fund(vec![(identity.id(), FEES)]).await.unwrap();

    let (code, log) = register(dir.path(), &public, &mesh).await;
    assert_eq!(code, Some(1), "{log}");
    let lines: Vec<_> = log.lines().filter(|line| !line.ends_with(" …")).collect();
    let [line] = lines.as_slice() else { panic!("not one line:\n{log}") };
    assert!(line.contains("is no invited director") && line.contains("add_director"), "{line}");

    chain.invite_directors(&[identity.id()]).await.unwrap();
    let (code, log) = register(dir.path(), &public, &mesh).await;
    assert_eq!(code, Some(0), "{log}");

    let mut finalized = chain.node.finalized();
    let account = identity.id();
    let known = finalized.wait_for(|snapshot| {
        snapshot.as_ref().is_some_and(|snapshot| snapshot.director(&account).is_some())
    });
    let snapshot = timeout(SOON, known).await.unwrap().unwrap().clone().unwrap();
    let listed = snapshot.director(&account).unwrap();
    assert_eq!(listed.peer_key, identity.peer_key());
    assert_eq!((&listed.region[..], listed.capacity), (&b"here"[..], 7));
    let endpoints: Vec<_> = listed.endpoints.iter().map(|at| (at.scope, &at.address[..])).collect();
    let expected =
        [(EndpointScope::Public, public.as_bytes()), (EndpointScope::Mesh, mesh.as_bytes())];
    assert_eq!(endpoints, expected);
    assert!(snapshot.directors.invited.is_empty());

    director.wait_for_status(SOON, |status| status["ready"] == true).await.unwrap();
    // Anything but status 200 is an error.
    let ready = get(format!("http://127.0.0.1:{}/readyz", director.ports.http)).await.unwrap();
    assert!(ready.contains("\"ready\":true"), "{ready}");
    director.process.stop().await;
    chain.process.stop().await;
}

fn address(port: u16) -> String {
    format!("/ip4/127.0.0.1/tcp/{port}")
}

/// Runs `director register` with the first director's configuration; exit status and log.
async fn register(dir: &Path, public: &str, mesh: &str) -> (Option<i32>, String) {
    let config = folder(dir, "director-1").join("director.toml");
    let config = config.to_str().unwrap();
    let arguments = ["register", "--config", config, "--public", public, "--mesh", mesh];
    let rest = ["--region", "here", "--capacity", "7"];
    let arguments: Vec<_> = arguments.into_iter().chain(rest).map(String::from).collect();
    let program = sibling("director").unwrap();
    let log = dir.join("register.log");
    let mut register = Managed::spawn("director register", &program, &arguments, log).unwrap();
    let (status, log) = register.wait_for_end(SOON).await.unwrap();
    (status.code(), log)
}
