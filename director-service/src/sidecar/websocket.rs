//! Speaks with validators over a local WebSocket: each text message is one line of the pipe.
//!
//! * *Web pages are refused*: a browser says where a page comes from (`Origin`), a program does not. Any page that an operator
//!   opens could otherwise reach this port.
//! * *Token*: where one is configured, `Authorization: Bearer TOKEN` is needed.
//! * *Bounds*: [`MAX_CONNECTIONS`] at once, 5 s for the handshake, 30 s for a write that does not get on.

use super::{engine::Said, outlet::Outlet, protocol::MAX_LINE};
use futures::{SinkExt, StreamExt};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    accept_hdr_async_with_config,
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

const HANDSHAKE: Duration = Duration::from_secs(5);

const WRITE: Duration = Duration::from_secs(30);

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) said: mpsc::Sender<Said>,
    pub(super) queue_bytes: usize,
    pub(super) token: Option<Arc<Zeroizing<String>>>,
}

impl Server {
    /// Serves for ever; dropped, it ends every connection.
    pub(super) async fn run(self, listener: TcpListener) {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                Some(_) = connections.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "the WebSocket's port has trouble");
                    sleep(Duration::from_secs(1)).await;
                    continue;
                }
            };
            // More have to wait for nobody: their connection just closes.
            let Ok(permit) = room.clone().try_acquire_owned() else { continue };
            let server = self.clone();
            connections.spawn(async move {
                server.serve(stream).await;
                drop(permit);
            });
        }
    }

    #[expect(clippy::result_large_err, reason = "the library wants its refusals so")]
    async fn serve(self, stream: TcpStream) {
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MAX_LINE))
            .max_frame_size(Some(MAX_LINE));
        let _ = stream.set_nodelay(true);
        let token = self.token.clone();
        let check = |request: &Request, response: Response| match refusal(
            request,
            token.as_ref().map(|token| token.as_str()),
        ) {
            None => Ok(response),
            Some((status, why)) => {
                let mut refused = ErrorResponse::new(Some(format!("{why}\n")));
                *refused.status_mut() = status;
                Err(refused)
            }
        };
        let accepted =
            timeout(HANDSHAKE, accept_hdr_async_with_config(stream, check, Some(limits))).await;
        let socket = match accepted {
            Ok(Ok(socket)) => socket,
            Ok(Err(error)) => return debug!(%error, "no WebSocket"),
            Err(_) => return debug!("no WebSocket within {HANDSHAKE:?}"),
        };
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
                    return;
                }
            }
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
        tokio::select! {
            () = read => {}
            () = write => {}
        }
        outlet.close();
    }
}

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
