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

/// Most replaced keys of one validator in one role that are locked at one time. A rotation beyond that
/// waits until the oldest is out of its `UnbondingPeriod`.
pub const MAX_RETIRED_KEYS: u32 = 4;

/// Most parts of its stake that a validator can be unbonding at one time. One more waits until the
/// oldest was taken out.
pub const MAX_UNBONDING: u32 = 8;

/// Keys that a validator had before, in one role.
pub type RetiredKeys = BoundedVec<RetiredKey, ConstU32<MAX_RETIRED_KEYS>>;

/// A part of a stake that is on its way out, and slashable still.
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
pub struct Unbonding<Balance> {
    /// How much.
    pub amount: Balance,
    /// Last block (inclusive) at which it must stay.
    pub until: u64,
}

/// A registered validator.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Validator<Balance> {
    /// Identity of this registration.
    pub registration_id: RegistrationId,
    /// What it may do.
    pub status: ValidatorStatus,
    /// What is bonded: it counts for `MinStake` and for the place in a session.
    pub stake: Balance,
    /// What was bonded and is on its way out, oldest first. On hold, and slashable, like the stake.
    pub unbonding: BoundedVec<Unbonding<Balance>, ConstU32<MAX_UNBONDING>>,
    /// Signs its votes.
    pub checkpoint_key: PublicKey,
    /// Its libp2p identity.
    pub peer_key: PublicKey,
    /// Checkpoint keys that it had before: punishable, and nobody else's, up to their last block.
    pub retired_keys: RetiredKeys,
    /// Peer keys that it had before: nobody else's up to their last block.
    pub retired_peer_keys: RetiredKeys,
    /// Whether this registration was ever authorized.
    pub was_authorized: bool,
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
    /// The checkpoint of the offence, if somebody else slashes for it.
    pub handed_over: Option<CheckpointNumber>,
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
