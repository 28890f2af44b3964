//! What is compared, and under which conditions.

use crate::Millis;
use std::fmt;

/// How messages come to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topology {
    /// Everybody is connected to everybody and sends its messages to all.
    Mesh,
    /// Everybody has about six neighbours and passes on to them what is new.
    Gossip,
    /// Everybody is connected to one of five directors.
    Directors,
}

impl Topology {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mesh, Self::Gossip, Self::Directors];
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mesh => "full mesh",
            Self::Gossip => "gossip, 6 neighbours",
            Self::Directors => "5 directors",
        })
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Nothing.
    Calm,
    /// One transmission in twenty is lost and sent again after a timeout.
    Loss,
    /// A third of the validators leaves within ten seconds, and as many others come.
    Churn,
}

impl Condition {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Calm, Self::Loss, Self::Churn];

    /// Of 10,000 transmissions so many are lost.
    pub fn lost_of_10_000(self) -> u32 {
        match self {
            Self::Loss => 500,
            Self::Calm | Self::Churn => 0,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Calm => "none",
            Self::Loss => "5 % loss",
            Self::Churn => "churn of a third",
        })
    }
}

/// Validators of the cases.
pub(super) const SIZES: [usize; 3] = [21, 100, 1_000];

/// Directors of [`Topology::Directors`].
pub(super) const DIRECTORS: usize = 5;

/// Neighbours of [`Topology::Gossip`].
pub(super) const FANOUT: usize = 6;

/// Bytes of a vote in its signed envelope.
pub(super) const VOTE_LEN: usize = 350;

/// Bytes that go with each message: 5 of the slice's header, 12 of Yamux, 18 of Noise, 40 of TCP and IP.
pub(super) const FRAMING_LEN: usize = 75;

/// From one end of a link to the other, in milliseconds: half of 50.
pub(super) const ONE_WAY_MS: Millis = 25;

/// Most that is added to it for one message.
pub(super) const JITTER_MS: Millis = 2;

/// When something lost is sent again, in milliseconds: the least timeout of a retransmission that Linux has.
pub(super) const TIMEOUT_MS: Millis = 200;

/// What each node can send, in bytes a millisecond: 1 Gbit/s.
pub(super) const BYTES_PER_MS: u64 = 125_000;

/// Votes are published within so many milliseconds.
pub(super) const PUBLISH_MS: Millis = 10_000;

/// One case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// How messages come to all.
    pub topology: Topology,
    /// Validators at any moment.
    pub validators: usize,
    /// What goes wrong.
    pub condition: Condition,
}

impl Case {
    /// All cases.
    pub fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for validators in SIZES {
            for condition in Condition::ALL {
                for topology in Topology::ALL {
                    cases.push(Self { topology, validators, condition });
                }
            }
        }
        cases
    }

    /// Validators that leave, and as many that come.
    pub fn leaving(&self) -> usize {
        match self.condition {
            Condition::Churn => self.validators / 3,
            Condition::Calm | Condition::Loss => 0,
        }
    }

    /// Validators that ever take part.
    pub fn nodes(&self) -> usize {
        self.validators + self.leaving()
    }

    /// Votes of each validator: as many as make two hundred in all.
    pub fn votes_each(&self) -> usize {
        200_usize.div_ceil(self.validators)
    }
}
