//! Holds what the swarm, the connections' tasks and the user of a swarm share.

use super::{
    Broadcast, DownReason, DropReason, Event, Frame, Limits, Multiaddr, Payload, Sent, Side, Stats,
    dialer::Dialer,
    frame::{Decoded, Kind},
    gate::{Gate, Refusal},
    ingress::Ingress,
    link::{Link, Way, lock},
    meter::Meter,
    pass::Pass,
    queue::{Outgoing, Pushed},
    stats::Counters,
    transport::dialed_pass,
};
use director_primitives::{Priority, PublicKey};
use libp2p::{StreamProtocol, swarm::ConnectionId};
use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

/// Locks are taken in this order: `governing`, `gate`, `to_wake`, `up`, then one of a link's `lanes`, ingress,
/// `dialer` and `dialed`.
pub(super) struct Hub {
    pub(super) local: PublicKey,
    pub(super) protocol: StreamProtocol,
    pub(super) limits: Limits,
    pub(super) ingress: Ingress,
    pub(super) counters: Counters,
    pub(super) meter: Arc<Meter>,
    /// Links whose tasks have to know of what [`Hub::fan_out`] has queued.
    to_wake: Mutex<Vec<Arc<Link>>>,
    /// Links whose tasks were told to write and had no turn since.
    pub(super) told: AtomicUsize,
    started: Instant,
    pub(super) gate: Mutex<Gate>,
    pub(super) dialer: Mutex<Dialer>,
    /// What goes with connections that we have begun.
    pub(super) dialed: Mutex<HashMap<Multiaddr, Weak<Pass>>>,
    /// Where to listen, if that is news to the actor.
    pub(super) wanted_listeners: Mutex<Option<Vec<Multiaddr>>>,
    /// Where we listen.
    pub(super) listening: watch::Sender<Vec<Multiaddr>>,
    /// Tells the actor to look at `dialer`, `wanted_listeners` and `stopping`.
    pub(super) changed: Notify,
    pub(super) stopped: watch::Sender<bool>,
    /// What the actor said when it panicked, if it has.
    pub(super) panic: OnceLock<String>,
    pub(super) side: Side,
    stopping: AtomicBool,
    /// Held by who makes room: two at once would disconnect more than they need to.
    governing: Mutex<()>,
    up: RwLock<HashMap<PublicKey, Arc<Link>>>,
}

impl Hub {
    pub(super) fn new(
        local: PublicKey,
        protocol: StreamProtocol,
        side: Side,
        limits: Limits,
    ) -> Self {
        let dialer = Dialer::new(
            Duration::from_millis(limits.redial_base_ms),
            Duration::from_millis(limits.redial_max_ms),
        );
        Self {
            local,
            protocol,
            ingress: Ingress::new(limits.batch_frames, 4 * limits.max_connections.max(16)),
            gate: Mutex::new(Gate::new(limits.clone(), Instant::now())),
            limits,
            counters: Counters::default(),
            meter: Arc::default(),
            to_wake: Mutex::default(),
            told: AtomicUsize::new(0),
            started: Instant::now(),
            dialer: Mutex::new(dialer),
            dialed: Mutex::default(),
            wanted_listeners: Mutex::default(),
            listening: watch::Sender::new(Vec::new()),
            changed: Notify::new(),
            stopped: watch::Sender::new(false),
            panic: OnceLock::new(),
            side,
            stopping: AtomicBool::new(false),
            governing: Mutex::default(),
            up: RwLock::default(),
        }
    }

    pub(super) fn up(&self) -> RwLockReadGuard<'_, HashMap<PublicKey, Arc<Link>>> {
        self.up.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn up_mut(&self) -> RwLockWriteGuard<'_, HashMap<PublicKey, Arc<Link>>> {
        self.up.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(SeqCst)
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, SeqCst);
        self.changed.notify_one();
    }

    /// A handshake is done: takes the connection or says why not.
    pub(super) fn admit(
        &self,
        id: ConnectionId,
        peer: Option<PublicKey>,
        dialed: Option<&Multiaddr>,
    ) -> Result<Arc<Link>, Refusal> {
        let mut gate = lock(&self.gate);
        let pending = gate.end(id);
        if self.is_stopping() {
            return Err(Refusal::ShuttingDown);
        }
        if self.ingress.is_busy() {
            return Err(Refusal::Busy);
        }
        let way = match (pending, dialed) {
            (Some(pending), _) => {
                Way { outbound: false, caller: pending.caller, pass: pending.pass }
            }
            // Over QUIC there is none; one that nobody shows is as good.
            (None, dialed) => Way {
                outbound: dialed.is_some(),
                caller: None,
                pass: dialed.and_then(|at| dialed_pass(self, at)).unwrap_or_default(),
            },
        };
        let link = Arc::new(Link::new(
            peer.ok_or(Refusal::NotAllowed)?,
            id,
            way,
            self.limits.queue_bytes,
            self.limits.inbound_bytes_per_peer,
            self.meter.clone(),
        ));
        gate.admit(&link, Instant::now())?;
        Ok(link)
    }

    /// Both sides speak the protocol: the connection is up, an older one of the same key is not.
    pub(super) fn ready(&self, link: &Arc<Link>) {
        let replaced = {
            let mut up = self.up_mut();
            if link.is_closed() {
                return;
            }
            let replaced = up.insert(link.peer, link.clone());
            if let Some(old) = &replaced {
                // Only this sets it while the link is up; see `close`.
                let _ = old.closed.set(DownReason::Replaced);
                self.ingress
                    .push_other(Event::Down { peer: old.peer, reason: DownReason::Replaced });
            }
            self.ingress.push_other(Event::Up { peer: link.peer });
            // Under the lock, here and in `close`: otherwise the dialer could hear of the end of a
            // connection before its beginning, and would never dial again.
            lock(&self.dialer).up(&link.peer, Instant::now());
            replaced
        };
        if let Some(old) = replaced {
            self.counters.replaced.fetch_add(1, Relaxed);
            self.discard(&old, DropReason::Disconnected);
        }
    }

    /// Ends a connection. The first reason counts; the user hears of it if the connection was up.
    pub(super) fn close(&self, link: &Arc<Link>, reason: DownReason) {
        let was_up = {
            let mut up = self.up_mut();
            if link.closed.set(reason).is_err() {
                return;
            }
            let was_up = up.get(&link.peer).is_some_and(|of| Arc::ptr_eq(of, link));
            if was_up {
                up.remove(&link.peer);
                let peer = link.peer;
                self.ingress.push_other(Event::Down { peer, reason });
                lock(&self.dialer).down(&peer, Instant::now(), rand::random());
            }
            was_up
        };
        let shed = reason == DownReason::Shed;
        self.discard(link, if shed { DropReason::Shed } else { DropReason::Disconnected });
        if was_up {
            self.changed.notify_one();
        } else if link.outbound {
            let error = match reason {
                DownReason::OtherProtocol => {
                    "it speaks another protocol or is on another chain".to_owned()
                }
                _ => "it closed the connection; it may not know our key yet".to_owned(),
            };
            self.dial_failed(link.peer, error);
        }
    }

    /// A dial came to nothing.
    pub(super) fn dial_failed(&self, peer: PublicKey, error: String) {
        lock(&self.dialer).failed(&peer, Instant::now(), rand::random());
        self.changed.notify_one();
        self.ingress.push_other(Event::DialFailed { peer, error });
    }

    /// The swarm says that the connection is gone.
    pub(super) fn gone(&self, id: ConnectionId) {
        let link = lock(&self.gate).remove(id, Instant::now());
        if let Some(link) = link {
            self.ended(&link);
        }
    }

    /// The connection has ended: the other side did it, or what we did to it.
    pub(super) fn ended(&self, link: &Arc<Link>) {
        let reason = if link.pass.is_over() {
            DownReason::Exceeded
        } else if link.is_leaving() {
            DownReason::Disconnected
        } else {
            DownReason::Closed
        };
        self.close(link, reason);
    }

    /// Hands on what came of a link.
    pub(super) fn take(&self, link: &Arc<Link>, frames: &mut Vec<Decoded>) {
        let dropped = self.ingress.push(link, frames);
        self.counters.drop_in(DropReason::Disconnected, dropped);
        self.govern();
    }

    /// Counts what a closed link still had, and wakes its task so that it goes.
    fn discard(&self, link: &Link, reason: DropReason) {
        self.heard(link);
        link.release();
        let left = lock(&link.lanes).clear();
        for class in Priority::ALL {
            let count = left[class.index()];
            self.counters.drop(class, reason, count);
        }
        link.pass.cut();
        link.waker.wake();
    }

    /// Microseconds since the swarm was made.
    pub(super) fn now_us(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }

    fn outgoing(&self, kind: Kind, frame: Frame, now_us: u64) -> Arc<Outgoing> {
        Outgoing::new(kind, frame, now_us, &self.meter)
    }

    /// Puts frames into one peer's queue. Returns what became of the last one, and whether the link's
    /// task has to be woken. The caller closes the link upon an overflow: it may hold `up`.
    fn push(&self, link: &Link, frames: impl Iterator<Item = Arc<Outgoing>>) -> (Sent, bool) {
        let mut sent = Sent::Queued;
        let wake = {
            let mut lanes = lock(&link.lanes);
            // Looked at under the lock: what is pushed after `discard` would never be counted.
            if link.is_closed() || link.is_leaving() {
                return (Sent::NotConnected, false);
            }
            let before = lanes.wants();
            for outgoing in frames {
                let class = outgoing.class();
                sent = match lanes.push(outgoing) {
                    Pushed::Queued { dropped } => {
                        self.counters.drop(class, DropReason::Overflow, dropped as u64);
                        Sent::Queued
                    }
                    Pushed::TooLarge => {
                        self.counters.drop(class, DropReason::TooLarge, 1);
                        Sent::Dropped(DropReason::TooLarge)
                    }
                    Pushed::Overflow => {
                        self.counters.drop(class, DropReason::Overflow, 1);
                        Sent::Overflow(class)
                    }
                };
                if matches!(sent, Sent::Overflow(_)) {
                    break;
                }
            }
            // Otherwise its task is awake, waits for the socket, or has a timer that is soon enough.
            lanes.wants().is_more_than(before)
        };
        (sent, wake)
    }

    pub(super) fn send(&self, to: &PublicKey, class: Priority, payload: Payload) -> Sent {
        let Some(link) = self.up().get(to).cloned() else {
            return Sent::NotConnected;
        };
        let (kind, frame) = match payload {
            Payload::Envelope(frame) => (Kind::Envelope(class), frame),
            Payload::Control(frame) => (Kind::Control, frame),
        };
        let outgoing = self.outgoing(kind, frame, self.now_us());
        let (sent, wake) = self.push(&link, std::iter::once(outgoing));
        if wake {
            link.waker.wake();
        }
        if let Sent::Overflow(class) = sent {
            self.close(&link, DownReason::Overflow(class));
        }
        self.govern();
        sent
    }

    /// Ends a connection when what waits for the peer is written.
    pub(super) fn leave(&self, peer: &PublicKey) {
        let Some(link) = self.up().get(peer).cloned() else { return };
        {
            let _lanes = lock(&link.lanes);
            link.leaving.store(true, SeqCst);
        }
        link.waker.wake();
    }

    /// What came, went and was lost.
    pub(super) fn stats(&self) -> Stats {
        let connected = self.up().len() as u64;
        let (handshakes, connections) = lock(&self.gate).counts();
        Stats {
            connected,
            handshakes: handshakes as u64,
            connections: connections as u64,
            waiting_bytes: self.meter.bytes() as u64,
            ..self.counters.read()
        }
    }

    /// Wakes the tasks of the links that have something new.
    pub(super) fn flush(&self) {
        let links = std::mem::take(&mut *lock(&self.to_wake));
        for link in links {
            if !link.told.swap(true, SeqCst) {
                self.told.fetch_add(1, SeqCst);
            }
            link.waker.wake();
            if link.is_closed() {
                self.heard(&link);
            }
        }
    }

    /// The task of a link has its turn, or will never have one.
    pub(super) fn heard(&self, link: &Link) {
        if link.told.swap(false, SeqCst) {
            self.told.fetch_sub(1, SeqCst);
        }
    }

    /// A batch for many: the list is looked up once, each queue locked once.
    pub(super) fn fan_out(&self, to: &[PublicKey], batch: &[Broadcast]) {
        let now_us = self.now_us();
        let batch: Vec<_> = batch
            .iter()
            .map(|Broadcast { frame, class, except }| {
                (self.outgoing(Kind::Envelope(*class), frame.clone(), now_us), except)
            })
            .collect();
        let mut overflown = Vec::new();
        let mut to_wake = lock(&self.to_wake);
        {
            let up = self.up();
            for link in to.iter().filter_map(|peer| up.get(peer)) {
                let wanted = batch.iter().filter(|(_, except)| !except.contains(&link.peer));
                let (sent, wake) = self.push(link, wanted.map(|(outgoing, _)| outgoing.clone()));
                if wake {
                    to_wake.push(link.clone());
                }
                if let Sent::Overflow(class) = sent {
                    overflown.push((link.clone(), class));
                }
            }
        }
        drop(to_wake);
        for (link, class) in overflown {
            self.close(&link, DownReason::Overflow(class));
        }
        drop(batch);
        self.govern();
    }

    /// Disconnects whoever has most waiting while there is too much in all.
    pub(super) fn govern(&self) {
        if self.meter.bytes() <= self.limits.memory_bytes {
            return;
        }
        // Whoever has it makes the room.
        let Ok(_governing) = self.governing.try_lock() else { return };
        // Those that are not up yet hold memory too; some that have ended may be in both.
        let links = lock(&self.gate).links().into_iter().chain(self.ingress.remains());
        let links: HashMap<_, _> = links.map(|link| (link.id, link)).collect();
        // What is left of connections that have ended counts for their peer: else who comes and goes
        // would leave more and more, and others would have to go for it.
        let mut peers = HashMap::<PublicKey, Vec<(usize, Arc<Link>)>>::new();
        for link in links.into_values() {
            let bytes = link.waiting_bytes();
            if bytes > 0 {
                peers.entry(link.peer).or_default().push((bytes, link));
            }
        }
        let waits = |links: &[(usize, Arc<Link>)]| links.iter().map(|(bytes, _)| bytes).sum();
        let mut worst: Vec<(usize, Vec<_>)> =
            peers.into_values().map(|links| (waits(&links), links)).collect();
        worst.sort_unstable_by_key(|(bytes, _)| Reverse(*bytes));
        for (of_peer, mut links) in worst {
            links.sort_unstable_by_key(|(_, link)| !link.is_closed());
            for (_, link) in links {
                if self.meter.bytes() <= self.limits.memory_bytes {
                    return;
                }
                self.shed(&link, of_peer);
            }
        }
    }

    /// Gives up a peer's connection and what waits of it; of one that has ended, what is left.
    fn shed(&self, link: &Arc<Link>, bytes: usize) {
        let peer = hex::encode(link.peer.0);
        tracing::warn!(
            %peer,
            bytes,
            "memory for waiting frames is used up: throwing away what waits of and for the peer with \
             most of them"
        );
        self.close(link, DownReason::Shed);
        let purged = self.ingress.purge(link);
        self.counters.drop_in(DropReason::Shed, purged);
    }
}
