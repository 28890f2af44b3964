//! Blocks refuse what the dry run finds right.

use super::{Rig, blocks, director_of_rank, proof, sim::Sim};
use crate::store::State;
use director_primitives::{
    DoubleSignProof, H256,
    test_utils::{TestKey, double_sign},
};

#[tokio::test(start_paused = true)]
async fn what_blocks_refuse_again_is_paid_for_many_blocks_later() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    sim.refuse(true);
    rig.report(proof(1)).await;
    blocks(&sim, 500).await;
    assert_eq!(sim.best_state().reports.len(), 2);
    let trouble = rig.status().trouble.unwrap();
    assert!(trouble.contains("TooManyPending"), "{trouble}");
    blocks(&sim, 500).await;
    assert_eq!(sim.best_state().reports.len(), 3);
    // What stood in the way is gone.
    sim.refuse(false);
    blocks(&sim, 700).await;
    assert!(matches!(rig.state(), State::Finalized { .. }), "{:?}", rig.status());
    let state = sim.best_state();
    assert_eq!((state.reports.len(), state.punished), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn refusals_count_whatever_blocks_say() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    sim.refuse_with(&["SlashingEvidence.TooManyPending", "Offences.Full"]);
    rig.report(proof(1)).await;
    blocks(&sim, 500).await;
    assert_eq!(sim.best_state().reports.len(), 2);
    let trouble = rig.status().trouble.unwrap();
    assert!(trouble.contains("Offences.Full"), "the newest is told: {trouble}");
}

#[tokio::test(start_paused = true)]
async fn another_directors_report_ends_that_wait() {
    let sim = Sim::new(0);
    let rigs = Rig::all(&sim, &proof(1));
    sim.refuse(true);
    rigs[0].report(proof(1)).await;
    blocks(&sim, 20).await;
    sim.refuse(false);
    rigs[1].report(proof(1)).await;
    blocks(&sim, 10).await;
    for rig in &rigs[..2] {
        assert!(rig.state().is_done(), "{:?}", rig.status());
    }
    let state = sim.best_state();
    assert_eq!((state.reports.len(), state.punished), (3, 1));
}

/// Of a validator that the chain has forgotten.
fn proof_of(validator: u64, checkpoint: u64) -> DoubleSignProof {
    double_sign(&TestKey::new(100 + validator), H256::zero(), checkpoint)
}

#[tokio::test(start_paused = true)]
async fn what_blocks_refuse_of_many_holds_up_no_other_ones_proof() {
    for (validators, each) in [(2, 4), (10, 1)] {
        let sim = Sim::new(0);
        let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
        sim.refuse_all_but(1);
        for validator in 0..validators {
            for n in 0..each {
                rig.report(proof_of(validator, 10 + n)).await;
            }
        }
        rig.report(proof(1)).await;
        blocks(&sim, 30).await;
        assert_eq!(sim.best_state().punished, 1, "{validators} validators");
        let reports = sim.best_state().reports.len();
        assert!(reports <= 2 * validators as usize + 1, "{validators} validators: {reports}");
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_are_counted_for_all_proofs_against_a_validator() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    sim.refuse(true);
    for checkpoint in 1..=4 {
        rig.report(proof(checkpoint)).await;
    }
    blocks(&sim, 100).await;
    assert_eq!(sim.best_state().reports.len(), 2);
    let status = rig.handle().status();
    assert!(status.iter().all(|status| status.trouble.is_some()), "{status:#?}");
}

#[tokio::test(start_paused = true)]
async fn that_a_report_is_refused_is_said_once() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    sim.refuse(true);
    rig.report(proof(1)).await;
    blocks(&sim, 20).await;
    let mut status = rig.handle().subscribe();
    let trouble = status.borrow_and_update()[0].trouble.clone().unwrap();
    assert!(trouble.contains("2 times"), "{trouble}");
    for block in 0..100 {
        blocks(&sim, 1).await;
        assert!(!status.has_changed().unwrap(), "after {block} blocks: {:?}", rig.status());
    }
}
