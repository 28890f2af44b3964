//! Checks that nothing was lost, nobody honest accused, and everything bounded.

mod bounds;
mod deliveries;
mod double_signs;

use crate::{
    Millis, Report,
    chain::Change,
    faults::{Fault, FaultKind},
    node::Node,
    world::World,
};
use director_primitives::DoubleSignProof;
use director_service::director::DisconnectReason;

/// Failures of one kind that are told one by one.
const TOLD: usize = 5;

/// What is wrong, one kind after the other.
#[derive(Default)]
pub(crate) struct Failures(Vec<String>);

impl Failures {
    /// Adds failures of one kind: the first ones, and how many more there are.
    pub(crate) fn add(&mut self, failures: impl IntoIterator<Item = String>) {
        let mut failures = failures.into_iter();
        self.0.extend(failures.by_ref().take(TOLD));
        let more = failures.count();
        if more > 0 {
            self.0.push(format!("… and {more} more like this"));
        }
    }
}

impl World {
    /// A proof accuses nobody who keeps to the rules.
    pub(crate) fn check_proof(&mut self, n: u8, proof: &DoubleSignProof) {
        let accused = proof.check(&*self.chain.latest()).ok();
        let accused = accused.and_then(|offence| Node::of_account(&offence.validator));
        if let Some(accused) = accused
            && self.is_honest(&accused.key())
        {
            self.failures.push(format!("d{n} has a proof against {accused:?}, which is honest"));
        }
    }

    /// A director cuts off nobody who keeps to the rules.
    pub(crate) fn check_disconnect(&mut self, n: u8, peer: Node, reason: DisconnectReason) {
        if !matches!(reason, DisconnectReason::Revoked | DisconnectReason::Unwanted) {
            return;
        }
        let now = self.clock.now;
        self.ledger.outlawed.entry(peer).or_insert(now);
        if self.is_honest(&peer.key()) && self.directors[usize::from(n)].is_honest() {
            self.failures.push(format!("d{n} cuts off {peer:?}, which is honest: {reason:?}"));
        }
    }

    /// The chain punishes nobody who keeps to the rules.
    pub(crate) fn check_change(&mut self, change: &Change) {
        let (Change::Revoke(n, _) | Change::Tombstone(n)) = change else { return };
        let node = Node::Validator(*n);
        let now = self.clock.now;
        self.ledger.outlawed.entry(node).or_insert(now);
        if self.is_honest(&node.key()) {
            self.failures.push(format!("the chain punishes {node:?}, which is honest: {change:?}"));
        }
    }
}

/// Whether a fault may have kept a node from others lately.
pub(crate) fn is_in_trouble(world: &World, node: Node, at: Millis) -> bool {
    let involves = |fault: &Fault| match &fault.kind {
        // One of validators alone is no matter of anybody else.
        FaultKind::Partition { side, .. } => {
            side.contains(&node) || side.iter().any(|of| matches!(of, Node::Director(_)))
        }
        FaultKind::CutLink(a, b) | FaultKind::Loss(a, b, _) | FaultKind::Reset(a, b) => {
            *a == node || *b == node
        }
        FaultKind::Crash { node: of, .. } | FaultKind::Freeze(of) => *of == node,
        FaultKind::RemoveDirector(n) | FaultKind::Drain(n) => node == Node::Director(*n),
        _ => false,
    };
    // A connection may be given up long after the fault began, and is made again a while later.
    let is_near = |fault: &Fault| fault.at <= at && at <= fault.until + 20_000;
    world.scenario.faults.iter().any(|fault| is_near(fault) && involves(fault))
}

/// Whether everything has come that is to come, and every director is ready.
pub(crate) fn is_settled(world: &World) -> bool {
    let mut failures = Failures::default();
    deliveries::check(world, &mut failures);
    bounds::check(world, &mut failures);
    failures.0.is_empty()
}

/// All checks at the end.
pub(crate) fn report(world: &World) -> Report {
    let mut failures = Failures::default();
    failures.add(world.failures.clone());
    deliveries::check(world, &mut failures);
    double_signs::check(world, &mut failures);
    bounds::check(world, &mut failures);
    let received = world.ledger.received.values();
    let of_honest = |of: &&crate::ledger::Gap| world.is_honest(&of.1.0);
    let lost = |(_, _, first, last): &crate::ledger::Gap| (last - first).saturating_add(1);
    let gaps = received.clone().flat_map(|of| of.gaps.iter().filter(of_honest).map(lost));
    let honest = world.directors.iter().filter(|of| of.is_honest());
    Report {
        failures: failures.0,
        digest: world.clock.trace.digest(),
        messages: world.ledger.published.len() as u64,
        deliveries: world.ledger.deliveries,
        gaps: gaps.fold(0, u64::saturating_add),
        proofs: honest.map(|of| of.proven.len() as u64).sum(),
        withheld: received.map(|of| of.withheld.len() as u64).sum(),
        faults: faults(world),
        simulated_ms: world.clock.now,
        events: world.clock.events(),
    }
}

fn faults(world: &World) -> crate::FaultCounts {
    let mut faults = crate::FaultCounts::new();
    for fault in &world.scenario.faults {
        *faults.entry(fault.kind.name()).or_default() += 1;
    }
    let misdeeds = world.directors.iter().filter_map(|of| of.misdeed.as_ref());
    let misdeeds = misdeeds.map(|of| (of.name(), of.count()));
    let mischief = world.validators.iter().filter_map(|of| of.mischief.as_ref());
    for (name, count) in misdeeds.chain(mischief.map(|of| (of.name(), of.count()))) {
        *faults.entry(name).or_default() += count;
    }
    let counts = world.network.counts;
    for (name, count) in [("queue full", counts.overflows), ("dropped", counts.dropped)] {
        *faults.entry(name).or_default() += count;
    }
    faults
}
