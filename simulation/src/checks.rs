//! Checks that nothing was lost, nobody honest accused, and everything bounded.

use crate::{Report, node::Node, world::World};
use director_primitives::DoubleSignProof;
use director_service::director::DisconnectReason;

impl World {
    /// A proof accuses nobody who keeps to the rules.
    pub(crate) fn check_proof(&mut self, n: u8, proof: &DoubleSignProof) {
        let accused = proof.check(&*self.chain.latest()).ok();
        let accused = accused.and_then(|offence| Node::of_account(&offence.validator));
        if let Some(Node::Validator(of)) = accused
            && self.validators[usize::from(of)].is_honest
        {
            self.failures.push(format!("d{n} has a proof against v{of}, which is honest"));
        }
    }

    /// A director cuts off nobody who keeps to the rules.
    pub(crate) fn check_disconnect(&mut self, n: u8, peer: Node, reason: DisconnectReason) {
        let accuses = matches!(reason, DisconnectReason::Revoked | DisconnectReason::Unwanted);
        let is_honest = self.is_honest(&peer.key()) && self.directors[usize::from(n)].is_honest();
        if accuses && is_honest {
            self.failures.push(format!("d{n} cuts off {peer:?}, which is honest: {reason:?}"));
        }
    }
}

/// All checks at the end.
pub(crate) fn report(world: &World) -> Report {
    let mut failures = world.failures.clone();
    deliveries(world, &mut failures);
    let mut faults = world.misdeeds.clone();
    for fault in &world.scenario.faults {
        *faults.entry(fault.kind.name()).or_default() += 1;
    }
    let received = world.ledger.received.values();
    Report {
        failures,
        digest: world.clock.trace.digest(),
        messages: world.ledger.published.len() as u64,
        deliveries: world.ledger.deliveries,
        gaps: received.clone().map(|of| of.gaps.len() as u64).sum(),
        proofs: world.directors.iter().map(|of| of.proven.len() as u64).sum(),
        withheld: received.map(|of| of.withheld.len() as u64).sum(),
        faults,
        simulated_ms: world.scenario.end_at,
        events: world.clock.events(),
    }
}

/// Every message reaches everybody else, once.
fn deliveries(world: &World, failures: &mut Vec<String>) {
    for validator in &world.validators {
        let to = (validator.n, validator.process_number);
        let received = world.ledger.received.get(&to).cloned().unwrap_or_default();
        for place in &received.strange {
            failures.push(format!("v{} got what nobody published: {place:?}", validator.n));
        }
        let twice = received.messages.values().filter(|got| got.times > 1).count();
        if twice > 0 {
            failures.push(format!("v{} got {twice} messages twice", validator.n));
        }
        let expected = world.ledger.published.iter().filter(|(_, of)| of.origin != validator.n);
        let missing = expected.filter(|(id, _)| !received.messages.contains_key(id)).count();
        if missing > 0 {
            failures.push(format!("v{} misses {missing} messages", validator.n));
        }
    }
}
