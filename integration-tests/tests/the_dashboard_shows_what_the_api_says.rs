//! The dashboard, in a headless Chromium: of a director that runs, with a double sign on its way, and with a thousand
//! validators that are made up. What it shows is what the API says, on phone and desktop, in light and dark; the
//! console is silent, the keyboard reaches everything, texts have their contrast, and nothing holds the page up. And an
//! alert of `deploy/prometheus` fires in a real Prometheus when a director dies.
//!
//! Node.js, Chromium and Prometheus are optional: without them this test says what it skipped, unless
//! `REQUIRE_BROWSER` or `REQUIRE_PROMETHEUS` is set. Pictures are beside the test's executable, in `dashboard/`.

#![allow(clippy::unwrap_used)]

use anyhow::{Context, bail, ensure};
use integration_tests::{
    director::{Director, get},
    network::{Network, Plan},
    options::DoubleSign,
    process::Managed,
};
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(280);

/// Bounds what the browser does.
const BROWSING: Duration = Duration::from_secs(150);

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
    let prometheus = is_there("prometheus");
    if browser.is_none() {
        skipped(
            "the dashboard",
            "Node.js 20 and Chromium (apt-get install chromium)",
            "REQUIRE_BROWSER",
        )?;
    }
    if !prometheus {
        skipped("the alerts", "Prometheus (apt-get install prometheus)", "REQUIRE_PROMETHEUS")?;
    }
    if browser.is_none() && !prometheus {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let offender = DoubleSign { validator: 7, checkpoint: 1 };
    let plan = Plan { offender: Some(offender), ..Plan::quick(7, dir.path()) };
    let mut network = Network::start(&plan, |_| {}).await?;
    let director = &network.directors[0];
    let proven = |status: &Value| status["evidence"].as_array().is_some_and(|of| !of.is_empty());
    director.wait_for_status(SOON, proven).await?;
    if let Some(browser) = browser {
        browse(browser, dir.path(), director).await?;
    }
    if prometheus {
        an_alert_fires(&mut network, dir.path()).await?;
    }
    network.shutdown().await;
    Ok(())
}

fn is_there(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    version.is_ok_and(|version| version.status.success())
}

/// Passes over a part, which is no success where everything has to be tested.
fn skipped(what: &str, needs: &str, required: &str) -> anyhow::Result<()> {
    ensure!(env::var_os(required).is_none(), "{what}: needs {needs}; {required} is set");
    eprintln!("SKIPPED: {what}: needs {needs}");
    Ok(())
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

/// Prometheus with the rules that operators get, but that an alert does not wait before it fires.
async fn an_alert_fires(network: &mut Network, dir: &Path) -> anyhow::Result<()> {
    let rules = fs::read_to_string(root().join("director-service/deploy/prometheus/alerts.yml"))?;
    let impatient = rules.lines().filter(|line| !line.trim_start().starts_with("for:"));
    fs::write(dir.join("alerts.yml"), impatient.collect::<Vec<_>>().join("\n"))?;
    let targets = network.directors.iter().map(|of| format!("\"127.0.0.1:{}\"", of.ports.http));
    let targets = targets.collect::<Vec<_>>().join(", ");
    let config = dir.join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [alerts.yml]\n\
         scrape_configs:\n- job_name: director\n  static_configs:\n  - targets: [{targets}]\n"
    );
    fs::write(&config, text)?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let arguments = [
        format!("--config.file={}", config.display()),
        format!("--storage.tsdb.path={}", dir.join("series").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ];
    let log = dir.join("prometheus.log");
    let prometheus = Managed::spawn("prometheus", Path::new("prometheus"), &arguments, log)?;
    let ask = |what: &str| get(format!("http://127.0.0.1:{port}/api/v1/{what}"));

    let is_up = async || -> anyhow::Result<bool> {
        let Ok(answer) = ask("query?query=sum(director_ready)").await else { return Ok(false) };
        let answer: Value = serde_json::from_str(&answer)?;
        Ok(answer["data"]["result"][0]["value"][1] == "3")
    };
    wait(&prometheus, "all directors are ready", is_up).await?;
    let firing = async || -> anyhow::Result<Vec<String>> {
        let answer: Value = serde_json::from_str(&ask("alerts").await?)?;
        let alerts = answer["data"]["alerts"].as_array().context("alerts")?.iter();
        Ok(alerts.filter_map(|of| Some(of["labels"]["alertname"].as_str()?.to_owned())).collect())
    };
    for alert in
        ["DirectorDown", "DirectorMeshLinkDown", "DirectorStoreFailing", "DirectorSlowPeers"]
    {
        let firing = firing().await?;
        ensure!(
            !firing.iter().any(|of| of == alert),
            "{alert} fires while all is well: {firing:?}"
        );
    }
    network.directors.remove(2).kill().await;
    for alert in ["DirectorDown", "DirectorMeshLinkDown"] {
        let fires = async || Ok(firing().await?.iter().any(|of| of == alert));
        wait(&prometheus, alert, fires).await?;
    }
    prometheus.kill().await;
    Ok(())
}

async fn wait(
    process: &Managed,
    what: &str,
    reached: impl AsyncFn() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let end = Instant::now() + SOON;
    while !reached().await? {
        if Instant::now() >= end {
            bail!("not within {SOON:?}: {what}\n{}", process.log_tail());
        }
        // A page cannot be awaited.
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}
