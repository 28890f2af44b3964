//! Runs relays and load programs as processes that do not outlive this one.

use crate::programs::pinned;
use anyhow::{Context, Result, bail};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// How long a process may take to end when its standard input closes.
const GRACE: Duration = Duration::from_secs(5);

/// Lines of a log that an error shows.
const TAIL: usize = 12;

/// A process on one core; its standard error is in a file.
pub(crate) struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

impl Process {
    /// Starts a program on a core, its log in `dir`.
    pub(crate) fn start(
        name: &str,
        core: usize,
        program: &Path,
        arguments: &[String],
        dir: &Path,
    ) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let (command, arguments) = pinned(core, program, arguments);
        let mut child = Command::new(&command)
            .args(&arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| {
                format!("cannot start {} {}", command.display(), arguments.join(" "))
            })?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("a pipe was asked for")?;
        let stdout = BufReader::new(stdout).lines();
        Ok(Self { name: name.into(), child, stdin, stdout, log })
    }

    /// Its id, if it runs.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().with_context(|| format!("{} has ended: {}", self.name, self.tail()))
    }

    /// The rest of the next line on standard output that begins with `prefix`.
    pub(crate) async fn line(&mut self, prefix: &str, within: Duration) -> Result<String> {
        let found = timeout(within, async {
            while let Some(line) = self.stdout.next_line().await? {
                if let Some(rest) = line.strip_prefix(prefix) {
                    return Ok(Some(rest.trim().to_owned()));
                }
            }
            anyhow::Ok(None)
        });
        match found.await {
            Ok(Ok(Some(rest))) => Ok(rest),
            Ok(Ok(None)) => bail!("{} ended too early: {}", self.name, self.tail()),
            Ok(Err(error)) => Err(error),
            Err(_) => bail!("{} said no `{prefix}` within {within:?}: {}", self.name, self.tail()),
        }
    }

    /// Ends it: by the end of its standard input, and by force if that does not help.
    pub(crate) async fn end(mut self) {
        drop(self.stdin.take());
        if timeout(GRACE, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    fn tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}
