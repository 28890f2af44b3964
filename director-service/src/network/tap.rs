//! Sits between Noise and Yamux: counts the data that comes for streams, and takes the time of Yamux' pings.
//!
//! Yamux pings every connection by itself, once it stands and then 10 s after each answer, and keeps what it learns from
//! that for its windows. Here the same pings are seen going and coming, so that a round trip is known of every peer,
//! whatever program it runs, and costs no byte. The answer is the peer's to give: a round trip is shown to people,
//! and nothing is decided by it.

use super::pass::Pass;
use futures::{AsyncRead, AsyncWrite};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::Instant;

/// Longest body of a yamux frame. Ours have 16 KiB; yamux itself would make room for 1 MiB as soon as a
/// header says so, whatever the window.
const MAX_BODY: usize = 64 * 1024;

/// Bytes before each frame of yamux: version, kind, flags (2), stream (4), length (4, big endian).
const HEADER_LEN: usize = 12;

/// The kind of a frame that carries data.
const DATA: u8 = 0;

/// The kind of a ping, and the flags that tell a question from its answer.
const PING: u8 = 2;
const QUESTION: u16 = 1;
const ANSWER: u16 = 2;

/// How long a message takes to a peer and back, as measured last.
#[derive(Default)]
pub(super) struct RoundTrip(AtomicU32);

impl RoundTrip {
    fn set(&self, took: Duration) {
        let us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.0.store(us.max(1), Relaxed);
    }

    /// `None` before the first answer.
    pub(super) fn get(&self) -> Option<Duration> {
        let us = self.0.load(Relaxed);
        (us > 0).then(|| Duration::from_micros(us.into()))
    }
}

/// What the header of a frame says.
struct Header {
    kind: u8,
    flags: u16,
    /// Of data its length, of a ping its number.
    value: u32,
}

/// Cuts one direction into frames.
#[derive(Default)]
struct Frames {
    header: [u8; HEADER_LEN],
    filled: usize,
    /// Bytes of the frame under way that are to come.
    body: usize,
}

impl Frames {
    /// Takes from `bytes` what belongs to the body under way, or to a header. The header that is whole with that.
    fn take(&mut self, bytes: &mut &[u8]) -> (usize, Option<Header>) {
        if self.body > 0 {
            let taken = self.body.min(bytes.len());
            self.body -= taken;
            *bytes = &bytes[taken..];
            return (taken, None);
        }
        let taken = (HEADER_LEN - self.filled).min(bytes.len());
        self.header[self.filled..][..taken].copy_from_slice(&bytes[..taken]);
        self.filled += taken;
        *bytes = &bytes[taken..];
        if self.filled < HEADER_LEN {
            return (0, None);
        }
        self.filled = 0;
        let [_, kind, high, low, _, _, _, _, value @ ..] = self.header;
        let value = u32::from_be_bytes(value);
        if kind == DATA {
            self.body = value as usize;
        }
        (0, Some(Header { kind, flags: u16::from_be_bytes([high, low]), value }))
    }
}

/// A socket that counts the data which comes by it for streams.
pub(super) struct Tap<C> {
    socket: C,
    pass: Arc<Pass>,
    coming: Frames,
    going: Frames,
    /// The ping that has no answer yet, and when it went.
    ping: Option<(u32, Instant)>,
}

impl<C> Tap<C> {
    pub(super) fn new(socket: C, pass: Arc<Pass>) -> Self {
        let (coming, going) = (Frames::default(), Frames::default());
        Self { socket, pass, coming, going, ping: None }
    }

    #[cfg(test)]
    pub(super) fn socket_mut(&mut self) -> &mut C {
        &mut self.socket
    }

    fn came(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (body, header) = self.coming.take(&mut bytes);
            if body > 0 {
                self.pass.unread.came(body);
            }
            match header {
                Some(Header { kind: DATA, value, .. }) if value as usize > MAX_BODY => {
                    let what = "a frame longer than any of ours";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                }
                Some(Header { kind: DATA, value: 1.., .. }) => self.pass.unread.begins(),
                Some(Header { kind: PING, flags: ANSWER, value }) => {
                    if let Some((_, went)) = self.ping.take_if(|(number, _)| *number == value) {
                        self.pass.round_trip.set(went.elapsed());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn went(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (_, header) = self.going.take(&mut bytes);
            if let Some(Header { kind: PING, flags: QUESTION, value }) = header {
                self.ping = Some((value, Instant::now()));
            }
        }
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Tap<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let len = ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        self.came(&buffer[..len])?;
        Poll::Ready(Ok(len))
    }
}

// Yamux writes header and body one after the other: vectors would be taken apart by the default.
impl<C: AsyncWrite + Unpin> AsyncWrite for Tap<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let len = ready!(Pin::new(&mut self.socket).poll_write(cx, bytes))?;
        self.went(&bytes[..len.min(bytes.len())]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}
