//! Directors: everybody is connected to one of five, and to a second one that sends digests only.

use super::{
    case::{DIRECTORS, VOTE_LEN},
    net::{Behaviour, Id, Message, Net},
};
use crate::{
    chain::{block_hash, genesis},
    envelopes::{self, SimulatedCrypto},
    node::Node,
};
use codec::Encode;
use director_primitives::{
    AccountId32, Attach, Control, Encoding, Envelope, PayloadKind, Priority, PublicKey, Role,
    Snapshot, Topic,
    runtime_api::{DirectorInfo, DirectorSet, Domain, ValidatorInfo, ValidatorStatus},
};
use director_service::director::{Config, Director, Frame, Input, Link, Output, Received};
use std::{collections::HashMap, sync::Arc};

/// Bytes of an envelope before the payload: origin, epoch, class, number, kind, encoding, length.
const HEAD_LEN: usize = 32 + 8 + 1 + 8 + 2 + 1 + 2;

/// What arrives at a director.
enum Arrival {
    Vote(Id, Message),
    Control(Id, Control),
    Up(Id),
    Down(Id),
}

/// Five directors, their validators and what is on its way to them.
pub(super) struct Directors {
    validators: usize,
    cores: Vec<Director<SimulatedCrypto>>,
    keys: HashMap<PublicKey, Id>,
    frames: Vec<Frame>,
    last_seq: Vec<u64>,
    /// What arrives at which moment, by director.
    arriving: Vec<std::collections::BTreeMap<(u64, u64), Arrival>>,
    arrived: u64,
    connected: usize,
}

fn validator_key(id: Id) -> PublicKey {
    let mut bytes = [0x55; 32];
    bytes[..4].copy_from_slice(&id.to_be_bytes());
    PublicKey::from_raw(bytes)
}

fn snapshot(validators: usize) -> Arc<Snapshot> {
    let domain = Domain {
        genesis_hash: genesis(),
        checkpoint_interval: 10,
        min_stake: 1,
        unbonding_period: 1_000,
        slash_defer_period: 5,
        min_directors: 1,
        max_directors: 7,
        max_validators: 10_000,
        max_active_validators: 10_000,
        stale_after: 100,
    };
    let director = |n: usize| DirectorInfo {
        account: Node::Director(n as u8).account(),
        peer_key: Node::Director(n as u8).key(),
        endpoints: Default::default(),
        region: Default::default(),
        capacity: u32::MAX,
        refreshed_at: 0,
        active_since: 0,
    };
    let validator = |id: usize| {
        let key = validator_key(id as Id);
        let mut checkpoint_key = key;
        checkpoint_key.0[31] = 0xaa;
        ValidatorInfo {
            account: AccountId32::new(key.0),
            registration_id: id as u64 + 1,
            status: ValidatorStatus::Authorized,
            stake: 1,
            unbonding: 0,
            checkpoint_key,
            peer_key: key,
            retired_keys: Vec::new(),
            slashable_from: 0,
        }
    };
    let active = (0..DIRECTORS).map(director).collect();
    let directors = DirectorSet { version: 1, active, invited: Vec::new() };
    let validators = (0..validators).map(validator).collect();
    Arc::new(Snapshot::new(100, block_hash(100), domain, directors, validators))
}

impl Directors {
    pub(super) fn new(validators: usize) -> Self {
        let core = |n: usize| {
            let node = Node::Director(n as u8);
            let config = Config::new(node.account(), node.key());
            Director::new(config, SimulatedCrypto::new(node), Vec::new())
        };
        let of_validators = (0..validators as Id).map(|id| (validator_key(id), id));
        let of_directors =
            (0..DIRECTORS).map(|n| (Node::Director(n as u8).key(), (validators + n) as Id));
        Self {
            validators,
            cores: (0..DIRECTORS).map(core).collect(),
            keys: of_validators.chain(of_directors).collect(),
            frames: Vec::new(),
            last_seq: vec![0; validators],
            arriving: (0..DIRECTORS).map(|_| Default::default()).collect(),
            arrived: 0,
            connected: 0,
        }
    }

    fn key(&self, id: Id) -> PublicKey {
        match (id as usize).checked_sub(self.validators) {
            None => validator_key(id),
            Some(n) => Node::Director(n as u8).key(),
        }
    }

    fn link(&self, id: Id) -> Link {
        if id as usize >= self.validators { Link::Mesh } else { Link::Public }
    }

    /// The director that a validator sends to and hears everything of.
    fn home(&self, validator: Id) -> Id {
        (self.validators + validator as usize % DIRECTORS) as Id
    }

    fn bring(&mut self, net: &mut Net, at: u64, to: Id, arrival: Arrival) {
        let n = to as usize - self.validators;
        self.arrived += 1;
        self.arriving[n].insert((at, self.arrived), arrival);
        net.later(at, to);
    }

    fn put(&mut self, net: &mut Net, director: Id, input: Input) {
        let n = director as usize - self.validators;
        let mut out = Vec::new();
        self.cores[n].handle(net.now, input, &mut out);
        for output in out {
            self.carry_out(net, director, output);
        }
    }

    fn carry_out(&mut self, net: &mut Net, director: Id, output: Output) {
        match output {
            Output::Relay { frame, to, .. } => {
                let message = self.message_of(&frame);
                for (_, key) in to.iter() {
                    if let Some(id) = self.keys.get(key) {
                        net.send(director, *id, message);
                    }
                }
            }
            Output::Replay { to, frames, .. } => {
                for (_, frame) in frames {
                    let message = self.message_of(&frame);
                    if let Some(id) = self.keys.get(&to) {
                        net.send(director, *id, message);
                    }
                }
            }
            Output::Send { to, message, .. } => self.send_control(net, director, &to, message),
            Output::SendAll { to, message, .. } => {
                for to in to.iter() {
                    self.send_control(net, director, to, message.clone());
                }
            }
            _ => {}
        }
    }

    fn send_control(&mut self, net: &mut Net, director: Id, to: &PublicKey, message: Control) {
        let Some(id) = self.keys.get(to).copied() else { return };
        let at = net.control(director, id, message.encoded_size());
        if id as usize >= self.validators {
            self.bring(net, at, id, Arrival::Control(director, message));
        }
    }

    fn message_of(&self, frame: &[u8]) -> Message {
        let number = frame.get(HEAD_LEN..).and_then(|payload| payload.first_chunk());
        number.map_or(0, |number| Message::from_le_bytes(*number))
    }

    /// A second director, of which it hears digests only.
    fn standby(&self, validator: Id) -> Id {
        self.home(validator + 1)
    }

    /// A connection stands, and the validator says what it is for.
    fn connect(&mut self, net: &mut Net, validator: Id, director: Id) {
        self.connected += 1;
        let role = match director == self.home(validator) {
            true => Role::Primary,
            false => Role::Standby,
        };
        let attach = Control::Attach(Attach { role, vector: Default::default() });
        self.bring(net, net.now, director, Arrival::Up(validator));
        let at = net.control(validator, director, attach.encoded_size());
        self.bring(net, at, director, Arrival::Control(validator, attach));
    }
}

impl Behaviour for Directors {
    fn start(&mut self, net: &mut Net, validators: &[Id]) {
        let first = self.validators as Id;
        let directors: Vec<_> = (first..first + DIRECTORS as Id).collect();
        let snapshot = snapshot(self.validators);
        for director in &directors {
            self.put(net, *director, Input::Finalized(snapshot.clone()));
        }
        for a in &directors {
            for b in directors.iter().filter(|b| *b != a) {
                self.bring(net, net.now, *a, Arrival::Up(*b));
            }
        }
        self.connected = DIRECTORS * (DIRECTORS - 1) / 2;
        for validator in validators {
            self.connect(net, *validator, self.home(*validator));
            self.connect(net, *validator, self.standby(*validator));
        }
    }

    fn publish(&mut self, net: &mut Net, from: Id, message: Message) {
        self.last_seq[from as usize] += 1;
        let mut payload = message.to_le_bytes().to_vec();
        payload.resize(VOTE_LEN - HEAD_LEN - 64, 0);
        let envelope = Envelope {
            origin: validator_key(from),
            epoch: 1,
            class: Priority::Critical,
            seq: self.last_seq[from as usize],
            kind: PayloadKind::Opaque(Topic::default()),
            encoding: Encoding::Identity,
            payload,
        };
        self.frames.push(envelopes::sign(&genesis(), &envelope));
        net.send(from, self.home(from), message);
    }

    fn arrive(&mut self, net: &mut Net, from: Id, to: Id, message: Message, _: bool) {
        if to as usize >= self.validators {
            self.bring(net, net.now, to, Arrival::Vote(from, message));
        }
    }

    fn join(&mut self, net: &mut Net, validator: Id) {
        net.dial(validator, self.home(validator));
        net.dial(validator, self.standby(validator));
    }

    fn connected(&mut self, net: &mut Net, from: Id, to: Id) {
        self.connect(net, from, to);
    }

    fn gone(&mut self, net: &mut Net, node: Id, peer: Id) {
        self.bring(net, net.now, node, Arrival::Down(peer));
    }

    fn leave(&mut self, _: &mut Net, validator: Id) -> Vec<Id> {
        self.connected -= 2;
        vec![self.home(validator), self.standby(validator)]
    }

    fn tick(&mut self, net: &mut Net) {
        for n in 0..DIRECTORS {
            self.put(net, (self.validators + n) as Id, Input::Tick);
        }
    }

    /// What has arrived at a director by now, votes in a row together.
    fn later(&mut self, net: &mut Net, director: Id) {
        let n = director as usize - self.validators;
        let mut votes = Vec::new();
        while let Some(entry) = self.arriving[n].first_entry()
            && entry.key().0 <= net.now
        {
            let input = match entry.remove() {
                Arrival::Vote(from, message) => {
                    let frame = self.frames[message as usize].clone();
                    votes.push(Received { from: self.key(from), link: self.link(from), frame });
                    continue;
                }
                Arrival::Control(from, message) => {
                    Input::Control { from: self.key(from), link: self.link(from), message }
                }
                Arrival::Up(peer) => Input::Up { peer: self.key(peer), link: self.link(peer) },
                Arrival::Down(peer) => Input::Down { peer: self.key(peer), link: self.link(peer) },
            };
            if !votes.is_empty() {
                self.put(net, director, Input::Frames(std::mem::take(&mut votes)));
            }
            self.put(net, director, input);
        }
        if !votes.is_empty() {
            self.put(net, director, Input::Frames(votes));
        }
    }

    fn connections(&self) -> usize {
        self.connected
    }
}
