//! What the pallet stores of a validator.
//!
//! Block numbers are `u64` here, as in everything that is signed.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use director_primitives::{
    CheckpointNumber, PublicKey, RegistrationId,
    runtime_api::{RetiredKey, ValidatorStatus},
};
use frame_support::{BoundedVec, traits::ConstU32};
use scale_info::TypeInfo;

/// Most replaced checkpoint keys of one validator that are punishable at one time. A rotation beyond
/// that waits until the oldest is out of its `UnbondingPeriod`.
pub const MAX_RETIRED_KEYS: u32 = 4;

/// Checkpoint keys that a validator had before.
pub type RetiredKeys = BoundedVec<RetiredKey, ConstU32<MAX_RETIRED_KEYS>>;

/// A registered validator.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Validator<Balance> {
    /// Identity of this registration.
    pub registration_id: RegistrationId,
    /// What it may do.
    pub status: ValidatorStatus,
    /// What is on hold for it.
    pub stake: Balance,
    /// Signs its votes.
    pub checkpoint_key: PublicKey,
    /// Its libp2p identity.
    pub peer_key: PublicKey,
    /// Checkpoint keys that it had before.
    pub retired_keys: RetiredKeys,
    /// First checkpoint whose offences are not excused.
    pub slashable_from: CheckpointNumber,
    /// Once it leaves: last block (inclusive) at which its stake must stay.
    pub bonded_until: Option<u64>,
    /// Set if and only if it is tombstoned.
    pub punishment: Option<Punishment>,
}

/// What it takes to undo a punishment.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Punishment {
    /// Status before it.
    pub status_before: ValidatorStatus,
    /// [`Validator::bonded_until`] before it.
    pub bonded_until_before: Option<u64>,
    /// Whether the slash is still to come: then no stake leaves.
    pub slash_pending: bool,
}

/// Which nonces of a director's votes are known.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Nonces {
    /// The highest nonce of any vote that was accepted.
    pub highest: u64,
    /// Votes up to this nonce were given before the account was removed as a director. They do not
    /// count, not even if it becomes a director again.
    pub void_up_to: Option<u64>,
}

/// Why a validator was revoked.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum RevocationCause<Balance> {
    /// So many of the directors said so.
    Directors {
        /// Revocations that count.
        revocations: u32,
        /// Active directors.
        directors: u32,
    },
    /// Its stake is below `MinStake`.
    LowStake {
        /// What it has.
        stake: Balance,
        /// What it takes.
        minimum: Balance,
    },
}
