//! Polls yamux once where libp2p would poll it four times.
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

use futures::{AsyncRead, AsyncWrite, task::AtomicWaker};
use libp2p::{
    core::{
        muxing::{StreamMuxer, StreamMuxerEvent},
        upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo},
    },
    yamux,
};
use std::{
    cell::Cell,
    future::{Ready, ready},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

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

/// Yamux, with fewer polls.
pub(super) struct Muxer<C> {
    inner: yamux::Muxer<C>,
    relay: Arc<Relay>,
    waker: Waker,
}

impl<C> Muxer<C> {
    fn new(inner: yamux::Muxer<C>) -> Self {
        let relay = Arc::<Relay>::default();
        Self { inner, waker: relay.clone().into(), relay }
    }
}

impl<C> StreamMuxer for Muxer<C>
where
    C: AsyncRead + AsyncWrite + Unpin + 'static,
{
    type Substream = yamux::Stream;
    type Error = yamux::Error;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        let this = &mut *self;
        this.relay.0.register(cx.waker());
        Pin::new(&mut this.inner).poll_inbound(&mut Context::from_waker(&this.waker))
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        Pin::new(&mut self.inner).poll_outbound(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.inner).poll_close(cx)
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
pub(super) struct Config(pub(super) yamux::Config);

impl UpgradeInfo for Config {
    type Info = <yamux::Config as UpgradeInfo>::Info;
    type InfoIter = <yamux::Config as UpgradeInfo>::InfoIter;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.protocol_info()
    }
}

impl<C> InboundConnectionUpgrade<C> for Config
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<io::Result<Muxer<C>>>;

    fn upgrade_inbound(self, socket: C, info: Self::Info) -> Self::Future {
        ready(self.0.upgrade_inbound(socket, info).into_inner().map(Muxer::new))
    }
}

impl<C> OutboundConnectionUpgrade<C> for Config
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<io::Result<Muxer<C>>>;

    fn upgrade_outbound(self, socket: C, info: Self::Info) -> Self::Future {
        ready(self.0.upgrade_outbound(socket, info).into_inner().map(Muxer::new))
    }
}
