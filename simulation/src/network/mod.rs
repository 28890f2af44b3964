//! Carries messages between nodes as TCP connections do, with what befalls connections.
//!
//! * *Order*: messages of one class and direction arrive in the order in which they were sent; of different
//!   classes one may overtake the other, within the jitter (real connections do less of that).
//! * *Loss* shows as delay: what is lost is sent again after a timeout, and what follows waits for it.
//! * *Backpressure*: a direction carries `window_bytes` unread; what is more waits in queues by class, whose
//!   bounds drop the oldest of Normal and Bulk, and end the connection for Critical and High.
//! * *Partition*: nothing gets through in a direction, and nobody is told. After `silence_ms` an end gives the
//!   connection up. If the partition ends before, retransmission carries what was held up.
//! * *Process that dies*: its machine tells the other ends, or (a machine that dies) nobody does.
//! * *Frozen process*: its machine goes on taking what fits into the window, and it says nothing.
//! * *Second connection of a pair*: the newer one wins.

mod connection;
mod dialing;
mod faults;
mod payload;
#[cfg(test)]
mod tests;
mod way;
pub(crate) mod wire;

use connection::ConnectionId;
pub(crate) use payload::Payload;

use crate::{Clock, Event, Millis, NodeEvent, node::Node};
use connection::{Connection, End};
use director_primitives::PublicKey;
use director_service::network::DownReason;
use rand::{Rng, rngs::StdRng};
use std::collections::{BTreeMap, BTreeSet};
use way::{Item, Pushed};

/// A peer that is silent for so long is dead, in milliseconds.
pub(crate) const SILENCE_MS: Millis = 10_000;

/// What links are like in a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Latency of a link, drawn for each pair of nodes, in milliseconds.
    pub latency_ms: (Millis, Millis),
    /// Most that is added for each message.
    pub jitter_ms: Millis,
    /// Of 10,000 messages so many are lost and sent again.
    pub lost_of_10_000: u32,
    /// After how long: the timeout of a retransmission, in milliseconds.
    pub lost_ms: Millis,
    /// What a direction carries, in bytes a millisecond.
    pub bytes_per_ms: u64,
    /// Bytes of a direction on the wire and in the buffers of both machines.
    pub window_bytes: usize,
    /// Bounds of a director's queues, by class; between directors four times that.
    pub queue_bytes: [usize; 4],
    /// Bound of each queue of a validator: it has room for all that the outbox keeps, as the client's own have.
    pub client_queue_bytes: usize,
}

/// What the network did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Messages that arrived.
    pub(crate) arrived: u64,
    /// Bytes of them.
    pub(crate) bytes: u64,
    /// Messages thrown away because a queue was full.
    pub(crate) dropped: u64,
    /// Messages that were lost with their connection.
    pub(crate) lost: u64,
    /// Connections that came up.
    pub(crate) connections: u64,
    /// Connections that ended because a queue was full.
    pub(crate) overflows: u64,
    /// Connections given up for silence.
    pub(crate) silent: u64,
}

/// What the network knows of a node's machine.
#[derive(Debug, Default)]
struct Host {
    state: State,
    /// Who may connect; `None` before the node has said so.
    allowed: Option<BTreeSet<PublicKey>>,
    /// Process that dials belong to.
    process: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Alive,
    Frozen,
    /// The process is dead, its machine says so.
    Stopped,
    /// The machine is dead.
    Off,
}

/// Something that the network waits for.
#[derive(Debug)]
pub(crate) enum NetworkEvent {
    Arrive {
        id: ConnectionId,
        end: End,
        item: Box<ItemInFlight>,
    },
    /// Retransmission finds the way free again.
    Resume {
        id: ConnectionId,
        end: End,
        stalled_since: Millis,
    },
    Silence {
        id: ConnectionId,
        end: End,
        mute_since: Millis,
    },
    Dial {
        from: Node,
        to: Node,
        process: u64,
        tries: u32,
    },
    DialerUp {
        id: ConnectionId,
        process: u64,
    },
}

/// What an arrival brings.
#[derive(Debug)]
pub(crate) struct ItemInFlight(Item);

/// All connections.
pub(crate) struct Network {
    settings: Settings,
    rng: StdRng,
    connections: Vec<Connection>,
    /// By node and peer: the connection that the node takes for the present one.
    current: BTreeMap<(Node, Node), ConnectionId>,
    latencies: BTreeMap<(Node, Node), Millis>,
    hosts: BTreeMap<Node, Host>,
    /// Directions that carry nothing, and how many partitions say so.
    cut: BTreeMap<(Node, Node), u32>,
    /// Directions that lose more: of 10,000.
    lossy: BTreeMap<(Node, Node), u32>,
    /// What it did.
    pub(crate) counts: Counts,
    /// Most bytes that ever waited in a director's queues for one peer.
    pub(crate) most_waiting: usize,
}

impl Network {
    /// One without connections.
    pub(crate) fn new(settings: Settings, rng: StdRng) -> Self {
        Self {
            settings,
            rng,
            connections: Vec::new(),
            current: BTreeMap::new(),
            latencies: BTreeMap::new(),
            hosts: BTreeMap::new(),
            cut: BTreeMap::new(),
            lossy: BTreeMap::new(),
            counts: Counts::default(),
            most_waiting: 0,
        }
    }

    /// Peers that a node takes for connected.
    pub(crate) fn peers(&self, node: Node) -> impl Iterator<Item = Node> {
        let from = (node, Node::Director(0));
        self.current
            .range(from..)
            .take_while(move |((of, _), _)| *of == node)
            .map(|((_, to), _)| *to)
    }

    /// Whether a node takes a peer for connected.
    pub(crate) fn is_connected(&self, node: Node, peer: Node) -> bool {
        self.current.contains_key(&(node, peer))
    }

    /// Most bytes that a director's queues for one peer may hold.
    pub(crate) fn queue_bound(&self) -> usize {
        4 * self.settings.queue_bytes.iter().sum::<usize>()
    }

    fn host(&mut self, node: Node) -> &mut Host {
        self.hosts.entry(node).or_default()
    }

    fn state(&self, node: Node) -> State {
        self.hosts.get(&node).map_or(State::Alive, |host| host.state)
    }

    fn latency(&mut self, a: Node, b: Node) -> Millis {
        let (low, high) = self.settings.latency_ms;
        let rng = &mut self.rng;
        *self.latencies.entry((a.min(b), a.max(b))).or_insert_with(|| rng.random_range(low..=high))
    }

    fn limits(&self, from: Node, to: Node) -> [usize; 4] {
        let of_director = self.settings.queue_bytes;
        match (from.is_director(), to.is_director()) {
            (true, true) => of_director.map(|bytes| 4 * bytes),
            (true, false) => of_director,
            (false, _) => [self.settings.client_queue_bytes; 4],
        }
    }

    /// Sends something; `false` if there is no connection, or there is none any more.
    pub(crate) fn send(
        &mut self,
        clock: &mut Clock,
        from: Node,
        to: Node,
        payload: Payload,
    ) -> bool {
        let Some(id) = self.current.get(&(from, to)).copied() else { return false };
        let end = self.connections[id].end_at(from);
        let limits = self.limits(from, to);
        let way = &mut self.connections[id].ways[end];
        match way.push(&payload, &limits, self.settings.window_bytes) {
            Pushed::Now => self.transmit(clock, id, end, Item::Payload(payload)),
            Pushed::Queued { dropped } => {
                if from.is_director() {
                    self.most_waiting = self.most_waiting.max(way.waiting_bytes());
                }
                self.counts.dropped += dropped as u64;
                if dropped > 0 {
                    let class = payload.class();
                    clock.trace.note(|| format!("drop {from:?} → {to:?} {class:?} {dropped}"));
                }
            }
            Pushed::Overflow => {
                self.counts.overflows += 1;
                let reason = DownReason::Overflow(payload.class());
                self.close(clock, id, end, reason);
                return false;
            }
        }
        true
    }

    /// Puts something on the wire.
    fn transmit(&mut self, clock: &mut Clock, id: ConnectionId, end: End, item: Item) {
        let connection = &mut self.connections[id];
        let (from, to) = (connection.nodes[end], connection.nodes[1 - end]);
        let jitter = self.rng.random_range(0..=self.settings.jitter_ms);
        let lossy = self.lossy.get(&(from, to)).copied().unwrap_or_default();
        let lost_of_10_000 = self.settings.lost_of_10_000 + lossy;
        let is_lost = lost_of_10_000 > 0 && self.rng.random_range(0..10_000) < lost_of_10_000;
        let lost_ms = is_lost.then_some(self.settings.lost_ms);
        let delay = connection.latency_ms + jitter;
        let rate = self.settings.bytes_per_ms;
        let way = &mut connection.ways[end];
        let at = way.arrival(clock.now, &item, delay, lost_ms, rate);
        if way.stalled_since.is_some() {
            way.held.push_back(item);
            return;
        }
        let item = Box::new(ItemInFlight(item));
        clock.put(at, Event::Network(NetworkEvent::Arrive { id, end, item }));
    }

    /// Puts on the wire what waits and has room.
    fn pump(&mut self, clock: &mut Clock, id: ConnectionId, end: End) {
        let window = self.settings.window_bytes;
        while let Some(payload) = self.connections[id].ways[end].pull(window) {
            self.transmit(clock, id, end, Item::Payload(payload));
        }
    }

    /// What was waited for.
    pub(crate) fn handle(&mut self, clock: &mut Clock, event: NetworkEvent) {
        match event {
            NetworkEvent::Arrive { id, end, item } => self.arrive(clock, id, end, item.0),
            NetworkEvent::Resume { id, end, stalled_since } => {
                self.resume(clock, id, end, stalled_since);
            }
            NetworkEvent::Silence { id, end, mute_since } => {
                self.silence(clock, id, end, mute_since);
            }
            NetworkEvent::Dial { from, to, process, tries } => {
                self.try_dial(clock, from, to, process, tries);
            }
            NetworkEvent::DialerUp { id, process } => self.dialer_up(clock, id, process),
        }
    }

    fn arrive(&mut self, clock: &mut Clock, id: ConnectionId, end: End, item: Item) {
        let connection = &mut self.connections[id];
        let (from, to) = (connection.nodes[end], connection.nodes[1 - end]);
        let way = &mut connection.ways[end];
        if way.stalled_since.is_some() {
            // It left before the way was cut, what is held otherwise after that.
            way.held.insert(way.held_from_before, item);
            way.held_from_before += 1;
            return;
        }
        let is_open = connection.open[1 - end];
        if !matches!(self.state(to), State::Alive | State::Frozen) {
            self.counts.lost += 1;
            return;
        }
        match item {
            Item::End if is_open => self.close(clock, id, 1 - end, DownReason::Closed),
            Item::End => {}
            Item::Payload(_) if !is_open => {
                self.counts.lost += 1;
                // A machine that knows nothing of the connection says so.
                self.end_way(clock, id, 1 - end);
            }
            Item::Payload(payload) => {
                let (cost, len) = (payload.cost(), payload.len());
                self.counts.arrived += 1;
                self.counts.bytes += len as u64;
                let numbers = [from.number() << 32 | to.number(), payload.digest()];
                clock.trace.numbers(&numbers, || format!("{from:?} → {to:?} {}", payload.name()));
                clock.tell(to, NodeEvent::Payload { from, payload });
                if self.state(to) == State::Alive {
                    let way = &mut self.connections[id].ways[end];
                    way.unread = way.unread.saturating_sub(cost);
                    self.pump(clock, id, end);
                }
            }
        }
    }

    /// Announces the end of what goes away from this end, once.
    fn end_way(&mut self, clock: &mut Clock, id: ConnectionId, end: End) {
        if !std::mem::replace(&mut self.connections[id].ways[end].ended, true) {
            self.transmit(clock, id, end, Item::End);
        }
    }

    /// Closes one end: its node is told, the other one will be.
    fn close(&mut self, clock: &mut Clock, id: ConnectionId, end: End, reason: DownReason) {
        let connection = &mut self.connections[id];
        if !std::mem::replace(&mut connection.open[end], false) {
            return;
        }
        let (node, peer) = (connection.nodes[end], connection.nodes[1 - end]);
        self.counts.lost += connection.ways[end].clear() as u64;
        self.counts.silent += u64::from(reason == DownReason::Silent);
        if self.current.get(&(node, peer)) == Some(&id) {
            self.current.remove(&(node, peer));
        }
        clock.trace.note(|| format!("down {node:?} – {peer:?} {reason:?}"));
        clock.tell(node, NodeEvent::Down { peer, reason });
        self.end_way(clock, id, end);
    }

    /// A node ends its connection to a peer; after what waits, if so wanted.
    pub(crate) fn disconnect(&mut self, clock: &mut Clock, node: Node, peer: Node, flush: bool) {
        let Some(id) = self.current.get(&(node, peer)).copied() else { return };
        let end = self.connections[id].end_at(node);
        if flush {
            while let Some(payload) = self.connections[id].ways[end].pull(usize::MAX) {
                self.transmit(clock, id, end, Item::Payload(payload));
            }
        }
        self.close(clock, id, end, DownReason::Disconnected);
    }

    /// From now on these and nobody else may be connected with a node.
    pub(crate) fn allow(
        &mut self,
        clock: &mut Clock,
        node: Node,
        kind: AllowKind,
        keys: Vec<PublicKey>,
    ) {
        let kept = |key: &PublicKey| match (kind, Node::of(key)) {
            (AllowKind::All, _) | (_, None) => false,
            (AllowKind::Mesh, Some(of)) => !of.is_director(),
            (AllowKind::Public, Some(of)) => of.is_director(),
        };
        let host = self.host(node);
        let before = host.allowed.take().unwrap_or_default();
        let allowed: BTreeSet<_> = before.into_iter().filter(kept).chain(keys).collect();
        let peers: Vec<_> =
            self.peers(node).filter(|peer| !allowed.contains(&peer.key())).collect();
        self.host(node).allowed = Some(allowed);
        for peer in peers {
            let Some(id) = self.current.get(&(node, peer)).copied() else { continue };
            let end = self.connections[id].end_at(node);
            self.close(clock, id, end, DownReason::NotAllowed);
        }
    }

    /// Whether a node lets this key connect.
    fn admits(&self, node: Node, peer: Node) -> bool {
        let host = self.hosts.get(&node);
        let allowed = host.and_then(|host| host.allowed.as_ref());
        allowed.is_some_and(|allowed| allowed.contains(&peer.key()))
    }
}

/// Whose list of peers it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AllowKind {
    /// Directors, of a director.
    Mesh,
    /// Validators, of a director.
    Public,
    /// Directors, of a validator: all that it knows.
    All,
}
