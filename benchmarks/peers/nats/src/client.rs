//! Connects one validator: a task reads, another one writes.

use std::{future, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use bench_load::{PROBE_EVERY, Probes, Receiver};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::TcpStream,
    sync::mpsc,
    time::interval,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use crate::protocol::{self, CONNECT, Operation, PONG};

/// Bytes of one read.
const READ_BYTES: usize = 256 << 10;
/// How often a validator that is to freeze looks whether it is time.
const FREEZE_POLL: Duration = Duration::from_millis(50);

/// Commands to a connection, as many as were due together.
pub(crate) type Commands = Vec<u8>;

/// One validator.
pub(crate) struct Client {
    pub(crate) index: usize,
    pub(crate) relay: std::net::SocketAddr,
    pub(crate) tls: Option<TlsConnector>,
    pub(crate) to_self: mpsc::Sender<Commands>,
    pub(crate) commands: mpsc::Receiver<Commands>,
    /// None when it is to freeze.
    pub(crate) receiver: Option<Receiver>,
    pub(crate) probes: Arc<Probes>,
}

impl Client {
    /// Runs until the connection ends, which it says on standard error.
    pub(crate) async fn run(self) {
        let index = self.index;
        if let Err(error) = self.connect().await {
            eprintln!("validator {index}: {error:#}");
        }
    }

    async fn connect(mut self) -> Result<()> {
        let mut socket = TcpStream::connect(self.relay)
            .await
            .with_context(|| format!("no relay answers on {}: start it first", self.relay))?;
        socket.set_nodelay(true)?;
        match self.tls.take() {
            None => self.serve(socket).await,
            Some(tls) => {
                // The server's INFO comes in the clear; the handshake follows.
                while socket.read_u8().await? != b'\n' {}
                let name = ServerName::IpAddress(self.relay.ip().into());
                let socket = tls.connect(name, socket).await.context("the TLS handshake failed")?;
                self.serve(socket).await
            }
        }
    }

    async fn serve(self, socket: impl AsyncRead + AsyncWrite + Send + 'static) -> Result<()> {
        let (mut reader, mut writer) = split(socket);
        writer.write_all(CONNECT).await?;
        writer.flush().await?;
        let Self { index, to_self, mut commands, receiver, probes, .. } = self;
        let writing = async move {
            while let Some(mut batch) = commands.recv().await {
                while let Ok(more) = commands.try_recv() {
                    batch.extend(more);
                }
                writer.write_all(&batch).await?;
                // TLS keeps what the socket did not take.
                writer.flush().await?;
            }
            Ok::<_, anyhow::Error>(())
        };
        let probing = probe(index, to_self.clone(), probes.clone());
        let reading = async move {
            let mut input = Input { index, to_self, probes, receiver };
            input.read(&mut reader).await
        };
        let ((), (), ()) = tokio::try_join!(writing, probing, reading)?;
        Ok(())
    }
}

async fn probe(index: usize, to_self: mpsc::Sender<Commands>, probes: Arc<Probes>) -> Result<()> {
    let mut ticks = interval(PROBE_EVERY);
    for round in 0.. {
        ticks.tick().await;
        match probes.probe(index, round) {
            Some(payload) => to_self.send(protocol::publish(&payload)).await?,
            None => break,
        }
    }
    Ok(())
}

struct Input {
    index: usize,
    to_self: mpsc::Sender<Commands>,
    probes: Arc<Probes>,
    receiver: Option<Receiver>,
}

impl Input {
    async fn read(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        let mut filled = 0;
        loop {
            if self.receiver.is_none() && self.probes.done() {
                // Frozen: keeps the connection and reads it no more.
                future::pending::<()>().await;
            }
            if filled == buffer.len() {
                buffer.resize(2 * filled, 0);
            }
            let read = reader.read(&mut buffer[filled..]);
            let read = match &self.receiver {
                Some(_) => read.await?,
                None => match tokio::time::timeout(FREEZE_POLL, read).await {
                    Ok(read) => read?,
                    Err(_) => continue,
                },
            };
            if read == 0 {
                bail!("nats-server closed the connection");
            }
            filled += read;
            let used = self.take(&buffer[..filled])?;
            buffer.copy_within(used..filled, 0);
            filled -= used;
        }
    }

    /// Takes all complete operations; their length.
    fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut used = 0;
        let mut batch = self.receiver.as_mut().map(Receiver::batch);
        while let Some((operation, length)) = protocol::next(&bytes[used..])? {
            used += length;
            match operation {
                Operation::Message(payload) => {
                    if !self.probes.take(self.index, payload)
                        && let Some(batch) = &mut batch
                    {
                        batch.take(payload);
                    }
                }
                Operation::Ping => self.to_self.try_send(PONG.into())?,
                Operation::Pong | Operation::Other => {}
            }
        }
        Ok(used)
    }
}
