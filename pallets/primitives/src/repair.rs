//! Says what somebody has, what somebody misses, and how it is asked for.
//!
//! * upon connecting: a director tells a peer director all that it has, a [`Vector`] in as many parts as it
//!   takes; to a validator it does so upon [`Attach`];
//! * upon more in a vector than one has oneself: a [`Fetch`] to whoever told it;
//! * upon a [`Fetch`]: the envelopes, as they were signed, and then a [`Fetched`] that says what became
//!   of each range: what is gone, what was sent now, and what is to be asked for again.

use crate::{envelope::Priority, heartbeat::VectorEntry, keys::PublicKey};
use codec::{Decode, Encode};
use sp_core::{ConstU32, bounded::BoundedVec};

/// Most entries of one [`Vector`] or [`Attach`]; longer vectors come in parts. 1,500 of them are 108 KiB.
pub const MAX_VECTOR_ENTRIES: u32 = 1_500;

/// Most ranges of one [`Fetch`].
pub const MAX_RANGES: u32 = 128;

/// Entries of a vector, or a part of them.
pub type VectorEntries = BoundedVec<VectorEntry, ConstU32<MAX_VECTOR_ENTRIES>>;

/// What a validator wants of a director.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Role {
    /// Everything, as it comes. So it is after `Welcome`, until something else is said.
    Primary,
    /// Only what the director has (a [`Vector`] of what changed, at most every heartbeat), and the
    /// messages that are fetched: what a validator wants of its second director.
    Standby,
}

/// A validator says what it wants, and what it has: whatever the director has beyond that it sends, as if
/// it had been fetched; then its own [`Vector`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Attach {
    /// What it wants from here on.
    pub role: Role,
    /// Where it stopped: of each origin the latest epoch and the last number without a hole before it. Of
    /// what is not listed it has nothing and wants nothing sent by itself.
    pub vector: VectorEntries,
}

/// What a director has: entries that changed since its last message of this kind, or a part of all of
/// them. An entry takes the place of an earlier one about the same origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Vector {
    /// The entries.
    pub entries: VectorEntries,
    /// Whether this ends all of the vector: upon a connection, an [`Attach`] or a request for it.
    pub complete: bool,
}

/// Numbers `first..=last` of one sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Range {
    /// Whose.
    pub origin: PublicKey,
    /// Of which epoch.
    pub epoch: u64,
    /// Of which class.
    pub class: Priority,
    /// First number.
    pub first: u64,
    /// Last number, not below the first.
    pub last: u64,
}

/// Asks for messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Fetch {
    /// Which.
    pub ranges: BoundedVec<Range, ConstU32<MAX_RANGES>>,
}

/// What became of one range of a [`Fetch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Served {
    /// The range, as it was asked for.
    pub range: Range,
    /// From `range.first` up to this number the director has nothing, and will not have it again: it is older
    /// than its log. It may lie beyond the range, so that nobody asks for a long history piece by piece.
    /// `range.first - 1` if it has the first, or may still get it.
    pub gone_to: u64,
    /// Up to this number it has now sent what is not gone. What is beyond is to be asked for again: there was no
    /// room, or it is missing there too; `range.last` if nothing is. `range.first - 1`, like `gone_to`: no
    /// time now.
    pub served_to: u64,
}

/// Follows the messages that answer a [`Fetch`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Fetched {
    /// One for each range, in their order.
    pub ranges: BoundedVec<Served, ConstU32<MAX_RANGES>>,
}
