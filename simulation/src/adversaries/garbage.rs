//! Sends what is no message, what is not signed, and what is another's.

use super::{Mischief, Moment, altered};
use crate::{chain::genesis, envelopes, network::Payload, node::Node};
use director_primitives::{Encoding, Envelope, PayloadKind, Priority, Topic};
use rand::{Rng, RngCore, rngs::StdRng};

/// See the module.
#[derive(Debug)]
pub(super) struct Garbage {
    n: u8,
    last_seq: u64,
    count: u64,
}

impl Garbage {
    pub(super) fn new(n: u8) -> Self {
        Self { n, last_seq: 0, count: 0 }
    }
}

impl Mischief for Garbage {
    fn name(&self) -> &'static str {
        "garbage"
    }

    fn act(&mut self, rng: &mut StdRng, moment: &Moment<'_>) -> Vec<(Node, Payload)> {
        self.count += 1;
        self.last_seq += 1;
        let class = *crate::scenario::pick(rng, &Priority::ALL);
        // Another's name one time in three.
        let origin = match rng.random_range(0..3) {
            0 => Node::Validator((self.n + 1) % 4),
            _ => Node::Validator(self.n),
        };
        let envelope = Envelope {
            origin: origin.key(),
            epoch: 1,
            class,
            seq: self.last_seq,
            kind: PayloadKind::Opaque(Topic::default()),
            encoding: Encoding::Identity,
            payload: moment.now.to_le_bytes().to_vec(),
        };
        let mut frame = envelopes::sign(&genesis(), &envelope);
        match rng.random_range(0..3) {
            0 => {
                let mut bytes = vec![0; rng.random_range(1..300)];
                rng.fill_bytes(&mut bytes);
                frame = bytes.into();
            }
            1 => frame = altered(rng, &frame),
            // Rightly signed, but perhaps by one whose name it only uses: nobody has its key.
            _ if origin != Node::Validator(self.n) => frame = altered(rng, &frame),
            _ => {}
        }
        let director = moment.directors[rng.random_range(0..moment.directors.len())];
        vec![(director, Payload::Envelope(class, frame))]
    }

    fn count(&self) -> u64 {
        self.count
    }
}
