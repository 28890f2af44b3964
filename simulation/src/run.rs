//! Runs a seed.

use crate::{Options, Report, Scenario, Trace, world::World};

/// Runs what a seed draws.
pub fn run(seed: u64, options: Options) -> Report {
    run_with(&Scenario::draw(seed, options), Trace::default())
}

/// Runs a scenario and tells what happens.
pub fn run_with(scenario: &Scenario, trace: Trace) -> Report {
    let mut world = World::new(scenario, trace);
    world.run();
    world.report()
}
