//! Right proofs without end: who has the key of a validator makes as many as it likes.

use super::{Rig, blocks, director_of_rank, proof, sim::Sim};

#[tokio::test(start_paused = true)]
async fn a_stream_of_newer_proofs_keeps_no_director_from_reporting() {
    for rank in 0..3 {
        let sim = Sim::new(0);
        let rig = Rig::new(&sim, director_of_rank(rank, &proof(1)));
        // As many as the core takes from others for each block.
        for block in 0..50 {
            for n in 1..=4 {
                rig.report(proof(4 * block + n)).await;
            }
            blocks(&sim, 1).await;
        }
        let state = sim.best_state();
        assert_eq!((state.punished, state.reports.len()), (1, 1), "rank {rank}");
        let reported_at = state.slashes()[0].reported_at;
        assert!(reported_at <= 102 + 2 * u64::from(rank), "rank {rank}: at {reported_at}");
    }
}

#[tokio::test(start_paused = true)]
async fn directors_that_heard_of_different_proofs_take_turns() {
    for lag in [0, 3] {
        let sim = Sim::new(lag);
        let rigs = Rig::all(&sim, &proof(1));
        for (rig, checkpoint) in rigs.iter().zip([10, 20, 30]) {
            rig.report(proof(checkpoint)).await;
        }
        blocks(&sim, 30).await;
        assert_eq!((sim.best_state().punished, sim.handed()), (1, 1), "lag {lag}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_proof_against_a_validator_is_pursued_at_a_time() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    for checkpoint in 1..=4 {
        rig.report(proof(checkpoint)).await;
    }
    blocks(&sim, 20).await;
    assert_eq!((sim.best_state().reports.len(), sim.handed()), (1, 1));
}
