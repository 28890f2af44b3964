//! Keeps what is to happen, by time and then by the order in which it was caused.

use crate::Millis;
use std::{cmp::Reverse, collections::BinaryHeap};

struct Entry<E> {
    at: Millis,
    order: u64,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// Events to come.
pub(crate) struct Schedule<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    caused: u64,
}

impl<E> Default for Schedule<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), caused: 0 }
    }
}

impl<E> Schedule<E> {
    /// `event` is to happen at that moment, after what was put there before.
    pub(crate) fn put(&mut self, at: Millis, event: E) {
        self.heap.push(Reverse(Entry { at, order: self.caused, event }));
        self.caused += 1;
    }

    /// The next event up to that moment.
    pub(crate) fn next(&mut self, until: Millis) -> Option<(Millis, E)> {
        if self.heap.peek()?.0.at > until {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }

    /// Events that were ever put in.
    pub(crate) fn caused(&self) -> u64 {
        self.caused
    }
}
