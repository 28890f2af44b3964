//! Starts the node and the directors as processes of their own, and ends exactly those.
//!
//! A child ends with its [`Managed`], also when that is dropped by a panic; and when this process is
//! killed, the child's standard input closes, upon which mock-node and director end by themselves.

use anyhow::{Context, bail};
use director_service::failpoint::{self, Failpoint};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, Command},
    time::timeout,
};

/// How long a child may take to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// How often a log is looked into.
const LOG_INTERVAL: Duration = Duration::from_millis(50);

/// A child process that does not outlive this value.
pub struct Managed {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    log: PathBuf,
}

impl Managed {
    /// Starts `program`, its standard error going to `log`.
    ///
    /// # Errors
    ///
    /// If the program or the log cannot be opened.
    pub fn spawn(
        name: &str,
        program: &Path,
        arguments: &[String],
        log: PathBuf,
    ) -> anyhow::Result<Self> {
        let stderr =
            File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = Command::new(program)
            .args(arguments)
            .env(failpoint::VARIABLE, failpoint_of(&log))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            // Ctrl-C on the terminal is for the devnet, which ends its children in order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdin = child.stdin.take();
        Ok(Self { name: name.into(), child, stdin, log })
    }

    /// Waits for a line on standard output that starts with `prefix`; returns the rest of it.
    /// Whatever the child prints afterwards is read and dropped, so that it never blocks.
    ///
    /// # Errors
    ///
    /// If the child ends or `within` passes before the line; the message has the end of the log.
    pub async fn wait_for_line(
        &mut self,
        prefix: &str,
        within: Duration,
    ) -> anyhow::Result<String> {
        let stdout = self.child.stdout.take().context("standard output is read already")?;
        let mut lines = BufReader::new(stdout).lines();
        let found = timeout(within, async {
            while let Some(line) = lines.next_line().await? {
                if let Some(rest) = line.strip_prefix(prefix) {
                    return Ok(Some(rest.trim().to_string()));
                }
            }
            anyhow::Ok(None)
        })
        .await;
        match found {
            Ok(Ok(Some(rest))) => {
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                Ok(rest)
            }
            Ok(Ok(None)) => bail!("{} ended before it was ready:\n{}", self.name, self.log_tail()),
            Ok(Err(error)) => Err(error).context(format!("cannot read from {}", self.name)),
            Err(_) => bail!("{} is not ready after {within:?}:\n{}", self.name, self.log_tail()),
        }
    }

    /// Waits until the log has a line with `text`; the line.
    ///
    /// # Errors
    ///
    /// If `within` passes before.
    pub async fn wait_for_log(&self, text: &str, within: Duration) -> anyhow::Result<String> {
        let found = timeout(within, async {
            loop {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                if let Some(line) = log.lines().find(|line| line.contains(text)) {
                    return line.to_string();
                }
                // A file cannot be awaited.
                tokio::time::sleep(LOG_INTERVAL).await;
            }
        });
        match found.await {
            Ok(line) => Ok(line),
            Err(_) => bail!("{} never says `{text}`:\n{}", self.name, self.log_tail()),
        }
    }

    /// Stops the process where it is (`STOP`), or lets it go on (`CONT`).
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.pid().with_context(|| format!("{} has ended", self.name))?.to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status()?;
        anyhow::ensure!(sent.success(), "cannot send {name} to process {pid}");
        Ok(())
    }

    /// Has the process end itself at the `passing`-th passing of a place in its code, from 1.
    ///
    /// # Errors
    ///
    /// If that cannot be written beside its log.
    pub fn end_at(&self, at: Failpoint, passing: u32) -> anyhow::Result<()> {
        Ok(failpoint::arm(&failpoint_of(&self.log), at, passing)?)
    }

    /// Lets it live, if it has not got there.
    pub fn disarm(&self) {
        // Not there if it was never armed, or has ended.
        let _ = std::fs::remove_file(failpoint_of(&self.log));
    }

    /// Waits until the child has ended, however.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        Ok(self.child.wait().await.map(drop)?)
    }

    /// Process id, as long as the child runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Resident memory in KiB, if the child runs and the system tells.
    pub fn rss_kib(&self) -> Option<u64> {
        self.memory_kib("VmRSS:")
    }

    /// The most resident memory that it ever had, in KiB, if it runs and the system tells.
    pub fn peak_rss_kib(&self) -> Option<u64> {
        self.memory_kib("VmHWM:")
    }

    fn memory_kib(&self, field: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        line.trim().trim_end_matches("kB").trim().parse().ok()
    }

    /// The error that ended the child, if it has ended.
    ///
    /// # Errors
    ///
    /// Says with which status it ended and how its log ends.
    pub fn check_alive(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}:\n{}", self.name, self.log_tail()),
        }
    }

    /// Waits until the child ends by itself; its status and its whole log.
    ///
    /// # Errors
    ///
    /// If it still runs after `within`.
    pub async fn wait_for_end(
        &mut self,
        within: Duration,
    ) -> anyhow::Result<(std::process::ExitStatus, String)> {
        let Ok(status) = timeout(within, self.child.wait()).await else {
            bail!("{} still runs after {within:?}:\n{}", self.name, self.log_tail())
        };
        Ok((status?, std::fs::read_to_string(&self.log).unwrap_or_default()))
    }

    /// Asks the child to end, by closing its standard input, and kills it if it does not.
    pub async fn stop(mut self) {
        drop(self.stdin.take());
        if timeout(GRACE, self.child.wait()).await.is_err() {
            tracing::warn!("{} did not end within {GRACE:?}, killing it", self.name);
            let _ = self.child.kill().await;
        }
    }

    /// Kills the child at once, as a power cut would.
    pub async fn kill(mut self) {
        let _ = self.child.kill().await;
    }

    /// The last lines of the child's log.
    pub fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

/// The file by which a process with this log is told where to end.
fn failpoint_of(log: &Path) -> PathBuf {
    log.with_extension("failpoint")
}

/// Where a program of this workspace was built: beside this one, or, beside a release, among the debug builds:
/// nobody builds the node as a release.
///
/// # Errors
///
/// If it is not there; the message says how to build it.
pub fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program is")?;
    // Tests are in `deps/`, one below.
    let beside = own.ancestors().skip(1).take(2).map(Path::to_path_buf);
    let debug = own.ancestors().nth(2).map(|target| target.join("debug"));
    let found = beside.chain(debug).map(|dir| dir.join(name)).find(|path| path.is_file());
    found.with_context(|| {
        format!("{name} is not beside {}: build it with `cargo xtask build`", own.display())
    })
}
