//! Keeps what is under way about one sequence of which something is missing.

use super::{Have, Millis, Sequence, Settings, planner::Peer};
use director_primitives::{Fetch, PublicKey, Range, Served, repair::MAX_RANGES};
use std::collections::{BTreeMap, HashMap};

/// So many questions in vain, and what a peer claims is not waited for any more.
const MAX_VAIN: u32 = 3;

/// Peers that are remembered for their word: more than there are directors.
const MAX_WITNESSES: usize = 16;

/// A sequence of which something is missing.
#[derive(Debug)]
pub(super) struct Behind {
    pub(super) contiguous: u64,
    /// Since when nothing has moved by itself.
    still_since: Millis,
    /// Since when nothing has moved at all while there was somebody to ask.
    pub(super) stuck_since: Millis,
    /// When the next peer's turn begins, if none has to answer before.
    pub(super) turn_at: Option<Millis>,
    /// Nothing is to be done before.
    pub(super) sleeps_until: Millis,
    /// By peer: what was asked of it.
    pub(super) asked: HashMap<PublicKey, Asked>,
    /// What peers that are not connected any more have said to be gone, up to which number. At most [`MAX_WITNESSES`].
    witnesses: Vec<(PublicKey, u64)>,
}

/// What was asked of one peer, and what came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// When first for what is first missing now.
    pub(super) first_at: Option<Millis>,
    /// When last, and for which numbers up to which.
    pub(super) last_at: Millis,
    pub(super) to: u64,
    /// Of those, up to which it has not said that it does not have them.
    pub(super) open_to: u64,
    /// Up to here it has nothing.
    pub(super) gone_to: u64,
    /// Up to here it says that it has sent what it has, and when it said so.
    pub(super) served_to: u64,
    pub(super) served_at: Millis,
    /// Questions in vain.
    pub(super) vain: u32,
    pub(super) not_before: Millis,
}

/// What an answer has said of a sequence so far, range by range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum So {
    /// All of it is gone.
    Gone,
    /// It was sent, from somewhere on.
    Sent,
    /// What comes next cannot be kept in two numbers. It is asked for again when it comes first.
    Unknown,
}

impl Asked {
    /// Takes what a peer says of the next range of its answer, given what it has said of those before.
    pub(super) fn take(&mut self, now: Millis, served: &Served, before: So) -> So {
        let Served { range: Range { first, last, .. }, gone_to, served_to } = *served;
        let is_gone = gone_to >= first;
        // Between two ranges nothing is missing: what is gone before and here is gone from the beginning on.
        match before {
            So::Gone if is_gone => self.gone_to = self.gone_to.max(gone_to),
            So::Gone | So::Sent if !is_gone => {}
            _ => return So::Unknown,
        }
        if served_to >= first {
            (self.served_to, self.served_at) = (self.served_to.max(served_to.min(last)), now);
        }
        match before {
            So::Gone if gone_to >= last => So::Gone,
            _ if served_to >= last => So::Sent,
            _ => So::Unknown,
        }
    }

    /// It has answered all that it was asked, and spoke of having numbers up to this one.
    pub(super) fn spoke_of(&mut self, to: u64) {
        self.open_to = to.max(self.gone_to).max(self.served_to);
    }

    /// It was asked, or it said that it has sent something, and nothing has come.
    pub(super) fn in_vain(&mut self, now: Millis, settings: &Settings) {
        let back_off = settings.back_off_ms.saturating_mul(1 << self.vain.min(5)).min(60_000);
        self.not_before = now.saturating_add(back_off);
        self.vain = self.vain.saturating_add(1);
        self.served_to = 0;
    }
}

/// Questions that are being put together: each with how many numbers it asks for.
pub(super) type Questions = BTreeMap<PublicKey, (Fetch, u64)>;

/// What is to become of a sequence.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing is missing any more.
    Done,
    /// Nothing can be done until somebody says something new.
    Rest,
    /// It is to be looked at again.
    Again,
    /// Nobody has what is missing up to this number.
    GiveUp(u64),
}

/// What a plan is made from.
pub(super) struct Round<'a, 'p, H> {
    pub(super) now: Millis,
    pub(super) have: &'a H,
    pub(super) settings: &'a Settings,
    /// By their rank.
    pub(super) peers: &'a [(&'p PublicKey, &'p mut Peer)],
    pub(super) all_connected: bool,
}

/// What peers said about what is first missing.
#[derive(Default)]
struct Chances {
    /// The least number up to which peers say that it is gone, of those that say so.
    gone_to: Option<u64>,
    /// Whether all of them say so.
    all_gone: bool,
    /// Whether somebody claims to have it, and can be believed.
    somebody: bool,
    /// When somebody may be asked at the earliest; `None` if nobody claims to have anything.
    ask_at: Option<Millis>,
}

/// Whether what is known by claims alone is gone.
enum Gone {
    /// Up to here.
    To(u64),
    /// From this moment on, if nothing changes.
    Soon(Millis),
    /// Not enough peers say so.
    Unsure,
}

impl Behind {
    pub(super) fn new(now: Millis, contiguous: u64) -> Self {
        let asked = HashMap::new();
        let (still_since, stuck_since, witnesses) = (now, now, Vec::new());
        Self {
            contiguous,
            still_since,
            stuck_since,
            turn_at: None,
            sleeps_until: 0,
            asked,
            witnesses,
        }
    }

    /// A peer is not connected any more.
    pub(super) fn peer_lost(&mut self, peer: &PublicKey) {
        let Some(asked) = self.asked.remove(peer) else { return };
        if asked.gone_to > self.contiguous && self.witnesses.len() < MAX_WITNESSES {
            self.witnesses.push((*peer, asked.gone_to));
        }
    }

    /// Nothing counts that a peer has said.
    pub(super) fn forget(&mut self, peer: &PublicKey) {
        self.asked.remove(peer);
        self.witnesses.retain(|(of, _)| of != peer);
    }

    /// Up to which numbers peers have said that all is gone after this one, the furthest first.
    fn words<H>(&self, round: &Round<'_, '_, H>, contiguous: u64) -> Vec<u64> {
        let asked = round.peers.iter().filter_map(|(key, _)| self.asked.get(*key));
        let gone = asked.map(|asked| asked.gone_to);
        let gone = gone.chain(self.witnesses.iter().map(|(_, gone_to)| *gone_to));
        let mut words: Vec<_> = gone.filter(|gone_to| *gone_to > contiguous).collect();
        words.sort_unstable_by(|one, other| other.cmp(one));
        words
    }

    /// Puts what is missing into the questions, and says what is to become of it.
    pub(super) fn look<H: Have>(
        &mut self,
        round: &Round<'_, '_, H>,
        sequence: &Sequence,
        questions: &mut Questions,
    ) -> Look {
        let Round { now, have, settings, peers, all_connected } = *round;
        let top = have.top(sequence);
        let claimed = peers.iter().map(|(_, peer)| peer.claims.of(sequence)).max().unwrap_or(0);
        let to = top.max(claimed);
        let Some(contiguous) = have.contiguous(sequence).filter(|contiguous| *contiguous < to)
        else {
            return Look::Done;
        };
        if contiguous > self.contiguous {
            self.moved(now, contiguous);
        }
        if peers.is_empty() && !all_connected {
            self.stuck_since = now;
        }
        let grace_ends = self.still_since.saturating_add(settings.grace_ms);
        self.turn_at = (now < grace_ends).then_some(grace_ends);
        if now < grace_ends {
            return Look::Again;
        }
        let mut chances = Chances { all_gone: true, ..Chances::default() };
        for (key, peer) in in_turn(peers, sequence) {
            let reaches = if peer.has_all { to } else { peer.claims.of(sequence) };
            let known = self.asked.get(key).copied().unwrap_or_default();
            chances.add(contiguous, reaches, &known);
            if reaches <= contiguous.max(known.gone_to)
                || peer.rests(now, settings)
                || now < known.not_before
            {
                continue;
            }
            let rank_ms = settings.rank_ms.saturating_mul(peer.rank.into());
            let under_way = self.under_way_until(now, key, settings);
            let turn_at = under_way.unwrap_or(now).max(grace_ends.saturating_add(rank_ms));
            if now < turn_at {
                self.turn_at = Some(self.turn_at.map_or(turn_at, |at| at.min(turn_at)));
                continue;
            }
            let asked = self.asked.entry(*key).or_default();
            let question = questions.entry(*key).or_default();
            asked.ask(round, sequence, (contiguous, reaches), question);
        }
        if top > contiguous {
            let lost = self.lost(round, &chances, || {
                let first = have.holes(sequence, top, 1).first().map(|(_, until)| *until);
                (first.unwrap_or(contiguous), top.saturating_sub(1))
            });
            return match lost.map(|lost| lost.min(top)).filter(|lost| *lost > contiguous) {
                Some(lost) => Look::GiveUp(lost),
                None => Look::Again,
            };
        }
        // What is only claimed.
        let gone = self.claimed_and_gone(round, contiguous, &chances);
        if let Gone::To(lost) = gone {
            return Look::GiveUp(lost);
        }
        let patient_until = match gone {
            Gone::Soon(at) => Some(at),
            Gone::To(_) | Gone::Unsure => None,
        };
        match chances.ask_at.into_iter().chain(patient_until).min() {
            None => Look::Rest,
            Some(at) => {
                self.sleeps_until = at;
                Look::Again
            }
        }
    }

    /// Something has come.
    fn moved(&mut self, now: Millis, contiguous: u64) {
        self.contiguous = contiguous;
        self.stuck_since = now;
        // What was asked for needs no patience before the next question.
        if !self.asked.values().any(|asked| asked.open_to >= contiguous) {
            self.still_since = now;
        }
        self.asked.retain(|_, asked| {
            (asked.first_at, asked.vain, asked.not_before) = (None, 0, 0);
            asked.to.max(asked.gone_to) > contiguous
        });
        self.witnesses.retain(|(_, gone_to)| *gone_to > contiguous);
    }

    /// Up to which number everything that is missing is lost, if it is. `holes` says where the first hole
    /// ends, and the last one at the latest.
    fn lost<H>(
        &self,
        round: &Round<'_, '_, H>,
        chances: &Chances,
        holes: impl Fn() -> (u64, u64),
    ) -> Option<u64> {
        let stuck = round.now.saturating_sub(self.stuck_since);
        let times = || {
            let words = self.words(round, self.contiguous).len();
            if words >= round.settings.words_to_give_up { 1 } else { 2 }
        };
        let for_times = |times: u64| stuck >= round.settings.give_up_ms.saturating_mul(times);
        match chances.gone_to {
            Some(gone_to) if chances.all_gone && round.all_connected => Some(gone_to),
            Some(gone_to) if !chances.somebody && for_times(times()) => Some(gone_to),
            // Nobody claims it although it must have been there; nor what comes after it, then.
            None if !chances.somebody && for_times(2) => Some(holes().1),
            // Whoever claims it does not send it.
            _ if for_times(6) => Some(holes().0),
            _ => None,
        }
    }

    /// What peers say that was there, and is gone: who says that it is gone says that it was there, or was given up.
    fn claimed_and_gone<H>(
        &self,
        round: &Round<'_, '_, H>,
        contiguous: u64,
        chances: &Chances,
    ) -> Gone {
        if chances.somebody {
            return Gone::Unsure;
        }
        let gone = self.words(round, contiguous);
        let said_by = |peers: usize| gone.get(peers.checked_sub(1)?).copied();
        let patient_until = self.stuck_since.saturating_add(round.settings.give_up_ms);
        match (
            said_by(round.settings.claims_to_give_up),
            said_by(round.settings.claims_after_patience),
        ) {
            (Some(to), _) => Gone::To(to),
            (None, Some(to)) if round.now >= patient_until => Gone::To(to),
            (None, Some(_)) => Gone::Soon(patient_until),
            (None, None) => Gone::Unsure,
        }
    }

    /// Until when somebody else who was asked for what is first missing has time to send it.
    fn under_way_until(&self, now: Millis, but: &PublicKey, settings: &Settings) -> Option<Millis> {
        let others = self.asked.iter().filter(|(peer, _)| *peer != but);
        let asked =
            others.filter(|(_, asked)| asked.gone_to <= self.contiguous && asked.not_before <= now);
        let until = asked.filter_map(|(_, asked)| asked.first_at);
        until.map(|at| at.saturating_add(settings.rank_ms)).filter(|until| now < *until).max()
    }
}

/// Peers by their rank; those of one rank take turns in being the first, by origin.
fn in_turn<'a, 'p>(
    peers: &'a [(&'p PublicKey, &'p mut Peer)],
    sequence: &Sequence,
) -> impl Iterator<Item = (&'a PublicKey, &'a Peer)> {
    let first = usize::from(sequence.origin.0[0]);
    let of_one_rank = peers.chunk_by(|(_, one), (_, other)| one.rank == other.rank);
    of_one_rank.flat_map(move |peers| {
        let (before, after) = peers.split_at(first % peers.len());
        after.iter().chain(before).map(|(key, peer)| (*key, &**peer))
    })
}

impl Chances {
    fn add(&mut self, contiguous: u64, reaches: u64, asked: &Asked) {
        if asked.gone_to > contiguous {
            let least = self.gone_to.map_or(asked.gone_to, |to| to.min(asked.gone_to));
            self.gone_to = Some(least);
        } else {
            self.all_gone = false;
            self.somebody |= reaches > contiguous && asked.vain < MAX_VAIN;
        }
        if reaches > contiguous.max(asked.gone_to) {
            let at = self.ask_at.map_or(asked.not_before, |at| at.min(asked.not_before));
            self.ask_at = Some(at);
        }
    }
}

impl Asked {
    /// Puts into a question what is missing after `contiguous` of what the peer has that reaches so far.
    fn ask<H: Have>(
        &mut self,
        round: &Round<'_, '_, H>,
        sequence: &Sequence,
        (contiguous, reaches): (u64, u64),
        (fetch, numbers): &mut (Fetch, u64),
    ) {
        let Round { now, have, settings, .. } = *round;
        let first = contiguous.max(self.gone_to).saturating_add(1);
        if self.served_to >= first {
            let holes = have.holes(sequence, self.served_to, MAX_RANGES as usize);
            if holes.iter().any(|(_, until)| *until >= first) {
                // What was sent may be on its way.
                if now >= self.served_at.saturating_add(settings.answer_ms) {
                    self.in_vain(now, settings);
                }
                return;
            }
        }
        // Half of what there is room for, so that one sequence does not hold up the others.
        let left = (MAX_RANGES as usize).saturating_sub(fetch.ranges.len()).div_ceil(2);
        let mut numbers_left = settings.max_numbers.saturating_sub(*numbers).div_ceil(2);
        if left == 0 || numbers_left == 0 {
            return;
        }
        for (from, until) in have.holes(sequence, reaches, left) {
            let (from, until) = (from.max(first), until.min(reaches));
            if from > until || numbers_left == 0 {
                continue;
            }
            let until = until.min(from.saturating_add(numbers_left - 1));
            let count = until - from + 1;
            if fetch.ranges.try_push(sequence.range(from, until)).is_err() {
                return;
            }
            numbers_left -= count;
            *numbers += count;
            self.first_at.get_or_insert(now);
            (self.last_at, self.to) = (now, self.to.max(until));
            self.open_to = self.open_to.max(until);
        }
    }
}
