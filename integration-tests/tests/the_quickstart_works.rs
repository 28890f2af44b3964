//! The blocks of `docs/quickstart.md`, run as somebody would paste them, with the programs that were built for the tests.
//!
//! Node.js, npm and its registry are optional: without them this test says that it is skipped, unless `CI` or
//! `REQUIRE_REGISTRY` is set.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use integration_tests::process::sibling;
use std::{
    env, fs,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// Bounds a failure: each wait in the page is bounded by two minutes itself.
const PATIENCE: Duration = Duration::from_secs(270);

/// What the page does with its port.
const PORT: &str = "9944";

/// Ports of the three directors.
const ADDRESSES: [&str; 3] = ["127.0.0.2:9615", "127.0.0.3:9615", "127.0.0.4:9615"];

#[tokio::test(flavor = "multi_thread")]
async fn the_quickstart_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/quickstart.md")).unwrap();
    let blocks = shell_blocks(&page);
    assert!(blocks.len() >= 12, "{}", blocks.len());
    check_again(&blocks);
    if let Some((why, switch)) = missing() {
        assert!(env::var_os(switch).is_none(), "{why}, and {switch} is set");
        return eprintln!("SKIPPED: {why}");
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = blocks.join("\n").replace("cargo xtask build", "true");
    let script = script.replace(PORT, &port.to_string());
    let dir = tempfile::tempdir().unwrap();
    // A debug build is in `debug/` of this.
    let built = sibling("director").unwrap().ancestors().nth(2).unwrap().to_owned();
    let mut bash = tokio::process::Command::new("bash");
    // An error in any block ends it, but for those of the page's own conditions.
    bash.args(["-e", "-c", &script])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", built)
        .env("TRIAL", dir.path().join("trial"))
        .stdin(Stdio::null())
        .stdout(fs::File::create(dir.path().join("out")).unwrap())
        .stderr(fs::File::create(dir.path().join("err")).unwrap())
        .process_group(0)
        .kill_on_drop(true);
    let begun = Instant::now();
    let mut trial = bash.spawn().unwrap();
    let group = Group(trial.id().unwrap());
    let ended = timeout(PATIENCE, trial.wait()).await;
    let took = begun.elapsed();
    drop(group);
    let said = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    let all = format!("{}\n{}", said("out"), said("err"));
    assert!(ended.is_ok_and(|status| status.unwrap().success()), "after {took:?}:\n{all}");
    let out = said("out");
    assert_eq!(out.matches("2 \"connected\":true").count(), 3, "{out}");
    assert!(out.contains("authorized: it may speak and vote"), "{out}");
    assert!(out.matches("certificate").count() >= 5, "{out}");
    let unharmed = "0 certificates missed, 0 times messages lost";
    assert_eq!(out.matches(unharmed).count(), 5, "{out}");
    assert!(!dir.path().join("trial").exists(), "it takes itself away");
    eprintln!("the quickstart's blocks took {} s, with everything built", took.as_secs());
}

/// Whoever begins again with the folder still there is told, and nothing is done: it would end in the middle of the repository.
fn check_again(blocks: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let block = blocks.iter().find(|block| block.contains("npm ci")).unwrap();
    let script = block.replace("cargo xtask build", "true");
    let mut bash = Command::new("bash");
    bash.args(["-e", "-c", &script]).current_dir(dir.path()).env("TRIAL", dir.path());
    let again = bash.output().unwrap();
    let said = String::from_utf8(again.stdout).unwrap();
    assert!(!again.status.success() && said.contains("paste section 7"), "{said}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was made");
    // What fails must be seen, where it fails.
    assert!(!block.contains("--silent"), "{block}");
}

/// What else than the programs it takes, and the switch with which that must be there.
fn missing() -> Option<(String, &'static str)> {
    for tool in ["bash", "curl", "node", "npm"] {
        let mut asked = Command::new(tool);
        let found = asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            return Some((format!("{tool} is not installed"), "CI"));
        }
    }
    if let Some(taken) = ADDRESSES.iter().find(|address| TcpListener::bind(address).is_err()) {
        return Some((format!("{taken} is taken"), "CI"));
    }
    // The page has npm fetch what plays governance.
    let mut asked = Command::new("npm");
    asked.args(["view", "@polkadot/api", "version"]).stdin(Stdio::null());
    let answered = asked.output().is_ok_and(|output| output.status.success());
    (!answered).then(|| ("npm cannot reach its registry".into(), "REQUIRE_REGISTRY"))
}

/// The processes of a shell and its children. Dropped, they are gone.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.0);
        let mut kill = Command::new("kill");
        // There is nobody left if all went well.
        let _ = kill.args(["-s", "KILL", "--", &group]).stderr(Stdio::null()).status();
    }
}

fn shell_blocks(page: &str) -> Vec<&str> {
    let blocks = page.split("```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix("sh\n")).collect()
}
