//! Hands the validators over to other directors before this one stops.
//!
//! * upon [`super::Input::Drain`]: those that stand by are told to move, all at once; of the others one every
//!   `drain_interval_ms`, each with the list of directors that have room, begun at another place, so that they
//!   spread. From then on this director says in its heartbeats that it has no room, and has none;
//! * upon [`AGAIN_MS`] later: whoever is still here is told again;
//! * upon the last one's leaving, and [`LINGER_MS`] for what it said last; or upon `drain_ms`:
//!   [`Output::Drained`].
//!
//! Who does not move is served until the end.

use super::{Crypto, Director, Link, Millis, Output};
use director_primitives::{Control, PublicKey, Redirect};
use std::collections::BTreeMap;

/// After so many milliseconds a validator that is still here is told again.
const AGAIN_MS: u64 = 2_000;

/// How long the last validator's last words may take to the other directors, in milliseconds.
const LINGER_MS: u64 = 300;

/// How far it is.
#[derive(Debug)]
pub(super) struct Drain {
    since: Millis,
    /// When the next validator may be told.
    next_at: Millis,
    /// When each was told last.
    told: BTreeMap<PublicKey, Millis>,
    /// How often any was told.
    count: usize,
    /// Since when nobody is here.
    empty_since: Option<Millis>,
    is_over: bool,
}

impl<C: Crypto> Director<C> {
    /// The operator wants this director to stop. Once is enough.
    pub(super) fn begin_drain(&mut self, now: Millis, out: &mut Vec<Output>) {
        if self.drain.is_some() {
            return;
        }
        self.drain = Some(Drain {
            since: now,
            next_at: now,
            told: BTreeMap::new(),
            count: 0,
            empty_since: None,
            is_over: false,
        });
        let standbys = self.members.standbys().clone();
        if !standbys.is_empty() {
            self.stats.moves_asked += standbys.len() as u64;
            let message = Control::Move(self.redirect(now));
            out.push(Output::SendAll { to: standbys, link: Link::Public, message });
        }
        // Nobody is to come any more, from this moment on.
        self.beat_now(now, out);
        self.go_on_draining(now, out);
    }

    /// Whether it hands its validators over.
    pub fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// Time went by.
    pub(super) fn go_on_draining(&mut self, now: Millis, out: &mut Vec<Output>) {
        let Some(mut drain) = self.drain.take_if(|drain| !drain.is_over) else { return };
        let here: Vec<_> = self.members.seated().copied().collect();
        let redirect = self.redirect(now);
        let is_due =
            |told: Option<&Millis>| told.is_none_or(|at| now >= at.saturating_add(AGAIN_MS));
        for peer in here.iter().filter(|peer| is_due(drain.told.get(*peer))).collect::<Vec<_>>() {
            if now < drain.next_at {
                break;
            }
            let message = Control::Move(rotated(&redirect, drain.count));
            out.push(Output::Send { to: *peer, link: Link::Public, message });
            self.stats.moves_asked += 1;
            drain.count += 1;
            drain.told.insert(*peer, now);
            drain.next_at = drain.next_at.saturating_add(self.config.drain_interval_ms);
        }
        // What was not used is not saved up.
        drain.next_at = drain.next_at.max(now.saturating_sub(self.config.drain_interval_ms));
        drain.empty_since = match here.is_empty() {
            true => drain.empty_since.or(Some(now)),
            false => None,
        };
        let has_passed = |since: Millis, ms: u64| now >= since.saturating_add(ms);
        drain.is_over = has_passed(drain.since, self.config.drain_ms)
            || drain.empty_since.is_some_and(|since| has_passed(since, LINGER_MS));
        if drain.is_over {
            let left = u32::try_from(here.len()).unwrap_or(u32::MAX);
            out.push(Output::Drained { left });
        }
        self.drain = Some(drain);
    }

    fn redirect(&self, now: Millis) -> Redirect {
        self.heartbeats.redirect(now, self.config.heartbeat_ms)
    }
}

/// The same directors, begun at another place.
fn rotated(redirect: &Redirect, by: usize) -> Redirect {
    let mut directors = redirect.directors.to_vec();
    if !directors.is_empty() {
        directors.rotate_left(by % redirect.directors.len());
    }
    Redirect { directors: directors.try_into().unwrap_or_default() }
}
