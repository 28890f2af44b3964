//! A disk that hangs keeps no proof from the chain, and gets all of them when it goes on.

use super::{
    BLOCK, Rig, blocks, director_of_rank, proof,
    sim::{Sim, account},
};
use crate::store::State;
use director_primitives::{
    H256,
    test_utils::{TestKey, double_sign},
};

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_does_not_keep_a_proof_from_the_chain() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.disk.hang(true);
    rig.report(proof(1)).await;
    blocks(&sim, 8).await;
    assert!(matches!(rig.state(), State::Finalized { .. }), "{:?}", rig.status());
    assert_eq!((sim.best_state().punished, sim.handed()), (1, 1));
    rig.disk.hang(false);
    blocks(&sim, 1).await;
    assert_eq!(rig.disk.records()[0].state, rig.state());
}

#[tokio::test(start_paused = true)]
async fn many_proofs_of_one_do_not_wait_for_a_disk_that_hangs_nor_does_anothers() {
    let sim = Sim::new(0);
    // No director: it comes after all of them.
    let rig = Rig::new(&sim, account(9));
    // What is on disk is read.
    tokio::time::sleep(BLOCK / 6).await;
    rig.disk.hang(true);
    for checkpoint in 1..=40 {
        rig.report(proof(checkpoint)).await;
    }
    rig.report(double_sign(&TestKey::new(100), H256::zero(), 1_000)).await;
    blocks(&sim, 2).await;
    let other = rig.until(|status| status.checkpoint == 1_000).await;
    assert!(other.validator.is_some(), "{other:?}");
    blocks(&sim, 8).await;
    assert_eq!(sim.best_state().punished, 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_waited_for_is_written_when_the_disk_goes_on() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    tokio::time::sleep(BLOCK / 6).await;
    rig.node.set_up(false);
    rig.disk.hang(true);
    // More than the store's mailbox has room for.
    for checkpoint in 1..=40 {
        rig.report(proof(checkpoint)).await;
    }
    tokio::time::sleep(10 * BLOCK).await;
    assert!(rig.disk.records().is_empty());
    rig.disk.hang(false);
    // Without a block or a proof that would be a reason to try again.
    tokio::time::sleep(BLOCK).await;
    let mut on_disk: Vec<_> = rig.disk.records().iter().map(|of| of.proof.id()).collect();
    let mut all: Vec<_> = rig.handle().status().iter().map(|of| of.id).collect();
    on_disk.sort_unstable();
    all.sort_unstable();
    assert_eq!((all.len(), on_disk), (4, all));
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_hangs_when_it_is_read_holds_up_no_new_proof() {
    let sim = Sim::new(0);
    let mut rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.kill().await;
    rig.disk.hang(true);
    rig.start();
    rig.report(proof(1)).await;
    blocks(&sim, 8).await;
    assert!(matches!(rig.state(), State::Finalized { .. }), "{:?}", rig.status());
    rig.disk.hang(false);
    blocks(&sim, 20).await;
    assert_eq!(rig.disk.records().len(), 1);
}
