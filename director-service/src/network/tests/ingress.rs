//! Batches are long, and nobody's order is lost.

use super::key;
use crate::network::{
    DownReason, DropReason, Event, Events, Limits, Side,
    frame::Decoded,
    hub::Hub,
    link::{Link, Way},
};
use director_primitives::{Control, Priority::Critical, PublicKey, Welcome};
use libp2p::{StreamProtocol, swarm::ConnectionId};
use std::sync::Arc;

/// What waits, of peers that need no socket.
pub(super) struct Waiting {
    pub(super) hub: Arc<Hub>,
    events: Events,
    pub(super) links: Vec<Arc<Link>>,
}

impl Waiting {
    fn of(peers: u8) -> Self {
        Self::with(peers, |_| {})
    }

    pub(super) fn with(peers: u8, tweak: impl FnOnce(&mut Limits)) -> Self {
        let protocol = StreamProtocol::new("/test");
        let mut limits = Limits::default();
        tweak(&mut limits);
        let hub = Arc::new(Hub::new(key(1), protocol, Side::Public, limits));
        let link = |secret: u8| {
            let (id, meter) = (ConnectionId::new_unchecked(secret.into()), hub.meter.clone());
            Arc::new(Link::new(key(secret), id, Way::default(), [1 << 20; 4], 1 << 20, meter))
        };
        let links = (2..2 + peers).map(link).collect();
        Self { events: Events(hub.clone()), links, hub }
    }

    fn frame(&self, of: usize, n: u8) {
        let frame = Decoded::Envelope(Critical, [n][..].into());
        self.hub.take(&self.links[of], &mut vec![frame]);
    }

    fn control(&self, of: usize, n: u64) {
        let message = Control::Welcome(Welcome { last_epoch: n, authorized: true });
        self.hub.take(&self.links[of], &mut vec![Decoded::Control(Box::new(message))]);
    }

    /// What comes: frames as their number, control as 100 more; a line for each event.
    fn events(&mut self) -> Vec<Vec<(PublicKey, u64)>> {
        let events = std::iter::from_fn(|| self.events.try_recv());
        let line = |event| match event {
            Event::Frames(batch) => {
                batch.into_iter().map(|(peer, frame)| (peer, frame[0].into())).collect()
            }
            Event::Control(peer, Control::Welcome(welcome)) => {
                vec![(peer, 100 + welcome.last_epoch)]
            }
            other => panic!("unexpected {other:?}"),
        };
        events.map(line).collect()
    }
}

#[test]
fn control_of_one_peer_does_not_cut_the_batches_of_others() {
    let mut waiting = Waiting::of(3);
    for n in 0..10 {
        waiting.frame(0, n);
        waiting.control(1, n.into());
        waiting.frame(2, n);
    }
    let events = waiting.events();
    assert_eq!(events[0].len(), 20);
    assert_eq!(events.len(), 11);
    assert_eq!(waiting.hub.meter.bytes(), 0);
}

#[test]
fn what_one_peer_says_comes_in_its_order() {
    let mut waiting = Waiting::of(2);
    waiting.frame(0, 1);
    waiting.control(0, 2);
    waiting.frame(1, 1);
    waiting.frame(0, 3);
    waiting.control(1, 2);
    waiting.frame(0, 4);
    waiting.frame(1, 3);
    let events = waiting.events();
    let (one, other) = (key(2), key(3));
    assert_eq!(events[0], [(one, 1), (other, 1)]);
    for peer in [one, other] {
        let said: Vec<_> = events.iter().flatten().filter(|(of, _)| *of == peer).collect();
        let numbers: Vec<_> = said.iter().map(|(_, n)| n % 100).collect();
        assert!(numbers.is_sorted() && numbers.len() >= 3, "{numbers:?}");
    }
}

#[test]
fn a_flood_of_control_is_passed_over_only_so_far() {
    let mut waiting = Waiting::of(2);
    waiting.frame(0, 0);
    for n in 0..200 {
        waiting.control(1, n);
    }
    waiting.frame(0, 1);
    let events = waiting.events();
    assert_eq!(events[0], [(key(2), 0)]);
    assert_eq!(events.iter().flatten().count(), 202);
}

#[test]
fn what_comes_after_the_end_is_counted() {
    let waiting = Waiting::of(1);
    waiting.hub.close(&waiting.links[0], DownReason::Closed);
    waiting.frame(0, 1);
    let stats = waiting.hub.stats();
    assert_eq!(stats.dropped_in(Critical, DropReason::Disconnected), 1);
    assert_eq!(stats.waiting_bytes, 0);
}
