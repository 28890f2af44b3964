//! A validator's client: the real core and its outbox, behind the simulation's own words for what it hears and
//! wants.
//!
//! A thin layer, so that the rest of the simulation does not depend on how the client's core is cut.

use crate::{Millis, chain::genesis, envelopes::SimulatedKeys, node::Node};
use director_primitives::{
    Control, Envelope, H256, PayloadKind, Priority, PublicKey, RegistrationId, Snapshot, StakeProof,
};
use director_service::{
    client::{
        Config, Directors, Event, Kept, Outbox,
        core::{Core, Input, Output, Proven},
    },
    director::Frame,
    network::DownReason,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of messages that wait for their turn at a client. What is lost is given up long before there are so many.
pub(crate) const HELD_BYTES: usize = 8 * 1024 * 1024;

/// What a client hears.
#[derive(Debug)]
pub(crate) enum Hears {
    /// A block was finalized.
    Finalized(Arc<Snapshot>),
    /// A connection to a director stands.
    Up(PublicKey),
    /// A connection to a director is gone.
    Down(PublicKey, DownReason),
    /// A dial came to nothing.
    DialFailed(PublicKey, String),
    /// Envelopes and the directors that they came from.
    Frames(Vec<(PublicKey, Frame)>),
    /// A control message of a director.
    Control(PublicKey, Control),
    /// A stake proof is made.
    Proven(Proof),
    /// Time went by.
    Tick,
}

/// A stake proof that is wanted, or made: what is in it the simulation knows.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    attempt: u64,
    registration_id: RegistrationId,
    block: (u64, H256),
}

/// What a client wants.
#[derive(Debug)]
pub(crate) enum Wants {
    /// These and no others may be connected.
    Allow(Vec<PublicKey>),
    /// A connection.
    Dial(PublicKey),
    /// The end of one.
    Disconnect(PublicKey),
    /// A control message sent.
    Send(PublicKey, Control),
    /// An envelope sent.
    Frame(PublicKey, Priority, Frame),
    /// A stake proof.
    Prove(Proof),
    /// A message for the application.
    Deliver(Envelope),
    /// The application told something.
    Tell(Event),
}

/// Something that the application publishes.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// What it is.
    pub(crate) kind: PayloadKind,
    /// Its class.
    pub(crate) class: Priority,
    /// The message.
    pub(crate) payload: Vec<u8>,
}

/// How a client is set up in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    /// Whether its application wants strict order.
    pub(crate) is_strict: bool,
    /// Bytes that its outbox keeps.
    pub(crate) outbox_bytes: usize,
    /// Decides about its jitter.
    pub(crate) seed: u64,
}

/// The client.
pub(crate) struct Client {
    core: Core<SimulatedKeys>,
    outbox: Arc<Mutex<Outbox<SimulatedKeys>>>,
}

impl Client {
    /// One that knows nothing yet.
    pub(crate) fn new(node: Node, now: Millis, setup: Setup) -> Self {
        // The secret is the network's, and there is none here.
        let mut config = Config::new([0; 32], node.account(), genesis(), Directors::OnChain);
        config.held_bytes = HELD_BYTES;
        config.strict = [setup.is_strict; 4];
        config.outbox_bytes = setup.outbox_bytes;
        let keys = SimulatedKeys::new(node, genesis());
        // The clock in milliseconds, as the service has it; not 0, which says that nobody has spoken.
        let outbox = Outbox::new(keys.clone(), genesis(), now + 1, setup.outbox_bytes);
        let outbox = Arc::new(Mutex::new(outbox));
        Self { core: Core::new(config, keys, outbox.clone(), 0, setup.seed), outbox }
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox<SimulatedKeys>> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes something. `false` if there is no room for it.
    pub(crate) fn publish(&mut self, now: Millis, message: Message, out: &mut Vec<Wants>) -> bool {
        let Message { kind, class, payload } = message;
        let mut send = |to: &PublicKey, class, frame| {
            out.push(Wants::Frame(*to, class, frame));
            true
        };
        self.outbox().publish(now, kind, class, payload, &mut send).is_ok()
    }

    /// Takes what it hears.
    pub(crate) fn handle(&mut self, now: Millis, hears: Hears, out: &mut Vec<Wants>) {
        let input = match hears {
            Hears::Finalized(snapshot) => Input::Finalized(snapshot),
            Hears::Up(director) => Input::Up { director },
            Hears::Down(director, reason) => Input::Down { director, reason },
            Hears::DialFailed(director, error) => Input::DialFailed { director, error },
            Hears::Frames(frames) => Input::Frames(frames),
            Hears::Control(from, message) => Input::Control { from, message },
            Hears::Proven(Proof { attempt, registration_id, block }) => {
                let result = Ok(StakeProof::default());
                Input::Proven(Proven { attempt, registration_id, block, result })
            }
            Hears::Tick => Input::Tick,
        };
        let mut outputs = Vec::new();
        self.core.handle(now, input, &mut outputs);
        for output in outputs {
            out.push(match output {
                Output::Allow(keys) => Wants::Allow(keys),
                Output::Dial { director, .. } => Wants::Dial(director),
                Output::Disconnect { director } => Wants::Disconnect(director),
                Output::Send { to, message } => Wants::Send(to, message),
                Output::Flush => {
                    let mut send = |to: &PublicKey, class, frame| {
                        out.push(Wants::Frame(*to, class, frame));
                        true
                    };
                    self.outbox().flush(now, &mut send);
                    continue;
                }
                Output::Prove { attempt, registration_id, block, .. } => {
                    Wants::Prove(Proof { attempt, registration_id, block })
                }
                Output::Deliver(envelope) => Wants::Deliver(envelope),
                Output::Tell(event) => Wants::Tell(event),
            });
        }
    }

    /// What is kept of messages.
    pub(crate) fn kept(&self) -> Kept {
        self.core.kept()
    }

    /// The director that it talks through.
    pub(crate) fn primary(&self) -> Option<PublicKey> {
        self.core.primary()
    }

    /// Sequences of which something is missing.
    pub(crate) fn behind(&self) -> usize {
        self.core.behind()
    }
}
