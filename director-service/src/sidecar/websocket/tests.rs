#![allow(clippy::unwrap_used)]

use super::*;
use crate::sidecar::outlet::Line;
use tokio::io::AsyncReadExt;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, client::IntoClientRequest},
};

struct Running {
    address: std::net::SocketAddr,
    said: mpsc::Receiver<Said>,
    task: tokio::task::JoinHandle<()>,
    stop: tokio::sync::oneshot::Sender<()>,
}

async fn start(token: Option<&str>, queue_bytes: usize) -> Running {
    start_with(token, queue_bytes, HANDSHAKE).await
}

async fn start_with(token: Option<&str>, queue_bytes: usize, handshake: Duration) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, said) = mpsc::channel(16);
    let token = token.map(|token| Zeroizing::new(token.to_owned()));
    let server = Server { handshake, ..Server::new(sender, queue_bytes, token) };
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let stopped = async { drop(stopped.await) };
    Running { address, said, task: tokio::spawn(server.run_until(listener, stopped)), stop }
}

impl Running {
    async fn connect(
        &self,
        headers: &[(&'static str, &str)],
    ) -> Result<WebSocketStream<TcpStream>, Error> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!("ws://{}/", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Ok(client_async(request, stream).await?.0)
    }

    async fn refused(&self, headers: &[(&'static str, &str)]) -> u16 {
        match self.connect(headers).await {
            Err(Error::Http(response)) => response.status().as_u16(),
            other => panic!("not refused: {:?}", other.is_ok()),
        }
    }

    async fn joined(&mut self) -> Arc<Outlet> {
        match self.said.recv().await.unwrap() {
            Said::Joined(outlet) => outlet,
            _ => panic!("something else"),
        }
    }
}

#[tokio::test]
async fn lines_go_both_ways() {
    let mut server = start(None, 1_000).await;
    let mut client = server.connect(&[]).await.unwrap();
    let outlet = server.joined().await;
    client.send(Message::text("a command")).await.unwrap();
    let Said::Line(_, line) = server.said.recv().await.unwrap() else { panic!("no line") };
    assert_eq!(line, "a command");
    outlet.say("an answer".into());
    assert_eq!(client.next().await.unwrap().unwrap(), Message::text("an answer"));
    // The sidecar stops.
    outlet.close();
    assert!(matches!(client.next().await.unwrap().unwrap(), Message::Close(Some(_))));
    server.task.abort();
}

/// What a client gets from here on, in order, up to the close.
async fn rest(mut client: WebSocketStream<TcpStream>) -> Vec<Message> {
    let mut all = Vec::new();
    while let Some(Ok(message)) = client.next().await {
        all.push(message);
    }
    all
}

#[tokio::test]
async fn what_waits_at_the_end_still_leaves() {
    let mut server = start(None, 64 * 1024 * 1024).await;
    let mut client = server.connect(&[]).await.unwrap();
    let outlet = server.joined().await;
    // More than the buffers of the two ends take, so that most of it waits here.
    let line: Line = "x".repeat(1024 * 1024).into();
    for _ in 0..32 {
        outlet.message(line.clone());
    }
    outlet.say("stopping".into());
    outlet.close();
    // A command that nobody carries out any more is no reason to break off.
    client.send(Message::text("a command")).await.unwrap();
    let Running { said, task, stop, .. } = server;
    drop((said, stop));
    let all = rest(client).await;
    assert_eq!(all.len(), 32 + 2);
    assert_eq!(all[32], Message::text("stopping"));
    assert!(matches!(all[33], Message::Close(Some(_))));
    task.await.unwrap();
}

#[tokio::test]
async fn who_comes_while_it_stops_and_who_does_not_read_keep_nobody_waiting() {
    let mut server = start(None, 64 * 1024 * 1024).await;
    let late = server.connect(&[]).await.unwrap();
    let silent = server.connect(&[]).await.unwrap();
    let outlets = [server.joined().await, server.joined().await];
    let line: Line = "x".repeat(1024 * 1024).into();
    for _ in 0..32 {
        outlets[1].message(line.clone());
    }
    let Running { said, task, stop, .. } = server;
    let begun = tokio::time::Instant::now();
    drop((said, stop));
    let all = rest(late).await;
    assert!(matches!(all.as_slice(), [Message::Close(Some(_))]), "{all:?}");
    timeout(10 * LAST_WORDS, task).await.expect("it ends").unwrap();
    assert!(begun.elapsed() >= LAST_WORDS, "who does not read has that long");
    drop(silent);
}

#[tokio::test]
async fn web_pages_are_refused() {
    let server = start(None, 1_000).await;
    assert_eq!(server.refused(&[("origin", "https://example.com")]).await, 403);
    assert_eq!(server.refused(&[("origin", "null")]).await, 403);
    server.task.abort();
}

#[tokio::test]
async fn a_token_is_needed_where_there_is_one() {
    let mut server = start(Some("secret"), 1_000).await;
    assert_eq!(server.refused(&[]).await, 401);
    assert_eq!(server.refused(&[("authorization", "Bearer secres")]).await, 401);
    assert_eq!(server.refused(&[("authorization", "Bearer secret2")]).await, 401);
    assert_eq!(server.refused(&[("authorization", "secret")]).await, 401);
    let _client = server.connect(&[("authorization", "Bearer secret")]).await.unwrap();
    server.joined().await;
    server.task.abort();
}

#[tokio::test]
async fn a_client_that_leaves_is_forgotten() {
    let mut server = start(None, 1_000).await;
    let client = server.connect(&[]).await.unwrap();
    let outlet = server.joined().await;
    drop(client);
    assert_eq!(outlet.next().await, None);
    assert!(outlet.is_closed());
    server.task.abort();
}

#[tokio::test]
async fn no_more_than_so_many_are_served() {
    let mut server = start(None, 1_000).await;
    let mut clients = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        clients.push(server.connect(&[]).await.unwrap());
        server.joined().await;
    }
    assert_eq!(server.refused(&[]).await, 503);
    server.task.abort();
}

/// Resolves when the server has closed the connection.
async fn closed(stream: &mut TcpStream) {
    // An error is an end as well.
    while stream.read(&mut [0; 256]).await.is_ok_and(|read| read > 0) {}
}

#[tokio::test]
async fn who_has_no_token_takes_no_place_from_who_has_it() {
    let mut server = start_with(Some("secret"), 1_000, Duration::from_secs(3_600)).await;
    let token = [("authorization", "Bearer secret")];
    let mut clients = Vec::new();
    let mut silent = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        // More than may shake hands at once: the oldest go.
        for _ in 0..MAX_HANDSHAKES {
            silent.push(TcpStream::connect(server.address).await.unwrap());
        }
        assert_eq!(server.refused(&[]).await, 401);
        clients.push(server.connect(&token).await.unwrap());
        server.joined().await;
    }
    let gone = silent.len() - (MAX_HANDSHAKES - 1);
    for stream in &mut silent[..gone] {
        closed(stream).await;
    }
    assert_eq!(server.refused(&token).await, 503);
    drop(clients.pop());
    // Its place is free a moment later.
    while server.connect(&token).await.is_err() {}
    server.task.abort();
}

#[tokio::test]
async fn who_says_nothing_is_cut_off() {
    let server = start_with(None, 1_000, Duration::from_millis(200)).await;
    closed(&mut TcpStream::connect(server.address).await.unwrap()).await;
    server.task.abort();
}

#[tokio::test]
async fn too_long_a_message_ends_the_connection() {
    let mut server = start(None, 1_000).await;
    let mut client = server.connect(&[]).await.unwrap();
    let outlet = server.joined().await;
    // It may be cut off while it still sends.
    let _ = client.send(Message::text("x".repeat(MAX_LINE + 1))).await;
    while outlet.next().await.is_some() {}
    assert!(outlet.is_closed());
    server.task.abort();
}
