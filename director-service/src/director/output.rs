//! Everything that the core asks for.

use super::{
    input::{Frame, Link, ValidatorVote},
    revocation::RevokeOutcome,
};
use director_primitives::{
    AccountId32, Application, CheckpointNumber, Control, DoubleSignProof, Priority, PublicKey,
    SignedDirectorVote,
};
use std::sync::Arc;

/// Who gets a relayed frame: everybody on two shared lists but at most two.
///
/// The lists change only when somebody comes or goes, so that a message with a hundred recipients
/// costs two reference counts and no copy.
#[derive(Clone, Debug)]
pub struct Recipients {
    pub(super) mesh: Arc<[PublicKey]>,
    pub(super) public: Arc<[PublicKey]>,
    pub(super) origin: PublicKey,
    pub(super) from: PublicKey,
}

impl Recipients {
    /// All recipients: peer directors first, then validators, each in ascending order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (Link, &PublicKey)> {
        let mesh = self.mesh.iter().map(|key| (Link::Mesh, key));
        let public = self.public.iter().map(|key| (Link::Public, key));
        mesh.chain(public).filter(|(_, key)| **key != self.origin && **key != self.from)
    }

    /// Connected directors and connected validators, those that are excepted included: lists that
    /// messages of one batch share, so that they can be looked up once for all of them.
    pub fn lists(&self) -> [(Link, &Arc<[PublicKey]>); 2] {
        [(Link::Mesh, &self.mesh), (Link::Public, &self.public)]
    }

    /// Who is on the lists and gets nothing: the origin, and whoever handed the message over.
    pub fn except(&self) -> [PublicKey; 2] {
        [self.origin, self.from]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        let excepted = |list: &[PublicKey], key| usize::from(list.binary_search(key).is_ok());
        let of = |list: &[PublicKey]| {
            let from = if self.from == self.origin { 0 } else { excepted(list, &self.from) };
            list.len() - excepted(list, &self.origin) - from
        };
        of(&self.mesh) + of(&self.public)
    }
}

/// Why a connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The peer is no active director (any more).
    NotADirector,
    /// The peer is neither an authorized validator nor a candidate (any more).
    NotAllowed,
    /// This node itself is no active director (any more): nobody is to rely on it.
    NoDirectorOurselves,
    /// Enough directors revoked the validator, whatever the chain says yet.
    Revoked,
    /// This director alone revoked the validator, and serves it no more.
    Unwanted,
    /// This director has as many validators as it has room for.
    Full,
}

/// Something is to be done. In order: what comes first is to be done first.
#[derive(Clone, Debug)]
pub enum Output {
    /// Pass a frame on to each recipient; whoever is slow or gone must not hold up the others.
    Relay {
        /// The frame, as it arrived.
        frame: Frame,
        /// Urgency.
        class: Priority,
        /// To whom.
        to: Recipients,
    },
    /// Send frames out of the log to a peer that missed them.
    Replay {
        /// To whom.
        to: PublicKey,
        /// On which network.
        link: Link,
        /// The frames with their classes, in the order in which they are to go.
        frames: Vec<(Priority, Frame)>,
    },
    /// Send a control message to several peers; whoever is slow or gone must not hold up the others.
    SendAll {
        /// To whom, in ascending order.
        to: Arc<[PublicKey]>,
        /// On which network.
        link: Link,
        /// What.
        message: Control,
    },
    /// Send a control message.
    Send {
        /// To whom.
        to: PublicKey,
        /// On which network.
        link: Link,
        /// What.
        message: Control,
    },
    /// Close a connection.
    Disconnect {
        /// Whose.
        peer: PublicKey,
        /// On which network.
        link: Link,
        /// Why.
        reason: DisconnectReason,
    },
    /// From now on these and nobody else may connect. Both in ascending order.
    Allow {
        /// Active directors but this one.
        mesh: Vec<PublicKey>,
        /// Authorized validators and registered candidates.
        public: Vec<PublicKey>,
    },
    /// Put the first vote of a validator at a checkpoint on disk. If one is there, that one stays.
    Remember(ValidatorVote),
    /// Put a vote on disk in the place of the one that is there for that validator and checkpoint:
    /// that one turned out to be wrongly signed.
    Replace(ValidatorVote),
    /// Look up the first vote on disk for that validator and checkpoint, after every
    /// [`Output::Remember`] and [`Output::Replace`] before this, and answer with [`super::Input::Recalled`].
    Recall(ValidatorVote),
    /// Votes for checkpoints below this are not asked for again.
    Forget {
        /// First checkpoint to keep.
        below: CheckpointNumber,
    },
    /// A double sign is proven, checked against the finalized chain. Each proof comes once.
    Proven(DoubleSignProof),
    /// Check a candidate's stake proof against the header of the block that its request names, which
    /// must be finalized; answer with [`super::Input::StakeChecked`]. At most one at a time for each
    /// registered validator.
    CheckStake(Box<Application>),
    /// The answer to [`super::Input::Revoke`].
    Revoked {
        /// The validator's account.
        validator: AccountId32,
        /// What became of it.
        outcome: RevokeOutcome,
    },
    /// The answer to [`super::Input::Drain`], once, when it is over: this director can stop.
    Drained {
        /// Validators that are still here.
        left: u32,
    },
    /// Enough directors approve, or revoke: submit their votes to the chain.
    SubmitVotes {
        /// The validator.
        validator: AccountId32,
        /// The votes, in ascending order of directors.
        votes: Vec<SignedDirectorVote<AccountId32>>,
    },
}
