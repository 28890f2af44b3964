//! What somebody costs who can reach the port and means ill, or is only slow.
#![allow(clippy::unwrap_used)]

use super::*;
use axum::routing::get;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// More than the kernel's buffers take.
const LONG: usize = 32 * 1024 * 1024;

const ASK: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: director\r\n\r\n";

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

/// A server that forgives less than the real one, so that nobody has to wait.
fn strict() -> Limits {
    Limits {
        connections: 4,
        header_timeout: Duration::from_millis(200),
        least: Duration::ZERO,
        grace: Duration::from_millis(100),
        ..Limits::default()
    }
}

async fn start(limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let long = || async { vec![b'.'; LONG] };
    let router =
        Router::new().route("/healthz", get(|| async { "ok\n" })).route("/long", get(long));
    let task = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        serve(listener, router, limits, stopped).await
    });
    Server { address, stop, task }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Connects and says this; what comes until the connection ends.
    async fn say(&self, bytes: &[u8]) -> String {
        let mut socket = self.connect().await;
        // May be cut off in the middle.
        let _ = socket.write_all(bytes).await;
        end(&mut socket).await
    }

    async fn is_well(&self) {
        let mut socket = self.connect().await;
        assert_eq!(answer(&mut socket).await, "HTTP/1.1 200 OK");
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        timeout(PATIENCE, self.task).await.expect("it ends").unwrap().unwrap();
    }
}

/// What comes until the connection ends, be it by a reset.
async fn end(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(PATIENCE, socket.read_to_end(&mut bytes)).await.expect("it is ended");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Asks on an open connection; the first line of the answer.
async fn answer(socket: &mut TcpStream) -> String {
    socket.write_all(ASK).await.unwrap();
    let mut text = String::new();
    while !text.ends_with("ok\n") {
        let mut bytes = [0; 1024];
        let count = timeout(PATIENCE, socket.read(&mut bytes)).await.expect("an answer").unwrap();
        assert_ne!(count, 0, "it ended after {text:?}");
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    text.lines().next().unwrap().into()
}

#[tokio::test]
async fn several_requests_go_over_one_connection() {
    let server = start(strict()).await;
    let mut socket = server.connect().await;
    for _ in 0..3 {
        assert_eq!(answer(&mut socket).await, "HTTP/1.1 200 OK");
    }
    server.stop().await;
}

#[tokio::test]
async fn who_says_nothing_is_gone_in_time() {
    let server = start(strict()).await;
    assert_eq!(server.say(b"").await, "");
    server.is_well().await;
}

#[tokio::test]
async fn who_says_nothing_after_an_answer_is_gone_in_time() {
    let server = start(strict()).await;
    let said = server.say(ASK).await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
}

#[tokio::test]
async fn who_sends_headers_byte_by_byte_is_gone_in_time() {
    let server = start(strict()).await;
    let mut socket = server.connect().await;
    let mut beats = tokio::time::interval(Duration::from_millis(10));
    let slow = async {
        socket.write_all(b"GET / HTTP/1.1\r\nX: ").await?;
        loop {
            beats.tick().await;
            socket.write_all(b"a").await?;
        }
    };
    let ended: io::Result<()> = timeout(PATIENCE, slow).await.expect("it is ended");
    assert!(ended.is_err());
    server.is_well().await;
}

#[tokio::test]
async fn who_asks_and_does_not_read_is_gone_in_time() {
    let server = start(Limits { lifetime: Duration::from_millis(200), ..strict() }).await;
    let mut socket = server.connect().await;
    socket.write_all(b"GET /long HTTP/1.1\r\nHost: director\r\n\r\n").await.unwrap();
    // The other end is closed once its system answers what comes with a reset.
    let mut beats = tokio::time::interval(Duration::from_millis(10));
    let gone = async {
        while socket.write_all(b"x").await.is_ok() {
            beats.tick().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("it is ended");
    server.is_well().await;
}

#[tokio::test]
async fn long_headers_are_refused() {
    let server = start(strict()).await;
    let long = "a".repeat(64 * 1024);
    let many = "X: y\r\n".repeat(1_000);
    for headers in [format!("X: {long}\r\n"), many] {
        let said = server.say(format!("GET / HTTP/1.1\r\n{headers}\r\n").as_bytes()).await;
        // What was not read may make the system drop the answer.
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
    }
    let said = server.say(format!("GET /{long} HTTP/1.1\r\n\r\n").as_bytes()).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    server.is_well().await;
}

#[tokio::test]
async fn a_body_is_refused_before_it_is_read() {
    let server = start(strict()).await;
    for (method, header) in [
        ("POST", "Content-Length: 1000000000"),
        ("GET", "Content-Length: 1"),
        ("PUT", "Transfer-Encoding: chunked"),
    ] {
        let request = format!("{method} /healthz HTTP/1.1\r\nHost: director\r\n{header}\r\n\r\n");
        let said = server.say(request.as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 413"), "{method} with {header}: {said}");
        let said = said.to_lowercase();
        for header in ["connection: close", "x-content-type-options: nosniff", "no-store"] {
            assert!(said.contains(header), "{said}");
        }
    }
    server.is_well().await;
}

#[tokio::test]
async fn what_is_no_http_is_gone_at_once() {
    let server = start(Limits { header_timeout: PATIENCE, ..strict() }).await;
    for bytes in
        [&[0xab; 500][..], b"\x13/multistream/1.0.0\n\x07/noise\n", b"\x16\x03\x01\x02\x00"]
    {
        let said = server.say(bytes).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{said}");
    }
    server.is_well().await;
}

#[tokio::test]
async fn the_oldest_make_room_for_who_asks() {
    let server = start(Limits { header_timeout: PATIENCE, ..strict() }).await;
    let mut crowd = Vec::new();
    for _ in 0..4 {
        crowd.push(server.connect().await);
    }
    server.is_well().await;
    assert_eq!(end(&mut crowd[0]).await, "", "the oldest was turned out");
    assert_eq!(answer(&mut crowd[3]).await, "HTTP/1.1 200 OK", "the youngest was not");
}

#[tokio::test]
async fn nobody_is_turned_out_before_its_time() {
    let least = Duration::from_secs(3_600);
    let server = start(Limits { header_timeout: PATIENCE, least, ..strict() }).await;
    let mut crowd = Vec::new();
    for _ in 0..4 {
        let mut socket = server.connect().await;
        // Then it is inside.
        assert_eq!(answer(&mut socket).await, "HTTP/1.1 200 OK");
        crowd.push(socket);
    }
    assert_eq!(server.say(ASK).await, "", "there is no room");
    for socket in &mut crowd {
        assert_eq!(answer(socket).await, "HTTP/1.1 200 OK");
    }
    drop(crowd);
    let served =
        async { while !server.say(b"GET /healthz HTTP/1.0\r\n\r\n").await.contains("200") {} };
    timeout(PATIENCE, served).await.expect("there is room again");
}

#[tokio::test]
async fn it_stops_while_somebody_says_nothing() {
    let server = start(Limits { header_timeout: PATIENCE, ..strict() }).await;
    let mut socket = server.connect().await;
    assert_eq!(answer(&mut socket).await, "HTTP/1.1 200 OK");
    server.stop().await;
    assert_eq!(end(&mut socket).await, "");
}
