//! Judges how far a chain can have come, by what was sure once and the time that has passed since.
//!
//! A claim to have finalized more than the others costs a node nothing, and a director never goes back below what it
//! was told is final. So with several nodes:
//!
//! * *sure* is what two nodes have said. The first head of all is taken on the word of whoever says it;
//! * from there the chain comes [`SLACK`] blocks further at most, and twice as many as it has made in such a time. What
//!   is beyond that is *far-fetched*;
//! * upon a far-fetched head of the node in use: it is taken if another node says the like, or if for all of the
//!   patience (two minutes) no other node answers that is well. Until then it is held back;
//! * upon a far-fetched head of another node: that is no reason to change to it, unless the node in use says by itself
//!   that it is behind, or stands still and nobody is with it;
//! * upon a head that was taken on one node's word: if another node that is well goes on below it for all of the
//!   patience, and no third one says the like, it is dropped, and the node that said it is left.
//!
//! With one node there is nobody to ask: whatever it says is sure, and it may jump as far as it likes. If it stays
//! below what it said, the follower drops that by itself.
//!
//! What cannot be taken back waits until a block is *settled*: until two nodes have said it, or until it has been believed for an hour
//! and not been dropped. The second alone holds where there is one node, or only one of several that answers.

use std::time::Duration;
use tokio::time::Instant;

/// Blocks that are always plausible: finality comes in bursts, and not to all nodes at once.
const SLACK: u64 = 64;

/// How many times faster than until now a chain may become.
const HASTE: f64 = 2.0;

/// Blocks a second that are plausible at least, and as long as the chain's pace is not known.
const LEAST_RATE: f64 = 1.0;
const UNKNOWN_RATE: f64 = 8.0;

/// Over so long a time a pace is measured.
const MEASURED: Duration = Duration::from_secs(60);

/// So long a block has to be believed until it is settled on one node's word: as long as an operator may need to bring another one back.
const STANDS: Duration = Duration::from_secs(3_600);

/// A block, and when it was known.
#[derive(Clone, Copy, Debug)]
struct Mark {
    number: u64,
    at: Instant,
}

impl Mark {
    fn reach(&self, rate: f64, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        // Beyond what fits it is the largest number.
        self.number.saturating_add(SLACK).saturating_add((rate * passed) as u64)
    }
}

/// What a node answered when it was asked last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Its newest finalized block.
    pub(super) finalized: u64,
    /// Whether it says that it is not behind.
    pub(super) is_well: bool,
}

/// What becomes of a head that the node in use tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is nothing against it.
    Plausible,
    /// It is far-fetched, and nobody has contradicted for long enough.
    OnItsWord,
    /// It is far-fetched, and not taken for now.
    Held,
}

/// A node that stays below what another one has said.
#[derive(Clone, Copy, Debug)]
struct Contradiction {
    by: usize,
    began: Mark,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Horizon {
    patience: Duration,
    /// A look that is older says nothing any more.
    fresh: Duration,
    looks: Vec<Option<(Look, Instant)>>,
    sure: Option<Mark>,
    /// Taken on the word of one node.
    taken: Option<Mark>,
    blocks_per_s: Option<f64>,
    measured_from: Option<Mark>,
    /// What is believed and may settle, and what has.
    standing: Option<Mark>,
    stood: u64,
    held_since: Option<Instant>,
    /// By node, of those that contradict now.
    contradictions: Vec<Contradiction>,
}

impl Horizon {
    /// Of so many nodes, which are looked at so often.
    pub(super) fn new(nodes: usize, look_interval: Duration, patience: Duration) -> Self {
        Self {
            patience,
            fresh: look_interval.saturating_mul(3) + super::CALL_TIMEOUT,
            looks: vec![None; nodes],
            sure: None,
            taken: None,
            blocks_per_s: None,
            measured_from: None,
            standing: None,
            stood: 0,
            held_since: None,
            contradictions: Vec::new(),
        }
    }

    /// Takes note of a look at a node; `None` if it cannot be used.
    pub(super) fn looked(&mut self, index: usize, look: Option<Look>, now: Instant) {
        if let Some(known) = self.looks.get_mut(index) {
            *known = look.map(|look| (look, now));
        }
    }

    /// Looks at all nodes are through: what two of them have is sure.
    pub(super) fn compare(&mut self, now: Instant) {
        let mut all: Vec<_> = self.fresh(now).map(|(_, look, _)| look.finalized).collect();
        all.sort_unstable();
        if let Some(second) = all.len().checked_sub(2).and_then(|at| all.get(at)) {
            self.sure(*second, now);
        }
    }

    /// This block is final.
    pub(super) fn sure(&mut self, number: u64, now: Instant) {
        if self.sure.is_some_and(|sure| sure.number >= number) {
            return;
        }
        let mark = Mark { number, at: now };
        self.sure = Some(mark);
        self.taken = self.taken.filter(|taken| taken.number > number);
        let from = *self.measured_from.get_or_insert(mark);
        let passed = now.saturating_duration_since(from.at);
        if passed >= MEASURED {
            let blocks = number.saturating_sub(from.number);
            self.blocks_per_s = Some(blocks as f64 / passed.as_secs_f64());
            self.measured_from = Some(mark);
        }
    }

    /// The node that says this is believed.
    pub(super) fn trust(&mut self, number: u64, now: Instant) {
        self.taken = Some(Mark { number, at: now });
        self.held_since = None;
    }

    /// What was taken is dropped; if even this block is below what was sure, that as well.
    pub(super) fn retract(&mut self, to: Option<u64>, now: Instant) {
        (self.taken, self.held_since, self.standing) = (None, None, None);
        self.contradictions.clear();
        if let Some(number) = to.filter(|to| self.sure.is_some_and(|sure| *to < sure.number)) {
            self.sure = Some(Mark { number, at: now });
            self.measured_from = None;
        }
    }

    /// Judges a head of the node in use.
    pub(super) fn judge(&mut self, used: usize, number: u64, now: Instant) -> Verdict {
        let verdict = self.weigh(used, number, now);
        if verdict != Verdict::Held {
            let standing = *self.standing.get_or_insert(Mark { number, at: now });
            if now.saturating_duration_since(standing.at) >= STANDS {
                self.stood = self.stood.max(standing.number);
                self.standing = Some(Mark { number, at: now });
            }
        }
        verdict
    }

    fn weigh(&mut self, used: usize, number: u64, now: Instant) -> Verdict {
        if self.looks.len() < 2 {
            self.sure(number, now);
            return Verdict::Plausible;
        }
        if self.sure.is_none() && self.taken.is_none() {
            self.trust(number, now);
            return Verdict::Plausible;
        }
        if !self.is_far_fetched(used, number, now) {
            self.held_since = None;
            return Verdict::Plausible;
        }
        if self.others(used, now).any(|(_, look, _)| look.is_well) {
            self.held_since = None;
            return Verdict::Held;
        }
        let since = *self.held_since.get_or_insert(now);
        if now.saturating_duration_since(since) < self.patience {
            return Verdict::Held;
        }
        self.trust(number, now);
        Verdict::OnItsWord
    }

    /// Whether time does not allow what this node says, and no other node says the like.
    pub(super) fn is_far_fetched(&self, index: usize, number: u64, now: Instant) -> bool {
        let rate = self.rate();
        let marks = [self.sure, self.taken];
        let mut marks = marks.iter().flatten().peekable();
        marks.peek().is_some()
            && marks.all(|mark| number > mark.reach(rate, now))
            && !self.is_confirmed(index, number, now)
    }

    /// Whether another node than this one is well and far ahead of it, as it says itself: however far-fetched, it is a reason not to
    /// take what this one says for the last word.
    pub(super) fn is_outrun(&self, index: usize, number: u64, now: Instant) -> bool {
        let reach = number.saturating_add(SLACK);
        self.others(index, now).any(|(_, look, _)| look.is_well && look.finalized > reach)
    }

    /// Whether another node than this one says the like.
    fn is_confirmed(&self, index: usize, number: u64, now: Instant) -> bool {
        self.confirmations(index, number, now) > 0
    }

    fn confirmations(&self, index: usize, number: u64, now: Instant) -> usize {
        let rate = self.rate();
        self.others(index, now).filter(|(_, _, mark)| number <= mark.reach(rate, now)).count()
    }

    /// Whether what was followed until now is to be dropped because the node in use stays below it: unless another one
    /// says the like, or two where it was taken on one's word.
    pub(super) fn is_groundless(&self, used: usize, followed: u64, now: Instant) -> bool {
        let claimants = usize::from(self.sure_below(followed, now).is_some());
        self.confirmations(used, followed, now) <= claimants
    }

    /// The last block that two nodes had, if what is followed is not sure.
    pub(super) fn sure_below(&self, followed: u64, now: Instant) -> Option<u64> {
        let sure = self.sure?;
        (followed > sure.reach(self.rate(), now)).then_some(sure.number)
    }

    /// Up to which block what rests on it may be thrown away for good: what two nodes have said, and what the chain makes at its own
    /// pace while only one of them answers, or what was believed for an hour or two. What one node claims beyond that may be
    /// taken back.
    pub(super) fn settled(&self, now: Instant) -> u64 {
        let sure = self.sure.filter(|_| self.looks.len() > 1).map_or(0, |Mark { number, at }| {
            let passed = now.saturating_duration_since(at).as_secs_f64();
            number.saturating_add((self.blocks_per_s.unwrap_or(0.0) * passed) as u64)
        });
        sure.max(self.stood)
    }

    /// A node to go back to, because it goes on below what the one in use has claimed and nobody else says.
    pub(super) fn contradicted(
        &mut self,
        used: usize,
        followed: u64,
        now: Instant,
    ) -> Option<usize> {
        let is_doubtful =
            self.sure_below(followed, now).is_some() && !self.is_confirmed(used, followed, now);
        // Each by itself: one that stands still must not hide one that goes on.
        let others = self.others(used, now).filter(|(_, look, _)| is_doubtful && look.is_well);
        let others: Vec<_> = others.map(|(by, look, _)| (by, look.finalized)).collect();
        self.contradictions.retain(|known| others.iter().any(|(by, _)| *by == known.by));
        for (by, number) in others {
            let Some(Contradiction { began, .. }) =
                self.contradictions.iter().find(|known| known.by == by)
            else {
                self.contradictions.push(Contradiction { by, began: Mark { number, at: now } });
                continue;
            };
            let is_long = now.saturating_duration_since(began.at) >= self.patience;
            if is_long && number > began.number {
                return Some(by);
            }
        }
        None
    }

    /// Plausible blocks a second.
    fn rate(&self) -> f64 {
        self.blocks_per_s.map_or(UNKNOWN_RATE, |pace| (HASTE * pace).max(LEAST_RATE))
    }

    fn fresh(&self, now: Instant) -> impl Iterator<Item = (usize, Look, Mark)> + '_ {
        let known = self.looks.iter().enumerate().filter_map(|(index, known)| {
            known.map(|(look, at)| (index, look, Mark { number: look.finalized, at }))
        });
        known.filter(move |(.., mark)| now.saturating_duration_since(mark.at) <= self.fresh)
    }

    fn others(&self, index: usize, now: Instant) -> impl Iterator<Item = (usize, Look, Mark)> + '_ {
        self.fresh(now).filter(move |(other, ..)| *other != index)
    }
}

#[cfg(test)]
mod tests;
