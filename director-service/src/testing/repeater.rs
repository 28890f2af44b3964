//! Says one thing over and over.

use super::Author;
use crate::client::Signer;
use director_primitives::{Priority, SignedEnvelope};

/// A validator that sends each of its messages many times, to every director that it knows.
pub struct Repeater<S>(Author<S>);

impl<S: Signer> Repeater<S> {
    /// A repeater.
    pub fn new(author: Author<S>) -> Self {
        Self(author)
    }

    /// A message, and so many times the same one, byte by byte.
    pub fn repeat(&mut self, times: usize) -> Vec<SignedEnvelope> {
        vec![self.0.talk(Priority::Critical, b"as I said"); times]
    }
}
