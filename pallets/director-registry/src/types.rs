//! What the pallet stores of a director.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use director_primitives::{
    PublicKey,
    runtime_api::{Endpoints, Region},
};
use scale_info::TypeInfo;

/// What a director says of itself and may change: everything but its keys.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Record {
    /// Its libp2p identity; signs its votes.
    pub peer_key: PublicKey,
    /// Where it can be reached.
    pub endpoints: Endpoints,
    /// Where it stands.
    pub region: Region,
    /// Validators that it has room for.
    pub capacity: u32,
    /// Block in which it activated itself.
    pub active_since: u64,
    /// Block at which it last said that this record holds.
    pub refreshed_at: u64,
}

/// Somebody who was invited to be a director.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Invitation<AccountId> {
    /// The account.
    pub account: AccountId,
    /// The active director whose place it takes, `None` to be one more.
    pub replaces: Option<AccountId>,
}

impl<AccountId> Invitation<AccountId> {
    /// To be one more director.
    pub fn plain(account: AccountId) -> Self {
        Self { account, replaces: None }
    }
}
