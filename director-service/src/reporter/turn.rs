//! Counts finalized blocks until it is a director's turn.

use super::{Config, room::accused};
use director_primitives::{DoubleSignProof, Snapshot, turn::rank};

/// Finalized blocks without the report after which it is handed to the node once more: a node that
/// was started anew has an empty pool.
pub(super) const RESUBMIT_BLOCKS: u64 = 4;

/// A director's place among those that take turns, and how far the turns are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Its rank. Who is no director comes after all of them.
    pub(super) rank: u64,
    /// How many directors there are.
    pub(super) directors: u64,
    /// Its rank, or that behind all if it does not know what the others are about to do.
    pub(super) place: u64,
    /// Blocks of a turn.
    pub(super) turn_blocks: u64,
    /// Blocks that count by now.
    pub(super) counted: u64,
    /// Blocks that the first turn begins later, since somebody else may be about to act.
    pub(super) behind_all: u64,
}

impl Standing {
    /// That of this director at a block. The order is that of the accused: directors that pursue different proofs against it
    /// take turns as well, and nobody makes proofs until it is first. `resumed` is who was away and does not know what the
    /// others do.
    pub(super) fn at(
        snapshot: &Snapshot,
        config: &Config,
        proof: &DoubleSignProof,
        resumed: bool,
        turn: &mut Turn,
    ) -> Self {
        let active = snapshot.directors.active.iter().map(|director| &director.account);
        let directors = snapshot.directors.active.len() as u64;
        let accused = accused(Some(snapshot), proof);
        let rank = rank(accused.as_ref(), &config.account, active).map_or(directors, u64::from);
        let turn_blocks = config.turn_blocks;
        let away = if resumed { directors } else { 0 };
        let behind_all = away.saturating_mul(turn_blocks).saturating_add(turn.begins_after);
        let counted = turn.see(snapshot.number, turn_blocks);
        Self { rank, directors, place: rank + away, turn_blocks, counted, behind_all }
    }

    /// Whether it is this director's turn.
    pub(super) fn has_turn(&self) -> bool {
        let before = self.rank.saturating_mul(self.turn_blocks);
        self.counted >= before.saturating_add(self.behind_all)
    }
}

/// How many blocks the chain has finalized since a proof was found good, as far as others could use
/// them.
///
/// Blocks that were finalized while this director heard nothing do not count: the others may have
/// been as deaf, and all turns would be past at once. A long jump is such a silence. Two jumps in a
/// row are how this chain finalizes, so that the second counts as one block and nobody waits for
/// ever.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    last: Option<u64>,
    counted: u64,
    jumped: bool,
    /// Blocks that have to count before the first one's turn.
    begins_after: u64,
}

impl Turn {
    /// That begins when whoever had handed a report to the pool has had the time to do so again.
    pub(super) fn after_a_loss() -> Self {
        Self { begins_after: RESUBMIT_BLOCKS, ..Self::default() }
    }

    /// Takes note of the newest finalized block, at which the proof is still good, and says how many
    /// count by now. More than `longest` at once is a jump.
    pub(super) fn see(&mut self, finalized: u64, longest: u64) -> u64 {
        let last = *self.last.get_or_insert(finalized);
        let new = finalized.saturating_sub(last);
        // Lower it is only if a node has claimed too much before.
        self.last = Some(finalized);
        if new == 0 {
            return self.counted;
        }
        let jumped = std::mem::replace(&mut self.jumped, new > longest.max(1));
        self.counted += match (self.jumped, jumped) {
            (false, _) => new,
            (true, false) => 0,
            (true, true) => 1,
        };
        self.counted
    }
}

#[cfg(test)]
mod tests {
    use super::Turn;

    fn counts(blocks: &[u64]) -> Vec<u64> {
        let mut turn = Turn::default();
        blocks.iter().map(|block| turn.see(*block, 2)).collect()
    }

    #[test]
    fn blocks_count_from_the_first_one_on() {
        assert_eq!(counts(&[100, 100, 101, 103, 104]), [0, 0, 1, 3, 4]);
    }

    #[test]
    fn what_was_finalized_during_a_silence_does_not_count() {
        assert_eq!(counts(&[100, 101, 200, 201, 202]), [0, 1, 1, 2, 3]);
    }

    #[test]
    fn blocks_that_never_were_do_not_hold_up_those_that_come() {
        assert_eq!(counts(&[100, 5_000, 101, 102, 103]), [0, 0, 0, 1, 2]);
        assert_eq!(counts(&[100, 102, 101, 102, 103]), [0, 2, 2, 3, 4]);
    }

    #[test]
    fn a_chain_that_always_jumps_has_turns_too() {
        assert_eq!(counts(&[100, 110, 120, 130, 140]), [0, 0, 1, 2, 3]);
        assert_eq!(counts(&[100, 110, 111, 121, 122]), [0, 0, 1, 1, 2]);
    }
}
