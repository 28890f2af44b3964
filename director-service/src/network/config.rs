//! Says who we are on a network and how much we take.

use super::Multiaddr;
use director_primitives::H256;
use zeroize::Zeroizing;

/// Which network a swarm is for; decides who dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Directors among themselves: the one with the smaller key dials.
    Mesh,
    /// A director towards validators: never dials.
    Public,
    /// A validator towards directors: dials, listens nowhere.
    Client,
}

/// How to start a swarm.
#[derive(Clone)]
pub struct Config {
    /// Seed of the peer key.
    pub secret: Zeroizing<[u8; 32]>,
    /// The chain; part of the protocol's name, so that peers of another chain do not get in.
    pub genesis_hash: H256,
    /// Which network this is.
    pub side: Side,
    /// Where to listen, `/ip4/127.0.0.1/tcp/0` for a free port.
    pub listen: Vec<Multiaddr>,
    /// How much we take.
    pub limits: Limits,
}

impl Config {
    /// A swarm that listens nowhere, with the default limits.
    pub fn new(side: Side, secret: [u8; 32], genesis_hash: H256) -> Self {
        Self {
            secret: Zeroizing::new(secret),
            genesis_hash,
            side,
            listen: Vec::new(),
            limits: Limits::of(side),
        }
    }

    /// The same, listening at `address` too.
    pub fn listen(mut self, address: Multiaddr) -> Self {
        self.listen.push(address);
        self
    }
}

/// Bounds of a swarm. An address of IPv6 stands for its /64 here. See the module's page for what they add up to.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections, both directions. Default 1,100: all validators that a chain may have, and some.
    pub max_connections: usize,
    /// Of those, inbound ones from one address. Default 64: many validators may be behind one router.
    pub max_connections_per_ip: usize,
    /// Inbound connections whose handshake is not done, of addresses that nothing is known of, and as
    /// many of known ones (see `strangers_per_s`). Default 512, at 15 KiB and a file descriptor each: a director that
    /// restarts is called by everybody at once. When it is used up, the oldest that has had a second
    /// makes room.
    pub max_pending: usize,
    /// Of those, from one address. Default 8.
    pub max_pending_per_ip: usize,
    /// Handshakes a second from one address. Default 8: a handshake costs half a millisecond, and who
    /// is refused has a back-off.
    pub handshakes_per_s_per_ip: u32,
    /// So many of them at once. Default 32: validators behind one router come back together.
    pub handshake_burst_per_ip: u32,
    /// Handshakes a second from all addresses together that have not brought an allowed key within the
    /// last hour. Default 64: 4 % of a core.
    pub strangers_per_s: u32,
    /// So many of them at once. Default 512: after a restart nobody is known, and 1,100 validators
    /// must get in within seconds.
    pub strangers_burst: u32,
    /// Whether loopback is excepted from all that is said of addresses here. Default `true`: a
    /// development network connects all its validators from one address.
    pub spare_loopback: bool,
    /// Bytes that are read within a minute of a key that may connect but not speak yet (see
    /// [`super::Handle::restrict`]). Default 320 KiB: the longest control message and a few requests.
    pub restricted_bytes: usize,
    /// Control messages a second of one connection, but for [`Side::Mesh`]. Default 32: a client asks
    /// every few blocks, and each that is handled apart is one that is not verified with others.
    /// Beyond it the connection ends. For a client 128, 512 of them at once: a director answers what it asks.
    pub control_per_s: u32,
    /// So many of them at once. Default 128.
    pub control_burst: u32,
    /// Bytes that wait for a slow peer, by class (see `Priority::index`). Default 8,
    /// 8, 8 and 16 MiB: each holds the longest frame, and Critical a second of votes at the relay's
    /// own limit, so that a validator may stop for as long. On the mesh 32, 32, 32 and 64 MiB: a link
    /// between directors carries what all validators behind it say, and one that is cut costs all of
    /// them. Frames are shared between queues: what they add up to in memory is `memory_bytes`.
    pub queue_bytes: [usize; 4],
    /// Bytes of one peer that wait for us; then we stop reading from it. Default 512 KiB, on the
    /// mesh 4 MiB.
    pub inbound_bytes_per_peer: usize,
    /// Bytes that a peer may send before we have read them: the windows of all streams of a connection,
    /// at least 512 KiB. Once it has grown, a round trip carries at least half of what is left of it
    /// after 256 KiB. Default 1 MiB: 7.5 MiB/s over 50 ms, 1.5 over 250. On the mesh and for a
    /// validator, who hear what everybody says and have few connections, 8 MiB: over a simulated path
    /// of 50 ms that carried 64 MiB/s from the start on.
    pub window_bytes: usize,
    /// Bytes of all that waits, for peers and of them: frames, each counted once however many queues it
    /// waits in, parts of frames, and what the multiplexer of a TCP connection keeps. Beyond it the peer for which and of which most waits is disconnected, until it is
    /// enough: one that does not read must not cost the others their memory. Default 256 MiB.
    pub memory_bytes: usize,
    /// Longest that High waits for company, 0 for not at all. Default 5 ms. It waits only if the
    /// socket was written in the last quarter of that: what comes less often goes at once.
    pub hold_high_ms: u64,
    /// The same for Normal. Default 100 ms.
    pub hold_normal_ms: u64,
    /// Most frames in one `Event::Frames`. Default 1,024.
    pub batch_frames: usize,
    /// After so long without anything to say, say that we live. Default 1,000 ms.
    pub ping_interval_ms: u64,
    /// A peer that is silent for so long is dead. Default 10,000 ms: a busy machine is not dead.
    pub silence_ms: u64,
    /// How long a handshake may take, from the first byte until the key may speak, Noise and Yamux
    /// included. Default 10,000 ms.
    pub handshake_timeout_ms: u64,
    /// How long a peer may take after the handshake until something valid came of it, a ping at least.
    /// Default 10,000 ms: it says something every second.
    pub first_message_ms: u64,
    /// A listener that fails is opened again after so long, twice that and so on up to thirty times
    /// that. Default 1,000 ms.
    pub relisten_ms: u64,
    /// Redial: first delay, full jitter, doubled with each failure. Default 200 ms.
    pub redial_base_ms: u64,
    /// Redial: longest delay. Default 10,000 ms.
    pub redial_max_ms: u64,
}

impl Limits {
    /// The defaults of a network.
    pub fn of(side: Side) -> Self {
        const MIB: usize = 1024 * 1024;
        match side {
            Side::Mesh => Self {
                queue_bytes: [32 * MIB, 32 * MIB, 32 * MIB, 64 * MIB],
                inbound_bytes_per_peer: 4 * MIB,
                window_bytes: 8 * MIB,
                ..Self::default()
            },
            Side::Client => Self { window_bytes: 8 * MIB, ..Self::default() },
            Side::Public => Self::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            max_connections: 1_100,
            max_connections_per_ip: 64,
            max_pending: 512,
            max_pending_per_ip: 8,
            handshakes_per_s_per_ip: 8,
            handshake_burst_per_ip: 32,
            strangers_per_s: 64,
            strangers_burst: 512,
            spare_loopback: true,
            restricted_bytes: 320 * 1024,
            control_per_s: 32,
            control_burst: 128,
            queue_bytes: [8 * MIB, 8 * MIB, 8 * MIB, 16 * MIB],
            inbound_bytes_per_peer: MIB / 2,
            window_bytes: MIB,
            memory_bytes: 256 * MIB,
            hold_high_ms: 5,
            hold_normal_ms: 100,
            batch_frames: 1_024,
            ping_interval_ms: 1_000,
            silence_ms: 10_000,
            handshake_timeout_ms: 10_000,
            first_message_ms: 10_000,
            relisten_ms: 1_000,
            redial_base_ms: 200,
            redial_max_ms: 10_000,
        }
    }
}
