//! Knocks at directors as strangers do: from many addresses, with nothing to show.
//!
//! In turns: one begins a handshake and makes the director compute its half of it (two Diffie-Hellman
//! exchanges and a signature's verification would follow, which the stranger does not wait for), one says
//! rubbish, one says nothing and holds on. Addresses are of 127.9.0.0/16, so that no limit of one address
//! and no exception for 127.0.0.1 helps.

use anyhow::Result;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    sync::Semaphore,
    time::{MissedTickBehavior, interval, timeout},
};

/// Attempts under way; a director that keeps a stranger waiting must not stop the next ones.
const MAX_UNDER_WAY: usize = 4_096;

/// How long a stranger holds on.
const PATIENCE: Duration = Duration::from_secs(12);

/// What libp2p's negotiation of Noise begins with (multistream-select 1.0), and the first message of the
/// handshake: its length and a public key, of which any 32 bytes are one.
const BEGIN: &[u8] = b"\x13/multistream/1.0.0\n\x07/noise\n\x00\x20";

/// Strangers that knock until this is dropped.
pub(crate) struct Strangers {
    stop: Arc<AtomicBool>,
    attempts: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Strangers {
    /// Begins to knock, so many times a second at all relays together.
    pub(crate) fn start(relays: Vec<SocketAddr>, per_s: u64) -> Result<Self> {
        let (stop, attempts) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stopped, counted) = (stop.clone(), attempts.clone());
        let thread = std::thread::Builder::new().name("strangers".into()).spawn(move || {
            runtime.block_on(knock(&relays, per_s, &stopped, &counted));
            runtime.shutdown_background();
        })?;
        Ok(Self { stop, attempts, thread: Some(thread) })
    }

    /// Attempts so far.
    pub(crate) fn attempts(&self) -> u64 {
        self.attempts.load(Relaxed)
    }
}

impl Drop for Strangers {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there was printed there.
            let _ = thread.join();
        }
    }
}

async fn knock(relays: &[SocketAddr], per_s: u64, stop: &AtomicBool, attempts: &AtomicU64) {
    let room = Arc::new(Semaphore::new(MAX_UNDER_WAY));
    let mut ticks = interval(Duration::from_micros(1_000_000 / per_s.max(1)));
    // A busy core must not make fewer of them.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while !stop.load(Relaxed) {
        ticks.tick().await;
        let Ok(permit) = room.clone().try_acquire_owned() else { continue };
        let number = attempts.fetch_add(1, Relaxed);
        let relay = relays[number as usize % relays.len()];
        tokio::spawn(async move {
            // However it ends: that is the director's business.
            let _ = timeout(PATIENCE, attempt(relay, number)).await;
            drop(permit);
        });
    }
}

async fn attempt(relay: SocketAddr, number: u64) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    let [.., high, low] = (number as u16).to_be_bytes();
    let own = Ipv4Addr::new(127, 9, high, low.max(1));
    socket.bind(SocketAddr::new(IpAddr::V4(own), 0))?;
    let mut stream = socket.connect(relay).await?;
    let mut answer = [0; 1024];
    match number % 3 {
        0 => {
            let key = [number as u8 | 1; 32];
            stream.write_all(&[BEGIN, &key].concat()).await?;
            // Its answer: the negotiation's, then its half of the handshake.
            let mut heard = 0;
            while heard < 200 {
                match stream.read(&mut answer).await? {
                    0 => break,
                    len => heard += len,
                }
            }
        }
        1 => {
            stream.write_all(&[0xff; 512]).await?;
            while stream.read(&mut answer).await? > 0 {}
        }
        _ => while stream.read(&mut answer).await? > 0 {},
    }
    Ok(())
}
