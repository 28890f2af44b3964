//! Decides whom to ask for what, and when to give up.

use super::{
    Claims, Have, Millis, Sequence,
    behind::{Asked, Behind, Look, Questions, Round, So},
};
use director_primitives::{Fetch, Fetched, Priority, PublicKey, VectorEntry};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

/// How long a peer rests that has had no time for a question, in milliseconds.
const NO_TIME_MS: u64 = 250;

/// Most sequences that may be behind: of a thousand origins all classes, eight times over. What is claimed
/// beyond that is not looked at until it is claimed again.
const MAX_BEHIND: usize = 32_768;

/// How patient the planner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a sequence stands still before anybody is asked, in milliseconds. Default 50: what another
    /// peer has already is usually on its way.
    pub grace_ms: u64,
    /// After this time without an answer others are asked, in milliseconds; and what a peer says that it has
    /// sent is waited for so long. Default 400.
    pub answer_ms: u64,
    /// How much later a peer of the next rank is asked, in milliseconds. Default 100.
    pub rank_ms: u64,
    /// Shortest time from one question to a peer to the next, in milliseconds. Default 40: a connection takes
    /// 32 control messages a second.
    pub interval_ms: u64,
    /// What is gone at those that know it, and nobody else claims, is given up after this time without
    /// any progress, in milliseconds. Default 5,000: somebody else may connect. At once if all that there are
    /// are connected ([`Planner::all_connected`]) and all of them say that it is gone. After twice this time what
    /// nobody knows; after six times what is claimed and does not come.
    pub give_up_ms: u64,
    /// Pause before a peer is asked again for what it claims and does not send, in milliseconds. Default
    /// 2,000, doubled up to a minute.
    pub back_off_ms: u64,
    /// Most numbers that one question asks for. Default 4,096.
    pub max_numbers: u64,
    /// So many peers have to say of what is known by claims alone that it is gone, for it to be given up: those that
    /// lie must not make anybody skip what is yet to be said. 0, the default: it is never given up.
    pub claims_to_give_up: usize,
    /// So many are enough once nothing has moved for `give_up_ms`, where not all peers are asked at once but others in
    /// their turn. 0, the default: they never are.
    pub claims_after_patience: usize,
    /// So many peers have to say that something is gone, those that were lost since among them, for it to be given up after
    /// `give_up_ms`; where fewer say so it takes twice that. 0, the default: those that are connected decide.
    pub words_to_give_up: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            grace_ms: 50,
            answer_ms: 400,
            rank_ms: 100,
            interval_ms: 40,
            give_up_ms: 5_000,
            back_off_ms: 2_000,
            max_numbers: 4_096,
            claims_to_give_up: 0,
            claims_after_patience: 0,
            words_to_give_up: 0,
        }
    }
}

/// Something is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask this peer.
    Fetch(PublicKey, Fetch),
    /// Nobody has these numbers any more: what is missing up to this one is missing for good.
    GiveUp(Sequence, u64),
}

/// For how long something has been missing, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stuck {
    /// Something that connected peers claim, and do not say to be gone.
    pub claimed_ms: Millis,
    /// These peers.
    pub claimed_by: Vec<PublicKey>,
    /// Something that connected peers claim, and all of those say to be gone.
    pub denied_ms: Millis,
    /// Something that no connected peer claims.
    pub unclaimed_ms: Millis,
}

/// What is under way with one peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) claims: Claims,
    /// Peers of a lower rank are asked first.
    pub(super) rank: u8,
    /// Whether it is asked for what it has not claimed: it sends us everything, so it should have it.
    pub(super) has_all: bool,
    asked: Option<(Fetch, Millis)>,
    asked_at: Option<Millis>,
    /// The last question that was not answered in time. Its answer still says what there is: over a slow link all
    /// answers may be late.
    late: Option<Fetch>,
}

impl Peer {
    /// Whether it is not to be asked now.
    pub(super) fn rests(&self, now: Millis, settings: &Settings) -> bool {
        let next = self.asked_at.map(|at| at.saturating_add(settings.interval_ms));
        self.asked.is_some() || next.is_some_and(|next| now < next)
    }

    /// The question that this answers, and whether it was in time. An answer to none of them takes the place of the
    /// one that is waited for.
    fn answered(&mut self, fetched: &Fetched) -> Option<(Fetch, bool)> {
        let answers = |question: &mut Fetch| {
            let ranges = fetched.ranges.iter().map(|served| served.range);
            ranges.eq(question.ranges.iter().take(fetched.ranges.len()).copied())
        };
        match self.late.take_if(answers) {
            Some(late) if !self.asked.as_mut().is_some_and(|(of, _)| answers(of)) => {
                Some((late, false))
            }
            _ => self.asked.take().map(|(question, _)| (question, true)),
        }
    }
}

/// Whom to ask for what. See the [module](super).
#[derive(Debug)]
pub struct Planner {
    settings: Settings,
    peers: BTreeMap<PublicKey, Peer>,
    behind: HashMap<Sequence, Behind>,
    /// Of those, the ones about which something can be done. In order, so that one run is like the other.
    active: BTreeSet<Sequence>,
    /// The last one of them that was asked for: the next question begins after it. Whoever claims much of some must not
    /// keep the others from their turn.
    asked_last: Option<Sequence>,
    /// When there is something to plan before the next turn.
    due: Option<Millis>,
    all_connected: bool,
}

impl Planner {
    /// One that knows nobody.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            peers: BTreeMap::new(),
            behind: HashMap::new(),
            active: BTreeSet::new(),
            asked_last: None,
            due: None,
            all_connected: false,
        }
    }

    /// A peer can be asked from now on. What an earlier connection of it said is forgotten: it may have
    /// restarted.
    pub fn connected(&mut self, peer: PublicKey, rank: u8, has_all: bool) {
        self.forget_answers(&peer);
        let claims = Claims::default();
        let (asked, asked_at, late) = (None, None, None);
        self.peers.insert(peer, Peer { claims, rank, has_all, asked, asked_at, late });
    }

    /// A connected peer is asked earlier or later from now on.
    pub fn rank(&mut self, peer: &PublicKey, rank: u8, has_all: bool) {
        if let Some(peer) = self.peers.get_mut(peer) {
            (peer.rank, peer.has_all) = (rank, has_all);
            self.wake_all();
        }
    }

    /// A peer cannot be asked any more. What it said to be gone it has said.
    pub fn lost(&mut self, peer: &PublicKey) {
        self.peers.remove(peer);
        for behind in self.behind.values_mut() {
            behind.peer_lost(peer);
        }
        self.wake_all();
    }

    fn forget_answers(&mut self, peer: &PublicKey) {
        for behind in self.behind.values_mut() {
            behind.forget(peer);
        }
        self.wake_all();
    }

    fn wake_all(&mut self) {
        for (sequence, behind) in &mut self.behind {
            behind.sleeps_until = 0;
            self.active.insert(*sequence);
        }
    }

    /// Nobody claims this any more: there may be nothing to wait for.
    fn wake(&mut self, claimed: &VectorEntry) {
        for class in Priority::ALL {
            let sequence = Sequence { origin: claimed.origin, epoch: claimed.epoch, class };
            if let Some(behind) = self.behind.get_mut(&sequence) {
                behind.sleeps_until = 0;
                self.active.insert(sequence);
            }
        }
    }

    /// Whether all peers that there are, are connected: then there is nobody else to wait for.
    pub fn all_connected(&mut self, all: bool) {
        self.all_connected = all;
    }

    /// Peers that can be asked.
    pub fn peers(&self) -> impl Iterator<Item = &PublicKey> {
        self.peers.keys()
    }

    /// What a connected peer claims.
    pub fn claims(&self, peer: &PublicKey) -> Option<&Claims> {
        self.peers.get(peer).map(|peer| &peer.claims)
    }

    /// All of a peer's vector was heard.
    pub fn completed(&mut self, peer: &PublicKey) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.claims.completed();
        }
    }

    /// A peer says what it has. The caller lets only entries through whose origin is registered.
    pub fn claim(
        &mut self,
        now: Millis,
        peer: &PublicKey,
        entries: &[VectorEntry],
        have: &impl Have,
    ) {
        for entry in entries {
            let Some(state) = self.peers.get_mut(peer) else { return };
            let before = state.claims.get(&entry.origin).copied();
            state.claims.take(&[*entry]);
            for old in before.iter().filter(|before| before.epoch != entry.epoch) {
                self.wake(old);
            }
            self.compare(now, peer, entry, have);
        }
    }

    /// What is said of this origin is wanted from now on: compares what peers have claimed of it before.
    pub fn wanted(&mut self, now: Millis, origin: &PublicKey, have: &impl Have) {
        let claimed =
            |(peer, state): (&PublicKey, &Peer)| Some((*peer, *state.claims.get(origin)?));
        let claimed: Vec<_> = self.peers.iter().filter_map(claimed).collect();
        for (peer, entry) in claimed {
            self.compare(now, &peer, &entry, have);
        }
    }

    fn compare(&mut self, now: Millis, peer: &PublicKey, entry: &VectorEntry, have: &impl Have) {
        for class in Priority::ALL {
            let claimed = entry.contiguous[class.index()];
            if claimed > 0 {
                let sequence = Sequence { origin: entry.origin, epoch: entry.epoch, class };
                self.behind_at(now, sequence, claimed, Some(peer), have);
            }
        }
    }

    /// A message came that leaves a hole before it.
    pub fn hole(&mut self, now: Millis, sequence: Sequence, have: &impl Have) {
        self.behind_at(now, sequence, have.top(&sequence), None, have);
    }

    /// Somebody has a number of a sequence, or it is here, with something missing before it.
    fn behind_at(
        &mut self,
        now: Millis,
        sequence: Sequence,
        to: u64,
        peer: Option<&PublicKey>,
        have: &impl Have,
    ) {
        let Some(contiguous) = have.contiguous(&sequence).filter(|contiguous| *contiguous < to)
        else {
            return;
        };
        if let Some(behind) = self.behind.get_mut(&sequence) {
            let asked = peer.and_then(|peer| behind.asked.get(peer));
            // Whoever makes us wait does not make us look by claiming more.
            if asked.is_none_or(|asked| asked.gone_to < to && asked.not_before <= now) {
                behind.sleeps_until = 0;
                self.active.insert(sequence);
            }
        } else if self.behind.len() < MAX_BEHIND {
            self.behind.insert(sequence, Behind::new(now, contiguous));
            self.active.insert(sequence);
            let grace_ends = now.saturating_add(self.settings.grace_ms);
            self.due = Some(self.due.map_or(grace_ends, |due| due.min(grace_ends)));
        }
    }

    /// A peer's answer; whether it was asked for one. Plan again after it.
    pub fn fetched(&mut self, now: Millis, peer: &PublicKey, fetched: &Fetched) -> bool {
        let Some(state) = self.peers.get_mut(peer) else { return false };
        let Some((question, is_in_time)) = state.answered(fetched) else { return false };
        let mut answers = question.ranges.iter().zip(&fetched.ranges);
        let has_time = answers
            .any(|(range, served)| served.range == *range && served.served_to >= range.first);
        let is_all = state.asked.is_none();
        let mut before: Option<(Sequence, So)> = None;
        for (at, range) in question.ranges.iter().enumerate() {
            let sequence = Sequence::from(range);
            let Some(behind) = self.behind.get_mut(&sequence) else { continue };
            behind.sleeps_until = 0;
            self.active.insert(sequence);
            let asked = behind.asked.entry(*peer).or_default();
            if !is_in_time {
                // It was not in vain after all.
                (asked.vain, asked.not_before) = (asked.vain.saturating_sub(1), now);
            }
            if !has_time {
                asked.not_before = now.saturating_add(NO_TIME_MS);
            }
            let so = before.filter(|(of, _)| *of == sequence).map_or(So::Gone, |(_, so)| so);
            let answer = fetched.ranges.get(at).filter(|served| served.range == *range);
            let so = answer.map_or(So::Unknown, |served| asked.take(now, served, so));
            before = Some((sequence, so));
            if is_all {
                let of_it =
                    fetched.ranges.iter().filter(|of| Sequence::from(&of.range) == sequence);
                let said = of_it.map(|of| of.gone_to.max(of.served_to.min(of.range.last))).max();
                asked.spoke_of(said.unwrap_or_default());
            }
        }
        true
    }

    /// When this peer was asked for that number, if it was and the number has not come, and it has not said that it
    /// does not have it: what comes from it after that is not what was asked for. Somebody else may have claimed that there
    /// is such a number before there was.
    pub fn asked(&self, peer: &PublicKey, sequence: &Sequence, number: u64) -> Option<Millis> {
        let asked = self.asked_for(peer, sequence, number)?;
        (number <= asked.open_to).then(|| asked.first_at.unwrap_or(asked.last_at))
    }

    /// Whether this peer was asked for that number, whatever it said, and the number has not come.
    pub fn was_asked(&self, peer: &PublicKey, sequence: &Sequence, number: u64) -> bool {
        self.asked_for(peer, sequence, number).is_some()
    }

    fn asked_for(&self, peer: &PublicKey, sequence: &Sequence, number: u64) -> Option<&Asked> {
        let behind = self.behind.get(sequence)?;
        let asked = behind.asked.get(peer)?;
        (number > behind.contiguous && number <= asked.to).then_some(asked)
    }

    /// Whether this peer says that it does not have that number.
    pub fn is_gone(&self, peer: &PublicKey, sequence: &Sequence, number: u64) -> bool {
        let asked = self.behind.get(sequence).and_then(|behind| behind.asked.get(peer));
        asked.is_some_and(|asked| number <= asked.gone_to)
    }

    /// Whether nothing is missing that this peer claims, but what it says is gone.
    pub fn is_level_with(&self, peer: &PublicKey, have: &impl Have) -> bool {
        let Some(state) = self.peers.get(peer) else { return false };
        state.claims.entries().all(|entry| {
            Priority::ALL.into_iter().all(|class| {
                let sequence = Sequence { origin: entry.origin, epoch: entry.epoch, class };
                let claimed = entry.contiguous[class.index()];
                have.contiguous(&sequence).is_none_or(|contiguous| contiguous >= claimed)
                    || self.is_gone(peer, &sequence, claimed)
            })
        })
    }

    /// What has been missing for longest although there is somebody to ask.
    pub fn stuck(&self, now: Millis, have: &impl Have) -> Stuck {
        let mut stuck = Stuck::default();
        let mut longest: Option<Sequence> = None;
        for (sequence, behind) in &self.behind {
            let Some(contiguous) = have.contiguous(sequence) else { continue };
            let for_ms = now.saturating_sub(behind.stuck_since);
            let claims = |(key, peer): &(&PublicKey, &Peer)| {
                let gone_to = behind.asked.get(*key).map_or(0, |asked| asked.gone_to);
                peer.claims.of(sequence) > contiguous.max(gone_to)
            };
            let by: Vec<_> = self.peers.iter().filter(claims).map(|(key, _)| *key).collect();
            let is_denied = || self.peers.values().any(|of| of.claims.of(sequence) > contiguous);
            if by.is_empty() && is_denied() {
                stuck.denied_ms = stuck.denied_ms.max(for_ms);
            } else if by.is_empty() {
                stuck.unclaimed_ms = stuck.unclaimed_ms.max(for_ms);
            } else if longest.is_none_or(|of| (stuck.claimed_ms, of) < (for_ms, *sequence)) {
                longest = Some(*sequence);
                (stuck.claimed_ms, stuck.claimed_by) = (for_ms, by);
            }
        }
        stuck
    }

    /// It decides otherwise from here on.
    pub fn set(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
    }

    /// Sequences of which something is missing.
    pub fn behind(&self) -> usize {
        self.behind.len()
    }

    /// Forgets origins.
    pub fn retain(&mut self, mut keep: impl FnMut(&PublicKey) -> bool) {
        for peer in self.peers.values_mut() {
            peer.claims.retain(&mut keep);
        }
        self.behind.retain(|sequence, _| keep(&sequence.origin));
        self.active.retain(|sequence| self.behind.contains_key(sequence));
    }

    /// When a peer's turn begins, if that is known and not over: to be planned at then.
    pub fn due(&self) -> Option<Millis> {
        self.due
    }

    /// Says what is to be done now. To be asked every 50 ms or so, at [`Self::due`], and upon an answer.
    pub fn plan(&mut self, now: Millis, have: &impl Have) -> Vec<Action> {
        self.due = None;
        if self.active.is_empty() {
            return Vec::new();
        }
        self.expire(now);
        let Self { settings, peers, behind, active, asked_last, all_connected, due } = self;
        let mut by_rank: Vec<_> = peers.iter_mut().collect();
        by_rank.sort_by_key(|(_, peer)| peer.rank);
        let round = Round { now, have, settings, peers: &by_rank, all_connected: *all_connected };
        let mut actions = Vec::new();
        let mut questions = Questions::new();
        let mut asked = 0;
        for sequence in from_after(active, *asked_last) {
            let Some(state) = behind.get_mut(&sequence) else {
                active.remove(&sequence);
                continue;
            };
            if now < state.sleeps_until {
                continue;
            }
            let look = state.look(&round, &sequence, &mut questions);
            *due = due.iter().copied().chain(state.turn_at).min();
            let ranges: usize = questions.values().map(|(question, _)| question.ranges.len()).sum();
            if ranges > asked {
                (asked, *asked_last) = (ranges, Some(sequence));
            }
            match look {
                Look::Done => {
                    behind.remove(&sequence);
                    active.remove(&sequence);
                }
                Look::Rest => {
                    active.remove(&sequence);
                }
                Look::Again => {}
                Look::GiveUp(to) => actions.push(Action::GiveUp(sequence, to)),
            }
        }
        for (peer, (fetch, _)) in questions.into_iter().filter(|(_, (q, _))| !q.ranges.is_empty()) {
            if let Some(state) = peers.get_mut(&peer) {
                (state.asked, state.asked_at) = (Some((fetch.clone(), now)), Some(now));
            }
            actions.push(Action::Fetch(peer, fetch));
        }
        actions
    }

    /// Questions that were not answered in time.
    fn expire(&mut self, now: Millis) {
        let Self { settings, peers, behind, .. } = self;
        for (key, peer) in peers {
            let is_late =
                |(_, at): &mut (Fetch, Millis)| now >= at.saturating_add(settings.answer_ms);
            let Some((question, _)) = peer.asked.take_if(is_late) else { continue };
            let sequences: BTreeSet<_> = question.ranges.iter().map(Sequence::from).collect();
            peer.late = Some(question);
            for sequence in sequences {
                let behind = behind.get_mut(&sequence);
                if let Some(asked) = behind.and_then(|behind| behind.asked.get_mut(key)) {
                    asked.in_vain(now, settings);
                }
            }
        }
    }
}

/// All of these, first those after this one.
fn from_after(all: &BTreeSet<Sequence>, last: Option<Sequence>) -> Vec<Sequence> {
    let Some(last) = last else { return all.iter().copied().collect() };
    let after = all.range((Bound::Excluded(last), Bound::Unbounded));
    after.chain(all.range(..=last)).copied().collect()
}
