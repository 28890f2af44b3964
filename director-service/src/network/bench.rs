//! Hands parts of the network to `benches/`, which cannot see them otherwise. For nothing else.

use super::{
    Frame,
    frame::Kind,
    meter::Meter,
    queue::{Lanes, Outgoing, Pushed},
};
use director_primitives::Priority;
use std::sync::Arc;

/// What waits for one peer.
pub struct Queue {
    lanes: Lanes,
    meter: Arc<Meter>,
}

impl Queue {
    /// An empty one that holds so many bytes of each class.
    pub fn new(bytes_per_class: usize) -> Self {
        Self { lanes: Lanes::new([bytes_per_class; 4], Arc::default()), meter: Arc::default() }
    }

    /// Adds a frame. `false` if there is no room.
    pub fn push(&mut self, class: Priority, frame: Frame) -> bool {
        let outgoing = Outgoing::new(Kind::Envelope(class), frame, 0, &self.meter);
        matches!(self.lanes.push(outgoing), Pushed::Queued { .. })
    }

    /// Puts the most urgent into one write; how many frames that finished.
    pub fn fill(&mut self, write: &mut Vec<u8>) -> u64 {
        self.lanes.fill(write, usize::MAX).finished
    }
}
