//! One director signs one report, whatever is lost: answers, pools, its own life.

use super::{
    BLOCK, Rig, blocks, director_of_rank,
    node::unreachable,
    proof,
    sim::{Call, Sim},
};
use crate::{
    chain::ChainError,
    store::{Record, State},
};

fn rank_0(sim: &Sim) -> Rig {
    Rig::new(sim, director_of_rank(0, &proof(1)))
}

#[tokio::test(start_paused = true)]
async fn a_death_between_any_two_steps_costs_no_second_extrinsic() {
    for lag in [0, 3] {
        for after in 0..40 {
            let sim = Sim::new(lag);
            let mut rig = rank_0(&sim);
            rig.points().die(after);
            let (points, report) = (rig.points(), rig.report(proof(1)));
            report.await;
            tokio::select! {
                () = points.dead() => {}
                () = blocks(&sim, 30) => {}
            }
            rig.restart().await;
            // It came before the proof was on disk: the core tells it again.
            rig.report(proof(1)).await;
            blocks(&sim, 30).await;
            let what = format!("lag {lag}, death at point {after}");
            assert!(matches!(rig.state(), State::Finalized { .. }), "{what}: {:?}", rig.status());
            assert_eq!(sim.best_state().reports.len(), 1, "{what}");
            assert_eq!(sim.handed(), 1, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_block_leads_to_no_second_extrinsic() {
    let sim = Sim::new(1);
    let mut rig = rank_0(&sim);
    rig.report(proof(1)).await;
    // Six minutes without a block that takes it, and a restart meanwhile.
    sim.withhold(60);
    blocks(&sim, 30).await;
    rig.restart().await;
    blocks(&sim, 34).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    assert_eq!((sim.handed(), sim.best_state().reports.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_expired_extrinsic_is_signed_anew_once_that_is_final() {
    let sim = Sim::new(3);
    let rig = rank_0(&sim);
    rig.report(proof(1)).await;
    sim.withhold(70);
    // Born at 100: from block 164 on it is too old, which is final with block 167.
    blocks(&sim, 63).await;
    assert_eq!((sim.finalized(), sim.handed()), (163, 1));
    blocks(&sim, 1).await;
    assert_eq!(sim.handed(), 2);
    blocks(&sim, 12).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    assert_eq!(sim.best_state().reports.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_lost_it_gets_the_same_one_again() {
    let sim = Sim::new(1);
    let rig = rank_0(&sim);
    sim.withhold(3);
    rig.report(proof(1)).await;
    blocks(&sim, 1).await;
    sim.lose_pool();
    blocks(&sim, 9).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    assert_eq!((sim.handed(), sim.best_state().reports.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_report_whose_nonce_another_took_is_signed_anew() {
    let sim = Sim::new(1);
    let rig = rank_0(&sim);
    sim.withhold(2);
    rig.report(proof(1)).await;
    blocks(&sim, 1).await;
    sim.lose_pool();
    let other = sim.sign(&rig.node.me, Call::Other);
    sim.hand(other.id);
    blocks(&sim, 9).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    assert_eq!((sim.handed(), sim.best_state().reports.len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_refused_extrinsic_is_signed_anew_after_a_while() {
    let sim = Sim::new(0);
    let rig = rank_0(&sim);
    let refusals = ["pool full", "dropped"].map(|cause| ChainError::Pool(cause.into()));
    rig.node.script(|script| script.refusals.extend(refusals));
    rig.report(proof(1)).await;
    blocks(&sim, 3).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    assert_eq!((rig.status().attempts, sim.best_state().reports.len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_came_is_found_in_the_chain() {
    for lag in [0, 2] {
        for is_handed in [false, true] {
            let sim = Sim::new(lag);
            let rig = rank_0(&sim);
            rig.report(proof(1)).await;
            rig.until(|status| matches!(status.state, State::Signed { .. })).await;
            if is_handed {
                tokio::time::sleep(BLOCK / 6).await;
            }
            rig.node.set_up(false);
            blocks(&sim, 20).await;
            assert!(rig.status().trouble.is_some());
            assert_eq!(sim.best_state().reports.len(), usize::from(is_handed));
            rig.node.set_up(true);
            blocks(&sim, if is_handed { 1 } else { lag + 1 }).await;
            assert!(matches!(rig.state(), State::Finalized { .. }), "{:?}", rig.status());
            assert_eq!((sim.handed(), sim.best_state().reports.len()), (1, 1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_pool_will_never_take_again_is_signed_anew_with_the_same_nonce() {
    let sim = Sim::new(0);
    let rig = rank_0(&sim);
    sim.withhold(6);
    rig.report(proof(1)).await;
    blocks(&sim, 1).await;
    sim.lose_pool();
    rig.node.script(|script| script.void = Some("Transaction has a bad signature".into()));
    blocks(&sim, 9).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    assert_eq!((sim.handed(), sim.best_state().reports.len()), (2, 1));
    assert_eq!(sim.best_state().nonce(&rig.node.me), 1);
}

#[tokio::test(start_paused = true)]
async fn missing_fees_are_told_and_waited_for() {
    let sim = Sim::new(1);
    let mut rig = rank_0(&sim);
    sim.fund(&rig.node.me, false);
    rig.report(proof(1)).await;
    let status = rig.until(|status| status.state == State::FeesMissing).await;
    let told = format!("fund account {}", rig.node.me);
    let status = match status.trouble {
        Some(_) => status,
        None => rig.until(|status| status.trouble.is_some()).await,
    };
    assert!(status.trouble.unwrap().contains(&told));
    blocks(&sim, 20).await;
    rig.restart().await;
    blocks(&sim, 20).await;
    assert_eq!(rig.state(), State::FeesMissing);
    assert_eq!(sim.best_state().reports.len(), 0);
    sim.fund(&rig.node.me, true);
    blocks(&sim, 13).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    assert_eq!(sim.best_state().reports.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_an_older_version_submitted_has_its_time() {
    let sim = Sim::new(0);
    let mut rig = rank_0(&sim);
    rig.kill().await;
    let state = State::Submitted { block: 99 };
    rig.disk.put(&Record {
        proof: proof(1),
        state,
        proven_at_ms: 1,
        changed_at_ms: 2,
        known_block: 0,
    });
    rig.start();
    blocks(&sim, 60).await;
    assert_eq!((rig.state(), sim.handed()), (State::Submitted { block: 99 }, 0));
    blocks(&sim, 20).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    assert_eq!(sim.handed(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_before_the_signature_is_no_extrinsic() {
    let sim = Sim::new(0);
    let rig = rank_0(&sim);
    rig.node.script(|script| script.refusals.push_back(unreachable()));
    rig.report(proof(1)).await;
    blocks(&sim, 2).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    assert_eq!(sim.best_state().reports.len(), 1);
}
