#![allow(clippy::unwrap_used)]

mod api;
mod refusals;
mod streams;

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[derive(Default)]
struct Fixed {
    sick: Option<String>,
    not_ready: Vec<String>,
    parts: Arc<Parts>,
    events: Events,
}

impl Source for Fixed {
    fn sick(&self) -> Option<String> {
        self.sick.clone()
    }

    fn not_ready(&self) -> Vec<String> {
        self.not_ready.clone()
    }

    fn warnings(&self) -> Vec<String> {
        vec!["little money".into()]
    }

    fn status(&self) -> Status {
        Status { version: "1.2.3", account: "5Grw".into(), active: true, ..Status::default() }
    }

    fn metrics(&self) -> String {
        "director_relayed_total 7\n# EOF\n".into()
    }

    fn parts(&self) -> Arc<Parts> {
        self.parts.clone()
    }

    fn proof(&self, id: &str) -> Option<Proof> {
        (id == "0x01").then(|| Proof { id: id.into(), ..Proof::default() })
    }

    fn history(&self, window: &str) -> Option<Series> {
        History::default().window(window)
    }

    fn events(&self) -> &Events {
        &self.events
    }
}

/// Asks a server with these answers; status line and body.
async fn ask(source: Fixed, path: &str) -> (String, String) {
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, Arc::new(source), Vec::new(), async {
        let _ = stopped.await;
    }));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

fn well() -> Fixed {
    Fixed::default()
}

#[tokio::test]
async fn says_that_it_is_healthy_or_why_not() {
    assert_eq!(ask(well(), "/healthz").await, ("HTTP/1.1 200 OK".into(), "ok\n".into()));
    let hangs = Fixed { sick: Some("the core hangs".into()), ..well() };
    let (code, body) = ask(hangs, "/healthz").await;
    assert!(code.contains("503") && body.contains("the core hangs"));
}

#[tokio::test]
async fn says_that_it_is_ready_or_why_not() {
    let (code, body) = ask(well(), "/readyz").await;
    assert!(code.contains("200"));
    assert_eq!(body, r#"{"ready":true,"reasons":[],"warnings":["little money"]}"#);
    let away = Fixed { not_ready: vec!["no finalized block yet".into()], ..well() };
    let (code, body) = ask(away, "/readyz").await;
    assert!(code.contains("503"));
    let warned =
        r#"{"ready":false,"reasons":["no finalized block yet"],"warnings":["little money"]}"#;
    assert_eq!(body, warned);
}

#[tokio::test]
async fn serves_metrics_and_status() {
    let (code, body) = ask(well(), "/metrics").await;
    assert!(code.contains("200") && body.contains("director_relayed_total 7"));
    let (code, body) = ask(well(), "/api/v1/status").await;
    assert!(code.contains("200"));
    let status: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status["version"], "1.2.3");
    assert_eq!(status["active"], true);
    assert_eq!(status["evidence"], serde_json::json!([]));
}

#[tokio::test]
async fn anything_else_is_not_found() {
    assert!(ask(well(), "/nothing").await.0.contains("404"));
}

#[tokio::test]
async fn a_busy_port_is_named_with_its_field() {
    let first = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = bind(address).await.unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("http.listen"), "{error}");
    assert!(error.contains("in use") && !error.contains('\n'), "{error}");
}
