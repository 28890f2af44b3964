//! Connections behave as TCP connections with bounded queues do.

use super::{AllowKind, Network, Payload, Settings};
use crate::{Clock, Event, Millis, NodeEvent, node::Node};
use director_primitives::Priority;
use director_service::network::DownReason;
use rand::{SeedableRng, rngs::StdRng};

const A: Node = Node::Validator(0);
const B: Node = Node::Director(0);

struct Rig {
    clock: Clock,
    network: Network,
    /// What nodes were told, with the time.
    heard: Vec<(Millis, Node, NodeEvent)>,
}

impl Rig {
    /// Two nodes that are connected, 10 ms apart.
    fn new() -> Self {
        let settings = Settings {
            latency_ms: (10, 10),
            jitter_ms: 0,
            lost_of_10_000: 0,
            lost_ms: 200,
            bytes_per_ms: 1_000_000,
            window_bytes: 1_000,
            queue_bytes: [2_000, 2_000, 1_000, 1_000],
            client_queue_bytes: 1_000,
        };
        let mut rig = Self {
            clock: Clock::default(),
            network: Network::new(settings, StdRng::seed_from_u64(0)),
            heard: Vec::new(),
        };
        rig.network.allow(&mut rig.clock, B, AllowKind::Public, vec![A.key()]);
        rig.network.dial(&mut rig.clock, A, B);
        rig.run_for(1_000);
        assert!(rig.network.is_connected(A, B) && rig.network.is_connected(B, A));
        rig.heard.clear();
        rig
    }

    fn run_for(&mut self, ms: Millis) {
        let until = self.clock.now + ms;
        while let Some(event) = self.clock.next(until) {
            let Event::Network(event) = event else { panic!("the network alone is there") };
            self.network.handle(&mut self.clock, event);
            self.listen();
        }
        self.listen();
        self.clock.put(until, Event::Block);
        assert!(matches!(self.clock.next(until), Some(Event::Block)), "goes to that moment");
    }

    fn listen(&mut self) {
        let now = self.clock.now;
        let told = std::mem::take(&mut self.clock.told);
        self.heard.extend(told.into_iter().map(|(node, event)| (now, node, event)));
    }

    fn send(&mut self, class: Priority, first: u8, len: usize) -> bool {
        let mut frame = vec![0; len.max(1)];
        frame[0] = first;
        self.network.send(&mut self.clock, A, B, Payload::Envelope(class, frame.into()))
    }

    /// First bytes of what B got.
    fn got(&self) -> Vec<u8> {
        let frame = |(_, node, event): &(_, Node, NodeEvent)| match event {
            NodeEvent::Payload { payload: Payload::Envelope(_, frame), .. } if *node == B => {
                Some(frame[0])
            }
            _ => None,
        };
        self.heard.iter().filter_map(frame).collect()
    }

    fn downs(&self) -> Vec<(Node, DownReason)> {
        let down = |(_, node, event): &(_, Node, NodeEvent)| match event {
            NodeEvent::Down { reason, .. } => Some((*node, *reason)),
            _ => None,
        };
        self.heard.iter().filter_map(down).collect()
    }
}

#[test]
fn messages_of_a_class_arrive_in_order_after_the_latency() {
    let mut rig = Rig::new();
    let sent_at = rig.clock.now;
    for first in 0..3 {
        assert!(rig.send(Priority::Normal, first, 10));
    }
    rig.run_for(9);
    assert!(rig.got().is_empty());
    rig.run_for(1);
    assert_eq!(rig.got(), [0, 1, 2]);
    assert_eq!(rig.heard[0].0, sent_at + 10);
}

#[test]
fn a_partition_holds_messages_up_and_retransmission_brings_them() {
    let mut rig = Rig::new();
    rig.send(Priority::Critical, 1, 10);
    rig.network.cut(&mut rig.clock, A, B, true);
    rig.send(Priority::Critical, 2, 10);
    rig.run_for(3_100);
    assert!(rig.got().is_empty());
    rig.network.cut(&mut rig.clock, A, B, false);
    rig.send(Priority::Critical, 3, 10);
    // The next retransmission is 6,200 ms after the first loss.
    rig.run_for(3_050);
    assert!(rig.got().is_empty());
    rig.run_for(200);
    assert_eq!(rig.got(), [1, 2, 3]);
    assert!(rig.downs().is_empty());
}

#[test]
fn an_end_that_hears_nothing_gives_up_after_ten_seconds() {
    let mut rig = Rig::new();
    rig.network.cut(&mut rig.clock, A, B, true);
    rig.run_for(9_999);
    assert!(rig.downs().is_empty());
    rig.run_for(100);
    // What leaves B still arrives: A is told.
    assert_eq!(rig.downs(), [(B, DownReason::Silent), (A, DownReason::Closed)]);
    assert!(!rig.network.is_connected(A, B) && !rig.network.is_connected(B, A));
}

#[test]
fn full_queues_drop_the_oldest_of_normal_and_end_the_connection_for_critical() {
    let mut rig = Rig::new();
    rig.network.freeze(&mut rig.clock, B, true);
    // The window takes 1,000 bytes with 64 a message, the queue as many.
    for first in 0..9 {
        assert!(rig.send(Priority::Normal, first, 236));
    }
    rig.network.freeze(&mut rig.clock, B, false);
    rig.run_for(100);
    assert_eq!(rig.got(), [0, 1, 2, 6, 7, 8]);
    assert_eq!(rig.network.counts.dropped, 3);

    rig.network.freeze(&mut rig.clock, B, true);
    let sent = (0..20).take_while(|first| rig.send(Priority::Critical, *first, 236)).count();
    assert_eq!(sent, 3 + 3);
    assert_eq!(rig.network.counts.overflows, 1);
    rig.run_for(100);
    let overflow = DownReason::Overflow(Priority::Critical);
    assert_eq!(rig.downs(), [(A, overflow), (B, DownReason::Closed)]);
}

#[test]
fn what_is_more_urgent_leaves_the_queues_first() {
    let mut rig = Rig::new();
    rig.network.freeze(&mut rig.clock, B, true);
    for (class, first) in [
        (Priority::Normal, 0),
        (Priority::Normal, 1),
        (Priority::Normal, 2),
        (Priority::Bulk, 3),
        (Priority::Normal, 4),
        (Priority::Critical, 5),
    ] {
        assert!(rig.send(class, first, 300));
    }
    rig.network.freeze(&mut rig.clock, B, false);
    rig.run_for(100);
    assert_eq!(rig.got(), [0, 1, 5, 2, 4, 3]);
}

#[test]
fn the_newer_connection_of_a_pair_wins() {
    let mut rig = Rig::new();
    rig.network.crash(&mut rig.clock, A, true);
    rig.network.restart(A);
    rig.network.dial(&mut rig.clock, A, B);
    rig.run_for(500);
    assert_eq!(rig.downs(), [(B, DownReason::Replaced)]);
    rig.send(Priority::High, 7, 10);
    rig.run_for(20_000);
    assert_eq!(rig.got(), [7]);
    assert_eq!(rig.downs().len(), 1, "the end of the old one says nothing about the new one");
}

#[test]
fn a_dead_machine_is_noticed_by_silence_and_a_dead_process_at_once() {
    for (silently, after) in [(false, 10), (true, 10_000)] {
        let mut rig = Rig::new();
        let died_at = rig.clock.now;
        rig.network.crash(&mut rig.clock, B, silently);
        rig.run_for(15_000);
        let reason = if silently { DownReason::Silent } else { DownReason::Closed };
        assert_eq!(rig.downs(), [(A, reason)]);
        assert_eq!(rig.heard[0].0, died_at + after);
    }
}

#[test]
fn nobody_connects_who_is_not_allowed() {
    let mut rig = Rig::new();
    rig.network.allow(&mut rig.clock, B, AllowKind::Public, Vec::new());
    rig.run_for(100);
    assert_eq!(rig.downs(), [(B, DownReason::NotAllowed), (A, DownReason::Closed)]);
    rig.network.dial(&mut rig.clock, A, B);
    rig.run_for(1_000);
    assert!(!rig.network.is_connected(A, B));
    assert!(matches!(
        rig.heard.last(),
        Some((_, Node::Validator(0), NodeEvent::DialFailed { .. }))
    ));
}

#[test]
fn what_is_lost_delays_what_follows() {
    let mut rig = Rig::new();
    rig.network.lose(A, B, 10_000);
    rig.send(Priority::Critical, 1, 10);
    rig.network.lose(A, B, 0);
    rig.send(Priority::High, 2, 10);
    rig.run_for(209);
    assert!(rig.got().is_empty());
    rig.run_for(1);
    assert_eq!(rig.got(), [1, 2]);
}
