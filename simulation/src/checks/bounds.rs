//! Memory stays within its formulas, and directors are ready at the end.

use super::Failures;
use crate::{client::HELD_BYTES, world::World};
use director_primitives::envelope::MAX_ENVELOPE_LEN;
use director_service::client::{Kept, MOST_EPOCHS, WINDOW};

/// Sequences of one origin that may be behind: in each class those of the epochs that are told apart, and of one more
/// that each director which lies may claim.
fn sequences_each(world: &World) -> usize {
    4 * (2 + world.scenario.byzantine_directors.len())
}

/// All of it.
pub(super) fn check(world: &World, failures: &mut Failures) {
    let bound = world.network.queue_bound();
    let waiting = world.network.most_waiting;
    if waiting > bound {
        failures.add([format!("{waiting} bytes waited for one peer, more than {bound}")]);
    }
    failures.add(world.failures_of_bounds.iter().cloned());
    let most_behind = sequences_each(world) * world.validators.len();
    for validator in &world.validators {
        let Some(process) = &validator.process else { continue };
        let behind = process.client.behind();
        if behind > most_behind {
            failures.add([format!("v{} misses something of {behind} sequences", validator.n)]);
        }
    }
    for director in world.directors.iter().filter(|of| of.is_honest()) {
        let Some(process) = &director.process else { continue };
        if world.chain.is_director(director.n) && !process.core.is_ready() {
            failures.add([format!("d{} is not ready at the end", director.n)]);
        }
    }
}

/// The most that a client may keep.
fn most_kept(world: &World) -> Kept {
    Kept {
        // One may join.
        origins: world.validators.len(),
        epochs: MOST_EPOCHS,
        ahead: WINDOW as usize,
        held_bytes: HELD_BYTES,
        // One message is always taken.
        outbox_bytes: world.scenario.outbox_bytes + MAX_ENVELOPE_LEN,
    }
}

impl World {
    /// What a client keeps, looked at now and then.
    pub(crate) fn check_kept(&mut self, n: u8) {
        let Some(process) = &self.validators[usize::from(n)].process else { return };
        let (kept, most) = (process.client.kept(), most_kept(self));
        let pairs = [
            (kept.origins, most.origins),
            (kept.epochs, most.epochs),
            (kept.ahead, most.ahead),
            (kept.held_bytes, most.held_bytes),
            (kept.outbox_bytes, most.outbox_bytes),
        ];
        if pairs.iter().any(|(kept, most)| kept > most) {
            self.failures_of_bounds.push(format!("v{n} keeps {kept:?}, more than {most:?}"));
        }
    }

    /// What a director holds, looked at each time that its core has worked.
    pub(crate) fn check_bounds(&mut self, n: u8) {
        let director = &self.directors[usize::from(n)];
        let Some(process) = &director.process else { return };
        let stats = process.core.stats();
        let most_behind = (sequences_each(self) * self.validators.len()) as u64;
        if stats.log_bytes > self.scenario.log_bytes as u64 {
            let text = format!("the log of d{n} has {} bytes", stats.log_bytes);
            self.failures_of_bounds.push(text);
        }
        if stats.behind > most_behind {
            self.failures_of_bounds.push(format!("d{n} is behind in {} sequences", stats.behind));
        }
    }
}
