//! Goes with a connection from its first byte: says how much may still be read of it, and ends it when
//! its handshake has to make room for somebody else's or when it is not wanted any more.
//!
//! Two bounds. Before the connection is taken it may cost [`HANDSHAKE_BYTES`] at most, whatever it
//! sends. And a key that may connect but not speak yet ([`super::Handle::restrict`]) has a [`Budget`],
//! which all its connections share. Both are kept at the socket of a TCP connection, below Noise and
//! Yamux, so that nothing of a protocol in between is free.

use super::{link::lock, tap::RoundTrip};
use futures::{AsyncRead, AsyncWrite, task::AtomicWaker};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::Instant;

/// Most that is read of a peer before its connection is taken: the handshake has 600 bytes, and what
/// an eager peer sends behind it is read in pieces of 8 KiB. Bounds what Noise may keep.
pub(super) const HANDSHAKE_BYTES: usize = 24 * 1024;

/// What a read costs of a budget at least: a byte alone costs as much CPU as many.
const READ_COST: usize = 64;

/// After so long a key may send again.
const WINDOW: Duration = Duration::from_secs(60);

/// What may be read of one key within a minute.
pub(super) struct Budget {
    bytes: usize,
    spent: Mutex<(Instant, usize)>,
}

impl Budget {
    pub(super) fn new(bytes: usize, now: Instant) -> Self {
        Self { bytes, spent: Mutex::new((now, 0)) }
    }

    /// Whether that was allowed.
    pub(super) fn spend(&self, bytes: usize, now: Instant) -> bool {
        let mut spent = lock(&self.spent);
        if now.saturating_duration_since(spent.0) >= WINDOW {
            *spent = (now, 0);
        }
        spent.1 = spent.1.saturating_add(bytes.max(READ_COST));
        spent.1 <= self.bytes
    }

    /// Whether the key has to wait for the next minute.
    pub(super) fn is_spent(&self, now: Instant) -> bool {
        let spent = lock(&self.spent);
        spent.1 > self.bytes && now.saturating_duration_since(spent.0) < WINDOW
    }
}

/// Memory of a frame of yamux beside its bytes: it keeps each apart.
const UNREAD_COST: usize = 64;

/// What has come for the streams of a connection and was not read of them yet. Only the connection's
/// task changes it.
#[derive(Default)]
pub(super) struct Unread {
    bytes: AtomicUsize,
    /// Frames that came since nothing was unread.
    frames: AtomicUsize,
}

impl Unread {
    /// A frame begins.
    pub(super) fn begins(&self) {
        self.frames.fetch_add(1, Relaxed);
    }

    /// Bytes of it have come.
    pub(super) fn came(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Bytes were read of a stream.
    pub(super) fn read(&self, bytes: usize) {
        let left = self.bytes.load(Relaxed).saturating_sub(bytes);
        self.bytes.store(left, Relaxed);
        if left == 0 {
            self.frames.store(0, Relaxed);
        }
    }

    /// The memory that takes.
    pub(super) fn memory(&self) -> usize {
        self.bytes.load(Relaxed) + self.frames.load(Relaxed) * UNREAD_COST
    }
}

/// What goes with a connection.
pub(super) struct Pass {
    /// What its multiplexer keeps.
    pub(super) unread: Unread,
    /// How far the peer is. Not known over QUIC.
    pub(super) round_trip: RoundTrip,
    /// The socket counts what is read; otherwise the handler has to.
    at_socket: AtomicBool,
    /// Left for the handshake.
    handshake_bytes: AtomicUsize,
    taken: AtomicBool,
    evicted: AtomicBool,
    /// The socket fails from now on.
    cut: AtomicBool,
    /// Wakes who reads the handshake.
    waker: AtomicWaker,
    restricted: AtomicBool,
    budget: Mutex<Option<Arc<Budget>>>,
    over: AtomicBool,
}

impl Default for Pass {
    fn default() -> Self {
        Self {
            unread: Unread::default(),
            round_trip: RoundTrip::default(),
            at_socket: AtomicBool::new(false),
            handshake_bytes: AtomicUsize::new(HANDSHAKE_BYTES),
            taken: AtomicBool::new(false),
            evicted: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            restricted: AtomicBool::new(false),
            budget: Mutex::default(),
            over: AtomicBool::new(false),
        }
    }
}

impl Pass {
    /// Ends a handshake that takes its time while others wait.
    pub(super) fn evict(&self) {
        self.evicted.store(true, SeqCst);
        self.cut();
    }

    /// Ends the connection whatever is under way in it: libp2p alone would wait for streams that are
    /// being negotiated, and so for as long as the peer likes. The caller wakes the connection's task
    /// unless it is in its handshake.
    pub(super) fn cut(&self) {
        self.cut.store(true, SeqCst);
        self.waker.wake();
    }

    fn check(&self) -> io::Result<()> {
        match self.cut.load(SeqCst) {
            true => Err(io::ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.evicted.load(SeqCst)
    }

    /// Whether the handshake can be ended: that of QUIC can not, it has a bound of its own.
    pub(super) fn is_at_socket(&self) -> bool {
        self.at_socket.load(SeqCst)
    }

    /// The handshake is done and the connection is taken.
    pub(super) fn take(&self) {
        self.taken.store(true, SeqCst);
    }

    /// From now on the connection lives on this budget, or on none.
    pub(super) fn restrict(&self, budget: Option<Arc<Budget>>) {
        let mut of = lock(&self.budget);
        self.restricted.store(budget.is_some(), SeqCst);
        *of = budget;
    }

    /// Whether more was read than may be.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    /// So many bytes were read. Whether that was allowed.
    pub(super) fn read(&self, bytes: usize) -> bool {
        if !self.taken.load(Relaxed) {
            let left = self.handshake_bytes.load(Relaxed).checked_sub(bytes);
            self.handshake_bytes.store(left.unwrap_or(0), Relaxed);
            return left.is_some();
        }
        if self.restricted.load(Relaxed)
            && let Some(budget) = &*lock(&self.budget)
            && !budget.spend(bytes, Instant::now())
        {
            self.over.store(true, Relaxed);
        }
        !self.is_over()
    }

    /// The same for a connection whose socket does not count.
    pub(super) fn read_stream(&self, bytes: usize) {
        if !self.is_at_socket() {
            self.read(bytes);
        }
    }
}

/// A socket that shows its pass with each read.
pub(super) struct Guarded<S> {
    socket: S,
    pass: Arc<Pass>,
}

impl<S> Guarded<S> {
    pub(super) fn new(socket: S, pass: Arc<Pass>) -> Self {
        pass.at_socket.store(true, SeqCst);
        Self { socket, pass }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Self { socket, pass } = &mut *self;
        if !pass.taken.load(Relaxed) {
            pass.waker.register(cx.waker());
        }
        pass.check()?;
        let bytes = ready!(Pin::new(socket).poll_read(cx, buffer))?;
        match pass.read(bytes) {
            true => Poll::Ready(Ok(bytes)),
            false => Poll::Ready(Err(io::Error::other("sent more than it may"))),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pass.check()?;
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pass.check()?;
        Pin::new(&mut self.socket).poll_write_vectored(cx, parts)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pass.check()?;
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pass.check()?;
        Pin::new(&mut self.socket).poll_close(cx)
    }
}
