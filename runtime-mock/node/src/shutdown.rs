//! Ends the node: on a signal, or when whoever started it is gone.

use std::io::Read;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// Waits for SIGINT or SIGTERM, or for the end of stdin if `watch_stdin`. Returns the reason.
///
/// # Errors
///
/// If the signals cannot be caught.
pub(crate) async fn requested(watch_stdin: bool) -> std::io::Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stdin = stdin_end(watch_stdin);
    Ok(tokio::select! {
        _ = interrupt.recv() => "interrupted",
        _ = terminate.recv() => "terminated",
        () = stdin => "stdin ended",
    })
}

/// Done when stdin ends; never if it is not watched.
async fn stdin_end(watch: bool) {
    if !watch {
        return std::future::pending().await;
    }
    let (ended, end) = oneshot::channel::<()>();
    // A thread of its own: a read that blocks one of the runtime's threads would hold up its end.
    std::thread::spawn(move || {
        let mut ignored = [0; 256];
        while matches!(std::io::stdin().read(&mut ignored), Ok(1..)) {}
        drop(ended);
    });
    // The sender is dropped when stdin ends; nothing is ever sent.
    let _ = end.await;
}
