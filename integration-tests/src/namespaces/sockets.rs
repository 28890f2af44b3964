//! Looks at ports from outside and in the kernel's tables.

use super::Namespace;
use crate::sockets::{self, Socket};
use anyhow::Context;
use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// What became of a connection on which nothing sensible was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Knock {
    /// Nobody listens there.
    Refused,
    /// No answer from the machine.
    Unreachable,
    /// It was taken, and closed after so long without a byte.
    Closed(Duration),
    /// It was taken, and this was answered.
    Answered(Vec<u8>),
    /// It was taken, and nothing happened.
    Silence,
}

/// Connects from a namespace, says `first`, and waits for an answer or the end.
///
/// # Errors
///
/// If the code that does so panics.
pub async fn knock(
    from: &Namespace,
    at: (Ipv4Addr, u16),
    first: &'static [u8],
    patience: Duration,
) -> anyhow::Result<Knock> {
    from.run(move || try_once(at.into(), first, patience)).await
}

fn try_once(at: SocketAddr, first: &[u8], patience: Duration) -> Knock {
    let started = Instant::now();
    let mut stream = match TcpStream::connect_timeout(&at, patience) {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Knock::Refused,
        Err(_) => return Knock::Unreachable,
    };
    // It may be closed already: then reading says so.
    let _ = stream.set_read_timeout(Some(patience)).and_then(|()| stream.write_all(first));
    let mut answer = [0; 1024];
    match stream.read(&mut answer) {
        Ok(0) => Knock::Closed(started.elapsed()),
        Ok(length) => Knock::Answered(answer[..length].to_vec()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Knock::Silence
        }
        // A reset: it was closed before it had read what we said.
        Err(_) => Knock::Closed(started.elapsed()),
    }
}

/// Established TCP connections in the namespace of a process with this port at either end.
///
/// # Errors
///
/// If the process is gone.
pub fn established(pid: u32, port: u16) -> anyhow::Result<Vec<Socket>> {
    let mut open = table(pid)?;
    open.retain(|socket| {
        socket.is_established() && [socket.local.port(), socket.remote.port()].contains(&port)
    });
    Ok(open)
}

/// Where TCP is listened in the namespace of a process.
///
/// # Errors
///
/// If the process is gone.
pub fn listeners(pid: u32) -> anyhow::Result<Vec<SocketAddr>> {
    let open = table(pid)?.into_iter().filter(Socket::is_listening);
    Ok(open.map(|socket| socket.local).collect())
}

fn table(pid: u32) -> anyhow::Result<Vec<Socket>> {
    let read = |name| {
        let path = format!("/proc/{pid}/net/{name}");
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    };
    // Without IPv6 there is no second table.
    let both = [read("tcp")?, read("tcp6").unwrap_or_default()];
    Ok(both.iter().flat_map(|text| sockets::parse(text)).collect())
}
