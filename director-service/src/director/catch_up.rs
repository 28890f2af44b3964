//! Says when a director that has started has what the others have.
//!
//! It is ready, and stays so, once
//!
//! * more directors than may lie have told all of their vector, and nothing that they claim is missing here but
//!   what they say is gone. After `alone_ms` one is enough: others may be away; or
//! * the chain has no other active director; or
//! * none has been connected for `alone_ms`; or
//! * `catch_up_ms` have passed: what others claim must not keep it from serving for ever.
//!
//! All of it counts from when the chain has this director as active: before that, others do not speak with it.

use super::{Crypto, Director, Millis, repair::Wanted};
use director_primitives::{PublicKey, threshold::tolerated_liars};

/// How far it is.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    is_ready: bool,
    since: Option<Millis>,
    alone_since: Option<Millis>,
}

impl<C: Crypto> Director<C> {
    /// Whether it has caught up with the other directors.
    pub fn is_ready(&self) -> bool {
        self.catch_up.is_ready
    }

    /// Whether it has caught up, or has been at it for so long, in milliseconds.
    pub(super) fn has_caught_up(&self, now: Millis, at_last_ms: u64) -> bool {
        let since = self.catch_up.since;
        self.catch_up.is_ready || since.is_some_and(|since| now >= since.saturating_add(at_last_ms))
    }

    /// Looks whether it has caught up by now.
    pub(super) fn look_ready(&mut self, now: Millis) {
        if self.catch_up.is_ready {
            return;
        }
        let Some(snapshot) = self.snapshot.clone() else { return };
        if snapshot.director(&self.config.account).is_none() {
            self.catch_up = CatchUp::default();
            return;
        }
        let since = *self.catch_up.since.get_or_insert(now);
        let is_level_with = |peer: &&PublicKey| {
            let wanted = Wanted { windows: &self.windows, snapshot: &snapshot };
            let is_complete = self.planner.claims(peer).is_some_and(|claims| claims.is_complete());
            is_complete && self.planner.is_level_with(peer, &wanted)
        };
        let level = self.members.mesh().iter().filter(is_level_with).count();
        let active = snapshot.directors.active.len() as u32;
        let liars = tolerated_liars(active) as usize;
        // There are no more of them than all but this one.
        let is_level = level > liars.min(snapshot.directors.active.len().saturating_sub(2));
        let alone_since = match self.members.mesh().is_empty() {
            true => Some(*self.catch_up.alone_since.get_or_insert(now)),
            false => None,
        };
        self.catch_up.alone_since = alone_since;
        let has_passed = |since: Millis, ms: u64| now >= since.saturating_add(ms);
        self.catch_up.is_ready = is_level
            || (level > 0 && has_passed(since, self.config.alone_ms))
            || snapshot.directors.active.len() <= 1
            || alone_since.is_some_and(|since| has_passed(since, self.config.alone_ms))
            || has_passed(since, self.config.catch_up_ms);
    }
}
