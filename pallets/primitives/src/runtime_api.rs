//! Gives the director service what it needs of the chain, in single calls.

use crate::{
    CheckpointNumber, Decision, RegistrationId,
    keys::PublicKey,
    proof::{DoubleSignProof, Offence, Reason},
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{ConstU32, H256, bounded::BoundedVec};

/// Most endpoints of a director.
pub const MAX_ENDPOINTS: u32 = 4;

/// Most bytes of an endpoint's address.
pub const MAX_ADDRESS_LEN: u32 = 128;

/// Most bytes of a region's name.
pub const MAX_REGION_LEN: u32 = 32;

/// Most validators in one page of [`DirectorApi::validators`].
pub const MAX_PAGE: u32 = 1000;

/// Whom an endpoint is for.
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
pub enum EndpointScope {
    /// Validators.
    Public,
    /// Other directors, on the private network.
    Mesh,
}

/// Where a director can be reached.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Endpoint {
    /// Whom it is for.
    pub scope: EndpointScope,
    /// A multiaddr as text, `/ip4/203.0.113.7/tcp/30400`, without the peer id.
    pub address: BoundedVec<u8, ConstU32<MAX_ADDRESS_LEN>>,
}

/// All endpoints of a director.
pub type Endpoints = BoundedVec<Endpoint, ConstU32<MAX_ENDPOINTS>>;

/// Name of the region a director stands in, as text.
pub type Region = BoundedVec<u8, ConstU32<MAX_REGION_LEN>>;

/// Parameters of the chain. Periods are in blocks, amounts in the smallest unit.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Domain {
    /// The chain; part of everything that is signed.
    pub genesis_hash: H256,
    /// Blocks between two checkpoints.
    pub checkpoint_interval: u64,
    /// Least stake of an authorized validator.
    pub min_stake: u128,
    /// How long stake stays slashable after an exit, and a rotated key punishable.
    pub unbonding_period: u64,
    /// How long a slash waits for governance to cancel it.
    pub slash_defer_period: u64,
    /// Least directors.
    pub min_directors: u32,
    /// Most directors.
    pub max_directors: u32,
    /// Most registered validators.
    pub max_validators: u32,
    /// Most validators of a session.
    pub max_active_validators: u32,
    /// A director that has not refreshed its record for longer is stale.
    pub stale_after: u64,
}

/// An active director.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct DirectorInfo<AccountId> {
    /// Its account.
    pub account: AccountId,
    /// Its libp2p identity.
    pub peer_key: PublicKey,
    /// Where it can be reached.
    pub endpoints: Endpoints,
    /// Where it stands.
    pub region: Region,
    /// Validators that it has room for.
    pub capacity: u32,
    /// Block in which it became a director. A vote with a nonce below this block's first
    /// ([`crate::authorization::first_nonce`]) was signed in an earlier term and does not count.
    pub active_since: u64,
    /// Block of its last refresh.
    pub refreshed_at: u64,
}

impl<AccountId> DirectorInfo<AccountId> {
    /// Whether it has not refreshed its record for more than `stale_after` blocks before `now`.
    pub fn is_stale(&self, now: u64, stale_after: u64) -> bool {
        now.saturating_sub(self.refreshed_at) > stale_after
    }
}

/// The set of directors.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct DirectorSet<AccountId> {
    /// Grows with every change.
    pub version: u64,
    /// Those that are active, in ascending order of accounts.
    pub active: Vec<DirectorInfo<AccountId>>,
    /// Those that were invited and have not activated themselves yet.
    pub invited: Vec<AccountId>,
}

/// What a validator may do.
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
pub enum ValidatorStatus {
    /// It has staked and waits for the directors' approval.
    Candidate,
    /// It may speak and vote.
    Authorized,
    /// The directors revoked it.
    Revoked,
    /// It leaves; its stake stays slashable for the unbonding period.
    Exiting,
    /// It was caught signing twice.
    Tombstoned,
}

/// A key that a validator has replaced: nobody else's for now, and a checkpoint key still punishable.
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
pub struct RetiredKey {
    /// The key.
    pub key: PublicKey,
    /// Last block (inclusive) at which that is so.
    pub until: u64,
}

/// A registered validator.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ValidatorInfo<AccountId> {
    /// Its account.
    pub account: AccountId,
    /// Its registration.
    pub registration_id: RegistrationId,
    /// What it may do.
    pub status: ValidatorStatus,
    /// Its bonded stake.
    pub stake: u128,
    /// What it has unbonded and not taken out: slashable still.
    pub unbonding: u128,
    /// Signs its votes.
    pub checkpoint_key: PublicKey,
    /// Its libp2p identity.
    pub peer_key: PublicKey,
    /// Checkpoint keys that it had before.
    pub retired_keys: Vec<RetiredKey>,
    /// First checkpoint whose offences are not excused.
    pub slashable_from: CheckpointNumber,
}

/// A director's vote that the chain keeps.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct StoredVote<AccountId> {
    /// The director.
    pub director: AccountId,
    /// What it decided.
    pub decision: Decision,
    /// Its nonce.
    pub nonce: u64,
    /// Last block at which it counts.
    pub valid_until: u64,
}

/// How far the directors are with a validator.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct VoteProgress<AccountId> {
    /// The registration that the votes are about.
    pub registration_id: RegistrationId,
    /// Votes it takes today.
    pub needed: u32,
    /// Votes that count today.
    pub votes: Vec<StoredVote<AccountId>>,
}

/// A slash that waits.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct PendingSlash<AccountId> {
    /// What was proven.
    pub offence: Offence<AccountId>,
    /// Who reported it.
    pub reporter: AccountId,
    /// Block of the report.
    pub reported_at: u64,
    /// First block at which it can be applied.
    pub apply_at: u64,
}

sp_api::decl_runtime_apis! {
    /// What the director service reads of the chain.
    pub trait DirectorApi<AccountId> where AccountId: codec::Codec {
        /// Chain and parameters.
        fn domain() -> Domain;
        /// The set of directors.
        fn directors() -> DirectorSet<AccountId>;
        /// Validators in ascending order of accounts, those after `after`, at most `limit` and
        /// [`MAX_PAGE`].
        fn validators(after: Option<AccountId>, limit: u32) -> Vec<ValidatorInfo<AccountId>>;
        /// One validator.
        fn validator(account: AccountId) -> Option<ValidatorInfo<AccountId>>;
        /// How far the directors are with a validator.
        fn vote_progress(validator: AccountId) -> Option<VoteProgress<AccountId>>;
        /// Slashes that wait.
        fn pending_slashes() -> Vec<PendingSlash<AccountId>>;
        /// Dry run of `report_double_sign`: the same check, changing nothing.
        fn check_evidence(proof: DoubleSignProof) -> Result<Offence<AccountId>, Reason>;
    }
}
