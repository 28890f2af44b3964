//! What becomes of proofs when little gets in their way.

use super::{
    BLOCK, Rig, blocks, director_of_rank,
    node::unreachable,
    proof,
    sim::{Sim, account, offender},
};
use crate::{
    reporter::{EvidenceStatus, Offer},
    store::State,
};
use director_primitives::{
    H256, Reason,
    test_utils::{TestKey, double_sign},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

#[tokio::test(start_paused = true)]
async fn a_proof_is_reported_and_finalized() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.report(proof(1)).await;
    // Again is the same as once.
    rig.report(proof(1)).await;
    blocks(&sim, 2).await;
    let status = rig.status();
    assert_eq!(status.state, State::Finalized { block: 101 });
    assert_eq!(status.validator, Some(offender()));
    assert_eq!((status.attempts, status.trouble), (1, None));
    assert_eq!(sim.best_state().reports, std::slice::from_ref(&rig.node.me));
}

#[tokio::test(start_paused = true)]
async fn what_the_chain_does_not_punish_is_obsolete() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.node.script(|script| script.checks.push_back(Ok(Reason::Excused)));
    rig.report(proof(1)).await;
    let status = rig.until(|status| status.state.is_done()).await;
    assert!(matches!(status.state, State::Obsolete { why } if why.contains("Excused")));
    assert_eq!(sim.handed(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_restart_takes_up_what_was_left() {
    let sim = Sim::new(0);
    let mut rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.node.script(|script| script.checks.extend((0..3).map(|_| Err(unreachable()))));
    rig.report(proof(1)).await;
    rig.until(|status| status.trouble.is_some()).await;
    rig.restart().await;
    // Behind the three directors' turns.
    blocks(&sim, 8).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));

    // What is done stays done, and is still told.
    rig.restart().await;
    blocks(&sim, 100).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    assert_eq!(sim.handed(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_finalized_block_it_waits() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.node.blocks.send_replace(None);
    rig.report(proof(1)).await;
    let status = rig.until(|status| status.trouble.is_some()).await;
    assert_eq!(status.state, State::Proven);
    blocks(&sim, 3).await;
    assert_eq!(rig.state(), State::Finalized { block: 102 });
}

#[tokio::test(start_paused = true)]
async fn many_proofs_are_pursued_some_at_a_time() {
    let sim = Sim::new(0);
    // No director: it comes after all of them.
    let rig = Rig::new(&sim, account(9));
    for n in 0..20 {
        // Of validators that the chain has forgotten.
        rig.report(double_sign(&TestKey::new(100 + n), H256::zero(), n)).await;
    }
    blocks(&sim, 40).await;
    // One is enough to punish the validator; the others are covered by it, or would be needed if that
    // one were excused.
    let all = rig.handle().status();
    assert_eq!(all.len(), 20);
    let is_settled = |status: &EvidenceStatus| {
        status.state.is_done() || matches!(status.state, State::Waiting { .. })
    };
    assert!(all.iter().all(is_settled), "{all:#?}");
    assert_eq!(sim.best_state().punished, 1);
}

#[tokio::test(start_paused = true)]
async fn of_many_proofs_against_one_validator_the_newest_are_pursued() {
    let sim = Sim::new(0);
    // No director: it comes after all of them.
    let mut rig = Rig::new(&sim, account(9));
    for checkpoint in (0..20).chain([3, 17]) {
        rig.report(proof(checkpoint)).await;
    }
    blocks(&sim, 2).await;
    let checkpoints = |rig: &Rig| {
        let status = rig.handle().status();
        status.iter().map(|status| status.checkpoint).collect::<BTreeSet<_>>()
    };
    // The first one is pursued, and stays.
    assert_eq!(checkpoints(&rig), [0, 17, 18, 19].into());
    assert_eq!(rig.disk.records().len(), 4);
    rig.restart().await;
    blocks(&sim, 1).await;
    rig.report(proof(20)).await;
    blocks(&sim, 40).await;
    let kept = checkpoints(&rig);
    assert!(kept.len() == 4 && kept.contains(&20), "{kept:?}");
    assert_eq!((sim.best_state().punished, sim.handed()), (1, 1));
    assert!(rig.handle().status().iter().all(|status| status.trouble.is_none()));
}

#[tokio::test(start_paused = true)]
async fn what_is_signed_makes_room_for_nothing() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.report(proof(1)).await;
    tokio::time::sleep(BLOCK / 6).await;
    assert_eq!(sim.handed(), 1);
    rig.node.set_up(false);
    for checkpoint in 2..10 {
        rig.report(proof(checkpoint)).await;
    }
    tokio::time::sleep(BLOCK / 6).await;
    assert_eq!(rig.handle().status().len(), 5);
    rig.node.set_up(true);
    blocks(&sim, 10).await;
    let first = rig.until(|status| status.checkpoint == 1).await;
    assert!(matches!(first.state, State::Finalized { .. }), "{first:?}");
    assert_eq!(sim.best_state().punished, 1);
}

#[tokio::test(start_paused = true)]
async fn a_proof_is_offered_without_waiting() {
    let sim = Sim::new(0);
    let mut rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    let handle = rig.handle();
    // Nobody takes anything as long as nothing here waits.
    let taken = (0..).take_while(|n| handle.offer(proof(*n)) == Offer::Taken).count();
    assert_eq!(taken, 256);
    assert_eq!(handle.offer(proof(1)), Offer::Full);
    rig.kill().await;
    assert_eq!(handle.offer(proof(1)), Offer::Ended);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_owner() {
    let sim = Sim::new(0);
    let mut rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.node.set_up(false);
    rig.report(proof(1)).await;
    rig.until(|status| status.trouble.is_some()).await;
    let handle = rig.handle();
    drop(rig.reporter.take());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let watchers = rig.node.blocks.receiver_count();
    assert_eq!(watchers, 0, "nobody is left to ask");
    tokio::time::sleep(100 * BLOCK).await;
    assert!(!handle.report(proof(2)).await);
    assert_eq!(Arc::strong_count(&rig.node), 1);
}
