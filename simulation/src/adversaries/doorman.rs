//! Lets validators in and out as it likes, whatever the chain says: who is not let in is not heard.

use super::Misdeed;
use crate::{network::Payload, node::Node};
use director_primitives::{Control, Welcome};
use rand::{Rng, rngs::StdRng};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Doorman {
    count: u64,
}

impl Doorman {
    fn says(&mut self, authorized: bool) -> Payload {
        self.count += u64::from(!authorized);
        Payload::control(Control::Welcome(Welcome { last_epoch: 0, authorized }))
    }
}

impl Misdeed for Doorman {
    fn name(&self) -> &'static str {
        "shut out"
    }

    fn send(&mut self, rng: &mut StdRng, to: Node, payload: Payload) -> Vec<Payload> {
        let is_welcome = matches!(
            &payload,
            Payload::Control(packed) if matches!(packed.message, Control::Welcome(_))
        );
        match to {
            Node::Validator(_) if is_welcome && rng.random_bool(0.3) => vec![self.says(false)],
            _ => vec![payload],
        }
    }

    fn idle(&mut self, rng: &mut StdRng, to: Node) -> Vec<Payload> {
        match to {
            Node::Validator(_) if rng.random_bool(0.1) => vec![self.says(rng.random_bool(0.5))],
            _ => Vec::new(),
        }
    }

    fn count(&self) -> u64 {
        self.count
    }
}
