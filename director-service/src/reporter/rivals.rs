//! Watches the reports that wait in the node's pool, whosever they are.
//!
//! Each is a reason to wait, but one of them may be one that no block takes. So one that is alone is not waited for any more after
//! [`PENDING_BLOCKS`] finalized blocks, by one director after the other: the next one sees two. Two are waited for until they
//! are gone, which those of directors are when they have expired. Only what stays for longer, unchanged, is none of theirs.
//!
//! * upon another one, or one less: all count from there, each by its rank;
//! * upon the last one that is gone without a trace in the best block: the turns begin anew, or all would be past at once. Who had it
//!   hands it over again first, if the pool was lost;
//! * [`MOST_BLOCKS`] after the first one was seen, whatever has become of it: the pool says nothing any more. Who is about to be punished
//!   can fill it with reports that no block will take, another one in each block, for the price of their fees. When what directors have
//!   handed over by then has expired they report one after the other, each in its blocks;
//! * upon a pool that cannot be read (a node that tells nobody, or more than a connection takes): nothing of that can be known, so that
//!   directors sign only one after the other's report is too old, see [`is_own_slot`].

use super::{desk::Seen, turn::Standing};
use crate::chain::LIFETIME;
use director_primitives::H256;
use std::collections::BTreeSet;

/// Finalized blocks for which a single report in the pool, whosever, is a reason to wait for the director of rank 0.
const PENDING_BLOCKS: u64 = 16;

/// Finalized blocks after the first report was seen for which the pool says something: those of two directors have expired by then.
const MOST_BLOCKS: u64 = PENDING_BLOCKS + 2 * LIFETIME;

/// And when what directors have signed by then has expired, also where one of them saw the first report some turns later.
const REST_BLOCKS: u64 = LIFETIME + PENDING_BLOCKS;

/// What to do about reports that are on their way, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// Nothing, until the next block.
    Wait,
    /// Report.
    Go,
    /// Report, whatever the pool has.
    GoAnyway,
    /// What was on its way is gone: wait for the own turn anew.
    TurnAnew,
}

/// What was seen of other reports.
#[derive(Debug, Default)]
pub(super) struct Rivals {
    pending: BTreeSet<H256>,
    /// The finalized block at which they were first seen as they are.
    since: u64,
    /// Whether one was on its way when that was known last.
    any: bool,
    /// The finalized block at which the first one of all was seen.
    first: Option<u64>,
}

impl Rivals {
    /// What was on its way was the own one, and is too old or void; or nothing was heard for a while.
    pub(super) fn forget(&mut self) {
        *self = Self { first: self.first, ..Self::default() };
    }

    /// Weighs what was seen at this finalized block.
    pub(super) fn weigh(&mut self, seen: &Seen, finalized: u64, own: &Standing) -> Advice {
        if seen.is_any() {
            self.first.get_or_insert(finalized);
        }
        let for_blocks = self.first.map_or(0, |first| finalized.abs_diff(first));
        match seen {
            Seen::InPool(_) | Seen::Nowhere if for_blocks >= MOST_BLOCKS => {
                let may_go = for_blocks >= MOST_BLOCKS + REST_BLOCKS && is_slot(finalized, own);
                if may_go { Advice::GoAnyway } else { Advice::Wait }
            }
            Seen::InBlock => {
                self.pending.clear();
                self.any = true;
                Advice::Wait
            }
            Seen::InPool(pending) => {
                if self.pending != *pending {
                    (self.pending, self.since) = (pending.clone(), finalized);
                }
                self.any = true;
                let lifetimes = if pending.len() > 1 { LIFETIME } else { 0 };
                let patience = PENDING_BLOCKS + lifetimes + own.place * own.turn_blocks;
                match finalized.abs_diff(self.since) < patience {
                    true => Advice::Wait,
                    false => Advice::Go,
                }
            }
            Seen::Nowhere => {
                self.pending.clear();
                match std::mem::take(&mut self.any) {
                    true => Advice::TurnAnew,
                    false => Advice::Go,
                }
            }
            Seen::Unknown if is_own_slot(own) => Advice::Go,
            Seen::Unknown => Advice::Wait,
        }
    }
}

/// Whether it is this director's slot: each has as many blocks as a report is valid, in the order of the ranks, and again from the
/// beginning.
fn is_slot(block: u64, own: &Standing) -> bool {
    block / LIFETIME % own.directors.max(own.rank + 1) == own.rank
}

/// Whether no other director's report can be on its way, as far as they heard of the proof at about the same time: slots count from there.
fn is_own_slot(own: &Standing) -> bool {
    is_slot(own.counted.saturating_sub(own.behind_all), own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(rank: u64, counted: u64) -> Standing {
        Standing { rank, directors: 3, place: rank, turn_blocks: 2, counted, behind_all: 0 }
    }

    fn reports(of: &[u8]) -> Seen {
        Seen::InPool(of.iter().map(|n| H256::repeat_byte(*n)).collect())
    }

    /// The first of the next blocks, from `from` on, at which this is not waited for.
    fn end_of_wait(rivals: &mut Rivals, seen: &Seen, from: u64, rank: u64) -> u64 {
        let mut blocks = from..from + 1_000;
        let waits = |at: &u64| rivals.weigh(seen, *at, &standing(rank, *at)) != Advice::Wait;
        blocks.find(waits).unwrap_or(u64::MAX) - from
    }

    #[test]
    fn one_report_is_waited_for_by_ranks_and_two_until_they_are_too_old() {
        for rank in 0..3 {
            let mut rivals = Rivals::default();
            assert_eq!(end_of_wait(&mut rivals, &reports(&[1]), 100, rank), 16 + 2 * rank);
            assert_eq!(end_of_wait(&mut rivals, &reports(&[1, 2]), 121, rank), 80 + 2 * rank);
            // One is gone: the other one counts from here.
            assert_eq!(end_of_wait(&mut rivals, &reports(&[2]), 206, rank), 16 + 2 * rank);
        }
    }

    #[test]
    fn when_the_last_one_is_gone_turns_begin_anew_once() {
        for seen in [reports(&[1]), Seen::InBlock] {
            let mut rivals = Rivals::default();
            let own = standing(1, 50);
            assert_eq!(rivals.weigh(&Seen::Nowhere, 100, &own), Advice::Go);
            assert_eq!(rivals.weigh(&seen, 101, &own), Advice::Wait);
            assert_eq!(rivals.weigh(&Seen::Nowhere, 102, &own), Advice::TurnAnew);
            assert_eq!(rivals.weigh(&Seen::Nowhere, 103, &own), Advice::Go);
            // It is not as old as the one before.
            assert_eq!(rivals.weigh(&reports(&[1]), 200, &own), Advice::Wait);
        }
    }

    #[test]
    fn however_reports_come_and_go_each_director_has_its_blocks_in_the_end() {
        let mut going = BTreeSet::new();
        for rank in 0..3 {
            let mut rivals = Rivals::default();
            for at in 0..10 * LIFETIME {
                // Another one in each block, and none in every fifth.
                let seen = if at % 5 == 4 { Seen::Nowhere } else { reports(&[at as u8]) };
                let is_over = at >= MOST_BLOCKS + REST_BLOCKS;
                match rivals.weigh(&seen, at, &standing(rank, at)) {
                    Advice::GoAnyway => assert!(is_over && going.insert(at), "{at}"),
                    Advice::Go => panic!("the turns begin anew: {at}"),
                    Advice::Wait | Advice::TurnAnew => {}
                }
                if at % 50 == 0 {
                    rivals.forget();
                }
            }
        }
        let over = 10 * LIFETIME - MOST_BLOCKS - REST_BLOCKS;
        assert_eq!(going.len() as u64, over, "one director in each");
    }

    #[test]
    fn where_the_pool_is_not_known_one_has_it_at_a_time() {
        for counted in 0..1_000 {
            let own = |rank: &u64| is_own_slot(&standing(*rank, counted));
            assert_eq!((0..3).filter(own).collect::<Vec<_>>(), [counted / LIFETIME % 3]);
        }
        let outsider = |counted| is_own_slot(&standing(3, counted));
        assert_eq!((outsider(3 * LIFETIME - 1), outsider(3 * LIFETIME)), (false, true));
    }
}
