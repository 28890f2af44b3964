//! A node claims blocks that are not finalized, and what they say of a proof is taken back.

use super::{
    Rig, blocks, director_of_rank, proof,
    sim::{Sim, snapshot},
};
use crate::store::State;
use director_primitives::Reason;

#[tokio::test(start_paused = true)]
async fn what_a_block_said_that_is_not_final_is_asked_anew() {
    for restart in [false, true] {
        let sim = Sim::new(0);
        let mut rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
        blocks(&sim, 1).await;
        rig.node.blocks.send_replace(Some(snapshot(5_000)));
        rig.node.script(|script| script.checks.push_back(Ok(Reason::Excused)));
        rig.report(proof(1)).await;
        rig.until(|status| matches!(status.state, State::Obsolete { .. })).await;
        if restart {
            rig.restart().await;
            blocks(&sim, 1).await;
        }
        rig.node.blocks.send_replace(Some(snapshot(sim.finalized())));
        rig.until(|status| status.state == State::Proven).await;
        // Behind the three directors' turns.
        blocks(&sim, 8).await;
        assert!(matches!(rig.state(), State::Finalized { .. }), "{:?}", rig.status());
        assert_eq!((sim.best_state().punished, sim.handed()), (1, 1));
        assert_eq!(rig.disk.records()[0].state, rig.state());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_decided_below_stays() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.report(proof(1)).await;
    blocks(&sim, 2).await;
    let done = rig.state();
    assert_eq!(done, State::Finalized { block: 101 });
    rig.node.blocks.send_replace(Some(snapshot(5_000)));
    tokio::time::sleep(super::BLOCK).await;
    rig.node.blocks.send_replace(Some(snapshot(sim.finalized())));
    blocks(&sim, 20).await;
    assert_eq!((rig.state(), sim.handed()), (done, 1));
}
