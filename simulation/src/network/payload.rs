//! What travels on a connection.

use crate::digest::Digest;
use codec::Encode;
use director_primitives::{Control, Priority};
use director_service::director::Frame;
use std::sync::Arc;

/// Bytes that a message costs beside its own, in queues.
const COST: usize = 64;

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

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that it takes of a queue's bound.
    pub(super) fn cost(&self) -> usize {
        self.len() + COST
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
