//! Finds what is missing and asks for it: the same rules for directors and validators.
//!
//! ```text
//!  Vector, heartbeat ──► Claims: what each peer has ─┐
//!                                                    ├─► Planner ──► Fetch, GiveUp
//!  own sequences (Have): what is there, what is not ─┘      ▲
//!  Fetched: what is gone, what is to be asked for again ────┘
//! ```
//!
//! * upon a claim of something that is not there, or a message that leaves a hole: the sequence is *behind*;
//! * upon no progress for `grace_ms` (what is on its way needs no fetch): peers that have it are asked, one
//!   after the other by their rank, the next one `rank_ms` after the one before; those of one rank take turns in
//!   being the first, by origin. Again after `answer_ms` without an answer, or without what the answer speaks of;
//! * upon an answer that it is gone, from everybody who could have it: it is given up ([`Settings::give_up_ms`]).
//!
//! What a peer claims costs it nothing, so nothing follows from it but questions to that very peer: a sequence is
//! given up only as far as something signed has come of it.
//! What a peer says is gone is gone at that peer alone. Who claims and does not send is asked ever more
//! seldom, and after three times in vain not waited for.
//!
//! # Bounds
//!
//! Claims: one entry for each peer and origin that the caller lets through ([`Planner::claim`]). Sequences that
//! are behind: 32,768, which is what four peers can claim of two thousand origins; what is claimed beyond that is
//! looked at when it is claimed again. One question to each peer at a time. [`Planner::plan`] looks at those
//! alone about which something can be done.

mod behind;
mod claims;
mod planner;
#[cfg(test)]
mod tests;

pub use claims::{Claims, entries, hash, parts};
pub use planner::{Action, Planner, Settings, Stuck};

use director_primitives::{Priority, PublicKey, Range};

/// Milliseconds of a clock that only goes forward.
pub type Millis = u64;

/// One origin's messages of one class since it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence {
    /// Whose.
    pub origin: PublicKey,
    /// Since when: see the envelope.
    pub epoch: u64,
    /// Class.
    pub class: Priority,
}

impl Sequence {
    /// Numbers `first..=last` of it.
    pub fn range(self, first: u64, last: u64) -> Range {
        let Self { origin, epoch, class } = self;
        Range { origin, epoch, class, first, last }
    }
}

impl From<&Range> for Sequence {
    fn from(range: &Range) -> Self {
        Self { origin: range.origin, epoch: range.epoch, class: range.class }
    }
}

/// What is there.
pub trait Have {
    /// Last number without a hole before it, 0 if there is nothing yet; `None` if nothing of this sequence is
    /// wanted (an epoch that is over, an origin that is not known).
    fn contiguous(&self, of: &Sequence) -> Option<u64>;

    /// Highest number that is there, 0 if there is none.
    fn top(&self, of: &Sequence) -> u64;

    /// At most `most` ranges of numbers that are not there, in ascending order, beyond the contiguous ones and
    /// up to `to`.
    fn holes(&self, of: &Sequence, to: u64, most: usize) -> Vec<(u64, u64)>;
}
