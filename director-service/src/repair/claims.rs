//! Keeps what a peer says that it has.

use super::Sequence;
use codec::Encode;
use director_primitives::{
    H256, PublicKey, VectorEntry,
    envelope::fingerprint,
    repair::{MAX_VECTOR_ENTRIES, VectorEntries},
};
use std::collections::BTreeMap;

/// The vector of one peer, as far as it was heard.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    entries: BTreeMap<PublicKey, VectorEntry>,
    complete: bool,
}

impl Claims {
    /// Takes entries in the place of earlier ones about the same origins.
    pub fn take(&mut self, entries: &[VectorEntry]) {
        self.entries.extend(entries.iter().map(|entry| (entry.origin, *entry)));
    }

    /// All of it was heard.
    pub fn completed(&mut self) {
        self.complete = true;
    }

    /// Whether all of it was heard once.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Last number without a hole before it that the peer has of a sequence; 0 if it says nothing of it.
    pub fn of(&self, sequence: &Sequence) -> u64 {
        let entry = self.entries.get(&sequence.origin);
        let entry = entry.filter(|entry| entry.epoch == sequence.epoch);
        entry.map_or(0, |entry| entry.contiguous[sequence.class.index()])
    }

    /// What the peer says of an origin.
    pub fn get(&self, origin: &PublicKey) -> Option<&VectorEntry> {
        self.entries.get(origin)
    }

    /// The entries, in ascending order of origins.
    pub fn entries(&self) -> impl Iterator<Item = &VectorEntry> {
        self.entries.values()
    }

    /// What a peer's [`director_primitives::VectorSummary::Hash`] is to be.
    pub fn hash(&self) -> H256 {
        hash(self.entries())
    }

    /// Forgets origins.
    pub fn retain(&mut self, mut keep: impl FnMut(&PublicKey) -> bool) {
        self.entries.retain(|origin, _| keep(origin));
    }
}

/// BLAKE2b-256 of encoded entries, which must come in ascending order of origins.
pub fn hash<'a>(entries: impl Iterator<Item = &'a VectorEntry>) -> H256 {
    let bytes: Vec<u8> = entries.flat_map(Encode::encode).collect();
    H256(fingerprint(&bytes))
}

/// As many entries as go into one message; the rest is left out.
pub fn entries(entries: impl IntoIterator<Item = VectorEntry>) -> VectorEntries {
    let entries: Vec<_> = entries.into_iter().take(MAX_VECTOR_ENTRIES as usize).collect();
    // Not longer than it may be.
    entries.try_into().unwrap_or_default()
}

/// Entries by the message, at least one message.
pub fn parts(all: &[VectorEntry]) -> impl Iterator<Item = VectorEntries> {
    let most = MAX_VECTOR_ENTRIES as usize;
    let count = all.len().div_ceil(most).max(1);
    (0..count).map(move |part| entries(all.iter().skip(part * most).copied()))
}
