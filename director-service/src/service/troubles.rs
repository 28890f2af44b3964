//! Remembers for a while what was wrong with nodes that are not in use.
//!
//! A node that answers may still be one that cannot be changed to, which is tried once in a while: its trouble would
//! come and go with each try, and an alarm with it.

use crate::chain::Endpoint;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How long: until it must have been tried once more, which it is after six looks of ten seconds at the latest.
const KEPT: Duration = Duration::from_secs(90);

/// What was wrong with each node, by its place in the configuration, and when that was seen last.
#[derive(Debug, Default)]
pub(super) struct Troubles(HashMap<usize, (String, Instant)>);

impl Troubles {
    /// What is wrong with each node now, or was until a moment ago. One that is in use is well.
    pub(super) fn see(&mut self, endpoints: &[Endpoint], now: Instant) -> Vec<(usize, String)> {
        for (index, of) in endpoints.iter().enumerate() {
            if let Some(trouble) = &of.trouble {
                self.0.insert(index, (trouble.clone(), now));
            } else if of.in_use {
                self.0.remove(&index);
            }
        }
        self.0.retain(|_, (_, seen)| now.saturating_duration_since(*seen) < KEPT);
        let mut known: Vec<_> =
            self.0.iter().map(|(index, (trouble, _))| (*index, trouble.clone())).collect();
        known.sort_unstable();
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(second: Option<&str>, second_is_used: bool) -> [Endpoint; 2] {
        let node = |in_use, trouble: Option<&str>| Endpoint {
            in_use,
            trouble: trouble.map(String::from),
            ..Endpoint::default()
        };
        [node(!second_is_used, None), node(second_is_used, second)]
    }

    #[test]
    fn trouble_that_comes_and_goes_is_there_all_the_time() {
        let (mut troubles, start) = (Troubles::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let known = vec![(1, "another interface".to_string())];
        // A try every minute, each look in between says that it answers.
        for second in 0..300 {
            let trouble = (second % 60 == 0).then_some("another interface");
            assert_eq!(troubles.see(&nodes(trouble, false), at(second)), known, "after {second} s");
        }
        assert_eq!(troubles.see(&nodes(None, false), at(240 + 89)), known);
        assert_eq!(troubles.see(&nodes(None, false), at(240 + 90)), vec![]);
    }

    #[test]
    fn a_node_that_is_used_again_is_well_at_once() {
        let (mut troubles, now) = (Troubles::default(), Instant::now());
        assert_eq!(troubles.see(&nodes(Some("away"), false), now).len(), 1);
        assert_eq!(troubles.see(&nodes(None, true), now), vec![]);
        assert_eq!(troubles.see(&nodes(None, false), now), vec![]);
    }
}
