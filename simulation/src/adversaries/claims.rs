//! Lies about what it has, in heartbeats and vectors, over its own signature.

use super::Misdeed;
use crate::{chain::genesis, envelopes::heartbeat_signature, network::Payload, node::Node};
use director_primitives::{Control, H256, SignedHeartbeat, Vector, VectorEntry, VectorSummary};
use rand::{Rng, rngs::StdRng};

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// More than anybody has.
    TooMuch,
    /// A later epoch than there is.
    OtherEpoch,
    /// Nothing at all.
    Nothing,
    /// A hash of nothing in particular.
    AnyHash,
}

impl Lie {
    pub(super) const ALL: [Self; 4] =
        [Self::TooMuch, Self::OtherEpoch, Self::Nothing, Self::AnyHash];
}

/// See the module.
#[derive(Debug)]
pub(super) struct Liar {
    lie: Lie,
    count: u64,
}

impl Liar {
    pub(super) fn new(lie: Lie) -> Self {
        Self { lie, count: 0 }
    }

    fn entry(&self, rng: &mut StdRng, entry: &VectorEntry) -> Option<VectorEntry> {
        let mut entry = *entry;
        match self.lie {
            Lie::TooMuch => {
                for contiguous in &mut entry.contiguous {
                    *contiguous += rng.random_range(0..50);
                }
                if rng.random_bool(0.01) {
                    entry.contiguous[2] = u64::MAX;
                }
            }
            Lie::OtherEpoch => entry.epoch += rng.random_range(1..1_000),
            Lie::Nothing => return None,
            Lie::AnyHash => {}
        }
        Some(entry)
    }

    fn entries(&self, rng: &mut StdRng, entries: &[VectorEntry]) -> Vec<VectorEntry> {
        entries.iter().filter_map(|entry| self.entry(rng, entry)).collect()
    }
}

impl Misdeed for Liar {
    fn name(&self) -> &'static str {
        "lie"
    }

    fn send(&mut self, rng: &mut StdRng, _: Node, payload: Payload) -> Vec<Payload> {
        let Payload::Control(packed) = &payload else { return vec![payload] };
        let lie = match &packed.message {
            Control::Vector(vector) => {
                let entries = self.entries(rng, &vector.entries);
                let entries = entries.try_into().unwrap_or_default();
                Control::Vector(Vector { entries, complete: vector.complete })
            }
            Control::Heartbeat(signed) => {
                let mut heartbeat = signed.heartbeat.clone();
                heartbeat.vector = match heartbeat.vector {
                    VectorSummary::Delta(entries) => {
                        VectorSummary::Delta(self.entries(rng, &entries))
                    }
                    VectorSummary::Hash(_) if self.lie == Lie::AnyHash => {
                        VectorSummary::Hash(H256::from_low_u64_be(rng.random()))
                    }
                    hash => hash,
                };
                let signature = heartbeat_signature(&genesis(), &heartbeat);
                Control::Heartbeat(SignedHeartbeat { heartbeat, signature })
            }
            _ => return vec![payload],
        };
        self.count += 1;
        vec![Payload::control(lie)]
    }

    fn count(&self) -> u64 {
        self.count
    }
}
