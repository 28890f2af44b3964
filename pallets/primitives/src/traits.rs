//! Says how the three pallets meet without importing each other.
//!
//! ```text
//! slashing-evidence ──► Offenders (validator-registry) ──► Directors (director-registry)
//!                                    ▲                               │
//!                                    └────── OnDirectorSetChange ────┘
//! ```

use crate::{CheckpointNumber, RegistrationId, keys::PublicKey};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::{DispatchError, DispatchResult, Perbill};

/// The directors of today, as the director registry keeps them.
pub trait Directors<AccountId> {
    /// Accounts of all active directors. An invited director that has not activated itself is none.
    fn active() -> Vec<AccountId>;

    /// How many active directors there are; the `n` of `ceil(2n/3)`.
    fn active_count() -> u32;

    /// The peer key of an active director, `None` for everybody else.
    fn peer_key(account: &AccountId) -> Option<PublicKey>;

    /// Whether `key` is an active director's peer key: no validator may register it.
    fn is_peer_key(key: &PublicKey) -> bool;
}

/// Told whenever the set of active directors changed, after the change.
pub trait OnDirectorSetChange<AccountId> {
    /// `removed` is no director any more, its votes must not count from now on.
    fn on_director_removed(removed: &AccountId);
}

impl<AccountId> OnDirectorSetChange<AccountId> for () {
    fn on_director_removed(_: &AccountId) {}
}

/// Keys that somebody else holds already, so that one key has one owner across pallets.
pub trait PeerKeyInUse {
    /// Whether `key` is a peer key elsewhere.
    fn is_in_use(key: &PublicKey) -> bool;
}

impl PeerKeyInUse for () {
    fn is_in_use(_: &PublicKey) -> bool {
        false
    }
}

/// What a punishment took.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken<Credit, Balance> {
    /// What was really taken; whoever gets it decides where it goes.
    pub credit: Credit,
    /// What should have been taken and was not there.
    pub shortfall: Balance,
}

/// What the validator had when it was punished.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Punished<Balance> {
    /// The registration that is punished.
    pub registration_id: RegistrationId,
    /// Stake at the time, bonded and unbonding: what the fraction is of.
    pub stake: Balance,
    /// Authorized validators at the time, this one included: the `n` of the correlated fraction.
    pub authorized: u32,
}

/// The validators, as those see them who punish.
///
/// The life of a punishment is `punish → slash | pardon`; between the two, no stake leaves.
pub trait Offenders<AccountId> {
    /// Amounts of stake.
    type Balance;

    /// Money that was taken and has to go somewhere.
    type Credit;

    /// Whose checkpoint key this is, or was within the unbonding period.
    fn checkpoint_key_owner(key: &PublicKey) -> Option<AccountId>;

    /// Whether the validator is tombstoned.
    fn is_punished(validator: &AccountId) -> bool;

    /// First checkpoint whose offences are not excused.
    fn slashable_from(validator: &AccountId) -> CheckpointNumber;

    /// Tombstones and revokes the validator and locks its stake.
    ///
    /// # Errors
    ///
    /// If it is not registered or punished already; then nothing has changed.
    fn punish(validator: &AccountId) -> Result<Punished<Self::Balance>, DispatchError>;

    /// Undoes all of [`Self::punish`] and excuses offences before `slashable_from`.
    ///
    /// # Errors
    ///
    /// If it is not punished; then nothing has changed.
    fn pardon(validator: &AccountId, slashable_from: CheckpointNumber) -> DispatchResult;

    /// Takes `fraction` of the `stake` that [`Self::punish`] told and unlocks what is left. The
    /// validator stays tombstoned.
    ///
    /// # Errors
    ///
    /// If it is not punished; then nothing has changed.
    fn slash(
        validator: &AccountId,
        stake: Self::Balance,
        fraction: Perbill,
    ) -> Result<Taken<Self::Credit, Self::Balance>, DispatchError>;
}
