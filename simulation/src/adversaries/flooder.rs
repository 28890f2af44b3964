//! Sends far more than it may.

use super::{Mischief, Moment};
use crate::{Millis, chain::genesis, envelopes, network::Payload, node::Node};
use director_primitives::{Encoding, Envelope, PayloadKind, Priority, Topic};
use rand::{Rng, rngs::StdRng};

/// Messages at once: one and a half times what a director takes in a second.
const AT_ONCE: u64 = 3_000;

/// Time from one flood to the next, in milliseconds.
const EVERY_MS: Millis = 12_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Flooder {
    n: u8,
    last_seq: u64,
    flooded_at: Option<Millis>,
    count: u64,
}

impl Flooder {
    pub(super) fn new(n: u8) -> Self {
        Self { n, last_seq: 0, flooded_at: None, count: 0 }
    }
}

impl Mischief for Flooder {
    fn name(&self) -> &'static str {
        "flood"
    }

    fn act(&mut self, rng: &mut StdRng, moment: &Moment<'_>) -> Vec<(Node, Payload)> {
        if self.flooded_at.is_some_and(|at| moment.now < at + EVERY_MS) || moment.now < 5_000 {
            return Vec::new();
        }
        self.flooded_at = Some(moment.now);
        self.count += 1;
        let director = moment.directors[rng.random_range(0..moment.directors.len())];
        let class = Priority::Normal;
        let frame = |seq| {
            let envelope = Envelope {
                origin: Node::Validator(self.n).key(),
                epoch: 1,
                class,
                seq,
                kind: PayloadKind::Opaque(Topic::default()),
                encoding: Encoding::Identity,
                payload: u64::to_le_bytes(seq).to_vec(),
            };
            Payload::Envelope(class, envelopes::sign(&genesis(), &envelope))
        };
        let first = self.last_seq + 1;
        self.last_seq += AT_ONCE;
        (first..=self.last_seq).map(|seq| (director, frame(seq))).collect()
    }

    fn count(&self) -> u64 {
        self.count
    }
}
