//! Uses keys that verify anything: the points of small order, in every encoding.

use super::Author;
use crate::client::Signer;
use codec::Encode;
use director_primitives::{
    CheckpointVote, Encoding, Envelope, PayloadKind, Priority, PublicKey, Signature,
    SignedEnvelope, SignedVote, Topic,
};

/// The `y` coordinates of the points of small order, lowest byte first, without the sign of `x`: 0, 1, -1, the
/// two of order 8, and 0 and 1 as `p` and `p + 1`, which a verifier by ZIP-215 takes, too.
const Y: [[u8; 32]; 7] = [
    [0; 32],
    low(1),
    high(0xec),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    high(0xed),
    high(0xee),
];

const fn low(first: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = first;
    bytes
}

const fn high(first: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = first;
    bytes[31] = 0x7f;
    bytes
}

/// Somebody without a secret whose signatures verify all the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct SmallOrder;

impl SmallOrder {
    /// All 14 encodings: each coordinate with either sign.
    pub fn keys(&self) -> [PublicKey; 14] {
        std::array::from_fn(|n| {
            let mut bytes = Y[n / 2];
            bytes[31] |= if n % 2 == 0 { 0 } else { 0x80 };
            PublicKey::from_raw(bytes)
        })
    }

    /// What each of those keys is content with, whatever was signed: the neutral point, and zero.
    pub fn signature(&self) -> Signature {
        Signature::from_raw(std::array::from_fn(|at| u8::from(at == 0)))
    }

    /// A message in the name of each key, all of which verify.
    pub fn envelopes(&self, epoch: u64) -> Vec<SignedEnvelope> {
        let topic = Topic::truncate_from(b"adversary".to_vec());
        let envelope = |origin| Envelope {
            origin,
            epoch,
            class: Priority::Critical,
            seq: 1,
            kind: PayloadKind::Opaque(topic.clone()),
            encoding: Encoding::Identity,
            payload: b"signed by nobody".to_vec(),
        };
        let signature = self.signature();
        let signed = |key| SignedEnvelope { envelope: envelope(key), signature };
        self.keys().map(signed).to_vec()
    }

    /// A vote with each key, all of which verify, in envelopes of an author's.
    pub fn votes<S: Signer>(
        &self,
        author: &mut Author<S>,
        vote: CheckpointVote,
    ) -> Vec<SignedEnvelope> {
        let mut envelopes = Vec::new();
        for key in self.keys() {
            let vote = SignedVote { vote, key, signature: self.signature() };
            let kind = PayloadKind::CheckpointVote;
            envelopes.push(author.say(Priority::Critical, kind, vote.encode()));
        }
        envelopes
    }
}
