//! Stands between a director and its node, and cuts the line when it is told to.

use anyhow::Context;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// Carries connections to a node until it is dropped, except while it is cut.
pub struct Proxy {
    /// The WebSocket by which the node is reached through it.
    pub url: String,
    is_cut: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts to carry to the node at this WebSocket.
    ///
    /// # Errors
    ///
    /// If the address is none of this machine's ports, or there is no port.
    pub async fn start(node: &str) -> anyhow::Result<Self> {
        let to: SocketAddr =
            node.strip_prefix("ws://").context("not a WebSocket's URL")?.parse()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("ws://{}", listener.local_addr()?);
        let (is_cut, cut) = watch::channel(false);
        let task = tokio::spawn(carry(listener, to, cut));
        Ok(Self { url, is_cut, task })
    }

    /// Ends all connections and every new one at once.
    pub fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    /// Carries again.
    pub fn mend(&self) {
        self.is_cut.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The connections are in a set of the task and end with it.
        self.task.abort();
    }
}

async fn carry(listener: TcpListener, to: SocketAddr, mut is_cut: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((mut from, _)) = accepted else { return };
                if *is_cut.borrow() {
                    continue;
                }
                connections.spawn(async move {
                    if let Ok(mut to) = TcpStream::connect(to).await {
                        // An error is the end of one side, and then of the other.
                        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                    }
                });
            }
            Some(_) = connections.join_next() => {}
            Ok(()) = is_cut.changed() => {
                if *is_cut.borrow_and_update() {
                    connections.abort_all();
                }
            }
        }
    }
}
