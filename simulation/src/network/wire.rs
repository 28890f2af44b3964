//! When something that is sent arrives: in order, after what was lost was sent again.

use crate::Millis;

/// What sends bytes one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sender {
    busy_until_us: u64,
}

impl Sender {
    /// When the last of these bytes has left, if they are handed over now.
    pub(crate) fn send(&mut self, now: Millis, bytes: usize, bytes_per_ms: u64) -> Millis {
        let begun = self.busy_until_us.max(now * 1_000);
        self.busy_until_us = begun + bytes as u64 * 1_000 / bytes_per_ms.max(1);
        self.busy_until_us / 1_000
    }
}

/// One direction of a connection, with so many lanes: within a lane the order is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire<const LANES: usize> {
    last_arrival: [Millis; LANES],
    /// Before that nothing arrives: something was lost and is sent again.
    blocked_until: Millis,
}

impl<const LANES: usize> Wire<LANES> {
    /// From `first` on.
    pub(crate) fn new(first: Millis) -> Self {
        Self { last_arrival: [first; LANES], blocked_until: 0 }
    }

    /// When something arrives that has left at `sent`: `delay` later at the earliest. If it is lost, it is sent
    /// again `lost_ms` later, and what follows waits for it; what is lost meanwhile is sent again meanwhile, as TCP does
    /// with selective acknowledgements. `None` for what comes after all lanes.
    pub(crate) fn arrival(
        &mut self,
        sent: Millis,
        lane: Option<usize>,
        delay: Millis,
        lost_ms: Option<Millis>,
    ) -> Millis {
        let mut at = (sent + delay + lost_ms.unwrap_or(0)).max(self.blocked_until);
        if lost_ms.is_some() {
            self.blocked_until = at;
        }
        let last = match lane {
            Some(lane) => &mut self.last_arrival[lane..=lane],
            None => &mut self.last_arrival[..],
        };
        at = last.iter().copied().fold(at, Millis::max);
        last.fill(at);
        at
    }

    /// Nothing arrives before that.
    pub(crate) fn not_before(&mut self, at: Millis) {
        self.blocked_until = self.blocked_until.max(at);
        self.last_arrival = self.last_arrival.map(|last| last.max(at));
    }
}
