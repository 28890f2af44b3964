//! What is killed, and when.

use director_service::failpoint::Failpoint;
use std::{fmt, time::Duration};

/// Of so many runs in a row one kills the second director in turn as well, and one the node.
const BESIDE_IN_A_ROW: usize = 6;

/// When a director is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// When it passes a failpoint for the n-th time.
    At(Failpoint, u32),
    /// So long after the second vote.
    After(Duration),
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at, 1) => write!(f, "at {}", at.name()),
            Self::At(at, passing) => write!(f, "at {} (passing {passing})", at.name()),
            Self::After(delay) => write!(f, "after {} ms", delay.as_millis()),
        }
    }
}

/// What is killed in the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// The director whose turn comes next.
    Second,
    /// The node.
    Node,
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "",
            Self::Second => ", and the second in turn",
            Self::Node => ", and the node",
        })
    }
}

impl Beside {
    /// That of the so manieth run.
    pub(super) const fn of_run(number: usize) -> Self {
        match number % BESIDE_IN_A_ROW {
            2 => Self::Second,
            5 => Self::Node,
            _ => Self::Nothing,
        }
    }
}
