//! Accepts connections to the page and ends them in time.
//!
//! Whoever can reach the port may be slow, wrong or many, and none of that may cost the director more
//! than a few sockets:
//!
//! * a connection's headers come within [`Limits::header_timeout`], counted from its first moment and again
//!   from the end of each answer: that ends who is silent, too;
//! * headers have [`MAX_HEADER_BYTES`] at most;
//! * a request has no body: one that announces any is refused before it is read;
//! * a connection ends after [`Limits::lifetime`], whatever is under way: that ends who asks and does not read. Where
//!   events are told it is [`Limits::events_lifetime`]; of those there is a bound of its own (`events`);
//! * there are [`Limits::connections`] at once. When a further one comes, the oldest makes room if it has had
//!   [`Limits::least`]; else the new one is closed. So a crowd that holds all of them cannot lock out who asks
//!   whether the director lives.
//!
//! Who is told events is the oldest soon, and so the first to make room: a dashboard connects anew, and has
//! everything again.

#[cfg(test)]
mod tests;

use axum::{
    Router,
    http::{
        StatusCode,
        header::{CONNECTION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use hyper::{
    Request,
    body::{Body, Incoming},
    server::conn::http1,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    collections::VecDeque,
    future::Future,
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, timeout},
};
use tracing::{debug, warn};

/// Most bytes of a request's line and headers. It is the least that hyper allows, and ten times what browsers
/// and Prometheus send.
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Most headers of a request.
const MAX_HEADERS: usize = 64;

/// How long is waited when a connection cannot be taken: the process has no descriptor left, most likely, and
/// the next attempt would fail as fast.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// From one line about a full house to the next.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// What whoever connects may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at once. Default 64: a few tools ask every few seconds, and each is answered within
    /// milliseconds.
    pub(super) connections: usize,
    /// How long headers may take, and the time between two requests. Default 5 s.
    pub(super) header_timeout: Duration,
    /// How long a connection may be there. Default 30 s: twice Prometheus' usual interval.
    pub(super) lifetime: Duration,
    /// How long it may where events are told. Default 10 minutes.
    pub(super) events_lifetime: Duration,
    /// How long nobody is turned out for somebody else. Default 1 s.
    pub(super) least: Duration,
    /// How long answers that are under way may take when `lifetime` is over or the director stops. Default 1 s.
    pub(super) grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            header_timeout: Duration::from_secs(5),
            lifetime: Duration::from_secs(30),
            events_lifetime: Duration::from_secs(600),
            least: Duration::from_secs(1),
            grace: Duration::from_secs(1),
        }
    }
}

/// Serves until `stop` resolves, and then for `grace` whoever is being answered.
///
/// # Errors
///
/// If the listener is none any more.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let (stopping, stopped) = watch::channel(());
    let mut house = House::new(limits);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((socket, from)) => {
                    let connection = connection(socket, router.clone(), limits, stopped.clone());
                    if !house.take(connection) {
                        debug!(%from, "no room for one more HTTP connection");
                    }
                }
                // What `accept` says of a socket that does not listen.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
                Err(error) => {
                    warn!(%error, "cannot take an HTTP connection; trying again");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = house.tasks.join_next(), if !house.tasks.is_empty() => {}
        }
    }
    drop((listener, stopping));
    // Each ends by itself; who is left is aborted with the house.
    let _ =
        timeout(2 * limits.grace, async { while house.tasks.join_next().await.is_some() {} }).await;
    Ok(())
}

/// Who is being served.
struct House {
    limits: Limits,
    tasks: JoinSet<()>,
    /// The oldest first. Who has gone is taken out when room is needed.
    guests: VecDeque<(Instant, AbortHandle)>,
    /// When it was said last that there is no room, and how many were closed since.
    said: Option<Instant>,
    closed: u64,
}

impl House {
    fn new(limits: Limits) -> Self {
        Self { limits, tasks: JoinSet::new(), guests: VecDeque::new(), said: None, closed: 0 }
    }

    /// Serves a connection, if there is room or can be made.
    fn take(&mut self, connection: impl Future<Output = ()> + Send + 'static) -> bool {
        let now = Instant::now();
        if self.guests.len() >= self.limits.connections {
            self.guests.retain(|(_, guest)| !guest.is_finished());
        }
        if self.guests.len() >= self.limits.connections {
            self.closed += 1;
            self.say(now);
            let oldest = self.guests.front().filter(|(since, _)| now - *since >= self.limits.least);
            let Some((_, oldest)) = oldest else { return false };
            oldest.abort();
            self.guests.pop_front();
        }
        let guest = self.tasks.spawn(connection);
        self.guests.push_back((now, guest));
        true
    }

    /// Says that there is no room: at once, and then once in a while.
    fn say(&mut self, now: Instant) {
        if self.said.is_some_and(|last| now - last < LOG_INTERVAL) {
            return;
        }
        self.said = Some(now);
        warn!(
            closed = self.closed,
            "all {} HTTP connections are taken: the oldest are closed for new ones; see who asks \
             at http.listen, and how often",
            self.limits.connections
        );
        self.closed = 0;
    }
}

/// Answers one connection until it ends, or has to.
pub(super) async fn connection(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    limits: Limits,
    mut stopped: watch::Receiver<()>,
) {
    let router = TowerToHyperService::new(router);
    let tells_events = AtomicBool::new(false);
    let tells = &tells_events;
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let answer = (!has_body(&request)).then(|| hyper::service::Service::call(&router, request));
        async move {
            match answer {
                Some(answer) => {
                    let answer = answer.await?;
                    let kind = answer.headers().get(CONTENT_TYPE);
                    let is_events = kind.is_some_and(|kind| kind == super::EVENT_STREAM);
                    tells.store(is_events, Ordering::Relaxed);
                    Ok::<_, std::convert::Infallible>(answer)
                }
                None => Ok(refusal()),
            }
        }
    });
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS);
    let served = server.serve_connection(TokioIo::new(socket), service);
    tokio::pin!(served);
    let lifetime = async {
        sleep(limits.lifetime).await;
        if tells_events.load(Ordering::Relaxed) {
            sleep(limits.events_lifetime.saturating_sub(limits.lifetime)).await;
        }
    };
    tokio::select! {
        // How it ended is the caller's business.
        _ = &mut served => return,
        () = lifetime => {}
        // Nothing is ever sent: it is an error, once nobody can.
        _ = stopped.changed() => {}
    }
    served.as_mut().graceful_shutdown();
    let _ = timeout(limits.grace, served).await;
}

/// Whether something follows the headers.
fn has_body(request: &Request<Incoming>) -> bool {
    !request.body().is_end_stream()
}

/// The body is not read: the connection ends with the answer.
fn refusal() -> Response {
    let text = "no request here has a body\n";
    let mut answer = (StatusCode::PAYLOAD_TOO_LARGE, [(CONNECTION, "close")], text).into_response();
    super::guard::secure(answer.headers_mut());
    answer
}
