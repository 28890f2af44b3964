//! Keeps one owner for each key, and known what was replaced.

use crate::*;

impl<T: Config> Pallet<T> {
    /// Whose checkpoint key this is, or was within the unbonding period.
    pub fn checkpoint_key_owner(key: &PublicKey) -> Option<T::AccountId> {
        let owner = CheckpointKeys::<T>::get(key)?;
        let validator = Validators::<T>::get(&owner)?;
        let now = Self::now();
        let is_current = validator.checkpoint_key == *key;
        let is_punishable = |retired: &RetiredKey| retired.key == *key && retired.until >= now;
        (is_current || validator.retired_keys.iter().any(is_punishable)).then_some(owner)
    }

    /// Checks that nobody has `key`, in any role, and that `account` does; what an expired owner left
    /// behind is forgotten.
    pub(crate) fn claim_key(
        account: &T::AccountId,
        role: KeyRole,
        key: PublicKey,
        proof: &Signature,
    ) -> Result<(), Error<T>> {
        ensure!(!is_small_order(&key), Error::<T>::SmallOrderKey);
        ensure!(!Self::is_in_use(&key) && !T::Directors::is_peer_key(&key), Error::<T>::KeyTaken);
        let possession = Possession { account: account.clone(), role, key };
        check_possession(&Self::genesis_hash(), &possession, proof).map_err(
            |error| match error {
                KeyError::SmallOrder => Error::<T>::SmallOrderKey,
                KeyError::InvalidPossession => Error::<T>::InvalidPossession,
            },
        )?;
        if let Some(former) = CheckpointKeys::<T>::get(key) {
            Validators::<T>::mutate_exists(&former, |former| {
                former.as_mut().map(Self::forget_expired_keys)
            });
        }
        Ok(())
    }

    /// Forgets the replaced keys whose time is over.
    pub(crate) fn forget_expired_keys(validator: &mut ValidatorOf<T>) {
        let now = Self::now();
        validator.retired_keys.retain(|retired| {
            let keep = retired.until >= now;
            if !keep {
                CheckpointKeys::<T>::remove(retired.key);
            }
            keep
        });
    }

    /// Frees all keys of a validator that is gone.
    pub(crate) fn free_keys(validator: &ValidatorOf<T>) {
        PeerKeys::<T>::remove(validator.peer_key);
        CheckpointKeys::<T>::remove(validator.checkpoint_key);
        for retired in &validator.retired_keys {
            CheckpointKeys::<T>::remove(retired.key);
        }
    }
}

impl<T: Config> PeerKeyInUse for Pallet<T> {
    fn is_in_use(key: &PublicKey) -> bool {
        PeerKeys::<T>::contains_key(key) || Self::checkpoint_key_owner(key).is_some()
    }
}
