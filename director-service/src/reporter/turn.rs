//! Counts finalized blocks until it is a director's turn.

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
}

impl Turn {
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
