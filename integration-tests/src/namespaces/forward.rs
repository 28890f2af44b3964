//! Brings a port of this machine into a namespace.

use super::Namespace;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// Carries whatever connects to a port of a namespace's loopback to an address outside, until it is
/// dropped.
pub struct Forward(JoinHandle<()>);

impl Forward {
    /// Starts to carry.
    ///
    /// # Errors
    ///
    /// If the port is taken.
    pub async fn start(namespace: &Namespace, port: u16, to: SocketAddr) -> anyhow::Result<Self> {
        let bind = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = namespace.spawn(bind).await??;
        Ok(Self(tokio::spawn(carry(listener, to))))
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        // The connections are in a set of the task and end with it.
        self.0.abort();
    }
}

/// The listener's socket is in the namespace; this and the connections to `to` are not.
async fn carry(listener: TcpListener, to: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // The namespace's runtime has ended, or there is no room for another: the director
                // finds out.
                let Ok((mut from, _)) = accepted else { return };
                connections.spawn(async move {
                    if let Ok(mut to) = TcpStream::connect(to).await {
                        // An error is the end of one side, and then of the other.
                        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
