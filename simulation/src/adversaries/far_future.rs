//! Speaks of checkpoints, epochs and numbers that are far ahead.

use super::{Mischief, Moment};
use crate::{
    chain::{VOTE_CLASS, genesis},
    envelopes,
    network::Payload,
    node::Node,
    validator::vote,
};
use codec::Encode;
use director_primitives::{Encoding, Envelope, H256, PayloadKind, Priority, Topic};
use rand::{Rng, rngs::StdRng};

/// See the module.
#[derive(Debug)]
pub(super) struct FarFuture {
    n: u8,
    epoch: u64,
    last_seq: u64,
    count: u64,
}

impl FarFuture {
    pub(super) fn new(n: u8) -> Self {
        Self { n, epoch: 1, last_seq: 0, count: 0 }
    }
}

impl Mischief for FarFuture {
    fn name(&self) -> &'static str {
        "far future"
    }

    fn act(&mut self, rng: &mut StdRng, moment: &Moment<'_>) -> Vec<(Node, Payload)> {
        self.count += 1;
        match rng.random_range(0..4) {
            0 => self.epoch += rng.random_range(1..1 << 40),
            1 => self.last_seq += rng.random_range(1..1 << 40),
            _ => {}
        }
        self.last_seq += 1;
        let is_vote = rng.random_bool(0.5);
        let checkpoint = moment.checkpoint + rng.random_range(1..1 << 40);
        let hash = H256::repeat_byte(rng.random());
        let (class, kind, payload) = match is_vote {
            true => {
                let vote = vote(self.n, checkpoint, hash).encode();
                (VOTE_CLASS, PayloadKind::CheckpointVote, vote)
            }
            false => {
                let kind = PayloadKind::Opaque(Topic::default());
                (Priority::High, kind, moment.now.to_le_bytes().to_vec())
            }
        };
        let envelope = Envelope {
            origin: Node::Validator(self.n).key(),
            epoch: self.epoch,
            class,
            seq: self.last_seq,
            kind,
            encoding: Encoding::Identity,
            payload,
        };
        let director = moment.directors[rng.random_range(0..moment.directors.len())];
        vec![(director, Payload::Envelope(class, envelopes::sign(&genesis(), &envelope)))]
    }

    fn count(&self) -> u64 {
        self.count
    }
}
