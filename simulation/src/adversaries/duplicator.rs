//! Sends messages twice, and old ones again.

use super::Misdeed;
use crate::{network::Payload, node::Node};
use rand::{Rng, rngs::StdRng};
use std::collections::VecDeque;

/// Messages that it remembers.
const REMEMBERED: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Duplicator {
    old: VecDeque<Payload>,
    count: u64,
}

impl Misdeed for Duplicator {
    fn name(&self) -> &'static str {
        "duplicate"
    }

    fn send(&mut self, rng: &mut StdRng, _: Node, payload: Payload) -> Vec<Payload> {
        if matches!(payload, Payload::Control(_)) {
            return vec![payload];
        }
        if self.old.len() == REMEMBERED {
            self.old.pop_front();
        }
        self.old.push_back(payload.clone());
        let mut sent = vec![payload.clone()];
        if rng.random_bool(0.5) {
            sent.push(payload);
        }
        if rng.random_bool(0.3) {
            let at = rng.random_range(0..self.old.len());
            sent.push(self.old[at].clone());
        }
        self.count += sent.len() as u64 - 1;
        sent
    }

    fn count(&self) -> u64 {
        self.count
    }
}
