//! Blocks that take nothing, pools that cannot be read: how many reports of one offence are under way.

use super::{BLOCK, Rig, blocks, proof, sim::Sim};
use crate::{chain::LIFETIME, store::State};

/// A chain with so many directors who all have the proof, and whose blocks take nothing for so long.
async fn withheld(lag: u64, directors: u8, count: u64) -> (Sim, Vec<Rig>) {
    let sim = Sim::with_directors(lag, directors);
    let rigs = Rig::of_all(&sim, &proof(1));
    for rig in &rigs {
        rig.report(proof(1)).await;
    }
    sim.withhold(count);
    (sim, rigs)
}

/// It is punished once, nobody has paid twice, and all know that it is done.
fn is_settled(sim: &Sim, rigs: &[Rig], what: &str) {
    let state = sim.best_state();
    assert_eq!(state.punished, 1, "{what}");
    let mut payers = state.reports.clone();
    payers.sort_unstable();
    payers.dedup();
    assert_eq!(payers.len(), state.reports.len(), "{what}: somebody paid twice");
    assert!(state.reports.len() <= 2, "{what}: {:?}", state.reports);
    for rig in rigs {
        let is_own = state.slashes()[0].reporter == rig.node.me;
        match rig.state() {
            State::Finalized { .. } => assert!(is_own, "{what}"),
            other => assert_eq!((other, is_own), (State::Superseded, false), "{what}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn blocks_that_take_nothing_lead_to_two_reports_at_most() {
    for directors in [3, 7] {
        for lag in [0, 3] {
            for count in [1, 15, 17, 25, 40, LIFETIME - 1] {
                let (sim, rigs) = withheld(lag, directors, count).await;
                blocks(&sim, count).await;
                let what = format!("{directors} directors, lag {lag}, {count} blocks");
                assert_eq!(sim.handed(), if count < 20 { 1 } else { 2 }, "{what}");
                blocks(&sim, 30 + lag).await;
                assert!(sim.handed() <= 2, "{what}: {} were handed over", sim.handed());
                is_settled(&sim, &rigs, &what);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn however_long_blocks_take_nothing_there_are_two_reports_at_once_at_most() {
    for directors in [3, 7] {
        for lag in [0, 3] {
            for count in [65, 100, 200, 500] {
                let (sim, rigs) = withheld(lag, directors, count).await;
                blocks(&sim, count + 50 + lag).await;
                let what = format!("{directors} directors, lag {lag}, {count} blocks");
                assert!(sim.most_at_once() <= 2, "{what}: {}", sim.most_at_once());
                is_settled(&sim, &rigs, &what);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pools_that_cannot_be_read_lead_to_one_report_after_the_other() {
    for directors in [3, 7] {
        for lag in [0, 3] {
            for count in [0, 3, 12, 40, LIFETIME - 1, 100, 200, 500] {
                let (sim, rigs) = withheld(lag, directors, count).await;
                rigs.iter().for_each(|rig| rig.node.hide_pool(true));
                blocks(&sim, count).await;
                let what = format!("{directors} directors, lag {lag}, {count} blocks");
                let due = 1 + count as usize / LIFETIME as usize;
                assert!(sim.handed() <= due, "{what}: {} were handed over", sim.handed());
                assert_eq!(sim.most_at_once(), 1, "{what}");
                blocks(&sim, LIFETIME + 30).await;
                is_settled(&sim, &rigs, &what);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_some_cannot_read_the_pool_there_are_two_reports_at_most() {
    for directors in [3, 7] {
        for which in 0..1 << directors.min(4) {
            let (sim, rigs) = withheld(1, directors, 40).await;
            for (bit, rig) in rigs.iter().enumerate() {
                rig.node.hide_pool(which >> bit & 1 == 1);
            }
            blocks(&sim, 80).await;
            let what = format!("{directors} directors, hidden {which:b}");
            assert!(sim.handed() <= 2, "{what}: {} were handed over", sim.handed());
            is_settled(&sim, &rigs, &what);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_first_ones_a_pool_that_cannot_be_read_does_not_keep_the_others_silent() {
    let (sim, mut rigs) = withheld(0, 3, 0).await;
    // What the first two do is lost.
    for rig in &mut rigs[..2] {
        rig.kill().await;
    }
    rigs[2].node.hide_pool(true);
    blocks(&sim, 2 * LIFETIME + 3).await;
    assert_eq!(sim.best_state().reports, [rigs[2].node.me.clone()]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_pool_is_filled_by_who_had_filled_it() {
    for directors in [3, 7] {
        for after in 1..30 {
            let (sim, rigs) = withheld(0, directors, 60).await;
            blocks(&sim, after).await;
            let before = sim.handed();
            sim.lose_pool();
            blocks(&sim, 8).await;
            let what = format!("{directors} directors, lost after {after} blocks");
            assert!(sim.handed() <= 2 && before <= 2, "{what}: {}", sim.handed());
            blocks(&sim, 60).await;
            assert!(sim.most_at_once() <= 2, "{what}: {}", sim.most_at_once());
            is_settled(&sim, &rigs, &what);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_a_node_lost_while_it_was_away_is_in_the_third_block_after_its_return() {
    for directors in [3, 7] {
        let (sim, rigs) = withheld(0, directors, 2).await;
        blocks(&sim, 1).await;
        assert_eq!(sim.handed(), 1);
        rigs.iter().for_each(|rig| rig.node.set_up(false));
        sim.lose_pool();
        tokio::time::sleep(20 * BLOCK).await;
        rigs.iter().for_each(|rig| rig.node.set_up(true));
        // The first one takes nothing yet.
        blocks(&sim, 3).await;
        assert_eq!(sim.best_state().punished, 1, "{directors} directors");
        blocks(&sim, 5).await;
        is_settled(&sim, &rigs, "after its return");
        assert_eq!(sim.handed(), 1);
    }
}
