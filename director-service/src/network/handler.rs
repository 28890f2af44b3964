//! Owns the two substreams of one connection: drains the queue into one, reads frames from the other.

use super::{
    DownReason, DropReason, FrameError, Refusal, Side,
    bucket::{Bucket, Rate},
    bulk::{ACK_EVERY, Window},
    frame::{Decoded, Decoder, PING, acknowledgement},
    hub::Hub,
    link::{Link, lock},
    muxer::while_writing,
    queue::{Filled, Urgency, WRITE_LEN},
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
    cell::RefCell,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep_until};

/// Bytes of one read.
const READ_LEN: usize = 32 * 1024;

/// Reads and writes of one poll. Then the connection itself gets its turn: it moves the bytes.
const TURNS: usize = 8;

/// A socket is idle for a class when it was not written for this part of the time that the class may
/// be held back. Most streams are slower than that, and nothing of them is delayed: a hold that is
/// always waited for would be a throttle.
const IDLE: u32 = 4;

/// What a timer may be late by: the hold is a bound, not a throttle.
const TIMER_SLACK: Duration = Duration::from_millis(1);

thread_local! {
    /// What was just read. Of the thread and not of the connection: a thousand idle connections need
    /// no buffer.
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_LEN].into());
}

/// How long a connection lives on that ends as soon as all is written.
const LEAVE_WITHIN: Duration = Duration::from_millis(500);

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
    /// How much of Bulk may be on its way.
    bulk: Window,
    /// What is in the buffer, or was, has Bulk in it.
    wrote_bulk: bool,
    /// Bytes of the peer's Bulk that were read and are to be acknowledged.
    acknowledge: usize,
    /// When the last write began; an idle socket has none that is recent.
    last_write: Option<Instant>,
    /// When what is held back goes at the latest.
    due: Option<Instant>,
    /// Wakes the task then.
    timer: Option<Pin<Box<Sleep>>>,
    /// The peer was told that nothing more comes.
    ended: bool,
}

impl Writer {
    /// Whether frames that may wait for `hold` wait now. Then the task is woken when they are due;
    /// whatever is more urgent wakes it before.
    fn is_held(&mut self, now: Instant, hold: Duration, cx: &mut Context<'_>) -> bool {
        let Some(last_write) = self.last_write else { return false };
        if self.due.is_none() && now.duration_since(last_write) >= hold / IDLE {
            return false;
        }
        let latest = last_write + hold.saturating_sub(TIMER_SLACK);
        let due = self.due.map_or(latest, |due| due.min(latest));
        self.due = Some(due);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx).is_pending()
    }
}

/// The substream that the peer opened.
#[derive(Default)]
struct Reader {
    stream: Option<Stream>,
    decoder: Decoder,
    frames: Vec<Decoded>,
    /// Something came since the last tick, or we did not want to hear it.
    heard: bool,
}

/// How a stream ended.
enum End {
    Closed,
    Violation(FrameError),
    /// More came than may.
    Exceeded,
}

/// How many control messages may come.
struct ControlBound {
    rate: Rate,
    bucket: Bucket,
}

impl ControlBound {
    fn new(hub: &Hub) -> Option<Self> {
        let rate = Rate::new(hub.limits.control_per_s, hub.limits.control_burst);
        let bucket = Bucket::full(rate, Instant::now());
        (hub.side != Side::Mesh).then_some(Self { rate, bucket })
    }

    /// The first message that is one too many.
    fn first_beyond(&mut self, frames: &[Decoded]) -> Option<usize> {
        frames.iter().position(|frame| {
            matches!(frame, Decoded::Control(_)) && !self.bucket.take(self.rate, Instant::now())
        })
    }
}

/// The handler of one connection.
pub(super) struct Handler {
    hub: Arc<Hub>,
    link: Arc<Link>,
    requested: bool,
    announced: bool,
    writer: Writer,
    reader: Reader,
    /// `None` where it is not bounded.
    control: Option<ControlBound>,
    /// Memory of what has come and is no frame yet, as the link knows it.
    held: usize,
    ticks: Interval,
    silent_ticks: u64,
    /// When something valid must have come; `None` once it has.
    first_due: Option<Pin<Box<Sleep>>>,
    /// When a connection ends that waits for what is unwritten.
    leave_due: Option<Pin<Box<Sleep>>>,
}

impl Handler {
    pub(super) fn new(hub: Arc<Hub>, link: Arc<Link>) -> Self {
        let period = Duration::from_millis(hub.limits.ping_interval_ms.max(1));
        let mut ticks = interval_at(Instant::now() + period, period);
        // Ticks, not a clock: when this machine was asleep, the peer was not silent.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let first_due = Instant::now() + Duration::from_millis(hub.limits.first_message_ms);
        let control = ControlBound::new(&hub);
        Self {
            hub,
            link,
            control,
            held: 0,
            requested: false,
            announced: false,
            writer: Writer::default(),
            reader: Reader::default(),
            ticks,
            silent_ticks: 0,
            first_due: Some(Box::pin(sleep_until(first_due))),
            leave_due: None,
        }
    }

    fn close(&mut self, reason: DownReason) {
        self.hub.close(&self.link, reason);
    }

    /// Ends a connection of which nothing valid came in time, whether it is up or not.
    fn await_first(&mut self, cx: &mut Context<'_>) {
        if self.reader.decoder.spoke {
            self.first_due = None;
        } else if let Some(due) = &mut self.first_due
            && due.as_mut().poll(cx).is_ready()
        {
            self.first_due = None;
            self.hub.counters.refuse(Refusal::SaidNothing);
            self.close(DownReason::SaidNothing);
        }
    }

    /// Ends the connection when all is written. First only our stream: the peer reads what it got and
    /// then closes. Were we to close at once, what it has on its way to us could make the system throw
    /// away what it has not read yet.
    fn leave(&mut self, cx: &mut Context<'_>) {
        let due = self
            .leave_due
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + LEAVE_WITHIN)));
        if due.as_mut().poll(cx).is_ready() {
            return self.close(DownReason::Disconnected);
        }
        let Writer { stream: Some(stream), buffer, written, ended, .. } = &mut self.writer else {
            return;
        };
        let is_written = *written == buffer.len() && lock(&self.link.lanes).bytes() == 0;
        if is_written && !*ended {
            match while_writing(|| Pin::new(stream).poll_close(cx)) {
                Poll::Ready(Ok(())) => *ended = true,
                Poll::Ready(Err(_)) => self.close(DownReason::Disconnected),
                Poll::Pending => {}
            }
        }
    }

    /// Has counted what this connection holds that is no frame yet.
    fn hold(&mut self) {
        let bytes = self.reader.decoder.memory() + self.link.pass.unread.memory();
        if bytes != self.held {
            let is_more = bytes > self.held;
            self.held = bytes;
            self.link.hold(bytes);
            if is_more {
                self.hub.govern();
            }
        }
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
            if !std::mem::take(&mut self.writer.spoke)
                && self.writer.buffer.is_empty()
                && !self.link.is_leaving()
            {
                self.writer.buffer = PING.to_vec();
                self.writer.timer = None;
                lock(&self.link.lanes).shrink();
            }
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if self.writer.ended {
            return Ok(());
        }
        for _ in 0..TURNS {
            if self.writer.written == self.writer.buffer.len() {
                // One write of a block at a time: others of this thread have votes to read and write.
                if std::mem::take(&mut self.writer.wrote_bulk) {
                    break;
                }
                self.refill(cx);
            }
            let Writer { stream: Some(stream), buffer, written, unflushed, spoke, .. } =
                &mut self.writer
            else {
                return Ok(());
            };
            if buffer.is_empty() {
                if *unflushed {
                    match while_writing(|| Pin::new(&mut *stream).poll_flush(cx)) {
                        Poll::Ready(Ok(())) => *unflushed = false,
                        Poll::Ready(Err(_)) => return Err(End::Closed),
                        Poll::Pending => {}
                    }
                }
                return Ok(());
            }
            let rest = &buffer[*written..];
            match while_writing(|| Pin::new(&mut *stream).poll_write(cx, rest)) {
                Poll::Ready(Ok(0) | Err(_)) => return Err(End::Closed),
                Poll::Ready(Ok(len)) => {
                    *written += len;
                    *unflushed = true;
                    *spoke = true;
                    self.hub.counters.bytes_out.fetch_add(len as u64, Relaxed);
                    if *written == buffer.len() {
                        self.hub.counters.write_bytes.observe(buffer.len() as u64);
                    }
                }
                Poll::Pending => return Ok(()),
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Takes the next write out of the queues, unless what waits there is to be held back.
    fn refill(&mut self, cx: &mut Context<'_>) {
        self.writer.written = 0;
        self.writer.buffer.clear();
        // At the end of a block at once: nothing may follow that would make it worth a write.
        let unacknowledged = self.writer.acknowledge;
        let acknowledge = unacknowledged >= ACK_EVERY
            || unacknowledged > 0 && !self.reader.decoder.is_within_bulk();
        if acknowledge {
            let bytes = std::mem::take(&mut self.writer.acknowledge);
            self.writer.buffer.extend_from_slice(&acknowledgement(bytes));
        }
        let mut lanes = lock(&self.link.lanes);
        let limits = &self.hub.limits;
        let bulk_room = self.writer.bulk.room();
        let hold_ms = match lanes.urgency(bulk_room) {
            Urgency::Never => return,
            Urgency::Now => 0,
            Urgency::Soon => limits.hold_high_ms,
            Urgency::Later => limits.hold_normal_ms,
        };
        let now = Instant::now();
        if hold_ms > 0
            && !acknowledge
            && !self.link.is_leaving()
            && self.writer.is_held(now, Duration::from_millis(hold_ms), cx)
        {
            return;
        }
        self.writer.last_write = Some(now);
        self.writer.due = None;
        self.writer.buffer.reserve_exact(WRITE_LEN);
        let Filled { finished, bulk_bytes, queued_us } =
            lanes.fill(&mut self.writer.buffer, bulk_room);
        drop(lanes);
        self.writer.bulk.written(bulk_bytes, now);
        self.writer.wrote_bulk = bulk_bytes > 0;
        let counters = &self.hub.counters;
        counters.frames_out.fetch_add(finished, Relaxed);
        let now_us = self.hub.now_us();
        for (histogram, queued_us) in counters.queue_us.iter().zip(queued_us) {
            if let Some(queued_us) = queued_us {
                histogram.observe(now_us.saturating_sub(queued_us));
            }
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        READ_BUFFER.with_borrow_mut(|buffer| self.read_into(buffer, cx))
    }

    fn read_into(&mut self, buffer: &mut [u8], cx: &mut Context<'_>) -> Result<(), End> {
        let Reader { stream: Some(stream), decoder, frames, heard } = &mut self.reader else {
            return Ok(());
        };
        for _ in 0..TURNS {
            if !self.link.has_credit() {
                // The peer is not silent, we are deaf. Whoever takes its frames wakes us.
                *heard = true;
                return Ok(());
            }
            let len = match Pin::new(&mut *stream).poll_read(cx, buffer) {
                Poll::Ready(Ok(0) | Err(_)) => return Err(End::Closed),
                Poll::Ready(Ok(len)) => len,
                Poll::Pending => return Ok(()),
            };
            *heard = true;
            self.hub.counters.bytes_in.fetch_add(len as u64, Relaxed);
            self.link.pass.read_stream(len);
            // What was whole before the garbage still counts.
            let pushed = decoder.push(&buffer[..len], frames);
            self.writer.acknowledge += std::mem::take(&mut decoder.bulk_read);
            let acknowledged = std::mem::take(&mut decoder.bulk_acknowledged);
            let was_sent =
                acknowledged == 0 || self.writer.bulk.acknowledged(acknowledged, Instant::now());
            if !frames.is_empty() {
                let count = frames.len() as u64;
                self.hub.counters.frames_in.fetch_add(count, Relaxed);
                let beyond = self.control.as_mut().and_then(|bound| bound.first_beyond(frames));
                let mut dropped = [0; 4];
                for frame in beyond.map(|at| frames.drain(at..)).into_iter().flatten() {
                    dropped[frame.class().index()] += 1;
                }
                self.hub.counters.drop_in(DropReason::Disconnected, dropped);
                self.hub.take(&self.link, frames);
                if beyond.is_some() {
                    return Err(End::Exceeded);
                }
            }
            pushed.map_err(End::Violation)?;
            if !was_sent {
                return Err(End::Violation(FrameError::Acknowledgement));
            }
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
        self.hub.heard(&self.link);
        if !self.requested {
            self.requested = true;
            let timeout = Duration::from_millis(self.hub.limits.handshake_timeout_ms);
            let protocol = self.listen_protocol().with_timeout(timeout);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        self.await_first(cx);
        if self.link.pass.is_over() {
            self.close(DownReason::Exceeded);
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
                Ok(()) if self.link.is_leaving() => self.leave(cx),
                Ok(()) => {}
                Err(End::Closed) => self.hub.ended(&self.link),
                Err(End::Exceeded) => self.close(DownReason::Exceeded),
                Err(End::Violation(error)) => self.close(DownReason::Violation(error)),
            }
        }
        if !self.link.is_closed() {
            self.hold();
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
