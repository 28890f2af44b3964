//! Keeps book of every message: who published it, who must get it, who got it, when, how often.

use director_primitives::{Priority, PublicKey};
use hdrhistogram::Histogram;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

/// Which message: origin, epoch, class and sequence number.
pub type MessageId = (PublicKey, u64, Priority, u64);

/// A message and who has it.
struct Entry {
    group: u64,
    published: Instant,
    missing: BTreeSet<usize>,
    delivered: BTreeSet<usize>,
}

/// Totals of a [`Ledger`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages published.
    pub published: u64,
    /// Deliveries that must happen: each message to everybody but its origin.
    pub expected: u64,
    /// Those that did.
    pub delivered: u64,
    /// Messages that somebody got twice.
    pub duplicates: u64,
}

impl Totals {
    /// Deliveries that have not happened.
    pub fn outstanding(&self) -> u64 {
        self.expected - self.delivered
    }
}

/// An origin's messages of one epoch and class that everybody has: all up to one, and some beyond it.
#[derive(Default)]
struct Complete {
    through: u64,
    beyond: BTreeSet<u64>,
}

impl Complete {
    fn insert(&mut self, seq: u64) {
        self.beyond.insert(seq);
        while self.beyond.remove(&(self.through + 1)) {
            self.through += 1;
        }
    }

    fn contains(&self, seq: u64) -> bool {
        seq <= self.through || self.beyond.contains(&seq)
    }
}

/// How long a member that joined later may get what was published before: once, and the book does not know it any more.
const SETTLES: Duration = Duration::from_secs(30);

/// The book. Validators are numbered from 0.
///
/// It forgets what everybody has, but for the numbers: a run may last for hours.
pub struct Ledger {
    members: BTreeSet<usize>,
    /// When members joined that were not there from the beginning.
    joined: HashMap<usize, Instant>,
    entries: HashMap<MessageId, Entry>,
    complete: HashMap<(PublicKey, u64, Priority), Complete>,
    /// Receipts that came before the publisher could say that it published.
    early: HashMap<MessageId, Vec<(usize, Instant)>>,
    totals: Totals,
    groups: BTreeMap<u64, Totals>,
    latency_us: Histogram<u64>,
    /// What is published later does not count in the latencies.
    measured_until: Option<Instant>,
    /// By member: when it received something last, and the longest time without anything.
    stalls: Vec<(Option<Instant>, Duration)>,
}

impl Ledger {
    /// A book for validators `0..members`.
    ///
    /// # Panics
    ///
    /// Never: the bounds of the histogram are constants.
    pub fn new(members: usize) -> Self {
        Self {
            members: (0..members).collect(),
            joined: HashMap::new(),
            entries: HashMap::new(),
            complete: HashMap::new(),
            early: HashMap::new(),
            totals: Totals::default(),
            groups: BTreeMap::new(),
            latency_us: Histogram::new_with_bounds(1, 600_000_000, 3).expect("constant bounds"),
            measured_until: None,
            stalls: vec![(None, Duration::ZERO); members],
        }
    }

    /// `origin` published `id` at `at`: everybody else who is a member now must get it. `group` is
    /// what it belongs to, a checkpoint.
    pub fn published(&mut self, group: u64, id: MessageId, origin: usize, at: Instant) {
        let missing: BTreeSet<usize> =
            self.members.iter().copied().filter(|member| *member != origin).collect();
        let expected = missing.len() as u64;
        self.change(group, |totals| {
            totals.published += 1;
            totals.expected += expected;
        });
        let entry = Entry { group, published: at, missing, delivered: BTreeSet::new() };
        self.entries.insert(id, entry);
        self.forget_complete(&id);
        for (member, at) in self.early.remove(&id).unwrap_or_default() {
            self.received(id, member, at);
        }
    }

    /// `member` received `id` at `at`.
    pub fn received(&mut self, id: MessageId, member: usize, at: Instant) {
        if !self.members.contains(&member) {
            return;
        }
        if let Some((last, longest)) = self.stalls.get_mut(member) {
            let since = last.map_or(Duration::ZERO, |last| at.saturating_duration_since(last));
            *longest = since.max(*longest);
            *last = Some(last.map_or(at, |last| at.max(last)));
        }
        if self.is_complete(&id) {
            let joined = self.joined.get(&member);
            if joined.is_none_or(|joined| at.saturating_duration_since(*joined) > SETTLES) {
                self.totals.duplicates += 1;
            }
            return;
        }
        let Some(entry) = self.entries.get_mut(&id) else {
            self.early.entry(id).or_default().push((member, at));
            return;
        };
        let group = entry.group;
        if entry.missing.remove(&member) {
            if self.measured_until.is_none_or(|until| entry.published <= until) {
                let latency = at.saturating_duration_since(entry.published);
                // In range: a run is bounded far below the histogram's ten minutes.
                let _ = self.latency_us.record(latency.as_micros() as u64);
            }
            entry.delivered.insert(member);
            self.change(group, |totals| totals.delivered += 1);
            self.forget_complete(&id);
        } else if entry.delivered.contains(&member) {
            self.change(group, |totals| totals.duplicates += 1);
        }
    }

    /// Keeps of a message that everybody has its number alone.
    fn forget_complete(&mut self, id: &MessageId) {
        if self.entries.get(id).is_some_and(|entry| entry.missing.is_empty()) {
            self.entries.remove(id);
            let (origin, epoch, class, seq) = *id;
            self.complete.entry((origin, epoch, class)).or_default().insert(seq);
        }
    }

    fn is_complete(&self, (origin, epoch, class, seq): &MessageId) -> bool {
        let complete = self.complete.get(&(*origin, *epoch, *class));
        complete.is_some_and(|complete| complete.contains(*seq))
    }

    /// `member` must get what is published from now on.
    pub fn join(&mut self, member: usize) {
        self.members.insert(member);
        self.joined.insert(member, Instant::now());
    }

    /// Messages that somebody still misses.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether everybody has everything.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Messages that somebody received and nobody of this book published.
    pub fn strange(&self) -> usize {
        self.early.len()
    }

    /// Who received a message that nobody of this book published, in order, repeats included.
    pub fn receivers_of_strange(&self, id: &MessageId) -> Vec<usize> {
        let mut members: Vec<_> =
            self.early.get(id).into_iter().flatten().map(|(member, _)| *member).collect();
        members.sort_unstable();
        members
    }

    /// `member` is about to be cut off: what it has not got is not expected any more, and what it
    /// still gets does not count.
    pub fn leave(&mut self, member: usize) {
        self.members.remove(&member);
        let mut waived = Vec::new();
        for (id, entry) in &mut self.entries {
            if entry.missing.remove(&member) {
                waived.push((*id, entry.group));
            }
        }
        for (id, group) in waived {
            self.change(group, |totals| totals.expected -= 1);
            self.forget_complete(&id);
        }
    }

    fn change(&mut self, group: u64, change: impl Fn(&mut Totals)) {
        change(&mut self.totals);
        change(self.groups.entry(group).or_default());
    }

    /// The totals of one group.
    pub fn group(&self, group: u64) -> Totals {
        self.groups.get(&group).copied().unwrap_or_default()
    }

    /// The totals now.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Latency from publishing to receipt in milliseconds, at a quantile from 0 to 1.
    pub fn latency_ms(&self, quantile: f64) -> f64 {
        self.latency_us.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// Forgets all latencies and stalls: what is measured from here on stands for itself.
    pub fn forget_latencies(&mut self) {
        self.latency_us.reset();
        self.measured_until = None;
        for (_, longest) in &mut self.stalls {
            *longest = Duration::ZERO;
        }
    }

    /// What is published after this moment does not count in the latencies. What was before does, whenever it comes.
    pub fn measure_until(&mut self, at: Instant) {
        self.measured_until = Some(at);
    }

    /// The longest time in which each member received nothing, in ascending order.
    pub fn stalls(&self) -> Vec<Duration> {
        let mut stalls: Vec<_> = self.stalls.iter().map(|(_, longest)| *longest).collect();
        stalls.sort_unstable();
        stalls
    }

    /// The longest latency in milliseconds.
    pub fn latency_max_ms(&self) -> f64 {
        self.latency_us.max() as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use director_primitives::test_utils::TestKey;

    fn id(seq: u64) -> MessageId {
        (TestKey::new(1).public(), 7, Priority::Critical, seq)
    }

    #[test]
    fn counts_loss_and_duplicates() {
        let mut ledger = Ledger::new(3);
        let now = Instant::now();
        ledger.published(3, id(1), 0, now);
        ledger.received(id(1), 1, now);
        assert_eq!(ledger.totals().outstanding(), 1);
        ledger.received(id(1), 1, now);
        assert_eq!(ledger.totals().duplicates, 1);
        ledger.received(id(1), 2, now);
        assert_eq!(ledger.totals().outstanding(), 0);
    }

    #[test]
    fn what_everybody_has_is_forgotten_and_still_known_when_it_comes_again() {
        let mut ledger = Ledger::new(2);
        let now = Instant::now();
        // Out of order, so that there are numbers beyond a hole.
        for seq in [2, 3, 1, 5] {
            ledger.published(0, id(seq), 0, now);
            ledger.received(id(seq), 1, now);
        }
        assert!(ledger.entries.is_empty());
        let complete = &ledger.complete[&(id(1).0, 7, Priority::Critical)];
        assert_eq!((complete.through, complete.beyond.len()), (3, 1));
        assert_eq!((ledger.totals().outstanding(), ledger.totals().duplicates), (0, 0));
        for (seq, duplicates) in [(3, 1), (4, 1), (5, 2)] {
            ledger.received(id(seq), 1, now);
            assert_eq!(ledger.totals().duplicates, duplicates, "{seq}");
        }
        assert_eq!(ledger.strange(), 1, "nobody has published the fourth");
    }

    #[test]
    fn who_joins_is_expected_to_get_what_comes_then() {
        let mut ledger = Ledger::new(2);
        let now = Instant::now();
        ledger.published(0, id(1), 0, now);
        ledger.received(id(1), 1, now);
        ledger.join(2);
        ledger.received(id(1), 2, now);
        assert_eq!(ledger.totals().duplicates, 0, "it may get what was on its way");
        ledger.published(0, id(2), 0, now);
        assert_eq!(ledger.totals().outstanding(), 2);
        ledger.received(id(2), 2, now);
        ledger.received(id(2), 1, now);
        assert_eq!(ledger.totals().outstanding(), 0);
        ledger.received(id(2), 2, now + 2 * SETTLES);
        assert_eq!(ledger.totals().duplicates, 1);
    }

    #[test]
    fn a_receipt_may_be_noted_before_the_publication() {
        let mut ledger = Ledger::new(2);
        let now = Instant::now();
        ledger.received(id(1), 1, now);
        ledger.published(3, id(1), 0, now);
        assert_eq!(
            ledger.totals(),
            Totals { published: 1, expected: 1, delivered: 1, duplicates: 0 }
        );
    }

    #[test]
    fn latencies_are_of_what_was_published_while_it_is_measured_whenever_it_comes() {
        let mut ledger = Ledger::new(2);
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        ledger.published(0, id(1), 0, at(0));
        ledger.measure_until(at(10));
        ledger.published(0, id(2), 0, at(20));
        ledger.received(id(2), 1, at(900));
        assert!(ledger.latency_max_ms() < 1.0, "it was published too late");
        ledger.received(id(1), 1, at(500));
        assert!((499.0..502.0).contains(&ledger.latency_max_ms()));
        ledger.forget_latencies();
        ledger.published(0, id(3), 0, at(1_000));
        ledger.received(id(3), 1, at(1_100));
        assert!((99.0..102.0).contains(&ledger.latency_max_ms()));
    }

    #[test]
    fn who_left_is_not_waited_for_and_does_not_count() {
        let mut ledger = Ledger::new(3);
        let now = Instant::now();
        ledger.published(3, id(1), 0, now);
        ledger.leave(2);
        ledger.received(id(1), 2, now);
        ledger.received(id(1), 1, now);
        assert_eq!(
            ledger.totals(),
            Totals { published: 1, expected: 1, delivered: 1, duplicates: 0 }
        );
    }
}
