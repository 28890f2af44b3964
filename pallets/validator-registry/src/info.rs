//! Tells about validators, for the runtime API.

use crate::*;
use director_primitives::runtime_api::MAX_PAGE;

impl<T: Config> Pallet<T> {
    /// One validator.
    pub fn validator_info(account: &T::AccountId) -> Option<ValidatorInfo<T::AccountId>> {
        Validators::<T>::get(account).map(|validator| Self::info(account.clone(), validator))
    }

    /// Validators in ascending order of accounts, those after `after`, at most `limit` and
    /// [`MAX_PAGE`]. Reads all of them: for runtime APIs, not for calls.
    pub fn validators_page(
        after: Option<&T::AccountId>,
        limit: u32,
    ) -> Vec<ValidatorInfo<T::AccountId>> {
        let mut accounts: Vec<_> = Validators::<T>::iter_keys()
            .filter(|account| after.is_none_or(|after| account > after))
            .collect();
        accounts.sort_unstable();
        accounts.truncate(limit.min(MAX_PAGE) as usize);
        accounts.iter().filter_map(Self::validator_info).collect()
    }

    fn info(account: T::AccountId, validator: ValidatorOf<T>) -> ValidatorInfo<T::AccountId> {
        let now = Self::now();
        ValidatorInfo {
            account,
            registration_id: validator.registration_id,
            status: validator.status,
            stake: validator.stake.saturated_into(),
            unbonding: total_unbonding(&validator).saturated_into(),
            checkpoint_key: validator.checkpoint_key,
            peer_key: validator.peer_key,
            retired_keys: validator
                .retired_keys
                .into_iter()
                .filter(|retired| retired.until >= now)
                .collect(),
            slashable_from: validator.slashable_from,
        }
    }
}
