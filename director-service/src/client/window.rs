//! Remembers which sequence numbers were seen, in bounded memory.

/// Numbers below the highest that are still told apart.
pub(super) const WINDOW: u64 = 4096;

const WORDS: usize = (WINDOW / 64) as usize;

/// What a number is to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Not seen before.
    New,
    /// Seen before.
    Seen,
    /// Too far below the highest to tell.
    TooOld,
}

/// The last [`WINDOW`] numbers up to the highest one.
pub(super) struct Window {
    top: u64,
    /// A ring: number `n` is bit `n % WINDOW`.
    bits: Box<[u64; WORDS]>,
}

impl Default for Window {
    fn default() -> Self {
        Self { top: 0, bits: Box::new([0; WORDS]) }
    }
}

impl Window {
    pub(super) fn place(&self, seq: u64) -> Place {
        if seq > self.top {
            return Place::New;
        }
        if self.top - seq >= WINDOW {
            return Place::TooOld;
        }
        let (word, bit) = position(seq);
        if self.bits[word] & bit != 0 { Place::Seen } else { Place::New }
    }

    pub(super) fn mark(&mut self, seq: u64) {
        if seq > self.top {
            // What leaves the window makes room, at most once around.
            let fresh = (seq - self.top).min(WINDOW);
            for gone in 0..fresh {
                let (word, bit) = position(seq - gone);
                self.bits[word] &= !bit;
            }
            self.top = seq;
        }
        if self.top - seq < WINDOW {
            let (word, bit) = position(seq);
            self.bits[word] |= bit;
        }
    }
}

fn position(seq: u64) -> (usize, u64) {
    let at = seq % WINDOW;
    ((at / 64) as usize, 1 << (at % 64))
}
