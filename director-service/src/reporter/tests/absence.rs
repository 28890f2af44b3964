//! The chain goes away and comes back.

use super::{BLOCK, Rig, blocks, director_of_rank, node::unreachable, proof, sim::Sim};
use crate::{chain::ChainError, store::State};

#[tokio::test(start_paused = true)]
async fn an_absent_chain_is_waited_for_longer_each_time() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.node.script(|script| script.checks.extend((0..12).map(|_| Err(unreachable()))));
    rig.report(proof(1)).await;
    let status = rig.until(|status| status.trouble.is_some()).await;
    assert!(status.trouble.unwrap().contains("cannot reach the node"));
    rig.until(|status| matches!(status.state, State::Signed { .. })).await;

    let checked = rig.node.script(|script| script.checked.clone());
    let waits: Vec<_> = checked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    assert_eq!(waits.len(), 12);
    for (n, wait) in waits.iter().enumerate() {
        let full = 2f64.powi(n as i32).min(60.0);
        let bounds = full * 0.49..full * 1.01;
        assert!(bounds.contains(wait), "wait {n} was {wait} s of {full} s");
    }
    let jitter = waits[6..].iter().any(|wait| (wait - waits[6]).abs() > 0.001);
    assert!(jitter, "never exactly as long as the others: {waits:?}");
    blocks(&sim, 1).await;
    assert_eq!(rig.state(), State::Finalized { block: 101 });
}

#[tokio::test(start_paused = true)]
async fn the_first_block_after_ten_minutes_without_a_chain_wakes_the_pursuit() {
    for seconds in 0..60 {
        let sim = Sim::new(0);
        let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
        rig.node.set_up(false);
        rig.report(proof(1)).await;
        blocks(&sim, 100).await;
        // Wherever in its back-off it is.
        tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
        rig.node.set_up(true);
        blocks(&sim, 1).await;
        assert_eq!(sim.best_state().reports.len(), 1, "in the first block after the return");
    }
}

#[tokio::test(start_paused = true)]
async fn without_rank_0_the_report_comes_three_blocks_after_the_chain() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(1, &proof(1)));
    rig.node.set_up(false);
    rig.report(proof(1)).await;
    blocks(&sim, 100).await;
    rig.node.set_up(true);
    blocks(&sim, 3).await;
    assert_eq!(sim.best_state().reports.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_chain_that_stood_still_goes_on_with_the_report_in_its_first_block() {
    let sim = Sim::new(2);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.report(proof(1)).await;
    // The node answers, but there are no blocks.
    tokio::time::sleep(100 * BLOCK).await;
    assert_eq!(sim.handed(), 1);
    blocks(&sim, 1).await;
    assert_eq!(sim.best_state().reports.len(), 1);
    blocks(&sim, 3).await;
    assert_eq!(rig.state(), State::Finalized { block: 103 });
    assert_eq!(sim.handed(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_lags_does_not_hold_up_a_report_longer_than_a_block() {
    for refusals in 1..12 {
        let sim = Sim::new(0);
        let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
        // It answers, but not what was asked: no reason to think that it is away.
        let lags = || Err(ChainError::Unexpected("unknown block".into()));
        rig.node.script(|script| script.checks.extend((0..refusals).map(|_| lags())));
        rig.report(proof(1)).await;
        blocks(&sim, refusals + 1).await;
        assert_eq!(sim.best_state().reports.len(), 1, "after {refusals} refusals");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_catches_up_is_not_asked_at_each_block() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    let lags = || Err(ChainError::Unexpected("unknown block".into()));
    rig.node.script(|script| script.checks.extend((0..1_000).map(|_| lags())));
    rig.report(proof(1)).await;
    for _ in 0..1_000 {
        tokio::time::sleep(BLOCK / 600).await;
        sim.block();
    }
    let asked = rig.node.script(|script| script.checked.len());
    assert!((8..=25).contains(&asked), "{asked} times in 10 s");
}
