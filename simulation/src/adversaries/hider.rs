//! Hides a beginning: tells each validator that the sequences are some messages further than they are, and keeps just
//! those back from it.

use super::Misdeed;
use crate::{network::Payload, node::Node};
use director_primitives::{Control, PublicKey, SignedEnvelope, Vector, VectorEntry};
use rand::rngs::StdRng;
use std::collections::BTreeMap;

/// See the module.
#[derive(Debug)]
pub(super) struct Hider {
    /// Messages of each sequence that it hides.
    most: u64,
    /// Where the sequences stood when it told a validator of them first.
    stood: BTreeMap<(Node, PublicKey), VectorEntry>,
    count: u64,
}

impl Hider {
    pub(super) fn new(most: u64) -> Self {
        Self { most, stood: BTreeMap::new(), count: 0 }
    }

    /// The same, and all that is hidden.
    fn entry(&mut self, to: Node, entry: &VectorEntry) -> VectorEntry {
        let stood = self.stood.entry((to, entry.origin)).or_insert(*entry);
        if stood.epoch != entry.epoch {
            // All of a new epoch is the validator's: here it hides nothing.
            return *entry;
        }
        let mut told = *entry;
        for (told, stood) in told.contiguous.iter_mut().zip(stood.contiguous) {
            *told = (*told).max(stood + self.most);
        }
        told
    }

    fn hides(&self, to: Node, frame: &[u8]) -> bool {
        let Ok(signed) = SignedEnvelope::from_bytes(frame) else { return false };
        let envelope = &signed.envelope;
        self.stood.get(&(to, envelope.origin)).is_some_and(|stood| {
            let before = stood.contiguous[envelope.class.index()];
            stood.epoch == envelope.epoch
                && (before + 1..=before + self.most).contains(&envelope.seq)
        })
    }
}

impl Misdeed for Hider {
    fn name(&self) -> &'static str {
        "hide"
    }

    fn send(&mut self, _: &mut StdRng, to: Node, payload: Payload) -> Vec<Payload> {
        if !matches!(to, Node::Validator(_)) {
            return vec![payload];
        }
        match &payload {
            Payload::Envelope(_, frame) if self.hides(to, frame) => {
                self.count += 1;
                Vec::new()
            }
            Payload::Control(packed) => {
                let Control::Vector(vector) = &packed.message else { return vec![payload] };
                let entries: Vec<_> =
                    vector.entries.iter().map(|entry| self.entry(to, entry)).collect();
                let entries = entries.try_into().unwrap_or_default();
                vec![Payload::control(Control::Vector(Vector { entries, ..vector.clone() }))]
            }
            _ => vec![payload],
        }
    }

    fn count(&self) -> u64 {
        self.count
    }
}
