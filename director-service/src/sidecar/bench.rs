//! Sends messages through the sidecar's doors for `benches/`, which cannot see them otherwise. For nothing else.
//!
//! Both ends are in one process, each on threads of its own, with the system's pipe or socket between them. The link to the
//! directors is not part of it, nor are the signatures of what is published.

#[cfg(test)]
mod tests;

use super::{
    engine::Said,
    outlet::{Line, Outlet},
    pipe::Pipe,
    protocol::{self, Command, Request, Writing},
    websocket::Server,
};
use crate::client::{Message, MessageId};
use director_primitives::{Encoding, PayloadKind, Priority, PublicKey};
use futures::{SinkExt, StreamExt};
use serde_json::json;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, PipeReader, PipeWriter, Write},
    net::SocketAddr,
    os::fd::OwnedFd,
    sync::Arc,
    thread::{JoinHandle, spawn},
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Builder,
    sync::mpsc,
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message as Text, client::IntoClientRequest},
};

/// What a sidecar queues for a consumer by default.
const QUEUE: usize = 8 * 1024 * 1024;

/// How a validator speaks with its sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Standard input and output.
    Pipe,
    /// A local socket.
    WebSocket,
}

/// What a validator does in a thread of its own.
enum Validator {
    Pipe(BufReader<PipeReader>, BufWriter<PipeWriter>),
    WebSocket(SocketAddr),
}

/// A sidecar without a link, and its validator.
struct Doors {
    said: mpsc::Receiver<Said>,
    validator: Validator,
    _pipe: Option<Pipe>,
    _server: JoinSet<()>,
}

impl Doors {
    async fn open(door: Door) -> io::Result<Self> {
        let (sender, said) = mpsc::channel(16);
        let mut server = JoinSet::new();
        let (validator, pipe) = match door {
            Door::Pipe => {
                let ((input, theirs), (ours, output)) = (io::pipe()?, io::pipe()?);
                let file = |end: OwnedFd| tokio::fs::File::from_std(File::from(end));
                let pipe = Pipe::start(file(input.into()), file(output.into()), QUEUE, sender);
                let (reader, writer) = (BufReader::new(ours), BufWriter::new(theirs));
                (Validator::Pipe(reader, writer), Some(pipe))
            }
            Door::WebSocket => {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let address = listener.local_addr()?;
                server.spawn(Server::new(sender, QUEUE, None).run(listener));
                (Validator::WebSocket(address), None)
            }
        };
        Ok(Self { said, validator, _pipe: pipe, _server: server })
    }
}

async fn joined(said: &mut mpsc::Receiver<Said>) -> Arc<Outlet> {
    loop {
        if let Some(Said::Joined(outlet)) = said.recv().await {
            return outlet;
        }
    }
}

/// How long it takes until a validator has so many messages with so many bytes of payload: written as JSON, queued, carried over
/// and taken apart into lines.
///
/// # Errors
///
/// If the system has no pipe or socket.
pub async fn receive(door: Door, messages: usize, payload: usize) -> io::Result<Duration> {
    let Doors { mut said, validator, _pipe, _server } = Doors::open(door).await?;
    let reading = validator.run(messages, Vec::new());
    let outlet = joined(&mut said).await;
    let message = Message {
        origin: PublicKey::from_raw([1; 32]),
        id: MessageId { epoch: 1_764_000_000_000, class: Priority::Normal, seq: 1 },
        kind: PayloadKind::BlockAnnouncement,
        encoding: Encoding::Identity,
        payload: vec![0xa5; payload],
        received_at: Instant::now(),
    };
    let begun = Instant::now();
    for _ in 0..messages {
        // Nothing is to be dropped here: waits for who reads.
        outlet.room().await;
        let line: Line = protocol::message(&message, None, Writing::Hex).into();
        outlet.say(line);
    }
    ended(reading).await?;
    Ok(begun.elapsed())
}

/// How long it takes until so many messages that a validator publishes, with so many bytes of payload, are read, their payload
/// decoded, and each of them answered.
///
/// # Errors
///
/// If the system has no pipe or socket.
pub async fn publish(door: Door, messages: usize, payload: usize) -> io::Result<Duration> {
    let Doors { mut said, validator, _pipe, _server } = Doors::open(door).await?;
    let command = json!({
        "do": "publish", "id": 1, "kind": "opaque", "topic": "rates", "payload_hex": "a5".repeat(payload),
    });
    let commands = vec![command.to_string(); messages];
    let reading = validator.run(messages, commands);
    joined(&mut said).await;
    let begun = Instant::now();
    let mut taken = 0;
    while taken < messages {
        let Some(Said::Line(outlet, line)) = said.recv().await else {
            return Err(io::Error::other("the validator is gone"));
        };
        let Ok(Command { id, request: Request::Publish { kind, topic, payload_hex, .. } }) =
            Command::parse(&line)
        else {
            return Err(io::Error::other("a command was not understood"));
        };
        protocol::to_publish(kind, topic, payload_hex, None)
            .map_err(|refusal| io::Error::other(refusal.message))?;
        let answer = json!({ "event": "published", "epoch": 1, "class": "normal", "seq": taken });
        outlet.say(protocol::answer(id.as_ref(), answer).into());
        taken += 1;
    }
    ended(reading).await?;
    Ok(begun.elapsed())
}

async fn ended(thread: JoinHandle<io::Result<()>>) -> io::Result<()> {
    let joined = tokio::task::spawn_blocking(move || thread.join()).await?;
    joined.map_err(|_| io::Error::other("the validator panicked"))?
}

impl Validator {
    /// Says all the lines, and reads so many.
    fn run(self, messages: usize, commands: Vec<String>) -> JoinHandle<io::Result<()>> {
        spawn(move || match self {
            Self::Pipe(mut reader, mut writer) => {
                let saying = spawn(move || -> io::Result<PipeWriter> {
                    for command in commands {
                        writeln!(writer, "{command}")?;
                    }
                    writer.into_inner().map_err(io::IntoInnerError::into_error)
                });
                let mut line = Vec::new();
                for _ in 0..messages {
                    line.clear();
                    if reader.read_until(b'\n', &mut line)? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                // Its end of the pipe is closed only now: that ends a sidecar.
                let said = saying.join().map_err(|_| io::Error::other("the validator panicked"))?;
                said.map(drop)
            }
            Self::WebSocket(address) => {
                let runtime = Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(async {
                    let socket = connect(address).await.map_err(io::Error::other)?;
                    let (mut sink, mut stream) = socket.split();
                    let say = async {
                        for command in commands {
                            sink.feed(Text::text(command)).await.map_err(io::Error::other)?;
                        }
                        sink.flush().await.map_err(io::Error::other)
                    };
                    let read = async {
                        for _ in 0..messages {
                            stream
                                .next()
                                .await
                                .ok_or(io::ErrorKind::UnexpectedEof)?
                                .map_err(io::Error::other)?;
                        }
                        io::Result::Ok(())
                    };
                    futures::try_join!(say, read).map(drop)
                })
            }
        })
    }
}

async fn connect(
    address: SocketAddr,
) -> Result<WebSocketStream<TcpStream>, tokio_tungstenite::tungstenite::Error> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = format!("ws://{address}/").into_client_request()?;
    Ok(client_async(request, stream).await?.0)
}
