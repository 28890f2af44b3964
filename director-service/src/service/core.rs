//! Feeds the director's core with what happens and does what it says.
//!
//! One task owns the core. It never waits for a peer or for the chain: frames go into queues that
//! take or drop at once, submissions and proofs into bounded lists. Nor does it wait for the disk: votes that
//! find no room in its mailbox wait in memory. Only a disk that is slow, and does not hang, makes it wait when very many do.

use super::{
    Identity, ServiceError, Stopper,
    control::{Handover, Order},
    crypto::BatchCrypto,
    forget::Forgetter,
    links::Links,
    load::Meter,
    reports::Reports,
    stakes::Checked,
    submissions::Submission,
    view::View,
};
use crate::{
    director::{Director, Input, Link, Received, RevokeOutcome, ValidatorVote},
    network::{Event, Events, Handle},
    store::{Conflict, Conflicts, History},
};
use director_primitives::{
    AccountId32, Application, PublicKey, SignedAuthorizationRequest, Snapshot, StakeRefusal,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tracing::{debug, info, warn};

/// How often the core is told that time went by.
const TICK: Duration = Duration::from_millis(50);

/// How often it is said how far a drain is, and the load is measured.
const SECOND: Duration = Duration::from_secs(1);

/// Longest that messages are taken together before they are written. Under full load a single batch
/// takes longer, and is written by itself.
const GATHER: Duration = Duration::from_micros(500);

/// The same while connections have not had their turn yet to write what came before. Writing goes on
/// meanwhile, so this holds up nothing: it keeps messages that come one by one from being written
/// one by one.
const GATHER_WHILE_WRITING: Duration = Duration::from_millis(5);

/// Look-ups on disk that may be under way; more than the core ever has.
pub(super) const MAX_RECALLS: usize = 4_096;

type Request = SignedAuthorizationRequest<AccountId32>;

/// Everything that the core's task owns.
pub(super) struct Core {
    pub(super) director: Director<BatchCrypto>,
    pub(super) identity: Identity,
    pub(super) mesh: Handle,
    pub(super) public: Handle,
    pub(super) links: Links,
    pub(super) history: History,
    pub(super) forgetter: Forgetter,
    pub(super) recalls: mpsc::Sender<ValidatorVote>,
    pub(super) conflicts: Conflicts,
    pub(super) submissions: mpsc::Sender<Submission>,
    pub(super) stakes: mpsc::Sender<Application>,
    /// Requests that found no room in `stakes`, until the next tick: without an answer a candidate could
    /// never ask again. At most one of each registered validator.
    pub(super) unchecked: Vec<Request>,
    /// Who waits for the outcome of a revocation.
    pub(super) revoking: Option<oneshot::Sender<RevokeOutcome>>,
    /// Who wants to know how far a drain is.
    pub(super) handover: Option<watch::Sender<Handover>>,
    /// Ends the whole director, after a drain.
    pub(super) end: Stopper,
    pub(super) load: Meter,
    pub(super) reports: Reports,
    pub(super) view: Arc<View>,
    pub(super) started: Instant,
}

/// Everything that the core hears.
pub(super) struct Inputs {
    pub(super) snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    pub(super) mesh: Events,
    pub(super) public: Events,
    pub(super) recalled: mpsc::Receiver<(ValidatorVote, Option<ValidatorVote>)>,
    pub(super) stakes: mpsc::Receiver<Checked>,
    pub(super) orders: mpsc::Receiver<Order>,
}

impl Core {
    /// Works until it is stopped.
    ///
    /// # Errors
    ///
    /// If a room that it depends on has ended.
    pub(super) async fn run(
        mut self,
        mut inputs: Inputs,
        stopper: Stopper,
    ) -> Result<(), ServiceError> {
        let stopped = stopper.stopped();
        tokio::pin!(stopped);
        let (mut ticks, mut seconds) = (interval(TICK), interval(SECOND));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        inputs.snapshots.mark_changed();
        // Before its first block the core can make no proof.
        let mut has_begun = false;
        loop {
            tokio::select! {
                () = &mut stopped => return Ok(()),
                changed = inputs.snapshots.changed() => {
                    changed.map_err(|_| ServiceError::Ended("the follower of the chain"))?;
                    let snapshot = inputs.snapshots.borrow_and_update().clone();
                    if let Some(snapshot) = snapshot {
                        self.finalized(snapshot).await?;
                        has_begun = true;
                    }
                }
                event = inputs.mesh.recv() => {
                    let event = event.ok_or(ServiceError::Ended("the mesh network"));
                    let begun = Instant::now();
                    self.event(Link::Mesh, stopped_or(event, &stopper)?).await?;
                    self.gather(begun, &mut inputs).await?;
                }
                event = inputs.public.recv() => {
                    let event = event.ok_or(ServiceError::Ended("the public network"));
                    let begun = Instant::now();
                    self.event(Link::Public, stopped_or(event, &stopper)?).await?;
                    self.gather(begun, &mut inputs).await?;
                }
                recalled = inputs.recalled.recv() => {
                    let recalled = recalled.ok_or(ServiceError::Ended("the history"));
                    let Some((vote, first)) = stopped_or(recalled, &stopper)? else { continue };
                    self.handle(Input::Recalled { vote, first }).await?;
                    self.flush();
                }
                conflict = self.conflicts.next(), if has_begun => self.compare(conflict).await?,
                checked = inputs.stakes.recv() => {
                    let checked = checked.ok_or(ServiceError::Ended("the stakes"));
                    let Some((request, result)) = stopped_or(checked, &stopper)? else { continue };
                    self.handle(Input::StakeChecked { request, result }).await?;
                    self.flush();
                }
                order = inputs.orders.recv() => {
                    let order = order.ok_or(ServiceError::Ended("the control socket"));
                    let Some(order) = stopped_or(order, &stopper)? else { continue };
                    self.obey(order).await?;
                    self.flush();
                }
                _ = seconds.tick() => {
                    let (mesh, public) = (self.mesh.stats(), self.public.stats());
                    let written = mesh.bytes_out.saturating_add(public.bytes_out);
                    let (cpu_permille, bandwidth) = self.load.measure(Instant::now(), written);
                    self.director.set_load(cpu_permille, bandwidth);
                    let now = self.started.elapsed().as_millis() as u64;
                    self.view.set_survey(self.director.survey(now));
                    self.say_handover(false);
                }
                _ = ticks.tick() => {
                    // It may have been corrected, or this machine asleep.
                    let now = self.started.elapsed().as_millis() as u64;
                    self.director.set_clock(now, super::round::unix_ms());
                    self.handle(Input::Tick).await?;
                    self.reports.retry()?;
                    self.history.retry()?;
                    for request in std::mem::take(&mut self.unchecked) {
                        let result = Err(StakeRefusal::Unavailable);
                        self.handle(Input::StakeChecked { request, result }).await?;
                    }
                    self.flush();
                    let (is_ready, is_draining) =
                        (self.director.is_ready(), self.director.is_draining());
                    self.view.core_moved(self.director.stats(), is_ready, is_draining);
                }
            }
        }
    }

    /// A vote that was written as a first one is none: what the core makes of that is handed on before the next one's turn.
    async fn compare(&mut self, conflict: Conflict) -> Result<(), ServiceError> {
        let Conflict { validator, first, other } = conflict;
        let of = |vote| ValidatorVote { validator: validator.clone(), vote };
        self.handle(Input::Recalled { vote: of(other), first: Some(of(first)) }).await?;
        self.conflicts.done();
        self.flush();
        Ok(())
    }

    async fn obey(&mut self, order: Order) -> Result<(), ServiceError> {
        match order {
            Order::Revoke { validator, answer } => {
                self.revoking = Some(answer);
                self.handle(Input::Revoke { validator }).await
            }
            Order::Drain { answer } => {
                let new = || watch::Sender::new(Handover::default());
                let following = self.handover.get_or_insert_with(new).subscribe();
                // Whoever asked may have gone.
                let _ = answer.send(following);
                info!("draining: validators are asked to move to other directors");
                self.handle(Input::Drain).await
            }
        }
    }

    /// Tells whoever drains this director how many validators are still here.
    fn say_handover(&self, is_over: bool) {
        if let Some(handover) = &self.handover {
            let left = self.director.stats().public_connections;
            handover.send_replace(Handover { left, is_over });
        }
    }

    /// The drain is over: ends the director once that was said.
    pub(super) fn end_handover(&mut self, left: u32) {
        info!(left, "drained: stopping");
        self.say_handover(true);
        let (handover, end) = (self.handover.take(), self.end.clone());
        // Ends by itself within a second.
        tokio::spawn(async move {
            if let Some(handover) = handover {
                let _ = timeout(SECOND, handover.closed()).await;
            }
            end.stop();
        });
    }

    /// Takes what has arrived in the meantime too, and only then lets the connections write.
    ///
    /// Writing costs by the write, not by the byte: when all validators vote within a millisecond, each
    /// vote would be written to everybody by itself. As soon as nothing more is there, and the connections
    /// have written what came before, what there is goes out; after `GATHER_WHILE_WRITING` in any case.
    async fn gather(&mut self, begun: Instant, inputs: &mut Inputs) -> Result<(), ServiceError> {
        while begun.elapsed() < GATHER
            || self.waits_for_writers() && begun.elapsed() < GATHER_WHILE_WRITING
        {
            // The other tasks of this thread run first, and the sockets are looked at.
            tokio::task::yield_now().await;
            let (mesh, public) = (inputs.mesh.try_recv(), inputs.public.try_recv());
            if mesh.is_none() && public.is_none() && !self.waits_for_writers() {
                break;
            }
            self.event(Link::Mesh, mesh).await?;
            self.event(Link::Public, public).await?;
        }
        self.flush();
        Ok(())
    }

    /// Whether what was flushed before is still to be written: then more may join the next write.
    fn waits_for_writers(&self) -> bool {
        self.mesh.waiting_to_write() + self.public.waiting_to_write() > 0
    }

    fn flush(&self) {
        self.mesh.flush();
        self.public.flush();
    }

    async fn finalized(&mut self, snapshot: Arc<Snapshot>) -> Result<(), ServiceError> {
        self.view.finalized();
        self.handle(Input::Finalized(snapshot.clone())).await?;
        // After the core has said whom the gates let through.
        let Identity { account, peer_key } = &self.identity;
        self.links.update(&self.mesh, &self.public, &snapshot, account, peer_key);
        let waiting = self.director.waiting();
        self.links.say_waiting(&snapshot, &waiting, self.mesh.connected().len());
        self.view.set_waiting(waiting);
        // Frames that waited for this block.
        self.flush();
        Ok(())
    }

    async fn event(&mut self, link: Link, event: Option<Event>) -> Result<(), ServiceError> {
        let Some(event) = event else { return Ok(()) };
        let input = match event {
            Event::Up { peer } => {
                say_up(link, &peer);
                Input::Up { peer, link }
            }
            Event::Down { peer, reason } => {
                say_down(link, &peer, &reason);
                Input::Down { peer, link }
            }
            Event::Frames(frames) => Input::Frames(
                frames.into_iter().map(|(from, frame)| Received { from, link, frame }).collect(),
            ),
            Event::Control(from, message) => Input::Control { from, link, message },
            Event::DialFailed { peer, error } => {
                debug!(peer = %hex::encode(peer.0), error, "cannot reach a director; trying again");
                return Ok(());
            }
        };
        self.handle(input).await
    }

    async fn handle(&mut self, input: Input) -> Result<(), ServiceError> {
        let now = self.started.elapsed().as_millis() as u64;
        let mut outputs = Vec::new();
        self.director.handle(now, input, &mut outputs);
        self.execute(outputs).await
    }
}

/// A part that ends while everything stops has not failed.
fn stopped_or<T>(
    event: Result<T, ServiceError>,
    stopper: &Stopper,
) -> Result<Option<T>, ServiceError> {
    match event {
        Err(_) if stopper.is_stopped() => Ok(None),
        event => event.map(Some),
    }
}

fn say_up(link: Link, peer: &PublicKey) {
    let peer = hex::encode(peer.0);
    match link {
        Link::Mesh => info!(%peer, "a director is connected"),
        Link::Public => debug!(%peer, "a validator is connected"),
    }
}

fn say_down(link: Link, peer: &PublicKey, reason: &crate::network::DownReason) {
    let peer = hex::encode(peer.0);
    match link {
        Link::Mesh => warn!(%peer, ?reason, "a director is gone"),
        Link::Public => debug!(%peer, ?reason, "a validator is gone"),
    }
}
