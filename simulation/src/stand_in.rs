//! A simple client: one director at a time, everything sent again after a reconnect, no repair.

use crate::{
    client::{Hears, Message, Wants},
    envelopes,
    node::Node,
};
use codec::Encode;
use director_primitives::{
    Control, Encoding, Envelope, H256, Priority, PublicKey, SignedEnvelope, Snapshot,
};
use director_service::director::Frame;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

/// Messages that are kept.
const MAX_KEPT: usize = 4_096;

/// The client.
pub(crate) struct StandIn {
    node: Node,
    rng: StdRng,
    snapshot: Option<Arc<Snapshot>>,
    epoch: u64,
    settled: bool,
    last_seq: [u64; 4],
    kept: VecDeque<(Priority, Envelope)>,
    wanted: Option<PublicKey>,
    open: Option<PublicKey>,
    redial_at: Option<u64>,
    got: BTreeSet<(PublicKey, u64, Priority, u64)>,
}

impl StandIn {
    /// One that knows nothing yet.
    pub(crate) fn new(node: Node, epoch: u64, seed: u64) -> Self {
        Self {
            node,
            rng: StdRng::seed_from_u64(seed),
            snapshot: None,
            epoch,
            settled: false,
            last_seq: [0; 4],
            kept: VecDeque::new(),
            wanted: None,
            open: None,
            redial_at: None,
            got: BTreeSet::new(),
        }
    }

    fn genesis(&self) -> H256 {
        self.snapshot.as_ref().map_or(H256::zero(), |of| of.domain.genesis_hash)
    }

    fn sign(&self, envelope: &Envelope) -> Frame {
        envelopes::sign(&self.genesis(), envelope)
    }

    /// Publishes something.
    pub(crate) fn publish(&mut self, message: Message, out: &mut Vec<Wants>) {
        let Message { kind, class, payload } = message;
        self.last_seq[class.index()] += 1;
        let envelope = Envelope {
            origin: self.node.key(),
            epoch: self.epoch,
            class,
            seq: self.last_seq[class.index()],
            kind,
            encoding: Encoding::Identity,
            payload,
        };
        if let Some(open) = self.open {
            self.settled = true;
            out.push(Wants::Frame(open, class, self.sign(&envelope)));
        }
        if self.kept.len() == MAX_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((class, envelope));
    }

    /// Takes what it hears.
    pub(crate) fn handle(&mut self, now: u64, hears: Hears, out: &mut Vec<Wants>) {
        match hears {
            Hears::Finalized(snapshot) => {
                let keys = snapshot.directors.active.iter().map(|of| of.peer_key);
                let keys: Vec<_> = keys.collect();
                self.snapshot = Some(snapshot);
                out.push(Wants::Allow(keys));
                if self.wanted.is_none() {
                    self.redial_at = Some(now);
                }
            }
            Hears::Up(_) | Hears::Proven(_) => {}
            Hears::Down(director, _) | Hears::DialFailed(director, _) => {
                if self.wanted == Some(director) {
                    (self.wanted, self.open) = (None, None);
                    self.redial_at = Some(now + self.rng.random_range(50..500));
                }
            }
            Hears::Control(from, Control::Welcome(welcome)) if Some(from) == self.wanted => {
                if !welcome.authorized {
                    return;
                }
                if !self.settled && welcome.last_epoch >= self.epoch {
                    self.epoch = welcome.last_epoch + 1;
                }
                self.settled = true;
                self.open = Some(from);
                let kept = std::mem::take(&mut self.kept);
                for (class, mut envelope) in kept {
                    envelope.epoch = self.epoch;
                    out.push(Wants::Frame(from, class, self.sign(&envelope)));
                    self.kept.push_back((class, envelope));
                }
            }
            Hears::Control(..) => {}
            Hears::Frames(frames) => {
                for (_, frame) in frames {
                    self.frame(&frame, out);
                }
            }
            Hears::Tick => {
                let directors = self.snapshot.as_ref().map(|of| &of.directors.active);
                let Some(directors) = directors.filter(|of| !of.is_empty()) else { return };
                if self.wanted.is_none() && self.redial_at.is_some_and(|at| now >= at) {
                    let at = self.rng.random_range(0..directors.len());
                    self.wanted = Some(directors[at].peer_key);
                    out.push(Wants::Dial(directors[at].peer_key));
                }
            }
        }
    }

    fn frame(&mut self, frame: &Frame, out: &mut Vec<Wants>) {
        let Ok(signed) = SignedEnvelope::from_bytes(frame) else { return };
        let registered = self.snapshot.as_ref();
        let origin = signed.envelope.origin;
        if registered.is_none_or(|of| of.validator_by_peer_key(&origin).is_none())
            || !envelopes::verify(&self.genesis(), &signed)
        {
            return;
        }
        let Envelope { epoch, class, seq, .. } = signed.envelope;
        if self.got.insert((origin, epoch, class, seq)) {
            debug_assert!(!signed.encode().is_empty());
            out.push(Wants::Deliver(signed.envelope));
        }
    }
}
