//! Does one wrong thing and then another to what is left: withholds messages, say, and lies about what it has.

use super::Misdeed;
use crate::{network::Payload, node::Node};
use rand::rngs::StdRng;

/// See the module.
#[derive(Debug)]
pub(super) struct Combined {
    first: Box<dyn Misdeed>,
    second: Box<dyn Misdeed>,
}

impl Combined {
    pub(super) fn new(first: Box<dyn Misdeed>, second: Box<dyn Misdeed>) -> Self {
        Self { first, second }
    }
}

impl Misdeed for Combined {
    fn name(&self) -> &'static str {
        "combine"
    }

    fn send(&mut self, rng: &mut StdRng, to: Node, payload: Payload) -> Vec<Payload> {
        let sent = self.first.send(rng, to, payload);
        sent.into_iter().flat_map(|payload| self.second.send(rng, to, payload)).collect()
    }

    fn idle(&mut self, rng: &mut StdRng, to: Node) -> Vec<Payload> {
        let sent = self.first.idle(rng, to);
        let mut sent: Vec<_> =
            sent.into_iter().flat_map(|payload| self.second.send(rng, to, payload)).collect();
        sent.extend(self.second.idle(rng, to));
        sent
    }

    fn count(&self) -> u64 {
        self.first.count() + self.second.count()
    }
}
