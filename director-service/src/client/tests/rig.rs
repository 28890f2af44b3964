//! A core alone, with directors and a clock that do as the test says.

use super::{GENESIS, account, authorized, message, peer_key};
use crate::{
    client::{
        Config, DirectorAddress, Event, LocalKey, Outbox, Signer,
        core::{Core, Input, Output},
    },
    network::DownReason,
};
use director_primitives::{
    Attach, Control, Fetch, Fetched, H256, Heartbeat, PayloadKind,
    Priority::{self, Critical},
    PublicKey, Range, Role, Served, Signature, SignedHeartbeat, Vector, VectorEntry, VectorSummary,
    Welcome,
};
use std::sync::{Arc, Mutex};

pub(super) struct Rig {
    pub(super) core: Core<LocalKey>,
    pub(super) outbox: Arc<Mutex<Outbox<LocalKey>>>,
    pub(super) now: u64,
    pub(super) out: Vec<Output>,
    /// What was sent of the outbox, and to whom.
    pub(super) sent: Vec<(PublicKey, Priority)>,
}

pub(super) fn director(n: u8) -> PublicKey {
    peer_key(n).key()
}

pub(super) fn range(n: u8, first: u64, last: u64) -> Range {
    Range { origin: peer_key(n).key(), epoch: 5, class: Critical, first, last }
}

pub(super) fn entry(n: u8, epoch: u64, critical: u64) -> VectorEntry {
    VectorEntry { origin: peer_key(n).key(), epoch, contiguous: [critical, 0, 0, 0] }
}

impl Rig {
    /// Validator 1 of four, with directors 50, 51 and 52 in this order.
    pub(super) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let of = |n: u8| DirectorAddress { peer_key: director(n), addresses: Vec::new() };
        let mut config = Config::new([1; 32], account(1), GENESIS, vec![of(50), of(51), of(52)]);
        change(&mut config);
        let outbox = Outbox::new(peer_key(1), GENESIS, 1_000, 1_000_000);
        let outbox = Arc::new(Mutex::new(outbox));
        let core = Core::new(config, peer_key(1), outbox.clone(), 0, 7);
        let mut rig = Self { core, outbox, now: 0, out: Vec::new(), sent: Vec::new() };
        rig.put(Input::Finalized(Arc::new(authorized(1, 4))));
        rig
    }

    pub(super) fn put(&mut self, input: Input) {
        let from = self.out.len();
        self.core.handle(self.now, input, &mut self.out);
        if self.out[from..].iter().any(|output| matches!(output, Output::Flush)) {
            self.outbox.lock().unwrap().flush(self.now, &mut |to, class, _| {
                self.sent.push((*to, class));
                true
            });
        }
        let ended = |output: &Output| match output {
            Output::Disconnect { director } => Some(*director),
            _ => None,
        };
        let ended: Vec<_> = self.out[from..].iter().filter_map(ended).collect();
        for director in ended {
            self.put(Input::Down { director, reason: DownReason::Disconnected });
        }
    }

    /// Lets time go by, tick by tick.
    pub(super) fn wait(&mut self, ms: u64) {
        for _ in 0..ms / 50 {
            self.now += 50;
            self.put(Input::Tick);
        }
    }

    pub(super) fn say(&mut self, n: u8, message: Control) {
        self.put(Input::Control { from: director(n), message });
    }

    pub(super) fn vector(&mut self, n: u8, entries: Vec<VectorEntry>, complete: bool) {
        let entries = entries.try_into().unwrap();
        self.say(n, Control::Vector(Vector { entries, complete }));
    }

    pub(super) fn beat(&mut self, n: u8) {
        let heartbeat = Heartbeat {
            director: director(n),
            time_ms: self.now,
            validators: 1,
            capacity: 10,
            cpu_permille: 0,
            bandwidth_bytes_per_s: 0,
            finalized: 1,
            vector: VectorSummary::Hash(H256::zero()),
        };
        let signature = Signature::from_raw([0; 64]);
        self.say(n, Control::Heartbeat(SignedHeartbeat { heartbeat, signature }));
    }

    /// Director `n` was dialed, takes us, and tells that it has this.
    pub(super) fn connect(&mut self, n: u8, entries: Vec<VectorEntry>) {
        let dialed = |output: &Output| matches!(output, Output::Dial { director: dialed, .. } if *dialed == director(n));
        for _ in 0..1_000 {
            if self.out.iter().any(dialed) {
                break;
            }
            self.wait(50);
        }
        assert!(self.out.iter().any(dialed), "{n} is not dialed");
        self.out.retain(|output| !dialed(output));
        self.put(Input::Up { director: director(n) });
        self.say(n, Control::Welcome(Welcome { last_epoch: 0, authorized: true }));
        self.vector(n, entries, true);
    }

    /// Connected to 50 as primary and 51 as standby, both of which have 10 messages of validator 2.
    pub(super) fn connected(change: impl FnOnce(&mut Config)) -> Self {
        let mut rig = Self::new(change);
        rig.connect(50, vec![entry(2, 5, 10)]);
        rig.connect(51, vec![entry(2, 5, 10)]);
        assert_eq!(rig.core.primary(), Some(director(50)));
        assert_eq!(rig.core.standby(), Some(director(51)));
        rig.out.clear();
        rig
    }

    pub(super) fn frames(&mut self, from: u8, numbers: &[u64]) {
        let frame = |seq: &u64| (director(from), message(2, 5, Critical, *seq).into());
        self.put(Input::Frames(numbers.iter().map(frame).collect()));
    }

    pub(super) fn delivered(&self) -> Vec<u64> {
        let seq = |output: &Output| match output {
            Output::Deliver(envelope) => Some(envelope.seq),
            _ => None,
        };
        self.out.iter().filter_map(seq).collect()
    }

    pub(super) fn told(&self) -> Vec<&Event> {
        let event = |output: &'_ Output| matches!(output, Output::Tell(_));
        let told = self.out.iter().filter(|output| event(output));
        told.filter_map(|output| match output {
            Output::Tell(event) => Some(event),
            _ => None,
        })
        .collect()
    }

    /// The standby claims a message that the primary says it does not have, is asked for it and sends it.
    pub(super) fn sent_by_the_standby(&mut self, seq: u64) {
        self.vector(51, vec![entry(2, 5, seq)], false);
        self.wait(100);
        self.answer(50, range(2, seq, seq), seq - 1, seq - 1);
        self.wait(150);
        self.frames(51, &[seq]);
        self.answer(51, range(2, seq, seq), seq - 1, seq);
    }

    /// Who was asked for what, in order.
    pub(super) fn fetches(&self) -> Vec<(PublicKey, Vec<Range>)> {
        let fetch = |output: &Output| match output {
            Output::Send { to, message: Control::Fetch(Fetch { ranges }) } => {
                Some((*to, ranges.to_vec()))
            }
            _ => None,
        };
        self.out.iter().filter_map(fetch).collect()
    }

    pub(super) fn attaches(&self) -> Vec<(PublicKey, Role, Vec<VectorEntry>)> {
        let attach = |output: &Output| match output {
            Output::Send { to, message: Control::Attach(Attach { role, vector }) } => {
                Some((*to, *role, vector.to_vec()))
            }
            _ => None,
        };
        self.out.iter().filter_map(attach).collect()
    }

    pub(super) fn publish(&mut self) {
        self.publish_in(Critical);
    }

    pub(super) fn publish_in(&mut self, class: Priority) {
        let sent = &mut self.sent;
        let mut outbox = self.outbox.lock().unwrap();
        let payload = b"payload".to_vec();
        let kind = PayloadKind::BlockAnnouncement;
        outbox
            .publish(self.now, kind, class, payload, &mut |to, class, _| {
                sent.push((*to, class));
                true
            })
            .unwrap();
    }

    pub(super) fn answer(&mut self, n: u8, range: Range, gone_to: u64, served_to: u64) {
        let ranges = vec![Served { range, gone_to, served_to }].try_into().unwrap();
        self.say(n, Control::Fetched(Fetched { ranges }));
    }
}
