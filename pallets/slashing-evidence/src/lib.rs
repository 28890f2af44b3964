//! Slashes a validator that signed two blocks for one checkpoint, upon proof by anybody.
//!
//! * upon `report_double_sign` (anybody): the proof is checked by
//!   [`DoubleSignProof::check`](director_primitives::DoubleSignProof::check), the function that
//!   directors run before they submit; the validator is tombstoned, revoked, its stake locked, and a
//!   slash waits for `SlashDeferPeriod`. Free if the proof is valid;
//! * upon `cancel_slash` (governance) in the meantime: everything is undone, and offences up to that
//!   checkpoint are excused, so that the same mistake cannot be reported again;
//! * upon the time having come: whatever weight is left in a block applies what is due, or anybody
//!   does by `apply_slash`;
//! * if the runtime's [`Config::OffenceHandler`] slashes elsewhere (by `pallet-offences` and staking, say):
//!   the validator is tombstoned and revoked all the same, but no slash waits here and its stake is not
//!   locked; `cancel_slash` then undoes the tombstone.
//!
//! # How much
//!
//! `max(BaseFraction, min(1, (3k/n)²))` of the stake at the time of the report, see [`penalty`]. `n`
//! is how many validators were authorized at the time of the report, this one included; `k` is how
//! many were proven to have offended within `CorrelationWindow` before or after it, as known when the
//! slash is applied; those that were pardoned, or never authorized, do not count.
//!
//! # Where it goes
//!
//! If the reporter was an active director at the time of the report, and not the offender itself, it
//! gets `RewardFraction` of what was really taken. The rest, and a reward that cannot be deposited,
//! goes to `SlashDestination`. Every shortfall is an event.
//!
//! # Bounds
//!
//! One pending slash per validator, and one entry per block in the window: at most `MaxOffenders`
//! of each. The window is pruned at the begin of each block.
//!
//! # Attacks and what stops them
//!
//! * evidence without signatures, or in another order, or of another chain: see
//!   [`director_primitives::proof`];
//! * the same offence twice: a tombstoned validator is not punished again;
//! * stealing the reward from the transaction pool: only an active director is paid at all;
//! * leaving before the slash: [`Offenders`] lets no stake go while it is pending.
//!
//! # Deliberately absent
//!
//! Unsigned reports: they would need a pool tag of their own for each offence and cannot be sent
//! from common clients. A valid report costs its sender nothing.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod apply;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
pub mod penalty;
mod queue;
mod types;
pub mod weights;

#[cfg(any(feature = "try-runtime", feature = "std"))]
mod try_state;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use types::{Proven, Queued, Slash};
pub use weights::WeightInfo;

use alloc::vec::Vec;
use core::marker::PhantomData;
use director_primitives::{
    CheckpointNumber, DoubleSignProof, H256, Offence, OffenceContext, PublicKey, Reason,
    RegistrationId,
    runtime_api::PendingSlash,
    traits::{Directors, Handling, OffenceHandler, Offenders, Punished, Taken},
};
use frame_support::{
    pallet_prelude::*,
    traits::{
        Defensive, OnUnbalanced,
        fungible::{self, Credit, Inspect},
    },
};
use frame_system::pallet_prelude::*;
use sp_runtime::{Perbill, SaturatedConversion, Saturating, traits::Zero};

/// Amounts of the runtime's currency.
pub type BalanceOf<T> =
    <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;

/// Money that was taken and has to go somewhere.
pub type CreditOf<T> = Credit<<T as frame_system::Config>::AccountId, <T as Config>::Currency>;

/// A slash that waits, as it is stored.
pub type SlashOf<T> = Slash<<T as frame_system::Config>::AccountId, BalanceOf<T>>;

#[frame_support::pallet]
pub mod pallet {
    use super::*;

    /// Version of the storage layout.
    pub(crate) const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// The pallet.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What a runtime decides. Periods are in blocks.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>, Hash = H256> {
        /// The currency of the stakes, in which reporters are rewarded.
        type Currency: fungible::Balanced<Self::AccountId>;

        /// Who can be punished. Wire it to the validator registry.
        type Offenders: Offenders<Self::AccountId, Balance = BalanceOf<Self>, Credit = CreditOf<Self>>;

        /// Who slashes: `()` for the stake behind [`Config::Offenders`], or what tells `pallet-offences`.
        type OffenceHandler: OffenceHandler<Self::AccountId>;

        /// The directors of today: which reporters are rewarded. Wire it to the director registry.
        type Directors: Directors<Self::AccountId>;

        /// Who may cancel a slash: two thirds of a council, for example.
        type CancelOrigin: EnsureOrigin<Self::RuntimeOrigin>;

        /// Where slashed money goes that is nobody's reward: a treasury, or `()` to burn it.
        type SlashDestination: OnUnbalanced<CreditOf<Self>>;

        /// How long a slash waits for governance to cancel it, at least 1.
        #[pallet::constant]
        type SlashDeferPeriod: Get<BlockNumberFor<Self>>;

        /// Offenders proven within this distance of each other make each other's slash heavier.
        #[pallet::constant]
        type CorrelationWindow: Get<BlockNumberFor<Self>>;

        /// Least part of the stake that a double sign costs, above 0.
        #[pallet::constant]
        type BaseFraction: Get<Perbill>;

        /// Part of what was taken that a director gets for the report.
        #[pallet::constant]
        type RewardFraction: Get<Perbill>;

        /// Most slashes that wait at one time: as many as there can be validators.
        #[pallet::constant]
        type MaxOffenders: Get<u32>;

        /// Weights of the calls and the hook.
        type WeightInfo: WeightInfo;
    }

    /// Slashes that wait, by validator.
    #[pallet::storage]
    pub type Slashes<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, SlashOf<T>>;

    /// The same slashes in the order in which they were reported.
    #[pallet::storage]
    pub type Queue<T: Config> =
        StorageValue<_, BoundedVec<Queued<T::AccountId>, T::MaxOffenders>, ValueQuery>;

    /// How many offenders were proven lately, by block, the pardoned ones left out.
    #[pallet::storage]
    pub type Window<T: Config> = StorageValue<_, BoundedVec<Proven, T::MaxOffenders>, ValueQuery>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A double sign was proven; a slash waits.
        DoubleSignProven {
            /// Who did it.
            validator: T::AccountId,
            /// Its registration.
            registration_id: RegistrationId,
            /// At which checkpoint.
            checkpoint: CheckpointNumber,
            /// One block that it signed.
            first_hash: H256,
            /// The other block.
            second_hash: H256,
            /// What the slash will be a fraction of.
            stake: BalanceOf<T>,
            /// Who reported it.
            reporter: T::AccountId,
            /// First block at which the slash can be applied.
            apply_at: u64,
        },
        /// A double sign was proven; whoever the runtime tells slashes for it, not this pallet.
        OffenceHandedOver {
            /// Who did it.
            validator: T::AccountId,
            /// Its registration.
            registration_id: RegistrationId,
            /// At which checkpoint.
            checkpoint: CheckpointNumber,
            /// One block that it signed.
            first_hash: H256,
            /// The other block.
            second_hash: H256,
            /// Who reported it.
            reporter: T::AccountId,
        },
        /// Governance cancelled a slash and undid the punishment.
        SlashCancelled {
            /// Who is pardoned.
            validator: T::AccountId,
            /// The checkpoint that it was about.
            checkpoint: CheckpointNumber,
            /// Offences at earlier checkpoints are excused.
            slashable_from: CheckpointNumber,
        },
        /// A slash was applied.
        SlashApplied {
            /// Whose stake it was.
            validator: T::AccountId,
            /// Its registration.
            registration_id: RegistrationId,
            /// The checkpoint that it was about.
            checkpoint: CheckpointNumber,
            /// Part of the stake that was due.
            fraction: Perbill,
            /// Offenders that were proven together, the `k` of the fraction.
            offenders: u32,
            /// Authorized validators at the time of the report, the `n` of the fraction.
            authorized: u32,
            /// What was really taken.
            taken: BalanceOf<T>,
            /// Who reported it.
            reporter: T::AccountId,
            /// What the reporter really got of it; the rest went to `SlashDestination`.
            reward: BalanceOf<T>,
        },
        /// There was less stake than was due.
        SlashFellShort {
            /// Whose stake it was.
            validator: T::AccountId,
            /// What was really taken.
            taken: BalanceOf<T>,
            /// What was not there.
            shortfall: BalanceOf<T>,
        },
        /// The reporter's account cannot receive its reward, which went to `SlashDestination`.
        RewardUndeliverable {
            /// Whose stake it was.
            validator: T::AccountId,
            /// Who would have got it.
            reporter: T::AccountId,
            /// How much.
            amount: BalanceOf<T>,
        },
        /// A due slash could not be applied. The stake stays locked.
        SlashFailed {
            /// Whose stake it is.
            validator: T::AccountId,
            /// Why.
            error: DispatchError,
            /// Block at which it is tried again.
            retried_at: u64,
        },
    }

    /// Why a call was refused. The first eleven are [`Reason`], in the order of the checks.
    #[pallet::error]
    pub enum Error<T> {
        /// The proof is for another chain.
        OtherChain,
        /// Both votes are for the same block: no offence.
        SameBlock,
        /// `first` must be the vote with the lower block hash.
        NotCanonical,
        /// The votes are for different checkpoints: no offence.
        DifferentCheckpoints,
        /// A key of small order verifies anything, so its signature proves nothing.
        SmallOrderKey,
        /// A key is, and within the unbonding period was, no validator's.
        UnknownKey,
        /// The keys belong to different validators.
        DifferentValidators,
        /// The validator was punished already.
        AlreadyPunished,
        /// The offence is excused: by governance, or it was before the validator registered.
        Excused,
        /// The signature of `first` does not verify.
        InvalidFirstSignature,
        /// The signature of `second` does not verify.
        InvalidSecondSignature,
        /// `MaxOffenders` slashes wait already; apply one that is due.
        TooManyPending,
        /// No slash waits for this validator.
        NoPendingSlash,
        /// The slash can be cancelled still; wait for the block that `DoubleSignProven` named.
        NotDue,
    }

    impl<T> From<Reason> for Error<T> {
        fn from(reason: Reason) -> Self {
            match reason {
                Reason::OtherChain => Self::OtherChain,
                Reason::SameBlock => Self::SameBlock,
                Reason::NotCanonical => Self::NotCanonical,
                Reason::DifferentCheckpoints => Self::DifferentCheckpoints,
                Reason::SmallOrderKey => Self::SmallOrderKey,
                Reason::UnknownKey => Self::UnknownKey,
                Reason::DifferentValidators => Self::DifferentValidators,
                Reason::AlreadyPunished => Self::AlreadyPunished,
                Reason::Excused => Self::Excused,
                Reason::InvalidFirstSignature => Self::InvalidFirstSignature,
                Reason::InvalidSecondSignature => Self::InvalidSecondSignature,
            }
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            Self::prune_window();
            T::WeightInfo::on_initialize()
        }

        fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
            Self::apply_due(remaining)
        }

        fn integrity_test() {
            assert!(
                !T::BaseFraction::get().is_zero(),
                "BaseFraction must be above 0: else a double sign may cost nothing"
            );
            assert!(
                !T::SlashDeferPeriod::get().is_zero(),
                "SlashDeferPeriod must be at least 1: else nobody can cancel a slash"
            );
            assert!(
                T::MaxOffenders::get() > 0,
                "MaxOffenders must be above 0: set it to the most validators that there can be"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Proves that a validator signed two blocks for one checkpoint. Free if it did.
        #[pallet::call_index(0)]
        #[pallet::weight(
            T::WeightInfo::report_double_sign().saturating_add(T::OffenceHandler::weight())
        )]
        pub fn report_double_sign(
            origin: OriginFor<T>,
            proof: DoubleSignProof,
        ) -> DispatchResultWithPostInfo {
            let reporter = ensure_signed(origin)?;
            let offence = Self::check_evidence(&proof).map_err(Error::<T>::from)?;
            let punished = T::Offenders::punish(&offence.validator)?;
            let is_director = T::Directors::peer_key(&reporter).is_some();
            let is_rewarded = is_director && reporter != offence.validator;
            let rewarded = is_rewarded.then_some(&reporter);
            match T::OffenceHandler::on_double_sign(&offence, rewarded, punished.authorized)? {
                Handling::Here => Self::defer(offence, punished, reporter, is_rewarded)?,
                Handling::Elsewhere => {
                    Self::hand_over(offence, punished.registration_id, reporter)?
                }
            }
            Ok(Pays::No.into())
        }

        /// Cancels the slash that waits for a validator and undoes the punishment: status, lock,
        /// everything. Offences up to that checkpoint are excused from now on. Of an offence that was handed
        /// over the punishment is undone here; cancel the slash where it waits as well.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::cancel_slash())]
        pub fn cancel_slash(origin: OriginFor<T>, validator: T::AccountId) -> DispatchResult {
            T::CancelOrigin::ensure_origin(origin)?;
            let (checkpoint, slash) = match Slashes::<T>::take(&validator) {
                Some(slash) => (slash.offence.checkpoint, Some(slash)),
                None => {
                    let checkpoint = T::Offenders::handed_over(&validator);
                    (checkpoint.ok_or(Error::<T>::NoPendingSlash)?, None)
                }
            };
            let slashable_from = checkpoint.saturating_add(1);
            T::Offenders::pardon(&validator, slashable_from)?;
            if let Some(slash) = slash {
                Self::dequeue(&validator);
                if slash.punished.was_authorized {
                    Self::uncount_offender(slash.reported_at);
                }
                Self::prune_window();
            }
            Self::deposit_event(Event::SlashCancelled { validator, checkpoint, slashable_from });
            Ok(())
        }

        /// Applies the slash that waits for a validator, if it is due. Anybody may call it; free if
        /// it was due.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::apply_slash())]
        pub fn apply_slash(
            origin: OriginFor<T>,
            validator: T::AccountId,
        ) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            Self::do_apply(&validator)?;
            Ok(Pays::No.into())
        }
    }

    /// What wallets and scripts ask.
    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// Slashes that wait, in the order in which they were reported.
        pub fn slashes() -> Vec<PendingSlash<T::AccountId>> {
            Self::pending_slashes()
        }

        /// The slash that waits for a validator.
        pub fn slash_of(validator: T::AccountId) -> Option<SlashOf<T>> {
            Slashes::<T>::get(validator)
        }

        /// The part of the stake that a validator's slash would take if it were applied now.
        pub fn fraction_of(validator: T::AccountId) -> Option<Perbill> {
            Slashes::<T>::get(validator).map(|slash| Self::fraction(&slash).1)
        }

        /// What `report_double_sign` would say, changing nothing.
        pub fn check(proof: DoubleSignProof) -> Result<Offence<T::AccountId>, Reason> {
            Self::check_evidence(&proof)
        }
    }
}

impl<T: Config> Pallet<T> {
    /// What `report_double_sign` would say, changing nothing; for the runtime API.
    ///
    /// # Errors
    ///
    /// The first [`Reason`] that applies.
    pub fn check_evidence(proof: &DoubleSignProof) -> Result<Offence<T::AccountId>, Reason> {
        proof.check(&OnChain::<T>(PhantomData))
    }

    /// Slashes that wait, in the order of their reports, failed ones last; for the runtime API.
    pub fn pending_slashes() -> Vec<PendingSlash<T::AccountId>> {
        let slash = |item: Queued<T::AccountId>| Slashes::<T>::get(item.validator);
        let pending = |slash: SlashOf<T>| PendingSlash {
            offence: slash.offence,
            reporter: slash.reporter,
            reported_at: slash.reported_at,
            apply_at: slash.apply_at,
        };
        Queue::<T>::get().into_iter().filter_map(slash).map(pending).collect()
    }

    /// Queues the slash for an offence.
    fn defer(
        offence: Offence<T::AccountId>,
        punished: Punished<BalanceOf<T>>,
        reporter: T::AccountId,
        is_rewarded: bool,
    ) -> DispatchResult {
        let validator = offence.validator.clone();
        let (reported_at, apply_at) = (Self::now(), Self::defer_end());
        Self::enqueue(Queued { apply_at, reported_at, validator: validator.clone() })?;
        if punished.was_authorized {
            Self::count_offender();
        }
        Self::deposit_event(Event::DoubleSignProven {
            validator: validator.clone(),
            registration_id: punished.registration_id,
            checkpoint: offence.checkpoint,
            first_hash: offence.first_hash,
            second_hash: offence.second_hash,
            stake: punished.stake,
            reporter: reporter.clone(),
            apply_at,
        });
        let slash = Slash { offence, punished, reporter, is_rewarded, reported_at, apply_at };
        Slashes::<T>::insert(validator, slash);
        Ok(())
    }

    /// Leaves the slash for an offence to whoever was told of it.
    fn hand_over(
        offence: Offence<T::AccountId>,
        registration_id: RegistrationId,
        reporter: T::AccountId,
    ) -> DispatchResult {
        let Offence { validator, checkpoint, first_hash, second_hash } = offence;
        T::Offenders::hand_over(&validator, checkpoint)?;
        Self::deposit_event(Event::OffenceHandedOver {
            validator,
            registration_id,
            checkpoint,
            first_hash,
            second_hash,
            reporter,
        });
        Ok(())
    }

    pub(crate) fn now() -> u64 {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }

    /// First block at which a slash can be applied that is queued now.
    pub(crate) fn defer_end() -> u64 {
        let period: u64 = T::SlashDeferPeriod::get().saturated_into();
        Self::now().saturating_add(period)
    }
}

/// What the checker of proofs wants to know, from storage.
struct OnChain<T>(PhantomData<T>);

impl<T: Config> OffenceContext for OnChain<T> {
    type AccountId = T::AccountId;

    fn genesis_hash(&self) -> H256 {
        // frame_system keeps the hash of block 0 for ever.
        frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero())
    }

    fn key_owner(&self, key: &PublicKey) -> Option<T::AccountId> {
        T::Offenders::checkpoint_key_owner(key)
    }

    fn is_punished(&self, validator: &T::AccountId) -> bool {
        T::Offenders::is_punished(validator)
    }

    fn slashable_from(&self, validator: &T::AccountId) -> CheckpointNumber {
        T::Offenders::slashable_from(validator)
    }
}
