//! Keeps the validators: their stake, their keys, and what the directors think of them.
//!
//! * upon `register`: stake goes on hold, both keys are checked and bound, the validator is a
//!   *candidate* with a registration id of its own;
//! * upon `submit_votes` (anybody): signed director votes are checked and counted over the directors
//!   of today; at `ceil(2n/3)` approvals the validator is *authorized*, at as many revocations
//!   *revoked*;
//! * upon `bond_more` and `unbond`: the stake grows, or shrinks to `MinStake` at least; what was unbonded
//!   stays slashable for `UnbondingPeriod` and is taken out by `withdraw_unbonded`;
//! * upon `request_exit`: it is *exiting*; its stake stays slashable for `UnbondingPeriod`;
//! * upon `withdraw` after that, and never while a slash is pending: the stake is its own again and
//!   the keys are free;
//! * upon the plan of a session ([`pallet_session::SessionManager`]): the authorized validators with most
//!   stake, up to `MaxActiveValidators`, are the next set; who has fallen below `MinStake` is revoked;
//! * upon a proven double sign ([`Offenders`](director_primitives::traits::Offenders)): it is
//!   *tombstoned* and its stake locked, until governance pardons it or the slash is applied.
//!
//! # Bounds
//!
//! At most `MaxValidators` records, each with at most [`MAX_RETIRED_KEYS`] replaced keys in each role,
//! [`MAX_UNBONDING`] parts of stake on their way out, and one vote per director. Everything of a validator
//! goes when it withdraws; a director leaves nothing behind when governance removes it.
//!
//! # Attacks and what stops them
//!
//! * escape by exit or by unbonding: stake stays for `UnbondingPeriod`, and is locked while a slash is pending;
//! * escape by rotation: the replaced key stays punishable and nobody else can take it for
//!   `UnbondingPeriod`;
//! * a key that verifies anything, or somebody else's: refused at registration;
//! * old votes for a new registration: votes bind to the registration id, which is never used twice;
//! * replayed votes: nonces stay known as long as the registration lives;
//! * votes of removed directors: void from the removal on, also if the account is invited again: nonces
//!   tell at which block a vote was signed ([`first_nonce`]), and a term begins with its activation;
//! * one bad vote among good ones: it is passed over;
//! * mass revocation that halts the chain: a session loses at most `MaxSetLoss` of the set;
//! * slots taken for ever: anybody may end what is over (`clean_up`).
//!
//! # Which offences a registration answers for
//!
//! Those at the checkpoint that was current when it registered, and later ones. What a key signed in
//! an earlier life was punishable while that life's stake was there, and is not any more.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod info;
mod keys;
mod session;
mod stake;
mod types;
mod votes;
pub mod weights;

#[cfg(any(feature = "try-runtime", feature = "std"))]
mod try_state;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use types::{
    MAX_RETIRED_KEYS, MAX_UNBONDING, Punishment, RetiredKeys, RevocationCause, Unbonding, Validator,
};
pub use weights::WeightInfo;

use alloc::{collections::BTreeSet, vec::Vec};
use director_primitives::{
    CheckpointNumber, Decision, H256, KeyError, KeyRole, Possession, PublicKey, RegistrationId,
    Signature, SignedDirectorVote,
    authorization::first_nonce,
    keys::{check_possession, is_small_order},
    runtime_api::{RetiredKey, StoredVote, ValidatorInfo, ValidatorStatus, VoteProgress},
    traits::{Directors, OnDirectorSetChange, PeerKeyInUse},
};
use frame_support::{
    pallet_prelude::*,
    traits::{
        ValidatorRegistration,
        fungible::{self, BalancedHold, Credit, Inspect, InspectHold, MutateHold},
    },
};
use frame_system::pallet_prelude::*;
use sp_runtime::{
    Perbill, SaturatedConversion, Saturating,
    traits::{CheckedSub, Zero},
};

/// Amounts of the runtime's currency.
pub type BalanceOf<T> =
    <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;

/// Money that was taken and has to go somewhere.
pub type CreditOf<T> = Credit<<T as frame_system::Config>::AccountId, <T as Config>::Currency>;

/// A validator as it is stored.
pub type ValidatorOf<T> = Validator<BalanceOf<T>>;

#[frame_support::pallet]
pub mod pallet {
    use super::*;

    /// Version of the storage layout.
    pub(crate) const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// The pallet.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// Why money is on hold.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// A validator's stake.
        Stake,
    }

    /// What a runtime decides. Periods are in blocks.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>, Hash = H256> {
        /// All hold reasons of the runtime.
        type RuntimeHoldReason: From<HoldReason>;

        /// The currency of the stakes.
        type Currency: InspectHold<Self::AccountId, Reason = Self::RuntimeHoldReason>
            + MutateHold<Self::AccountId>
            + BalancedHold<Self::AccountId>
            + fungible::Balanced<Self::AccountId>;

        /// The directors of today. Wire it to the director registry.
        type Directors: Directors<Self::AccountId>;

        /// Least stake of an authorized validator, at least the existential deposit.
        #[pallet::constant]
        type MinStake: Get<BalanceOf<Self>>;

        /// How long stake stays slashable after an exit, and a replaced key punishable.
        #[pallet::constant]
        type UnbondingPeriod: Get<BlockNumberFor<Self>>;

        /// Blocks between two checkpoints.
        #[pallet::constant]
        type CheckpointInterval: Get<BlockNumberFor<Self>>;

        /// Most registered validators, those that leave included.
        #[pallet::constant]
        type MaxValidators: Get<u32>;

        /// Most directors, as in the director registry; most votes in one call.
        #[pallet::constant]
        type MaxDirectors: Get<u32>;

        /// Most validators of a session.
        #[pallet::constant]
        type MaxActiveValidators: Get<u32>;

        /// Largest part of the set that may be lost from one session to the next, at least one
        /// validator: more at once could halt the chain. Everybody is punished all the same.
        #[pallet::constant]
        type MaxSetLoss: Get<Perbill>;

        /// Who has session keys, without which `pallet-session` leaves a validator out: wire it to
        /// that pallet. So nobody without keys takes up a place, or hides that the set shrinks.
        type SessionKeys: ValidatorRegistration<Self::AccountId>;

        /// Weights of the calls and of planning a session.
        type WeightInfo: WeightInfo;
    }

    /// Everybody who has stake here.
    #[pallet::storage]
    pub type Validators<T: Config> =
        CountedStorageMap<_, Blake2_128Concat, T::AccountId, ValidatorOf<T>>;

    /// Whose a checkpoint key is, replaced ones included.
    #[pallet::storage]
    pub type CheckpointKeys<T: Config> = StorageMap<_, Blake2_128Concat, PublicKey, T::AccountId>;

    /// Whose a peer key is.
    #[pallet::storage]
    pub type PeerKeys<T: Config> = StorageMap<_, Blake2_128Concat, PublicKey, T::AccountId>;

    /// Each director's latest word about a validator's current registration.
    #[pallet::storage]
    pub type Votes<T: Config> = StorageMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        BoundedVec<StoredVote<T::AccountId>, T::MaxDirectors>,
        ValueQuery,
    >;

    /// The first nonce that counts of each active director's votes: that of the block in which it
    /// activated itself. Votes with an older one were signed in an earlier term.
    #[pallet::storage]
    pub type FirstNonces<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, u64, ValueQuery>;

    /// The validators of the session that was planned last, those with most stake first.
    #[pallet::storage]
    pub type Planned<T: Config> =
        StorageValue<_, BoundedVec<T::AccountId, T::MaxActiveValidators>, ValueQuery>;

    /// The id of the next registration.
    #[pallet::storage]
    pub type NextRegistrationId<T: Config> = StorageValue<_, RegistrationId, ValueQuery>;

    /// How many validators are authorized.
    #[pallet::storage]
    pub type AuthorizedCount<T: Config> = StorageValue<_, u32, ValueQuery>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A validator registered; its stake is on hold.
        ValidatorRegistered {
            /// Its account.
            validator: T::AccountId,
            /// Identity of the registration.
            registration_id: RegistrationId,
            /// What is on hold.
            stake: BalanceOf<T>,
            /// Signs its votes.
            checkpoint_key: PublicKey,
            /// Its libp2p identity.
            peer_key: PublicKey,
        },
        /// A director's vote was checked and stored.
        VoteTaken {
            /// The validator that it is about.
            validator: T::AccountId,
            /// The director.
            director: T::AccountId,
            /// What it decided.
            decision: Decision,
            /// The vote's nonce.
            nonce: u64,
        },
        /// Enough directors approved a validator.
        ValidatorAuthorized {
            /// Its account.
            validator: T::AccountId,
            /// Its registration.
            registration_id: RegistrationId,
            /// Approvals that count.
            approvals: u32,
            /// Active directors.
            directors: u32,
        },
        /// A validator may not speak any more, or not at all.
        ValidatorRevoked {
            /// Its account.
            validator: T::AccountId,
            /// Its registration.
            registration_id: RegistrationId,
            /// Why.
            cause: RevocationCause<BalanceOf<T>>,
        },
        /// A validator replaced its checkpoint key.
        CheckpointKeyRotated {
            /// Its account.
            validator: T::AccountId,
            /// The key that it had.
            old: PublicKey,
            /// The key that it has.
            new: PublicKey,
            /// Last block at which the old one is punishable.
            punishable_until: u64,
        },
        /// A validator replaced its peer key.
        PeerKeyRotated {
            /// Its account.
            validator: T::AccountId,
            /// The key that it had.
            old: PublicKey,
            /// The key that it has.
            new: PublicKey,
            /// Last block at which nobody can take the old one.
            locked_until: u64,
        },
        /// A validator bonded more.
        StakeBonded {
            /// Its account.
            validator: T::AccountId,
            /// How much more.
            amount: BalanceOf<T>,
            /// What is bonded since.
            stake: BalanceOf<T>,
        },
        /// A validator unbonds a part of its stake.
        StakeUnbonded {
            /// Its account.
            validator: T::AccountId,
            /// How much.
            amount: BalanceOf<T>,
            /// What is bonded since.
            stake: BalanceOf<T>,
            /// First block at which the part can be taken out.
            withdrawable_at: u64,
        },
        /// A validator took out what it had unbonded.
        UnbondedWithdrawn {
            /// Its account.
            validator: T::AccountId,
            /// How much.
            amount: BalanceOf<T>,
            /// What should have been on hold and was not.
            missing: BalanceOf<T>,
        },
        /// A session was planned.
        SessionPlanned {
            /// Its index.
            session: u32,
            /// Validators in its set.
            validators: u32,
        },
        /// More of the set would have been lost at once than `MaxSetLoss` allows: some who may not speak
        /// any more stay in it for a session.
        SetLossLimited {
            /// Index of the session.
            session: u32,
            /// Authorized validators in its set.
            authorized: u32,
            /// Others that stay in it.
            retained: u32,
        },
        /// A validator leaves.
        ExitRequested {
            /// Its account.
            validator: T::AccountId,
            /// Its registration.
            registration_id: RegistrationId,
            /// First block at which it can withdraw.
            withdrawable_at: u64,
        },
        /// A validator is gone, what was left of its stake is its own.
        StakeWithdrawn {
            /// Its account.
            validator: T::AccountId,
            /// Its registration, which is over.
            registration_id: RegistrationId,
            /// What was given back.
            amount: BalanceOf<T>,
            /// What should have been on hold and was not.
            missing: BalanceOf<T>,
        },
        /// A validator signed twice: it is revoked for good and its stake locked.
        ValidatorTombstoned {
            /// Its account.
            validator: T::AccountId,
            /// Its registration.
            registration_id: RegistrationId,
            /// What the slash will be a fraction of.
            stake: BalanceOf<T>,
            /// Authorized validators until then, this one included.
            authorized: u32,
        },
        /// A punishment was undone.
        ValidatorPardoned {
            /// Its account.
            validator: T::AccountId,
            /// Its registration.
            registration_id: RegistrationId,
            /// Its status again.
            status: ValidatorStatus,
            /// Offences at earlier checkpoints are excused.
            slashable_from: CheckpointNumber,
        },
        /// Somebody else slashes for a punishment: the stake here is unlocked.
        PunishmentHandedOver {
            /// Its account.
            validator: T::AccountId,
            /// Its registration.
            registration_id: RegistrationId,
        },
        /// Stake was taken.
        StakeSlashed {
            /// Its account.
            validator: T::AccountId,
            /// Its registration.
            registration_id: RegistrationId,
            /// What was taken.
            amount: BalanceOf<T>,
            /// What should have been taken and was not there.
            shortfall: BalanceOf<T>,
            /// What is left on hold, bonded and unbonding.
            remaining: BalanceOf<T>,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The account has a registration already; a tombstoned one counts until it is withdrawn.
        AlreadyRegistered,
        /// There are `MaxValidators` validators.
        TooManyValidators,
        /// The stake is below `MinStake`.
        StakeTooLow,
        /// The stake is `MinStake` or more.
        StakeNotLow,
        /// One key cannot be checkpoint key and peer key.
        SameKey,
        /// The key is of small order: it verifies anything.
        SmallOrderKey,
        /// The possession proof is not the key's signature for this account, role and chain.
        InvalidPossession,
        /// A validator or a director has this key, or a validator had it until recently.
        KeyTaken,
        /// Too many replaced keys are locked still; wait until the oldest is not.
        TooManyRetiredKeys,
        /// The account is no registered validator.
        NotRegistered,
        /// The validator leaves or is tombstoned.
        NotEligible,
        /// The validator has not asked to leave.
        NotExiting,
        /// The stake is slashable still; wait for the block that `ExitRequested` named.
        StillBonded,
        /// A slash is pending; no stake leaves before it is applied or cancelled.
        SlashPending,
        /// There are no votes in the call.
        NoVotes,
        /// The vote is about another registration than the current one.
        OtherRegistration,
        /// The vote's last block is over.
        VoteExpired,
        /// Who voted is no active director.
        NotDirector,
        /// The vote was signed before its director's present term began.
        VoidVote,
        /// The nonce is that of a block that was not finalized when the vote came, this one or a later one.
        NonceTooHigh,
        /// All these votes, or newer ones of the same directors, are known already.
        OldNonce,
        /// The signature is not the director's registered peer key's.
        InvalidSignature,
        /// There are more directors than `MaxDirectors` here allows.
        TooManyVotes,
        /// The amount is zero.
        ZeroAmount,
        /// Too many parts are unbonding already; take out those that are through first.
        TooManyUnbonding,
        /// Nothing that was unbonded can be taken out yet.
        NothingToWithdraw,
        /// The validator is punished already.
        AlreadyPunished,
        /// The validator has no pending slash.
        NotPunished,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(
                T::MinStake::get() >= T::Currency::minimum_balance()
                    && T::MinStake::get() > BalanceOf::<T>::default(),
                "MinStake must be above 0 and at least the existential deposit"
            );
            assert!(
                T::UnbondingPeriod::get() > BlockNumberFor::<T>::default(),
                "UnbondingPeriod must be above 0: else stake leaves before evidence lands"
            );
            assert!(
                T::CheckpointInterval::get() > BlockNumberFor::<T>::default(),
                "CheckpointInterval must be above 0"
            );
            assert!(
                T::MaxValidators::get() > 0
                    && T::MaxDirectors::get() > 0
                    && T::MaxActiveValidators::get() > 0,
                "MaxValidators, MaxDirectors and MaxActiveValidators must be above 0"
            );
            assert!(
                T::MaxActiveValidators::get() <= T::MaxValidators::get(),
                "MaxActiveValidators must not be above MaxValidators"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Registers the caller with `stake` on hold. The possession proofs are the keys' signatures
        /// of [`Possession`] for this account in the roles [`KeyRole::Checkpoint`] and
        /// [`KeyRole::ValidatorPeer`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::register())]
        pub fn register(
            origin: OriginFor<T>,
            #[pallet::compact] stake: BalanceOf<T>,
            checkpoint_key: PublicKey,
            checkpoint_possession: Signature,
            peer_key: PublicKey,
            peer_possession: Signature,
        ) -> DispatchResult {
            let account = ensure_signed(origin)?;
            ensure!(!Validators::<T>::contains_key(&account), Error::<T>::AlreadyRegistered);
            ensure!(
                Validators::<T>::count() < T::MaxValidators::get(),
                Error::<T>::TooManyValidators
            );
            ensure!(stake >= T::MinStake::get(), Error::<T>::StakeTooLow);
            ensure!(checkpoint_key != peer_key, Error::<T>::SameKey);
            Self::claim_key(&account, KeyRole::Checkpoint, checkpoint_key, &checkpoint_possession)?;
            Self::claim_key(&account, KeyRole::ValidatorPeer, peer_key, &peer_possession)?;
            T::Currency::hold(&HoldReason::Stake.into(), &account, stake)?;

            let registration_id = NextRegistrationId::<T>::mutate(|next| {
                let id = *next;
                next.saturating_inc();
                id
            });
            CheckpointKeys::<T>::insert(checkpoint_key, &account);
            PeerKeys::<T>::insert(peer_key, &account);
            let validator = Validator {
                registration_id,
                status: ValidatorStatus::Candidate,
                stake,
                unbonding: BoundedVec::new(),
                checkpoint_key,
                peer_key,
                retired_keys: RetiredKeys::new(),
                retired_peer_keys: RetiredKeys::new(),
                was_authorized: false,
                slashable_from: Self::current_checkpoint(),
                bonded_until: None,
                punishment: None,
            };
            Validators::<T>::insert(&account, validator);
            Self::deposit_event(Event::ValidatorRegistered {
                validator: account,
                registration_id,
                stake,
                checkpoint_key,
                peer_key,
            });
            Ok(())
        }

        /// Brings director votes, from anybody. A vote that says nothing (any more) is passed over, so that
        /// it cannot spoil the others: known, expired, wrongly signed, of nobody who is a director today,
        /// about nobody who is registered and stays. Fails if none is left, with the first one's reason.
        ///
        /// Free if it decided something. So are known votes, if they have come to decide something: because
        /// there are fewer directors now, or enough stake.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::submit_votes(votes.len() as u32))]
        pub fn submit_votes(
            origin: OriginFor<T>,
            votes: BoundedVec<SignedDirectorVote<T::AccountId>, T::MaxDirectors>,
        ) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            let (mut about, mut taken, mut passed_over) = (BTreeSet::new(), false, None);
            for signed in votes {
                let validator = signed.vote.validator.clone();
                match Self::take_vote(signed) {
                    Ok(()) => taken = true,
                    Err(why) => {
                        let is_known = matches!(why, Error::OldNonce);
                        passed_over.get_or_insert(why);
                        if !is_known {
                            continue;
                        }
                    }
                }
                about.insert(validator);
            }
            let mut decided = false;
            for validator in &about {
                decided |= Self::decide(validator);
            }
            ensure!(taken || decided, passed_over.unwrap_or(Error::<T>::NoVotes));
            Ok(pays(!decided).into())
        }

        /// Leaves. The stake stays slashable for `UnbondingPeriod`, then [`Pallet::withdraw`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::request_exit())]
        pub fn request_exit(origin: OriginFor<T>) -> DispatchResult {
            let account = ensure_signed(origin)?;
            Validators::<T>::try_mutate(&account, |validator| {
                let validator = validator.as_mut().ok_or(Error::<T>::NotRegistered)?;
                ensure!(is_staying(validator.status), Error::<T>::NotEligible);
                let until = Self::bond_end();
                validator.bonded_until = Some(until);
                Self::set_status(validator, ValidatorStatus::Exiting);
                Self::deposit_event(Event::ExitRequested {
                    validator: account.clone(),
                    registration_id: validator.registration_id,
                    withdrawable_at: until.saturating_add(1),
                });
                Ok(())
            })
        }

        /// Takes the caller's stake out, or what a slash left of it, and ends the registration.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
            Self::do_withdraw(&ensure_signed(origin)?)
        }

        /// Does for a validator what it could do by [`Pallet::withdraw`], so that nobody takes up
        /// room for ever. The stake goes to the validator. Anybody may call it.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::clean_up())]
        pub fn clean_up(origin: OriginFor<T>, validator: T::AccountId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_withdraw(&validator)
        }

        /// Replaces the caller's checkpoint key. The old one stays punishable, and nobody else can
        /// take it, for `UnbondingPeriod`.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::rotate_checkpoint_key())]
        pub fn rotate_checkpoint_key(
            origin: OriginFor<T>,
            new: PublicKey,
            possession: Signature,
        ) -> DispatchResult {
            let account = ensure_signed(origin)?;
            let (old, until) = Self::rotate(&account, KeyRole::Checkpoint, new, &possession)?;
            Self::deposit_event(Event::CheckpointKeyRotated {
                validator: account,
                old,
                new,
                punishable_until: until,
            });
            Ok(())
        }

        /// Revokes an authorized validator whose stake is below `MinStake`, for example after a
        /// runtime upgrade raised it. Anybody may call it; free if it was true.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::revoke_low_stake())]
        pub fn revoke_low_stake(
            origin: OriginFor<T>,
            validator: T::AccountId,
        ) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            Validators::<T>::try_mutate(&validator, |stored| {
                let stored = stored.as_mut().ok_or(Error::<T>::NotRegistered)?;
                ensure!(Self::revoke_if_low(&validator, stored), Error::<T>::StakeNotLow);
                Ok(pays(false).into())
            })
        }

        /// Puts `amount` more of the caller's free balance on hold. If the directors' approvals still count
        /// and only the stake was too low, the validator is authorized again.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::bond_more())]
        pub fn bond_more(
            origin: OriginFor<T>,
            #[pallet::compact] amount: BalanceOf<T>,
        ) -> DispatchResult {
            let account = ensure_signed(origin)?;
            ensure!(!amount.is_zero(), Error::<T>::ZeroAmount);
            let mut validator = Self::staying(&account)?;
            T::Currency::hold(&HoldReason::Stake.into(), &account, amount)?;
            validator.stake = validator.stake.saturating_add(amount);
            let stake = validator.stake;
            Validators::<T>::insert(&account, validator);
            Self::deposit_event(Event::StakeBonded { validator: account.clone(), amount, stake });
            Self::decide(&account);
            Ok(())
        }

        /// Unbonds `amount` of the caller's stake, of which at least `MinStake` must be left. It stays on
        /// hold and slashable for `UnbondingPeriod`, then [`Pallet::withdraw_unbonded`].
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::unbond())]
        pub fn unbond(
            origin: OriginFor<T>,
            #[pallet::compact] amount: BalanceOf<T>,
        ) -> DispatchResult {
            let account = ensure_signed(origin)?;
            ensure!(!amount.is_zero(), Error::<T>::ZeroAmount);
            let mut validator = Self::staying(&account)?;
            let left = validator.stake.checked_sub(&amount).unwrap_or_default();
            ensure!(left >= T::MinStake::get(), Error::<T>::StakeTooLow);
            let until = Self::bond_end();
            match validator.unbonding.last_mut() {
                // What was unbonded in one block is one part.
                Some(last) if last.until == until => last.amount.saturating_accrue(amount),
                _ => validator
                    .unbonding
                    .try_push(Unbonding { amount, until })
                    .map_err(|_| Error::<T>::TooManyUnbonding)?,
            }
            validator.stake = left;
            Validators::<T>::insert(&account, validator);
            Self::deposit_event(Event::StakeUnbonded {
                validator: account,
                amount,
                stake: left,
                withdrawable_at: until.saturating_add(1),
            });
            Ok(())
        }

        /// Takes out what the caller has unbonded and is through with its `UnbondingPeriod`. The
        /// registration goes on.
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::withdraw_unbonded())]
        pub fn withdraw_unbonded(origin: OriginFor<T>) -> DispatchResult {
            Self::do_withdraw_unbonded(&ensure_signed(origin)?)
        }

        /// Replaces the caller's peer key, its libp2p identity. Nobody else can take the old one for
        /// `UnbondingPeriod`.
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::rotate_peer_key())]
        pub fn rotate_peer_key(
            origin: OriginFor<T>,
            new: PublicKey,
            possession: Signature,
        ) -> DispatchResult {
            let account = ensure_signed(origin)?;
            let (old, until) = Self::rotate(&account, KeyRole::ValidatorPeer, new, &possession)?;
            Self::deposit_event(Event::PeerKeyRotated {
                validator: account,
                old,
                new,
                locked_until: until,
            });
            Ok(())
        }
    }

    /// What wallets and scripts ask.
    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// One validator.
        pub fn validator(account: T::AccountId) -> Option<ValidatorInfo<T::AccountId>> {
            Self::validator_info(&account)
        }

        /// Validators in ascending order of accounts, those after `after`, at most `limit` and 1000.
        pub fn validators(
            after: Option<T::AccountId>,
            limit: u32,
        ) -> Vec<ValidatorInfo<T::AccountId>> {
            Self::validators_page(after.as_ref(), limit)
        }

        /// How far the directors are with a validator.
        pub fn votes(validator: T::AccountId) -> Option<VoteProgress<T::AccountId>> {
            Self::vote_progress(&validator)
        }

        /// The validators of the session that was planned last, those with most stake first.
        pub fn planned_session() -> Vec<T::AccountId> {
            Planned::<T>::get().into_inner()
        }

        /// What an account can take out now: by `withdraw`, or else by `withdraw_unbonded`.
        pub fn withdrawable(account: T::AccountId) -> BalanceOf<T> {
            Validators::<T>::get(&account)
                .map_or_else(Zero::zero, |validator| Self::free_to_go(&validator))
        }
    }
}

impl<T: Config> Pallet<T> {
    /// Hash of block 0, which `frame_system` keeps for ever: the chain, in everything signed.
    pub fn genesis_hash() -> H256 {
        frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::default())
    }

    /// The last checkpoint at or before the current block.
    pub fn current_checkpoint() -> CheckpointNumber {
        let interval: u64 = T::CheckpointInterval::get().saturated_into();
        Self::now().checked_div(interval).unwrap_or_default()
    }

    /// The record of a validator that neither leaves nor is thrown out.
    pub(crate) fn staying(account: &T::AccountId) -> Result<ValidatorOf<T>, Error<T>> {
        let validator = Validators::<T>::get(account).ok_or(Error::<T>::NotRegistered)?;
        ensure!(is_staying(validator.status), Error::<T>::NotEligible);
        Ok(validator)
    }

    pub(crate) fn now() -> u64 {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }
}

/// Whether a validator with this status neither leaves nor is thrown out.
fn is_staying(status: ValidatorStatus) -> bool {
    match status {
        ValidatorStatus::Candidate | ValidatorStatus::Authorized | ValidatorStatus::Revoked => true,
        ValidatorStatus::Exiting | ValidatorStatus::Tombstoned => false,
    }
}

/// Whether a slash is pending, so that no stake leaves.
fn is_locked<Balance>(validator: &Validator<Balance>) -> bool {
    validator.punishment.as_ref().is_some_and(|punishment| punishment.slash_pending)
}

use stake::total_unbonding;

fn pays(fee: bool) -> Pays {
    if fee { Pays::Yes } else { Pays::No }
}
