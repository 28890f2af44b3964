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
            active.is_sorted_by(|a, b| a < b) && invited.is_sorted_by(|a, b| a < b),
            "directors are not in strictly ascending order"
        );
        ensure!(
            (active.len() + invited.len()) as u32 <= T::MaxDirectors::get(),
            "more than MaxDirectors directors"
        );
        ensure!(
            invited.iter().all(|who| active.binary_search(who).is_err()),
            "a director is invited and active"
        );
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
        }
        ensure!(
            PeerKeys::<T>::iter_keys().count() == active.len(),
            "peer keys of accounts that are not active"
        );
        Ok(())
    }
}
