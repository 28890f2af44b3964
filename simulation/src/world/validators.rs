//! Feeds clients with what they hear, does what they want, and plays their applications.

use super::World;
use crate::{
    Event, Millis, NodeEvent,
    adversaries::Moment,
    client::{Hears, Message, Setup, Wants},
    ledger::{message_id, name},
    network::{AllowKind, Payload},
    node::Node,
};
use director_primitives::{Control, Envelope, PayloadKind, Priority, Range, Topic};
use director_service::client::Event as Told;
use rand::Rng;

impl World {
    pub(super) fn start_validator(&mut self, n: u8) {
        let seed = self.rng.random();
        let Some(node) = self.validators.get_mut(usize::from(n)) else { return };
        let outbox_bytes = self.scenario.outbox_bytes;
        let setup = Setup { is_strict: node.is_strict, outbox_bytes, seed };
        node.start(self.clock.now, setup);
    }

    /// A validator handles what it was told, in order; frames in a row together.
    pub(super) fn handle_validator(&mut self, n: u8) {
        let Some(process) = &mut self.validators[usize::from(n)].process else { return };
        let mut batch = Vec::new();
        for event in std::mem::take(&mut process.inbox) {
            if let NodeEvent::Payload { from, payload: Payload::Envelope(_, frame) } = event {
                batch.push((from.key(), frame));
                continue;
            }
            if !batch.is_empty() {
                self.put_client(n, Hears::Frames(std::mem::take(&mut batch)));
            }
            self.tell_validator(n, event);
        }
        if !batch.is_empty() {
            self.put_client(n, Hears::Frames(batch));
        }
    }

    fn tell_validator(&mut self, n: u8, event: NodeEvent) {
        let hears = match event {
            NodeEvent::Payload { from, payload } => {
                let Payload::Control(packed) = payload else { return };
                self.settle(n, from, &packed.message);
                Hears::Control(from.key(), packed.message.clone())
            }
            NodeEvent::Up { peer } => Hears::Up(peer.key()),
            NodeEvent::Down { peer, reason } => Hears::Down(peer.key(), reason),
            NodeEvent::DialFailed { peer, error } => Hears::DialFailed(peer.key(), error),
            NodeEvent::Finalized(number) => {
                let Some(block) = self.chain.block(number).cloned() else { return };
                self.put_client(n, Hears::Finalized(block));
                return self.vote(n, number);
            }
            NodeEvent::Proven(proof) => Hears::Proven(proof),
            NodeEvent::Tick => {
                self.check_kept(n);
                Hears::Tick
            }
            NodeEvent::Recalled { .. } | NodeEvent::StakeChecked { .. } => return,
        };
        self.put_client(n, hears);
    }

    fn put_client(&mut self, n: u8, hears: Hears) {
        let Some(process) = &mut self.validators[usize::from(n)].process else { return };
        let mut out = Vec::new();
        process.client.handle(self.clock.now, hears, &mut out);
        self.client_wants(n, out);
    }

    fn client_wants(&mut self, n: u8, wants: Vec<Wants>) {
        let me = Node::Validator(n);
        for want in wants {
            match want {
                Wants::Allow(keys) => {
                    self.network.allow(&mut self.clock, me, AllowKind::All, keys);
                }
                Wants::Dial(director) => {
                    if let Some(peer) = Node::of(&director) {
                        self.network.dial(&mut self.clock, me, peer);
                    }
                }
                Wants::Disconnect(director) => {
                    if let Some(peer) = Node::of(&director) {
                        self.network.disconnect(&mut self.clock, me, peer, true);
                    }
                }
                Wants::Send(_, Control::Fetch(_)) if self.scenario.options.no_fetch => {}
                Wants::Send(director, message) => {
                    if let Some(peer) = Node::of(&director) {
                        let payload = Payload::control(message);
                        self.network.send(&mut self.clock, me, peer, payload);
                    }
                }
                Wants::Frame(director, class, frame) => {
                    let is_again = !self.ledger.send(&frame);
                    if is_again && self.scenario.options.no_resend {
                        continue;
                    }
                    if let Some(peer) = Node::of(&director) {
                        let payload = Payload::Envelope(class, frame);
                        self.network.send(&mut self.clock, me, peer, payload);
                    }
                }
                Wants::Prove(proof) => {
                    let process = self.validators[usize::from(n)].process_number;
                    let at = self.clock.now + self.rng.random_range(5..100);
                    let event = NodeEvent::Proven(proof);
                    self.clock.put(at, Event::Tell(me, process, event));
                }
                other => self.client_tells(n, other),
            }
        }
    }

    /// From the first time that an honest director has told all that it has, nothing may be lost: what one that lies has kept
    /// back before that, nobody can tell from what is older. And what one that lies says of the validator's own messages it takes off
    /// its outbox.
    fn settle(&mut self, n: u8, from: Node, message: &Control) {
        let Control::Vector(vector) = message else { return };
        if !self.is_honest(&from.key()) {
            let own_key = Node::Validator(n).key();
            let process = self.validators[usize::from(n)].process.as_ref();
            // What the client itself does not take for a confirmation is none.
            let is_primary = process.is_none_or(|of| of.client.primary() == Some(from.key()));
            let confirmed = vector.entries.iter().filter(|entry| entry.origin == own_key);
            confirmed.filter(|_| !is_primary).for_each(|entry| self.ledger.confirm(entry));
        } else if vector.complete {
            let process = self.validators[usize::from(n)].process_number;
            self.ledger.settled.entry((n, process)).or_insert(self.clock.now);
        }
    }

    /// What is for the application.
    fn client_tells(&mut self, n: u8, wants: Wants) {
        let now = self.clock.now;
        let to = (n, self.validators[usize::from(n)].process_number);
        match wants {
            Wants::Deliver(envelope) => {
                let is_honest = self.is_honest(&envelope.origin);
                let id = message_id(&envelope.origin, &envelope.payload);
                self.clock.trace.numbers(&[Node::Validator(n).number(), id], || {
                    let Envelope { origin, epoch, class, seq, .. } = envelope;
                    format!("v{n} gets {}", name(&(origin, epoch, class, seq)))
                });
                self.ledger.deliver(to, &envelope, is_honest);
            }
            Wants::Tell(Told::Gap(range)) => {
                let Range { origin, epoch, class, first, last } = range;
                self.clock.trace.note(|| {
                    let origin = Node::of(&origin);
                    format!("v{n} has a gap {origin:?} {class:?} {epoch}/{first}..={last}")
                });
                let received = self.ledger.received.entry(to).or_default();
                received.gaps.push((now, (origin, epoch, class), first, last));
            }
            Wants::Tell(Told::Withheld { director, message, .. }) => {
                self.clock.trace.note(|| {
                    let (origin, director) = (Node::of(&message.origin), Node::of(&director));
                    let Range { class, epoch, first, .. } = message;
                    format!("v{n}: {director:?} withholds {origin:?} {class:?} {epoch}/{first}")
                });
                self.ledger.received.entry(to).or_default().withheld.push((now, director));
            }
            Wants::Tell(event) => self.clock.trace.note(|| format!("v{n} {event:?}")),
            _ => {}
        }
    }

    /// The application publishes its vote for a checkpoint.
    fn vote(&mut self, n: u8, number: u64) {
        let Some(checkpoint) = self.checkpoint(number) else { return };
        let block_hash = crate::chain::block_hash(number);
        let node = &mut self.validators[usize::from(n)];
        node.checkpoint = node.checkpoint.max(checkpoint);
        if self.clock.now < self.scenario.traffic.until
            && node.is_honest()
            && node.voted.insert(checkpoint)
        {
            let message = node.vote(checkpoint, block_hash);
            self.publish(n, message);
        }
    }

    /// A validator that does wrong does so.
    fn do_mischief(&mut self, n: u8) {
        let me = Node::Validator(n);
        let directors: Vec<_> = self.network.peers(me).collect();
        let node = &mut self.validators[usize::from(n)];
        let Some(mischief) = node.mischief.as_mut().filter(|_| !directors.is_empty()) else {
            return;
        };
        let (now, checkpoint) = (self.clock.now, node.checkpoint);
        let moment = Moment { now, checkpoint, directors: &directors };
        for (to, payload) in mischief.act(&mut self.rng, &moment) {
            self.network.send(&mut self.clock, me, to, payload);
        }
    }

    fn publish(&mut self, n: u8, message: Message) {
        let node = &mut self.validators[usize::from(n)];
        let number = node.process_number;
        let Some(process) = &mut node.process else { return };
        let Message { class, payload, .. } = message.clone();
        let mut out = Vec::new();
        if process.client.publish(self.clock.now, message, &mut out) {
            self.ledger.publish(self.clock.now, n, number, class, &payload);
        }
        self.client_wants(n, out);
    }

    pub(super) fn publish_later(&mut self, n: u8, from: Millis) {
        let mean = self.scenario.traffic.interval_ms;
        let at = from.max(self.clock.now) + self.rng.random_range(1..=2 * mean);
        self.clock.put(at, Event::Publish(n));
    }

    /// The application publishes something.
    pub(super) fn publish_random(&mut self, n: u8) {
        if self.clock.now >= self.scenario.traffic.until {
            return;
        }
        self.publish_later(n, 0);
        let Some(node) = self.validators.get(usize::from(n)) else { return };
        let is_frozen = node.process.as_ref().is_none_or(|process| process.backlog.is_some());
        if is_frozen {
            return;
        }
        if !node.is_honest() {
            return self.do_mischief(n);
        }
        let class = match self.rng.random_range(0..10) {
            0..2 => Priority::Critical,
            2..4 => Priority::High,
            4..9 => Priority::Normal,
            _ => Priority::Bulk,
        };
        let most = match class {
            Priority::Bulk => self.scenario.traffic.max_bulk_bytes,
            _ => self.scenario.traffic.max_bytes,
        };
        for of_burst in 0..self.scenario.burst {
            // No two are alike: the first bytes say which it is.
            let mut payload = self.clock.events().to_le_bytes().to_vec();
            payload.resize(self.rng.random_range(8..=most), n);
            if of_burst > 0 {
                payload.push(of_burst);
            }
            let kind = PayloadKind::Opaque(Topic::default());
            self.publish(n, Message { kind, class, payload });
        }
    }
}
