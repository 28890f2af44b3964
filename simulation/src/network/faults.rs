//! What befalls connections and machines.

use super::{
    Connection, ConnectionId, End, Item, ItemInFlight, Network, NetworkEvent, SILENCE_MS, State,
};
use crate::{Clock, Event, Millis, node::Node};
use director_service::network::DownReason;

/// First timeout of a retransmission, doubled each time, in milliseconds.
const FIRST_RETRY_MS: Millis = 200;

impl Network {
    /// A direction carries nothing from now on, or (as often) something again.
    pub(crate) fn cut(&mut self, clock: &mut Clock, from: Node, to: Node, cut: bool) {
        let count = self.cut.entry((from, to)).or_default();
        *count = if cut { *count + 1 } else { count.saturating_sub(1) };
        if *count == 0 {
            self.cut.remove(&(from, to));
        }
        for id in self.connections_between(from, to) {
            let end = self.connections[id].end_at(from);
            self.update_stall(clock, id, end);
        }
    }

    /// A direction loses so many of 10,000 messages more, or none.
    pub(crate) fn lose(&mut self, from: Node, to: Node, of_10_000: u32) {
        self.lossy.insert((from, to), of_10_000);
    }

    /// A connection breaks, and both ends are told.
    pub(crate) fn reset(&mut self, clock: &mut Clock, a: Node, b: Node) {
        for (node, peer) in [(a, b), (b, a)] {
            let Some(id) = self.current.get(&(node, peer)).copied() else { continue };
            let end = self.connections[id].end_at(node);
            self.close(clock, id, end, DownReason::Closed);
        }
    }

    /// A node's process is stopped, but lives: it reads and says nothing.
    pub(crate) fn freeze(&mut self, clock: &mut Clock, node: Node, frozen: bool) {
        let host = self.host(node);
        match (host.state, frozen) {
            (State::Alive, true) => host.state = State::Frozen,
            (State::Frozen, false) => host.state = State::Alive,
            _ => return,
        }
        for id in self.connections_of(node) {
            let end = self.connections[id].end_at(node);
            self.update_mute(clock, id, end);
            if !frozen {
                // It has read what was there.
                self.connections[id].ways[1 - end].unread = 0;
                self.pump(clock, id, 1 - end);
            }
        }
    }

    /// A node's process dies; its machine says so, or dies with it.
    pub(crate) fn crash(&mut self, clock: &mut Clock, node: Node, silently: bool) {
        let host = self.host(node);
        host.state = if silently { State::Off } else { State::Stopped };
        host.allowed = None;
        host.process += 1;
        for id in self.connections_of(node) {
            let end = self.connections[id].end_at(node);
            let Connection { open, ways, nodes, .. } = &mut self.connections[id];
            if !std::mem::replace(&mut open[end], false) {
                continue;
            }
            self.counts.lost += ways[end].clear() as u64;
            let peer = nodes[1 - end];
            if self.current.get(&(node, peer)) == Some(&id) {
                self.current.remove(&(node, peer));
            }
            match silently {
                true => self.update_mute(clock, id, end),
                false => self.end_way(clock, id, end),
            }
        }
    }

    /// A node's process begins anew.
    pub(crate) fn restart(&mut self, node: Node) {
        self.host(node).state = State::Alive;
    }

    fn connections_of(&self, node: Node) -> Vec<ConnectionId> {
        let is_of = |(_, of): &(usize, &Connection)| of.nodes.contains(&node) && !of.is_over();
        self.connections.iter().enumerate().filter(is_of).map(|(id, _)| id).collect()
    }

    fn connections_between(&self, a: Node, b: Node) -> Vec<ConnectionId> {
        let mut ids = self.connections_of(a);
        ids.retain(|id| self.connections[*id].nodes.contains(&b));
        ids
    }

    /// Brings what leads away from an end in line with the partitions.
    pub(super) fn update_stall(&mut self, clock: &mut Clock, id: ConnectionId, end: End) {
        let nodes = self.connections[id].nodes;
        let is_cut = self.cut.contains_key(&(nodes[end], nodes[1 - end]));
        let way = &mut self.connections[id].ways[end];
        match (way.stalled_since, is_cut) {
            (None, true) => way.stalled_since = Some(clock.now),
            (Some(stalled_since), false) => {
                // Retransmission tries at 200 ms, 600 ms, 1.4 s and so on after the first loss.
                let mut wait = FIRST_RETRY_MS;
                while stalled_since + wait < clock.now {
                    wait = 2 * wait + FIRST_RETRY_MS;
                }
                let event = NetworkEvent::Resume { id, end, stalled_since };
                clock.put(stalled_since + wait, Event::Network(event));
            }
            _ => {}
        }
        self.update_mute(clock, id, end);
    }

    pub(super) fn resume(
        &mut self,
        clock: &mut Clock,
        id: ConnectionId,
        end: End,
        stalled_since: Millis,
    ) {
        let nodes = self.connections[id].nodes;
        let is_cut = self.cut.contains_key(&(nodes[end], nodes[1 - end]));
        let way = &mut self.connections[id].ways[end];
        if is_cut || way.stalled_since != Some(stalled_since) {
            return;
        }
        way.stalled_since = None;
        let held = std::mem::take(&mut way.held);
        way.held_from_before = 0;
        let latency = self.connections[id].latency_ms;
        for item in held {
            let item: Item = item;
            let at = clock.now + latency;
            let item = Box::new(ItemInFlight(item));
            clock.put(at, Event::Network(NetworkEvent::Arrive { id, end, item }));
        }
        let way = &mut self.connections[id].ways[end];
        way.not_before(clock.now + latency);
        self.update_mute(clock, id, end);
        self.pump(clock, id, end);
    }

    /// Notes whether the other end hears anything, a sign of life at least.
    pub(super) fn update_mute(&mut self, clock: &mut Clock, id: ConnectionId, end: End) {
        let node = self.connections[id].nodes[end];
        let speaks = self.connections[id].open[end] && self.state(node) == State::Alive;
        let way = &mut self.connections[id].ways[end];
        let is_mute = way.stalled_since.is_some() || !speaks && !way.ended;
        match (way.mute_since, is_mute) {
            (None, true) => {
                let mute_since = clock.now;
                way.mute_since = Some(mute_since);
                let event = NetworkEvent::Silence { id, end, mute_since };
                clock.put(clock.now + SILENCE_MS, Event::Network(event));
            }
            (Some(_), false) => way.mute_since = None,
            _ => {}
        }
    }

    pub(super) fn silence(
        &mut self,
        clock: &mut Clock,
        id: ConnectionId,
        end: End,
        mute_since: Millis,
    ) {
        let connection = &self.connections[id];
        let listener = connection.nodes[1 - end];
        if connection.ways[end].mute_since != Some(mute_since) || !connection.open[1 - end] {
            return;
        }
        match self.state(listener) {
            State::Alive => self.close(clock, id, 1 - end, DownReason::Silent),
            // It looks at its clock when it goes on.
            State::Frozen => {
                let event = NetworkEvent::Silence { id, end, mute_since };
                clock.put(clock.now + 500, Event::Network(event));
            }
            State::Stopped | State::Off => {}
        }
    }
}
