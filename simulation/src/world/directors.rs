//! Feeds directors with what they hear and does what they say.

use super::World;
use crate::{
    Event, NodeEvent,
    chain::genesis,
    envelopes,
    ledger::Shown,
    network::{AllowKind, Payload},
    node::Node,
};
use director_primitives::{Control, PublicKey, StakeRefusal};
use director_service::director::{DisconnectReason, Frame, Input, Link, Output, Received};
use rand::Rng;

/// First and longest delay before a director dials another one again, in milliseconds.
const REDIAL_MS: (u64, u64) = (200, 10_000);

fn link_to(peer: Node) -> Link {
    match peer {
        Node::Director(_) => Link::Mesh,
        Node::Validator(_) => Link::Public,
    }
}

impl World {
    pub(super) fn start_director(&mut self, n: u8) {
        let node = &mut self.directors[usize::from(n)];
        // Either all of the disk is in memory, or only what is recent.
        let complete_from = match self.rng.random_range(0..3) {
            0 => node.disk.votes.keys().map(|(_, checkpoint)| *checkpoint).max().unwrap_or(0),
            _ => 0,
        };
        let (log_bytes, page_bytes) = (self.scenario.log_bytes, self.scenario.page_bytes);
        node.start(self.clock.now, complete_from, |config| {
            (config.log_bytes, config.fetch_page_bytes) = (log_bytes, page_bytes);
        });
    }

    /// A director handles what it was told, in order; frames in a row together.
    pub(super) fn handle_director(&mut self, n: u8) {
        let Some(process) = &mut self.directors[usize::from(n)].process else { return };
        let mut batch = Vec::new();
        for event in std::mem::take(&mut process.inbox) {
            if let NodeEvent::Payload { from, payload: Payload::Envelope(_, frame) } = event {
                self.note_vote(n, &frame);
                batch.push(Received { from: from.key(), link: link_to(from), frame });
                continue;
            }
            if !batch.is_empty() {
                self.put_director(n, Input::Frames(std::mem::take(&mut batch)));
            }
            self.tell_director(n, event);
        }
        if !batch.is_empty() {
            self.put_director(n, Input::Frames(batch));
        }
    }

    fn tell_director(&mut self, n: u8, event: NodeEvent) {
        let input = match event {
            NodeEvent::Payload { from, payload } => {
                let Payload::Control(packed) = payload else { return };
                let message = packed.message.clone();
                Input::Control { from: from.key(), link: link_to(from), message }
            }
            NodeEvent::Up { peer } => {
                self.directors[usize::from(n)].wanted.entry(peer.key()).and_modify(|of| *of = 0);
                Input::Up { peer: peer.key(), link: link_to(peer) }
            }
            NodeEvent::Down { peer, .. } => {
                self.redial_later(n, &peer.key());
                Input::Down { peer: peer.key(), link: link_to(peer) }
            }
            NodeEvent::DialFailed { peer, .. } => return self.redial_later(n, &peer.key()),
            NodeEvent::Finalized(number) => {
                let Some(block) = self.chain.block(number) else { return };
                Input::Finalized(block.clone())
            }
            NodeEvent::Recalled { vote, first } => Input::Recalled { vote, first },
            NodeEvent::StakeChecked { request, result } => {
                Input::StakeChecked { request: *request, result }
            }
            NodeEvent::Tick => {
                self.misbehave(n);
                self.check_bounds(n);
                Input::Tick
            }
            NodeEvent::Proven(_) => return,
        };
        self.put_director(n, input);
    }

    pub(super) fn put_director(&mut self, n: u8, input: Input) {
        let Some(process) = &mut self.directors[usize::from(n)].process else { return };
        let mut out = Vec::new();
        process.core.handle(self.clock.now, input, &mut out);
        for output in out {
            self.director_wants(n, output);
        }
    }

    /// Notes what a validator that does wrong has voted for, if an honest director is shown it.
    fn note_vote(&mut self, n: u8, frame: &Frame) {
        let Some(origin) = frame.first_chunk().map(|bytes| PublicKey::from_raw(*bytes)) else {
            return;
        };
        let Some(Node::Validator(validator)) = Node::of(&origin) else { return };
        let director = &self.directors[usize::from(n)];
        // What was altered on its way nobody has said.
        let is_signed = || envelopes::is_signed(&genesis(), frame);
        if director.is_honest() && !self.is_honest(&origin) && is_signed() {
            let process = director.process_number;
            let shown = Shown { director: n, process, at: self.clock.now };
            self.ledger.show(shown, validator, frame);
        }
    }

    /// A director that does wrong does so of its own accord too.
    fn misbehave(&mut self, n: u8) {
        let me = Node::Director(n);
        let Some(misdeed) = &mut self.directors[usize::from(n)].misdeed else { return };
        let peers: Vec<_> = self.network.peers(me).collect();
        for to in peers {
            for payload in misdeed.idle(&mut self.rng, to) {
                self.network.send(&mut self.clock, me, to, payload);
            }
        }
    }

    /// A director sends something; what it does wrong it does here.
    fn director_sends(&mut self, n: u8, to: &PublicKey, payload: Payload) {
        let Some(to) = Node::of(to) else { return };
        let me = Node::Director(n);
        match &mut self.directors[usize::from(n)].misdeed {
            None => {
                self.network.send(&mut self.clock, me, to, payload);
            }
            Some(misdeed) => {
                for payload in misdeed.send(&mut self.rng, to, payload) {
                    self.network.send(&mut self.clock, me, to, payload);
                }
            }
        }
    }

    fn director_wants(&mut self, n: u8, output: Output) {
        let me = Node::Director(n);
        let now = self.clock.now;
        let process = self.directors[usize::from(n)].process_number;
        match output {
            Output::Relay { frame, class, to } => {
                if self.directors[usize::from(n)].is_honest() {
                    self.ledger.hold(now, n, process, &frame);
                }
                for (_, key) in to.iter() {
                    self.director_sends(n, key, Payload::Envelope(class, frame.clone()));
                }
            }
            Output::Send { message: Control::Fetch(_), .. } if self.scenario.options.no_fetch => {}
            Output::Send { to, message, .. } => {
                self.director_sends(n, &to, Payload::control(message));
            }
            Output::SendAll { to, message, .. } => {
                let payload = Payload::control(message);
                for to in to.iter() {
                    self.director_sends(n, to, payload.clone());
                }
            }
            Output::Replay { to, frames, .. } => {
                for (class, frame) in frames {
                    self.director_sends(n, &to, Payload::Envelope(class, frame));
                }
            }
            Output::Drained { left } => self.drained(n, left),
            Output::Disconnect { peer, reason, .. } => self.director_disconnects(n, &peer, reason),
            Output::Allow { mesh, public } => {
                self.network.allow(&mut self.clock, me, AllowKind::Mesh, mesh.clone());
                self.network.allow(&mut self.clock, me, AllowKind::Public, public);
                self.want(n, mesh);
            }
            Output::Remember(vote) => {
                let slot = (vote.validator.clone(), vote.vote.vote.checkpoint);
                self.directors[usize::from(n)].disk.votes.entry(slot).or_insert(vote);
            }
            Output::Replace(vote) => {
                let slot = (vote.validator.clone(), vote.vote.vote.checkpoint);
                self.directors[usize::from(n)].disk.votes.insert(slot, vote);
            }
            Output::Recall(vote) => {
                let slot = (vote.validator.clone(), vote.vote.vote.checkpoint);
                let first = self.directors[usize::from(n)].disk.votes.get(&slot).cloned();
                let at = now + self.rng.random_range(1..20);
                let event = NodeEvent::Recalled { vote, first };
                self.clock.put(at, Event::Tell(me, process, event));
            }
            Output::Forget { below } => {
                let votes = &mut self.directors[usize::from(n)].disk.votes;
                votes.retain(|(_, checkpoint), _| *checkpoint >= below);
            }
            Output::Proven(proof) => {
                self.clock.trace.note(|| format!("proof at d{n} {:?}", proof.id()));
                self.directors[usize::from(n)].prove(proof);
                if self.directors[usize::from(n)].is_honest() {
                    self.check_proof(n, &proof);
                    self.chain.report(&proof);
                }
            }
            Output::CheckStake(application) => {
                let request = application.request;
                let number = request.request.block_number;
                let proven = self.chain.proven(number, &request.request.validator);
                let result = proven.ok_or(StakeRefusal::NotRegistered);
                let event = NodeEvent::StakeChecked { request: Box::new(request), result };
                let at = now + self.rng.random_range(1..20);
                self.clock.put(at, Event::Tell(me, process, event));
            }
            Output::Revoked { .. } => {}
            Output::SubmitVotes { validator, votes } => {
                self.clock.trace.note(|| format!("votes of d{n} about {validator}"));
                self.chain.submit(&validator, &votes);
            }
        }
    }

    fn director_disconnects(&mut self, n: u8, peer: &PublicKey, reason: DisconnectReason) {
        let Some(peer) = Node::of(peer) else { return };
        self.check_disconnect(n, peer, reason);
        let flush = match reason {
            DisconnectReason::Revoked | DisconnectReason::Unwanted | DisconnectReason::Full => true,
            DisconnectReason::NotADirector
            | DisconnectReason::NotAllowed
            | DisconnectReason::NoDirectorOurselves => false,
        };
        self.network.disconnect(&mut self.clock, Node::Director(n), peer, flush);
    }

    /// Between two directors the one with the smaller key dials.
    fn want(&mut self, n: u8, mesh: Vec<PublicKey>) {
        let own = Node::Director(n).key();
        let wanted: Vec<_> = mesh.into_iter().filter(|key| own < *key).collect();
        let node = &mut self.directors[usize::from(n)];
        node.wanted.retain(|key, _| wanted.contains(key));
        for key in wanted {
            let is_new = !self.directors[usize::from(n)].wanted.contains_key(&key);
            if is_new && let Some(peer) = Node::of(&key) {
                self.directors[usize::from(n)].wanted.insert(key, 0);
                let process = self.directors[usize::from(n)].process_number;
                self.clock.put(self.clock.now, Event::Redial(n, peer, process));
            }
        }
    }

    /// After a delay with full jitter, as the network of the service does.
    fn redial_later(&mut self, n: u8, peer: &PublicKey) {
        let node = &mut self.directors[usize::from(n)];
        let process = node.process_number;
        let Some(failures) = node.wanted.get_mut(peer) else { return };
        let (base, most) = REDIAL_MS;
        let delay = (base << (*failures).min(10)).min(most);
        *failures += 1;
        let at = self.clock.now + self.rng.random_range(0..=delay);
        if let Some(peer) = Node::of(peer) {
            self.clock.put(at, Event::Redial(n, peer, process));
        }
    }

    pub(super) fn redial(&mut self, n: u8, peer: Node, process: u64) {
        let node = &self.directors[usize::from(n)];
        let is_wanted = node.wanted.contains_key(&peer.key());
        let me = Node::Director(n);
        let is_current = self.process_of(me) == Some(process);
        if is_wanted && is_current && !self.network.is_connected(me, peer) {
            self.network.dial(&mut self.clock, me, peer);
        }
    }
}
