//! One direction of a connection: queues by class, what is on the wire, and what holds it up.

use super::{
    Payload,
    wire::{Sender, Wire},
};
use crate::Millis;
use director_primitives::Priority;
use std::collections::VecDeque;

/// Something on the wire.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Payload(Payload),
    /// Nothing follows.
    End,
}

impl Item {
    fn cost(&self) -> usize {
        match self {
            Self::Payload(payload) => payload.cost(),
            Self::End => 0,
        }
    }

    /// The lane that it keeps its order in; the end comes after all lanes.
    fn lane(&self) -> Option<usize> {
        match self {
            Self::Payload(payload) => Some(payload.class().index()),
            Self::End => None,
        }
    }
}

/// What became of a message that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// Send it now.
    Now,
    /// It waits, after so many older ones were thrown away for it.
    Queued { dropped: usize },
    /// No room in a class that loses nothing: the connection has to end.
    Overflow,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Payload>,
    bytes: usize,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Way {
    lanes: [Lane; 4],
    /// Bytes on the wire, and read by nobody yet.
    pub(super) unread: usize,
    sender: Sender,
    wire: Wire<4>,
    /// Since when nothing gets through; what is sent meanwhile is `held`.
    pub(super) stalled_since: Option<Millis>,
    pub(super) held: VecDeque<Item>,
    /// How many of those had left before.
    pub(super) held_from_before: usize,
    /// Since when the receiver hears nothing, not even a sign of life.
    pub(super) mute_since: Option<Millis>,
    /// The end was announced.
    pub(super) ended: bool,
}

impl Way {
    /// From `first` on.
    pub(super) fn new(first: Millis) -> Self {
        Self {
            lanes: Default::default(),
            unread: 0,
            sender: Sender::default(),
            wire: Wire::new(first),
            stalled_since: None,
            held: VecDeque::new(),
            held_from_before: 0,
            mute_since: None,
            ended: false,
        }
    }

    /// Takes a message by the rule of its class, as `director-service/src/network/queue.rs` does.
    pub(super) fn push(&mut self, payload: &Payload, limits: &[usize; 4], window: usize) -> Pushed {
        let is_idle = self.lanes.iter().all(|lane| lane.waiting.is_empty());
        if is_idle && self.unread + payload.cost() <= window.max(payload.cost()) {
            return Pushed::Now;
        }
        let (class, cost) = (payload.class(), payload.cost());
        let limit = limits[class.index()];
        let lane = &mut self.lanes[class.index()];
        let mut dropped = 0;
        while lane.bytes + cost > limit {
            if class <= Priority::High {
                return Pushed::Overflow;
            }
            match lane.waiting.pop_front() {
                Some(oldest) => lane.bytes -= oldest.cost(),
                // It alone is too long: dropped itself.
                None => return Pushed::Queued { dropped: 1 },
            }
            dropped += 1;
        }
        lane.bytes += cost;
        lane.waiting.push_back(payload.clone());
        Pushed::Queued { dropped }
    }

    /// The most urgent message that waits, if there is room on the wire.
    pub(super) fn pull(&mut self, window: usize) -> Option<Payload> {
        let lane = self.lanes.iter_mut().find(|lane| !lane.waiting.is_empty())?;
        let cost = lane.waiting.front()?.cost();
        if self.unread > 0 && self.unread + cost > window {
            return None;
        }
        let payload = lane.waiting.pop_front()?;
        lane.bytes -= cost;
        Some(payload)
    }

    /// Throws away what waits; how many messages that were.
    pub(super) fn clear(&mut self) -> usize {
        let left = self.lanes.iter().map(|lane| lane.waiting.len()).sum();
        self.lanes = Default::default();
        left
    }

    /// Nothing arrives before that.
    pub(super) fn not_before(&mut self, at: Millis) {
        self.wire.not_before(at);
    }

    /// Bytes that wait in queues.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.lanes.iter().map(|lane| lane.bytes).sum()
    }

    /// When something arrives that leaves now: see [`Wire::arrival`].
    pub(super) fn arrival(
        &mut self,
        now: Millis,
        item: &Item,
        delay: Millis,
        lost_ms: Option<Millis>,
        bytes_per_ms: u64,
    ) -> Millis {
        self.unread += item.cost();
        let sent = self.sender.send(now, item.cost(), bytes_per_ms);
        self.wire.arrival(sent, item.lane(), delay, lost_ms)
    }
}
