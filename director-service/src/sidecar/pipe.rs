//! Speaks with one validator over standard input and output.

use super::{engine::Said, outlet::Outlet, protocol::MAX_LINE, start::StartError};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use tracing::{info, warn};

/// How long the last lines may take to leave.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(2);

/// Bytes that are written at once, if so many wait.
const BATCH: usize = 64 * 1024;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    Line(String),
    TooLong,
    End,
}

/// A task that ends with this.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The two ends of a validator.
pub(super) struct Pipe {
    outlet: Arc<Outlet>,
    reader: Task<()>,
    writer: Task<io::Result<()>>,
    is_written: bool,
}

impl Pipe {
    /// Reads from `input` and writes to `output` until this is dropped.
    pub(super) fn start(
        input: impl AsyncRead + Unpin + Send + 'static,
        output: impl AsyncWrite + Unpin + Send + 'static,
        queue_bytes: usize,
        said: mpsc::Sender<Said>,
    ) -> Self {
        let outlet = Outlet::new(queue_bytes);
        let reading = outlet.clone();
        let reader = tokio::spawn(async move {
            // First of all, so that its greeting comes first.
            if said.send(Said::Joined(reading.clone())).await.is_ok() {
                read(BufReader::new(input), reading, said).await;
            }
        });
        let writer = tokio::spawn(write(output, outlet.clone()));
        Self { outlet, reader: Task(reader), writer: Task(writer), is_written: false }
    }

    /// Resolves when one of the two ends is gone, or the validator was given up: then its writer may be in a write that never
    /// ends.
    pub(super) async fn ended(&mut self) {
        tokio::select! {
            _ = &mut self.reader.0 => info!("the validator has closed the pipe: stopping"),
            _ = &mut self.writer.0 => {
                self.is_written = true;
                info!("the validator does not listen any more: stopping");
            }
            () = self.outlet.closed() => warn!("the validator does not read: stopping"),
        }
    }

    /// Lets the last lines leave.
    pub(super) async fn finish(mut self) -> Result<(), StartError> {
        self.outlet.close();
        if !self.is_written && !self.outlet.is_too_slow() {
            // Who does not read them does not get them.
            let _ = timeout(LAST_WORDS, &mut self.writer.0).await;
        }
        match self.outlet.is_too_slow() {
            true => Err(StartError::NotRead),
            false => Ok(()),
        }
    }
}

/// Reads commands until the input ends.
async fn read(mut input: impl AsyncBufRead + Unpin, outlet: Arc<Outlet>, said: mpsc::Sender<Said>) {
    loop {
        // That nothing comes any more is noticed though there is no room for answers.
        match input.fill_buf().await {
            Ok(bytes) if !bytes.is_empty() => {}
            _ => return,
        }
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
async fn write(mut output: impl AsyncWrite + Unpin, outlet: Arc<Outlet>) -> io::Result<()> {
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
) -> io::Result<Read> {
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
