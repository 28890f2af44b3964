//! What travels on a connection.

use crate::{
    digest::Digest,
    ledger::{name, place},
    node::Node,
};
use codec::Encode;
use director_primitives::{Control, Priority, Range, Served, VectorEntry, VectorSummary};
use director_service::director::Frame;
use std::sync::Arc;

/// Bytes that a message costs beside its own, in queues.
const COST: usize = 64;

fn entries(entries: &[VectorEntry]) -> String {
    let entry = |entry: &VectorEntry| {
        let [critical, high, normal, bulk] = entry.contiguous;
        let origin = Node::of(&entry.origin);
        let origin = origin.map_or_else(|| "nobody".into(), |origin| format!("{origin:?}"));
        format!("{origin} {} {critical} {high} {normal} {bulk}", entry.epoch)
    };
    entries.iter().map(entry).collect::<Vec<_>>().join(", ")
}

/// A control message, encoded once for all who get it.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The message.
    pub(crate) message: Control,
    /// Bytes of its encoding.
    pub(crate) len: usize,
    digest: u64,
}

/// An envelope or a control message.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    /// An encoded signed envelope.
    Envelope(Priority, Frame),
    /// A control message; goes with Critical.
    Control(Arc<Packed>),
}

impl Payload {
    /// Packs a control message.
    pub(crate) fn control(message: Control) -> Self {
        let bytes = message.encode();
        let mut digest = Digest::default();
        digest.bytes(&bytes);
        Self::Control(Arc::new(Packed { message, len: bytes.len(), digest: digest.value() }))
    }

    /// The class that it goes with.
    pub(crate) fn class(&self) -> Priority {
        match self {
            Self::Envelope(class, _) => *class,
            Self::Control(_) => Priority::Critical,
        }
    }

    /// Bytes on the wire, framing apart.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Envelope(_, frame) => frame.len(),
            Self::Control(packed) => packed.len,
        }
    }

    /// Bytes that it takes of a queue's bound.
    pub(super) fn cost(&self) -> usize {
        self.len() + COST
    }

    /// What it is, for a line of the trace.
    pub(crate) fn name(&self) -> String {
        let packed = match self {
            Self::Envelope(class, frame) => {
                let len = frame.len();
                return match place(frame) {
                    Some(place) => format!("{} {len} B", name(&place)),
                    None => format!("no envelope {class:?} {len} B"),
                };
            }
            Self::Control(packed) => packed,
        };
        let ranges = |range: &Range| {
            let Range { origin, epoch, class, first, last } = *range;
            format!("{}..={last}", name(&(origin, epoch, class, first)))
        };
        match &packed.message {
            Control::Fetch(fetch) => {
                let ranges: Vec<_> = fetch.ranges.iter().map(ranges).collect();
                format!("Fetch {}", ranges.join(", "))
            }
            Control::Fetched(fetched) => {
                let served = fetched.ranges.iter().map(|served| {
                    let Served { range, gone_to, served_to } = served;
                    format!("{} gone {gone_to} served {served_to}", ranges(range))
                });
                format!("Fetched {}", served.collect::<Vec<_>>().join(", "))
            }
            Control::Vector(vector) => {
                let complete = if vector.complete { "complete " } else { "" };
                format!("Vector {complete}{}", entries(&vector.entries))
            }
            Control::Attach(attach) => {
                format!("Attach {:?} {}", attach.role, entries(&attach.vector))
            }
            Control::Heartbeat(signed) => match &signed.heartbeat.vector {
                VectorSummary::Hash(hash) => format!("Heartbeat {hash:?}"),
                VectorSummary::Delta(delta) => format!("Heartbeat {}", entries(delta)),
            },
            Control::Welcome(welcome) => format!("{welcome:?}"),
            other => {
                let text = format!("{other:?}");
                let word = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                format!("{word} {} B", packed.len)
            }
        }
    }

    /// A number that tells it from others.
    pub(crate) fn digest(&self) -> u64 {
        match self {
            Self::Envelope(_, frame) => {
                // The signature is a digest already.
                let mut digest = Digest::default();
                digest.bytes(&frame[frame.len().saturating_sub(64)..]);
                digest.number(frame.len() as u64);
                digest.value()
            }
            Self::Control(packed) => packed.digest,
        }
    }
}
