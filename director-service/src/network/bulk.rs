//! Keeps so little of Bulk on its way that a vote never waits behind it.
//!
//! Lanes keep votes ahead of blocks until they are written; after that, the kernel's buffers on both
//! sides and a slow reader are first come, first served. With megabytes of blocks in there, a vote
//! would be late by as long as they take. So the receiver acknowledges Bulk as it reads it, and the
//! sender keeps no more unacknowledged than the path needs: the window grows while acknowledgements
//! come about as fast as they ever did, and shrinks when they are late, which says that a queue is
//! building up somewhere. That is the idea of LEDBAT (RFC 6817), with a target for votes on one
//! machine rather than for telephone calls on a home line.

use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// Least that may be on its way: one write.
const MIN_WINDOW: usize = 16 * 1024;

/// Most that may be: a gigabit for 30 ms.
const MAX_WINDOW: usize = 4 * 1024 * 1024;

/// Queueing that is let be, where the path is short; on longer ones a quarter of its own time.
const TARGET: Duration = Duration::from_millis(1);
const TARGET_SHARE: u32 = 4;

/// How long a fastest acknowledgement is remembered, once or twice over: paths change.
const MEMORY: Duration = Duration::from_secs(10);

/// After so many bytes of Bulk the receiver says that it has them.
pub(super) const ACK_EVERY: usize = 8 * 1024;

/// The sender's side.
pub(super) struct Window {
    size: usize,
    in_flight: usize,
    /// What is on its way, oldest first: bytes and when they were written.
    sent: VecDeque<(usize, Instant)>,
    fastest: Fastest,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            size: 2 * MIN_WINDOW,
            in_flight: 0,
            sent: VecDeque::new(),
            fastest: Fastest::default(),
        }
    }
}

impl Window {
    /// Bytes that may be written now.
    pub(super) fn room(&self) -> usize {
        self.size.saturating_sub(self.in_flight)
    }

    pub(super) fn written(&mut self, bytes: usize, now: Instant) {
        if bytes > 0 {
            self.in_flight += bytes;
            self.sent.push_back((bytes, now));
        }
    }

    /// The peer has read so many bytes of Bulk. `false` if it cannot have.
    pub(super) fn acknowledged(&mut self, bytes: usize, now: Instant) -> bool {
        if bytes > self.in_flight {
            return false;
        }
        let was_used = self.in_flight + MIN_WINDOW > self.size;
        self.in_flight -= bytes;
        let mut left = bytes;
        let mut written = None;
        while left > 0 {
            let Some((len, at)) = self.sent.front_mut() else { break };
            written = Some(*at);
            let part = left.min(*len);
            *len -= part;
            left -= part;
            if *len == 0 {
                self.sent.pop_front();
            }
        }
        if let Some(written) = written {
            self.adapt(bytes, now.saturating_duration_since(written), was_used, now);
        }
        true
    }

    fn adapt(&mut self, bytes: usize, took: Duration, was_used: bool, now: Instant) {
        let fastest = self.fastest.observe(took, now);
        let size = if took > fastest + TARGET.max(fastest / TARGET_SHARE) {
            // Down to half within one time around.
            self.size.saturating_sub(bytes / 2)
        } else if was_used {
            // Up to twice as much.
            self.size + bytes
        } else {
            self.size
        };
        self.size = size.clamp(MIN_WINDOW, MAX_WINDOW);
    }
}

/// The fastest acknowledgement of the last ten to twenty seconds.
#[derive(Default)]
struct Fastest {
    current: Option<(Duration, Instant)>,
    previous: Option<Duration>,
}

impl Fastest {
    fn observe(&mut self, took: Duration, now: Instant) -> Duration {
        let current = match self.current {
            Some((fastest, since)) if now.saturating_duration_since(since) < MEMORY => {
                (fastest.min(took), since)
            }
            old => {
                self.previous = old.map(|(fastest, _)| fastest);
                (took, now)
            }
        };
        self.current = Some(current);
        self.previous.map_or(current.0, |previous| previous.min(current.0))
    }
}
