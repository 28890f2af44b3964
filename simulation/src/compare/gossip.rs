//! Gossip: everybody has about six neighbours and passes on to them what is new, but not to where it came from.
//!
//! Push alone: nobody asks for what it missed. Whoever loses a neighbour looks for another one at random.

use super::{
    case::FANOUT,
    net::{Behaviour, Id, Message, Net},
};
use rand::{Rng, seq::SliceRandom};
use std::collections::BTreeSet;

/// Neighbours that a node has at most, since others choose it too.
const MOST: usize = 2 * FANOUT;

/// Who is connected to whom.
#[derive(Default)]
pub(super) struct Gossip {
    peers: Vec<BTreeSet<Id>>,
}

impl Gossip {
    fn connect(&mut self, a: Id, b: Id) {
        self.peers[a as usize].insert(b);
        self.peers[b as usize].insert(a);
    }

    fn pass_on(&mut self, net: &mut Net, node: Id, from: Option<Id>, message: Message) {
        for to in self.peers[node as usize].iter().filter(|to| Some(**to) != from) {
            net.send(node, *to, message);
        }
    }

    /// Dials as many as are missing.
    fn look_around(&mut self, net: &mut Net, node: Id) {
        let present = net.present();
        let missing = FANOUT.saturating_sub(self.peers[node as usize].len());
        let mut others: Vec<_> = present.into_iter().filter(|of| *of != node).collect();
        others.retain(|of| !self.peers[node as usize].contains(of));
        for _ in 0..missing.min(others.len()) {
            let peer = others.swap_remove(net.rng.random_range(0..others.len()));
            net.dial(node, peer);
        }
    }
}

impl Behaviour for Gossip {
    /// Three rings in random order: six neighbours for each, and all of them connected.
    fn start(&mut self, net: &mut Net, validators: &[Id]) {
        self.peers = vec![BTreeSet::new(); net.case.nodes()];
        let mut ring = validators.to_vec();
        for _ in 0..FANOUT / 2 {
            ring.shuffle(&mut net.rng);
            for at in 0..ring.len() {
                self.connect(ring[at], ring[(at + 1) % ring.len()]);
            }
        }
    }

    fn publish(&mut self, net: &mut Net, from: Id, message: Message) {
        self.pass_on(net, from, None, message);
    }

    fn arrive(&mut self, net: &mut Net, from: Id, to: Id, message: Message, is_new: bool) {
        if is_new {
            self.pass_on(net, to, Some(from), message);
        }
    }

    fn join(&mut self, net: &mut Net, validator: Id) {
        self.look_around(net, validator);
    }

    fn connected(&mut self, net: &mut Net, from: Id, to: Id) {
        if self.peers[to as usize].len() < MOST {
            self.connect(from, to);
        } else {
            self.look_around(net, from);
        }
    }

    fn gone(&mut self, net: &mut Net, node: Id, peer: Id) {
        if self.peers[node as usize].remove(&peer) && net.is_present(node) {
            self.look_around(net, node);
        }
    }

    fn leave(&mut self, _: &mut Net, validator: Id) -> Vec<Id> {
        std::mem::take(&mut self.peers[validator as usize]).into_iter().collect()
    }

    fn connections(&self) -> usize {
        self.peers.iter().map(BTreeSet::len).sum::<usize>() / 2
    }
}
