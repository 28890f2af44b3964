//! Carries frames between peers that know each other by key: the only room that knows libp2p.
//!
//! One [`start`] is one swarm and one [`Side`]: a director runs two (mesh and public), a validator
//! one. Whom a swarm talks to is a set of keys ([`Handle::allow`]); everybody else is refused right
//! after the handshake, and a key that leaves the set is cut off at once.
//!
//! ```text
//!  Handle::fan_out ──► Lanes (per peer, bytes bounded) ──► handler ──► one substream out ──► peer
//!  Events::recv    ◄── Ingress (bounded per peer)      ◄── handler ◄── one substream in  ◄── peer
//! ```
//!
//! * upon [`Handle::fan_out`]: the messages of a batch go straight into the peers' queues; nothing is
//!   awaited and the swarm's event loop is not in the way. Upon [`Handle::flush`] each connection's task
//!   is woken once. It drains its queue by urgency, into contiguous writes of up to 16 KiB.
//! * upon something to write: Critical, control and Bulk go at once. High and Normal wait for company,
//!   5 and 100 ms at most, and only while the socket is busy (`handler`).
//! * upon Bulk: its reader acknowledges it, and no more is on its way than forms no queue (`bulk`).
//! * upon bytes: the same task decodes them and hands the frames to [`Events`]. When a peer has as
//!   much waiting there as it may, its task stops reading, and TCP slows that peer and nobody else.
//! * upon a full queue: Normal and Bulk lose their oldest frame, Critical and High the connection.
//!   Each drop is counted by class and reason ([`Stats`]).
//! * upon a second connection of the same key: the newer wins; the user sees `Down`, then `Up`.
//! * upon silence: each side says something at least every `ping_interval_ms`; who is not heard for
//!   `silence_ms` is dead.
//!
//! # Who gets in
//!
//! Whoever calls is asked for its address before a byte is answered: is it one of those that are known
//! ([`Handle::allow_addresses`]), has it called too often (`callers`), are there too many handshakes
//! (`gate`)? Its Noise is computed on a thread that lets messages go first (`handshakes`). Then, before
//! Yamux, its key is looked at (`transport`), and only then is anything made that lasts. Until then it costs one socket, one task, 24 KiB of reading at most (`pass`) and
//! `handshake_timeout_ms`. A key that may connect but not speak yet is read for so many bytes a
//! minute ([`Handle::restrict`]), and who connects and says nothing valid goes after `first_message_ms`.
//!
//! # Who dials
//!
//! Validators dial directors. Of two directors the one with the smaller key dials: two dials that
//! cross would replace each other's connection for ever.
//!
//! # Bounds
//!
//! What waits, in both directions: frames, each counted once however many queues it is in, parts of
//! frames, and what Yamux keeps until it is read. All of it together: `memory_bytes`. Beyond it the peer
//! for which and of which most waits is disconnected, and what waits of it is thrown away and counted;
//! nobody else goes if that is enough. Reading never stops for it.
//!
//! Of that, one peer has at most:
//!
//! ```text
//! for it   sum(queue_bytes), entries of the queues included
//! of it    inbound_bytes_per_peer, or one frame if that is longer      frames that nobody has taken
//!        + 4 lanes × 1 MiB × 2                                         parts of frames, room to grow
//!        + window_bytes + 64 bytes for each frame of Yamux in it       not read yet
//! ```
//!
//! A peer that cuts its data into frames of one byte makes the last line 64 times as long, and is the
//! first to go. Not counted in `memory_bytes`, for each connection: about 40 KiB, nearly all of it
//! libp2p's; 200 KiB at most that are on their way into a socket; over QUIC `window_bytes` that were not
//! read, and up to 10 MB that were sent and not acknowledged, for which libp2p has no setting. The
//! system's own buffers come on top (`tcp_rmem`, `tcp_wmem`).

mod actor;
mod address;
mod behaviour;
#[doc(hidden)]
pub mod bench;
mod bucket;
mod bulk;
mod callers;
mod config;
mod dialer;
mod error;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod gate;
mod handle;
mod handler;
mod handshakes;
mod hub;
mod ingress;
mod link;
mod listeners;
mod meter;
mod muxer;
mod pass;
mod queue;
mod stats;
mod tap;
#[cfg(test)]
mod tests;
mod transport;
#[doc(hidden)]
pub mod vectors;

pub use actor::start;
pub use address::{Socket, ip_of, is_private};
pub use config::{Config, Limits, Side};
pub use error::{ListenFault, NetworkError};
pub use frame::{FrameError, MAX_CONTROL_LEN};
pub use gate::Refusal;
pub use handle::{Handle, Peer};
pub use ingress::Events;
pub use libp2p::Multiaddr;
pub use stats::{BUCKETS, Distribution, DropReason, Stats};

use codec::Encode;
use director_primitives::{Control, Priority, PublicKey};
use std::sync::Arc;

/// An encoded `SignedEnvelope`, exactly as it arrived; shared, never copied.
pub type Frame = Arc<[u8]>;

/// What [`Handle::send`] takes.
#[derive(Clone, Debug)]
pub enum Payload {
    /// An encoded `SignedEnvelope`.
    Envelope(Frame),
    /// An encoded [`Control`]; goes with the Critical class.
    Control(Frame),
}

impl Payload {
    /// Encodes a control message; clones of the payload share the bytes.
    pub fn control(message: &Control) -> Self {
        Self::Control(message.encode().into())
    }
}

/// One message for many peers, see [`Handle::fan_out`].
#[derive(Clone, Debug)]
pub struct Broadcast {
    /// An encoded `SignedEnvelope`.
    pub frame: Frame,
    /// Its class.
    pub class: Priority,
    /// Who does not get it: its origin, and whoever handed it over. Twice the same if that is one.
    pub except: [PublicKey; 2],
}

/// What became of a frame that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is in the peer's queue. For Normal and Bulk, older ones may have made room for it.
    Queued,
    /// It was dropped and counted.
    Dropped(DropReason),
    /// The queue of its class was full: it was dropped and counted, and the peer is disconnected.
    Overflow(Priority),
    /// No such peer is connected.
    NotConnected,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownReason {
    /// The peer connected anew; `Up` follows.
    Replaced,
    /// Its key left the set, see [`Handle::allow`].
    NotAllowed,
    /// Its queue of this class was full and the class does not lose frames.
    Overflow(Priority),
    /// Memory ran out, and most of what waited was for it or of it (see [`Limits::memory_bytes`]).
    Shed,
    /// It sent something that is no frame.
    Violation(FrameError),
    /// It speaks another protocol, or is on another chain.
    OtherProtocol,
    /// Its key may send only so much and has sent more (see [`Handle::restrict`]), or it sent more
    /// control messages than it may (see [`Limits::control_per_s`]).
    Exceeded,
    /// It connected, and nothing valid came of it within `first_message_ms`.
    SaidNothing,
    /// Nothing was heard of it for `silence_ms`.
    Silent,
    /// We said so ([`Handle::disconnect`], [`Handle::disconnect_after_flush`]).
    Disconnected,
    /// The other side closed, or the connection broke.
    Closed,
    /// This side shuts down.
    Shutdown,
}

/// What happens on the network.
#[derive(Debug)]
pub enum Event {
    /// A peer is connected. Each `Up` has one `Down`, and they alternate.
    Up {
        /// The peer.
        peer: PublicKey,
    },
    /// A peer is not connected any more; no frame of it follows.
    Down {
        /// The peer.
        peer: PublicKey,
        /// Why.
        reason: DownReason,
    },
    /// Envelopes in the order of their arrival: whatever was waiting, never waiting for more.
    Frames(Vec<(PublicKey, Frame)>),
    /// A control message.
    Control(PublicKey, Control),
    /// A dial came to nothing. [`Handle::maintain`] tries again by itself.
    DialFailed {
        /// Whom we wanted.
        peer: PublicKey,
        /// What went wrong, for a log line.
        error: String,
    },
}
