//! Judges what the page answers to whoever can reach its port.

use director_primitives_fuzz::choices::Choices;
use director_service::http::{Events, History, Parts, Proof, Series, Source, Status, fuzz::answer};
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex, split},
    runtime::Runtime,
    time::timeout,
};

/// Bytes that are on their way at once.
const ON_THE_WAY: usize = 64 * 1024;

/// What one answer has at most: the description of the API and the dashboard are longest.
const LONGEST: usize = 512 * 1024;

/// A request has at least so many bytes.
const SHORTEST_REQUEST: usize = "GET / HTTP/1.1\r\n\r\n".len() - 4;

/// When an answer to somebody who has said all and hears all is no answer any more.
const PATIENCE: Duration = Duration::from_secs(8);

/// What may be answered. 503 is for who wants to listen when the director ends.
const CODES: [u16; 10] = [200, 304, 400, 404, 405, 413, 414, 421, 431, 503];

/// The name that the director has.
const NAME: &str = "director.example.org";

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
});

/// A director that is well and knows nothing.
#[derive(Default)]
struct Well {
    parts: Arc<Parts>,
    events: Events,
}

impl Source for Well {
    fn sick(&self) -> Option<String> {
        None
    }

    fn not_ready(&self) -> Vec<String> {
        Vec::new()
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn status(&self) -> Status {
        Status::default()
    }

    fn metrics(&self) -> String {
        "# EOF\n".into()
    }

    fn parts(&self) -> Arc<Parts> {
        self.parts.clone()
    }

    fn proof(&self, id: &str) -> Option<Proof> {
        (id == "0x01").then(Proof::default)
    }

    fn history(&self, window: &str) -> Option<Series> {
        History::default().window(window)
    }

    fn events(&self) -> &Events {
        &self.events
    }
}

/// Judges the answers to these bytes; the first one says in what pieces they come.
pub fn http(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let piece = match choices.byte() {
        0 => usize::MAX,
        piece => usize::from(piece),
    };
    let asked = choices.rest();
    let said = RUNTIME.block_on(ask(asked, piece));
    judge(asked, &said);
}

/// Says all of it, and hears everything until the other side has no more to say.
async fn ask(asked: &[u8], piece: usize) -> Vec<u8> {
    let (ours, theirs) = duplex(ON_THE_WAY);
    let (mut reader, mut writer) = split(ours);
    let source = Arc::new(Well::default());
    let end = source.clone();
    let served = answer(theirs, source, vec![NAME.into()]);
    let say = async {
        for piece in asked.chunks(piece.min(asked.len()).max(1)) {
            if writer.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        // Who listens to events hears them until the director ends.
        end.events.end();
        let _ = writer.shutdown().await;
    };
    let mut said = Vec::new();
    let hear = async {
        let _ = reader.read_to_end(&mut said).await;
    };
    let all = async { tokio::join!(served, say, hear) };
    assert!(timeout(PATIENCE, all).await.is_ok(), "no end of it after {PATIENCE:?}");
    said
}

/// Every answer is one of those that there are, says what a page may do with it, and has a bound.
fn judge(asked: &[u8], mut said: &[u8]) {
    let most = (asked.len() / SHORTEST_REQUEST + 1) * LONGEST;
    assert!(said.len() <= most, "{} bytes for {}", said.len(), asked.len());
    let mut answers = 0;
    while !said.is_empty() {
        answers += 1;
        let (head, rest) = head(said);
        let code = code(head);
        assert!(CODES.contains(&code), "{head}");
        let is_ours = head.contains("content-security-policy: ");
        // What hyper refuses by itself, and what has a body, is refused without a page.
        assert!(is_ours || code >= 400, "{head}");
        assert_eq!(is_ours, head.contains("x-content-type-options: nosniff"), "{head}");
        assert!(!head.contains("access-control-allow-origin"), "{head}");
        said = after_body(head, rest);
    }
    assert!(answers <= asked.len() / SHORTEST_REQUEST + 1, "{answers} answers");
}

fn code(head: &str) -> u16 {
    let line = head.lines().next().unwrap_or_default();
    let mut words = line.split(' ');
    assert!(matches!(words.next(), Some("HTTP/1.1" | "HTTP/1.0")), "{line}");
    words.next().and_then(|code| code.parse().ok()).unwrap_or_default()
}

/// Status and headers, whose names hyper writes in small letters; and what comes then.
fn head(said: &[u8]) -> (&str, &[u8]) {
    let end = said.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, rest) = said.split_at(end.unwrap_or_else(|| panic!("no answer: {said:?}")));
    (std::str::from_utf8(head).expect("headers are text"), &rest[4..])
}

/// What comes after the body of an answer.
fn after_body<'a>(head: &str, rest: &'a [u8]) -> &'a [u8] {
    let header = |name: &str| {
        head.lines().filter_map(|line| line.split_once(": ")).find(|(of, _)| *of == name)
    };
    if let Some((_, len)) = header("content-length") {
        let len: usize = len.parse().expect("a length");
        // Who asks for the head alone gets no body, and no body begins as an answer does.
        let is_head = rest.is_empty() || rest.starts_with(b"HTTP/1.");
        return if is_head { rest } else { rest.get(len..).expect("all of the body") };
    }
    let is_in_chunks = header("transfer-encoding").is_some();
    let mut rest = rest;
    while is_in_chunks && !rest.starts_with(b"HTTP/1.") {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else { return &[] };
        let len = std::str::from_utf8(&rest[..end]).ok();
        let len = len.and_then(|len| usize::from_str_radix(len, 16).ok()).expect("a length");
        // Events end with their connection.
        let Some(next) = rest.get(end + 2 + len + 2..) else { return &[] };
        rest = next;
        if len == 0 {
            break;
        }
    }
    // Without a length a body ends with its connection, as answers in HTTP/1.0 do.
    if is_in_chunks || rest.starts_with(b"HTTP/1.") { rest } else { &[] }
}
