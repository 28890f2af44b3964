//! Makes connections.

use super::{Connection, ConnectionId, Network, NetworkEvent, State};
use crate::{Clock, Event, NodeEvent, node::Node};
use director_service::network::DownReason;
use rand::Rng;

/// Packets that ask for a connection, each twice as long after the one before; then it has failed.
const TRIES: u32 = 4;

impl Network {
    /// A node wants a connection; it hears `Up` or `DialFailed`.
    pub(crate) fn dial(&mut self, clock: &mut Clock, from: Node, to: Node) {
        let latency = self.latency(from, to);
        // A round trip for TCP, more for the handshake.
        let at = clock.now + 4 * latency + self.rng.random_range(1..=10);
        let process = self.host(from).process;
        clock.put(at, Event::Network(NetworkEvent::Dial { from, to, process, tries: 0 }));
    }

    pub(super) fn try_dial(
        &mut self,
        clock: &mut Clock,
        from: Node,
        to: Node,
        process: u64,
        tries: u32,
    ) {
        let host = self.host(from);
        if host.process != process || matches!(host.state, State::Stopped | State::Off) {
            return;
        }
        let is_cut = self.cut.contains_key(&(from, to)) || self.cut.contains_key(&(to, from));
        let failure = match self.state(to) {
            State::Off | State::Frozen => Err("it does not answer"),
            _ if is_cut => Err("it does not answer"),
            State::Stopped => Ok("connection refused"),
            State::Alive if !self.admits(to, from) => Ok("it closed the connection"),
            State::Alive => return self.connect(clock, from, to),
        };
        let error = match failure {
            Ok(error) => error,
            Err(_) if tries < TRIES => {
                let at = clock.now + (1_000 << tries);
                let tries = tries + 1;
                return clock
                    .put(at, Event::Network(NetworkEvent::Dial { from, to, process, tries }));
            }
            Err(error) => error,
        };
        clock.trace.note(|| format!("dial {from:?} → {to:?} failed: {error}"));
        clock.tell(from, NodeEvent::DialFailed { peer: to, error: error.into() });
    }

    fn connect(&mut self, clock: &mut Clock, from: Node, to: Node) {
        let latency = self.latency(from, to);
        let id = self.connections.len();
        self.connections.push(Connection::new(from, to, latency, clock.now));
        self.counts.connections += 1;
        self.up(clock, id, to, from);
        let process = self.host(from).process;
        clock.put(clock.now + latency, Event::Network(NetworkEvent::DialerUp { id, process }));
    }

    pub(super) fn dialer_up(&mut self, clock: &mut Clock, id: ConnectionId, process: u64) {
        let [from, to] = self.connections[id].nodes;
        let host = self.host(from);
        if host.process != process || !matches!(host.state, State::Alive | State::Frozen) {
            // Whoever was called finds out when it says something.
            return;
        }
        self.connections[id].open[0] = true;
        self.up(clock, id, from, to);
    }

    fn up(&mut self, clock: &mut Clock, id: ConnectionId, node: Node, peer: Node) {
        if let Some(old) = self.current.get(&(node, peer)).copied() {
            let end = self.connections[old].end_at(node);
            self.close(clock, old, end, DownReason::Replaced);
        }
        self.current.insert((node, peer), id);
        clock.trace.note(|| format!("up {node:?} – {peer:?}"));
        clock.tell(node, NodeEvent::Up { peer });
        let end = self.connections[id].end_at(peer);
        self.update_mute(clock, id, end);
        self.update_stall(clock, id, end);
        self.update_stall(clock, id, 1 - end);
    }
}
