//! Remembers which numbers of a sequence were seen, which are missing, and where that began.

use std::collections::VecDeque;

/// Furthest from the last number without a hole before it to the highest one. Beyond it the oldest
/// holes are given up.
pub const WINDOW: u64 = 16_384;

/// What a number is to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Not seen before.
    New,
    /// Seen before.
    Seen,
    /// From before the beginning, or given up.
    TooOld,
}

/// Where a sequence begins of which nothing is known: with whatever comes first.
const UNKNOWN: u64 = u64::MAX;

/// The numbers of one sequence, from where it began for us.
///
/// ```text
///  start │ seen, all of them │ seen or missing │ nothing yet
///        └───────────────────┴─────────────────┴──────────►
///                            contiguous        top
/// ```
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// What comes up to here is from before our time.
    start: u64,
    /// Everything after `start` up to here was seen, or given up.
    contiguous: u64,
    /// Whether the numbers after `contiguous` were seen. Empty, or its last one is true.
    ahead: VecDeque<bool>,
    /// Whether anything was seen at all.
    begun: bool,
    /// The least that a director has told that it had, on our watch. It counts once something comes: one that has restarted may
    /// have nothing yet, and nobody wants all that is old because of that.
    told: u64,
}

/// Numbers that are missing for good: first and last.
pub(super) type Lost = (u64, u64);

impl Window {
    /// One that begins after this number.
    pub(super) fn after(start: u64) -> Self {
        Self { start, contiguous: start, told: start, ..Self::default() }
    }

    /// One that begins with whatever comes first.
    pub(super) fn anywhere() -> Self {
        Self::after(UNKNOWN)
    }

    /// Whether anything was seen: then the epoch is real, whatever anybody claims.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    fn is_anywhere(&self) -> bool {
        !self.begun && self.start == UNKNOWN
    }

    /// Moves the beginning back, if nothing was seen yet. 0 says nothing: so does a director that knows
    /// nothing of the sequence.
    pub(super) fn begin_after(&mut self, start: u64) {
        if !self.begun && start < self.start && (start > 0 || self.start == UNKNOWN) {
            self.begin_again(start);
        }
    }

    /// What comes after this number is ours for sure: a beginning that was only claimed, and lies behind it, was wrong.
    pub(super) fn begin_at(&mut self, start: u64) {
        if self.is_a_claim() && start < self.start {
            self.begin_again(start);
        }
    }

    /// A director has told that it has all up to this number, and no more.
    pub(super) fn tell(&mut self, had: u64) {
        self.told = self.told.min(had);
    }

    /// What comes after this number is ours. Another director has told of less, perhaps, when we were there already: then what came
    /// after that is ours too. Not from further back than there is room for: it may be the one that lies.
    fn begin_again(&mut self, start: u64) {
        let told = Some(self.told).filter(|told| start.saturating_sub(*told) < WINDOW);
        let start = told.map_or(start, |told| told.min(start));
        (self.start, self.contiguous) = (start, start);
    }

    /// Last number without a hole before it.
    pub(super) fn contiguous(&self) -> u64 {
        if self.is_anywhere() { 0 } else { self.contiguous }
    }

    /// From the first hole to the highest number that was seen.
    pub(super) fn ahead(&self) -> usize {
        self.ahead.len()
    }

    /// Highest number that was seen, or `contiguous`.
    pub(super) fn top(&self) -> u64 {
        self.contiguous().saturating_add(self.ahead.len() as u64)
    }

    pub(super) fn place(&self, seq: u64) -> Place {
        if self.is_anywhere() {
            return Place::New;
        }
        if seq <= self.start {
            return if self.reaches_back_to(seq) { Place::New } else { Place::TooOld };
        }
        // By itself, since there is no number after the last one.
        if seq <= self.contiguous {
            return Place::Seen;
        }
        match seq.checked_sub(self.contiguous.saturating_add(1)) {
            None => Place::Seen,
            Some(at) => match usize::try_from(at).ok().and_then(|at| self.ahead.get(at)) {
                Some(true) => Place::Seen,
                _ => Place::New,
            },
        }
    }

    /// Whether a number is from before the first one that counts, and something was seen after it.
    pub(super) fn is_before_first(&self, seq: u64) -> bool {
        self.begun && seq <= self.start
    }

    /// Whether a number from before our time still counts. Somebody told us that the sequence was further
    /// than it is: what is signed counts more, and as long as nothing else was seen it alone counts.
    fn reaches_back_to(&self, seq: u64) -> bool {
        self.is_a_claim() || self.top() - seq < WINDOW
    }

    /// Whether nothing was seen, nor given up.
    fn is_a_claim(&self) -> bool {
        !self.begun && self.contiguous == self.start
    }

    /// A number was seen, one that is [`Place::New`]. What is lost by it, if anything.
    pub(super) fn mark(&mut self, seq: u64) -> Option<Lost> {
        if self.is_anywhere() {
            (self.start, self.contiguous) = (seq - 1, seq - 1);
        }
        if seq <= self.start {
            self.move_back_to(seq);
        } else if self.is_a_claim() {
            // From here on no director's word changes where it began.
            self.begin_again(self.start);
        }
        self.begun = true;
        // Differences: sums end at the last number there is.
        let lost = match seq.saturating_sub(self.contiguous) > WINDOW {
            true => self.give_up(seq - WINDOW),
            false => None,
        };
        let Some(at) = seq.checked_sub(self.contiguous).and_then(|ahead| ahead.checked_sub(1))
        else {
            return lost;
        };
        // At most WINDOW: see above.
        let at = at as usize;
        if self.ahead.len() <= at {
            self.ahead.resize(at + 1, false);
        }
        self.ahead[at] = true;
        self.advance();
        lost
    }

    fn move_back_to(&mut self, seq: u64) {
        let start = seq - 1;
        if self.is_a_claim() {
            // From anywhere: whoever claims it may choose how far that is.
            self.begin_again(start);
            return;
        }
        // What was seen without a hole is now behind one. At most WINDOW of them, see `reaches_back_to`.
        for number in (start + 1..=self.contiguous).rev() {
            self.ahead.push_front(number > self.start);
        }
        (self.start, self.contiguous) = (start, start);
        while self.ahead.back() == Some(&false) {
            self.ahead.pop_back();
        }
    }

    fn advance(&mut self) {
        while self.ahead.front() == Some(&true) {
            self.ahead.pop_front();
            self.contiguous += 1;
        }
    }

    /// Waits no longer for what is missing up to this number: the first and the last of them.
    pub(super) fn give_up(&mut self, to: u64) -> Option<Lost> {
        if self.is_anywhere() {
            (self.start, self.contiguous) = (0, 0);
        }
        let mut lost: Option<Lost> = None;
        let mut lose = |first: u64, last: u64| {
            lost = Some(lost.map_or((first, last), |(from, _)| (from, last)));
        };
        while self.contiguous < to {
            match self.ahead.pop_front() {
                Some(seen) => {
                    self.contiguous += 1;
                    if !seen {
                        lose(self.contiguous, self.contiguous);
                    }
                }
                None => {
                    lose(self.contiguous + 1, to);
                    self.contiguous = to;
                }
            }
        }
        self.advance();
        lost
    }

    /// At most `most` ranges that are missing up to `to`, in ascending order.
    pub(super) fn holes(&self, to: u64, most: usize) -> Vec<(u64, u64)> {
        if most == 0 {
            return Vec::new();
        }
        let mut holes: Vec<(u64, u64)> = Vec::new();
        let seen = self.ahead.iter().zip(self.contiguous().saturating_add(1)..=u64::MAX);
        let missing = seen.filter(|(seen, _)| !**seen).map(|(_, number)| (number, number));
        let missing = missing.take_while(|(number, _)| *number <= to);
        let beyond = self.top().checked_add(1).filter(|beyond| *beyond <= to);
        for (first, last) in missing.chain(beyond.map(|beyond| (beyond, to))) {
            match holes.last_mut() {
                Some((_, before)) if *before + 1 == first => *before = last,
                _ => holes.push((first, last)),
            }
            if holes.len() > most {
                holes.pop();
                break;
            }
        }
        holes
    }
}
