//! Holds the present moment, what is to come, and what nodes are to be told now.

use crate::{
    Millis, Trace,
    client::Proof,
    network::{NetworkEvent, Payload},
    node::Node,
    schedule::Schedule,
};
use director_primitives::{AccountId32, ProvenStake, SignedAuthorizationRequest, StakeRefusal};
use director_service::{director::ValidatorVote, network::DownReason};

/// Something that happens to the world.
#[derive(Debug)]
pub(crate) enum Event {
    Network(NetworkEvent),
    /// A node handles what it was told.
    Handle(Node),
    /// A node's process is told something that is not of the network.
    Tell(Node, u64, NodeEvent),
    Tick(Node, u64),
    Block,
    Begin(usize),
    End(usize),
    /// A validator's application publishes.
    Publish(u8),
    /// A director dials another one, unless it is connected.
    Redial(u8, Node, u64),
    /// A process begins anew.
    Restart(Node),
}

/// Something that a node hears.
#[derive(Debug)]
pub(crate) enum NodeEvent {
    Payload {
        from: Node,
        payload: Payload,
    },
    Up {
        peer: Node,
    },
    Down {
        peer: Node,
        reason: DownReason,
    },
    DialFailed {
        peer: Node,
        error: String,
    },
    Finalized(u64),
    Recalled {
        vote: ValidatorVote,
        first: Option<ValidatorVote>,
    },
    StakeChecked {
        request: Box<SignedAuthorizationRequest<AccountId32>>,
        result: Result<ProvenStake, StakeRefusal>,
    },
    Proven(Proof),
    Tick,
}

/// The present and what is to come.
#[derive(Default)]
pub(crate) struct Clock {
    pub(crate) now: Millis,
    pub(crate) trace: Trace,
    schedule: Schedule<Event>,
    /// In the order in which it happened.
    pub(crate) told: Vec<(Node, NodeEvent)>,
}

impl Clock {
    pub(crate) fn new(trace: Trace) -> Self {
        Self { trace, ..Self::default() }
    }

    pub(crate) fn put(&mut self, at: Millis, event: Event) {
        self.schedule.put(at.max(self.now), event);
    }

    pub(crate) fn tell(&mut self, node: Node, event: NodeEvent) {
        self.told.push((node, event));
    }

    /// Goes to the next event up to that moment.
    pub(crate) fn next(&mut self, until: Millis) -> Option<Event> {
        let (at, event) = self.schedule.next(until)?;
        self.now = at;
        self.trace.now = at;
        Some(event)
    }

    pub(crate) fn events(&self) -> u64 {
        self.schedule.caused()
    }
}
