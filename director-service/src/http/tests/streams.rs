//! Events: who gets what, how many may listen, and how it ends.

use super::*;
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(20);

async fn start(source: Arc<Fixed>) -> SocketAddr {
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, source, Vec::new(), std::future::pending()));
    address
}

async fn listen(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until there is `text`; everything up to then.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut all = Vec::new();
    let reading = async {
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "it ended after {}", String::from_utf8_lossy(&all));
            all.extend_from_slice(&buffer[..read]);
            if String::from_utf8_lossy(&all).contains(text) {
                break;
            }
        }
    };
    timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("no {text}"));
    String::from_utf8(all).unwrap()
}

fn draining() -> Parts {
    let alarm = Alarm { level: "warning", id: "draining".into(), ..Default::default() };
    Parts { alarms: Alarms { level: "warning", items: vec![alarm] }, ..Parts::default() }
}

#[tokio::test]
async fn who_listens_gets_everything_once_and_then_what_changes() {
    let source = Arc::new(well());
    let mut stream = listen(start(source.clone()).await).await;
    let first = read_until(&mut stream, "event: alarms").await;
    assert!(first.contains("text/event-stream"));
    for part in ["chain", "mesh", "validators", "checkpoints", "authorizations", "evidence"] {
        assert_eq!(first.matches(&format!("event: {part}\n")).count(), 1, "{part} in {first}");
    }
    source.events.tell(&Parts::default(), &draining(), Some(Point::default()));
    let news = read_until(&mut stream, "event: sample").await;
    assert!(news.contains("event: alarms\ndata: {\"level\":\"warning\""), "{news}");
    assert!(!news.contains("event: mesh"), "it has not changed: {news}");
    source.events.end();
    // The answer is over with an empty chunk.
    read_until(&mut stream, "0\r\n\r\n").await;
}

#[tokio::test]
async fn no_more_than_the_bound_may_listen_and_a_place_is_free_again() {
    let source = Arc::new(well());
    let address = start(source.clone()).await;
    let mut listening = Vec::new();
    for _ in 0..super::super::events::SUBSCRIBERS {
        let mut stream = listen(address).await;
        read_until(&mut stream, "event: alarms").await;
        listening.push(stream);
    }
    let mut one_more = listen(address).await;
    let refusal = read_until(&mut one_more, "listen already").await;
    assert!(
        refusal.starts_with("HTTP/1.1 503") && refusal.contains("retry-after: 10"),
        "{refusal}"
    );
    drop(listening.pop());
    // That it is gone is noticed when something is to be written.
    let again = async {
        loop {
            source.events.tell(&Parts::default(), &draining(), None);
            let mut stream = listen(address).await;
            let said = read_until(&mut stream, "\r\n\r\n").await;
            if said.starts_with("HTTP/1.1 200") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, again).await.expect("the place is free");
}

#[tokio::test]
async fn who_reads_too_slowly_is_told_so_and_gets_everything_anew() {
    let source: Arc<dyn Source> = Arc::new(well());
    let events = source.events();
    let subscriber = events.subscribe(source.clone()).unwrap();
    let stream = subscriber.stream();
    tokio::pin!(stream);
    use futures::StreamExt;
    for _ in 0..7 {
        assert!(stream.next().await.is_some());
    }
    for _ in 0..1_000 {
        events.tell(&Parts::default(), &Parts::default(), Some(Point::default()));
    }
    let next = stream.next().await.unwrap().unwrap();
    assert!(next.starts_with(b"event: lagged\n"), "{next:?}");
    let next = stream.next().await.unwrap().unwrap();
    assert!(next.starts_with(b"event: chain\n"), "{next:?}");
    events.end();
    let left = timeout(PATIENCE, stream.count()).await.expect("it ends");
    // What was left of the parts; and that the end came over a full queue, so that there was everything anew once more.
    assert!(left <= 6 + 8 + 64, "{left} events were kept");
}
