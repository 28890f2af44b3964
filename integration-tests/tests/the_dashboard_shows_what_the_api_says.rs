//! Every director tells a double sign to its slash, whichever reported it. And the dashboard, in a headless Chromium: of a
//! director that runs, with a double sign on its way, and of made-up ones with a thousand validators. What it shows is
//! what the API says, on phone and desktop, in light and dark, also after a search, on another page and in another window
//! of time; the console is silent, the keyboard reaches everything, texts have their contrast. And when the director is
//! closed, hangs or stands still, the page says so, until it is back.
//!
//! Node.js and Chromium are optional: without them this test says that it is skipped, unless `REQUIRE_BROWSER` is set.
//! Pictures are beside the test's executable, in `dashboard/`.

#![allow(clippy::unwrap_used)]

use anyhow::{Context, ensure};
use integration_tests::{
    director::{Director, get},
    network::{Network, Plan},
    options::DoubleSign,
    process::Managed,
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(280);

/// Bounds what the browser does.
const BROWSING: Duration = Duration::from_secs(230);

/// Bounds a step.
const SOON: Duration = Duration::from_secs(60);

/// What Chromium is called.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

const LAST_LINE: &str = "the dashboard shows what the API says";

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_shows_what_the_api_says() {
    timeout(PATIENCE, run()).await.expect("done within the bound").unwrap();
}

async fn run() -> anyhow::Result<()> {
    let browser = BROWSERS.into_iter().find(|name| is_there(name)).filter(|_| is_there("node"));
    let Some(browser) = browser else {
        let needs = "needs Node.js 20 and Chromium (apt-get install chromium)";
        ensure!(env::var_os("REQUIRE_BROWSER").is_none(), "{needs}");
        eprintln!("SKIPPED: {needs}");
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    let offender = DoubleSign { validator: 7, checkpoint: 1 };
    let plan = Plan { offender: Some(offender), ..Plan::quick(7, dir.path()) };
    let network = Network::start(&plan, |_| {}).await?;
    let director = &network.directors[0];
    let proven = |status: &Value| status["evidence"].as_array().is_some_and(|of| !of.is_empty());
    director.wait_for_status(SOON, proven).await?;
    told_to_its_slash(&network.directors).await?;
    browse(browser, dir.path(), director).await?;
    network.shutdown().await;
    Ok(())
}

/// Each of them has the report in the chain, and a slash from the same block on.
async fn told_to_its_slash(directors: &[Director]) -> anyhow::Result<()> {
    let mut due = BTreeSet::new();
    for director in directors {
        let url = format!("http://127.0.0.1:{}/api/v1/evidence", director.ports.http);
        let end = Instant::now() + SOON;
        let case = loop {
            let evidence: Value = serde_json::from_str(&get(url.clone()).await?)?;
            let case = &evidence["items"][0];
            let slash = case["steps"].as_array().and_then(|steps| steps.last());
            if slash.is_some_and(|of| of["name"] == "slash" && of["block"].is_u64()) {
                break case.clone();
            }
            ensure!(Instant::now() < end, "it is not told to its slash: {evidence}");
            // A page cannot be awaited.
            sleep(Duration::from_millis(200)).await;
        };
        println!(
            "{}: {}, slash from block {}",
            director.identity.name, case["state"], case["slash_from_block"]
        );
        due.insert(case["slash_from_block"].as_u64());
    }
    ensure!(due.len() == 1 && !due.contains(&None), "slashes are due at {due:?}");
    Ok(())
}

fn is_there(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    version.is_ok_and(|version| version.status.success())
}

/// Where the sources are.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace has a root").into()
}

async fn browse(browser: &str, dir: &Path, director: &Director) -> anyhow::Result<()> {
    let executable = env::current_exe()?;
    let target = executable.ancestors().nth(2).context("a test is in a target directory")?;
    let script = root().join("integration-tests/dashboard/check.mjs");
    let files = root().join("director-service/src/http/dashboard");
    let pictures = target.join("dashboard");
    let url = format!("http://127.0.0.1:{}", director.ports.http);
    let arguments = [
        script.display().to_string(),
        browser.to_owned(),
        files.display().to_string(),
        pictures.display().to_string(),
        url,
    ];
    let log = dir.join("browser.log");
    let mut node = Managed::spawn("the browser", Path::new("node"), &arguments, log)?;
    node.wait_for_line(LAST_LINE, BROWSING).await?;
    let (status, log) = node.wait_for_end(SOON).await?;
    ensure!(status.success(), "{status}:\n{log}");
    Ok(())
}
