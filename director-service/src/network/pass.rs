//! Goes with a connection from its first byte: says how much may still be read of it, and whether its
//! handshake has to make room for somebody else's.
//!
//! Two bounds. Before the connection is taken it may cost [`HANDSHAKE_BYTES`] at most, whatever it
//! sends. And a key that may connect but not speak yet ([`super::Handle::restrict`]) has a [`Budget`],
//! which all its connections share. Both are kept at the socket of a TCP connection, below Noise and
//! Yamux, so that nothing of a protocol in between is free.

use super::link::lock;
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

/// What goes with a connection.
pub(super) struct Pass {
    /// The socket counts what is read; otherwise the handler has to.
    at_socket: AtomicBool,
    /// Left for the handshake.
    handshake_bytes: AtomicUsize,
    taken: AtomicBool,
    evicted: AtomicBool,
    /// Wakes who reads the handshake.
    waker: AtomicWaker,
    restricted: AtomicBool,
    budget: Mutex<Option<Arc<Budget>>>,
    over: AtomicBool,
}

impl Default for Pass {
    fn default() -> Self {
        Self {
            at_socket: AtomicBool::new(false),
            handshake_bytes: AtomicUsize::new(HANDSHAKE_BYTES),
            taken: AtomicBool::new(false),
            evicted: AtomicBool::new(false),
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
        self.waker.wake();
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
            if pass.is_evicted() {
                return Poll::Ready(Err(io::Error::other("made room for another handshake")));
            }
        }
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
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, parts)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}
