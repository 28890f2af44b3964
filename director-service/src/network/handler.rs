//! Owns the two substreams of one connection: drains the queue into one, reads frames from the other.

use super::{
    DownReason, FrameError,
    frame::{Decoded, Decoder, PING},
    hub::Hub,
    link::{Link, lock},
    queue::WRITE_LEN,
};
use futures::{AsyncRead, AsyncWrite};
use libp2p::{
    Stream, StreamProtocol,
    core::upgrade::ReadyUpgrade,
    swarm::{
        ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol,
        handler::{ConnectionEvent, FullyNegotiatedInbound, FullyNegotiatedOutbound},
    },
};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// Bytes of one read.
const READ_LEN: usize = 32 * 1024;

/// Reads and writes of one poll. Then the connection itself gets its turn: it moves the bytes.
const TURNS: usize = 8;

type Event = ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, (), Infallible>;

/// The substream that we opened, and what is on its way into it.
#[derive(Default)]
struct Writer {
    stream: Option<Stream>,
    buffer: Vec<u8>,
    written: usize,
    unflushed: bool,
    /// Something was sent since the last tick.
    spoke: bool,
}

/// The substream that the peer opened.
#[derive(Default)]
struct Reader {
    stream: Option<Stream>,
    decoder: Decoder,
    buffer: Vec<u8>,
    frames: Vec<Decoded>,
    /// Something came since the last tick, or we did not want to hear it.
    heard: bool,
}

/// How a stream ended.
enum End {
    Closed,
    Violation(FrameError),
}

/// The handler of one connection.
pub(super) struct Handler {
    hub: Arc<Hub>,
    link: Arc<Link>,
    requested: bool,
    announced: bool,
    writer: Writer,
    reader: Reader,
    ticks: Interval,
    silent_ticks: u64,
}

impl Handler {
    pub(super) fn new(hub: Arc<Hub>, link: Arc<Link>) -> Self {
        let period = Duration::from_millis(hub.limits.ping_interval_ms.max(1));
        let mut ticks = interval_at(Instant::now() + period, period);
        // Ticks, not a clock: when this machine was asleep, the peer was not silent.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            hub,
            link,
            requested: false,
            announced: false,
            writer: Writer::default(),
            reader: Reader::default(),
            ticks,
            silent_ticks: 0,
        }
    }

    fn close(&mut self, reason: DownReason) {
        self.hub.close(&self.link, reason);
    }

    fn tick(&mut self, cx: &mut Context<'_>) {
        while self.ticks.poll_tick(cx).is_ready() {
            if std::mem::take(&mut self.reader.heard) {
                self.silent_ticks = 0;
            } else {
                self.silent_ticks += 1;
            }
            let silent_ms = self.silent_ticks * self.hub.limits.ping_interval_ms.max(1);
            if silent_ms > self.hub.limits.silence_ms {
                self.close(DownReason::Silent);
            }
            if !std::mem::take(&mut self.writer.spoke) && self.writer.buffer.is_empty() {
                self.writer.buffer.extend_from_slice(&PING);
            }
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let Writer { stream: Some(stream), buffer, written, unflushed, spoke } = &mut self.writer
        else {
            return Ok(());
        };
        for _ in 0..TURNS {
            if *written == buffer.len() {
                *written = 0;
                buffer.clear();
                let finished = lock(&self.link.lanes).fill(buffer);
                self.hub.counters.frames_out.fetch_add(finished, Relaxed);
            }
            if buffer.is_empty() {
                if *unflushed {
                    match Pin::new(&mut *stream).poll_flush(cx) {
                        Poll::Ready(Ok(())) => *unflushed = false,
                        Poll::Ready(Err(_)) => return Err(End::Closed),
                        Poll::Pending => {}
                    }
                }
                return Ok(());
            }
            match Pin::new(&mut *stream).poll_write(cx, &buffer[*written..]) {
                Poll::Ready(Ok(0) | Err(_)) => return Err(End::Closed),
                Poll::Ready(Ok(len)) => {
                    *written += len;
                    *unflushed = true;
                    *spoke = true;
                    self.hub.counters.bytes_out.fetch_add(len as u64, Relaxed);
                }
                Poll::Pending => return Ok(()),
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let Reader { stream: Some(stream), decoder, buffer, frames, heard } = &mut self.reader
        else {
            return Ok(());
        };
        for _ in 0..TURNS {
            if !self.link.has_credit() {
                // The peer is not silent, we are deaf. Whoever takes its frames wakes us.
                *heard = true;
                return Ok(());
            }
            buffer.resize(READ_LEN, 0);
            let len = match Pin::new(&mut *stream).poll_read(cx, buffer) {
                Poll::Ready(Ok(0) | Err(_)) => return Err(End::Closed),
                Poll::Ready(Ok(len)) => len,
                Poll::Pending => return Ok(()),
            };
            *heard = true;
            self.hub.counters.bytes_in.fetch_add(len as u64, Relaxed);
            // What was whole before the garbage still counts.
            let pushed = decoder.push(&buffer[..len], frames);
            if !frames.is_empty() {
                let count = frames.len() as u64;
                self.hub.counters.frames_in.fetch_add(count, Relaxed);
                self.hub.ingress.push(&self.link, frames);
            }
            pushed.map_err(End::Violation)?;
        }
        cx.waker().wake_by_ref();
        Ok(())
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(self.hub.protocol.clone()), ())
    }

    /// A connection without streams lives while it is wanted, and dies at once when it is not: the
    /// swarm then drops the socket without waiting for a peer that does not read.
    fn connection_keep_alive(&self) -> bool {
        !self.link.is_closed()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        self.link.waker.register(cx.waker());
        if !self.requested {
            self.requested = true;
            let timeout = Duration::from_millis(self.hub.limits.handshake_timeout_ms);
            let protocol = self.listen_protocol().with_timeout(timeout);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        if !self.announced && self.writer.stream.is_some() {
            self.announced = true;
            self.hub.ready(&self.link);
        }
        if self.announced && !self.link.is_closed() {
            self.tick(cx);
            // Reading comes first, and an error of writing last: what a dying peer said counts.
            let end = self.read(cx).and_then(|()| self.write(cx));
            match end {
                Ok(()) => {}
                Err(End::Closed) => self.close(DownReason::Closed),
                Err(End::Violation(error)) => self.close(DownReason::Violation(error)),
            }
        }
        if self.link.is_closed() {
            self.writer = Writer::default();
            self.reader = Reader::default();
        }
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol, ..
            }) => {
                // A second stream is nothing that our own code does.
                if self.reader.stream.is_some() {
                    self.close(DownReason::OtherProtocol);
                } else {
                    self.reader.stream = Some(protocol);
                }
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol, ..
            }) => {
                self.writer.stream = Some(protocol);
                self.writer.buffer.reserve_exact(WRITE_LEN);
            }
            ConnectionEvent::DialUpgradeError(failed) => match failed.error {
                StreamUpgradeError::NegotiationFailed => self.close(DownReason::OtherProtocol),
                _ => self.close(DownReason::Closed),
            },
            _ => {}
        }
        // The connection polls us after each event.
    }
}
