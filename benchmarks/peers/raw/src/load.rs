//! Loads a raw relay: the pacing thread writes, one other thread reads all connections.

use std::{
    io::{self, Read, Write},
    mem,
    net::TcpStream,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use bench_load::{Class, Ledger, Options, Receiver, System};
use mio::{Events, Interest, Poll, Token, unix::SourceFd};
use std::os::fd::AsRawFd;

use crate::frames::{EMPTY, Outcome, Partial, frame, payloads, scratch};

/// Most time for a relay to accept a connection.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(20);
/// How often the reading thread looks whether it is to end.
const STOP_POLL: Duration = Duration::from_millis(100);

/// A validator's connection: both threads write to it, one reads.
struct Link {
    socket: TcpStream,
    /// What the socket did not take.
    unsent: Mutex<Vec<u8>>,
}

impl Link {
    /// Waits until the relay has accepted, so that it surely passes messages on to us.
    fn connect(options: &Options, validator: usize) -> Result<Self> {
        let relay = options.relay_of(validator);
        let mut socket = TcpStream::connect(relay)
            .with_context(|| format!("no relay answers on {relay}: start it first"))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(ACCEPTED_WITHIN))?;
        let mut greeting = EMPTY;
        socket
            .read_exact(&mut greeting)
            .with_context(|| format!("{relay} does not greet: is it `bench-raw relay`?"))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, unsent: Mutex::default() })
    }

    /// Writes what the socket takes without waiting; the rest goes when there is room again.
    fn write(&self, frames: &[u8]) {
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        unsent.extend(frames);
        let mut sent = 0;
        while sent < unsent.len() {
            match (&self.socket).write(&unsent[sent..]) {
                Ok(written) => sent += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Also an error of another kind: the reading thread tells it.
                Err(_) => break,
            }
        }
        unsent.drain(..sent);
    }
}

struct Raw {
    links: Arc<[Link]>,
    due: Vec<Vec<u8>>,
}

impl System for Raw {
    type Message = Vec<u8>;

    fn prepare(&mut self, _: usize, _: Class, payload: &[u8]) -> Vec<u8> {
        frame(payload)
    }

    fn publish(&mut self, validator: usize, message: Vec<u8>) {
        self.due[validator].extend(message);
    }

    fn flush(&mut self) {
        for (link, due) in self.links.iter().zip(&mut self.due) {
            if !due.is_empty() {
                link.write(due);
                due.clear();
            }
        }
    }
}

/// Connects all validators, measures, prints the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let (ledger, receivers) = Ledger::new(options)?;
    let connect = |validator| Link::connect(options, validator);
    let links: Arc<[Link]> = (0..options.live()).map(connect).collect::<Result<_>>()?;
    let frozen = (options.live()..options.validators).map(connect).collect::<Result<Vec<_>>>()?;
    let stop = Arc::new(AtomicBool::new(false));
    let reader = {
        let (links, stop) = (links.clone(), stop.clone());
        thread::Builder::new()
            .name("reader".into())
            .spawn(move || read(&links, receivers, &stop))?
    };
    let due = vec![Vec::new(); options.live()];
    let report = bench_load::run(options, Raw { links, due }, ledger);
    stop.store(true, Relaxed);
    match reader.join() {
        Ok(result) => result?,
        Err(_) => anyhow::bail!("the reading thread panicked: see above"),
    }
    mem::drop(frozen);
    report?.print()
}

fn read(links: &[Link], mut receivers: Vec<Receiver>, stop: &AtomicBool) -> Result<()> {
    let mut poll = Poll::new()?;
    for (validator, link) in links.iter().enumerate() {
        let both = Interest::READABLE | Interest::WRITABLE;
        let fd = link.socket.as_raw_fd();
        poll.registry().register(&mut SourceFd(&fd), Token(validator), both)?;
    }
    let mut events = Events::with_capacity(1024);
    let mut partials: Vec<Partial> = links.iter().map(|_| Partial::default()).collect();
    let mut waiting = vec![false; links.len()];
    let mut scratch = scratch();
    while !stop.load(Relaxed) {
        let more = waiting.contains(&true);
        match poll.poll(&mut events, Some(if more { Duration::ZERO } else { STOP_POLL })) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            let validator = event.token().0;
            waiting[validator] |= event.is_readable() || event.is_read_closed();
            if event.is_writable() {
                links[validator].write(&[]);
            }
        }
        for (validator, link) in links.iter().enumerate() {
            if !mem::take(&mut waiting[validator]) {
                continue;
            }
            let receiver = &mut receivers[validator];
            let outcome = partials[validator].read(&mut &link.socket, &mut scratch, |frames| {
                let mut batch = receiver.batch();
                for payload in payloads(frames) {
                    batch.take(payload);
                }
            });
            match outcome {
                Ok(outcome) => waiting[validator] = outcome == Outcome::More,
                Err(error) => eprintln!("the connection of validator {validator} ended: {error}"),
            }
        }
    }
    Ok(())
}
