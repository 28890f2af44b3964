//! Takes down once a second what the page shows: whoever asks, and however often, costs the director no more.

use super::{
    View,
    alarms::{Facts, SLOW_BYTES, settled},
    lock, parts,
};
use crate::{
    director::Survey,
    http::{Events, History, Parts, Series, Source, Totals},
    metrics::{Look, drops, memory_bytes},
    network,
    service::{Stopper, round::unix_ms},
};
use director_primitives::Priority;
use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval};

/// From one look to the next.
const EVERY: Duration = Duration::from_secs(1);

/// Seconds for which losses are worth an alarm.
const LOSSES: usize = 60;

/// Seconds for which it counts what a director kept back. A single message may be a hiccup, and some in a row are not.
const WITHHOLDING: usize = 300;

/// What was taken down last.
#[derive(Default)]
pub(super) struct Board {
    pub(super) survey: Mutex<Arc<Survey>>,
    parts: Mutex<Arc<Parts>>,
    history: Mutex<History>,
    events: Events,
    /// When a block was finalized last: on the view's clock, and on the wall.
    finalized_at: Mutex<(u64, Option<u64>)>,
}

impl Board {
    pub(super) fn parts(&self) -> Arc<Parts> {
        lock(&self.parts).clone()
    }

    pub(super) fn series(&self, window: &str) -> Option<Series> {
        lock(&self.history).window(window)
    }

    pub(super) fn events(&self) -> &Events {
        &self.events
    }
}

/// Looks once a second, until it is stopped.
pub(in crate::service) async fn run(view: Arc<View>, stopper: Stopper) {
    let stopped = stopper.stopped();
    tokio::pin!(stopped);
    let mut seconds = interval(EVERY);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut stopped => break,
            _ = seconds.tick() => view.look(),
        }
    }
    view.board.events.end();
}

impl View {
    /// What the core knows, for the next look.
    pub(in crate::service) fn set_survey(&self, survey: Survey) {
        *lock(&self.board.survey) = Arc::new(survey);
    }

    fn look(&self) {
        let now = unix_ms();
        let (dropped, given_up, withheld, sample) = {
            let mut history = lock(&self.board.history);
            history.take(self.now_ms(), now, &self.totals());
            (
                history.within(LOSSES, |of| of.dropped),
                history.within(LOSSES, |of| of.given_up),
                history.within(WITHHOLDING, |of| of.withheld),
                history.newest(),
            )
        };
        let mut parts = parts::build(self, now);
        let reasons = self.not_ready();
        let facts = Facts {
            sick: self.sick(),
            store: self.store.trouble().map(|trouble| trouble.to_string()),
            unwritten_votes: self.store.unwritten_votes(),
            silence_s: self.since(&self.finalized_ms).as_secs(),
            active: self.is_active(self.snapshot().as_deref()),
            caught_up: self.caught_up.load(Ordering::Relaxed),
            draining: self.draining.load(Ordering::Relaxed),
            dropped,
            given_up,
            withheld,
            not_ready: reasons,
            warnings: self.warnings(),
        };
        parts.alarms = facts.alarms(&parts);
        let parts = Arc::new(parts);
        let before = std::mem::replace(&mut *lock(&self.board.parts), parts.clone());
        self.board.events.tell(&before, &parts, sample);
    }

    /// When a block was finalized last, on the wall.
    pub(super) fn finalized_at(&self, now: u64) -> Option<u64> {
        let steady = self.finalized_ms.load(Ordering::Relaxed);
        let mut known = lock(&self.board.finalized_at);
        if steady != known.0 {
            *known = (steady, Some(now.saturating_sub(self.now_ms().saturating_sub(steady))));
        }
        known.1
    }

    /// What the last look saw, as numbers.
    pub(super) fn seen(&self) -> Look {
        let parts = self.board.parts();
        let others = parts.mesh.directors.iter().filter(|of| !of.this);
        let us = parts.mesh.directors.iter().find(|of| of.this);
        let slow = |waiting: u64| u64::from(waiting > SLOW_BYTES);
        let open = || parts.evidence.items.iter().filter(|case| case.is_open());
        let alarms =
            |level| parts.alarms.items.iter().filter(|of| of.level == level).count() as u64;
        Look {
            mesh_links_down: us.map_or(0, |_| others.filter(|of| !of.connected).count() as u64),
            lag_blocks: us.and_then(|us| us.lag_blocks).unwrap_or_default(),
            finalized_ago_ms: self.since(&self.finalized_ms).as_millis() as u64,
            slow_peers: parts.mesh.directors.iter().map(|of| slow(of.waiting_bytes)).sum::<u64>()
                + parts.validators.items.iter().map(|of| slow(of.waiting_bytes)).sum::<u64>(),
            evidence_open: open().count() as u64,
            evidence_stuck: open().filter(|of| of.evidence.trouble.is_some()).count() as u64,
            uncertified: settled(&parts).filter(|of| !of.certified).count() as u64,
            record_stale: us.is_some_and(|us| us.stale),
            candidates_waiting: parts.authorizations.items.len() as u64,
            alarms: [alarms("warning"), alarms("critical")],
        }
    }

    fn totals(&self) -> Totals {
        let core = *lock(&self.core);
        let networks = self.networks();
        let stats = networks.map(|of| [of.mesh.stats(), of.public.stats()]).unwrap_or_default();
        let [mesh, public] = &stats;
        let lost = |of: &network::Stats| -> u64 {
            let lost = drops(of).filter(|(_, reason, _)| *reason != "disconnected");
            lost.map(|(_, _, count)| count).sum()
        };
        Totals {
            ingress: core.frames,
            deliveries: core.deliveries,
            bytes_in: mesh.bytes_in + public.bytes_in,
            bytes_out: mesh.bytes_out + public.bytes_out,
            refused: core.refused.total(),
            dropped: lost(mesh) + lost(public),
            given_up: core.given_up,
            withheld: core.withheld,
            queue_us: public.queue_us[Priority::Critical.index()].counts,
            validators: public.connected,
            mesh: mesh.connected,
            memory_bytes: memory_bytes().unwrap_or_default(),
            cpu_permille: lock(&self.board.survey).cpu_permille,
        }
    }
}
