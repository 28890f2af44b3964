//! The links of a comparison, and the ledger of who has which message since when.

use super::{
    Row,
    case::{
        BYTES_PER_MS, Case, FRAMING_LEN, JITTER_MS, ONE_WAY_MS, PUBLISH_MS, TIMEOUT_MS, VOTE_LEN,
    },
};
use crate::{
    Millis,
    network::wire::{Sender, Wire},
    schedule::Schedule,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A validator, or what a topology has beside them.
pub(super) type Id = u32;

/// Number of a message.
pub(super) type Message = u32;

/// Time that those who come have until they are expected to hear everything.
const SETTLED_MS: Millis = 1_000;

/// Time at the end in which nothing is published.
const TAIL_MS: Millis = 5_000;

/// Something that happens.
#[derive(Debug)]
pub(super) enum Happening {
    Publish(Id),
    Arrive {
        from: Id,
        to: Id,
        message: Message,
    },
    /// A connection that was dialed stands.
    Connected {
        from: Id,
        to: Id,
    },
    /// A node hears that its peer is gone.
    Gone {
        node: Id,
        peer: Id,
    },
    Join(Id),
    Leave(Id),
    /// Time goes by, for whoever needs to know.
    Tick,
    /// Whatever a topology wants to do later.
    Later(Id),
}

/// How nodes behave.
pub(super) trait Behaviour {
    /// The first moment: these validators are there.
    fn start(&mut self, net: &mut Net, validators: &[Id]);
    /// A validator has a message of its own.
    fn publish(&mut self, net: &mut Net, from: Id, message: Message);
    /// A message arrives at a node. The ledger knows of it.
    fn arrive(&mut self, net: &mut Net, from: Id, to: Id, message: Message, is_new: bool);
    /// A validator comes.
    fn join(&mut self, net: &mut Net, validator: Id);
    /// A connection stands.
    fn connected(&mut self, net: &mut Net, from: Id, to: Id);
    /// A node hears that its peer is gone.
    fn gone(&mut self, net: &mut Net, node: Id, peer: Id);
    /// A validator is gone: who is to hear of it.
    fn leave(&mut self, net: &mut Net, validator: Id) -> Vec<Id>;
    /// Time went by; every 100 ms.
    fn tick(&mut self, _net: &mut Net) {}
    /// What it wanted to do later.
    fn later(&mut self, _net: &mut Net, _node: Id) {}
    /// Connections that stand.
    fn connections(&self) -> usize;
}

/// One number, mixed: the order of a map is looked at by nobody.
#[derive(Default)]
pub(super) struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

type Wires = HashMap<u64, Wire<1>, BuildHasherDefault<Mix>>;

/// Of one message.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) at: Millis,
    pub(super) origin: Id,
    /// When each validator had it, `Millis::MAX` if never.
    pub(super) had_at: Vec<Millis>,
}

/// Links, ledger and schedule.
pub(super) struct Net {
    pub(super) case: Case,
    pub(super) now: Millis,
    pub(super) rng: StdRng,
    schedule: Schedule<Happening>,
    wires: Wires,
    senders: Vec<Sender>,
    /// When each validator came, and when it left.
    present: Vec<Option<(Millis, Millis)>>,
    published: Vec<Published>,
    /// Messages that were put on the wire, those that were sent again included.
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// Bytes of what is no message of a validator.
    pub(super) control_bytes: u64,
}

impl Net {
    pub(super) fn new(case: Case, seed: u64) -> Self {
        // The same plan for all topologies.
        let seed = seed ^ ((case.validators as u64) << 8) ^ case.condition as u64;
        let mut net = Self {
            case,
            now: 0,
            rng: StdRng::seed_from_u64(seed),
            schedule: Schedule::default(),
            wires: Wires::default(),
            senders: vec![Sender::default(); case.nodes() + super::case::DIRECTORS],
            present: vec![None; case.nodes()],
            published: Vec::new(),
            messages: 0,
            bytes: 0,
            control_bytes: 0,
        };
        net.plan();
        net
    }

    fn plan(&mut self) {
        let Case { validators, .. } = self.case;
        let leaving = self.case.leaving();
        for id in 0..validators {
            self.present[id] = Some((0, Millis::MAX));
            for _ in 0..self.case.votes_each() {
                let at = SETTLED_MS + self.rng.random_range(0..PUBLISH_MS);
                self.schedule.put(at, Happening::Publish(id as Id));
            }
        }
        for n in 0..leaving {
            let (leaves, joins) =
                (self.rng.random_range(0..PUBLISH_MS), self.rng.random_range(0..PUBLISH_MS));
            self.schedule.put(SETTLED_MS + leaves, Happening::Leave(n as Id));
            self.schedule.put(SETTLED_MS + joins, Happening::Join((validators + n) as Id));
        }
        self.schedule.put(0, Happening::Tick);
    }

    /// Runs the case.
    pub(super) fn run(mut self, nodes: &mut impl Behaviour) -> Row {
        let first: Vec<_> = (0..self.case.validators as Id).collect();
        nodes.start(&mut self, &first);
        let connections = nodes.connections();
        let end = SETTLED_MS + PUBLISH_MS + TAIL_MS;
        while let Some((at, happening)) = self.schedule.next(end) {
            self.now = at;
            self.happen(nodes, happening);
        }
        Row::of(&self, connections)
    }

    fn happen(&mut self, nodes: &mut impl Behaviour, happening: Happening) {
        match happening {
            Happening::Publish(id) if self.is_present(id) => {
                let message = self.published.len() as Message;
                let mut had_at = vec![Millis::MAX; self.case.nodes()];
                had_at[id as usize] = self.now;
                self.published.push(Published { at: self.now, origin: id, had_at });
                nodes.publish(self, id, message);
            }
            Happening::Publish(_) => {}
            Happening::Arrive { from, to, message } => {
                if (to as usize) >= self.case.nodes() {
                    return nodes.arrive(self, from, to, message, true);
                }
                if !self.is_present(to) {
                    return;
                }
                let had_at = &mut self.published[message as usize].had_at[to as usize];
                let is_new = *had_at == Millis::MAX;
                if is_new {
                    *had_at = self.now;
                }
                nodes.arrive(self, from, to, message, is_new);
            }
            Happening::Connected { from, to } => {
                if self.is_present(from) && self.is_present(to) {
                    nodes.connected(self, from, to);
                }
            }
            Happening::Gone { node, peer } => nodes.gone(self, node, peer),
            Happening::Join(id) => {
                self.present[id as usize] = Some((self.now, Millis::MAX));
                nodes.join(self, id);
            }
            Happening::Leave(id) => {
                if let Some((_, left)) = &mut self.present[id as usize] {
                    *left = self.now;
                }
                let told = nodes.leave(self, id);
                for node in told {
                    self.schedule.put(self.now + ONE_WAY_MS, Happening::Gone { node, peer: id });
                }
            }
            Happening::Tick => {
                nodes.tick(self);
                self.schedule.put(self.now + 100, Happening::Tick);
            }
            Happening::Later(id) => nodes.later(self, id),
        }
    }

    /// Whether a validator is there; what is no validator always is.
    pub(super) fn is_present(&self, id: Id) -> bool {
        let present = self.present.get(id as usize);
        present.is_none_or(|of| of.is_some_and(|(_, left)| left > self.now))
    }

    /// Validators that are there.
    pub(super) fn present(&self) -> Vec<Id> {
        (0..self.case.nodes() as Id).filter(|id| self.is_present(*id)).collect()
    }

    /// Whether a validator should have a message: it was there in time, and stayed.
    pub(super) fn expects(&self, id: usize, message: &Published) -> bool {
        message.origin as usize != id
            && self.present[id].is_some_and(|(came, left)| {
                (came == 0 || came + SETTLED_MS <= message.at) && left == Millis::MAX
            })
    }

    /// What was published.
    pub(super) fn published(&self) -> &[Published] {
        &self.published
    }

    /// A node sends a message to a peer.
    pub(super) fn send(&mut self, from: Id, to: Id, message: Message) {
        let at = self.transmit(from, to, VOTE_LEN + FRAMING_LEN);
        self.schedule.put(at, Happening::Arrive { from, to, message });
    }

    /// When something that is sent now arrives; counts it.
    fn transmit(&mut self, from: Id, to: Id, bytes: usize) -> Millis {
        let sent = self.senders[from as usize].send(self.now, bytes, BYTES_PER_MS);
        let delay = ONE_WAY_MS + self.rng.random_range(0..=JITTER_MS);
        let lost_of = self.case.condition.lost_of_10_000();
        let is_lost = lost_of > 0 && self.rng.random_range(0..10_000) < lost_of;
        let times = if is_lost { 2 } else { 1 };
        self.messages += times;
        self.bytes += times * bytes as u64;
        let wire = self.wires.entry(u64::from(from) << 32 | u64::from(to));
        let wire = wire.or_insert_with(|| Wire::new(0));
        wire.arrival(sent, Some(0), delay, is_lost.then_some(TIMEOUT_MS))
    }

    /// Counts a message that is no validator's, and says when it arrives.
    pub(super) fn control(&mut self, from: Id, to: Id, len: usize) -> Millis {
        let (messages, bytes) = (self.messages, self.bytes);
        let at = self.transmit(from, to, len + FRAMING_LEN);
        self.control_bytes += self.bytes - bytes;
        (self.messages, self.bytes) = (messages, bytes);
        at
    }

    /// A validator dials: two round trips until the connection stands.
    pub(super) fn dial(&mut self, from: Id, to: Id) {
        self.schedule.put(self.now + 4 * ONE_WAY_MS, Happening::Connected { from, to });
    }

    /// Calls back.
    pub(super) fn later(&mut self, at: Millis, node: Id) {
        self.schedule.put(at, Happening::Later(node));
    }
}
