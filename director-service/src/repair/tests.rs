//! Whom the planner asks, when, and when it gives up; peers that lie among them.
#![allow(clippy::unwrap_used)]

use super::*;
use director_primitives::{Fetch, Fetched, Served, VectorEntry, repair::MAX_RANGES};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::{BTreeMap, BTreeSet};

fn key(n: u8) -> PublicKey {
    PublicKey::from_raw([n; 32])
}

/// The n-th origin's sequence.
fn of(n: u8) -> Sequence {
    Sequence { origin: key(100 + n), epoch: 1, class: Priority::Normal }
}

fn entry(n: u8, contiguous: u64) -> VectorEntry {
    VectorEntry { origin: key(100 + n), epoch: 1, contiguous: [0, 0, contiguous, 0] }
}

/// What is there, and what was given up.
#[derive(Clone, Debug, Default)]
struct Numbers {
    there: BTreeMap<Sequence, BTreeSet<u64>>,
    given_up: BTreeMap<Sequence, u64>,
    /// Epochs before this one are over.
    epoch: u64,
}

impl Numbers {
    fn put(&mut self, n: u8, numbers: impl IntoIterator<Item = u64>) {
        self.there.entry(of(n)).or_default().extend(numbers);
    }
}

impl Have for Numbers {
    fn contiguous(&self, of: &Sequence) -> Option<u64> {
        if of.epoch < self.epoch {
            return None;
        }
        let mut contiguous = self.given_up.get(of).copied().unwrap_or(0);
        while self.there.get(of).is_some_and(|there| there.contains(&(contiguous + 1))) {
            contiguous += 1;
        }
        Some(contiguous)
    }

    fn top(&self, of: &Sequence) -> u64 {
        self.there.get(of).and_then(|there| there.last().copied()).unwrap_or(0)
    }

    fn holes(&self, of: &Sequence, to: u64, most: usize) -> Vec<(u64, u64)> {
        let none = BTreeSet::new();
        let there = self.there.get(of).unwrap_or(&none);
        let mut holes = Vec::new();
        let mut first = self.contiguous(of).unwrap() + 1;
        for number in there.range(first..).chain([&u64::MAX]) {
            let last = to.min(number - 1);
            if first <= last {
                holes.push((first, last));
            }
            first = number.saturating_add(1);
        }
        holes.truncate(most);
        holes
    }
}

/// A planner, what is there, and the time.
struct Rig {
    planner: Planner,
    have: Numbers,
    now: Millis,
}

impl Rig {
    /// With peers `1..=peers` connected, each of this rank.
    fn new(ranks: &[u8]) -> Self {
        Self::with(Settings::default(), ranks)
    }

    fn with(settings: Settings, ranks: &[u8]) -> Self {
        let mut planner = Planner::new(settings);
        for (n, rank) in (1..).zip(ranks) {
            planner.connected(key(n), *rank, false);
        }
        Self { planner, have: Numbers::default(), now: 1_000 }
    }

    fn claim(&mut self, peer: u8, n: u8, contiguous: u64) {
        self.planner.claim(self.now, &key(peer), &[entry(n, contiguous)], &self.have);
    }

    fn hole(&mut self, n: u8) {
        self.planner.hole(self.now, of(n), &self.have);
    }

    /// What is to be done so many milliseconds later.
    fn after(&mut self, ms: u64) -> Vec<Action> {
        self.now += ms;
        self.planner.plan(self.now, &self.have)
    }

    /// Whom is asked for which numbers then; nothing else is to be done.
    fn asked_after(&mut self, ms: u64) -> Vec<(u8, Vec<(u64, u64)>)> {
        let asked = |action| match action {
            Action::Fetch(peer, Fetch { ranges }) => {
                (peer.0[0], ranges.iter().map(|range| (range.first, range.last)).collect())
            }
            Action::GiveUp(..) => panic!("nothing is to be given up: {action:?}"),
        };
        self.after(ms).into_iter().map(asked).collect()
    }

    /// A peer answers a question for this range.
    fn answer(&mut self, peer: u8, range: Range, gone_to: u64, served_to: u64) {
        let served = Served { range, gone_to, served_to };
        let fetched = Fetched { ranges: vec![served].try_into().unwrap() };
        self.planner.fetched(self.now, &key(peer), &fetched);
    }

    /// Carries on for so long, every 50 ms, while peers answer like this; carries out what is given up.
    fn run(&mut self, ms: u64, answer: impl Fn(&mut Numbers, u8, &Fetch) -> Option<Fetched>) {
        let end = self.now + ms;
        while self.now < end {
            for action in self.after(50) {
                match action {
                    Action::Fetch(peer, fetch) => {
                        if let Some(fetched) = answer(&mut self.have, peer.0[0], &fetch) {
                            self.planner.fetched(self.now, &peer, &fetched);
                        }
                    }
                    Action::GiveUp(sequence, to) => {
                        let before = self.have.contiguous(&sequence).unwrap();
                        assert!(to > before && to <= self.have.top(&sequence), "{to}");
                        self.have.given_up.insert(sequence, to);
                    }
                }
            }
        }
    }
}

/// An answer that says the same of each range.
fn say(fetch: &Fetch, each: impl Fn(&Range) -> (u64, u64)) -> Fetched {
    let served = |range: &Range| {
        let (gone_to, served_to) = each(range);
        Served { range: *range, gone_to, served_to }
    };
    Fetched { ranges: fetch.ranges.iter().map(served).collect::<Vec<_>>().try_into().unwrap() }
}

#[test]
fn what_is_on_its_way_is_not_asked_for() {
    let mut rig = Rig::new(&[0]);
    rig.claim(1, 0, 5);
    assert_eq!(rig.asked_after(49), vec![]);
    rig.have.put(0, 1..=3);
    assert_eq!(rig.asked_after(40), vec![], "it moves");
    rig.have.put(0, 4..=5);
    assert_eq!(rig.asked_after(1_000), vec![], "it is there");
    assert_eq!(rig.planner.behind(), 0);
}

#[test]
fn a_hole_is_asked_for_where_it_is() {
    let mut rig = Rig::new(&[0, 0]);
    rig.have.put(0, [1, 2, 4, 5, 9]);
    rig.hole(0);
    rig.claim(1, 0, 2);
    rig.claim(2, 0, 6);
    assert_eq!(rig.asked_after(50), vec![(2, vec![(3, 3), (6, 6)])]);
    assert_eq!(rig.planner.asked(&key(2), &of(0), 6), Some(rig.now));
    for (peer, number) in [(1, 3), (2, 2), (2, 7)] {
        assert_eq!(rig.planner.asked(&key(peer), &of(0), number), None, "{number}");
    }
    // One question at a time.
    rig.claim(2, 1, 5);
    assert_eq!(rig.asked_after(100), vec![]);
    rig.answer(2, of(0).range(3, 3), 2, 3);
    rig.have.put(0, [3, 6]);
    assert_eq!(rig.asked_after(0), vec![(2, vec![(1, 5)])]);
}

#[test]
fn a_higher_rank_is_asked_later_and_whoever_sends_everything_for_anything() {
    let mut rig = Rig::new(&[1, 0]);
    rig.planner.rank(&key(2), 0, true);
    rig.have.put(0, [1, 3]);
    rig.hole(0);
    rig.claim(1, 0, 3);
    assert_eq!(rig.asked_after(50), vec![(2, vec![(2, 2)])], "it should have it");
    assert_eq!(rig.asked_after(50), vec![]);
    assert_eq!(rig.asked_after(50), vec![(1, vec![(2, 2)])]);
}

#[test]
fn whoever_does_not_answer_is_asked_again_later_and_later() {
    let mut rig = Rig::new(&[0]);
    rig.claim(1, 0, 1);
    let mut at = Vec::new();
    let start = rig.now;
    while rig.now < start + 30_000 {
        if !rig.asked_after(50).is_empty() {
            at.push(rig.now - start);
        }
    }
    // 400 ms without an answer, then 2, 4, 8 s.
    assert_eq!(at, vec![50, 2_450, 6_850, 15_250]);
}

#[test]
fn what_was_sent_is_waited_for_and_then_counts_as_not_sent() {
    let mut rig = Rig::new(&[0, 0]);
    rig.claim(1, 0, 4);
    assert_eq!(rig.asked_after(50), vec![(1, vec![(1, 4)])]);
    rig.answer(1, of(0).range(1, 4), 0, 4);
    assert_eq!(rig.asked_after(50), vec![], "the answer overtakes what it speaks of");
    assert_eq!(rig.asked_after(340), vec![]);
    assert_eq!(rig.asked_after(10), vec![], "now it rests");
    rig.claim(2, 0, 4);
    assert_eq!(rig.asked_after(0), vec![(2, vec![(1, 4)])], "somebody else is asked");
    rig.answer(2, of(0).range(1, 4), 0, 2);
    rig.have.put(0, [1, 2]);
    assert_eq!(rig.asked_after(50), vec![(1, vec![(3, 4)])], "what moves begins anew");
}

#[test]
fn a_page_follows_the_other() {
    let mut rig = Rig::new(&[0]);
    rig.claim(1, 0, 10_000);
    let start = rig.now;
    rig.run(3_000, |have, _, fetch| {
        let range = fetch.ranges[0];
        let page = range.last.min(range.first + 999);
        have.put(0, range.first..=page);
        Some(say(fetch, |range| (range.first - 1, page)))
    });
    assert_eq!(rig.have.contiguous(&of(0)), Some(10_000), "after {} ms", rig.now - start);
    assert_eq!(rig.planner.behind(), 0);
}

#[test]
fn what_is_gone_everywhere_is_given_up_at_once_if_everybody_is_there() {
    let gone = |_: &mut Numbers, _: u8, fetch: &Fetch| Some(say(fetch, |_| (7, 7)));
    let missing = |all| {
        let mut rig = Rig::new(&[0, 0]);
        rig.planner.all_connected(all);
        rig.have.put(0, [1, 9]);
        rig.hole(0);
        rig.claim(1, 0, 9);
        rig.claim(2, 0, 9);
        rig
    };
    let mut rig = missing(true);
    rig.run(200, gone);
    assert_eq!(rig.have.given_up[&of(0)], 7, "8 may still come");
    let mut rig = missing(false);
    rig.run(4_500, gone);
    assert!(rig.have.given_up.is_empty(), "somebody else may connect");
    rig.run(1_000, gone);
    assert_eq!(rig.have.given_up[&of(0)], 7);
}

#[test]
fn one_that_says_gone_does_not_speak_for_the_others() {
    let mut rig = Rig::new(&[0, 0]);
    rig.planner.all_connected(true);
    rig.have.put(0, [1, 3]);
    rig.hole(0);
    rig.claim(1, 0, 3);
    // The other one has not said yet what it has.
    rig.run(1_000, |_, peer, fetch| (peer == 1).then(|| say(fetch, |_| (u64::MAX, u64::MAX))));
    assert!(rig.have.given_up.is_empty());
    rig.claim(2, 0, 3);
    rig.run(500, |have, peer, fetch| {
        have.put(0, [2]);
        (peer == 2).then(|| say(fetch, |_| (1, 2)))
    });
    assert_eq!((rig.have.contiguous(&of(0)), rig.have.given_up.len()), (Some(3), 0));
}

#[test]
fn what_nobody_knows_is_given_up_after_a_while_and_nothing_while_nobody_is_there() {
    let mut rig = Rig::new(&[0]);
    rig.have.put(0, [1, 4, 6]);
    rig.hole(0);
    rig.planner.lost(&key(1));
    rig.run(60_000, |_, _, _| None);
    assert!(rig.have.given_up.is_empty(), "it may be there when somebody is");
    rig.planner.connected(key(1), 0, false);
    rig.run(9_500, |_, _, _| None);
    assert!(rig.have.given_up.is_empty());
    rig.run(1_000, |_, _, _| None);
    assert_eq!(rig.have.given_up[&of(0)], 5);
    // Who is alone for good waits for nobody.
    let mut rig = Rig::new(&[]);
    rig.planner.all_connected(true);
    rig.have.put(0, [1, 4]);
    rig.hole(0);
    rig.run(11_000, |_, _, _| None);
    assert_eq!(rig.have.given_up[&of(0)], 3);
}

#[test]
fn a_liar_is_asked_in_vain_and_holds_up_nothing() {
    for silent in [true, false] {
        let mut rig = Rig::new(&[0, 0]);
        rig.planner.all_connected(true);
        rig.have.put(0, [1, 3]);
        rig.hole(0);
        // It has everything, and more than there is.
        rig.claim(1, 0, u64::MAX);
        rig.claim(1, 1, u64::MAX);
        rig.claim(2, 0, 3);
        let asked = std::cell::Cell::new(0);
        rig.run(60_000, |_, peer, fetch| match peer {
            1 => {
                asked.set(asked.get() + 1);
                (!silent).then(|| say(fetch, |range| (range.first - 1, range.last)))
            }
            _ => Some(say(fetch, |_| (2, 2))),
        });
        assert_eq!(rig.have.given_up[&of(0)], 2, "an honest one says that it is gone");
        assert_eq!(rig.have.contiguous(&of(1)), Some(0), "what is only claimed is not");
        assert!(asked.get() < 20, "{}", asked.get());
        assert!(rig.planner.behind() <= 2);
    }
}

#[test]
fn one_that_never_has_time_does_not_stop_it_for_ever() {
    let mut rig = Rig::new(&[0]);
    rig.have.put(0, [1, 3, 5]);
    rig.hole(0);
    rig.claim(1, 0, 5);
    let busy = |_: &mut Numbers, _: u8, fetch: &Fetch| {
        Some(say(fetch, |range| (range.first - 1, range.first - 1)))
    };
    rig.run(29_000, busy);
    assert!(rig.have.given_up.is_empty());
    rig.run(2_000, busy);
    assert_eq!(rig.have.given_up[&of(0)], 2, "the first hole");
    rig.run(31_000, busy);
    assert_eq!(rig.have.given_up[&of(0)], 4, "then the next");
}

#[test]
fn what_is_gone_is_so_from_the_beginning_only() {
    let mut rig = Rig::new(&[0]);
    rig.have.put(0, [1, 3, 9, 20]);
    rig.hole(0);
    rig.claim(1, 0, 20);
    assert_eq!(rig.asked_after(50), vec![(1, vec![(2, 2), (4, 8), (10, 19)])]);
    // 2 is sent, and of the rest the beginning is gone: that says nothing of 2.
    let range = |first, last| of(0).range(first, last);
    let served = [
        Served { range: range(2, 2), gone_to: 1, served_to: 2 },
        Served { range: range(4, 8), gone_to: 6, served_to: 8 },
        Served { range: range(10, 19), gone_to: 9, served_to: 19 },
    ];
    let fetched = Fetched { ranges: served.to_vec().try_into().unwrap() };
    rig.planner.fetched(rig.now, &key(1), &fetched);
    assert!(!rig.planner.is_gone(&key(1), &of(0), 2));
    rig.have.put(0, [2, 7, 8].into_iter().chain(10..=19));
    assert_eq!(rig.asked_after(50), vec![(1, vec![(4, 6)])]);
    rig.answer(1, range(4, 6), 6, 6);
    assert!(rig.planner.is_gone(&key(1), &of(0), 6) && !rig.planner.is_gone(&key(1), &of(0), 7));
}

#[test]
fn an_answer_that_was_not_asked_for_says_nothing() {
    let mut rig = Rig::new(&[0]);
    rig.have.put(0, [1, 5]);
    rig.hole(0);
    rig.claim(1, 0, 5);
    rig.answer(1, of(0).range(2, 4), 4, 4);
    assert!(!rig.planner.is_gone(&key(1), &of(0), 2));
    assert_eq!(rig.asked_after(50), vec![(1, vec![(2, 4)])]);
    rig.answer(1, of(0).range(2, 5), 5, 5);
    assert!(!rig.planner.is_gone(&key(1), &of(0), 2), "another range");
    assert_eq!(rig.asked_after(50), vec![], "who answers nonsense has no time");
    assert_eq!(rig.asked_after(200), vec![(1, vec![(2, 4)])]);
}

#[test]
fn a_long_history_that_is_gone_takes_one_question() {
    let mut rig = Rig::new(&[0]);
    rig.claim(1, 0, 10_000_000);
    assert!(!rig.planner.is_level_with(&key(1), &rig.have));
    rig.run(200, |_, _, fetch| Some(say(fetch, |range| (10_000_000, range.last))));
    assert!(rig.planner.is_level_with(&key(1), &rig.have));
    assert_eq!(rig.have.contiguous(&of(0)), Some(0), "nothing signed says that it was there");
    assert_eq!(rig.after(100_000), vec![], "it rests");
    // Until something comes of it.
    rig.have.put(0, [10_000_001]);
    rig.hole(0);
    rig.planner.all_connected(true);
    rig.run(200, |_, _, _| None);
    assert_eq!(rig.have.contiguous(&of(0)), Some(10_000_001));
}

#[test]
fn no_sequence_holds_up_the_others_and_questions_are_bounded() {
    let mut rig = Rig::new(&[0]);
    for n in 0..100 {
        rig.claim(1, n, 1_000_000);
    }
    let Action::Fetch(_, fetch) = &rig.after(50)[0] else { panic!() };
    let origins: BTreeSet<_> = fetch.ranges.iter().map(|range| range.origin).collect();
    let numbers: u64 = fetch.ranges.iter().map(|range| range.last - range.first + 1).sum();
    assert!(origins.len() > 10 && numbers <= 4_096, "{} {numbers}", origins.len());

    let mut rig = Rig::new(&[0]);
    for n in 0..3 {
        rig.have.put(n, (1..2_000).filter(|number| number % 2 == 1));
        rig.hole(n);
        rig.claim(1, n, 1_999);
    }
    let Action::Fetch(_, fetch) = &rig.after(50)[0] else { panic!() };
    let origins: BTreeSet<_> = fetch.ranges.iter().map(|range| range.origin).collect();
    assert!(origins.len() == 3 && fetch.ranges.len() <= MAX_RANGES as usize);
}

/// The sequences that come first were asked for first, each time anew.
#[test]
fn whoever_claims_much_of_some_keeps_no_other_from_its_turn() {
    let mut rig = Rig::new(&[0]);
    for n in 0..100 {
        rig.claim(1, n, 1_000_000);
    }
    let mut asked = BTreeSet::new();
    for _ in 0..20 {
        for action in rig.after(50) {
            let Action::Fetch(_, fetch) = action else { panic!() };
            asked.extend(fetch.ranges.iter().map(|range| range.origin));
            // It has no time, and so they all come again.
            rig.planner.fetched(rig.now, &key(1), &say(&fetch, |range| (0, range.first - 1)));
        }
    }
    assert_eq!(asked.len(), 100);
}

#[test]
fn it_says_what_is_stuck_and_who_claims_it() {
    let mut rig = Rig::new(&[0, 1]);
    assert_eq!(rig.planner.stuck(rig.now, &rig.have), Stuck::default());
    rig.have.put(0, [3]);
    rig.hole(0);
    rig.after(1_000);
    rig.claim(2, 1, 5);
    rig.after(500);
    let stuck = rig.planner.stuck(rig.now, &rig.have);
    let expected =
        Stuck { claimed_ms: 500, claimed_by: vec![key(2)], denied_ms: 0, unclaimed_ms: 1_500 };
    assert_eq!(stuck, expected);
}

#[test]
fn what_is_over_or_unknown_is_forgotten() {
    let mut rig = Rig::new(&[0]);
    rig.claim(1, 0, 5);
    rig.claim(1, 1, 5);
    assert_eq!(rig.planner.behind(), 2);
    rig.planner.retain(|origin| *origin == key(100));
    assert_eq!(rig.planner.behind(), 1);
    rig.have.epoch = 2;
    assert_eq!(rig.after(50), vec![]);
    assert_eq!(rig.planner.behind(), 0);
    rig.claim(1, 0, 6);
    assert_eq!(rig.planner.behind(), 0, "an epoch that is over is not wanted");
    // When it is wanted after all, what was said before counts.
    rig.have.epoch = 0;
    rig.planner.wanted(rig.now, &key(100), &rig.have);
    assert_eq!(rig.asked_after(50), vec![(1, vec![(1, 6)])]);
    // Who comes back has forgotten.
    rig.planner.connected(key(1), 0, false);
    assert_eq!(rig.after(50), vec![]);
    assert_eq!(rig.planner.behind(), 0);
}

#[test]
fn vectors_go_in_parts_and_come_together() {
    let all: Vec<_> = (0..=255u8)
        .flat_map(|a| (0..12).map(move |b| (a, b)))
        .map(|(a, b)| VectorEntry { origin: origin(a, b), epoch: 1, contiguous: [1, 2, 3, 4] })
        .collect();
    assert_eq!(parts(&[]).map(|part| part.len()).collect::<Vec<_>>(), [0]);
    assert_eq!(parts(&all).map(|part| part.len()).collect::<Vec<_>>(), [1_500, 1_500, 72]);
    let mut claims = Claims::default();
    let (first, rest): (Vec<_>, Vec<_>) = parts(&all).enumerate().partition(|(at, _)| *at == 0);
    for (_, part) in rest.iter().chain(&first) {
        assert_ne!(claims.hash(), hash(all.iter()));
        claims.take(part);
    }
    assert_eq!(claims.hash(), hash(all.iter()), "in whatever order");
    let newer = VectorEntry { epoch: 2, ..all[7] };
    claims.take(&[newer]);
    assert_eq!(claims.get(&newer.origin), Some(&newer));
    assert_ne!(claims.hash(), hash(all.iter()));
    assert_eq!(claims.of(&Sequence { origin: newer.origin, epoch: 1, class: Priority::Bulk }), 0);
    assert_eq!(claims.of(&Sequence { origin: newer.origin, epoch: 2, class: Priority::Bulk }), 4);
}

fn origin(a: u8, b: u8) -> PublicKey {
    let mut raw = [0; 32];
    (raw[0], raw[1]) = (a, b);
    PublicKey::from_raw(raw)
}

/// Peers of whom each has some of it, and lies, is silent or loses what it sends as a seed says: everything
/// that an honest one has comes at last.
#[test]
fn everything_that_an_honest_peer_has_comes_at_last() {
    for seed in 0..20 {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let mut rig = Rig::new(&[0, 0, 1]);
        rig.planner.all_connected(rng.random_bool(0.5));
        let mut honest = BTreeMap::new();
        for n in 0..5 {
            let top = rng.random_range(1..600u64);
            honest.insert(of(n), top);
            rig.have.put(n, (1..=top + 10).filter(|_| rng.random_bool(0.5)));
            // What is beyond what the honest one has nobody has.
            rig.have.there.get_mut(&of(n)).unwrap().retain(|number| *number <= top);
            rig.have.put(n, [top]);
            rig.hole(n);
            rig.claim(1, n, top);
            rig.claim(2, n, rng.random_range(1..1_200));
            rig.claim(3, n, rng.random());
        }
        let rng = std::cell::RefCell::new(rng);
        rig.run(60_000, |have, peer, fetch| {
            let mut rng = rng.borrow_mut();
            if peer != 1 {
                let lie: u64 = rng.random_range(0..1_200);
                return rng.random_bool(0.7).then(|| say(fetch, |_| (lie, lie * 2)));
            }
            let mut left = 100;
            let mut served = Vec::new();
            for range in &fetch.ranges {
                let top = honest[&Sequence::from(range)];
                let sent_to = range.last.min(top).min(range.first + left).max(range.first - 1);
                left = left.saturating_sub(sent_to + 1 - range.first);
                let n = range.origin.0[0] - 100;
                // One of two hundred is lost on the way; three times in a row counts as never sent.
                have.put(n, (range.first..=sent_to).filter(|_| rng.random_bool(0.995)));
                served.push(Served { range: *range, gone_to: range.first - 1, served_to: sent_to });
            }
            Some(Fetched { ranges: served.try_into().unwrap() })
        });
        for (of, top) in &honest {
            assert_eq!(rig.have.contiguous(of), Some(*top), "{of:?}");
        }
        assert!(rig.have.given_up.is_empty(), "{:?}", rig.have.given_up);
    }
}

#[test]
fn an_answer_that_comes_late_counts() {
    let mut rig = Rig::new(&[0]);
    rig.claim(1, 0, 10);
    assert_eq!(rig.asked_after(60), [(1, vec![(1, 10)])]);
    assert_eq!(rig.asked_after(500), [], "it rests, since it did not answer");
    rig.answer(1, of(0).range(1, 10), 4, 4);
    // What it has it is asked for at once, not after the pause.
    assert_eq!(rig.asked_after(50), [(1, vec![(5, 10)])]);
    assert_eq!(rig.asked_after(500), []);
    rig.answer(1, of(0).range(5, 10), 10, 10);
    assert!(rig.planner.is_level_with(&key(1), &rig.have), "all of it is gone");
}

#[test]
fn what_is_only_claimed_is_given_up_if_enough_peers_say_that_it_is_gone() {
    let settings = Settings { claims_to_give_up: 2, ..Settings::default() };
    let mut rig = Rig::with(settings, &[0, 1]);
    rig.claim(1, 0, 10);
    assert_eq!(rig.asked_after(60), [(1, vec![(1, 10)])]);
    rig.answer(1, of(0).range(1, 10), 10, 10);
    assert_eq!(rig.after(60_000), [], "one may lie");
    rig.claim(2, 0, 8);
    assert_eq!(rig.asked_after(200), [(2, vec![(1, 8)])]);
    rig.answer(2, of(0).range(1, 8), 8, 8);
    assert_eq!(rig.after(50), [Action::GiveUp(of(0), 8)]);
    // Whoever still has it, is asked.
    rig.have.given_up.insert(of(0), 8);
    rig.claim(2, 0, 20);
    assert_eq!(rig.asked_after(300), [(2, vec![(9, 20)])]);
    rig.answer(2, of(0).range(9, 20), 8, 8);
    assert_eq!(rig.after(200), []);
}

#[test]
fn where_peers_are_asked_in_turn_fewer_are_believed_after_a_while() {
    let settings = Settings {
        claims_to_give_up: 3,
        claims_after_patience: 2,
        give_up_ms: 9_000,
        ..Settings::default()
    };
    let mut rig = Rig::with(settings, &[0, 1]);
    for peer in [1, 2] {
        rig.claim(peer, 0, 10);
    }
    assert_eq!(rig.asked_after(60), [(1, vec![(1, 10)])]);
    rig.answer(1, of(0).range(1, 10), 10, 10);
    assert_eq!(rig.asked_after(200), [(2, vec![(1, 10)])]);
    rig.answer(2, of(0).range(1, 10), 10, 10);
    assert_eq!(rig.after(8_000), [], "both may lie, and a third one may be asked");
    assert_eq!(rig.after(1_000), [Action::GiveUp(of(0), 10)]);
}

/// Settings of one that is connected to two of many, of whom two may lie.
fn of_many() -> Settings {
    Settings { claims_to_give_up: 3, words_to_give_up: 3, give_up_ms: 9_000, ..Settings::default() }
}

/// It is asked for what is first missing, in a while, and says that it is gone.
fn denies(rig: &mut Rig, peer: u8) {
    let asked = rig.asked_after(200);
    assert_eq!(asked, [(peer, vec![(1, 10)])]);
    rig.answer(peer, of(0).range(1, 10), 10, 0);
}

#[test]
fn who_is_not_connected_any_more_has_still_said_that_it_is_gone() {
    let mut rig = Rig::with(of_many(), &[0, 1]);
    rig.claim(1, 0, 10);
    denies(&mut rig, 1);
    rig.claim(2, 0, 10);
    denies(&mut rig, 2);
    assert_eq!(rig.after(60_000), [], "both may lie");
    let stuck = rig.planner.stuck(rig.now, &rig.have);
    assert!(stuck.denied_ms > 60_000 && stuck.unclaimed_ms == 0, "{stuck:?}");
    rig.planner.lost(&key(2));
    rig.planner.connected(key(3), 1, false);
    rig.claim(3, 0, 10);
    denies(&mut rig, 3);
    assert_eq!(rig.after(50), [Action::GiveUp(of(0), 10)]);
}

#[test]
fn who_is_connected_anew_is_asked_anew() {
    let mut rig = Rig::with(of_many(), &[0, 1]);
    for peer in [1, 2] {
        rig.claim(peer, 0, 10);
        denies(&mut rig, peer);
    }
    rig.planner.lost(&key(2));
    rig.planner.connected(key(2), 1, false);
    rig.claim(2, 0, 10);
    denies(&mut rig, 2);
    assert_eq!(rig.after(60_000), [], "two have said so, one of them twice");
}

#[test]
fn a_hole_takes_longer_if_few_say_that_it_is_gone() {
    let mut rig = Rig::with(of_many(), &[0, 1]);
    rig.have.put(0, [11]);
    rig.hole(0);
    for peer in [1, 2] {
        rig.claim(peer, 0, 10);
        denies(&mut rig, peer);
    }
    assert_eq!(rig.after(16_000), []);
    assert_eq!(rig.after(2_000), [Action::GiveUp(of(0), 10)]);
}

#[test]
fn it_says_when_the_next_peers_turn_begins() {
    let mut rig = Rig::new(&[0, 1]);
    rig.claim(1, 0, 10);
    rig.claim(2, 0, 10);
    let began = rig.now;
    assert_eq!(rig.planner.due(), Some(began + 50), "the end of the grace");
    assert_eq!(rig.after(20), []);
    assert_eq!(rig.planner.due(), Some(began + 50));
    assert_eq!(rig.asked_after(30), [(1, vec![(1, 10)])]);
    assert_eq!(rig.planner.due(), Some(began + 150), "the second one's turn");
    assert_eq!(rig.asked_after(100), [(2, vec![(1, 10)])]);
    assert_eq!(rig.planner.due(), None, "both are asked");
}
