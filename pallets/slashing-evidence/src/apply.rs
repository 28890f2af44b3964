//! Applies slashes whose time has come, and says where every unit of the money went.

use crate::*;
use frame_support::{
    storage::with_storage_layer,
    traits::{Imbalance, OnUnbalanced, fungible::Balanced},
    weights::WeightMeter,
};

impl<T: Config> Pallet<T> {
    /// Applies a validator's slash if it is due.
    pub(crate) fn do_apply(validator: &T::AccountId) -> DispatchResult {
        let slash = Slashes::<T>::get(validator).ok_or(Error::<T>::NoPendingSlash)?;
        ensure!(Self::now() >= slash.apply_at, Error::<T>::NotDue);
        let (offenders, fraction) = Self::fraction(&slash);
        let Slash { offence, punished, reporter, is_rewarded, .. } = slash;
        let Taken { credit, shortfall } = T::Offenders::slash(validator, punished.stake, fraction)?;
        Slashes::<T>::remove(validator);
        Self::dequeue(validator);
        Self::prune_window();

        let taken = credit.peek();
        let reward = if is_rewarded { T::RewardFraction::get() * taken } else { Zero::zero() };
        let reward = Self::distribute(validator, &reporter, credit, reward);
        if !shortfall.is_zero() {
            Self::deposit_event(Event::SlashFellShort {
                validator: validator.clone(),
                taken,
                shortfall,
            });
        }
        Self::deposit_event(Event::SlashApplied {
            validator: validator.clone(),
            registration_id: punished.registration_id,
            checkpoint: offence.checkpoint,
            fraction,
            offenders,
            authorized: punished.authorized,
            taken,
            reporter,
            reward,
        });
        Ok(())
    }

    /// With how many offenders a slash is correlated, and how much of the stake it takes therefore.
    pub(crate) fn fraction(slash: &SlashOf<T>) -> (u32, Perbill) {
        let offenders = Self::offenders_around(slash.reported_at);
        let authorized = slash.punished.authorized;
        (offenders, penalty::fraction(T::BaseFraction::get(), offenders, authorized))
    }

    /// Pays the reporter, hands the rest on, and returns what the reporter really got.
    fn distribute(
        validator: &T::AccountId,
        reporter: &T::AccountId,
        credit: CreditOf<T>,
        reward: BalanceOf<T>,
    ) -> BalanceOf<T> {
        let (for_reporter, rest) = credit.split(reward);
        if reward.is_zero() {
            T::SlashDestination::on_unbalanced(rest);
            return reward;
        }
        match T::Currency::resolve(reporter, for_reporter) {
            Ok(()) => {
                T::SlashDestination::on_unbalanced(rest);
                reward
            }
            Err(undelivered) => {
                Self::deposit_event(Event::RewardUndeliverable {
                    validator: validator.clone(),
                    reporter: reporter.clone(),
                    amount: reward,
                });
                T::SlashDestination::on_unbalanced(rest.merge(undelivered));
                Zero::zero()
            }
        }
    }

    /// Applies what is due, as far as the weight goes, reported first, applied first.
    pub(crate) fn apply_due(limit: Weight) -> Weight {
        let mut meter = WeightMeter::with_limit(limit);
        if meter.try_consume(T::WeightInfo::on_idle()).is_err() {
            return Weight::zero();
        }
        let (queue, now) = (Queue::<T>::get(), Self::now());
        for item in queue.iter().filter(|item| item.apply_at <= now) {
            if meter.try_consume(T::WeightInfo::apply_slash()).is_err() {
                break;
            }
            let applied = with_storage_layer(|| Self::do_apply(&item.validator));
            if let Err(error) = applied {
                Self::postpone(&item.validator, error);
            }
        }
        meter.consumed()
    }

    /// Tries a slash that failed again later: the stake stays locked, and others get their turn.
    fn postpone(validator: &T::AccountId, error: DispatchError) {
        let apply_at = Self::defer_end();
        Self::dequeue(validator);
        Slashes::<T>::mutate_extant(validator, |slash| {
            slash.apply_at = apply_at;
            // There is room: it was taken out just now.
            let _ = Self::enqueue(Queued {
                apply_at,
                reported_at: slash.reported_at,
                validator: validator.clone(),
            })
            .defensive();
        });
        Self::deposit_event(Event::SlashFailed {
            validator: validator.clone(),
            error,
            retried_at: apply_at,
        });
    }
}
