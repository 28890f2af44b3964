//! A real Prometheus that watches directors by the rules that operators get.

use crate::{
    director::{Director, get},
    process::Managed,
};
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// The rules, from the workspace's root.
const RULES: &str = "director-service/deploy/prometheus/alerts.yml";

/// How long a chain has to be silent there, which no test waits for, and how long here.
const SILENCE: (&str, &str) = ("_age_seconds > 120", "_age_seconds > 5");

/// How often it is asked: a page cannot be awaited.
const INTERVAL: Duration = Duration::from_millis(200);

/// Whether it is installed.
pub fn is_there() -> bool {
    let version = Command::new("prometheus").arg("--version").stdin(Stdio::null()).output();
    version.is_ok_and(|version| version.status.success())
}

/// It, in a process of its own. What is wrong it says at once and not after minutes: rules are without their `for:`.
pub struct Prometheus {
    process: Managed,
    port: u16,
}

impl Prometheus {
    /// Starts it with its files in `dir`, and waits until it has heard from all these directors.
    ///
    /// # Errors
    ///
    /// If the rules are not as expected, it does not start, or `within` passes before.
    pub async fn start(
        dir: &Path,
        directors: &[Director],
        within: Duration,
    ) -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?;
        let rules = fs::read_to_string(root.join(RULES))?;
        ensure!(rules.contains(SILENCE.0), "{RULES} has no `{}`", SILENCE.0);
        let rules = rules.replace(SILENCE.0, SILENCE.1);
        let impatient = rules.lines().filter(|line| !line.trim_start().starts_with("for:"));
        fs::write(dir.join("alerts.yml"), impatient.collect::<Vec<_>>().join("\n"))?;
        let targets = directors.iter().map(|of| format!("\"127.0.0.1:{}\"", of.ports.http));
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
        let (name, log) = ("prometheus", dir.join("prometheus.log"));
        let process = Managed::spawn(name, Path::new(name), &arguments, log)?;
        let started = Self { process, port };
        let all = directors.len().to_string();
        let heard = async || {
            // Until it listens there is no answer.
            let Ok(answer) = started.ask("query?query=sum(director_ready)").await else {
                return Ok(false);
            };
            Ok(answer["data"]["result"][0]["value"][1] == *all)
        };
        started.wait(within, heard).await.context("not all directors are ready")?;
        Ok(started)
    }

    /// Waits until every rule has been looked at twice from now on: until then that nothing fires says nothing.
    ///
    /// # Errors
    ///
    /// If it does not answer, or `within` passes before.
    pub async fn has_judged(&self, within: Duration) -> anyhow::Result<()> {
        for _ in 0..2 {
            let before = self.judged_at().await?;
            let again = async || Ok(self.judged_at().await? > before);
            self.wait(within, again).await.context("not every rule is looked at")?;
        }
        Ok(())
    }

    /// When the rule was looked at that was looked at longest ago, as text that sorts by time; empty if one never was.
    async fn judged_at(&self) -> anyhow::Result<String> {
        let answer = self.ask("rules").await?;
        let groups = answer["data"]["groups"].as_array().context("no rules")?;
        let rules = groups.iter().filter_map(|group| group["rules"].as_array()).flatten();
        let at = |rule: &Value| rule["lastEvaluation"].as_str().unwrap_or_default().to_owned();
        rules.map(at).min().context("no rules")
    }

    /// Names of the alerts that fire, of whichever director.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn firing(&self) -> anyhow::Result<BTreeSet<String>> {
        let answer = self.ask("alerts").await?;
        let alerts = answer["data"]["alerts"].as_array().context("no alerts")?;
        let name = |alert: &Value| Some(alert["labels"]["alertname"].as_str()?.to_owned());
        Ok(alerts.iter().filter_map(name).collect())
    }

    /// Waits until all of these fire.
    ///
    /// # Errors
    ///
    /// If it does not answer, or `within` passes before.
    pub async fn fires(&self, alerts: &[&str], within: Duration) -> anyhow::Result<()> {
        let all = async || {
            let firing = self.firing().await?;
            Ok(alerts.iter().all(|alert| firing.contains(*alert)))
        };
        self.wait(within, all).await.with_context(|| format!("not all of {alerts:?} fire"))
    }

    /// Waits until none of these fires any more.
    ///
    /// # Errors
    ///
    /// As [`Self::fires`].
    pub async fn is_calm(&self, alerts: &[&str], within: Duration) -> anyhow::Result<()> {
        let none = async || {
            let firing = self.firing().await?;
            Ok(!alerts.iter().any(|alert| firing.contains(*alert)))
        };
        self.wait(within, none).await.with_context(|| format!("some of {alerts:?} still fire"))
    }

    /// Ends it.
    pub async fn end(self) {
        self.process.kill().await;
    }

    async fn ask(&self, what: &str) -> anyhow::Result<Value> {
        let answer = get(format!("http://127.0.0.1:{}/api/v1/{what}", self.port)).await?;
        Ok(serde_json::from_str(&answer)?)
    }

    async fn wait(
        &self,
        within: Duration,
        reached: impl AsyncFn() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let end = Instant::now() + within;
        while !reached().await? {
            if Instant::now() >= end {
                let firing = self.firing().await;
                bail!("after {within:?}: {firing:?} fire\n{}", self.process.log_tail());
            }
            sleep(INTERVAL).await;
        }
        Ok(())
    }
}
