//! Links a validator to the directors: publishes its messages and receives everybody else's, once each.
//!
//! ```text
//!  publish ──► compress ──► Outbox (numbers, signs, keeps) ──► network ──► primary
//!  next    ◄── decompress ◄── Inbox (whose? seen? signed?)  ◄── network ◄── primary (everything)
//!                                └── Planner: what is missing? ─────────► standby (vectors, what is fetched)
//! ```
//!
//! * upon the first finalized block: the client dials the director that it wants most ([`Strategy`]); before
//!   that it could not tell whose messages to believe;
//! * upon any finalized block, if the list is the chain's ([`Directors::OnChain`]): directors that are
//!   new, gone, or have other keys or addresses are taken note of; the connection to one that is none
//!   any more is given up, any other stays;
//! * upon `Welcome`: when the director knows the validator as authorized, what waits in the outbox is sent,
//!   and a second director is dialed as *standby*; otherwise a candidate asks to be authorized, with a stake
//!   proof ([`Prover`]), and again every few blocks;
//! * upon a dead primary: the standby takes its place, without a dial. It gets where we stopped, and what
//!   nobody but the dead one was known to have;
//! * upon a vector of the standby that has more than we: what is missing is fetched, from the primary first.
//!   A primary that keeps messages back is told of ([`Event::Withheld`]) and left;
//! * upon an envelope: delivered once and at once, if its origin is a registered validator and has signed it;
//!   in the order of its sequence where [`Config::strict`] says so. What nobody has any more is a
//!   [`Event::Gap`].
//!
//! The rules are in `core`, which knows no clock and no socket: a simulation runs the same.
//!
//! # Epoch and sequence
//!
//! The epoch is the clock in milliseconds at the start, or one more than the last that the director
//! has seen of us, if that is higher. It is settled at the first `Welcome` and stays for the life
//! of the client. Within it each class counts from 1.
//!
//! # Whose messages, and from when
//!
//! Of origins registered at the latest finalized block, authorized or not: two nodes need not have
//! finalized the same block, and what a director lets through is what counts. Of others nothing is
//! delivered, whatever the director says. Whether an origin may *vote* is the [`Voter`]'s question.
//! A client that starts gets what comes from then on: where the sequences stand then, its first director tells.
//!
//! # Bounds
//!
//! The outbox refuses when full ([`PublishError::Full`]). An application that does not call
//! [`Client::next`] stops the client from reading, and its director's queue for it overflows by the
//! rules of its class. For each sequence one byte for each number beyond the first hole, 16,384 at most.
//! Messages that wait for their turn: [`Config::held_bytes`]. Decompressing takes 1 MiB, from the first
//! compressed message on.

mod actor;
mod compression;
mod connect;
pub mod core;
mod inbox;
mod outbox;
mod pace;
mod prover;
mod publisher;
mod signer;
mod stats;
#[cfg(test)]
mod tests;
#[doc(hidden)]
pub mod vectors;
mod votes;
mod window;

pub use connect::{DirectorAddress, Directors, Strategy, directors_on_chain};
pub use inbox::{Kept, MOST_EPOCHS};
pub use outbox::{Outbox, Send};
pub use prover::Prover;
pub use publisher::{PublishError, Publisher};
pub use signer::{Keys, LocalKey, Signer};
pub use stats::Stats;
pub use votes::{Certifier, Counted, Ignored, VoteRefused, Voter};
pub use window::WINDOW;

use crate::network::{DownReason, Limits, NetworkError};
use director_primitives::{
    AccountId32, Answer, Encoding, H256, PayloadKind, Priority, PublicKey, Range, Snapshot,
};
use std::{sync::Arc, time::Instant};
use tokio::sync::{mpsc, watch};
use zeroize::Zeroizing;

/// How to start a client.
#[derive(Clone)]
pub struct Config {
    /// Seed of the validator's peer key.
    pub secret: Zeroizing<[u8; 32]>,
    /// The validator's account.
    pub account: AccountId32,
    /// The chain.
    pub genesis_hash: H256,
    /// Which directors to connect to.
    pub directors: Directors,
    /// Bytes that wait to be sent or are kept to be sent again. Default 4 MiB.
    pub outbox_bytes: usize,
    /// Payloads of so many bytes and more are compressed, if that makes them smaller. Default 4 KiB:
    /// that takes 20 µs, half of what signing takes, and saves 2 or 3 KiB for each receiver. Shorter
    /// ones save a packet or two, and are those that are in a hurry. `usize::MAX` for never.
    /// Checkpoint votes never are.
    pub compress_from_bytes: usize,
    /// Events that wait for [`Client::next`]. Default 256.
    pub events: usize,
    /// First delay before a director is dialed again. Default 100 ms.
    pub redial_base_ms: u64,
    /// Longest delay before a director is dialed again. Default 5,000 ms.
    pub redial_max_ms: u64,
    /// Which director is wanted most. Default: [`Strategy::Pinned`] for a fixed list,
    /// [`Strategy::Rendezvous`] for the chain's.
    pub strategy: Option<Strategy>,
    /// Whether a second connection is kept. Default yes: without it a dead director costs a dial, and nobody
    /// notices what the only one keeps back.
    pub standby: bool,
    /// Classes, in the order of [`Priority::ALL`], in which each origin's messages come in the order of its
    /// sequence: what comes early waits for what is being repaired. Default none: at once.
    pub strict: [bool; 4],
    /// Most bytes that wait for their turn. Default 8 MiB; beyond it holes are given up.
    pub held_bytes: usize,
    /// Silence after which a director that sends heartbeats (twice a second) counts as dead. Default
    /// 1,200 ms.
    pub silence_ms: u64,
    /// How long things stay as they are before the standby takes the place of a primary that is wanted less;
    /// between half and one and a half of it, so that not all move together. Default 10,000 ms.
    pub settle_ms: u64,
    /// How often a director that is wanted more than those that are connected is tried; as above.
    /// Default 10,000 ms.
    pub probe_ms: u64,
    /// After this time own messages are sent again that the standby does not have. Default 1,000 ms.
    pub resend_ms: u64,
    /// Messages withheld within a minute after which the primary is left. Default 3: one may have been lost.
    pub withheld_limit: usize,
    /// How long a director that withheld is not wanted. Default 60,000 ms.
    pub avoid_ms: u64,
    /// Whether others' signatures are checked. Default yes. Only who runs many validators on one machine to
    /// load directors has a reason to say no: it takes most of a client's time.
    pub check_signatures: bool,
    /// Bounds of the connection.
    pub limits: Limits,
}

impl Config {
    /// A client with the defaults, of a list of directors or of those that the chain has.
    pub fn new(
        secret: [u8; 32],
        account: AccountId32,
        genesis_hash: H256,
        directors: impl Into<Directors>,
    ) -> Self {
        Self {
            secret: Zeroizing::new(secret),
            account,
            genesis_hash,
            directors: directors.into(),
            outbox_bytes: 4 * 1024 * 1024,
            compress_from_bytes: 4 * 1024,
            events: 256,
            redial_base_ms: 100,
            redial_max_ms: 5_000,
            strategy: None,
            standby: true,
            strict: [false; 4],
            held_bytes: 8 * 1024 * 1024,
            silence_ms: 1_200,
            settle_ms: 10_000,
            probe_ms: 10_000,
            resend_ms: 1_000,
            withheld_limit: 3,
            avoid_ms: 60_000,
            check_signatures: true,
            limits: Limits { control_per_s: 128, control_burst: 512, ..Limits::default() },
        }
    }
}

/// Why a client does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no director to connect to.
    #[error(
        "no director is given; name at least one with its key and address, or follow the chain"
    )]
    NoDirector,
    /// The network does not start.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// Which message it is, for its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageId {
    /// The epoch. Before the first `Welcome` it may still grow, see the module's page.
    pub epoch: u64,
    /// The class.
    pub class: Priority,
    /// Place in its class.
    pub seq: u64,
}

/// A message of somebody else. Its signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Peer key of who published it.
    pub origin: PublicKey,
    /// Which of its messages.
    pub id: MessageId,
    /// What the payload is.
    pub kind: PayloadKind,
    /// How the payload was encoded on its way.
    pub encoding: Encoding,
    /// The payload, as its origin published it.
    pub payload: Vec<u8>,
    /// When it came from the network.
    pub received_at: Instant,
}

/// What happens to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message, once.
    Message(Message),
    /// A director is our primary: just connected, or the standby until now.
    Connected {
        /// Its key.
        director: PublicKey,
    },
    /// The primary is gone; the standby takes its place, or the next director is tried.
    Disconnected {
        /// Its key.
        director: PublicKey,
        /// Why.
        reason: DownReason,
    },
    /// A director cannot be reached; the next one is tried.
    Unreachable {
        /// Its key.
        director: PublicKey,
        /// What went wrong.
        error: String,
    },
    /// The director takes our messages from here on.
    Authorized {
        /// Its key.
        director: PublicKey,
    },
    /// The director has approved our request, and knows of so many approvals. Told again while the
    /// chain has not decided.
    Approved {
        /// Its key.
        director: PublicKey,
        /// Directors that approve.
        votes: u32,
        /// Directors that it takes.
        needed: u32,
    },
    /// The director does not authorize us, or not any more. What follows depends on the reason: the
    /// same director is asked again with the next block, or the next one is tried.
    Refused(Answer),
    /// The director is full; one that it names is tried, or the next one.
    Redirected {
        /// Its key.
        from: PublicKey,
        /// Keys of directors with room, the emptiest first.
        to: Vec<PublicKey>,
    },
    /// A second director watches what the first one sends, and is there when that one dies.
    Standby {
        /// Its key.
        director: PublicKey,
    },
    /// The standby has become the primary while the primary lived: it is wanted more, or the other one
    /// wanted us to go or did not do what it should. In the last case it follows what is told of a primary that is gone.
    Moved {
        /// The primary until now.
        from: PublicKey,
        /// The primary from here on.
        to: PublicKey,
    },
    /// A message came from another director that the primary should have sent: it keeps it back, or never got
    /// it. The message itself is delivered.
    Withheld {
        /// The primary.
        director: PublicKey,
        /// Who had the message.
        via: PublicKey,
        /// Which one.
        message: Range,
    },
    /// Messages of an origin are lost for us: no director has them any more.
    Gap(Range),
}

/// A validator's link to the directors. It ends when this is dropped.
pub struct Client {
    publisher: Publisher,
    events: mpsc::Receiver<Event>,
}

impl Client {
    /// Starts a client. It connects by itself as soon as `finalized` has a block. `prover` makes its
    /// stake proofs, while it is a candidate: usually the node that `finalized` is of. A block with a lower number
    /// than the one before says that that one is not finalized after all.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(
        config: Config,
        finalized: watch::Receiver<Option<Arc<Snapshot>>>,
        prover: Arc<dyn Prover>,
    ) -> Result<Self, StartError> {
        actor::start(config, finalized, prover).await
    }

    /// The next event; `None` after [`Self::shutdown`]. Nothing is lost when it is cancelled.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Publishes a message: see [`Publisher::publish`]. Before the first `Welcome` of a director the
    /// epoch in the answer may still change.
    ///
    /// # Errors
    ///
    /// See [`PublishError`].
    pub fn publish(
        &self,
        kind: PayloadKind,
        class: Priority,
        payload: Vec<u8>,
    ) -> Result<MessageId, PublishError> {
        self.publisher.publish(kind, class, payload)
    }

    /// Publishes for this client from somewhere else.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// The validator's peer key.
    pub fn key(&self) -> PublicKey {
        self.publisher.key()
    }

    /// What came, went and was dropped.
    pub fn stats(&self) -> Stats {
        self.publisher.stats()
    }

    /// Closes the connection, and returns when it is closed.
    pub async fn shutdown(self) {
        self.publisher.shutdown().await;
    }
}
