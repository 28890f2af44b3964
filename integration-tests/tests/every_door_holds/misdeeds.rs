//! What strangers do to a port, on purpose or because they took it for another.

use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::oneshot,
    task::JoinHandle,
};

/// What every connection of libp2p begins with: the version, and that Noise is wanted.
const LIBP2P: &[u8] = b"\x13/multistream/1.0.0\n\x07/noise\n";

/// What a browser might ask. To libp2p its first letter says that 71 bytes follow: it has more.
const HTTP: &[u8] =
    b"GET /healthz HTTP/1.1\r\nHost: director\r\nUser-Agent: browser\r\nAccept: */*\r\n";

/// The beginning of a `ClientHello`.
const TLS: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

/// A number of bytes that no door takes before it knows whom it talks to.
const TOO_MUCH: usize = 60_000;

/// How often a byte comes of who has time.
const SLOWLY: Duration = Duration::from_millis(50);

/// What is spoken behind a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    Libp2p,
    Http,
}

/// What somebody does after connecting.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Misdeed {
    Silence,
    SlowLoris,
    Garbage,
    Oversize,
    HalfOpen,
    ResetBefore,
    ResetDuring,
    ResetAfter,
    WrongProtocol,
}

impl Misdeed {
    pub(crate) const ALL: [Self; 9] = [
        Self::Silence,
        Self::SlowLoris,
        Self::Garbage,
        Self::Oversize,
        Self::HalfOpen,
        Self::ResetBefore,
        Self::ResetDuring,
        Self::ResetAfter,
        Self::WrongProtocol,
    ];

    /// Does it, and returns when the connection is over. Only that nobody listens is an error.
    pub(crate) async fn commit(self, spoken: Spoken, at: SocketAddr) -> io::Result<()> {
        let mut socket = TcpStream::connect(at).await?;
        let opening = match spoken {
            Spoken::Libp2p => LIBP2P,
            Spoken::Http => HTTP,
        };
        // From here on the other side may have had enough at any moment.
        let _ = self.act(&mut socket, spoken, opening).await;
        if let Self::ResetBefore | Self::ResetDuring | Self::ResetAfter = self {
            socket.set_zero_linger()?;
            return Ok(());
        }
        let _ = socket.read_to_end(&mut Vec::new()).await;
        Ok(())
    }

    async fn act(self, socket: &mut TcpStream, spoken: Spoken, opening: &[u8]) -> io::Result<()> {
        match self {
            Self::Silence | Self::ResetBefore => Ok(()),
            Self::SlowLoris => {
                socket.write_all(opening).await?;
                let header: &[u8] =
                    if spoken == Spoken::Http { b"X-Slow: " } else { &[0xff, 0xff] };
                socket.write_all(header).await?;
                let mut beats = tokio::time::interval(SLOWLY);
                loop {
                    beats.tick().await;
                    socket.write_all(b"a").await?;
                }
            }
            Self::Garbage => socket.write_all(&garbage(5_000)).await,
            Self::Oversize => {
                socket.write_all(opening).await?;
                let header: &[u8] = if spoken == Spoken::Http { b"X: " } else { &[0xff, 0xff] };
                socket.write_all(header).await?;
                socket.write_all(&vec![b'a'; TOO_MUCH]).await
            }
            Self::HalfOpen => {
                socket.write_all(&opening[..10]).await?;
                socket.shutdown().await
            }
            Self::ResetDuring => {
                socket.write_all(opening).await?;
                if spoken == Spoken::Libp2p {
                    // Its part of the negotiation.
                    socket.read_u8().await?;
                    socket.write_all(&garbage(32)).await?;
                }
                Ok(())
            }
            Self::ResetAfter => {
                // Of HTTP, there is none but the request; see `Cut` for who is let in by libp2p.
                socket.write_all(opening).await?;
                socket.write_all(b"\r\n").await?;
                socket.read_u8().await.map(drop)
            }
            Self::WrongProtocol => {
                let other = if spoken == Spoken::Http { LIBP2P } else { HTTP };
                socket.write_all(other).await?;
                socket.write_all(b"\r\n").await?;
                socket.write_all(TLS).await
            }
        }
    }
}

/// Bytes that mean nothing.
fn garbage(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n as u8).wrapping_mul(167) ^ (n >> 8) as u8).collect()
}

/// Opens so many connections and says nothing. They are held until they are dropped.
pub(crate) async fn crowd(at: SocketAddr, count: usize) -> io::Result<Vec<TcpStream>> {
    let mut crowd = Vec::with_capacity(count);
    for _ in 0..count {
        crowd.push(TcpStream::connect(at).await?);
    }
    Ok(crowd)
}

/// Sends datagrams that are no QUIC, and some that look as if they were.
pub(crate) async fn pelt(at: SocketAddr, count: usize) -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    for n in 0..count {
        let mut bytes = garbage(1 + n * 7 % 1_400);
        if n % 2 == 0 {
            // A long header: first packet of a connection, version 1.
            let header = [0xc0, 0, 0, 0, 1, 8];
            let len = header.len().min(bytes.len());
            bytes[..len].copy_from_slice(&header[..len]);
            bytes.resize(1_200.max(bytes.len()), 0);
        }
        socket.send_to(&bytes, at).await?;
    }
    Ok(())
}

/// Stands between somebody and a port until it is told to reset both connections.
pub(crate) struct Cut {
    /// Where to connect instead.
    pub(crate) port: u16,
    now: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Cut {
    pub(crate) async fn before(at: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (now, told) = oneshot::channel();
        let task = tokio::spawn(async move {
            let (mut near, _) = listener.accept().await?;
            let mut far = TcpStream::connect(at).await?;
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                _ = told => {}
            }
            far.set_zero_linger()?;
            near.set_zero_linger()
        });
        Ok(Self { port, now, task })
    }

    /// Resets them.
    pub(crate) async fn now(self) -> io::Result<()> {
        // The other end is gone if the connection has ended by itself.
        let _ = self.now.send(());
        self.task.await.map_err(io::Error::other)?
    }
}
