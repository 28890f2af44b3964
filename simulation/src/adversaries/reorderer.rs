//! Keeps messages for a while and sends them in another order.

use super::Misdeed;
use crate::{network::Payload, node::Node};
use rand::{Rng, rngs::StdRng, seq::SliceRandom};
use std::collections::BTreeMap;

/// Most messages that it keeps for one peer.
const MOST: usize = 8;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Reorderer {
    kept: BTreeMap<Node, Vec<Payload>>,
    count: u64,
}

impl Misdeed for Reorderer {
    fn name(&self) -> &'static str {
        "reorder"
    }

    fn send(&mut self, rng: &mut StdRng, to: Node, payload: Payload) -> Vec<Payload> {
        if matches!(payload, Payload::Control(_)) {
            return vec![payload];
        }
        let kept = self.kept.entry(to).or_default();
        kept.push(payload);
        if kept.len() < MOST && rng.random_bool(0.7) {
            return Vec::new();
        }
        let mut sent = std::mem::take(kept);
        sent.shuffle(rng);
        self.count += sent.len() as u64 - 1;
        sent
    }

    fn idle(&mut self, rng: &mut StdRng, to: Node) -> Vec<Payload> {
        match rng.random_bool(0.2) {
            true => std::mem::take(self.kept.entry(to).or_default()),
            false => Vec::new(),
        }
    }

    fn count(&self) -> u64 {
        self.count
    }
}
