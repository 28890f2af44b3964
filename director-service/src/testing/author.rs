//! Holds what every lying validator has: a peer key that stands on chain, and a sequence of its own.

use crate::client::Signer;
use director_primitives::{
    Encoding, Envelope, H256, PayloadKind, Priority, PublicKey, SignedEnvelope, Topic,
};

/// A validator that writes its envelopes by hand. What it signs is rightly signed, whatever it says.
pub struct Author<S> {
    genesis_hash: H256,
    signer: S,
    epoch: u64,
    /// The last number of each class.
    last: [u64; 4],
}

impl<S: Signer> Author<S> {
    /// An author with this peer key, whose sequences begin with this epoch.
    pub fn new(genesis_hash: H256, signer: S, epoch: u64) -> Self {
        Self { genesis_hash, signer, epoch, last: [0; 4] }
    }

    /// Its peer key.
    pub fn key(&self) -> PublicKey {
        self.signer.key()
    }

    /// Its next message of a class, as an honest client would write it.
    pub fn say(&mut self, class: Priority, kind: PayloadKind, payload: Vec<u8>) -> SignedEnvelope {
        let last = &mut self.last[class.index()];
        *last += 1;
        let (origin, epoch, seq) = (self.signer.key(), self.epoch, *last);
        let encoding = Encoding::Identity;
        self.sign(Envelope { origin, epoch, class, seq, kind, encoding, payload })
    }

    /// Its next message of a class, of an application.
    pub fn talk(&mut self, class: Priority, payload: &[u8]) -> SignedEnvelope {
        let topic = Topic::truncate_from(b"adversary".to_vec());
        self.say(class, PayloadKind::Opaque(topic), payload.to_vec())
    }

    /// Signs an envelope as it is.
    pub fn sign(&self, envelope: Envelope) -> SignedEnvelope {
        let signature = self.signer.sign_statement(&self.genesis_hash, &envelope);
        SignedEnvelope { envelope, signature }
    }
}

/// The envelope with one bit of its signature turned: to whoever does not check it, the same message.
pub(super) fn with_bad_signature(signed: &SignedEnvelope) -> SignedEnvelope {
    let mut copy = signed.clone();
    copy.signature.0[24] ^= 1;
    copy
}
