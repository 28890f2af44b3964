//! Asks the running director for what it says of itself over HTTP.

use crate::config::Config;
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    time::Duration,
};

/// Longest wait for the connection, and for each part of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest answer, in bytes: 1,000 validators take some hundred KiB.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

/// Where the running director answers.
#[derive(clap::Args)]
pub(super) struct PageArgs {
    /// Configuration file of the director that runs; http.listen says where it answers.
    #[arg(long, value_name = "FILE", env = "DIRECTOR_CONFIG", required_unless_present = "http")]
    config: Option<PathBuf>,
    /// Address where it answers, instead of its configuration: 127.0.0.1:9615.
    #[arg(long, value_name = "ADDRESS", value_parser = super::socket_of)]
    http: Option<SocketAddr>,
}

impl PageArgs {
    /// `/api/v1/status` of the director.
    ///
    /// # Errors
    ///
    /// If nobody answers there, or not a director.
    pub(super) fn status(&self) -> anyhow::Result<Value> {
        status(self.address()?)
    }

    fn address(&self) -> anyhow::Result<SocketAddr> {
        match (self.http, &self.config) {
            (Some(address), _) => Ok(address),
            (None, Some(file)) => Ok(Config::load(file)?.http.listen),
            (None, None) => bail!("say which director: --config FILE or --http ADDRESS"),
        }
    }
}

/// `/api/v1/status` of the director at this address.
///
/// # Errors
///
/// If nobody answers there, or not a director.
pub(super) fn status(address: SocketAddr) -> anyhow::Result<Value> {
    ensure!(
        address.port() != 0,
        "http.listen has port 0, so only the director knows its port: its first line says it; give \
         --http 127.0.0.1:PORT"
    );
    ask(address, "/api/v1/status")
}

/// Whether somebody listens there.
pub(super) fn is_there(address: SocketAddr) -> bool {
    address.port() != 0 && TcpStream::connect_timeout(&address, PATIENCE).is_ok()
}

/// What the director at this address answers at a path.
///
/// # Errors
///
/// If nobody answers there, or not a director.
pub(super) fn ask(address: SocketAddr, path: &str) -> anyhow::Result<Value> {
    let answer = serde_json::from_str(&get(address, path)?);
    answer.with_context(|| format!("{address} is no director: its answer is no JSON"))
}

/// Gets a page. Directors answer with HTTP/1.1 and a length, or close.
fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| {
        anyhow::anyhow!(
            "no director answers at {address} ({error}): check that it runs, and that http.listen or \
             --http is its address"
        )
    })?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut answer = Vec::new();
    let asked = write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    );
    asked
        .and_then(|()| stream.take(MAX_ANSWER).read_to_end(&mut answer))
        .with_context(|| format!("the director at {address} does not answer; see its log"))?;
    parse(&answer).with_context(|| format!("{address} does not answer as a director does"))
}

fn parse(answer: &[u8]) -> anyhow::Result<String> {
    let text = std::str::from_utf8(answer).context("no text")?;
    let (head, body) = text.split_once("\r\n\r\n").context("no HTTP")?;
    let mut lines = head.lines();
    let code = lines.next().and_then(|line| line.split(' ').nth(1)).context("no HTTP")?;
    ensure!(code == "200", "it says {code}; is that a director of the same version?");
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    match length {
        Some(length) if body.len() != length => bail!("its answer is cut off"),
        _ => Ok(body.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let read = |text: &str| parse(text.as_bytes());
        let good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx: y\r\n\r\n{}";
        assert_eq!(read(good).unwrap(), "{}");
        assert_eq!(read("HTTP/1.1 200 OK\r\n\r\n{}").unwrap(), "{}");
        for wrong in ["", "SSH-2.0-x\r\n", &good[..good.len() - 1], &good.replace("200", "404")] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
