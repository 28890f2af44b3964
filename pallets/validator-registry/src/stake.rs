//! Guards the life of a stake: on hold, locked while a slash is pending, slashed, or given back.
//!
//! ```text
//!   bond_more, unbond ─► withdraw_unbonded: as long as it stays
//!
//! register ─► Candidate ⇄ Revoked ⇄ Authorized        directors' votes, low stake
//!                  └────────┴─────────┴──► Exiting ──► withdrawn, after UnbondingPeriod
//!   any of them ── punish ──► Tombstoned (locked) ── slash ──► Tombstoned ──► withdrawn
//!                  ◄── pardon ──┘
//! ```
//!
//! A tombstoned validator keeps its record, so that neither the account nor its keys can register
//! again, until what is left is withdrawn: by itself or by anybody, `UnbondingPeriod` after the
//! punishment at the earliest, or after its own exit if it was leaving already.

use crate::*;
use director_primitives::traits::{Offenders, Punished, Taken};
use frame_support::traits::{
    Imbalance,
    fungible::{BalancedHold, InspectHold, MutateHold},
    tokens::{Balance, Precision},
};

impl<T: Config> Pallet<T> {
    /// Last block at which stake must stay that begins to leave now.
    pub(crate) fn bond_end() -> u64 {
        let period: u64 = T::UnbondingPeriod::get().saturated_into();
        Self::now().saturating_add(period)
    }

    /// Gives back what is left of a validator's stake and forgets the validator.
    pub(crate) fn do_withdraw(account: &T::AccountId) -> DispatchResult {
        let validator = Validators::<T>::get(account).ok_or(Error::<T>::NotRegistered)?;
        ensure!(!is_locked(&validator), Error::<T>::SlashPending);
        let until = validator.bonded_until.ok_or(Error::<T>::NotExiting)?;
        ensure!(Self::now() > until, Error::<T>::StillBonded);
        let all = total_stake(&validator);
        let amount = Self::release(account, all)?;
        Self::free_keys(&validator);
        Votes::<T>::remove(account);
        Validators::<T>::remove(account);
        Self::deposit_event(Event::StakeWithdrawn {
            validator: account.clone(),
            registration_id: validator.registration_id,
            amount,
            missing: all.saturating_sub(amount),
        });
        Ok(())
    }

    /// Gives back the parts of a stake that are through with their `UnbondingPeriod`.
    pub(crate) fn do_withdraw_unbonded(account: &T::AccountId) -> DispatchResult {
        let mut validator = Validators::<T>::get(account).ok_or(Error::<T>::NotRegistered)?;
        ensure!(!is_locked(&validator), Error::<T>::SlashPending);
        let through = Self::unbonded(&validator);
        ensure!(!through.is_zero(), Error::<T>::NothingToWithdraw);
        let amount = Self::release(account, through)?;
        let now = Self::now();
        validator.unbonding.retain(|part| part.until >= now);
        Validators::<T>::insert(account, validator);
        Self::deposit_event(Event::UnbondedWithdrawn {
            validator: account.clone(),
            amount,
            missing: through.saturating_sub(amount),
        });
        Ok(())
    }

    /// Takes `amount` off the hold, or what there really is: nobody else may touch it, but if somebody
    /// did, the rest goes back.
    fn release(
        account: &T::AccountId,
        amount: BalanceOf<T>,
    ) -> Result<BalanceOf<T>, DispatchError> {
        let reason = HoldReason::Stake.into();
        let held = T::Currency::balance_on_hold(&reason, account).min(amount);
        T::Currency::release(&reason, account, held, Precision::Exact)
    }

    /// What of a stake was unbonded and is through with its `UnbondingPeriod`.
    fn unbonded(validator: &ValidatorOf<T>) -> BalanceOf<T> {
        let now = Self::now();
        let through = validator.unbonding.iter().filter(|part| part.until < now);
        through.fold(Zero::zero(), |sum: BalanceOf<T>, part| sum.saturating_add(part.amount))
    }

    /// What a validator can take out now.
    pub(crate) fn free_to_go(validator: &ValidatorOf<T>) -> BalanceOf<T> {
        let is_over = validator.bonded_until.is_some_and(|until| Self::now() > until);
        match (is_locked(validator), is_over) {
            (true, _) => Zero::zero(),
            (false, true) => total_stake(validator),
            (false, false) => Self::unbonded(validator),
        }
    }

    /// Revokes an authorized validator if its stake is below `MinStake`. `true` if it was.
    pub(crate) fn revoke_if_low(account: &T::AccountId, validator: &mut ValidatorOf<T>) -> bool {
        let (stake, minimum) = (validator.stake, T::MinStake::get());
        let is_low = validator.status == ValidatorStatus::Authorized && stake < minimum;
        if is_low {
            Self::set_status(validator, ValidatorStatus::Revoked);
            Self::deposit_event(Event::ValidatorRevoked {
                validator: account.clone(),
                registration_id: validator.registration_id,
                cause: RevocationCause::LowStake { stake, minimum },
            });
        }
        is_low
    }

    /// Changes the status and keeps count of who is authorized.
    pub(crate) fn set_status(validator: &mut ValidatorOf<T>, status: ValidatorStatus) {
        let was = validator.status == ValidatorStatus::Authorized;
        let is = status == ValidatorStatus::Authorized;
        match (was, is) {
            (false, true) => AuthorizedCount::<T>::mutate(|count| count.saturating_inc()),
            (true, false) => AuthorizedCount::<T>::mutate(|count| count.saturating_dec()),
            _ => {}
        }
        validator.status = status;
    }
}

impl<T: Config> Offenders<T::AccountId> for Pallet<T> {
    type Balance = BalanceOf<T>;
    type Credit = CreditOf<T>;

    fn checkpoint_key_owner(key: &PublicKey) -> Option<T::AccountId> {
        Self::checkpoint_key_owner(key)
    }

    fn is_punished(validator: &T::AccountId) -> bool {
        Validators::<T>::get(validator).is_some_and(|v| v.punishment.is_some())
    }

    fn slashable_from(validator: &T::AccountId) -> CheckpointNumber {
        Validators::<T>::get(validator).map_or(0, |v| v.slashable_from)
    }

    fn punish(account: &T::AccountId) -> Result<Punished<BalanceOf<T>>, DispatchError> {
        Validators::<T>::try_mutate(account, |validator| {
            let validator = validator.as_mut().ok_or(Error::<T>::NotRegistered)?;
            ensure!(validator.punishment.is_none(), Error::<T>::AlreadyPunished);
            let was_authorized = validator.status == ValidatorStatus::Authorized;
            let others = AuthorizedCount::<T>::get().saturating_sub(was_authorized.into());
            let punished = Punished {
                registration_id: validator.registration_id,
                stake: total_stake(validator),
                authorized: others.saturating_add(1),
                was_authorized: validator.was_authorized,
            };
            validator.punishment = Some(Punishment {
                status_before: validator.status,
                bonded_until_before: validator.bonded_until,
                slash_pending: true,
                handed_over: None,
            });
            validator.bonded_until.get_or_insert_with(Self::bond_end);
            Self::set_status(validator, ValidatorStatus::Tombstoned);
            Self::deposit_event(Event::ValidatorTombstoned {
                validator: account.clone(),
                registration_id: punished.registration_id,
                stake: punished.stake,
                authorized: punished.authorized,
            });
            Ok(punished)
        })
    }

    fn hand_over(account: &T::AccountId, checkpoint: CheckpointNumber) -> DispatchResult {
        Validators::<T>::try_mutate(account, |validator| {
            let validator = validator.as_mut().ok_or(Error::<T>::NotRegistered)?;
            let punishment = pending(validator).ok_or(Error::<T>::NotPunished)?;
            punishment.slash_pending = false;
            punishment.handed_over = Some(checkpoint);
            Self::deposit_event(Event::PunishmentHandedOver {
                validator: account.clone(),
                registration_id: validator.registration_id,
            });
            Ok(())
        })
    }

    fn handed_over(account: &T::AccountId) -> Option<CheckpointNumber> {
        Validators::<T>::get(account)?.punishment?.handed_over
    }

    fn pardon(account: &T::AccountId, slashable_from: CheckpointNumber) -> DispatchResult {
        Validators::<T>::try_mutate(account, |validator| {
            let validator = validator.as_mut().ok_or(Error::<T>::NotRegistered)?;
            let before = validator
                .punishment
                .take_if(|punishment| punishment.slash_pending || punishment.handed_over.is_some())
                .ok_or(Error::<T>::NotPunished)?;
            Self::set_status(validator, before.status_before);
            validator.bonded_until = before.bonded_until_before;
            validator.slashable_from = validator.slashable_from.max(slashable_from);
            Self::deposit_event(Event::ValidatorPardoned {
                validator: account.clone(),
                registration_id: validator.registration_id,
                status: validator.status,
                slashable_from: validator.slashable_from,
            });
            // `MinStake` may have risen in the meantime.
            Self::revoke_if_low(account, validator);
            Ok(())
        })
    }

    fn slash(
        account: &T::AccountId,
        stake: BalanceOf<T>,
        fraction: Perbill,
    ) -> Result<Taken<CreditOf<T>, BalanceOf<T>>, DispatchError> {
        Validators::<T>::try_mutate(account, |validator| {
            let validator = validator.as_mut().ok_or(Error::<T>::NotRegistered)?;
            let punishment = pending(validator).ok_or(Error::<T>::NotPunished)?;
            punishment.slash_pending = false;
            // Rounded up: a small stake is no reason to take nothing.
            let due = fraction.mul_ceil(stake);
            let (credit, shortfall) = T::Currency::slash(&HoldReason::Stake.into(), account, due);
            take_from(validator, credit.peek());
            Self::deposit_event(Event::StakeSlashed {
                validator: account.clone(),
                registration_id: validator.registration_id,
                amount: credit.peek(),
                shortfall,
                remaining: total_stake(validator),
            });
            Ok(Taken { credit, shortfall })
        })
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn set_up(validator: &T::AccountId, checkpoint_key: PublicKey, replaced: PublicKey) {
        benchmarking::set_up::<T>(validator, checkpoint_key);
        benchmarking::set_last_retired::<T>(validator, replaced);
    }
}

/// The punishment of a validator whose slash is still to come.
fn pending<B>(validator: &mut Validator<B>) -> Option<&mut Punishment> {
    validator.punishment.as_mut().filter(|punishment| punishment.slash_pending)
}

/// What a validator has on its way out.
pub(crate) fn total_unbonding<B: Balance>(validator: &Validator<B>) -> B {
    validator.unbonding.iter().fold(B::zero(), |sum, part| sum.saturating_add(part.amount))
}

/// What a validator has on hold: bonded and unbonding.
pub(crate) fn total_stake<B: Balance>(validator: &Validator<B>) -> B {
    validator.stake.saturating_add(total_unbonding(validator))
}

/// Books what was slashed: off the stake first, then off what is on its way out, latest first.
fn take_from<B: Balance>(validator: &mut Validator<B>, amount: B) {
    let of_stake = amount.min(validator.stake);
    validator.stake = validator.stake.saturating_sub(of_stake);
    let mut rest = amount.saturating_sub(of_stake);
    for part in validator.unbonding.iter_mut().rev() {
        let of_part = rest.min(part.amount);
        part.amount = part.amount.saturating_sub(of_part);
        rest = rest.saturating_sub(of_part);
    }
    validator.unbonding.retain(|part| !part.amount.is_zero());
}
