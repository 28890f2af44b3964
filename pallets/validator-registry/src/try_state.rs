//! Invariants of the storage, checked after every step of every test.

use crate::{stake::total_stake, *};
use alloc::collections::BTreeSet;
use frame_support::traits::fungible::InspectHold;
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
    /// Checks every invariant of this pallet's storage.
    ///
    /// # Errors
    ///
    /// Names the first one that is broken.
    pub fn do_try_state() -> Result<(), DispatchError> {
        ensure!(
            Validators::<T>::count() <= T::MaxValidators::get(),
            "more than MaxValidators validators"
        );
        let (mut authorized, mut checkpoint_keys, mut peer_keys, mut count) = (0, 0, 0, 0);
        let mut ids = BTreeSet::new();
        for (account, validator) in Validators::<T>::iter() {
            Self::try_validator(&account, &validator)?;
            ensure!(
                ids.insert(validator.registration_id),
                "two validators have one registration id"
            );
            count += 1;
            checkpoint_keys += 1 + validator.retired_keys.len();
            peer_keys += 1 + validator.retired_peer_keys.len();
            authorized += u32::from(validator.status == ValidatorStatus::Authorized);
        }
        ensure!(count == Validators::<T>::count(), "validators are miscounted");
        ensure!(authorized == AuthorizedCount::<T>::get(), "authorized validators are miscounted");
        ensure!(PeerKeys::<T>::iter_keys().count() == peer_keys, "a peer key has no owner");
        ensure!(
            CheckpointKeys::<T>::iter_keys().count() == checkpoint_keys,
            "a checkpoint key has no owner"
        );
        for (account, votes) in Votes::<T>::iter() {
            ensure!(Validators::<T>::contains_key(&account), "votes about nobody");
            ensure!(
                votes.iter().all(|vote| vote.nonce < first_nonce(Self::now())),
                "a vote was signed in the future"
            );
            let directors: BTreeSet<_> = votes.iter().map(|vote| &vote.director).collect();
            ensure!(
                directors.len() == votes.len(),
                "two votes of one director about one validator"
            );
        }
        let directors = T::Directors::active();
        ensure!(
            FirstNonces::<T>::iter_keys().all(|account| directors.contains(&account)),
            "something is kept of who is no director"
        );
        let planned: BTreeSet<_> = Planned::<T>::get().into_iter().collect();
        ensure!(planned.len() == Planned::<T>::get().len(), "a session has a validator twice");
        Ok(())
    }

    fn try_validator(
        account: &T::AccountId,
        validator: &ValidatorOf<T>,
    ) -> Result<(), DispatchError> {
        ensure!(
            T::Currency::balance_on_hold(&HoldReason::Stake.into(), account)
                == total_stake(validator),
            "what is on hold is not the stake and what is unbonding"
        );
        ensure!(
            validator.registration_id < NextRegistrationId::<T>::get(),
            "a registration id is from the future"
        );
        ensure!(
            PeerKeys::<T>::get(validator.peer_key).as_ref() == Some(account)
                && !T::Directors::is_peer_key(&validator.peer_key),
            "a peer key is not its validator's alone"
        );
        for retired in &validator.retired_peer_keys {
            ensure!(
                PeerKeys::<T>::get(retired.key).as_ref() == Some(account),
                "a replaced peer key is not its validator's"
            );
        }
        let retention = Self::bond_end();
        let locks = validator.retired_keys.iter().chain(&validator.retired_peer_keys);
        ensure!(
            locks.map(|retired| retired.until).all(|until| until <= retention)
                && validator.unbonding.iter().all(|part| part.until <= retention)
                && validator.bonded_until.is_none_or(|until| until <= retention),
            "something is kept for longer than the unbonding period"
        );
        ensure!(
            validator.unbonding.is_sorted_by_key(|part| part.until)
                && validator.unbonding.iter().all(|part| !part.amount.is_zero()),
            "what is unbonding is out of order"
        );
        ensure!(
            validator.was_authorized || validator.status != ValidatorStatus::Authorized,
            "authorized and never was"
        );
        let retired = validator.retired_keys.iter().map(|retired| retired.key);
        for key in retired.chain([validator.checkpoint_key]) {
            ensure!(
                CheckpointKeys::<T>::get(key).as_ref() == Some(account),
                "a checkpoint key is not its validator's"
            );
            ensure!(!PeerKeys::<T>::contains_key(key), "a checkpoint key is a peer key");
        }
        ensure!(
            (validator.status == ValidatorStatus::Tombstoned) == validator.punishment.is_some(),
            "tombstoned is not the same as punished"
        );
        let leaves =
            matches!(validator.status, ValidatorStatus::Exiting | ValidatorStatus::Tombstoned);
        ensure!(
            leaves == validator.bonded_until.is_some(),
            "leaving is not the same as having an end of the bond"
        );
        ensure!(
            validator
                .punishment
                .as_ref()
                .is_none_or(|p| !(p.slash_pending && p.handed_over.is_some())),
            "a slash is pending here and elsewhere"
        );
        // After `MinStake` has risen this holds again once `revoke_low_stake` was called or a session
        // was planned.
        ensure!(
            validator.status != ValidatorStatus::Authorized
                || validator.stake >= T::MinStake::get(),
            "an authorized validator has too little stake"
        );
        Ok(())
    }
}
