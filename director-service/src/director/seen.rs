//! Remembers the fingerprints of the latest frames: a least-recently-used set.
//!
//! A slab holds the entries as a doubly linked list, a map finds them: every operation is a look-up
//! and a few index writes, and nothing is allocated once it is full.
//!
//! Only verified frames are put in (see the order in [`super::Director`]): a forged copy must not
//! suppress the real one. Whoever may speak can flush it; what it has forgotten, the windows of
//! [`super::window`] still know.

use std::collections::HashMap;

/// BLAKE2b-256 of a whole frame.
pub(super) type Fingerprint = [u8; 32];

/// Index that points nowhere.
const NONE: usize = usize::MAX;

#[derive(Debug)]
struct Entry {
    fingerprint: Fingerprint,
    newer: usize,
    older: usize,
}

/// The latest fingerprints, at most `capacity` of them.
#[derive(Debug)]
pub(super) struct Seen {
    capacity: usize,
    entries: Vec<Entry>,
    places: HashMap<Fingerprint, usize>,
    newest: usize,
    oldest: usize,
}

impl Seen {
    /// Room for `capacity` fingerprints, at least one.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            entries: Vec::new(),
            places: HashMap::new(),
            newest: NONE,
            oldest: NONE,
        }
    }

    /// Whether it is known; if so it becomes the newest.
    pub(super) fn touch(&mut self, fingerprint: &Fingerprint) -> bool {
        let Some(&at) = self.places.get(fingerprint) else {
            return false;
        };
        if at != self.newest {
            self.unlink(at);
            self.link_newest(at);
        }
        true
    }

    /// Whether it is known; changes nothing.
    pub(super) fn has(&self, fingerprint: &Fingerprint) -> bool {
        self.places.contains_key(fingerprint)
    }

    /// Puts it in as the newest, in the place of the oldest when full. `false` if it was known.
    pub(super) fn insert(&mut self, fingerprint: Fingerprint) -> bool {
        if self.touch(&fingerprint) {
            return false;
        }
        let at = if self.entries.len() < self.capacity {
            self.entries.push(Entry { fingerprint, newer: NONE, older: NONE });
            self.entries.len() - 1
        } else {
            let at = self.oldest;
            self.unlink(at);
            self.places.remove(&self.entries[at].fingerprint);
            self.entries[at].fingerprint = fingerprint;
            at
        };
        self.places.insert(fingerprint, at);
        self.link_newest(at);
        true
    }

    fn unlink(&mut self, at: usize) {
        let Entry { newer, older, .. } = self.entries[at];
        match newer {
            NONE => self.newest = older,
            newer => self.entries[newer].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => self.entries[older].newer = newer,
        }
    }

    fn link_newest(&mut self, at: usize) {
        self.entries[at].newer = NONE;
        self.entries[at].older = self.newest;
        match self.newest {
            NONE => self.oldest = at,
            newest => self.entries[newest].newer = at,
        }
        self.newest = at;
    }
}
