//! The simulation's own view of a validator's client: what it hears and what it wants.
//!
//! A thin layer, so that the simulation does not depend on how the client's core is cut.

use director_primitives::{
    AccountId32, Control, Envelope, H256, PayloadKind, Priority, PublicKey, RegistrationId,
    Snapshot,
};
use director_service::{director::Frame, network::DownReason};
use std::sync::Arc;

/// What a client hears.
#[derive(Debug)]
pub(crate) enum Hears {
    /// A block was finalized.
    Finalized(Arc<Snapshot>),
    /// A connection to a director stands.
    Up(PublicKey),
    /// A connection to a director is gone.
    Down(PublicKey, DownReason),
    /// A dial came to nothing.
    DialFailed(PublicKey, String),
    /// Envelopes and the directors that they came from.
    Frames(Vec<(PublicKey, Frame)>),
    /// A control message of a director.
    Control(PublicKey, Control),
    /// A stake proof is made.
    Proven(Proof),
    /// Time went by.
    Tick,
}

/// A stake proof that is wanted, or made: what is in it the simulation knows.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// Number of the attempt.
    pub(crate) attempt: u64,
    /// Whose stake.
    pub(crate) account: AccountId32,
    /// For which registration.
    pub(crate) registration_id: RegistrationId,
    /// Of which block.
    pub(crate) block: (u64, H256),
}

/// What a client wants.
#[derive(Debug)]
pub(crate) enum Wants {
    /// These and no others may be connected.
    Allow(Vec<PublicKey>),
    /// A connection.
    Dial(PublicKey),
    /// The end of one.
    Disconnect(PublicKey),
    /// A control message sent.
    Send(PublicKey, Control),
    /// An envelope sent.
    Frame(PublicKey, Priority, Frame),
    /// A stake proof.
    Prove(Proof),
    /// A message for the application.
    Deliver(Envelope),
    /// The application told that these will never come.
    Gap {
        /// Whose.
        origin: PublicKey,
        /// Of which epoch.
        epoch: u64,
        /// Of which class.
        class: Priority,
        /// First number.
        first: u64,
        /// Last number.
        last: u64,
    },
    /// The application told that a director withholds messages.
    Withheld(PublicKey),
    /// Anything else, for the trace.
    Told(String),
}

/// Something that the application publishes.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// What it is.
    pub(crate) kind: PayloadKind,
    /// Its class.
    pub(crate) class: Priority,
    /// The message.
    pub(crate) payload: Vec<u8>,
}
