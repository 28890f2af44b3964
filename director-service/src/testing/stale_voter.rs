//! Votes for what was decided long ago, again and again.

use super::Author;
use crate::client::Signer;
use codec::Encode;
use director_primitives::{Envelope, PayloadKind, Priority, SignedEnvelope, SignedVote};

/// A validator that wraps one old vote into ever new envelopes, so that no cache and no window knows it, and
/// that speaks out of an epoch which is over.
pub struct StaleVoter<S> {
    author: Author<S>,
    vote: SignedVote,
}

impl<S: Signer> StaleVoter<S> {
    /// A stale voter with its vote, which is right.
    pub fn new(author: Author<S>, vote: SignedVote) -> Self {
        Self { author, vote }
    }

    /// The same vote in so many envelopes, each of which is new.
    pub fn repeat(&mut self, count: usize) -> Vec<SignedEnvelope> {
        let mut envelopes = Vec::with_capacity(count);
        for _ in 0..count {
            let (kind, payload) = (PayloadKind::CheckpointVote, self.vote.encode());
            envelopes.push(self.author.say(Priority::Critical, kind, payload));
        }
        envelopes
    }

    /// So many messages of an epoch before its present one.
    pub fn from_the_past(&mut self, count: usize) -> Vec<SignedEnvelope> {
        let mut envelopes = Vec::with_capacity(count);
        for _ in 0..count {
            let now = self.author.talk(Priority::High, b"what I said in my last life").envelope;
            let epoch = now.epoch.saturating_sub(1);
            envelopes.push(self.author.sign(Envelope { epoch, ..now }));
        }
        envelopes
    }
}
