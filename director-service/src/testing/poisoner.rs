//! Sends a copy with a bad signature before the message itself comes, so that the message is taken for a repeat.

use super::{Author, author::with_bad_signature};
use crate::client::Signer;
use director_primitives::{Priority, SignedEnvelope};

/// A validator that wants messages to be suppressed, its own for a start.
pub struct Poisoner<S>(Author<S>);

impl<S: Signer> Poisoner<S> {
    /// A poisoner.
    pub fn new(author: Author<S>) -> Self {
        Self(author)
    }

    /// So many of its own messages: of each the bad copy, and then the right one.
    pub fn own(&mut self, count: usize) -> Vec<[SignedEnvelope; 2]> {
        let mut pairs = Vec::with_capacity(count);
        for _ in 0..count {
            let right = self.0.talk(Priority::Critical, b"suppress me");
            pairs.push([with_bad_signature(&right), right]);
        }
        pairs
    }

    /// A bad copy of somebody else's message.
    pub fn copy(&self, of: &SignedEnvelope) -> SignedEnvelope {
        with_bad_signature(of)
    }
}
