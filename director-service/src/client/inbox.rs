//! Decides which envelopes the application gets: each one once, and none that is forged.

use super::{
    compression::Unpacker,
    window::{Place, Window},
};
use director_primitives::{
    Encoding, Envelope, H256, PayloadKind, PublicKey, SignedEnvelope, Snapshot,
};
use std::collections::HashMap;

/// Epochs of one origin that are told apart: the present one and the one before a restart.
const EPOCHS: usize = 2;

/// Why an envelope is not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    Malformed,
    Own,
    UnknownOrigin,
    Duplicate,
    Stale,
    Forged,
    Undecompressible,
}

impl Dropped {
    pub(super) const COUNT: usize = Self::Undecompressible as usize + 1;
}

/// What was seen of one origin, newest epoch first.
#[derive(Default)]
struct Origin(Vec<(u64, [Window; 4])>);

impl Origin {
    fn place(&self, epoch: u64, class: usize, seq: u64) -> Place {
        match self.0.iter().find(|(of, _)| *of == epoch) {
            Some((_, windows)) => windows[class].place(seq),
            None if self.0.len() == EPOCHS && self.0.iter().all(|(of, _)| *of > epoch) => {
                Place::TooOld
            }
            None => Place::New,
        }
    }

    fn mark(&mut self, epoch: u64, class: usize, seq: u64) {
        if !self.0.iter().any(|(of, _)| *of == epoch) {
            self.0.push((epoch, Default::default()));
            self.0.sort_by_key(|(of, _)| std::cmp::Reverse(*of));
            self.0.truncate(EPOCHS);
        }
        if let Some((_, windows)) = self.0.iter_mut().find(|(of, _)| *of == epoch) {
            windows[class].mark(seq);
        }
    }
}

/// What was seen of everybody. Bounded by the registered validators, see [`Self::keep`].
pub(super) struct Inbox {
    genesis_hash: H256,
    own_key: PublicKey,
    origins: HashMap<PublicKey, Origin>,
    unpacker: Unpacker,
}

impl Inbox {
    pub(super) fn new(genesis_hash: H256, own_key: PublicKey) -> Self {
        Self { genesis_hash, own_key, origins: HashMap::new(), unpacker: Unpacker::default() }
    }

    /// Takes an encoded envelope and gives it back with the plain payload. The cheapest reason to drop it comes first, and it is marked as
    /// seen after the signature was checked: a forged copy must not suppress the real one.
    pub(super) fn accept(
        &mut self,
        snapshot: &Snapshot,
        frame: &[u8],
    ) -> Result<Envelope, Dropped> {
        let signed = SignedEnvelope::from_bytes(frame).map_err(|_| Dropped::Malformed)?;
        let envelope = &signed.envelope;
        if envelope.origin == self.own_key {
            return Err(Dropped::Own);
        }
        if snapshot.validator_by_peer_key(&envelope.origin).is_none() {
            return Err(Dropped::UnknownOrigin);
        }
        let (epoch, class, seq) = (envelope.epoch, envelope.class.index(), envelope.seq);
        let place = self.origins.get(&envelope.origin).map(|of| of.place(epoch, class, seq));
        match place {
            Some(Place::Seen) => return Err(Dropped::Duplicate),
            Some(Place::TooOld) => return Err(Dropped::Stale),
            Some(Place::New) | None => {}
        }
        if !signed.verify(&self.genesis_hash) {
            return Err(Dropped::Forged);
        }
        self.origins.entry(envelope.origin).or_default().mark(epoch, class, seq);
        self.unpack(signed.envelope)
    }

    /// Decompresses the payload. A vote that is compressed has passed no detector.
    fn unpack(&mut self, envelope: Envelope) -> Result<Envelope, Dropped> {
        let payload = match (envelope.encoding, &envelope.kind) {
            (Encoding::Identity, _) => return Ok(envelope),
            (Encoding::Zstd, PayloadKind::CheckpointVote) => None,
            (Encoding::Zstd, _) => self.unpacker.unpack(&envelope.payload),
        };
        let payload = payload.ok_or(Dropped::Undecompressible)?;
        Ok(Envelope { payload, ..envelope })
    }

    /// Forgets who is not registered any more.
    pub(super) fn keep(&mut self, snapshot: &Snapshot) {
        self.origins.retain(|origin, _| snapshot.validator_by_peer_key(origin).is_some());
    }
}
