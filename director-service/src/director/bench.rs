//! Hands parts of the core to `benches/`, which cannot see them otherwise. For nothing else.

use super::{
    Config,
    detector::{Detector, Verdict},
    seen::Seen,
    window::{Place, Tag, Windows},
};
use director_primitives::{AccountId32, CheckpointNumber, H256, Priority, PublicKey, SignedVote};

/// The detector.
#[derive(Debug)]
pub struct Votes {
    config: Config,
    detector: Detector,
}

impl Votes {
    /// One that knows none, with the defaults.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let config = Config::new(AccountId32::new([0; 32]), PublicKey::from_raw([0; 32]));
        let detector = Detector::new(&config, Vec::new(), 0);
        Self { config, detector }
    }

    /// A checkpoint is finalized; the first one to keep on disk, if that has moved.
    pub fn finalize(&mut self, checkpoint: CheckpointNumber) -> Option<CheckpointNumber> {
        self.detector.advance(&self.config, checkpoint)
    }

    /// Shows it a vote, as the core does. Whether it is the first one of its slot, to be remembered.
    pub fn judge(&mut self, validator: &AccountId32, vote: &SignedVote) -> bool {
        self.detector.range(validator, vote.vote.checkpoint);
        let (verdict, _) = self.detector.judge(&H256::zero(), validator, vote, |_| true);
        verdict == Verdict::First
    }
}

/// The cache of fingerprints.
#[derive(Debug)]
pub struct Cache(Seen);

impl Cache {
    /// An empty one.
    pub fn new(capacity: usize) -> Self {
        Self(Seen::new(capacity))
    }

    /// Whether this is known.
    pub fn touch(&mut self, fingerprint: &[u8; 32]) -> bool {
        self.0.touch(fingerprint)
    }

    /// Adds it; `false` if it was known.
    pub fn insert(&mut self, fingerprint: [u8; 32]) -> bool {
        self.0.insert(fingerprint)
    }
}

/// The windows of all origins.
#[derive(Debug)]
pub struct Sequences(Windows);

impl Sequences {
    /// None yet.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(Windows::new(1 << 61))
    }

    /// Asks for a place, as for each frame, and takes it if it is free.
    pub fn take(&mut self, origin: &PublicKey, seq: u64, body: &[u8]) -> bool {
        let (tag, class) = (Tag::of(body), Priority::Critical);
        let is_free = self.0.place(origin, 1, class, seq, tag) == Place::Free;
        if is_free {
            self.0.take(origin, 1, class, seq, tag);
        }
        is_free
    }
}
