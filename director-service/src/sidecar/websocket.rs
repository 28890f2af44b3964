//! Speaks with validators over a local WebSocket: each text message is one line of the pipe.
//!
//! * *Web pages are refused*: a browser says where a page comes from (`Origin`), a program does not. Any page that an operator
//!   opens could otherwise reach this port.
//! * *Token*: where one is configured, `Authorization: Bearer TOKEN` is needed.
//! * *Bounds*: [`MAX_CONNECTIONS`] at once, and as many that have not shaken hands yet, for 5 s at most; one more of those
//!   takes the place of the oldest. So who has no token takes no place from who has it. 30 s for a write that does
//!   not get on.
//! * *At the end* each has 2 s for what waits: the answers of the last commands, `stopping`, and the close of the WebSocket.

use super::{engine::Said, outlet::Outlet, pipe::LAST_WORDS, protocol::MAX_LINE};
use futures::{SinkExt, StreamExt};
use std::{collections::VecDeque, future::pending, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::StatusCode,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tracing::{debug, warn};
use zeroize::Zeroizing;

/// Connections at once.
const MAX_CONNECTIONS: usize = 16;

/// Connections that shake hands at once.
const MAX_HANDSHAKES: usize = 16;

const HANDSHAKE: Duration = Duration::from_secs(5);

const WRITE: Duration = Duration::from_secs(30);

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Server {
    said: mpsc::Sender<Said>,
    queue_bytes: usize,
    token: Option<Arc<Zeroizing<String>>>,
    /// Longest time to the end of the handshake.
    handshake: Duration,
    room: Arc<Semaphore>,
}

impl Server {
    pub(super) fn new(
        said: mpsc::Sender<Said>,
        queue_bytes: usize,
        token: Option<Zeroizing<String>>,
    ) -> Self {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Self { said, queue_bytes, token: token.map(Arc::new), handshake: HANDSHAKE, room }
    }

    /// Serves for ever; dropped, it ends every connection.
    pub(super) async fn run(self, listener: TcpListener) {
        self.run_until(listener, pending()).await;
    }

    /// Serves until `stop` resolves, and then lets the last lines leave; dropped, it ends every connection.
    pub(super) async fn run_until(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let (mut handshakes, mut connections) = (JoinSet::new(), JoinSet::new());
        let mut oldest = VecDeque::<AbortHandle>::new();
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => continue,
                Some(done) = handshakes.join_next() => {
                    if let Ok(Some((socket, place))) = done {
                        connections.spawn(self.clone().serve(socket, place));
                    }
                    continue;
                }
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    oldest.retain(|handshake| !handshake.is_finished());
                    if oldest.len() >= MAX_HANDSHAKES
                        && let Some(handshake) = oldest.pop_front()
                    {
                        handshake.abort();
                    }
                    oldest.push_back(handshakes.spawn(self.clone().shake_hands(stream)));
                }
                Err(error) => {
                    warn!(%error, "the WebSocket's port has trouble");
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
        // Nobody comes in any more. Who does not read what is left does not get it.
        drop((listener, handshakes));
        let last = async { while connections.join_next().await.is_some() {} };
        let _ = timeout(LAST_WORDS, last).await;
    }

    /// A WebSocket and its place, if it is welcome and there is one.
    #[expect(clippy::result_large_err, reason = "the library wants its refusals so")]
    async fn shake_hands(self, stream: TcpStream) -> Option<(WebSocketStream<TcpStream>, Place)> {
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MAX_LINE))
            .max_frame_size(Some(MAX_LINE));
        let _ = stream.set_nodelay(true);
        let mut place = None;
        let check = |request: &Request, response: Response| {
            let token = self.token.as_ref().map(|token| token.as_str());
            let refused = refusal(request, token).or_else(|| {
                place = self.room.clone().try_acquire_owned().ok();
                let full = "all places are taken; close a connection first";
                place.is_none().then_some((StatusCode::SERVICE_UNAVAILABLE, full))
            });
            let Some((status, why)) = refused else { return Ok(response) };
            let mut refused = ErrorResponse::new(Some(format!("{why}\n")));
            *refused.status_mut() = status;
            Err(refused)
        };
        let accept = accept_hdr_async_with_config(stream, check, Some(limits));
        let accepted = timeout(self.handshake, accept).await;
        match accepted {
            Ok(Ok(socket)) => Some((socket, place?)),
            Ok(Err(error)) => {
                debug!(%error, "no WebSocket");
                None
            }
            Err(_) => {
                debug!("no WebSocket within {:?}", self.handshake);
                None
            }
        }
    }

    async fn serve(self, socket: WebSocketStream<TcpStream>, _place: Place) {
        let (mut sink, mut stream) = socket.split();
        let outlet = Outlet::new(self.queue_bytes);
        if self.said.send(Said::Joined(outlet.clone())).await.is_err() {
            return;
        }
        let read = async {
            loop {
                outlet.room().await;
                let line = match stream.next().await {
                    Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => continue,
                };
                if self.said.send(Said::Line(outlet.clone(), line)).await.is_err() {
                    // Nobody carries it out any more. What was answered before must still leave.
                    return pending().await;
                }
            }
        };
        // Who came when the engine was on its way out is known to nobody who would close this.
        let orphaned = async {
            self.said.closed().await;
            outlet.close();
            pending::<()>().await;
        };
        let write = async {
            while let Some(line) = outlet.next().await {
                let sent = timeout(WRITE, sink.send(Message::text(&*line))).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
            let (code, reason) = match outlet.is_too_slow() {
                true => (CloseCode::Policy, "you do not read; connect anew"),
                false => (CloseCode::Away, "stopping"),
            };
            let frame = CloseFrame { code, reason: reason.into() };
            let _ = timeout(WRITE, sink.send(Message::Close(Some(frame)))).await;
        };
        let is_said = tokio::select! {
            () = read => false,
            () = write => true,
            () = orphaned => false,
        };
        outlet.close();
        if is_said {
            // To close while something of the other end's is not read would make its system throw away what it has not read.
            let rest = async { while let Some(Ok(_)) = stream.next().await {} };
            let _ = timeout(LAST_WORDS, rest).await;
        }
    }
}

/// A place among the connections.
type Place = OwnedSemaphorePermit;

/// Why this is not upgraded, if it is not.
fn refusal(request: &Request, token: Option<&str>) -> Option<(StatusCode, &'static str)> {
    if request.headers().contains_key("origin") {
        return Some((StatusCode::FORBIDDEN, "web pages are refused; connect from a program"));
    }
    let token = token?;
    let brought = request.headers().get("authorization").map(|value| value.as_bytes());
    let brought = brought.and_then(|value| value.strip_prefix(b"Bearer "));
    let is_right = brought.is_some_and(|brought| is_same(brought, token.as_bytes()));
    let remedy = "bring the token of interface.token_file: Authorization: Bearer TOKEN";
    (!is_right).then_some((StatusCode::UNAUTHORIZED, remedy))
}

/// Takes as long for a right beginning as for a wrong one.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differs = one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b));
    one.len() == other.len() && differs == 0
}

#[cfg(test)]
mod tests;
