//! Keeps the directors: governance invites and removes them, a director activates itself.
//!
//! * upon `add_director` (governance): the account is *invited*; it decides nothing yet;
//! * upon `activate` (the invited account): peer key with proof of possession, endpoints, region and
//!   capacity are recorded; from now on it is *active*, its votes count and it counts in `n`;
//! * upon `update_record`, `rotate_peer_key` or `refresh` (an active director): the record is renewed;
//!   one that is not renewed for `StaleAfter` blocks shows as stale;
//! * upon `remove_director` (governance): it is gone, its peer key is free, and
//!   [`Config::OnDirectorSetChange`] makes its votes worthless;
//! * upon `swap_director` (governance): a successor is invited; when it activates itself, the one that
//!   it replaces is gone in the same moment, so that the set is never smaller.
//!
//! # Bounds
//!
//! Active and invited directors together are at most `MaxDirectors`, invited successors left out;
//! removing an active one never leaves fewer than `MinDirectors` active ones.
//!
//! # Attacks and what stops them
//!
//! * squatting of somebody's key: possession proof, bound to account, role and chain;
//! * a key that verifies anything: the 14 encodings of small order are refused by name;
//! * one key for two peers: unique among directors, and not in use by a validator
//!   ([`Config::PeerKeyInUse`]);
//! * voting with an invitation: only active directors are in [`Directors::active`];
//! * voting with what was signed in an earlier term: the others are told of every activation
//!   ([`OnDirectorSetChange::on_director_activated`]).
//!
//! # Deliberately absent
//!
//! Any consequence of staleness: governance looks at it and decides. Any right to slash: a director can
//! only prove. Keys at genesis: the possession proof covers the
//! genesis hash, which does not exist before the genesis does; genesis only invites.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod types;
pub mod weights;

#[cfg(any(feature = "try-runtime", feature = "std"))]
mod try_state;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use types::{Invitation, Record};
pub use weights::WeightInfo;

use alloc::vec::Vec;
use director_primitives::{
    H256, KeyError, KeyRole, Possession, PublicKey, Signature,
    keys::check_possession,
    runtime_api::{DirectorInfo, DirectorSet, Endpoints, Region},
    traits::{Directors, OnDirectorSetChange, PeerKeyInUse},
};
use frame_support::pallet_prelude::*;
use frame_system::pallet_prelude::*;
use sp_runtime::SaturatedConversion;

#[frame_support::pallet]
pub mod pallet {
    use super::*;

    /// Version of the storage layout.
    pub(crate) const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// The pallet.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What a runtime decides.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>, Hash = H256> {
        /// Who invites and removes directors: two thirds of a council, for example.
        type GovernanceOrigin: EnsureOrigin<Self::RuntimeOrigin>;

        /// Told after a director activated itself or was removed, so that votes of an earlier term, or
        /// of nobody, do not count. Wire it to the validator registry.
        type OnDirectorSetChange: OnDirectorSetChange<Self::AccountId>;

        /// Keys that validators hold. Wire it to the validator registry.
        type PeerKeyInUse: PeerKeyInUse;

        /// Least active directors that a removal may leave.
        #[pallet::constant]
        type MinDirectors: Get<u32>;

        /// Most directors, active and invited together.
        #[pallet::constant]
        type MaxDirectors: Get<u32>;

        /// A director that has not renewed its record for more blocks than this shows as stale.
        #[pallet::constant]
        type StaleAfter: Get<BlockNumberFor<Self>>;

        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Accounts of the active directors, in ascending order.
    #[pallet::storage]
    pub type Active<T: Config> =
        StorageValue<_, BoundedVec<T::AccountId, T::MaxDirectors>, ValueQuery>;

    /// Who was invited and has not activated itself, in ascending order of accounts. Never more than
    /// `MaxDirectors`: each successor replaces another active director.
    #[pallet::storage]
    pub type Invited<T: Config> =
        StorageValue<_, BoundedVec<Invitation<T::AccountId>, T::MaxDirectors>, ValueQuery>;

    /// What each active director says of itself.
    #[pallet::storage]
    pub type Records<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Record>;

    /// Whose a peer key is.
    #[pallet::storage]
    pub type PeerKeys<T: Config> = StorageMap<_, Blake2_128Concat, PublicKey, T::AccountId>;

    /// Grows with every change of the set or of a record.
    #[pallet::storage]
    pub type SetVersion<T: Config> = StorageValue<_, u64, ValueQuery>;

    /// Who is invited from the start.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Accounts of the first directors; they activate themselves in the first blocks.
        pub invited: Vec<T::AccountId>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            let mut invited = self.invited.clone();
            invited.sort();
            invited.dedup();
            let invited: Vec<_> = invited.into_iter().map(Invitation::plain).collect();
            let invited = BoundedVec::try_from(invited)
                .expect("genesis invites more than MaxDirectors directors: invite fewer");
            Invited::<T>::put(invited);
        }
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// Governance invited an account to be a director.
        DirectorAdded {
            /// The account.
            director: T::AccountId,
            /// Version of the set since.
            version: u64,
        },
        /// Governance invited an account to take another's place.
        SuccessorInvited {
            /// Who will be replaced: an active director, until the successor activates itself.
            director: T::AccountId,
            /// Who was invited.
            successor: T::AccountId,
            /// Version of the set since.
            version: u64,
        },
        /// An invited director activated itself.
        DirectorActivated {
            /// The account.
            director: T::AccountId,
            /// Its peer key.
            peer_key: PublicKey,
            /// Active directors since.
            active: u32,
            /// Version of the set since.
            version: u64,
        },
        /// A director changed its record.
        DirectorUpdated {
            /// The account.
            director: T::AccountId,
            /// Version of the set since.
            version: u64,
        },
        /// A director replaced its peer key.
        PeerKeyRotated {
            /// The account.
            director: T::AccountId,
            /// The key that it had.
            old: PublicKey,
            /// The key that it has.
            new: PublicKey,
            /// Version of the set since.
            version: u64,
        },
        /// A director said that its record still holds.
        DirectorRefreshed {
            /// The account.
            director: T::AccountId,
        },
        /// A director is none any more, or an invitation was taken back: by governance, or because its
        /// successor activated itself.
        DirectorRemoved {
            /// The account.
            director: T::AccountId,
            /// Whether it was active.
            was_active: bool,
            /// Active directors since.
            active: u32,
            /// Version of the set since.
            version: u64,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The account is a director or invited already.
        AlreadyDirector,
        /// There are `MaxDirectors` directors, active and invited together.
        TooManyDirectors,
        /// A removal would leave fewer than `MinDirectors` active directors.
        TooFewDirectors,
        /// The account is neither a director nor invited.
        NotDirector,
        /// Somebody is invited to take this director's place already; remove that invitation first.
        AlreadyBeingReplaced,
        /// The account was not invited, or has activated itself already.
        NotInvited,
        /// The director has not activated itself.
        NotActive,
        /// The key is of small order: it verifies anything.
        SmallOrderKey,
        /// The possession proof is not the key's signature for this account, role and chain.
        InvalidPossession,
        /// Another director or a validator has this key.
        PeerKeyTaken,
        /// A director needs at least one endpoint.
        NoEndpoints,
        /// An endpoint's address or the region is no text, or an address does not start with `/`.
        InvalidText,
        /// A director must have room for at least one validator.
        NoCapacity,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(
                T::MinDirectors::get() >= 1,
                "MinDirectors must be at least 1: without directors nobody is authorized"
            );
            assert!(
                T::MinDirectors::get() <= T::MaxDirectors::get(),
                "MinDirectors must not be above MaxDirectors"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Invites an account to be a director. It becomes one by [`Pallet::activate`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::add_director())]
        pub fn add_director(origin: OriginFor<T>, director: T::AccountId) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::invite(Invitation::plain(director.clone()))?;
            let version = Self::bump_version();
            Self::deposit_event(Event::DirectorAdded { director, version });
            Ok(())
        }

        /// Removes a director, or takes an invitation back. Its votes stop counting at once.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::remove_director())]
        pub fn remove_director(origin: OriginFor<T>, director: T::AccountId) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            let active = Active::<T>::decode_len().unwrap_or(0) as u32;
            if Records::<T>::contains_key(&director) {
                ensure!(active > T::MinDirectors::get(), Error::<T>::TooFewDirectors);
                return Self::retire(director);
            }
            Invited::<T>::try_mutate(|invited| {
                let at = Self::position(invited, &director).map_err(|_| Error::<T>::NotDirector)?;
                invited.remove(at);
                Ok::<_, Error<T>>(())
            })?;
            let version = Self::bump_version();
            let was_active = false;
            Self::deposit_event(Event::DirectorRemoved { director, was_active, active, version });
            Ok(())
        }

        /// Activates the caller, who was invited. `possession` is the peer key's signature of
        /// [`Possession`] for this account in the role [`KeyRole::DirectorPeer`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::activate())]
        pub fn activate(
            origin: OriginFor<T>,
            peer_key: PublicKey,
            possession: Signature,
            endpoints: Endpoints,
            region: Region,
            capacity: u32,
        ) -> DispatchResult {
            let director = ensure_signed(origin)?;
            let mut invited = Invited::<T>::get();
            let at = Self::position(&invited, &director).map_err(|_| Error::<T>::NotInvited)?;
            Self::ensure_sensible(&endpoints, &region, capacity)?;
            ensure!(
                !PeerKeys::<T>::contains_key(peer_key) && !T::PeerKeyInUse::is_in_use(&peer_key),
                Error::<T>::PeerKeyTaken
            );
            Self::ensure_possession(&director, peer_key, &possession)?;

            let invitation = invited.remove(at);
            Invited::<T>::put(invited);
            if let Some(former) = invitation.replaces {
                Self::retire(former)?;
            }
            let active = Active::<T>::try_mutate(|active| {
                // Never found: nobody is both invited and active.
                let at = active.binary_search(&director).unwrap_or_else(|at| at);
                active
                    .try_insert(at, director.clone())
                    .map_err(|_| Error::<T>::TooManyDirectors)?;
                Ok::<_, Error<T>>(active.len() as u32)
            })?;
            PeerKeys::<T>::insert(peer_key, &director);
            let now = Self::now();
            let (active_since, refreshed_at) = (now, now);
            let record =
                Record { peer_key, endpoints, region, capacity, active_since, refreshed_at };
            Records::<T>::insert(&director, record);
            T::OnDirectorSetChange::on_director_activated(&director);
            let version = Self::bump_version();
            Self::deposit_event(Event::DirectorActivated { director, peer_key, active, version });
            Ok(())
        }

        /// Changes the caller's endpoints, region and capacity. Refreshes the record, too.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::update_record())]
        pub fn update_record(
            origin: OriginFor<T>,
            endpoints: Endpoints,
            region: Region,
            capacity: u32,
        ) -> DispatchResult {
            let director = ensure_signed(origin)?;
            Self::ensure_sensible(&endpoints, &region, capacity)?;
            Records::<T>::try_mutate(&director, |record| {
                let record = record.as_mut().ok_or(Error::<T>::NotActive)?;
                record.endpoints = endpoints;
                record.region = region;
                record.capacity = capacity;
                record.refreshed_at = Self::now();
                Ok::<_, Error<T>>(())
            })?;
            let version = Self::bump_version();
            Self::deposit_event(Event::DirectorUpdated { director, version });
            Ok(())
        }

        /// Says that the caller is alive and its record still holds.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::refresh())]
        pub fn refresh(origin: OriginFor<T>) -> DispatchResult {
            let director = ensure_signed(origin)?;
            Records::<T>::try_mutate(&director, |record| {
                record.as_mut().ok_or(Error::<T>::NotActive)?.refreshed_at = Self::now();
                Ok::<_, Error<T>>(())
            })?;
            Self::deposit_event(Event::DirectorRefreshed { director });
            Ok(())
        }

        /// Invites `successor` to take the place of `director`. If that is active it stays so until the
        /// successor activates itself and is gone in the same moment; also at `MinDirectors` and
        /// `MaxDirectors`. If it is only invited, the invitation passes on at once.
        ///
        /// To cut a director off at once, remove it; at `MinDirectors` add another one first.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::swap_director())]
        pub fn swap_director(
            origin: OriginFor<T>,
            director: T::AccountId,
            successor: T::AccountId,
        ) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            let mut invited = Invited::<T>::get();
            let replaces = if Records::<T>::contains_key(&director) {
                let is_replaced = |i: &Invitation<_>| i.replaces.as_ref() == Some(&director);
                ensure!(!invited.iter().any(is_replaced), Error::<T>::AlreadyBeingReplaced);
                Some(director.clone())
            } else {
                let at =
                    Self::position(&invited, &director).map_err(|_| Error::<T>::NotDirector)?;
                let taken_back = invited.remove(at);
                Invited::<T>::put(invited);
                taken_back.replaces
            };
            Self::invite(Invitation { account: successor.clone(), replaces })?;
            let version = Self::bump_version();
            Self::deposit_event(Event::SuccessorInvited { director, successor, version });
            Ok(())
        }

        /// Replaces the caller's peer key; the old one is free at once. `possession` is the new key's, as
        /// in [`Pallet::activate`]. Votes signed with the old key and not submitted yet are worthless.
        /// Refreshes the record, too.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::rotate_peer_key())]
        pub fn rotate_peer_key(
            origin: OriginFor<T>,
            new: PublicKey,
            possession: Signature,
        ) -> DispatchResult {
            let director = ensure_signed(origin)?;
            let mut record = Records::<T>::get(&director).ok_or(Error::<T>::NotActive)?;
            ensure!(
                !PeerKeys::<T>::contains_key(new) && !T::PeerKeyInUse::is_in_use(&new),
                Error::<T>::PeerKeyTaken
            );
            Self::ensure_possession(&director, new, &possession)?;
            let old = record.peer_key;
            record.peer_key = new;
            record.refreshed_at = Self::now();
            Records::<T>::insert(&director, record);
            PeerKeys::<T>::remove(old);
            PeerKeys::<T>::insert(new, &director);
            let version = Self::bump_version();
            Self::deposit_event(Event::PeerKeyRotated { director, old, new, version });
            Ok(())
        }
    }

    /// What wallets and scripts ask.
    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The set of directors with all that is known of them.
        pub fn directors() -> DirectorSet<T::AccountId> {
            Self::director_set()
        }

        /// One active director.
        pub fn director(account: T::AccountId) -> Option<DirectorInfo<T::AccountId>> {
            Self::director_info(account)
        }

        /// Those who were invited, and whom they will replace.
        pub fn invitations() -> Vec<Invitation<T::AccountId>> {
            Invited::<T>::get().into_inner()
        }

        /// Active directors that have not renewed their record for more than `StaleAfter` blocks.
        pub fn stale_directors() -> Vec<T::AccountId> {
            let (now, stale_after) = (Self::now(), T::StaleAfter::get().saturated_into());
            let active = Active::<T>::get().into_iter().filter_map(Self::director_info);
            active.filter(|info| info.is_stale(now, stale_after)).map(|info| info.account).collect()
        }
    }
}

impl<T: Config> Pallet<T> {
    /// The set of directors, for the runtime API.
    pub fn director_set() -> DirectorSet<T::AccountId> {
        DirectorSet {
            version: SetVersion::<T>::get(),
            active: Active::<T>::get().into_iter().filter_map(Self::director_info).collect(),
            invited: Invited::<T>::get().into_iter().map(|invited| invited.account).collect(),
        }
    }

    fn director_info(account: T::AccountId) -> Option<DirectorInfo<T::AccountId>> {
        let record = Records::<T>::get(&account)?;
        Some(DirectorInfo {
            account,
            peer_key: record.peer_key,
            endpoints: record.endpoints,
            region: record.region,
            capacity: record.capacity,
            active_since: record.active_since,
            refreshed_at: record.refreshed_at,
        })
    }

    /// Where an account is among the invited, or would be.
    fn position(
        invited: &[Invitation<T::AccountId>],
        account: &T::AccountId,
    ) -> Result<usize, usize> {
        invited.binary_search_by(|invitation| invitation.account.cmp(account))
    }

    fn invite(invitation: Invitation<T::AccountId>) -> Result<(), Error<T>> {
        ensure!(!Records::<T>::contains_key(&invitation.account), Error::<T>::AlreadyDirector);
        Invited::<T>::try_mutate(|invited| {
            let Err(at) = Self::position(invited, &invitation.account) else {
                return Err(Error::<T>::AlreadyDirector);
            };
            if invitation.replaces.is_none() {
                let more = invited.iter().filter(|invited| invited.replaces.is_none()).count();
                let count = Active::<T>::decode_len().unwrap_or(0).saturating_add(more);
                ensure!((count as u32) < T::MaxDirectors::get(), Error::<T>::TooManyDirectors);
            }
            invited.try_insert(at, invitation).map_err(|_| Error::<T>::TooManyDirectors)
        })
    }

    /// Ends an active director's term.
    fn retire(director: T::AccountId) -> DispatchResult {
        let active = Active::<T>::try_mutate(|active| {
            let at = active.binary_search(&director).map_err(|_| Error::<T>::NotDirector)?;
            active.remove(at);
            Ok::<_, Error<T>>(active.len() as u32)
        })?;
        if let Some(record) = Records::<T>::take(&director) {
            PeerKeys::<T>::remove(record.peer_key);
        }
        // Who was to replace it is invited still, to be one more.
        Invited::<T>::mutate(|invited| {
            let successor = |i: &&mut Invitation<_>| i.replaces.as_ref() == Some(&director);
            if let Some(invitation) = invited.iter_mut().find(successor) {
                invitation.replaces = None;
            }
        });
        T::OnDirectorSetChange::on_director_removed(&director);
        let version = Self::bump_version();
        let was_active = true;
        Self::deposit_event(Event::DirectorRemoved { director, was_active, active, version });
        Ok(())
    }

    fn now() -> u64 {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }

    fn bump_version() -> u64 {
        SetVersion::<T>::mutate(|version| {
            *version = version.saturating_add(1);
            *version
        })
    }

    fn ensure_sensible(
        endpoints: &Endpoints,
        region: &Region,
        capacity: u32,
    ) -> Result<(), Error<T>> {
        ensure!(!endpoints.is_empty(), Error::<T>::NoEndpoints);
        ensure!(capacity > 0, Error::<T>::NoCapacity);
        let is_text = |bytes: &[u8]| core::str::from_utf8(bytes).is_ok();
        let addresses = endpoints
            .iter()
            .all(|endpoint| endpoint.address.starts_with(b"/") && is_text(&endpoint.address));
        ensure!(addresses && is_text(region), Error::<T>::InvalidText);
        Ok(())
    }

    fn ensure_possession(
        account: &T::AccountId,
        key: PublicKey,
        proof: &Signature,
    ) -> Result<(), Error<T>> {
        let possession = Possession { account: account.clone(), role: KeyRole::DirectorPeer, key };
        // frame_system keeps the hash of block 0 for ever.
        let genesis_hash = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::default());
        check_possession(&genesis_hash, &possession, proof).map_err(|error| match error {
            KeyError::SmallOrder => Error::<T>::SmallOrderKey,
            KeyError::InvalidPossession => Error::<T>::InvalidPossession,
        })
    }
}

impl<T: Config> Directors<T::AccountId> for Pallet<T> {
    fn active() -> Vec<T::AccountId> {
        Active::<T>::get().into_inner()
    }

    fn active_count() -> u32 {
        Active::<T>::decode_len().unwrap_or(0) as u32
    }

    fn peer_key(account: &T::AccountId) -> Option<PublicKey> {
        Records::<T>::get(account).map(|record| record.peer_key)
    }

    fn is_peer_key(key: &PublicKey) -> bool {
        PeerKeys::<T>::contains_key(key)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn set_active(directors: Vec<(T::AccountId, PublicKey)>) {
        for director in Active::<T>::take() {
            if let Some(record) = Records::<T>::take(&director) {
                PeerKeys::<T>::remove(record.peer_key);
            }
        }
        let mut active: Vec<_> = directors.iter().map(|(account, _)| account.clone()).collect();
        active.sort();
        Active::<T>::put(BoundedVec::truncate_from(active));
        for (account, peer_key) in directors {
            PeerKeys::<T>::insert(peer_key, &account);
            Records::<T>::insert(&account, benchmarking::largest_record(peer_key));
            T::OnDirectorSetChange::on_director_activated(&account);
        }
    }
}
