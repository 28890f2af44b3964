//! Measures the calls in their worst valid cases: queue and window as full as they can be, two different keys
//! in the proof, a reporter that is rewarded.

#![allow(missing_docs)]

use crate::*;
use director_primitives::benchmarking::BenchmarkKey;
use frame_benchmarking::v2::*;
use frame_support::traits::{fungible::Balanced, tokens::Precision};
use frame_system::RawOrigin;

/// Who reports: an active director.
fn reporter<T: Config>() -> T::AccountId {
    let reporter = account("reporter", 0, 0);
    let minimum = <T::Currency as Inspect<_>>::minimum_balance();
    // The debt is dropped: new money.
    let _ = T::Currency::deposit(&reporter, minimum, Precision::Exact);
    let mut key = [9; 32];
    key[31] = 1;
    T::Directors::set_active(alloc::vec![(reporter.clone(), PublicKey::from_raw(key))]);
    reporter
}

/// The validator that signs twice, and its proof.
fn offender<T: Config>() -> (T::AccountId, DoubleSignProof) {
    let validator = account("offender", 0, 0);
    // It has rotated its key between the two votes.
    let (old, new) = (BenchmarkKey::new(1), BenchmarkKey::new(2));
    T::Offenders::set_up(&validator, new.0, old.0);
    let genesis_hash = OnChain::<T>(PhantomData).genesis_hash();
    (validator, old.double_sign(&new, genesis_hash, 3))
}

/// Fills the queue but for `free` places, and the window to the end; nothing of it is due.
fn fill<T: Config>(free: u32) {
    let others = T::MaxOffenders::get().saturating_sub(free);
    let mut queue = Vec::new();
    for n in 0..others {
        let validator: T::AccountId = account("other", n, 0);
        queue.push(Queued { apply_at: u64::MAX, reported_at: u64::from(n), validator });
    }
    Queue::<T>::put(BoundedVec::truncate_from(queue));
    let proven = |n| Proven { at: u64::from(n), offenders: 1 };
    Window::<T>::put(BoundedVec::truncate_from((0..T::MaxOffenders::get()).map(proven).collect()));
}

/// Goes to the block at which everything that fills the window is proven already. Before the offender is set
/// up: else the key that it replaced may not be punishable any more.
fn after_the_window<T: Config>() {
    frame_system::Pallet::<T>::set_block_number(T::MaxOffenders::get().into());
}

/// Reports the offender; the slash waits at the end of a full queue.
fn reported<T: Config>() -> Result<T::AccountId, BenchmarkError> {
    let reporter = reporter::<T>();
    after_the_window::<T>();
    let (validator, proof) = offender::<T>();
    fill::<T>(1);
    Pallet::<T>::report_double_sign(RawOrigin::Signed(reporter).into(), proof)
        .map_err(|error| error.error)?;
    Ok(validator)
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn report_double_sign() {
        let reporter = reporter::<T>();
        after_the_window::<T>();
        let (validator, proof) = offender::<T>();
        fill::<T>(1);

        #[extrinsic_call]
        _(RawOrigin::Signed(reporter), proof);

        assert!(T::Offenders::is_punished(&validator));
    }

    #[benchmark]
    fn cancel_slash() -> Result<(), BenchmarkError> {
        let validator = reported::<T>()?;
        let origin =
            T::CancelOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, validator.clone());

        assert!(!T::Offenders::is_punished(&validator));
        Ok(())
    }

    #[benchmark]
    fn apply_slash() -> Result<(), BenchmarkError> {
        let validator = reported::<T>()?;
        let due =
            frame_system::Pallet::<T>::block_number().saturating_add(T::SlashDeferPeriod::get());
        frame_system::Pallet::<T>::set_block_number(due);

        #[extrinsic_call]
        _(RawOrigin::Signed(account("anybody", 0, 0)), validator.clone());

        assert!(!Slashes::<T>::contains_key(validator));
        Ok(())
    }

    #[benchmark]
    fn on_initialize() {
        fill::<T>(0);
        // One is older than it is of use, so queue and window are read and the window is written.
        Queue::<T>::mutate(|queue| queue.iter_mut().for_each(|item| item.reported_at = u64::MAX));
        let now = T::CorrelationWindow::get().saturating_add(1u32.into());
        frame_system::Pallet::<T>::set_block_number(now);

        #[block]
        {
            Pallet::<T>::prune_window();
        }

        assert_eq!(Window::<T>::decode_len(), Some(T::MaxOffenders::get() as usize - 1));
    }

    #[benchmark]
    fn on_idle() {
        fill::<T>(0);

        #[block]
        {
            Pallet::<T>::apply_due(T::WeightInfo::on_idle());
        }

        assert_eq!(Queue::<T>::decode_len(), Some(T::MaxOffenders::get() as usize));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
