//! Keeps a validator's messages from some others, and says nothing about it.

use super::{Misdeed, origin};
use crate::{network::Payload, node::Node};
use director_primitives::PublicKey;
use rand::rngs::StdRng;

/// See the module.
#[derive(Debug)]
pub(super) struct Withholder {
    victim: PublicKey,
    from: Vec<Node>,
    count: u64,
}

impl Withholder {
    pub(super) fn new(victim: Node, from: Vec<Node>) -> Self {
        Self { victim: victim.key(), from, count: 0 }
    }
}

impl Misdeed for Withholder {
    fn name(&self) -> &'static str {
        "withhold"
    }

    fn send(&mut self, _: &mut StdRng, to: Node, payload: Payload) -> Vec<Payload> {
        if let Payload::Envelope(_, frame) = &payload
            && origin(frame) == Some(self.victim)
            && self.from.contains(&to)
        {
            self.count += 1;
            return Vec::new();
        }
        vec![payload]
    }

    fn count(&self) -> u64 {
        self.count
    }
}
