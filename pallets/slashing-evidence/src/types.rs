//! What the pallet stores of a slash that waits.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use director_primitives::{Offence, traits::Punished};
use scale_info::TypeInfo;

/// A slash that waits for its time.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Slash<AccountId, Balance> {
    /// What was proven.
    pub offence: Offence<AccountId>,
    /// What the validator had at the time.
    pub punished: Punished<Balance>,
    /// Who reported it.
    pub reporter: AccountId,
    /// Whether the reporter was an active director, and not the offender itself.
    pub is_rewarded: bool,
    /// Block of the report.
    pub reported_at: u64,
    /// First block at which it can be applied.
    pub apply_at: u64,
}

/// A place in the queue.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Queued<AccountId> {
    /// First block at which it can be applied.
    pub apply_at: u64,
    /// Block of the report.
    pub reported_at: u64,
    /// Who is to be slashed.
    pub validator: AccountId,
}

/// How many offenders were proven in one block and not pardoned since.
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
pub struct Proven {
    /// The block.
    pub at: u64,
    /// How many.
    pub offenders: u32,
}
