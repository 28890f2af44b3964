//! Directors take turns, whatever the chain's finality is like.

use super::{Rig, blocks, director_of_rank, proof, sim::Sim};
use crate::store::State;

#[tokio::test(start_paused = true)]
async fn directors_take_turns() {
    for rank in 1..3 {
        let sim = Sim::new(0);
        let rig = Rig::new(&sim, director_of_rank(rank, &proof(1)));
        rig.report(proof(1)).await;
        rig.until(|status| status.validator.is_some()).await;
        blocks(&sim, 2 * u64::from(rank) - 1).await;
        assert_eq!(sim.handed(), 0, "rank {rank}");
        blocks(&sim, 1).await;
        assert_eq!(sim.handed(), 1, "rank {rank}");
        blocks(&sim, 1).await;
        assert!(matches!(rig.state(), State::Finalized { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_second_submits_nothing() {
    let sim = Sim::new(0);
    let [first, second, _third] = Rig::all(&sim, &proof(1));
    first.report(proof(1)).await;
    second.report(proof(1)).await;
    blocks(&sim, 4).await;
    assert_eq!(first.state(), State::Finalized { block: 101 });
    assert!(matches!(second.state(), State::Obsolete { why } if why.contains("punished")));
    assert_eq!(sim.handed(), 1);
}

#[tokio::test(start_paused = true)]
async fn three_directors_report_once_however_late_finality_is() {
    for lag in 0..12 {
        let sim = Sim::new(lag);
        let rigs = Rig::all(&sim, &proof(1));
        for rig in &rigs {
            rig.report(proof(1)).await;
        }
        blocks(&sim, 30).await;
        let first = std::slice::from_ref(&rigs[0].node.me);
        assert_eq!(sim.best_state().reports, first, "lag {lag}");
        assert_eq!(sim.handed(), 1, "lag {lag}");
        assert!(matches!(rigs[0].state(), State::Finalized { .. }));
        assert!(rigs[1..].iter().all(|rig| matches!(rig.state(), State::Obsolete { .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_with_blocks_the_turns_begin_anew() {
    for lag in 0..6 {
        for before in 0..4 {
            let sim = Sim::new(lag);
            let rigs = Rig::all(&sim, &proof(1));
            // Ranks 1 and 2 have begun to wait when all nodes go away.
            for rig in &rigs[1..] {
                rig.report(proof(1)).await;
            }
            blocks(&sim, before).await;
            rigs.iter().for_each(|rig| rig.node.set_up(false));
            rigs[0].report(proof(1)).await;
            blocks(&sim, 100).await;
            rigs.iter().for_each(|rig| rig.node.set_up(true));
            blocks(&sim, 30).await;
            let reports = sim.best_state().reports;
            // Before the outage it may have been the turn of rank 1, whose report is on its way then.
            let most = if before < 2 { 1 } else { 2 };
            assert!((1..=most).contains(&reports.len()), "lag {lag}, {before}: {reports:?}");
            assert_eq!(sim.best_state().punished, 1);
            assert!(rigs.iter().all(|rig| rig.state().is_done()), "lag {lag}, {before}");
        }
    }
}
