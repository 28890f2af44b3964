//! Makes directors forget what they have seen, and says it again then.

use super::Author;
use crate::client::Signer;
use director_primitives::{Priority, SignedEnvelope};

/// The classes that it speaks in: each has a limit of its own, and Bulk's is low.
const CLASSES: [Priority; 3] = [Priority::Critical, Priority::High, Priority::Normal];

/// A validator that pushes more through a director than its cache of seen messages holds, and keeps what it said
/// first.
pub struct CacheFlusher<S> {
    author: Author<S>,
    first: Vec<SignedEnvelope>,
}

impl<S: Signer> CacheFlusher<S> {
    /// A cache flusher that keeps so many of its first messages.
    pub fn new(mut author: Author<S>, kept: usize) -> Self {
        let first = (0..kept).map(|_| author.talk(Priority::Critical, b"again, later")).collect();
        Self { author, first }
    }

    /// What it says first, and at the end once more.
    pub fn first(&self) -> &[SignedEnvelope] {
        &self.first
    }

    /// So many new messages, the classes in turns. To be sent no faster than it may: what is refused flushes
    /// nothing.
    pub fn flush(&mut self, count: usize) -> Vec<SignedEnvelope> {
        let classes = CLASSES.into_iter().cycle().take(count);
        classes.map(|class| self.author.talk(class, b"flush")).collect()
    }
}
