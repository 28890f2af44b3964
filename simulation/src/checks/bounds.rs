//! Memory stays within its formulas, and directors are ready at the end.

use super::Failures;
use crate::world::World;

/// All of it.
pub(super) fn check(world: &World, failures: &mut Failures) {
    let bound = world.network.queue_bound();
    let waiting = world.network.most_waiting;
    if waiting > bound {
        failures.add([format!("{waiting} bytes waited for one peer, more than {bound}")]);
    }
}
