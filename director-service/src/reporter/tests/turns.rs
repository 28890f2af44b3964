//! Directors take turns, whatever the chain's finality is like.

use super::{
    BLOCK, Rig, blocks, director_of_rank, proof,
    sim::{Call, Sim, account},
};
use crate::store::{Record, State};

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
    assert_eq!(second.state(), State::Superseded);
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
        assert!(rigs[1..].iter().all(|rig| rig.state() == State::Superseded));
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

#[tokio::test(start_paused = true)]
async fn a_report_that_waits_in_the_pool_is_seen_by_all() {
    for lag in [0, 3] {
        let sim = Sim::new(lag);
        let rigs = Rig::all(&sim, &proof(1));
        for rig in &rigs {
            rig.report(proof(1)).await;
        }
        // All turns begin before a block takes it.
        sim.withhold(12);
        blocks(&sim, 12).await;
        assert_eq!((sim.handed(), sim.best_state().reports.len()), (1, 0), "lag {lag}");
        blocks(&sim, 5).await;
        assert_eq!(sim.handed(), 1, "lag {lag}");
        assert!(matches!(rigs[0].state(), State::Finalized { .. }), "{:?}", rigs[0].status());
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_no_block_takes_is_not_waited_for_for_ever() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    let stranger = sim.sign(&account(9), Call::Report(proof(1)));
    sim.hand(stranger.id);
    sim.withhold(30);
    rig.report(proof(1)).await;
    blocks(&sim, 15).await;
    assert_eq!(sim.handed(), 1);
    blocks(&sim, 1).await;
    assert_eq!(sim.handed(), 2);
    blocks(&sim, 18).await;
    assert!(rig.state().is_done());
    assert_eq!(sim.best_state().punished, 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_overtaken_while_it_signs_hands_nothing_over() {
    for in_block in [false, true] {
        let sim = Sim::new(1);
        let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
        rig.report(proof(1)).await;
        rig.until(|status| matches!(status.state, State::Signed { .. })).await;
        let faster = sim.sign(&account(9), Call::Report(proof(1)));
        sim.hand(faster.id);
        if in_block {
            sim.block();
        }
        tokio::time::sleep(BLOCK / 6).await;
        assert_eq!((sim.handed(), rig.state()), (1, State::Proven), "in a block: {in_block}");
        blocks(&sim, 4).await;
        assert_eq!(rig.state(), State::Superseded);
        assert_eq!((sim.handed(), sim.best_state().reports.len()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_died_over_it_waits_behind_all_others() {
    for rank in 0..3 {
        for is_signed in [false, true] {
            let sim = Sim::new(0);
            let mut rig = Rig::new(&sim, director_of_rank(rank, &proof(1)));
            rig.kill().await;
            let state = match is_signed {
                true => {
                    let tx = sim.sign(&rig.node.me, Call::Report(proof(1)));
                    let bytes = codec::Encode::encode(&tx.id);
                    State::Signed { bytes, nonce: tx.nonce, born: tx.born }
                }
                false => State::Proven,
            };
            rig.disk.put(&Record {
                proof: proof(1),
                state,
                proven_at_ms: 1,
                changed_at_ms: 2,
                known_block: 0,
            });
            rig.start();
            rig.until(|status| status.validator.is_some()).await;
            blocks(&sim, 2 * (3 + u64::from(rank)) - 1).await;
            assert_eq!(sim.handed(), 0, "rank {rank}, signed: {is_signed}");
            blocks(&sim, 2).await;
            assert_eq!(sim.handed(), 1, "rank {rank}, signed: {is_signed}");
            assert!(matches!(rig.state(), State::Finalized { .. }), "{:?}", rig.status());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn three_that_lost_their_power_report_once() {
    for lag in 0..6 {
        let sim = Sim::new(lag);
        let mut rigs = Rig::all(&sim, &proof(1));
        for rig in &rigs {
            rig.node.set_up(false);
            rig.report(proof(1)).await;
        }
        blocks(&sim, 3).await;
        for rig in &mut rigs {
            rig.kill().await;
            rig.node.set_up(true);
            rig.start();
        }
        blocks(&sim, 24).await;
        assert_eq!(sim.handed(), 1, "lag {lag}");
        assert!(rigs.iter().all(|rig| rig.state().is_done()));
    }
}
