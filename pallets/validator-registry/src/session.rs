//! Chooses the validators of each session: the authorized ones with session keys and most stake.
//!
//! A set that loses many at once can halt the chain, so a session loses at most `MaxSetLoss` of what the
//! one before it had (at least one): the rest stay for a session longer, first those who leave or were
//! revoked, only then who was tombstoned. That says nothing about their punishment.
//!
//! If nobody is left at all, the set stays as it is: a chain without validators cannot even repair itself.

use crate::*;
use core::cmp::Reverse;
use pallet_session::SessionManager;

/// `pallet-session`'s number of a session.
type SessionIndex = u32;

impl<T: Config> Pallet<T> {
    /// Plans a session: revokes who has too little stake, chooses, and remembers. `None` to leave the set as
    /// it is.
    pub(crate) fn plan_session(session: SessionIndex) -> Option<Vec<T::AccountId>> {
        let mut authorized = Vec::new();
        for (account, mut validator) in Validators::<T>::iter().collect::<Vec<_>>() {
            if validator.status != ValidatorStatus::Authorized {
                continue;
            }
            if Self::revoke_if_low(&account, &mut validator) {
                Validators::<T>::insert(&account, validator);
                continue;
            }
            if !T::SessionKeys::is_registered(&account) {
                continue;
            }
            // Of equal stakes, the older registration is first.
            authorized.push((Reverse(validator.stake), validator.registration_id, account));
        }
        authorized.sort();
        let mut chosen: Vec<_> = authorized.into_iter().map(|(_, _, account)| account).collect();
        chosen.truncate(T::MaxActiveValidators::get() as usize);
        let authorized = chosen.len();

        let before = Planned::<T>::get();
        let retained = Self::retained(&before, &chosen);
        if !retained.is_empty() {
            Self::deposit_event(Event::SetLossLimited {
                session,
                authorized: authorized as u32,
                retained: retained.len() as u32,
            });
        }
        chosen.extend(retained);
        if chosen.is_empty() {
            return None;
        }
        Self::deposit_event(Event::SessionPlanned { session, validators: chosen.len() as u32 });
        Planned::<T>::put(BoundedVec::truncate_from(chosen.clone()));
        Some(chosen)
    }

    /// Members of the set before that must stay, so that not too many go at once.
    fn retained(before: &[T::AccountId], chosen: &[T::AccountId]) -> Vec<T::AccountId> {
        let may_go = T::MaxSetLoss::get().mul_floor(before.len() as u32).max(1) as usize;
        let missing = before.len().saturating_sub(may_go).saturating_sub(chosen.len());
        if missing == 0 {
            return Vec::new();
        }
        let chosen: BTreeSet<_> = chosen.iter().collect();
        let is_out = |account: &&T::AccountId| !chosen.contains(account);
        let mut out: Vec<_> = before.iter().filter(is_out).cloned().collect();
        // A stable sort: within each kind, those with most stake stay first.
        out.sort_by_key(|account| {
            Validators::<T>::get(account)
                .is_none_or(|validator| validator.status == ValidatorStatus::Tombstoned)
        });
        out.truncate(missing);
        out
    }
}

impl<T: Config> SessionManager<T::AccountId> for Pallet<T> {
    fn new_session(session: SessionIndex) -> Option<Vec<T::AccountId>> {
        // `pallet-session` counts a rotation as a whole block, another caller may not.
        frame_system::Pallet::<T>::register_extra_weight_unchecked(
            T::WeightInfo::new_session(Validators::<T>::count()),
            DispatchClass::Mandatory,
        );
        Self::plan_session(session)
    }

    fn end_session(_: SessionIndex) {}

    fn start_session(_: SessionIndex) {}
}
