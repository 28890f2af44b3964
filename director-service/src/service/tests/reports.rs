//! The core does not wait for the reporter, and what that has no room for is not lost.

use super::super::{ServiceError, reports::Reports};
use crate::{metrics::Counter, reporter::Handle};
use director_primitives::{
    DoubleSignProof, H256,
    test_utils::{TestKey, double_sign},
};

fn proof(checkpoint: u64) -> DoubleSignProof {
    double_sign(&TestKey::new(1), H256::zero(), checkpoint)
}

#[test]
fn proofs_wait_for_a_busy_reporter_and_keep_their_order() {
    let (reporter, mut taken) = Handle::with_room(2);
    let delayed = Counter::default();
    let reports = Reports::new(reporter, delayed.clone());
    for checkpoint in 1..=5 {
        reports.report(proof(checkpoint)).unwrap();
    }
    assert_eq!(delayed.get(), 3);
    reports.retry().unwrap();
    assert_eq!(taken.try_recv(), Ok(proof(1)));
    // One that comes later does not pass those that wait, nor do they end with a round.
    reports.report(proof(6)).unwrap();
    let reports = reports.clone();
    for checkpoint in 2..=6 {
        reports.retry().unwrap();
        assert_eq!(taken.try_recv(), Ok(proof(checkpoint)));
    }
    assert!(taken.try_recv().is_err());
    drop(taken);
    assert!(matches!(reports.report(proof(7)), Err(ServiceError::Ended(_))));
}
