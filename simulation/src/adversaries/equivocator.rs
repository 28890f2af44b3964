//! Votes for two blocks at one checkpoint: in one envelope after the other, or in one place of its sequence;
//! at one director, or half here and half there.

use super::{Mischief, Moment};
use crate::{
    chain::{VOTE_CLASS, genesis},
    envelopes,
    network::Payload,
    node::Node,
    validator::vote,
};
use codec::Encode;
use director_primitives::{Encoding, Envelope, H256, PayloadKind};
use rand::{Rng, rngs::StdRng};

/// See the module.
#[derive(Debug)]
pub(super) struct Equivocator {
    n: u8,
    epoch: Option<u64>,
    last_seq: u64,
    voted: u64,
    count: u64,
}

impl Equivocator {
    pub(super) fn new(n: u8) -> Self {
        Self { n, epoch: None, last_seq: 0, voted: 0, count: 0 }
    }

    fn frame(&self, epoch: u64, seq: u64, checkpoint: u64, hash: H256) -> Payload {
        let envelope = Envelope {
            origin: Node::Validator(self.n).key(),
            epoch,
            class: VOTE_CLASS,
            seq,
            kind: PayloadKind::CheckpointVote,
            encoding: Encoding::Identity,
            payload: vote(self.n, checkpoint, hash).encode(),
        };
        Payload::Envelope(VOTE_CLASS, envelopes::sign(&genesis(), &envelope))
    }
}

impl Mischief for Equivocator {
    fn name(&self) -> &'static str {
        "double sign"
    }

    fn act(&mut self, rng: &mut StdRng, moment: &Moment<'_>) -> Vec<(Node, Payload)> {
        let Moment { now, checkpoint, directors } = *moment;
        if checkpoint <= self.voted {
            return Vec::new();
        }
        self.voted = checkpoint;
        let epoch = *self.epoch.get_or_insert(now + 1);
        self.last_seq += 1;
        let first = self.last_seq;
        let director = |rng: &mut StdRng| directors[rng.random_range(0..directors.len())];
        let mut sent =
            vec![(director(rng), self.frame(epoch, first, checkpoint, H256::repeat_byte(0xaa)))];
        if rng.random_bool(0.4) {
            let second = match rng.random_bool(0.5) {
                true => first,
                false => {
                    self.last_seq += 1;
                    self.last_seq
                }
            };
            let other = self.frame(epoch, second, checkpoint, H256::repeat_byte(0xbb));
            sent.push((director(rng), other));
            self.count += 1;
        }
        sent
    }

    fn count(&self) -> u64 {
        self.count
    }
}
