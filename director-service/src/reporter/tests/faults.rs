//! No proof is left that nobody pursues: after a pardon, a panic, a disk that did not answer.

use super::{Rig, blocks, director_of_rank, proof, sim::Sim};
use crate::store::{Record, State};

#[tokio::test(start_paused = true)]
async fn a_pardon_brings_the_later_proof_to_the_chain() {
    for restart in [false, true] {
        let sim = Sim::new(2);
        let mut rigs = Rig::all(&sim, &proof(20));
        for rig in &rigs {
            rig.report(proof(10)).await;
        }
        blocks(&sim, 20).await;
        for rig in &rigs {
            rig.report(proof(20)).await;
        }
        blocks(&sim, 5).await;
        for rig in &mut rigs {
            let wait = rig.until(|status| status.checkpoint == 20).await;
            assert!(matches!(wait.state, State::Waiting { .. }), "{wait:?}");
            if restart {
                rig.restart().await;
            }
        }
        sim.cancel();
        blocks(&sim, 25).await;
        let state = sim.best_state();
        assert_eq!((state.punished, state.reports.len()), (2, 2));
        assert_eq!(state.slashes()[0].offence.checkpoint, 20);
        for rig in &rigs {
            let status = rig.handle().status();
            assert!(status.iter().all(|status| status.state.is_done()), "{status:#?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_pardon_excuses_as_well_is_obsolete() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(20)));
    rig.report(proof(20)).await;
    blocks(&sim, 6).await;
    rig.report(proof(10)).await;
    let status = rig.until(|status| status.checkpoint == 10 && status.state.is_done()).await;
    assert_eq!(status.state, State::Superseded);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_pardon_longer_than_stake_is_locked() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(10)));
    rig.report(proof(10)).await;
    blocks(&sim, 6).await;
    rig.report(proof(20)).await;
    blocks(&sim, 90).await;
    let later = |state: &State| match state {
        State::Waiting { .. } => true,
        State::Obsolete { .. } => false,
        state => panic!("{state:?}"),
    };
    let waits = || later(&rig.handle().status().iter().find(|s| s.checkpoint == 20).unwrap().state);
    assert!(waits());
    blocks(&sim, 30).await;
    assert!(!waits());
}

#[tokio::test(start_paused = true)]
async fn a_pursuit_that_panics_begins_anew() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.node.script(|script| script.panics = 5);
    rig.report(proof(1)).await;
    blocks(&sim, 20).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    assert_eq!(sim.handed(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_cannot_be_read_is_read_later() {
    let sim = Sim::new(0);
    let mut rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.kill().await;
    let record = |state| Record {
        proof: proof(1),
        state,
        proven_at_ms: 1,
        changed_at_ms: 2,
        known_block: 0,
    };
    rig.disk.put(&record(State::Proven));
    rig.disk.fail_reads(2);
    rig.start();
    blocks(&sim, 9).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));

    // What comes meanwhile does not take the place of what is on disk.
    rig.kill().await;
    rig.disk.fail_reads(2);
    rig.start();
    rig.report(proof(1)).await;
    blocks(&sim, 3).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    assert_eq!(sim.handed(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_is_never_read_does_not_keep_new_proofs_from_the_chain() {
    let sim = Sim::new(0);
    let mut rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.kill().await;
    rig.disk.fail_reads(u32::MAX);
    rig.start();
    rig.report(proof(1)).await;
    blocks(&sim, 5).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    rig.disk.fail_reads(0);
    blocks(&sim, 20).await;
    assert_eq!(rig.disk.records().len(), 1);
}
