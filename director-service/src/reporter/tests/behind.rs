//! A node that is behind: what it says of a proof is of long ago, and must not end its pursuit.

use super::{
    BLOCK, Rig, blocks, director_of_rank, proof,
    sim::{Call, Sim, account},
};
use crate::{
    reporter::{EvidenceStatus, RECHECK_BLOCKS},
    store::{Record, State},
};
use director_primitives::{
    DoubleSignProof, H256, Reason,
    test_utils::{TestKey, double_sign},
};
use std::time::Duration;

/// Where nodes are that are behind, and from which block on the chain knows the offender.
const BEHIND: u64 = 5;
const KNOWN_FROM: u64 = 50;

fn record(state: State, known_block: u64) -> Record {
    Record { proof: proof(1), state, proven_at_ms: 1, changed_at_ms: 2, known_block }
}

fn is_unpunishable(state: &State) -> bool {
    matches!(state, State::Obsolete { why } if why.contains("UnknownKey"))
}

/// A director that is started with this in its outbox, while its node is behind.
async fn started_behind(sim: &Sim, left: &Record, syncs: bool) -> Rig {
    sim.know_from(proof(1).first.key, KNOWN_FROM);
    let mut rig = Rig::new(sim, director_of_rank(0, &proof(1)));
    rig.kill().await;
    rig.disk.put(left);
    rig.node.fall_behind(BEHIND, syncs);
    rig.start();
    tokio::time::sleep(BLOCK).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn a_director_whose_node_is_behind_at_its_start_loses_no_proof() {
    let sim = Sim::new(0);
    let me = director_of_rank(0, &proof(1));
    let signed = sim.sign(&me, Call::Report(proof(1)));
    let bytes = codec::Encode::encode(&signed.id);
    let states = [
        State::Proven,
        State::Waiting { since: 90 },
        State::FeesMissing,
        State::Signed { bytes, nonce: signed.nonce, born: signed.born },
    ];
    for state in states {
        // Written by an older version; not said by the node.
        for (known_block, syncs) in [(100, true), (0, true), (100, false)] {
            let sim = Sim::new(0);
            sim.sign(&me, Call::Report(proof(1)));
            let rig = started_behind(&sim, &record(state.clone(), known_block), syncs).await;
            let what = format!("{state:?}, known {known_block}, syncs: {syncs}");
            assert_eq!(rig.state(), state, "{what}");
            assert!(rig.status().trouble.unwrap().contains("behind"), "{what}");
            rig.node.fall_behind(KNOWN_FROM - 1, syncs);
            tokio::time::sleep(BLOCK).await;
            assert_eq!(rig.state(), state, "{what}");
            rig.node.catch_up();
            // Behind the three directors' turns, or when those that wait are looked at.
            blocks(&sim, RECHECK_BLOCKS + 9).await;
            assert!(matches!(rig.state(), State::Finalized { .. }), "{what}: {:?}", rig.status());
            assert_eq!((sim.handed(), sim.best_state().reports.len()), (1, 1), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_proof_is_not_unpunishable_below_the_block_at_which_it_came() {
    let sim = Sim::new(0);
    sim.know_from(proof(1).first.key, KNOWN_FROM);
    let mut rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    // The directors' turns are not over.
    rig.kill().await;
    rig.node.fall_behind(100, false);
    rig.start();
    rig.node.script(|script| script.checks.extend((0..3).map(|_| Err(super::unreachable()))));
    rig.report(proof(1)).await;
    rig.until(|status| status.trouble.is_some()).await;
    rig.kill().await;
    assert_eq!(rig.disk.records()[0].known_block, 100);
    rig.node.script(|script| script.checks.clear());
    rig.node.fall_behind(BEHIND, false);
    rig.start();
    tokio::time::sleep(BLOCK).await;
    assert_eq!(rig.state(), State::Proven);
    rig.node.catch_up();
    blocks(&sim, 9).await;
    assert!(matches!(rig.state(), State::Finalized { .. }), "{:?}", rig.status());
}

#[tokio::test(start_paused = true)]
async fn a_chain_that_does_not_know_its_own_genesis_yet_ends_no_pursuit() {
    for at in [0, BEHIND] {
        let sim = Sim::new(0);
        sim.know_from(proof(1).first.key, KNOWN_FROM);
        let mut rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
        rig.kill().await;
        // Of an older version: nothing says how far the chain was.
        rig.disk.put(&record(State::Proven, if at == 0 { 0 } else { 100 }));
        rig.node.fall_behind(at, false);
        rig.node.script(|script| script.checks.push_back(Ok(Reason::OtherChain)));
        rig.start();
        tokio::time::sleep(BLOCK).await;
        assert_eq!(rig.state(), State::Proven, "at block {at}");
        rig.node.catch_up();
        blocks(&sim, RECHECK_BLOCKS + 9).await;
        assert!(matches!(rig.state(), State::Finalized { .. }), "at {at}: {:?}", rig.status());
    }
}

/// Of a validator that the chain has not registered.
fn strangers_proof(n: u64) -> DoubleSignProof {
    double_sign(&TestKey::new(100 + n), H256::zero(), n)
}

#[tokio::test(start_paused = true)]
async fn proofs_with_unknown_keys_hold_up_no_other_one_and_end_at_a_node_that_is_level() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.node.fall_behind(100, true);
    for n in 0..20 {
        sim.know_from(strangers_proof(n).first.key, u64::MAX);
        rig.report(strangers_proof(n)).await;
    }
    rig.report(proof(1)).await;
    blocks(&sim, 2).await;
    let all = rig.handle().status();
    let open = |status: &&EvidenceStatus| status.state == State::Proven;
    assert_eq!(all.iter().filter(open).count(), 20);
    assert_eq!(sim.best_state().punished, 1, "{all:#?}");

    rig.node.catch_up();
    blocks(&sim, 4).await;
    let all = rig.handle().status();
    assert_eq!(all.iter().filter(|of| is_unpunishable(&of.state)).count(), 20, "{all:#?}");
    assert_eq!(sim.handed(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_block_that_never_was_is_not_waited_for_for_ever() {
    let sim = Sim::new(0);
    sim.know_from(proof(1).first.key, u64::MAX);
    let mut rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.kill().await;
    // A node had claimed so much before the director was started anew.
    rig.disk.put(&record(State::Proven, 5_000_000));
    rig.start();
    blocks(&sim, 3_500 / BLOCK.as_secs()).await;
    assert_eq!(rig.state(), State::Proven);
    blocks(&sim, 200 / BLOCK.as_secs()).await;
    assert!(is_unpunishable(&rig.state()), "{:?}", rig.status());
}

#[tokio::test(start_paused = true)]
async fn what_was_called_unpunishable_is_looked_at_anew_when_it_comes_again() {
    let sim = Sim::new(0);
    let rig = Rig::new(&sim, director_of_rank(0, &proof(1)));
    rig.node.script(|script| script.checks.push_back(Ok(Reason::UnknownKey)));
    rig.report(proof(1)).await;
    rig.until(|status| is_unpunishable(&status.state)).await;
    rig.report(proof(1)).await;
    blocks(&sim, RECHECK_BLOCKS).await;
    assert!(is_unpunishable(&rig.state()), "not at once");
    rig.report(proof(1)).await;
    blocks(&sim, 8).await;
    assert!(matches!(rig.state(), State::Finalized { .. }), "{:?}", rig.status());
    // What is done stays done.
    rig.report(proof(1)).await;
    blocks(&sim, 2 * RECHECK_BLOCKS).await;
    assert!(matches!(rig.state(), State::Finalized { .. }));
    assert_eq!(sim.handed(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_tells_a_proof_again_and_again_costs_few_dry_runs_and_no_fees() {
    let sim = Sim::new(0);
    sim.know_from(proof(1).first.key, u64::MAX);
    let rig = Rig::new(&sim, account(0));
    for _ in 0..100 {
        for _ in 0..10 {
            rig.report(proof(1)).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        blocks(&sim, 1).await;
    }
    let checked = rig.node.script(|script| script.checked.len() as u64);
    assert!((2..=100 / RECHECK_BLOCKS + 1).contains(&checked), "{checked} dry runs");
    assert_eq!(sim.handed(), 0);
}
