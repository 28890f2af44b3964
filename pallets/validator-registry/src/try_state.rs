//! Invariants of the storage, checked after every step of every test.

use crate::*;
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
        let (mut authorized, mut checkpoint_keys, mut count) = (0, 0, 0);
        let mut ids = BTreeSet::new();
        for (account, validator) in Validators::<T>::iter() {
            Self::try_validator(&account, &validator)?;
            ensure!(
                ids.insert(validator.registration_id),
                "two validators have one registration id"
            );
            count += 1;
            checkpoint_keys += 1 + validator.retired_keys.len();
            authorized += u32::from(validator.status == ValidatorStatus::Authorized);
        }
        ensure!(count == Validators::<T>::count(), "validators are miscounted");
        ensure!(authorized == AuthorizedCount::<T>::get(), "authorized validators are miscounted");
        ensure!(PeerKeys::<T>::iter_keys().count() == count as usize, "a peer key has no owner");
        ensure!(
            CheckpointKeys::<T>::iter_keys().count() == checkpoint_keys,
            "a checkpoint key has no owner"
        );
        for (account, votes) in Votes::<T>::iter() {
            ensure!(Validators::<T>::contains_key(&account), "votes about nobody");
            let directors: BTreeSet<_> = votes.iter().map(|vote| &vote.director).collect();
            ensure!(
                directors.len() == votes.len(),
                "two votes of one director about one validator"
            );
        }
        Ok(())
    }

    fn try_validator(
        account: &T::AccountId,
        validator: &ValidatorOf<T>,
    ) -> Result<(), DispatchError> {
        ensure!(
            T::Currency::balance_on_hold(&HoldReason::Stake.into(), account) == validator.stake,
            "what is on hold is not the stake"
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
        // After `MinStake` has risen this holds again once `revoke_low_stake` was called.
        ensure!(
            validator.status != ValidatorStatus::Authorized
                || validator.stake >= T::MinStake::get(),
            "an authorized validator has too little stake"
        );
        Ok(())
    }
}
