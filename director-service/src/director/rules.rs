//! Says what is to become of a frame before its signature is looked at.

use super::{
    Link, Received,
    header::Header,
    seen::{Fingerprint, Seen},
    stats::Refusal,
    window::{Place, Tag, Windows},
};
use director_primitives::{
    AccountId32, PayloadKind, Snapshot, envelope::fingerprint, runtime_api::ValidatorStatus,
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
    /// Drop it.
    Refuse(Refusal),
}

/// Considers a frame; cheap, changes nothing but the order of the seen-cache.
///
/// Votes get past every rule about the origin's right to speak and its sequence: the detector sees
/// them first.
pub(super) fn consider<'a>(
    snapshot: &Snapshot,
    seen: &mut Seen,
    windows: &Windows,
    received: &'a Received,
    may_park: bool,
) -> Consider<'a> {
    if received.link == Link::Mesh && snapshot.director_by_peer_key(&received.from).is_none() {
        return Consider::Refuse(Refusal::NotADirector);
    }
    let fingerprint = fingerprint(&received.frame);
    if seen.touch(&fingerprint) {
        return Consider::Repeat(false);
    }
    let Ok(header) = Header::read(&received.frame) else {
        return Consider::Refuse(Refusal::Malformed);
    };
    if received.link == Link::Public && received.from != header.origin {
        return Consider::Refuse(Refusal::ForeignOrigin);
    }
    let may_park = may_park && received.link == Link::Mesh;
    let Some(validator) = snapshot.validator_by_peer_key(&header.origin) else {
        return if may_park { Consider::Park } else { Consider::Refuse(Refusal::UnknownOrigin) };
    };
    if validator.status == ValidatorStatus::Candidate && may_park {
        return Consider::Park;
    }
    let screened = Screened {
        received,
        fingerprint,
        tag: Tag::of(header.body),
        validator: validator.account.clone(),
        authorized: validator.status == ValidatorStatus::Authorized,
        header,
    };
    if screened.is_vote() {
        return Consider::Verify(screened);
    }
    if !screened.authorized {
        return Consider::Refuse(Refusal::Unauthorized);
    }
    match place(windows, &screened) {
        Place::Free | Place::Conflict => Consider::Verify(screened),
        Place::Repeat | Place::Passed => Consider::Repeat(true),
        Place::OldEpoch => Consider::Refuse(Refusal::OldEpoch),
        Place::EpochTooFar => Consider::Refuse(Refusal::EpochTooFar),
    }
}

/// What is known about the frame's place in its origin's sequence.
pub(super) fn place(windows: &Windows, screened: &Screened<'_>) -> Place {
    let Header { origin, epoch, class, seq, .. } = &screened.header;
    windows.place(origin, *epoch, *class, *seq, screened.tag)
}
