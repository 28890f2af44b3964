//! Speaks with one validator over standard input and output.

use super::{engine::Said, outlet::Outlet, protocol::MAX_LINE};
use std::sync::Arc;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

/// Bytes that are written at once, if so many wait.
const BATCH: usize = 64 * 1024;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    Line(String),
    TooLong,
    End,
}

/// Reads commands until the input ends.
pub(super) async fn read(
    mut input: impl AsyncBufRead + Unpin,
    outlet: Arc<Outlet>,
    said: mpsc::Sender<Said>,
) {
    loop {
        outlet.room().await;
        let read = match read_line(&mut input, MAX_LINE).await {
            Ok(Read::Line(line)) if line.trim().is_empty() => continue,
            Ok(Read::Line(line)) => Said::Line(outlet.clone(), line),
            Ok(Read::TooLong) => Said::TooLong(outlet.clone()),
            Ok(Read::End) | Err(_) => return,
        };
        if said.send(read).await.is_err() {
            return;
        }
    }
}

/// Writes what there is until the outlet is closed or nobody reads any more.
pub(super) async fn write(
    mut output: impl AsyncWrite + Unpin,
    outlet: Arc<Outlet>,
) -> std::io::Result<()> {
    while let Some(lines) = outlet.batch(BATCH).await {
        output.write_all(lines.as_bytes()).await?;
        output.flush().await?;
    }
    Ok(())
}

/// A line of at most so many bytes; a longer one is read to its end and thrown away.
pub(super) async fn read_line(
    input: &mut (impl AsyncBufRead + Unpin),
    most: usize,
) -> std::io::Result<Read> {
    let (mut line, mut is_too_long) = (Vec::new(), false);
    loop {
        let buffer = input.fill_buf().await?;
        if buffer.is_empty() {
            return Ok(match (is_too_long, line.is_empty()) {
                (true, _) => Read::TooLong,
                (false, true) => Read::End,
                (false, false) => as_line(line),
            });
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(buffer.len());
        if line.len() + taken > most {
            is_too_long = true;
            line = Vec::new();
        }
        if !is_too_long {
            line.extend_from_slice(&buffer[..taken]);
        }
        input.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() {
            return Ok(if is_too_long { Read::TooLong } else { as_line(line) });
        }
    }
}

/// What is no text is no JSON either, which is said when it is parsed.
fn as_line(line: Vec<u8>) -> Read {
    Read::Line(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
mod tests;
