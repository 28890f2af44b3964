//! Signs two envelopes for one place in its sequence.

use super::{Mischief, Moment};
use crate::{chain::genesis, envelopes, network::Payload, node::Node};
use director_primitives::{Encoding, Envelope, PayloadKind, Priority, Topic};
use rand::{Rng, rngs::StdRng};

/// See the module.
#[derive(Debug)]
pub(super) struct TwoFaced {
    n: u8,
    epoch: Option<u64>,
    last_seq: u64,
    count: u64,
}

impl TwoFaced {
    pub(super) fn new(n: u8) -> Self {
        Self { n, epoch: None, last_seq: 0, count: 0 }
    }
}

impl Mischief for TwoFaced {
    fn name(&self) -> &'static str {
        "two faces"
    }

    fn act(&mut self, rng: &mut StdRng, moment: &Moment<'_>) -> Vec<(Node, Payload)> {
        let epoch = *self.epoch.get_or_insert(moment.now + 1);
        self.last_seq += 1;
        let faces = if rng.random_bool(0.1) { 2 } else { 1 };
        self.count += faces - 1;
        let frame = |face: u64| {
            let envelope = Envelope {
                origin: Node::Validator(self.n).key(),
                epoch,
                class: Priority::Normal,
                seq: self.last_seq,
                kind: PayloadKind::Opaque(Topic::default()),
                encoding: Encoding::Identity,
                payload: [moment.now, face].map(u64::to_le_bytes).concat(),
            };
            Payload::Envelope(Priority::Normal, envelopes::sign(&genesis(), &envelope))
        };
        let at = |rng: &mut StdRng| moment.directors[rng.random_range(0..moment.directors.len())];
        (0..faces).map(|face| (at(rng), frame(face))).collect()
    }

    fn count(&self) -> u64 {
        self.count
    }
}
