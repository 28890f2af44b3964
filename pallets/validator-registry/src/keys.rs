//! Keeps one owner for each key, and known what was replaced.

use crate::*;

impl<T: Config> Pallet<T> {
    /// Whose checkpoint key this is, or was within the unbonding period.
    pub fn checkpoint_key_owner(key: &PublicKey) -> Option<T::AccountId> {
        let owner = CheckpointKeys::<T>::get(key)?;
        let validator = Validators::<T>::get(&owner)?;
        let is_owned =
            validator.checkpoint_key == *key || Self::is_locked(&validator.retired_keys, key);
        is_owned.then_some(owner)
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
        let formers = [CheckpointKeys::<T>::get(key), PeerKeys::<T>::get(key)];
        for former in formers.into_iter().flatten() {
            Validators::<T>::mutate_exists(&former, |former| {
                former.as_mut().map(Self::forget_expired_keys)
            });
        }
        Ok(())
    }

    /// Replaces a key and locks the old one; returns it and its last block.
    pub(crate) fn rotate(
        account: &T::AccountId,
        role: KeyRole,
        new: PublicKey,
        possession: &Signature,
    ) -> Result<(PublicKey, u64), Error<T>> {
        Self::staying(account)?;
        Self::claim_key(account, role, new, possession)?;
        // Read after the claim, which may have forgotten an expired key of this very validator.
        let mut validator = Self::staying(account)?;
        Self::forget_expired_keys(&mut validator);
        let is_peer = role == KeyRole::ValidatorPeer;
        let (current, retired) = if is_peer {
            PeerKeys::<T>::insert(new, account);
            (&mut validator.peer_key, &mut validator.retired_peer_keys)
        } else {
            CheckpointKeys::<T>::insert(new, account);
            (&mut validator.checkpoint_key, &mut validator.retired_keys)
        };
        let until = Self::bond_end();
        let old = core::mem::replace(current, new);
        retired
            .try_push(RetiredKey { key: old, until })
            .map_err(|_| Error::<T>::TooManyRetiredKeys)?;
        Validators::<T>::insert(account, validator);
        Ok((old, until))
    }

    /// Forgets the replaced keys whose time is over.
    pub(crate) fn forget_expired_keys(validator: &mut ValidatorOf<T>) {
        let now = Self::now();
        let keep = |retired: &RetiredKey, forget: fn(PublicKey)| {
            let keep = retired.until >= now;
            if !keep {
                forget(retired.key);
            }
            keep
        };
        validator.retired_keys.retain(|key| keep(key, CheckpointKeys::<T>::remove));
        validator.retired_peer_keys.retain(|key| keep(key, PeerKeys::<T>::remove));
    }

    /// Frees all keys of a validator that is gone.
    pub(crate) fn free_keys(validator: &ValidatorOf<T>) {
        PeerKeys::<T>::remove(validator.peer_key);
        CheckpointKeys::<T>::remove(validator.checkpoint_key);
        for retired in &validator.retired_keys {
            CheckpointKeys::<T>::remove(retired.key);
        }
        for retired in &validator.retired_peer_keys {
            PeerKeys::<T>::remove(retired.key);
        }
    }

    /// Whose peer key this is, or was within the unbonding period.
    pub fn peer_key_owner(key: &PublicKey) -> Option<T::AccountId> {
        let owner = PeerKeys::<T>::get(key)?;
        let validator = Validators::<T>::get(&owner)?;
        let is_owned =
            validator.peer_key == *key || Self::is_locked(&validator.retired_peer_keys, key);
        is_owned.then_some(owner)
    }

    fn is_locked(retired: &RetiredKeys, key: &PublicKey) -> bool {
        let now = Self::now();
        retired.iter().any(|retired| retired.key == *key && retired.until >= now)
    }
}

impl<T: Config> PeerKeyInUse for Pallet<T> {
    fn is_in_use(key: &PublicKey) -> bool {
        Self::peer_key_owner(key).is_some() || Self::checkpoint_key_owner(key).is_some()
    }
}
