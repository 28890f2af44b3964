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
        let queue = Queue::<T>::get();
        ensure!(
            Slashes::<T>::iter_keys().count() == queue.len(),
            "slashes and queue differ in length"
        );
        for item in &queue {
            let slash = Slashes::<T>::get(&item.validator).ok_or("queued without a slash")?;
            ensure!(
                slash.offence.validator == item.validator
                    && slash.apply_at == item.apply_at
                    && slash.reported_at == item.reported_at,
                "queue and slash do not agree"
            );
            ensure!(
                T::Offenders::is_punished(&item.validator),
                "a slash is pending for a validator that is not punished"
            );
        }
        let (window, horizon) = (Window::<T>::get(), Self::horizon());
        ensure!(
            window.is_sorted_by(|a, b| a.at < b.at)
                && window.iter().all(|proven| proven.offenders > 0),
            "the window is out of order"
        );
        // The block that has just begun may have pruned nothing yet: tests look between the two.
        ensure!(
            window.iter().all(|proven| proven.at.saturating_add(1) >= horizon),
            "an offender is remembered for longer than it can be correlated"
        );
        let counted = window.iter().fold(0u32, |sum, proven| sum.saturating_add(proven.offenders));
        let pending = queue
            .iter()
            .filter_map(|item| Slashes::<T>::get(&item.validator))
            .filter(|slash| slash.punished.was_authorized)
            .count();
        ensure!(counted as usize >= pending, "a pending offender is not counted");
        Ok(())
    }
}
