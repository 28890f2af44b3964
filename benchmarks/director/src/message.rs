//! Makes envelopes of payloads, and finds payloads in envelopes without decoding them.

use bench_load::{Class, Options};
use codec::{Compact, Encode};
use director_primitives::{
    Encoding, Envelope, H256, PayloadKind, Priority, SignedEnvelope, envelope::Topic,
};
use director_service::{
    client::{LocalKey, Signer},
    network::Frame,
};

/// A signed and encoded message.
pub(crate) struct Message {
    pub(crate) class: Priority,
    pub(crate) frame: Frame,
}

/// What all messages of a run have in common.
#[derive(Clone)]
pub(crate) struct Form {
    genesis_hash: H256,
    epoch: u64,
    vote_class: Priority,
    kind: PayloadKind,
    vote_len: usize,
    bulk_len: usize,
}

impl Form {
    pub(crate) fn new(
        load: &Options,
        genesis_hash: H256,
        epoch: u64,
        vote_class: Priority,
    ) -> Self {
        Self {
            genesis_hash,
            epoch,
            vote_class,
            kind: PayloadKind::Opaque(Topic::truncate_from(b"bench".to_vec())),
            vote_len: load.payload,
            bulk_len: load.bulk_bytes,
        }
    }

    pub(crate) fn sign(&self, key: &LocalKey, class: Class, seq: u64, payload: &[u8]) -> Message {
        let class = match class {
            Class::Vote => self.vote_class,
            Class::Bulk => Priority::Bulk,
        };
        let envelope = Envelope {
            origin: key.key(),
            epoch: self.epoch,
            class,
            seq,
            kind: self.kind.clone(),
            encoding: Encoding::Identity,
            payload: payload.to_vec(),
        };
        let signature = key.sign_statement(&self.genesis_hash, &envelope);
        Message { class, frame: SignedEnvelope { envelope, signature }.encode().into() }
    }

    /// The payload in a frame of this run; nothing if it is none.
    pub(crate) fn payload<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        let signed_at = frame.len().saturating_sub(64);
        [self.vote_len, self.bulk_len]
            .into_iter()
            .find(|len| self.before(*len) + len == signed_at)
            .map_or(&[], |len| &frame[self.before(len)..signed_at])
    }

    /// Bytes before a payload: origin, epoch, class, sequence, kind, encoding, length.
    fn before(&self, len: usize) -> usize {
        32 + 8 + 1 + 8 + self.kind.encoded_size() + 1 + Compact(len as u32).encoded_size()
    }
}
