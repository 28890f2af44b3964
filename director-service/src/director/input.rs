//! Everything that the core hears.

use director_primitives::{
    AccountId32, Control, ProvenStake, PublicKey, SignedAuthorizationRequest, SignedVote, Snapshot,
    StakeRefusal,
};
use std::sync::Arc;

/// The encoding of a signed envelope, exactly as it arrived; shared, never copied.
pub type Frame = Arc<[u8]>;

/// Milliseconds of a clock that only goes forward, given by the caller.
pub type Millis = u64;

/// Which of a director's two networks a connection belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// The private network of the directors.
    Mesh,
    /// Where validators connect.
    Public,
}

/// A frame and how it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Who handed it over; not necessarily its origin.
    pub from: PublicKey,
    /// On which network.
    pub link: Link,
    /// The encoded signed envelope.
    pub frame: Frame,
}

/// A checkpoint vote and whose it is.
///
/// Votes are kept by account, not by key: a validator that rotates its key between two votes is
/// still one validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorVote {
    /// Account of the validator.
    pub validator: AccountId32,
    /// What it signed.
    pub vote: SignedVote,
}

/// Something happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The chain finalized a block; this is what it says.
    Finalized(Arc<Snapshot>),
    /// A connection stands, the peer's key is proven.
    Up {
        /// Who.
        peer: PublicKey,
        /// On which network.
        link: Link,
    },
    /// A connection is gone.
    Down {
        /// Who.
        peer: PublicKey,
        /// On which network.
        link: Link,
    },
    /// Frames arrived: whatever was waiting, so that their signatures are checked together.
    Frames(Vec<Received>),
    /// A control message arrived.
    Control {
        /// From whom.
        from: PublicKey,
        /// On which network.
        link: Link,
        /// What it says.
        message: Control,
    },
    /// The answer to [`super::Output::Recall`]; or, about a vote for which the answer was `None` because the
    /// disk could not say, the first vote that was there after all.
    Recalled {
        /// The vote that was asked about.
        vote: ValidatorVote,
        /// The first vote of that validator at that checkpoint on disk, if there is one.
        first: Option<ValidatorVote>,
    },
    /// The answer to [`super::Output::CheckStake`].
    StakeChecked {
        /// The request that it was about.
        request: SignedAuthorizationRequest<AccountId32>,
        /// What is proven, or why nothing is.
        result: Result<ProvenStake, StakeRefusal>,
    },
    /// The operator wants a validator out: sign a revocation.
    Revoke {
        /// The validator's account.
        validator: AccountId32,
    },
    /// The operator wants this director to stop: hand the validators over to others.
    Drain,
    /// Time went by; at least every 50 ms.
    Tick,
}
