//! Keeps a client within what a director takes of it.
//!
//! A director refuses what exceeds its limits (docs/protocol.md, section 8), and does not delay it. After
//! an outage a client may have more to say than that.

use director_primitives::{Priority, envelope::MAX_ENVELOPE_LEN};

/// Messages a second and at once: a director's default limits, less five per cent, since its clock is not
/// ours.
const MESSAGES: [u64; 4] = [1_900, 1_900, 1_900, 190];

/// Bytes a second and at once, in each class. One message of any length passes a full bucket.
const BYTES: u64 = 3_900 * 1024;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    per_s: u64,
    /// In thousandths.
    level: u64,
    at: u64,
}

impl Bucket {
    fn full(per_s: u64) -> Self {
        Self { per_s, level: per_s * 1_000, at: 0 }
    }

    fn refill(&mut self, now: u64) {
        let since = now.saturating_sub(self.at);
        self.level = (self.level + since.saturating_mul(self.per_s)).min(self.per_s * 1_000);
        self.at = self.at.max(now);
    }

    fn has(&self, tokens: u64) -> bool {
        self.level >= tokens * 1_000
    }

    fn take(&mut self, tokens: u64) {
        self.level = self.level.saturating_sub(tokens * 1_000);
    }
}

/// What may still be sent in each class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    messages: [Bucket; 4],
    bytes: [Bucket; 4],
}

impl Default for Pace {
    /// As after a rest.
    fn default() -> Self {
        const { assert!(BYTES > MAX_ENVELOPE_LEN as u64, "a message of any length passes") };
        Self { messages: MESSAGES.map(Bucket::full), bytes: [Bucket::full(BYTES); 4] }
    }
}

impl Pace {
    /// Whether a message of this class and length may be sent now; then it counts as sent.
    pub(super) fn may_send(&mut self, class: Priority, bytes: usize, now: u64) -> bool {
        let (messages, room) = (&mut self.messages[class.index()], &mut self.bytes[class.index()]);
        messages.refill(now);
        room.refill(now);
        let may = messages.has(1) && room.has(bytes as u64);
        if may {
            messages.take(1);
            room.take(bytes as u64);
        }
        may
    }
}
