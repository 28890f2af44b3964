//! Full mesh: everybody is connected to everybody and sends its messages to all.

use super::net::{Behaviour, Id, Message, Net};
use std::collections::BTreeSet;

/// Who is connected to whom.
#[derive(Default)]
pub(super) struct Mesh {
    peers: Vec<BTreeSet<Id>>,
}

impl Mesh {
    fn connect(&mut self, a: Id, b: Id) {
        self.peers[a as usize].insert(b);
        self.peers[b as usize].insert(a);
    }
}

impl Behaviour for Mesh {
    fn start(&mut self, net: &mut Net, validators: &[Id]) {
        self.peers = vec![BTreeSet::new(); net.case.nodes()];
        for a in validators {
            for b in validators.iter().filter(|b| *b > a) {
                self.connect(*a, *b);
            }
        }
    }

    fn publish(&mut self, net: &mut Net, from: Id, message: Message) {
        for to in &self.peers[from as usize] {
            net.send(from, *to, message);
        }
    }

    fn arrive(&mut self, _: &mut Net, _: Id, _: Id, _: Message, _: bool) {}

    fn join(&mut self, net: &mut Net, validator: Id) {
        for peer in net.present() {
            if peer != validator {
                net.dial(validator, peer);
            }
        }
    }

    fn connected(&mut self, _: &mut Net, from: Id, to: Id) {
        self.connect(from, to);
    }

    fn gone(&mut self, _: &mut Net, node: Id, peer: Id) {
        self.peers[node as usize].remove(&peer);
    }

    fn leave(&mut self, _: &mut Net, validator: Id) -> Vec<Id> {
        std::mem::take(&mut self.peers[validator as usize]).into_iter().collect()
    }

    fn connections(&self) -> usize {
        self.peers.iter().map(BTreeSet::len).sum::<usize>() / 2
    }
}
