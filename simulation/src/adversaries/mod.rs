//! Directors and validators that break the rules, one file a misdeed.

use crate::{network::Payload, node::Node};
use rand::rngs::StdRng;
use std::fmt::Debug;

/// Something that a director does wrong: it runs the honest core, and its sends pass through here.
pub(crate) trait Misdeed: Debug + Send {
    /// What is sent instead of this message to this peer.
    fn send(&mut self, rng: &mut StdRng, to: Node, payload: Payload) -> Vec<Payload>;
}
