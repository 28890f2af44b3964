//! Relays frames on one thread: reads what waits on all sockets, appends it to everybody's buffer,
//! then writes each buffer once. The busier it is the more goes into one write.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
    net::SocketAddr,
    process,
    sync::mpsc::{Receiver, sync_channel},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream},
};

use crate::frames::{EMPTY, Outcome, Partial, scratch};

const CLIENTS: Token = Token(0);
const MESH: Token = Token(1);
const STDIN: Token = Token(2);
const FIRST_CONNECTION: usize = 3;

/// A reader that is so far behind is cut off.
const MAX_UNSENT: usize = 64 << 20;
/// An empty buffer larger than this is given back.
const KEPT_CAPACITY: usize = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Client,
    /// Another relay that dialled us.
    Accepted,
    /// Another relay that we dialled and that has not answered yet.
    Dialled,
    /// Another relay.
    Peer,
}

struct Connection {
    kind: Kind,
    socket: TcpStream,
    partial: Partial,
    unsent: Vec<u8>,
    sent: usize,
    /// The last write filled the socket: wait for the event that says otherwise.
    blocked: bool,
    readable: bool,
}

impl Connection {
    fn push(&mut self, frames: &[u8]) {
        self.unsent.extend_from_slice(frames);
    }

    /// Writes what waits; an error is the end of the connection.
    fn write(&mut self) -> io::Result<()> {
        while !self.blocked && self.sent < self.unsent.len() {
            match self.socket.write(&self.unsent[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.blocked = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.sent == self.unsent.len() {
            self.unsent.clear();
            self.unsent.shrink_to(KEPT_CAPACITY);
            self.sent = 0;
        } else if self.sent > self.unsent.len() / 2 {
            self.unsent.drain(..self.sent);
            self.sent = 0;
        }
        if self.unsent.len() - self.sent > MAX_UNSENT {
            return Err(io::Error::other("64 MiB wait for it"));
        }
        Ok(())
    }
}

struct Relay {
    poll: Poll,
    connections: BTreeMap<usize, Connection>,
    next: usize,
}

/// Runs until standard input ends.
pub(crate) fn run(
    listen: SocketAddr,
    mesh_listen: Option<SocketAddr>,
    mesh: Vec<SocketAddr>,
) -> Result<()> {
    let poll = Poll::new()?;
    let mut relay = Relay { poll, connections: BTreeMap::new(), next: FIRST_CONNECTION };
    let clients = relay.listen(listen, CLIENTS)?;
    println!("listening {}", clients.local_addr()?);
    let mesh_listener = mesh_listen.map(|addr| relay.listen(addr, MESH)).transpose()?;
    if let Some(listener) = &mesh_listener {
        println!("mesh {}", listener.local_addr()?);
    }
    for addr in mesh {
        relay.dial(addr)?;
    }
    let dials = watch_stdin(Waker::new(relay.poll.registry(), STDIN)?)?;

    let mut events = Events::with_capacity(1024);
    let mut scratch = scratch();
    let mut more = false;
    loop {
        let timeout = more.then_some(Duration::ZERO);
        match relay.poll.poll(&mut events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            match event.token() {
                CLIENTS => relay.accept(&clients, Kind::Client)?,
                MESH => {
                    if let Some(listener) = &mesh_listener {
                        relay.accept(listener, Kind::Accepted)?;
                    }
                }
                STDIN => {
                    for addr in dials.try_iter() {
                        relay.dial(addr)?;
                    }
                }
                Token(id) => {
                    if let Some(connection) = relay.connections.get_mut(&id) {
                        connection.readable |= event.is_readable() || event.is_read_closed();
                        connection.blocked &= !event.is_writable();
                    }
                }
            }
        }
        more = relay.read(&mut scratch);
        relay.write();
    }
}

impl Relay {
    fn listen(&self, addr: SocketAddr, token: Token) -> Result<TcpListener> {
        let mut listener = TcpListener::bind(addr)
            .with_context(|| format!("cannot listen on {addr}: give port 0 for a free one"))?;
        self.poll.registry().register(&mut listener, token, Interest::READABLE)?;
        Ok(listener)
    }

    fn accept(&mut self, listener: &TcpListener, kind: Kind) -> Result<()> {
        loop {
            match listener.accept() {
                Ok((socket, _)) => self.add(socket, kind)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("cannot accept: raise `ulimit -n`"),
            }
        }
    }

    fn dial(&mut self, addr: SocketAddr) -> Result<()> {
        let socket = std::net::TcpStream::connect(addr)
            .with_context(|| format!("no relay answers on {addr}: start it first"))?;
        socket.set_nonblocking(true)?;
        self.add(TcpStream::from_std(socket), Kind::Dialled)
    }

    fn add(&mut self, mut socket: TcpStream, kind: Kind) -> Result<()> {
        socket.set_nodelay(true)?;
        let (id, both) = (self.next, Interest::READABLE | Interest::WRITABLE);
        self.next += 1;
        self.poll.registry().register(&mut socket, Token(id), both)?;
        let greeting: &[u8] = if kind == Kind::Dialled { &[] } else { &EMPTY };
        let connection = Connection {
            kind,
            socket,
            partial: Partial::default(),
            unsent: greeting.into(),
            sent: 0,
            blocked: false,
            readable: true,
        };
        self.connections.insert(id, connection);
        Ok(())
    }

    /// Reads once from each socket where something waits, and appends it to the buffers of all who
    /// get it; whether something still waits.
    fn read(&mut self, scratch: &mut [u8]) -> bool {
        let mut more = false;
        let readable = self.connections.iter().filter(|(_, connection)| connection.readable);
        let readable: Vec<usize> = readable.map(|(&id, _)| id).collect();
        for id in readable {
            // Taken out, so that it can read while the others are appended to.
            let Some(mut from) = self.connections.remove(&id) else { continue };
            let kind = from.kind;
            let outcome = from.partial.read(&mut from.socket, scratch, |frames| match kind {
                Kind::Dialled => {}
                Kind::Client => self.connections.values_mut().for_each(|to| to.push(frames)),
                Kind::Accepted | Kind::Peer => {
                    let clients =
                        self.connections.values_mut().filter(|to| to.kind == Kind::Client);
                    clients.for_each(|to| to.push(frames));
                }
            });
            match outcome {
                Ok(outcome) => {
                    if kind == Kind::Dialled {
                        from.kind = Kind::Peer;
                        println!("ready");
                    }
                    from.readable = outcome == Outcome::More;
                    more |= from.readable;
                    self.connections.insert(id, from);
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => eprintln!("connection {id} has ended: {error}"),
            }
        }
        more
    }

    /// Writes to each connection once: to other relays first, a message has a longer way there.
    fn write(&mut self) {
        let mut ended = Vec::new();
        for mesh in [true, false] {
            for (&id, connection) in &mut self.connections {
                if (connection.kind != Kind::Client) != mesh || connection.unsent.is_empty() {
                    continue;
                }
                if let Err(error) = connection.write() {
                    eprintln!("connection {id} is cut off: {error}");
                    ended.push(id);
                }
            }
        }
        for id in ended {
            self.connections.remove(&id);
        }
    }
}

/// Dials what standard input names, and ends the process with it: no relay outlives its runner.
fn watch_stdin(waker: Waker) -> Result<Receiver<SocketAddr>> {
    let (dials, receiver) = sync_channel(64);
    thread::Builder::new().name("stdin".into()).spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            match line.strip_prefix("mesh ").map(|addr| addr.trim().parse()) {
                Some(Ok(addr)) if dials.send(addr).is_ok() && waker.wake().is_ok() => {}
                _ => eprintln!("standard input takes lines like `mesh 127.0.0.1:4000`"),
            }
        }
        process::exit(0);
    })?;
    Ok(receiver)
}
