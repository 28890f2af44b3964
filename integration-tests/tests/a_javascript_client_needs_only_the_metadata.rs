//! A generic JavaScript client, which knows nothing but the metadata, lives the whole life of
//! directors and a validator through extrinsics.
//!
//! The client is `javascript/extrinsics.mjs`. It runs from a copy beside the test's executable, where
//! npm installs what it needs the first time, so that the source tree stays clean. Node.js and npm are
//! optional: without them this test says that it is skipped, unless `CI` is set; and so is the registry, unless
//! `REQUIRE_REGISTRY` is set.

#![allow(clippy::unwrap_used)]

use anyhow::{Context, bail};
use integration_tests::{chain::Chain, process::Managed};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use tokio::time::timeout;

/// Bounds a failure, in all.
const PATIENCE: Duration = Duration::from_secs(280);

/// What npm may take to fetch some 70 packages.
const INSTALL: Duration = Duration::from_secs(150);

/// What the client may take.
const LIFE: Duration = Duration::from_secs(100);

/// What a process may take to end that has said its last word.
const SOON: Duration = Duration::from_secs(30);

const BLOCK_TIME_MS: u64 = 150;

/// Least major version of Node.js, as in `package.json`.
const NODE_MAJOR: u32 = 20;

const FILES: [&str; 5] =
    [".npmrc", "package.json", "package-lock.json", "chain.mjs", "extrinsics.mjs"];

/// What the client says last if all is well.
const LAST_LINE: &str = "all of it with nothing but the metadata";

/// How npm names it that it cannot reach its registry.
const UNREACHABLE: [&str; 6] =
    ["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH"];

#[tokio::test(flavor = "multi_thread")]
async fn a_javascript_client_needs_only_the_metadata() {
    timeout(PATIENCE, run()).await.expect("done within the bound").unwrap();
}

async fn run() -> anyhow::Result<()> {
    if let Err(missing) = check_tools() {
        return skip(&missing, "CI");
    }
    let workplace = workplace()?;
    if let Err(error) = install(&workplace).await {
        let cause = format!("{error:#}");
        return match UNREACHABLE.iter().any(|code| cause.contains(code)) {
            true => skip(&format!("npm cannot reach its registry: {cause}"), "REQUIRE_REGISTRY"),
            false => Err(error),
        };
    }
    let dir = tempfile::tempdir()?;
    let chain = Chain::start(dir.path(), BLOCK_TIME_MS).await?;
    let script = workplace.join("extrinsics.mjs").display().to_string();
    let log = dir.path().join("javascript.log");
    let arguments = [script, chain.url.clone()];
    let mut client = Managed::spawn("the client", Path::new("node"), &arguments, log)?;
    client.wait_for_line(LAST_LINE, LIFE).await?;
    let (status, log) = client.wait_for_end(SOON).await?;
    assert!(status.success(), "{status}:\n{log}");
    chain.process.stop().await;
    Ok(())
}

/// Passes without the test, which is no success where everything has to be tested.
fn skip(why: &str, switch: &str) -> anyhow::Result<()> {
    if env::var_os(switch).is_some() {
        bail!("{why}; {switch} is set, so nothing is skipped");
    }
    eprintln!("SKIPPED: {why}");
    Ok(())
}

/// Whether Node.js and npm are there; if not, the remedy.
fn check_tools() -> Result<(), String> {
    let remedy = format!("install Node.js {NODE_MAJOR} or newer, npm comes along");
    for tool in ["node", "npm"] {
        let output = Command::new(tool).arg("--version").stdin(Stdio::null()).output();
        let Some(output) = output.ok().filter(|output| output.status.success()) else {
            return Err(format!("{tool} is not installed: {remedy}"));
        };
        let version = String::from_utf8_lossy(&output.stdout).trim().to_string();
        let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
        let is_old = major.parse::<u32>().is_ok_and(|major| major < NODE_MAJOR);
        if tool == "node" && is_old {
            return Err(format!("node is {version}: {remedy}"));
        }
    }
    Ok(())
}

/// A copy of the client beside the executables.
fn workplace() -> anyhow::Result<PathBuf> {
    let executable = env::current_exe()?;
    // Tests are in `deps/`, one below.
    let target = executable.ancestors().nth(2).context("a test is in a target directory")?;
    let workplace = target.join("javascript");
    fs::create_dir_all(&workplace)?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("javascript");
    for file in FILES {
        fs::copy(source.join(file), workplace.join(file)).with_context(|| format!("no {file}"))?;
    }
    Ok(workplace)
}

/// Installs what the lock file names, unless that is there already.
async fn install(workplace: &Path) -> anyhow::Result<()> {
    let lock = fs::read(workplace.join("package-lock.json"))?;
    let installed = workplace.join("installed.json");
    if fs::read(&installed).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let at = workplace.display().to_string();
    let arguments =
        ["ci", "--prefix", &at, "--ignore-scripts", "--prefer-offline", "--fetch-retries=1"];
    let arguments = arguments.map(String::from);
    let log = workplace.join("npm.log");
    let mut npm = Managed::spawn("npm ci", Path::new("npm"), &arguments, log)?;
    let (status, log) = npm.wait_for_end(INSTALL).await?;
    if !status.success() {
        bail!("npm ci ended with {status}:\n{log}");
    }
    Ok(fs::write(installed, lock)?)
}
