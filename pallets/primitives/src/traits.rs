//! Says how the three pallets meet without importing each other.
//!
//! ```text
//! slashing-evidence ──► Offenders (validator-registry) ──► Directors (director-registry)
//!         │                          ▲                               │
//!         ▼                          └────── OnDirectorSetChange ────┘
//!   OffenceHandler: whoever slashes, if it is not this stake
//! ```

use crate::{CheckpointNumber, RegistrationId, keys::PublicKey, proof::Offence};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::{DispatchError, DispatchResult, Perbill, Weight};

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

    /// Makes these, and nobody else, the active directors.
    #[cfg(feature = "runtime-benchmarks")]
    fn set_active(directors: Vec<(AccountId, PublicKey)>);
}

/// Told whenever the set of active directors changed, after the change.
///
/// A pair tells both, so that a runtime can wire more than one.
pub trait OnDirectorSetChange<AccountId> {
    /// `activated` is a director from now on; what it signed before, in an earlier term, must not count.
    fn on_director_activated(activated: &AccountId);

    /// `removed` is no director any more, its votes must not count from now on.
    fn on_director_removed(removed: &AccountId);
}

impl<AccountId> OnDirectorSetChange<AccountId> for () {
    fn on_director_activated(_: &AccountId) {}
    fn on_director_removed(_: &AccountId) {}
}

impl<AccountId, A, B> OnDirectorSetChange<AccountId> for (A, B)
where
    A: OnDirectorSetChange<AccountId>,
    B: OnDirectorSetChange<AccountId>,
{
    fn on_director_activated(activated: &AccountId) {
        A::on_director_activated(activated);
        B::on_director_activated(activated);
    }

    fn on_director_removed(removed: &AccountId) {
        A::on_director_removed(removed);
        B::on_director_removed(removed);
    }
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
    /// Whether this registration was ever authorized. Only such offenders count in the `k` of the
    /// correlated fraction: else anybody with stake could make the others' slashes heavier.
    pub was_authorized: bool,
}

/// Who slashes for an offence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// The stake that the validator registered with, after the time to cancel.
    Here,
    /// Whoever was told; the registered stake is not touched.
    Elsewhere,
}

/// Takes offences over, for a runtime that slashes another stake than the registered one: by
/// `pallet-offences` and staking, for example. `()` slashes the registered stake.
pub trait OffenceHandler<AccountId> {
    /// Tells of a proven double sign; the validator is tombstoned already. `reporter` is `None` if it
    /// must not be rewarded. `authorized` is the `n` of the correlated fraction.
    ///
    /// # Errors
    ///
    /// If the handler cannot take it; then the report fails and nothing has changed.
    fn on_double_sign(
        offence: &Offence<AccountId>,
        reporter: Option<&AccountId>,
        authorized: u32,
    ) -> Result<Handling, DispatchError>;

    /// What that takes at most: part of the weight of a report, which is free if it is valid.
    fn weight() -> Weight;
}

impl<AccountId> OffenceHandler<AccountId> for () {
    fn on_double_sign(
        _: &Offence<AccountId>,
        _: Option<&AccountId>,
        _: u32,
    ) -> Result<Handling, DispatchError> {
        Ok(Handling::Here)
    }

    fn weight() -> Weight {
        Weight::zero()
    }
}

/// The validators, as those see them who punish.
///
/// The life of a punishment is `punish → slash | hand_over | pardon`; until then, no stake leaves. What
/// was handed over can be pardoned still.
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

    /// Unlocks the stake of a punished validator, whose slash for `checkpoint` is somebody else's now.
    /// It stays tombstoned.
    ///
    /// # Errors
    ///
    /// If no slash is pending; then nothing has changed.
    fn hand_over(validator: &AccountId, checkpoint: CheckpointNumber) -> DispatchResult;

    /// The checkpoint of an offence that was handed over and not pardoned.
    fn handed_over(validator: &AccountId) -> Option<CheckpointNumber>;

    /// Undoes all of [`Self::punish`] and excuses offences before `slashable_from`.
    ///
    /// # Errors
    ///
    /// If it is not punished, or slashed already; then nothing has changed.
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

    /// Registers `validator` with this checkpoint key and authorizes it, beside whoever is there, with
    /// as many replaced keys as there may be, the last of which is `replaced`.
    #[cfg(feature = "runtime-benchmarks")]
    fn set_up(validator: &AccountId, checkpoint_key: PublicKey, replaced: PublicKey);
}
