//! Runs yamux on a connection: with bounded windows, with a count of what is unread, and polled once
//! where libp2p would poll it four times.
//!
//! A write of the handler goes into a channel of yamux, whose other end wakes the connection's task:
//! the very task that is writing, and that polls the muxer as soon as the handler is done. So each
//! write would cost a second, empty round of the whole connection; at a thousand messages a second that
//! is an eighth of a director's work. Here the muxer gets a waker of its own, which is silent while
//! the handler writes ([`while_writing`]). The same data would also be looked for twice in each round
//! (`poll` and `poll_inbound` do the same in yamux); here only `poll_inbound` does it.
//!
//! Leans on the order within `libp2p_swarm`'s `Connection::poll`, unchanged for years: first the
//! handler, then, before it returns, `poll_inbound`. Were it to change, writes would wait for the next
//! poll (a ping at the latest), and the tests of this room would take seconds and fail.
//!
//! Yamux keeps what comes until the stream is read, as much as its window lets come. The window grows
//! with the time between a ping of ours and its answer, which is the peer's to choose, so it is bounded
//! ([`super::Limits::window_bytes`]). What is in there is counted from both ends ([`Tap`], [`Stream`])
//! into the connection's [`super::pass::Unread`], and so into `memory_bytes`.

use super::{pass::Pass, tap::Tap};
use futures::{AsyncRead, AsyncWrite, task::AtomicWaker};
use libp2p::core::{
    muxing::{StreamMuxer, StreamMuxerEvent},
    upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo},
};
use std::{
    cell::Cell,
    future::{Ready, ready},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker, ready},
};
use yamux::{Connection, ConnectionError, Mode};

/// Each side opens one. A third is nothing that our own code does: yamux ends the connection.
pub(super) const MAX_STREAMS: usize = 2;

/// Least window of a connection: that of each stream before it has grown.
pub(super) const MIN_WINDOW: usize = MAX_STREAMS * yamux::DEFAULT_CREDIT as usize;

thread_local! {
    static WRITING: Cell<bool> = const { Cell::new(false) };
}

/// Runs a write of a handler: what it wakes in its own muxer is polled afterwards anyway.
pub(super) fn while_writing<T>(write: impl FnOnce() -> T) -> T {
    WRITING.set(true);
    let result = write();
    WRITING.set(false);
    result
}

/// Wakes the connection's task, unless its handler is writing.
#[derive(Default)]
struct Relay(AtomicWaker);

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !WRITING.get() {
            self.0.wake();
        }
    }
}

/// A stream that counts what is read of it. What is unread when it goes stays counted until the
/// connection ends: only a stream that could not be negotiated goes before.
pub(super) struct Stream {
    stream: yamux::Stream,
    pass: Arc<Pass>,
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let len = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.pass.unread.read(len);
        Poll::Ready(Ok(len))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// Yamux, with fewer polls.
pub(super) struct Muxer<C> {
    connection: Connection<Tap<C>>,
    pass: Arc<Pass>,
    relay: Arc<Relay>,
    waker: Waker,
}

impl<C> Muxer<C>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    fn new(socket: C, config: Config, mode: Mode) -> Self {
        let Config { yamux, pass } = config;
        let connection = Connection::new(Tap::new(socket, pass.clone()), yamux, mode);
        let relay = Arc::<Relay>::default();
        Self { connection, pass, waker: relay.clone().into(), relay }
    }
}

impl<C> StreamMuxer for Muxer<C>
where
    C: AsyncRead + AsyncWrite + Unpin + 'static,
{
    type Substream = Stream;
    type Error = ConnectionError;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        let this = &mut *self;
        this.relay.0.register(cx.waker());
        let next = this.connection.poll_next_inbound(&mut Context::from_waker(&this.waker));
        let stream = ready!(next).ok_or(ConnectionError::Closed)??;
        Poll::Ready(Ok(Stream { stream, pass: this.pass.clone() }))
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        let stream = ready!(self.connection.poll_new_outbound(cx))?;
        Poll::Ready(Ok(Stream { stream, pass: self.pass.clone() }))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connection.poll_close(cx)
    }

    /// Yamux never has an event.
    fn poll(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, Self::Error>> {
        Poll::Pending
    }
}

/// The configuration of yamux, as an upgrade to [`Muxer`].
#[derive(Clone)]
pub(super) struct Config {
    yamux: yamux::Config,
    /// Where what is unread is counted.
    pass: Arc<Pass>,
}

impl Config {
    /// All streams together have a window of so many bytes at most, and at least [`MIN_WINDOW`].
    pub(super) fn new(window_bytes: usize, pass: Arc<Pass>) -> Self {
        let mut yamux = yamux::Config::default();
        yamux.set_max_num_streams(MAX_STREAMS);
        yamux.set_max_connection_receive_window(Some(window_bytes.max(MIN_WINDOW)));
        Self { yamux, pass }
    }
}

impl UpgradeInfo for Config {
    type Info = &'static str;
    type InfoIter = std::iter::Once<&'static str>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once("/yamux/1.0.0")
    }
}

impl<C> InboundConnectionUpgrade<C> for Config
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<io::Result<Muxer<C>>>;

    fn upgrade_inbound(self, socket: C, _: Self::Info) -> Self::Future {
        ready(Ok(Muxer::new(socket, self, Mode::Server)))
    }
}

impl<C> OutboundConnectionUpgrade<C> for Config
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<io::Result<Muxer<C>>>;

    fn upgrade_outbound(self, socket: C, _: Self::Info) -> Self::Future {
        ready(Ok(Muxer::new(socket, self, Mode::Client)))
    }
}
