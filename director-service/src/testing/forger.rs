//! Sends what nobody has signed, or not who it says.

use super::{Author, author::with_bad_signature};
use crate::client::Signer;
use codec::Encode;
use director_primitives::{
    Envelope, PayloadKind, Priority, PublicKey, Signature, SignedEnvelope, SignedVote,
};

/// A validator that lies about who says something.
pub struct Forger<S>(Author<S>);

impl<S: Signer> Forger<S> {
    /// A forger.
    pub fn new(author: Author<S>) -> Self {
        Self(author)
    }

    /// In its own name, not signed.
    pub fn unsigned(&mut self) -> SignedEnvelope {
        with_bad_signature(&self.0.talk(Priority::Critical, b"nobody signed this"))
    }

    /// In somebody else's name, signed by itself.
    pub fn in_the_name_of(&mut self, victim: PublicKey) -> SignedEnvelope {
        let own = self.0.talk(Priority::Critical, b"somebody else says this").envelope;
        self.0.sign(Envelope { origin: victim, ..own })
    }

    /// A vote of its own with a wrong signature, in an envelope that is right.
    pub fn unsigned_vote(&mut self, vote: SignedVote) -> SignedEnvelope {
        let mut signature = vote.signature.0;
        signature[24] ^= 1;
        self.foreign_vote(SignedVote { signature: Signature::from_raw(signature), ..vote })
    }

    /// Somebody else's vote, in an envelope that is right.
    pub fn foreign_vote(&mut self, vote: SignedVote) -> SignedEnvelope {
        self.0.say(Priority::Critical, PayloadKind::CheckpointVote, vote.encode())
    }
}
