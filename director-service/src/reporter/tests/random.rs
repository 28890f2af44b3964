//! Three directors, or seven, against chance: cuts, deaths, lost pools, pools that cannot be read, blocks that take nothing, a late finality.
//!
//! `REPORTER_SEED` repeats one run, `REPORTER_SEEDS` is how many there are.

use super::{BLOCK, Rig, proof, sim::Sim};
use crate::store::State;
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Blocks with faults, and blocks without any after them.
const BLOCKS: (u64, u64) = (40, 120);

#[test]
fn whatever_happens_it_is_reported_and_nobody_pays_twice() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let seeds = match number("REPORTER_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("REPORTER_SEEDS").unwrap_or(2_000),
    };
    let mut most = 0;
    for seed in seeds.clone() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let run = std::panic::AssertUnwindSafe(|| runtime.block_on(run(seed)));
        match std::panic::catch_unwind(run) {
            Ok(reports) => most = most.max(reports),
            Err(cause) => {
                eprintln!("failed with REPORTER_SEED={seed}");
                std::panic::resume_unwind(cause);
            }
        }
    }
    println!("seeds {seeds:?}: at most {most} reports for a proof");
}

/// What may be wrong with a director until a block.
#[derive(Default, Clone, Copy)]
struct Trouble {
    cut_until: u64,
    dead_until: u64,
}

async fn run(seed: u64) -> usize {
    let mut chance = StdRng::seed_from_u64(seed);
    let lag = chance.random_range(0..5);
    let directors = if chance.random_bool(0.3) { 7 } else { 3 };
    let sim = Sim::with_directors(lag, directors);
    let mut rigs = Rig::of_all(&sim, &proof(1));
    let mut troubles = vec![Trouble::default(); directors.into()];
    for rig in &rigs {
        if chance.random_bool(0.5) {
            rig.points().die(chance.random_range(0..30));
        }
        rig.report(proof(1)).await;
    }
    for block in 0..BLOCKS.0 {
        for (rig, trouble) in rigs.iter_mut().zip(&mut troubles) {
            step(rig, trouble, block, &mut chance).await;
        }
        if chance.random_bool(0.03) {
            sim.lose_pool();
        }
        if chance.random_bool(0.03) {
            sim.withhold(chance.random_range(1..60));
        }
        tick(&sim).await;
    }
    for rig in &mut rigs {
        if rig.reporter.is_some() {
            rig.kill().await;
        }
        rig.start();
        rig.report(proof(1)).await;
        rig.node.set_up(true);
        rig.node.hide_pool(false);
    }
    sim.withhold(0);
    for _ in 0..BLOCKS.1 {
        tick(&sim).await;
    }
    let state = sim.finalized_state();
    assert_eq!(state.punished, 1, "punished exactly once");
    for rig in &rigs {
        let paid = state.reports.iter().filter(|reporter| **reporter == rig.node.me).count();
        assert!(paid <= 1, "{} paid {paid} times", rig.node.me);
        assert!(rig.state().is_done(), "nobody pursues {:?}", rig.status());
        assert!(rig.disk.records().iter().all(|record| record.state.is_done()));
        let own = matches!(rig.state(), State::Finalized { .. });
        assert_eq!(own, state.slashes()[0].reporter == rig.node.me, "who reported knows it");
    }
    assert!(sim.most_at_once() <= 2, "{} reports in the pool", sim.most_at_once());
    assert!(state.reports.len() <= 2, "{} reports", state.reports.len());
    state.reports.len()
}

/// One block's faults of one director.
async fn step(rig: &mut Rig, trouble: &mut Trouble, block: u64, chance: &mut StdRng) {
    if rig.reporter.is_none() && block >= trouble.dead_until {
        rig.start();
        // The core tells it again, as peers do.
        rig.report(proof(1)).await;
        if chance.random_bool(0.3) {
            rig.points().die(chance.random_range(0..30));
        }
    } else if rig.reporter.is_some() && chance.random_bool(0.1) {
        // Wherever it happens to be: some point after the next ones was the end.
        rig.kill().await;
        trouble.dead_until = block + chance.random_range(0..10);
    }
    if chance.random_bool(0.02) {
        rig.node.hide_pool(chance.random_bool(0.5));
    }
    if block == trouble.cut_until {
        rig.node.set_up(true);
    }
    if chance.random_bool(0.05) {
        rig.node.set_up(false);
        trouble.cut_until = block + chance.random_range(1..15);
    }
}

async fn tick(sim: &Sim) {
    tokio::time::sleep(BLOCK).await;
    sim.block();
}
