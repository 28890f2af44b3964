//! Everything that a client's core hears.

use crate::network::{DownReason, Frame};
use director_primitives::{Control, H256, PublicKey, RegistrationId, Snapshot, StakeProof};
use std::sync::Arc;

/// What became of a stake proof.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The number in [`super::Output::Prove`].
    pub attempt: u64,
    /// The registration that it is for.
    pub registration_id: RegistrationId,
    /// Number and hash of the block that it is of.
    pub block: (u64, H256),
    /// The proof, or what went wrong.
    pub result: Result<StakeProof, String>,
}

/// Something happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The chain finalized a block; this is what it says.
    Finalized(Arc<Snapshot>),
    /// What was said to be finalized is not: this is the newest block, though its number is lower.
    Retracted(Arc<Snapshot>),
    /// A connection to a director stands.
    Up {
        /// Its key.
        director: PublicKey,
    },
    /// A connection to a director is gone.
    Down {
        /// Its key.
        director: PublicKey,
        /// Why.
        reason: DownReason,
    },
    /// A dial came to nothing.
    DialFailed {
        /// Of whom.
        director: PublicKey,
        /// What went wrong.
        error: String,
    },
    /// Something of these directors has come and waits for its turn: they live, however slowly we take it.
    Arrived(Vec<PublicKey>),
    /// Envelopes, with the directors that they came from.
    Frames(Vec<(PublicKey, Frame)>),
    /// A control message.
    Control {
        /// From which director.
        from: PublicKey,
        /// What it says.
        message: Control,
    },
    /// The answer to [`super::Output::Prove`].
    Proven(Proven),
    /// Time went by; at least every 100 ms, and at [`super::Core::due`].
    Tick,
}
