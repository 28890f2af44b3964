//! Sends altered copies, before the right ones and instead of some of them.

use super::{Misdeed, altered};
use crate::{network::Payload, node::Node};
use rand::{Rng, rngs::StdRng};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Forger {
    count: u64,
}

impl Misdeed for Forger {
    fn name(&self) -> &'static str {
        "forge"
    }

    fn send(&mut self, rng: &mut StdRng, _: Node, payload: Payload) -> Vec<Payload> {
        let Payload::Envelope(class, frame) = &payload else { return vec![payload] };
        if rng.random_bool(0.5) {
            return vec![payload];
        }
        self.count += 1;
        let forged = Payload::Envelope(*class, altered(rng, frame));
        match rng.random_bool(0.2) {
            true => vec![forged],
            false => vec![forged, payload],
        }
    }

    fn count(&self) -> u64 {
        self.count
    }
}
