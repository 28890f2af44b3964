//! Says more than anybody may.

use super::Author;
use crate::client::Signer;
use director_primitives::{Priority, SignedEnvelope};

/// Length of a message, about that of a vote.
const PAYLOAD_LEN: usize = 150;

/// A validator that sends as fast as its link carries. Each message is right, and there are too many.
pub struct Flooder<S>(Author<S>);

impl<S: Signer> Flooder<S> {
    /// A flooder.
    pub fn new(author: Author<S>) -> Self {
        Self(author)
    }

    /// So many messages of a class, to be sent at once.
    pub fn burst(&mut self, class: Priority, count: usize) -> Vec<SignedEnvelope> {
        (0..count).map(|_| self.0.talk(class, &[0xf1; PAYLOAD_LEN])).collect()
    }
}
