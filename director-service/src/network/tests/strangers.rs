//! What a stranger costs, whatever it does: its connection ends in time, nothing of it is left, and a
//! counter says why.

use super::{PATIENCE, Peer, key};
use crate::network::{Handle, Refusal, Side, Socket, pass::HANDSHAKE_BYTES};
use futures::{AsyncRead, AsyncWrite, future::BoxFuture};
use libp2p::{
    Transport,
    core::{
        Endpoint,
        transport::{DialOpts, PortUse},
        upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo, Version},
    },
    identity::Keypair,
    noise, tcp, yamux,
};
use std::{
    future::pending,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};

/// What every connection begins with: the version, and that Noise is wanted.
const HELLO: &[u8] = b"\x13/multistream/1.0.0\n\x07/noise\n";

/// The most that one of them may cost in memory and in CPU.
const MEMORY: usize = 64 * 1024;
const CPU: Duration = Duration::from_millis(50);

/// Long enough for a busy machine to do a whole handshake in, and a tenth of it to be late by.
const TIMEOUT_MS: u64 = 2_000;

/// What a stranger does after it has connected.
#[derive(Clone, Copy, Debug)]
enum Misdeed {
    Nothing,
    Garbage,
    HalfAHello,
    HelloAndSilence,
    OneByteAtATime,
    TooMuchForAHandshake,
    KeyThatIsNotAllowed,
    SilenceBetweenNoiseAndYamux,
}

fn socket_address(handle: &Handle) -> SocketAddr {
    Socket::of(&handle.listening()[0]).unwrap().address()
}

/// A plain connection from one of the millions of addresses of loopback.
pub(super) async fn connect_from(handle: &Handle, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
    socket.connect(socket_address(handle)).await.unwrap()
}

pub(super) async fn connect(handle: &Handle) -> TcpStream {
    connect_from(handle, "127.0.0.1").await
}

fn dial<T: Transport + Unpin>(
    mut transport: T,
    handle: &Handle,
) -> impl Future<Output = Result<T::Output, String>> + use<T> {
    let options = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
    let dialing = transport.dial(handle.listening()[0].clone(), options);
    async move {
        let dialing = dialing.map_err(|_| "it cannot be dialed".to_owned())?;
        dialing.await.map_err(|error| error.to_string())
    }
}

fn noise_of(secret: u8) -> noise::Config {
    noise::Config::new(&Keypair::ed25519_from_bytes([secret; 32]).unwrap()).unwrap()
}

/// Does the whole handshake and then nothing. What it returns keeps the connection open.
pub(super) async fn shake_hands(handle: &Handle, secret: u8) -> Result<Box<dyn Send>, String> {
    let transport = tcp::tokio::Transport::new(tcp::Config::default())
        .upgrade(Version::V1)
        .authenticate(noise_of(secret))
        .multiplex(yamux::Config::default());
    let (_, connection) = dial(transport, handle).await?;
    Ok(Box::new(connection))
}

/// Does what Noise wants, and then nothing.
async fn authenticate(handle: &Handle, secret: u8) {
    let transport = tcp::tokio::Transport::new(tcp::Config::default())
        // Lazily: the negotiation of Yamux would go with its first byte, and there is none.
        .upgrade(Version::V1Lazy)
        .authenticate(noise_of(secret))
        .multiplex(Stalled);
    let _ = dial(transport, handle).await;
}

/// A multiplexer that never begins.
#[derive(Clone)]
struct Stalled;

impl UpgradeInfo for Stalled {
    type Info = &'static str;
    type InfoIter = std::iter::Once<&'static str>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once("/yamux/1.0.0")
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> InboundConnectionUpgrade<C> for Stalled {
    type Output = yamux::Muxer<C>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<yamux::Muxer<C>>>;

    fn upgrade_inbound(self, socket: C, _: Self::Info) -> Self::Future {
        Box::pin(async move {
            let _open = socket;
            pending().await
        })
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> OutboundConnectionUpgrade<C> for Stalled {
    type Output = yamux::Muxer<C>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<yamux::Muxer<C>>>;

    fn upgrade_outbound(self, socket: C, _: Self::Info) -> Self::Future {
        Box::pin(async move {
            let _open = socket;
            pending().await
        })
    }
}

/// A frame of Noise that is announced as long as one can be, and of which this much comes.
fn long_frame(bytes: usize) -> Vec<u8> {
    [HELLO, &[0xff, 0xff], &vec![7; bytes]].concat()
}

impl Misdeed {
    /// What the director says of it.
    fn reason(self) -> Refusal {
        match self {
            Self::Garbage | Self::TooMuchForAHandshake => Refusal::HandshakeFailed,
            Self::KeyThatIsNotAllowed => Refusal::NotAllowed,
            _ => Refusal::HandshakeTimeout,
        }
    }

    /// Does it, and goes on until the other side has had enough.
    async fn commit(self, handle: &Handle) {
        match self {
            Self::KeyThatIsNotAllowed => {
                assert!(shake_hands(handle, 99).await.is_err());
                return;
            }
            Self::SilenceBetweenNoiseAndYamux => {
                // With a key that is allowed: others do not come so far.
                let stalled = authenticate(handle, 2);
                let _ = timeout(Duration::from_millis(3 * TIMEOUT_MS), stalled).await;
                return;
            }
            _ => {}
        }
        let mut socket = connect(handle).await;
        let bytes = match self {
            Self::Garbage => vec![0xab; 5_000],
            Self::HalfAHello => HELLO[..10].to_vec(),
            Self::HelloAndSilence => HELLO.to_vec(),
            Self::TooMuchForAHandshake => long_frame(60_000),
            _ => Vec::new(),
        };
        // May fail: the other side may have had enough in the middle.
        let _ = socket.write_all(&bytes).await;
        if let Self::OneByteAtATime = self {
            let mut beats = tokio::time::interval(Duration::from_millis(10));
            for byte in long_frame(1_000) {
                beats.tick().await;
                if socket.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
        }
        // The end may come as a reset.
        let _ = socket.read_to_end(&mut Vec::new()).await;
    }
}

/// The system's lines about a director's end of its connections, its listener excepted.
fn sockets_of(handle: &Handle) -> Vec<Vec<String>> {
    let port = format!(":{:04X}", socket_address(handle).port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    // Local address, state (0A listens), inode (0 belongs to no process any more).
    let is_open = |of: &Vec<String>| of[1].ends_with(&port) && of[3] != "0A" && of[9] != "0";
    table.lines().skip(1).map(fields).filter(is_open).collect()
}

/// Bytes that a director has not read.
fn unread(handle: &Handle) -> u64 {
    let received = |of: &Vec<String>| {
        let (_, received) = of[4].split_once(':').unwrap();
        u64::from_str_radix(received, 16).unwrap()
    };
    sockets_of(handle).iter().map(received).sum()
}

/// Waits until no socket of anybody is left.
pub(super) async fn nothing_is_left(handle: &Handle) {
    let begun = Instant::now();
    while !sockets_of(handle).is_empty() {
        assert!(begun.elapsed() < PATIENCE, "{} sockets are left", sockets_of(handle).len());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn director() -> Peer {
    let director = Peer::start(Side::Public, 1, |config| {
        config.limits.handshake_timeout_ms = TIMEOUT_MS;
    });
    let director = director.await;
    director.handle.allow([key(2)]);
    director
}

async fn ends(misdeed: Misdeed) {
    let director = director().await;
    let count: u64 = 5;
    let mut strangers = JoinSet::new();
    for _ in 0..count {
        let handle = director.handle.clone();
        strangers.spawn(async move { misdeed.commit(&handle).await });
    }
    timeout(PATIENCE, strangers.join_all()).await.expect("the director should have had enough");
    let is_over = |stats: &crate::network::Stats| {
        (stats.refused(misdeed.reason()), stats.handshakes, stats.connections) == (count, 0, 0)
    };
    let stats = director.stats_when(is_over).await;
    assert_eq!(stats.refused.iter().sum::<u64>(), count, "{misdeed:?}: each for one reason");
    nothing_is_left(&director.handle).await;
}

#[tokio::test]
async fn who_connects_and_does_nothing_is_gone_in_time() {
    ends(Misdeed::Nothing).await;
}

#[tokio::test]
async fn who_sends_garbage_is_gone_in_time() {
    ends(Misdeed::Garbage).await;
}

#[tokio::test]
async fn who_says_half_a_hello_is_gone_in_time() {
    ends(Misdeed::HalfAHello).await;
}

#[tokio::test]
async fn who_never_finishes_the_handshake_is_gone_in_time() {
    ends(Misdeed::HelloAndSilence).await;
}

#[tokio::test]
async fn who_sends_one_byte_at_a_time_is_gone_in_time() {
    ends(Misdeed::OneByteAtATime).await;
}

#[tokio::test]
async fn who_sends_too_much_for_a_handshake_is_gone_at_once() {
    ends(Misdeed::TooMuchForAHandshake).await;
}

#[tokio::test]
async fn whose_key_is_not_allowed_is_gone_at_once() {
    ends(Misdeed::KeyThatIsNotAllowed).await;
}

#[tokio::test]
async fn who_stops_between_noise_and_yamux_is_gone_in_time() {
    ends(Misdeed::SilenceBetweenNoiseAndYamux).await;
}

/// CPU time of this process.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // After the name, which may have anything in it: user and system time are fields 14 and 15.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// Memory of this process in bytes.
fn memory() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Both sides run in this process, and in a build without optimization: a director alone costs less.
#[tokio::test]
async fn a_refused_handshake_costs_less_cpu_than_it_may() {
    let director = director().await;
    const COUNT: u32 = 500;
    let before = cpu_time();
    for _ in 0..COUNT {
        assert!(shake_hands(&director.handle, 99).await.is_err());
    }
    let each = (cpu_time() - before) / COUNT;
    println!("CPU of a refused handshake, both sides: {each:?}");
    assert!(each < CPU, "{each:?}");
    let expected = |stats: &crate::network::Stats| stats.refused(Refusal::NotAllowed) == 500;
    director.stats_when(expected).await;
    nothing_is_left(&director.handle).await;
}

/// What a flood costs that is refused by its address: a connection, and no handshake.
#[tokio::test]
async fn a_call_that_is_not_answered_costs_next_to_nothing() {
    let director = Peer::start(Side::Public, 1, |config| {
        config.limits.spare_loopback = false;
        config.limits.strangers_burst = 1;
        config.limits.strangers_per_s = 1;
        config.limits.handshake_timeout_ms = 50;
    });
    let director = director.await;
    const COUNT: u32 = 1_000;
    let before = cpu_time();
    for n in 0..COUNT {
        let from = format!("127.0.{}.{}", 1 + n / 250, 1 + n % 250);
        let mut socket = connect_from(&director.handle, &from).await;
        let _ = timeout(PATIENCE, socket.read_to_end(&mut Vec::new())).await;
    }
    let each = (cpu_time() - before) / COUNT;
    println!("CPU of a call that is not answered, both sides: {each:?}");
    assert!(each < CPU / 10, "{each:?}");
    assert!(director.handle.stats().refused(Refusal::TooManyStrangers) > 900);
    nothing_is_left(&director.handle).await;
}

/// Two hundred of each kind at once; the memory is that of the whole process.
#[tokio::test]
async fn a_handshake_under_way_costs_less_memory_than_it_may() {
    const COUNT: usize = 200;
    for bytes in [0, HANDSHAKE_BYTES - 100] {
        let director = Peer::start(Side::Public, 1, |_| {}).await;
        let mut sockets = Vec::new();
        let before = memory();
        for _ in 0..COUNT {
            let mut socket = connect(&director.handle).await;
            if bytes > 0 {
                socket.write_all(&long_frame(bytes)).await.unwrap();
            }
            sockets.push(socket);
        }
        director.stats_when(|stats| stats.handshakes == COUNT as u64).await;
        let begun = Instant::now();
        while unread(&director.handle) > 0 {
            assert!(begun.elapsed() < PATIENCE, "the director does not read");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let each = memory().saturating_sub(before) / COUNT;
        println!("memory of a handshake under way that has sent {bytes} bytes: {each} bytes");
        assert!(each < MEMORY, "{each} bytes");
    }
}
