//! What was measured in one case.

use super::{Case, net::Net};
use crate::Millis;

/// Median and worst over all messages, in milliseconds; `None` if some never came so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Median.
    pub median_ms: Option<Millis>,
    /// Worst.
    pub worst_ms: Option<Millis>,
}

impl Spread {
    fn of(mut times: Vec<Millis>) -> Self {
        times.sort_unstable();
        let came = |at: usize| times.get(at).copied().filter(|ms| *ms != Millis::MAX);
        Self { median_ms: came(times.len() / 2), worst_ms: came(times.len().saturating_sub(1)) }
    }
}

/// One case's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The case.
    pub case: Case,
    /// Connections at the start.
    pub connections: usize,
    /// Votes that were published.
    pub published: usize,
    /// Messages on the wire for each vote, those that were sent again included.
    pub messages_per_vote: f64,
    /// Bytes on the wire for each vote.
    pub bytes_per_vote: f64,
    /// Bytes a second of what is no vote.
    pub control_bytes_per_s: f64,
    /// Time until 99 % of those who should have a vote have it.
    pub until_99: Spread,
    /// Time until all of them have it.
    pub until_all: Spread,
    /// Deliveries that never came, and of how many.
    pub missing: (usize, usize),
}

impl Row {
    pub(super) fn of(net: &Net, connections: usize) -> Self {
        let (mut until_99, mut until_all) = (Vec::new(), Vec::new());
        let mut missing = (0, 0);
        for message in net.published() {
            let had = message.had_at.iter().enumerate().filter(|(id, _)| net.expects(*id, message));
            let mut took: Vec<_> = had
                .map(|(_, at)| match *at {
                    Millis::MAX => Millis::MAX,
                    at => at - message.at,
                })
                .collect();
            took.sort_unstable();
            let Some(last) = took.last() else { continue };
            let nearly = (took.len() * 99).div_ceil(100).max(1);
            until_99.push(took[nearly - 1]);
            until_all.push(*last);
            missing.0 += took.iter().filter(|ms| **ms == Millis::MAX).count();
            missing.1 += took.len();
        }
        let published = net.published().len();
        let each = |count: u64| count as f64 / published.max(1) as f64;
        Self {
            case: net.case,
            connections,
            published,
            messages_per_vote: each(net.messages),
            bytes_per_vote: each(net.bytes),
            control_bytes_per_s: net.control_bytes as f64 / (net.now.max(1) as f64 / 1_000.0),
            until_99: Spread::of(until_99),
            until_all: Spread::of(until_all),
            missing,
        }
    }
}
