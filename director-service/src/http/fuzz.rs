//! Hands one connection of the page to `fuzz/`, which cannot see it otherwise. For nothing else.

use super::{Source, router, serve};
use std::sync::Arc;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};

/// Answers whoever is at the other end of `socket`, as a director does that may be asked for by these names.
pub async fn answer(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    source: Arc<dyn Source>,
    hosts: Vec<String>,
) {
    let (_running, stopped) = watch::channel(());
    serve::connection(socket, router(source, hosts), serve::Limits::default(), stopped).await;
}
