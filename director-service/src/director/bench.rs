//! Hands parts of the core to `benches/`, which cannot see them otherwise. For nothing else.

use super::{
    seen::Seen,
    window::{Place, Tag, Windows},
};
use director_primitives::{Priority, PublicKey};

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
