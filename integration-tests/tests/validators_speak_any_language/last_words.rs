//! What a sidecar has to say at its end reaches a WebSocket as it does the pipe.

use super::Sidecar;
use anyhow::{Context, ensure};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{net::TcpSocket, time::timeout};
use tokio_tungstenite::{
    client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

/// So much is asked for before it stops: more answers than the two ends' buffers take.
const ANSWERS: u64 = 4_000;

/// How long nothing is read after the last word: a part of the two seconds that a reader has.
const PAUSE: Duration = Duration::from_millis(300);

/// Of the client's end, in bytes: what it has not read waits in the sidecar.
const BUFFER: u32 = 4 * 1024;

/// A client that reads nothing before the sidecar has stopped gets everything all the same, and the close.
pub(super) async fn reach_a_websocket(command: &[String]) -> anyhow::Result<()> {
    let listen = ["--listen".into(), "127.0.0.1:0".into()];
    let mut sidecar = Sidecar::start(&[command, &listen].concat())?;
    sidecar.wait_for("hello").await?;
    let address = sidecar.listening().await?;
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(BUFFER)?;
    let stream = socket.connect(address.parse()?).await?;
    let request = format!("ws://{address}/").into_client_request()?;
    let (mut client, _) = client_async(request, stream).await?;
    for id in 0..ANSWERS {
        let asked = json!({ "do": "status", "id": id }).to_string();
        client.feed(Message::text(asked)).await?;
    }
    client.flush().await?;
    // Lines of both are carried out in turn: by the time that these are, so are many of those.
    for _ in 0..100 {
        sidecar.say(r#"{"do":"status"}"#).await?;
        sidecar.wait_for("status").await?;
    }
    let Sidecar { mut process, input, mut lines, log: _log } = sidecar;
    drop(input);
    while !lines.next_line().await?.context("no last word")?.contains("stopping") {}

    // A sidecar that does not wait for its readers is gone now; this one waits.
    let end = timeout(PAUSE, lines.next_line()).await;
    ensure!(end.is_err(), "it has ended, and the WebSocket has read nothing: {end:?}");

    // Only now does it read. What it asked for last the sidecar may not have read.
    let (mut answers, mut is_stopping, mut is_closed) = (0, false, false);
    while let Some(Ok(message)) = client.next().await {
        let Message::Text(text) = message else {
            is_closed |= matches!(message, Message::Close(_));
            continue;
        };
        let event: Value = serde_json::from_str(text.as_str())?;
        match event["event"].as_str() {
            Some("status") => {
                ensure!(event["id"] == answers, "{answers}: {event}");
                answers += 1;
            }
            Some("stopping") => is_stopping = true,
            _ => {}
        }
    }
    ensure!(is_stopping && is_closed, "{answers} answers, {is_stopping}, {is_closed}");
    ensure!(answers >= 100, "only {answers} answers");
    ensure!(process.wait().await?.success(), "it ends well");
    Ok(())
}
