//! Collects what comes from all peers, in order, until somebody takes it.
//!
//! Frames are bounded by each peer's credit (its task stops reading), `Up` and `Down` by refusing
//! connections while too many of them wait ([`Ingress::is_busy`]), failed dials by their back-off:
//! the oldest report of a failed dial is forgotten when there are too many.
//!
//! When memory runs out, what waits of the peer that has to go is thrown away ([`Ingress::purge`]):
//! without that its end would free nothing.
//!
//! Bulk waits apart and is handed on one frame at a time, when nothing else waits: to hash a block of
//! 1 MiB takes milliseconds, for which the votes of the same batch would have to wait. It is not
//! starved: after so many batches of others it has its turn.

use super::{
    Event, Frame,
    frame::Decoded,
    hub::Hub,
    link::{Link, lock},
};
use codec::Encode;
use director_primitives::{Control, Priority};
use futures::task::AtomicWaker;
use std::{
    collections::{HashMap, VecDeque},
    future::poll_fn,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

/// What a frame costs of a peer's credit beside its bytes.
const FRAME_COST: usize = 64;

/// Batches of other frames after which one frame of Bulk has its turn.
const BATCHES_BEFORE_BULK: usize = 8;

/// Most that is passed over to make a batch longer.
const MAX_ASIDE: usize = 64;

/// What waits, in the order of its arrival.
enum Item {
    Frame(Arc<Link>, Priority, Frame),
    /// With what it cost of the credit.
    Control(Arc<Link>, Box<Control>, usize),
    /// `Up`, `Down` or a failed dial.
    Other(Event),
}

impl Item {
    /// Whose it is, its class and what it cost of the credit; `None` if it is no frame.
    fn owner(&self) -> Option<(&Arc<Link>, Priority, usize)> {
        match self {
            Self::Frame(link, class, frame) => Some((link, *class, frame.len() + FRAME_COST)),
            Self::Control(link, _, cost) => Some((link, Priority::Critical, *cost)),
            Self::Other(_) => None,
        }
    }

    fn is_of(&self, link: &Arc<Link>) -> bool {
        self.owner().is_some_and(|(of, ..)| Arc::ptr_eq(of, link))
    }
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    bulk: VecDeque<(Arc<Link>, Frame)>,
    /// Batches that were handed on since Bulk had its turn.
    batches: usize,
    /// How many items are no frames.
    others: usize,
    finished: bool,
}

/// Where frames wait.
pub(super) struct Ingress {
    state: Mutex<State>,
    waker: AtomicWaker,
    batch_frames: usize,
    max_others: usize,
}

impl Ingress {
    pub(super) fn new(batch_frames: usize, max_others: usize) -> Self {
        Self {
            state: Mutex::default(),
            waker: AtomicWaker::new(),
            batch_frames: batch_frames.max(1),
            max_others,
        }
    }

    /// Whether nobody listens to what happens: then no new connection is taken.
    pub(super) fn is_busy(&self) -> bool {
        lock(&self.state).others >= self.max_others
    }

    /// Takes the frames of a link, unless it is closed: nothing follows a `Down`. Returns how many were
    /// thrown away, by class.
    pub(super) fn push(&self, link: &Arc<Link>, frames: &mut Vec<Decoded>) -> [u64; 4] {
        let mut dropped = [0; 4];
        let mut state = lock(&self.state);
        if state.finished || link.is_closed() {
            for frame in frames.drain(..) {
                dropped[frame.class().index()] += 1;
            }
            return dropped;
        }
        for frame in frames.drain(..) {
            match frame {
                Decoded::Envelope(class, frame) => {
                    link.take_credit(frame.len() + FRAME_COST);
                    match class {
                        Priority::Bulk => state.bulk.push_back((link.clone(), frame)),
                        _ => state.items.push_back(Item::Frame(link.clone(), class, frame)),
                    }
                }
                Decoded::Control(message) => {
                    let cost = message.encoded_size() + FRAME_COST;
                    link.take_credit(cost);
                    state.items.push_back(Item::Control(link.clone(), message, cost));
                }
            }
        }
        drop(state);
        self.waker.wake();
        dropped
    }

    /// Throws away what waits of a link. Returns how many frames that were, by class.
    pub(super) fn purge(&self, link: &Arc<Link>) -> [u64; 4] {
        let mut purged = [0; 4];
        let mut state = lock(&self.state);
        state.items.retain(|item| match item.owner() {
            Some((of, class, cost)) if Arc::ptr_eq(of, link) => {
                link.give_credit(cost);
                purged[class.index()] += 1;
                false
            }
            _ => true,
        });
        state.bulk.retain(|(of, frame)| {
            let keep = !Arc::ptr_eq(of, link);
            if !keep {
                link.give_credit(frame.len() + FRAME_COST);
                purged[Priority::Bulk.index()] += 1;
            }
            keep
        });
        purged
    }

    /// Connections that have ended and of which frames wait still.
    pub(super) fn remains(&self) -> Vec<Arc<Link>> {
        let state = lock(&self.state);
        let of_items = state.items.iter().filter_map(Item::owner).map(|(link, ..)| link);
        let links = of_items.chain(state.bulk.iter().map(|(link, _)| link));
        let closed = links.filter(|link| link.is_closed()).map(|link| (link.id, link));
        closed.collect::<HashMap<_, _>>().into_values().cloned().collect()
    }

    /// Adds something that is no frame.
    pub(super) fn push_other(&self, event: Event) {
        let mut state = lock(&self.state);
        if state.finished {
            return;
        }
        if matches!(event, Event::DialFailed { .. }) && state.others >= self.max_others {
            return;
        }
        state.others += 1;
        state.items.push_back(Item::Other(event));
        drop(state);
        self.waker.wake();
    }

    /// Nothing comes any more.
    pub(super) fn finish(&self) {
        lock(&self.state).finished = true;
        self.waker.wake();
    }

    fn pop(&self, state: &mut State) -> Option<Event> {
        // What is no frame may be the end of a connection, and no frame follows that.
        let others_wait = matches!(state.items.front(), Some(Item::Frame(..) | Item::Control(..)));
        if !others_wait || state.batches >= BATCHES_BEFORE_BULK {
            state.batches = 0;
            if let Some((link, frame)) = state.bulk.pop_front() {
                link.give_credit(frame.len() + FRAME_COST);
                return Some(Event::Frames(vec![(link.peer, frame)]));
            }
        }
        state.batches += 1;
        Some(match state.items.pop_front()? {
            Item::Other(event) => {
                state.others -= 1;
                event
            }
            Item::Control(link, message, cost) => {
                link.give_credit(cost);
                Event::Control(link.peer, *message)
            }
            Item::Frame(link, _, frame) => {
                let mut batch =
                    Vec::with_capacity(state.items.len().min(self.batch_frames - 1) + 1);
                link.give_credit(frame.len() + FRAME_COST);
                batch.push((link.peer, frame));
                // A control message does not end a batch, only its sender's part in it: else one peer
                // could have everybody's signatures checked one by one.
                let mut aside = Vec::new();
                while batch.len() < self.batch_frames && aside.len() < MAX_ASIDE {
                    match state.items.pop_front() {
                        Some(Item::Frame(link, class, frame)) => {
                            if aside.iter().any(|item: &Item| item.is_of(&link)) {
                                aside.push(Item::Frame(link, class, frame));
                            } else {
                                link.give_credit(frame.len() + FRAME_COST);
                                batch.push((link.peer, frame));
                            }
                        }
                        Some(control @ Item::Control(..)) => aside.push(control),
                        // The end of a connection, perhaps: no frame goes past it.
                        Some(other @ Item::Other(_)) => {
                            state.items.push_front(other);
                            break;
                        }
                        None => break,
                    }
                }
                for item in aside.into_iter().rev() {
                    state.items.push_front(item);
                }
                Event::Frames(batch)
            }
        })
    }
}

/// The receiving end of a swarm. Dropping it stops the swarm.
pub struct Events(pub(super) Arc<Hub>);

impl Events {
    /// The next event; `None` after the swarm has stopped. Nothing is lost when it is cancelled.
    pub async fn recv(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The next event, if one waits.
    pub fn try_recv(&mut self) -> Option<Event> {
        let ingress = &self.0.ingress;
        ingress.pop(&mut lock(&ingress.state))
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let ingress = &self.0.ingress;
        ingress.waker.register(cx.waker());
        let mut state = lock(&ingress.state);
        match ingress.pop(&mut state) {
            Some(event) => Poll::Ready(Some(event)),
            None if state.finished => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.0.stop();
    }
}
