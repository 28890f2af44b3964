//! Decides whom to ask for what, and when to give up.

use super::{Claims, Have, Millis, Sequence};
use director_primitives::{
    Fetch, Fetched, Priority, PublicKey, Range, VectorEntry, repair::MAX_RANGES,
};
use std::collections::{BTreeMap, HashMap};

/// How patient the planner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a sequence stands still before anybody is asked, in milliseconds. Default 50: what another
    /// peer has already is usually on its way.
    pub grace_ms: u64,
    /// After this time without an answer others are asked, in milliseconds. Default 400.
    pub answer_ms: u64,
    /// How much later a peer of the next rank is asked, in milliseconds. Default 100.
    pub rank_ms: u64,
    /// Shortest time from one question to a peer to the next, in milliseconds. Default 40: a connection takes
    /// 32 control messages a second.
    pub interval_ms: u64,
    /// What everybody connected says is gone is given up after this time, in milliseconds. Default 5,000:
    /// somebody else may connect. At once if all that there are are connected ([`Planner::all_connected`]).
    pub give_up_ms: u64,
    /// Pause before a peer is asked again for what it claims and does not send, in milliseconds. Default
    /// 2,000, doubled up to a minute.
    pub back_off_ms: u64,
    /// Whether numbers are given up of which nothing signed has come, only claims. Default no.
    pub beyond_top: bool,
    /// Most numbers that one question asks for. Default 4,096.
    pub max_numbers: u64,
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
            beyond_top: false,
            max_numbers: 4_096,
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

/// What is under way with one peer.
#[derive(Debug)]
struct Peer {
    claims: Claims,
    /// Peers of a lower rank are asked first.
    rank: u8,
    /// Whether it is asked for what it has not claimed: it sends us everything, so it should have it.
    has_all: bool,
    asked: Option<(Fetch, Millis)>,
    asked_at: Option<Millis>,
}

/// A sequence of which something is missing.
#[derive(Debug)]
struct Behind {
    contiguous: u64,
    /// Since when nothing has moved.
    since: Millis,
    /// By peer: what was asked of it.
    asked: HashMap<PublicKey, Asked>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// When first for what is first missing now.
    at: Option<Millis>,
    /// Up to here it has nothing.
    gone_to: u64,
    /// Up to here it says that it has sent what it has.
    served_to: u64,
    /// Questions in vain.
    vain: u32,
    not_before: Millis,
}

/// Whom to ask for what. See the [module](super).
#[derive(Debug)]
pub struct Planner {
    settings: Settings,
    peers: BTreeMap<PublicKey, Peer>,
    behind: HashMap<Sequence, Behind>,
    all_connected: bool,
}

impl Planner {
    /// One that knows nobody.
    pub fn new(settings: Settings) -> Self {
        Self { settings, peers: BTreeMap::new(), behind: HashMap::new(), all_connected: false }
    }

    /// A peer can be asked from now on. What an earlier connection of it said is forgotten: it may have
    /// restarted.
    pub fn connected(&mut self, peer: PublicKey, rank: u8, has_all: bool) {
        self.forget_answers(&peer);
        let claims = Claims::default();
        self.peers.insert(peer, Peer { claims, rank, has_all, asked: None, asked_at: None });
    }

    /// A connected peer is asked earlier or later from now on.
    pub fn rank(&mut self, peer: &PublicKey, rank: u8, has_all: bool) {
        if let Some(peer) = self.peers.get_mut(peer) {
            (peer.rank, peer.has_all) = (rank, has_all);
        }
    }

    /// A peer cannot be asked any more.
    pub fn lost(&mut self, peer: &PublicKey) {
        self.peers.remove(peer);
        self.forget_answers(peer);
    }

    fn forget_answers(&mut self, peer: &PublicKey) {
        for behind in self.behind.values_mut() {
            behind.asked.remove(peer);
        }
    }

    /// Whether all peers that there are, are connected: then there is nobody else to wait for.
    pub fn all_connected(&mut self, all: bool) {
        self.all_connected = all;
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
        let Some(peer) = self.peers.get_mut(peer) else { return };
        peer.claims.take(entries);
        for entry in entries {
            for class in Priority::ALL {
                let sequence = Sequence { origin: entry.origin, epoch: entry.epoch, class };
                let claimed = entry.contiguous[class.index()];
                if claimed > 0 {
                    self.behind_at(now, sequence, claimed, have);
                }
            }
        }
    }

    /// A message came that leaves a hole before it.
    pub fn hole(&mut self, now: Millis, sequence: Sequence, have: &impl Have) {
        self.behind_at(now, sequence, have.top(&sequence), have);
    }

    fn behind_at(&mut self, now: Millis, sequence: Sequence, to: u64, have: &impl Have) {
        let Some(contiguous) = have.contiguous(&sequence).filter(|contiguous| *contiguous < to)
        else {
            return;
        };
        let new = || Behind { contiguous, since: now, asked: HashMap::new() };
        self.behind.entry(sequence).or_insert_with(new);
    }

    /// A peer's answer. Plan again after it.
    pub fn fetched(&mut self, now: Millis, peer: &PublicKey, fetched: &Fetched) {
        let Some(state) = self.peers.get_mut(peer) else { return };
        let Some((question, _)) = state.asked.take() else { return };
        for served in &fetched.ranges {
            if !question.ranges.contains(&served.range) {
                continue;
            }
            let Range { first, last, .. } = served.range;
            let Some(behind) = self.behind.get_mut(&Sequence::from(&served.range)) else {
                continue;
            };
            let asked = behind.asked.entry(*peer).or_default();
            asked.gone_to = asked.gone_to.max(served.gone_to.min(last));
            asked.served_to = asked.served_to.max(served.served_to.min(last));
            if served.gone_to < first && served.served_to < first {
                // It has no time for us.
                asked.not_before = now.saturating_add(250);
            }
        }
    }

    /// Whether this peer was asked for that number, and when first.
    pub fn asked(&self, peer: &PublicKey, sequence: &Sequence, number: u64) -> Option<Millis> {
        let behind = self.behind.get(sequence)?;
        let asked = behind.asked.get(peer)?;
        asked.at.filter(|_| number > behind.contiguous)
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
    }

    /// Says what is to be done now. To be asked every 50 ms or so, and upon an answer.
    pub fn plan(&mut self, now: Millis, have: &impl Have) -> Vec<Action> {
        let mut actions = Vec::new();
        self.expire(now);
        let mut questions: BTreeMap<PublicKey, (Fetch, u64)> = BTreeMap::new();
        let mut sequences: Vec<_> = self.behind.keys().copied().collect();
        // So that one run is like the other.
        sequences.sort_unstable();
        for sequence in sequences {
            if let Some(to) = self.look_at(now, sequence, have, &mut questions) {
                actions.push(Action::GiveUp(sequence, to));
            }
        }
        for (peer, (fetch, _)) in questions {
            if let Some(state) = self.peers.get_mut(&peer) {
                state.asked = Some((fetch.clone(), now));
                state.asked_at = Some(now);
            }
            actions.push(Action::Fetch(peer, fetch));
        }
        actions
    }

    /// Questions that were not answered in time.
    fn expire(&mut self, now: Millis) {
        for (key, peer) in &mut self.peers {
            let is_late =
                |(_, at): &mut (Fetch, Millis)| now >= at.saturating_add(self.settings.answer_ms);
            let Some((question, _)) = peer.asked.take_if(is_late) else { continue };
            for range in &question.ranges {
                let behind = self.behind.get_mut(&Sequence::from(range));
                if let Some(asked) = behind.and_then(|behind| behind.asked.get_mut(key)) {
                    asked.not_before = now.saturating_add(back_off(&self.settings, asked.vain));
                    asked.vain += 1;
                }
            }
        }
    }

    /// Puts what is missing of a sequence into the questions; what is to be given up of it, if anything.
    fn look_at(
        &mut self,
        now: Millis,
        sequence: Sequence,
        have: &impl Have,
        questions: &mut BTreeMap<PublicKey, (Fetch, u64)>,
    ) -> Option<u64> {
        let Self { settings, peers, behind, all_connected } = self;
        let state = behind.get_mut(&sequence)?;
        let top = have.top(&sequence);
        let claimed = peers.values().map(|peer| peer.claims.of(&sequence)).max().unwrap_or(0);
        let to = top.max(claimed);
        let Some(contiguous) = have.contiguous(&sequence).filter(|contiguous| *contiguous < to)
        else {
            behind.remove(&sequence);
            return None;
        };
        if contiguous > state.contiguous {
            state.contiguous = contiguous;
            state.asked.retain(|_, asked| {
                (asked.at, asked.vain, asked.not_before) = (None, 0, 0);
                asked.gone_to > contiguous
            });
            let is_fetching = peers.values().any(|peer| {
                let asked = peer.asked.as_ref();
                asked.is_some_and(|(q, _)| q.ranges.iter().any(|of| Sequence::from(of) == sequence))
            });
            if !is_fetching {
                state.since = now;
            }
        }
        let waited = now.saturating_sub(state.since).checked_sub(settings.grace_ms)?;
        let mut hopeless = None;
        let mut anybody = false;
        let mut by_rank: Vec<_> = peers.iter_mut().collect();
        by_rank.sort_by_key(|(_, peer)| peer.rank);
        for (key, peer) in by_rank {
            let reaches = match peer.has_all {
                true => to,
                false => peer.claims.of(&sequence),
            };
            let asked = state.asked.entry(*key).or_default();
            let first = contiguous.max(asked.gone_to) + 1;
            if asked.gone_to > contiguous {
                hopeless = Some(hopeless.map_or(asked.gone_to, |to: u64| to.min(asked.gone_to)));
            }
            if reaches < first {
                continue;
            }
            if first == contiguous + 1 {
                anybody = true;
            }
            let rank_ms = settings.rank_ms.saturating_mul(peer.rank.into());
            let rests =
                peer.asked_at.is_some_and(|at| now < at.saturating_add(settings.interval_ms));
            if peer.asked.is_some() || rests || waited < rank_ms || now < asked.not_before {
                continue;
            }
            if asked.served_to > contiguous {
                // It says that it has sent this, and nothing has come.
                asked.not_before = now.saturating_add(back_off(settings, asked.vain));
                asked.vain += 1;
                asked.served_to = 0;
                continue;
            }
            let (fetch, numbers) = questions.entry(*key).or_default();
            let most = (MAX_RANGES as usize).saturating_sub(fetch.ranges.len());
            for (from, until) in have.holes(&sequence, reaches, most) {
                let left = settings.max_numbers.saturating_sub(*numbers);
                let (from, until) = (from.max(first), until.min(reaches));
                if from > until || left == 0 {
                    continue;
                }
                let until = until.min(from + (left - 1));
                *numbers += until - from + 1;
                asked.at.get_or_insert(now);
                // There is room: see `most`.
                let _ = fetch.ranges.try_push(sequence.range(from, until));
            }
            if fetch.ranges.is_empty() {
                questions.remove(key);
            }
        }
        // Given up is what nobody has who could, and what nobody claims although it must be there.
        let is_old = waited >= settings.give_up_ms;
        let lost = match hopeless {
            Some(gone_to) if !anybody && (is_old || *all_connected) => gone_to,
            None if !anybody && is_old && waited >= 2 * settings.give_up_ms => {
                top.saturating_sub(1)
            }
            _ => return None,
        };
        let most = if settings.beyond_top { to } else { top };
        let lost = lost.min(most);
        (lost > contiguous).then_some(lost)
    }
}

fn back_off(settings: &Settings, vain: u32) -> u64 {
    settings.back_off_ms.saturating_mul(1 << vain.min(5)).min(60_000)
}
