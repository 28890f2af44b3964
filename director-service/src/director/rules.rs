//! Says what is to become of a frame before its signature is looked at.

use super::{
    Link, Millis, Received,
    header::Header,
    rates::{Sender, Senders},
    revocation::Outlaws,
    seen::{Fingerprint, Seen},
    stats::Refusal,
    window::{Place, Tag, Windows},
};
use codec::MaxEncodedLen;
use director_primitives::{
    AccountId32, PayloadKind, Priority, SignedVote, Snapshot, envelope::fingerprint,
    runtime_api::ValidatorStatus,
};

/// A frame that is worth a look at its signature.
#[derive(Debug)]
pub(super) struct Screened<'a> {
    pub(super) received: &'a Received,
    pub(super) fingerprint: Fingerprint,
    pub(super) header: Header<'a>,
    pub(super) tag: Tag,
    /// The origin's account.
    pub(super) validator: AccountId32,
    /// Whether the origin may speak; if not, only the detector listens.
    pub(super) authorized: bool,
    /// Whether its sender may send it; if not, only the detector listens.
    pub(super) within_limits: bool,
}

impl Screened<'_> {
    /// Whether the detector has to see it.
    pub(super) fn is_vote(&self) -> bool {
        self.header.kind == PayloadKind::CheckpointVote
    }
}

/// What is to become of a frame.
#[derive(Debug)]
pub(super) enum Consider<'a> {
    /// Check its signature.
    Verify(Screened<'a>),
    /// It was here already. `true` if only the sequence window still knew.
    Repeat(bool),
    /// A peer director passed it on, so the origin may be authorized at a block that this director
    /// has not seen finalized yet: look at it again then.
    Park,
    /// Its sender has sent too much of this class.
    Limited {
        /// The class.
        class: Priority,
        /// Whether it is a vote, which the detector does not see now.
        unseen_vote: bool,
    },
    /// Drop it.
    Refuse(Refusal),
}

/// What it takes to consider frames.
pub(super) struct Rules<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) seen: &'a mut Seen,
    pub(super) windows: &'a Windows,
    pub(super) senders: &'a mut Senders,
    pub(super) outlaws: &'a Outlaws,
    /// How long what a revoked validator said before is passed on.
    pub(super) grace_ms: u64,
    pub(super) now: Millis,
    /// Whether frames of peers may wait for their origin's authorization.
    pub(super) may_park: bool,
}

impl Rules<'_> {
    /// Considers a frame; cheap, changes nothing but the order of the seen-cache and what the sender
    /// may still send.
    ///
    /// Votes get past every rule about the origin's right to speak and its sequence: the detector sees
    /// them first. How far they get past the sender's limits, [`super::rates`] says.
    pub(super) fn consider<'f>(&mut self, received: &'f Received) -> Consider<'f> {
        let Received { from, link, frame } = received;
        let Self { snapshot, now, .. } = *self;
        if *link == Link::Mesh && snapshot.director_by_peer_key(from).is_none() {
            return Consider::Refuse(Refusal::NotADirector);
        }
        let Ok(header) = Header::read(frame) else {
            return Consider::Refuse(Refusal::Malformed);
        };
        if *link == Link::Public && *from != header.origin {
            return Consider::Refuse(Refusal::ForeignOrigin);
        }
        let validator = snapshot.validator_by_peer_key(&header.origin);
        let class = header.class;
        // Over the public link, the origin is the sender.
        let mut sender = match (link, validator) {
            (Link::Public, Some(validator)) => Some(self.senders.of(&validator.account)),
            (Link::Public, None) => return Consider::Refuse(Refusal::UnknownOrigin),
            (Link::Mesh, _) => None,
        };
        let mut within_limits = true;
        if let Some(sender) = &mut sender
            && !sender.take_bytes(class, frame.len(), now)
        {
            within_limits = false;
            if let Some(limited) = beyond_limits(sender, &header, now) {
                return limited;
            }
        }
        let fingerprint = fingerprint(frame);
        if self.seen.touch(&fingerprint) {
            return Consider::Repeat(false);
        }
        let may_park = self.may_park && *link == Link::Mesh;
        let Some(validator) = validator else {
            return if may_park {
                Consider::Park
            } else {
                Consider::Refuse(Refusal::UnknownOrigin)
            };
        };
        if validator.status == ValidatorStatus::Candidate && may_park {
            return Consider::Park;
        }
        // What others pass on was on its way. What it says itself, it says now.
        let grace_ms = if *link == Link::Mesh { self.grace_ms } else { 0 };
        let mut screened = Screened {
            received,
            fingerprint,
            tag: Tag::of(header.body),
            validator: validator.account.clone(),
            authorized: validator.status == ValidatorStatus::Authorized
                && !self.outlaws.is_silenced(&validator.account, now, grace_ms),
            within_limits,
            header,
        };
        if !screened.is_vote()
            && let Some(objection) = objection(self.windows, &screened)
        {
            return objection;
        }
        if let Some(sender) = sender.filter(|_| within_limits)
            && !sender.take_message(class, now)
        {
            screened.within_limits = false;
            if let Some(limited) = beyond_limits(sender, &screened.header, now) {
                return limited;
            }
        }
        Consider::Verify(screened)
    }
}

/// What the rules about an origin's right to speak and its sequence have against a frame.
fn objection<'a>(windows: &Windows, screened: &Screened<'_>) -> Option<Consider<'a>> {
    if !screened.authorized {
        return Some(Consider::Refuse(Refusal::Unauthorized));
    }
    match place(windows, screened) {
        Place::Free | Place::Conflict => None,
        Place::Repeat | Place::Passed => Some(Consider::Repeat(true)),
        Place::OldEpoch => Some(Consider::Refuse(Refusal::OldEpoch)),
        Place::EpochTooFar => Some(Consider::Refuse(Refusal::EpochTooFar)),
    }
}

/// What becomes of a frame beyond its sender's limits; `None` for a vote that the detector sees.
fn beyond_limits<'a>(
    sender: &mut Sender,
    header: &Header<'_>,
    now: Millis,
) -> Option<Consider<'a>> {
    // What is not as long as a vote is none, whatever it calls itself.
    let is_vote = header.kind == PayloadKind::CheckpointVote
        && header.payload.len() == SignedVote::max_encoded_len();
    if is_vote && sender.take_vote(now) {
        return None;
    }
    Some(Consider::Limited { class: header.class, unseen_vote: is_vote })
}

/// What is known about the frame's place in its origin's sequence.
pub(super) fn place(windows: &Windows, screened: &Screened<'_>) -> Place {
    let Header { origin, epoch, class, seq, .. } = &screened.header;
    windows.place(origin, *epoch, *class, *seq, screened.tag)
}
