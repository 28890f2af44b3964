//! Counts the memory of frames that wait in either direction, each frame once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Bytes that wait in a swarm.
#[derive(Debug, Default)]
pub(super) struct Meter(AtomicUsize);

impl Meter {
    /// Counts bytes for as long as the lease lives.
    pub(super) fn lease(self: &Arc<Self>, bytes: usize) -> Lease {
        self.add(bytes);
        Lease { meter: self.clone(), bytes }
    }

    pub(super) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Relaxed);
    }

    pub(super) fn subtract(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Relaxed);
    }

    /// Bytes that wait now.
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// Bytes that are counted until this is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    meter: Arc<Meter>,
    bytes: usize,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.meter.subtract(self.bytes);
    }
}
