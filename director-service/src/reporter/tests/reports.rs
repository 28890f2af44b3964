//! What becomes of proofs when little gets in their way.

use super::{
    BLOCK, Rig, blocks, director_of_rank,
    node::unreachable,
    proof,
    sim::{Sim, account, offender},
};
use crate::{reporter::EvidenceStatus, store::State};
use director_primitives::Reason;
use std::{sync::Arc, time::Duration};

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
    for checkpoint in 0..20 {
        rig.report(proof(checkpoint)).await;
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
