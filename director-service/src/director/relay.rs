//! Takes a message on its way through the director.

use super::{
    Crypto, Director, Frame, Link, Millis, Output, Received, Recipients, Refusal, ValidatorVote,
    detector::{Range, Verdict},
    header::Header,
    repair::Wanted,
    rules::{Consider, Rules, Screened, place},
    turns::take_turns,
    window::Place,
};
use crate::repair::Sequence;
use codec::DecodeAll;
use director_primitives::{
    AccountId32, CheckpointNumber, DoubleSignProof, Encoding, Priority, PublicKey, SignedVote,
    Snapshot,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Votes of one origin that wait for its new key: a client has one or two on their way.
const MAX_PARKED_VOTES: usize = 8;

/// A frame that may be passed on.
#[derive(Clone, Debug)]
pub(super) struct Passing {
    pub(super) frame: Frame,
    pub(super) class: Priority,
    pub(super) origin: PublicKey,
    pub(super) from: PublicKey,
    /// Whether the other directors are not told: it came because this director missed it, or they have it already.
    pub(super) mesh_has_it: bool,
}

impl Passing {
    pub(super) fn of(screened: &Screened<'_>, mesh_has_it: bool) -> Self {
        Self {
            frame: screened.received.frame.clone(),
            class: screened.header.class,
            origin: screened.header.origin,
            from: screened.received.from,
            mesh_has_it,
        }
    }
}

/// A vote on its way to the detector, and what is to become of its frame afterwards.
#[derive(Clone, Debug)]
struct WaitingVote {
    vote: SignedVote,
    passing: Passing,
    fate: Fate,
}

/// What the rules say about a frame, its vote apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Pass it on.
    Relay,
    /// It was here already.
    Repeat,
    /// Drop it, but for a vote that is the second half of a double sign.
    Drop(Refusal),
    /// The sender has sent too much; like `Drop`.
    Limited,
    /// The origin may not speak.
    Mute,
}

impl Fate {
    fn of(place: Place, frame: &Screened<'_>) -> Self {
        match place {
            _ if !frame.authorized => Self::Mute,
            Place::Free if !frame.within_limits => Self::Limited,
            Place::Free => Self::Relay,
            Place::Repeat | Place::Passed => Self::Repeat,
            Place::Conflict => Self::Drop(Refusal::Equivocation),
            Place::OldEpoch => Self::Drop(Refusal::OldEpoch),
            Place::EpochTooFar => Self::Drop(Refusal::EpochTooFar),
        }
    }

    /// Whether a vote with this verdict may be passed on, as far as the rules go.
    ///
    /// Both halves of a double sign are, so that every director can make the proof by itself, even if
    /// the second one comes in an envelope that is itself a lie.
    fn lets_pass(self, verdict: &Verdict) -> bool {
        match self {
            Self::Relay => true,
            Self::Repeat | Self::Drop(_) | Self::Limited => {
                matches!(verdict, Verdict::DoubleSign(_))
            }
            Self::Mute => false,
        }
    }
}

/// Votes that wait for the disk, by slot.
#[derive(Debug, Default)]
pub(super) struct Recalls {
    slots: BTreeMap<(AccountId32, CheckpointNumber), Vec<WaitingVote>>,
    /// Votes that wait, of all validators and of each.
    total: usize,
    by_validator: HashMap<AccountId32, usize>,
}

impl Recalls {
    /// Votes that wait.
    pub(super) fn len(&self) -> usize {
        self.total
    }

    /// The other directors were told of a frame: if its vote waits, they are not told again.
    fn mesh_has(&mut self, validator: &AccountId32, frame: &Frame) {
        let all = (validator.clone(), 0)..=(validator.clone(), CheckpointNumber::MAX);
        let waiting = self.slots.range_mut(all).flat_map(|(_, votes)| votes);
        for vote in waiting.filter(|of| of.passing.frame == *frame) {
            vote.passing.mesh_has_it = true;
        }
    }

    fn take(&mut self, slot: &(AccountId32, CheckpointNumber)) -> Vec<WaitingVote> {
        let votes = self.slots.remove(slot).unwrap_or_default();
        self.total -= votes.len();
        if let Some(count) = self.by_validator.get_mut(&slot.0) {
            *count -= votes.len();
            if *count == 0 {
                self.by_validator.remove(&slot.0);
            }
        }
        votes
    }
}

impl<C: Crypto> Director<C> {
    /// Takes a batch of frames. If they may be parked, frames of peers about origins that this
    /// director does not know as authorized yet wait for a while.
    pub(super) fn frames(
        &mut self,
        now: Millis,
        batch: Vec<Received>,
        may_park: bool,
        out: &mut Vec<Output>,
    ) {
        if batch.is_empty() {
            return;
        }
        if may_park {
            self.stats.frames += batch.len() as u64;
        }
        let Some(snapshot) = self.snapshot.clone() else {
            for _ in batch {
                self.refuse(Refusal::NotReady);
            }
            return;
        };
        let (batch, suspects) = self.senders.set_apart(&snapshot, now, take_turns(batch));
        self.stats.suspect_frames += suspects.len() as u64;
        self.take(&snapshot, now, batch, may_park, out);
        self.take(&snapshot, now, suspects, may_park, out);
    }

    /// Takes frames whose signatures are checked together.
    fn take(
        &mut self,
        snapshot: &Snapshot,
        now: Millis,
        batch: Vec<Received>,
        may_park: bool,
        out: &mut Vec<Output>,
    ) {
        let mut screened = Vec::with_capacity(batch.len());
        let mut no_room = Vec::new();
        let (mut limited, mut liars) = (Vec::new(), Vec::new());
        for received in &batch {
            let mut rules = Rules {
                snapshot,
                seen: &mut self.seen,
                windows: &self.windows,
                senders: &mut self.senders,
                outlaws: &self.outlaws,
                grace_ms: self.config.park_ms,
                now,
                may_park,
            };
            match rules.consider(received) {
                Consider::Verify(frame) => screened.push(frame),
                Consider::Repeat(after_eviction) => self.repeat(after_eviction),
                Consider::Refuse(reason) => {
                    self.refuse(reason);
                    // No honest client makes such a frame, and nobody else can over its connection.
                    let is_lie = matches!(reason, Refusal::Malformed | Refusal::ForeignOrigin);
                    if is_lie && received.link == Link::Public {
                        liars.push(&received.from);
                    }
                }
                Consider::Limited { class, unseen_vote } => {
                    self.stats.votes_unseen += u64::from(unseen_vote);
                    self.limited(class);
                    limited.push(&received.from);
                }
                Consider::Park => {
                    self.stats.parked += 1;
                    let until = now.saturating_add(self.config.park_ms);
                    let max_bytes = self.config.park_bytes;
                    if let Err(received) = self.parked.park(until, received.clone(), max_bytes) {
                        no_room.push(received);
                    }
                }
            }
        }
        let signed = self.verify(snapshot, &screened);
        for (frame, signed) in screened.iter().zip(signed) {
            if signed {
                self.settle(now, snapshot, frame, may_park, out);
            } else {
                self.forged(now, snapshot, frame, out);
            }
        }
        for sender in limited {
            if let Some(validator) = snapshot.validator_by_peer_key(sender) {
                let reason = self.conduct.limited(&validator.account, now);
                self.convict(now, snapshot, &validator.account, reason, out);
            }
        }
        for sender in liars {
            if let Some(validator) = snapshot.validator_by_peer_key(sender) {
                let reason = self.conduct.forged(&validator.account, now);
                self.convict(now, snapshot, &validator.account, reason, out);
            }
        }
        self.stats.votes_in_memory = self.detector.len() as u64;
        // As if they had waited: a vote goes to the detector, the rest is refused.
        self.frames(now, no_room, false, out);
    }

    /// Frames that waited for their origins to be authorized in vain.
    pub(super) fn expire_parked(&mut self, now: Millis, out: &mut Vec<Output>) {
        let expired = self.parked.take_expired(now);
        self.frames(now, expired, false, out);
    }

    /// The disk's answer about a vote below the memory.
    pub(super) fn recalled(
        &mut self,
        now: Millis,
        vote: ValidatorVote,
        first: Option<ValidatorVote>,
        out: &mut Vec<Output>,
    ) {
        let Some(snapshot) = self.snapshot.clone() else {
            return;
        };
        let slot = (vote.validator.clone(), vote.vote.vote.checkpoint);
        let waiting = self.recalls.take(&slot);
        if let Some(first) = &first
            && !waiting.iter().any(|of| of.vote == vote.vote)
        {
            self.compare_late(now, &snapshot, &vote.vote, first, out);
        }
        if waiting.is_empty() {
            return;
        }
        if let Some(first) = first
            && (&first.validator, first.vote.vote.checkpoint) == (&slot.0, slot.1)
        {
            self.detector.recalled(first);
        }
        for vote in waiting {
            self.judge(now, &snapshot, &slot.0, vote, out);
        }
        self.stats.votes_in_memory = self.detector.len() as u64;
    }

    /// A vote went on as a first one because the disk could not say that there was one: another.
    fn compare_late(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        vote: &SignedVote,
        first: &ValidatorVote,
        out: &mut Vec<Output>,
    ) {
        let genesis_hash = &snapshot.domain.genesis_hash;
        let ValidatorVote { validator, vote: first } = first;
        if vote == first || !vote.verify(genesis_hash) {
            return;
        }
        if !first.verify(genesis_hash) {
            out.push(Output::Replace(ValidatorVote { validator: validator.clone(), vote: *vote }));
        } else if let Some(proof) = DoubleSignProof::new(*genesis_hash, *first, *vote)
            && !self.evidence.knows(&proof)
        {
            self.own_evidence(now, snapshot, proof, out);
        }
    }

    fn repeat(&mut self, after_eviction: bool) {
        self.stats.loops_prevented += 1;
        self.stats.replays_after_eviction += u64::from(after_eviction);
    }

    fn limited(&mut self, class: Priority) {
        self.stats.rate_limited[class.index()] += 1;
        self.refuse(Refusal::RateLimited);
    }

    /// Checks the signatures, of equal frames once.
    fn verify(&mut self, snapshot: &Snapshot, screened: &[Screened<'_>]) -> Vec<bool> {
        if screened.is_empty() {
            return Vec::new();
        }
        let mut places = HashMap::with_capacity(screened.len());
        let mut frames: Vec<&[u8]> = Vec::with_capacity(screened.len());
        let index: Vec<usize> = screened
            .iter()
            .map(|frame| {
                *places.entry(frame.fingerprint).or_insert_with(|| {
                    frames.push(&frame.received.frame);
                    frames.len() - 1
                })
            })
            .collect();
        self.stats.verify(frames.len());
        let signed = self.crypto.verify_envelopes(&snapshot.domain.genesis_hash, &frames);
        index.into_iter().map(|at| signed.get(at).copied().unwrap_or(false)).collect()
    }

    /// Decides about a frame whose signature is right.
    fn settle(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        frame: &Screened<'_>,
        may_park: bool,
        out: &mut Vec<Output>,
    ) {
        // Again: an equal frame may have come before it in the same batch.
        if self.seen.touch(&frame.fingerprint) {
            return self.repeat(false);
        }
        let place = place(&self.windows, frame);
        let Header { origin, epoch, class, seq, .. } = &frame.header;
        let fate = Fate::of(place, frame);
        let passed_on = self.stats.relayed;
        let sequence = Sequence { origin: *origin, epoch: *epoch, class: *class };
        let is_repair = frame.received.link == Link::Mesh
            && self.is_repair(&frame.received.from, &sequence, *seq);
        let is_withheld = is_repair && self.is_withheld(now, &frame.received.from, &sequence, *seq);
        let passing = Passing::of(frame, is_repair);
        let mut is_settled = true;
        if frame.is_vote() {
            is_settled = self.vote(now, snapshot, frame, (fate, passing), may_park, out);
        } else if fate == Fate::Relay {
            self.pass_on(now, passing, out);
        } else {
            self.drop_frame(fate, *class);
        }
        // What an unauthorized origin says is not marked: it must not suppress the same message
        // after its authorization; nor what exceeds a limit, which may come again by another way; nor a
        // vote that the detector has not seen and may see later.
        if frame.authorized && frame.within_limits && is_settled {
            self.seen.insert(frame.fingerprint);
            if place == Place::Free {
                let taken = self.windows.take(origin, *epoch, *class, *seq, frame.tag);
                self.stats.repaired += u64::from(is_repair);
                self.stats.withheld += u64::from(is_withheld);
                self.stats.given_up += taken.given_up;
                if taken.leaves_hole {
                    let wanted = Wanted { windows: &self.windows, snapshot };
                    self.planner.hole(now, sequence, &wanted);
                }
            }
        }
        if place == Place::Conflict {
            // The second half of a double sign goes to everybody anyway.
            let is_known = self.stats.relayed > passed_on;
            if self.equivocated(now, snapshot, frame, is_known, out) {
                self.recalls.mesh_has(&frame.validator, &frame.received.frame);
            }
        }
    }

    /// Counts why a frame is not passed on.
    fn drop_frame(&mut self, fate: Fate, class: Priority) {
        match fate {
            Fate::Relay => {}
            Fate::Repeat => self.repeat(true),
            Fate::Drop(reason) => self.refuse(reason),
            Fate::Limited => self.limited(class),
            Fate::Mute => self.refuse(Refusal::Unauthorized),
        }
    }

    /// The one door to the detector. `false` if the same vote may get through it later: with a key that
    /// the chain does not have yet, for a checkpoint that is too far ahead yet, without room to wait.
    fn vote(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        frame: &Screened<'_>,
        (fate, passing): (Fate, Passing),
        may_park: bool,
        out: &mut Vec<Output>,
    ) -> bool {
        if frame.header.encoding != Encoding::Identity {
            self.refuse(Refusal::CompressedVote);
            return true;
        }
        let Ok(vote) = SignedVote::decode_all(&mut &*frame.header.payload) else {
            self.refuse(Refusal::MalformedVote);
            return true;
        };
        match snapshot.validator_by_checkpoint_key(&vote.key) {
            Some(owner) if owner.account == frame.validator => {}
            None if may_park && self.park_vote(now, frame) => return false,
            _ => {
                self.refuse(Refusal::ForeignVoteKey);
                return false;
            }
        }
        let waiting = WaitingVote { vote, passing, fate };
        match self.detector.range(&frame.validator, vote.vote.checkpoint) {
            Range::Memory => self.judge(now, snapshot, &frame.validator, waiting, out),
            Range::Disk => return self.recall(&frame.validator, waiting, out),
            Range::Refused(reason) => {
                self.refuse(reason);
                return reason != Refusal::VoteTooFarAhead;
            }
        }
        true
    }

    /// Lets a vote wait whose key nobody has: its origin may have rotated its key at a block that this
    /// director has not seen finalized yet. A few of each origin.
    fn park_vote(&mut self, now: Millis, frame: &Screened<'_>) -> bool {
        if self.parked.count_of(&frame.header.origin) >= MAX_PARKED_VOTES {
            return false;
        }
        let until = now.saturating_add(self.config.park_ms);
        let received = frame.received.clone();
        let is_parked = self.parked.park(until, received, self.config.park_bytes).is_ok();
        self.stats.parked += u64::from(is_parked);
        is_parked
    }

    /// Lets a vote wait for the disk, if there is room.
    fn recall(
        &mut self,
        validator: &AccountId32,
        waiting: WaitingVote,
        out: &mut Vec<Output>,
    ) -> bool {
        let recalls = &mut self.recalls;
        let count = recalls.by_validator.get(validator).copied().unwrap_or_default();
        if recalls.total >= self.config.max_recalls
            || count >= self.config.max_recalls_per_validator
        {
            self.refuse(Refusal::TooManyRecalls);
            return false;
        }
        self.stats.votes_recalled += 1;
        recalls.total += 1;
        recalls.by_validator.insert(validator.clone(), count + 1);
        let vote = waiting.vote;
        let slot = (validator.clone(), vote.vote.checkpoint);
        let others = recalls.slots.entry(slot).or_default();
        others.push(waiting);
        if others.len() == 1 {
            out.push(Output::Recall(ValidatorVote { validator: validator.clone(), vote }));
        }
        true
    }

    /// Shows a vote to the detector and acts on its verdict.
    fn judge(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        validator: &AccountId32,
        waiting: WaitingVote,
        out: &mut Vec<Output>,
    ) {
        let WaitingVote { vote, passing, fate } = waiting;
        self.stats.votes_seen += 1;
        let genesis_hash = &snapshot.domain.genesis_hash;
        let may_relay = |verdict: &Verdict| fate.lets_pass(verdict);
        let (verdict, relay) = self.detector.judge(genesis_hash, validator, &vote, may_relay);
        match &verdict {
            Verdict::First => {
                out.push(Output::Remember(ValidatorVote { validator: validator.clone(), vote }));
            }
            Verdict::Replaces => {
                out.push(Output::Replace(ValidatorVote { validator: validator.clone(), vote }));
            }
            // It stands in an envelope that the validator has signed.
            Verdict::Invalid => {
                self.stats.invalid_votes += 1;
                let reason = self.conduct.forged(validator, now);
                self.convict(now, snapshot, validator, reason, out);
            }
            Verdict::Repeat | Verdict::DoubleSign(_) | Verdict::Third => {}
        }
        match relay {
            Some(Ok(())) => self.pass_on(now, passing, out),
            Some(Err(reason)) => self.refuse(reason),
            None => self.drop_frame(fate, passing.class),
        }
        if let Verdict::DoubleSign(proof) = verdict {
            self.own_evidence(now, snapshot, proof, out);
        }
    }

    fn pass_on(&mut self, now: Millis, passing: Passing, out: &mut Vec<Output>) {
        let Passing { frame, class, origin, from, mesh_has_it } = passing;
        self.log.push(now, frame.clone());
        let mesh = match mesh_has_it {
            // What they miss they see in the vectors, and fetch it.
            true => Arc::new([]),
            false => self.members.mesh().clone(),
        };
        let to = Recipients { mesh, public: self.members.public().clone(), origin, from };
        self.stats.relayed += 1;
        self.stats.deliveries += to.count() as u64;
        out.push(Output::Relay { frame, class, to });
    }
}
