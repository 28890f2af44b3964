//! Remembers a few recent finalized blocks, so that many who ask cost one question to the node.

use super::session::Head;
use director_primitives::H256;
use std::{collections::BTreeMap, sync::Arc};

/// Blocks whose hashes and state roots are kept.
const MAX_HASHES: usize = 1024;

/// Blocks whose extrinsics are kept.
const MAX_BODIES: usize = 8;

#[derive(Default)]
pub(super) struct Cache {
    hashes: BTreeMap<u64, H256>,
    state_roots: BTreeMap<u64, H256>,
    bodies: BTreeMap<u64, Arc<[H256]>>,
}

impl Cache {
    pub(super) fn hash(&self, number: u64) -> Option<H256> {
        self.hashes.get(&number).copied()
    }

    /// The newest block that is known and no higher than this.
    pub(super) fn newest_up_to(&self, number: u64) -> Option<Head> {
        let newest = self.hashes.range(..=number).next_back();
        newest.map(|(number, hash)| Head { number: *number, hash: *hash })
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn insert(&mut self, head: Head) {
        self.hashes.insert(head.number, head.hash);
        while self.hashes.len() > MAX_HASHES {
            self.hashes.pop_first();
        }
    }

    pub(super) fn state_root(&self, number: u64) -> Option<H256> {
        self.state_roots.get(&number).copied()
    }

    pub(super) fn insert_state_root(&mut self, number: u64, state_root: H256) {
        self.state_roots.insert(number, state_root);
        while self.state_roots.len() > MAX_HASHES {
            self.state_roots.pop_first();
        }
    }

    pub(super) fn body(&self, number: u64) -> Option<Arc<[H256]>> {
        self.bodies.get(&number).cloned()
    }

    pub(super) fn insert_body(&mut self, number: u64, extrinsics: Arc<[H256]>) {
        self.bodies.insert(number, extrinsics);
        while self.bodies.len() > MAX_BODIES {
            self.bodies.pop_first();
        }
    }
}
