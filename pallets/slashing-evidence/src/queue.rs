//! Keeps the slashes that wait, in the order of their reports, and counts who offended together.
//!
//! A report only appends to the queue, which costs the same however long it is. So a reporter whose
//! evidence is one of a thousand does not pay for the others.

use crate::*;

impl<T: Config> Pallet<T> {
    /// Puts a slash at the end of the queue.
    pub(crate) fn enqueue(item: Queued<T::AccountId>) -> Result<(), Error<T>> {
        Queue::<T>::try_append(item).map_err(|()| Error::<T>::TooManyPending)
    }

    /// Takes a validator's slash out of the queue.
    pub(crate) fn dequeue(validator: &T::AccountId) {
        Queue::<T>::mutate(|queue| queue.retain(|item| item.validator != *validator));
    }

    /// Counts an offender that was proven now.
    pub(crate) fn count_offender() {
        let now = Self::now();
        Window::<T>::mutate(|window| {
            match window.last_mut() {
                Some(last) if last.at == now => last.offenders.saturating_inc(),
                _ => {
                    let proven = Proven { at: now, offenders: 1 };
                    // As many blocks as offenders fit, so it can be full only if nobody is pruned;
                    // then nobody is lost, only counted with those before it.
                    if window.try_push(proven).is_err()
                        && let Some(last) = window.last_mut()
                    {
                        last.offenders.saturating_inc();
                    }
                }
            }
        });
    }

    /// Counts an offender out again, who was pardoned.
    pub(crate) fn uncount_offender(reported_at: u64) {
        Window::<T>::mutate(|window| {
            if let Some(proven) = window.iter_mut().rfind(|proven| proven.at <= reported_at) {
                proven.offenders.saturating_dec();
            }
            window.retain(|proven| proven.offenders > 0);
        });
    }

    /// Offenders within `CorrelationWindow` before or after a report, that one included.
    pub(crate) fn offenders_around(reported_at: u64) -> u32 {
        let reach = Self::correlation_window();
        let count = Window::<T>::get()
            .iter()
            .filter(|proven| proven.at.abs_diff(reported_at) <= reach)
            .fold(0u32, |sum, proven| sum.saturating_add(proven.offenders));
        // Its own report is in the window until the slash is applied, unless it was never authorized.
        count.max(1)
    }

    /// Forgets offenders that no slash can be correlated with any more.
    pub(crate) fn prune_window() {
        let window = Window::<T>::get();
        let Some(oldest) = window.first() else { return };
        // Most often this is enough, and the queue need not be read.
        if oldest.at >= Self::now().saturating_sub(Self::correlation_window()) {
            return;
        }
        let horizon = Self::horizon();
        if oldest.at < horizon {
            let mut window = window;
            window.retain(|proven| proven.at >= horizon);
            Window::<T>::put(window);
        }
    }

    /// The oldest block whose offenders can be correlated with a slash that waits or is still to come.
    pub(crate) fn horizon() -> u64 {
        let pending = Queue::<T>::get().into_iter().map(|item| item.reported_at).min();
        pending
            .unwrap_or_else(Self::now)
            .min(Self::now())
            .saturating_sub(Self::correlation_window())
    }

    fn correlation_window() -> u64 {
        T::CorrelationWindow::get().saturated_into()
    }
}
