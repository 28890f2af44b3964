//! What came of it.

use super::{Beside, Kill};
use director_primitives::{AccountId32, H256};
use std::{fmt, time::Duration};

/// What came of one run.
#[derive(Clone, Debug)]
pub struct Run {
    /// When the director was to be killed.
    pub kill: Kill,
    /// What else was to be killed then.
    pub beside: Beside,
    /// Whether it was: it may not get to a failpoint so often.
    pub struck: bool,
    /// Who was.
    pub victim: String,
    /// Who reported the offence.
    pub reporter: String,
    /// Extrinsics that reported it, successful or not.
    pub extrinsics: u32,
    pub(super) account: AccountId32,
    pub(super) proof: H256,
}

/// What came of all of them.
#[derive(Clone, Debug)]
pub struct Summary {
    /// In order.
    pub runs: Vec<Run>,
    /// How long they took, without bringing up the network.
    pub took: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count =
            |holds: &dyn Fn(&Run) -> bool| self.runs.iter().filter(|run| holds(run)).count();
        let at_failpoints = count(&|run| run.struck && matches!(run.kill, Kill::At(..)));
        write!(
            f,
            "{} runs in {:.0} s: each offender slashed once; {} directors killed, {at_failpoints} at a failpoint \
             and {} at a random time, {} of them with a second one and {} with the node; {} reported by the one that was killed; one extrinsic in {} runs, two in {}",
            self.runs.len(),
            self.took.as_secs_f64(),
            count(&|run| run.struck),
            count(&|run| matches!(run.kill, Kill::After(_))),
            count(&|run| run.struck && run.beside == Beside::Second),
            count(&|run| run.struck && run.beside == Beside::Node),
            count(&|run| run.struck && run.reporter == run.victim),
            count(&|run| run.extrinsics == 1),
            count(&|run| run.extrinsics == 2),
        )
    }
}
