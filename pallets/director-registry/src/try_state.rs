//! Invariants of the storage, checked after every step of every test.

use crate::*;
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
    /// Checks every invariant of this pallet's storage.
    ///
    /// # Errors
    ///
    /// Names the first one that is broken.
    pub fn do_try_state() -> Result<(), DispatchError> {
        let (active, invited) = (Active::<T>::get(), Invited::<T>::get());
        ensure!(
            active.is_sorted_by(|a, b| a < b) && invited.is_sorted_by(|a, b| a.account < b.account),
            "directors are not in strictly ascending order"
        );
        let successors = invited.iter().filter(|invited| invited.replaces.is_some()).count();
        ensure!(
            (active.len() + invited.len() - successors) as u32 <= T::MaxDirectors::get(),
            "more than MaxDirectors directors"
        );
        for (at, invitation) in invited.iter().enumerate() {
            ensure!(
                active.binary_search(&invitation.account).is_err(),
                "a director is invited and active"
            );
            let Some(replaced) = &invitation.replaces else { continue };
            ensure!(
                active.binary_search(replaced).is_ok(),
                "a successor replaces somebody who is not active"
            );
            ensure!(
                !invited[..at].iter().any(|other| other.replaces.as_ref() == Some(replaced)),
                "two successors replace one director"
            );
        }
        ensure!(
            Records::<T>::iter_keys().count() == active.len(),
            "records of accounts that are not active"
        );
        for director in &active {
            let record = Records::<T>::get(director).ok_or("an active director has no record")?;
            ensure!(
                PeerKeys::<T>::get(record.peer_key).as_ref() == Some(director),
                "an active director's peer key is not its own"
            );
            ensure!(!record.endpoints.is_empty(), "a director has no endpoint");
            ensure!(record.refreshed_at <= Self::now(), "a record is from the future");
            ensure!(
                record.active_since <= record.refreshed_at,
                "a record was last refreshed before its director was one"
            );
        }
        ensure!(
            PeerKeys::<T>::iter_keys().count() == active.len(),
            "peer keys of accounts that are not active"
        );
        Ok(())
    }
}
