//! Keeps what is known of several nodes of one chain, and decides which of them to use.
//!
//! * upon a connection that breaks: the next one that answers, in the order of the configuration, the ones with
//!   which something is wrong later, the broken one last;
//! * upon looks at the others: one that is [`MAX_LAG`] blocks ahead in [`CONFIRMING_LOOKS`] looks in a row,
//!   or ahead at all while the one in use has finalized nothing for [`STILL_LOOKS`]. How far a node can be ahead,
//!   [`super::horizon`] says; one that answers and cannot be opened has not been looked at;
//! * upon [`RETURN_LOOKS`] looks in a row in which one that is wanted more was level: that one. A machine of
//!   the operator's own is named first, and used again when it is back.

use super::config::without_secrets;

/// Blocks by which another node may be ahead for long.
const MAX_LAG: u64 = 5;

/// Looks in a row that it takes to leave a node that lags.
const CONFIRMING_LOOKS: u32 = 2;

/// Looks in a row without a new block before any node that is ahead is better.
const STILL_LOOKS: u32 = 3;

/// Looks in a row that it takes to go back to a node that is wanted more.
const RETURN_LOOKS: u32 = 6;

/// What is known of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Protocol, host and port.
    pub name: String,
    /// Whether it is in use.
    pub in_use: bool,
    /// The newest finalized block that it is known to have.
    pub finalized: Option<u64>,
    /// Why it cannot be used, or is not as far as it should be.
    pub trouble: Option<String>,
}

/// What is known of all nodes, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// The nodes.
    pub all: Vec<Endpoint>,
    /// How often another one was taken than before.
    pub changes: u64,
    last: Option<usize>,
}

impl Endpoints {
    pub(super) fn new(urls: &[String]) -> Self {
        let endpoint =
            |url: &String| Endpoint { name: without_secrets(url), ..Endpoint::default() };
        Self { all: urls.iter().map(endpoint).collect(), changes: 0, last: None }
    }

    /// The one that is in use, or was in use last.
    pub fn last(&self) -> Option<usize> {
        self.last
    }

    /// In which order to try them.
    pub(super) fn order(&self) -> Vec<usize> {
        let (mut order, last): (Vec<_>, Vec<_>) =
            (0..self.all.len()).partition(|index| Some(*index) != self.last);
        if self.all.iter().all(|endpoint| endpoint.trouble.is_none()) {
            // Nothing is known against any: as the operator wants it.
            return (0..self.all.len()).collect();
        }
        order.sort_by_key(|index| self.all[*index].trouble.is_some());
        order.extend(last);
        order
    }

    pub(super) fn taken(&mut self, index: usize) {
        if self.last.is_some_and(|last| last != index) {
            self.changes += 1;
        }
        self.last = Some(index);
        for (at, endpoint) in self.all.iter_mut().enumerate() {
            endpoint.in_use = at == index;
        }
        self.all[index].trouble = None;
    }

    /// Notes what is wrong with a node; whether that is news.
    pub(super) fn failed(&mut self, index: usize, trouble: String) -> bool {
        let endpoint = &mut self.all[index];
        endpoint.in_use = false;
        endpoint.trouble.replace(trouble) != endpoint.trouble
    }

    /// A node in use is not believed, or is again.
    pub(super) fn doubted(&mut self, index: usize, trouble: Option<String>) {
        self.all[index].trouble = trouble;
    }

    pub(super) fn heard(&mut self, index: usize, finalized: u64) {
        self.all[index].finalized = Some(finalized);
    }
}

/// Compares the node in use with the others, look by look.
pub(super) struct Comparison {
    used: usize,
    /// What it had finalized at the last look, and looks in a row in which that was the same.
    own: u64,
    still: u32,
    /// Looks in a row in which a node was far ahead, and in which it was level.
    ahead: Vec<u32>,
    level: Vec<u32>,
}

impl Comparison {
    pub(super) fn new(used: usize, count: usize, own: u64) -> Self {
        Self { used, own, still: 0, ahead: vec![0; count], level: vec![0; count] }
    }

    /// Whether the node in use had finalized nothing new at some looks.
    pub(super) fn stands_still(&self) -> bool {
        self.still >= STILL_LOOKS
    }

    /// Takes note of a look: what the node in use and the others have finalized, as far as they can be
    /// used. Says which one to change to, if any, and why. If that fails, it is to be left out and asked about
    /// again ([`Self::choose`]).
    pub(super) fn see(&mut self, own: u64, all: &[Option<u64>]) -> Option<(usize, String)> {
        self.still = if own == self.own { self.still + 1 } else { 0 };
        self.own = own;
        for (index, finalized) in all.iter().enumerate() {
            let count =
                |counter: &mut u32, counts: bool| *counter = if counts { *counter + 1 } else { 0 };
            let far_ahead = finalized.is_some_and(|of| of >= own.saturating_add(MAX_LAG));
            count(&mut self.ahead[index], far_ahead);
            count(&mut self.level[index], finalized.is_some_and(|of| of.saturating_add(1) >= own));
        }
        self.choose(all)
    }

    /// Which of these nodes is better, as far as is known of all of them: as many were seen before.
    pub(super) fn choose(&self, all: &[Option<u64>]) -> Option<(usize, String)> {
        let own = self.own;
        let others = all.iter().enumerate().filter(|(index, _)| *index != self.used);
        let mut others = others.filter_map(|(index, finalized)| Some((index, (*finalized)?)));
        let better = others.clone().find(|(index, finalized)| {
            self.ahead[*index] >= CONFIRMING_LOOKS || self.still >= STILL_LOOKS && *finalized > own
        });
        if let Some((index, finalized)) = better {
            return Some((index, format!("it has finalized block {own}, another one {finalized}")));
        }
        let (back, _) =
            others.find(|(index, _)| *index < self.used && self.level[*index] >= RETURN_LOOKS)?;
        Some((back, "one that is wanted more is there again".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each look led to, until the first change; the node in use is the second of three.
    fn looks(all: &[(u64, [Option<u64>; 2])]) -> Option<(usize, usize)> {
        let mut comparison = Comparison::new(1, 3, 0);
        all.iter().enumerate().find_map(|(look, (own, [first, third]))| {
            let change = comparison.see(*own, &[*first, Some(*own), *third])?;
            Some((look + 1, change.0))
        })
    }

    #[test]
    fn a_node_that_lags_is_left_at_the_second_look() {
        assert_eq!(looks(&[(10, [None, Some(15)]), (12, [None, Some(17)])]), Some((2, 2)));
        // Once only, or by less: finality does not come to all in one moment.
        let moves = [(10, [None, Some(15)]), (16, [None, Some(20)]), (17, [None, Some(22)])];
        assert_eq!(looks(&moves), None);
    }

    #[test]
    fn a_node_that_cannot_be_opened_hides_none_behind_it() {
        let mut comparison = Comparison::new(1, 3, 0);
        let all = [Some(30), Some(10), Some(20)];
        assert_eq!(comparison.see(10, &all), None);
        assert_eq!(comparison.see(10, &all).map(|(index, _)| index), Some(0));
        assert_eq!(comparison.choose(&[None, all[1], all[2]]).map(|(index, _)| index), Some(2));
        assert_eq!(comparison.choose(&[None, all[1], None]), None);
    }

    #[test]
    fn a_node_that_stands_still_is_left_for_any_that_does_not() {
        let still = |other| [(10, [None, other]); 5];
        assert_eq!(looks(&still(Some(11))), Some((4, 2)));
        // The chain itself stands still, or nobody else answers.
        assert_eq!(looks(&still(Some(10))), None);
        assert_eq!(looks(&still(None)), None);
    }

    #[test]
    fn a_node_that_is_wanted_more_is_taken_again_when_it_has_kept_up() {
        let level: Vec<_> = (10..30).map(|own| (own, [Some(own - 1), Some(own)])).collect();
        assert_eq!(looks(&level), Some((6, 0)));
        let mut gap = level.clone();
        gap[4].1[0] = None;
        assert_eq!(looks(&gap), Some((11, 0)));
        let behind: Vec<_> = (10..30).map(|own| (own, [Some(own - 2), Some(own)])).collect();
        assert_eq!(looks(&behind), None);
    }

    #[test]
    fn the_broken_one_is_tried_last() {
        let urls = ["ws://a:1", "wss://user:secret@b/key?x", "ws://c"].map(String::from);
        let mut endpoints = Endpoints::new(&urls);
        assert_eq!(endpoints.all[1].name, "wss://b");
        assert_eq!(endpoints.order(), [0, 1, 2]);
        endpoints.taken(0);
        assert!(endpoints.failed(0, "gone".into()) && !endpoints.failed(0, "gone".into()));
        assert_eq!(endpoints.order(), [1, 2, 0]);
        endpoints.taken(1);
        assert_eq!((endpoints.changes, endpoints.last()), (1, Some(1)));
        assert!(endpoints.all[1].in_use && !endpoints.all[0].in_use);
        // What is not believed comes after what is well.
        endpoints.failed(0, "says too much".into());
        endpoints.failed(1, "gone".into());
        assert_eq!(endpoints.order(), [2, 0, 1]);
    }
}
