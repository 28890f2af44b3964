//! Joins the two ends of one connection: whoever sends, and the task that owns the socket.

use super::{DownReason, meter::Meter, pass::Pass, queue::Lanes};
use director_primitives::PublicKey;
use futures::task::AtomicWaker;
use libp2p::swarm::ConnectionId;
use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

/// Locks; a panic of somebody else does not make the data wrong here.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a connection came about.
#[derive(Default)]
pub(super) struct Way {
    /// Whether we dialed.
    pub(super) outbound: bool,
    /// Who called, if its calls are counted.
    pub(super) caller: Option<IpAddr>,
    /// What goes with the connection.
    pub(super) pass: Arc<Pass>,
}

/// One connection.
pub(super) struct Link {
    pub(super) peer: PublicKey,
    pub(super) id: ConnectionId,
    /// Whether we dialed.
    pub(super) outbound: bool,
    /// Who called, if its calls are counted.
    pub(super) caller: Option<IpAddr>,
    pub(super) pass: Arc<Pass>,
    pub(super) lanes: Mutex<Lanes>,
    /// Wakes the task that owns the socket.
    pub(super) waker: AtomicWaker,
    /// Its task was told to write and has not been polled since.
    pub(super) told: AtomicBool,
    /// Set once, by [`super::hub::Hub::close`].
    pub(super) closed: OnceLock<DownReason>,
    /// It ends as soon as what waits is written; nothing more is taken for it. Set under the lock of
    /// `lanes`.
    pub(super) leaving: AtomicBool,
    /// Bytes of this peer that wait in the ingress.
    in_flight: AtomicUsize,
    in_flight_limit: usize,
    /// Memory of what has come and is no frame yet; `None` after the end.
    held: Mutex<Option<usize>>,
    meter: Arc<Meter>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.release();
    }
}

impl Link {
    pub(super) fn new(
        peer: PublicKey,
        id: ConnectionId,
        way: Way,
        queue_bytes: [usize; 4],
        in_flight_limit: usize,
        meter: Arc<Meter>,
    ) -> Self {
        Self {
            peer,
            id,
            outbound: way.outbound,
            caller: way.caller,
            pass: way.pass,
            lanes: Mutex::new(Lanes::new(queue_bytes, meter.clone())),
            waker: AtomicWaker::new(),
            told: AtomicBool::new(false),
            closed: OnceLock::new(),
            leaving: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            in_flight_limit,
            held: Mutex::new(Some(0)),
            meter,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get().is_some()
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(SeqCst)
    }

    /// Whether more may be read. The caller has registered its waker before.
    pub(super) fn has_credit(&self) -> bool {
        self.in_flight.load(SeqCst) < self.in_flight_limit
    }

    /// Whether something of it has come that nobody has taken yet.
    pub(super) fn has_unread(&self) -> bool {
        self.in_flight.load(SeqCst) > 0
    }

    pub(super) fn take_credit(&self, bytes: usize) {
        self.in_flight.fetch_add(bytes, SeqCst);
        self.meter.add(bytes);
    }

    /// Says how much memory that takes which has come and is no frame yet.
    pub(super) fn hold(&self, bytes: usize) {
        if let Some(held) = &mut *lock(&self.held) {
            match bytes.checked_sub(*held) {
                Some(more) => self.meter.add(more),
                None => self.meter.subtract(*held - bytes),
            }
            *held = bytes;
        }
    }

    /// The connection has ended: its task gives that memory back at its next turn, and nobody else has
    /// to make room until then.
    pub(super) fn release(&self) {
        if let Some(held) = lock(&self.held).take() {
            self.meter.subtract(held);
        }
    }

    /// Bytes that wait for this peer and of it.
    pub(super) fn waiting_bytes(&self) -> usize {
        let held = lock(&self.held).unwrap_or_default();
        lock(&self.lanes).bytes() + self.in_flight.load(SeqCst) + held
    }

    pub(super) fn give_credit(&self, bytes: usize) {
        self.meter.subtract(bytes);
        let before = self.in_flight.fetch_sub(bytes, SeqCst);
        if before >= self.in_flight_limit && before - bytes < self.in_flight_limit {
            self.waker.wake();
        }
    }
}
