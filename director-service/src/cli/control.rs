//! Gives the running director an order over the Unix socket in its data folder, which its owner alone may open.
//!
//! One JSON object a line, `{"revoke":"ACCOUNT"}` or `{"drain":true}`, answered by `{"ok":"…"}` or `{"error":"…"}`,
//! and before that, as long as it takes, by a line `{"progress":"…"}` every second.

use anyhow::{Context, bail};
use serde::Deserialize;
use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longest wait for the director's next word.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// What a director says.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    /// It is done.
    Ok(String),
    /// It goes on.
    Progress(String),
    /// It is not done.
    Error(String),
}

/// An order that was given, and the answers to it.
pub(super) struct Orders {
    socket: PathBuf,
    reader: BufReader<UnixStream>,
}

impl Orders {
    /// Gives an order.
    ///
    /// # Errors
    ///
    /// If nobody listens there, with the remedy.
    pub(super) fn give(socket: &Path, order: &serde_json::Value) -> anyhow::Result<Self> {
        let mut stream = UnixStream::connect(socket).map_err(|error| explain(socket, &error))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let given = writeln!(stream, "{order}");
        let orders = Self { socket: socket.to_owned(), reader: BufReader::new(stream) };
        given.with_context(|| orders.silent())?;
        Ok(orders)
    }

    /// The next answer.
    ///
    /// # Errors
    ///
    /// If there is none, or nobody understands it.
    pub(super) fn answer(&mut self) -> anyhow::Result<Answer> {
        let mut line = String::new();
        let read = self.reader.by_ref().take(MAX_ANSWER).read_line(&mut line);
        read.with_context(|| self.silent())?;
        if line.is_empty() {
            bail!(self.silent());
        }
        serde_json::from_str(&line).map_err(|_| {
            let said = line.trim_end();
            anyhow::anyhow!(
                "{} answers {said:?}, which is no answer; {SAME}",
                self.socket.display()
            )
        })
    }

    /// What to say about an answer that does not belong here.
    pub(super) fn strange(&self) -> String {
        format!("{} answers something else than it was asked; {SAME}", self.socket.display())
    }

    fn silent(&self) -> String {
        format!("the director at {} does not answer; see its log", self.socket.display())
    }
}

const SAME: &str = "is that director of the same version?";

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
