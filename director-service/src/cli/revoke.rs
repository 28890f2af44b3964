//! `director revoke`: have the running director sign a validator's revocation.
//!
//! Over the Unix socket in the director's data folder, which its owner alone may open: one JSON object
//! a line, `{"revoke":"ACCOUNT"}`, answered by `{"ok":"…"}` or `{"error":"…"}`.

use crate::config::Config;
use anyhow::{Context, bail};
use director_primitives::AccountId32;
use serde::Deserialize;
use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

/// Name of the socket in the data folder.
const SOCKET: &str = "control.sock";

/// Longest wait for the director.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// Have the running director sign a validator's revocation.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  director revoke --config director.toml --validator 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY

The director serves that validator no more, at once, and tells the other directors. Only when two thirds
of the directors have signed a revocation, each by its own operator's or its own decision, is the
validator revoked for all and on chain.")]
pub(super) struct Args {
    /// Configuration file of the director that runs.
    #[arg(long, value_name = "FILE", env = "DIRECTOR_CONFIG")]
    config: PathBuf,
    /// The validator's account: SS58, or 0x and 64 digits.
    #[arg(long, value_name = "ACCOUNT", value_parser = super::account_of)]
    validator: AccountId32,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Ok(String),
    Error(String),
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        println!("{}", revoke(&config.data_dir.join(SOCKET), &self.validator)?);
        Ok(())
    }
}

/// What the director says.
///
/// # Errors
///
/// If it says no, or nobody listens.
pub(super) fn revoke(socket: &Path, validator: &AccountId32) -> anyhow::Result<String> {
    let mut stream = UnixStream::connect(socket).map_err(|error| explain(socket, &error))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = serde_json::json!({ "revoke": validator.to_string() });
    let no_answer = || format!("the director at {} does not answer; see its log", socket.display());
    writeln!(stream, "{request}").with_context(no_answer)?;
    let mut line = String::new();
    BufReader::new(stream.take(MAX_ANSWER)).read_line(&mut line).with_context(no_answer)?;
    if line.is_empty() {
        bail!(no_answer());
    }
    match serde_json::from_str(&line) {
        Ok(Answer::Ok(said)) => Ok(said),
        Ok(Answer::Error(said)) => bail!("{said}"),
        Err(_) => bail!(
            "{} answers {:?}, which is no answer; is that director of the same version?",
            socket.display(),
            line.trim_end()
        ),
    }
}

fn explain(socket: &Path, error: &std::io::Error) -> anyhow::Error {
    let socket = socket.display();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => anyhow::anyhow!(
            "no director listens at {socket}: check that it runs, and that data_dir here is the one \
             that it runs with"
        ),
        ErrorKind::PermissionDenied => anyhow::anyhow!(
            "{socket} is another user's: run this as the user that the director runs as"
        ),
        _ => anyhow::anyhow!("cannot reach the director at {socket}: {error}"),
    }
}
