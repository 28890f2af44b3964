//! A connection as its two ends see it.

use super::way::Way;
use crate::{Millis, node::Node};

/// Which end of a connection: 0 dialed, 1 was called.
pub(super) type End = usize;

/// Number of a connection.
pub(crate) type ConnectionId = usize;

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) nodes: [Node; 2],
    /// Whether the end takes it for open.
    pub(super) open: [bool; 2],
    /// `ways[e]` leads away from end `e`.
    pub(super) ways: [Way; 2],
    /// Time from one end to the other.
    pub(super) latency_ms: Millis,
}

impl Connection {
    pub(super) fn new(dialer: Node, called: Node, latency_ms: Millis, now: Millis) -> Self {
        let way = || Way::new(now + latency_ms);
        Self { nodes: [dialer, called], open: [false, true], ways: [way(), way()], latency_ms }
    }

    /// The end at this node.
    pub(super) fn end_at(&self, node: Node) -> End {
        usize::from(self.nodes[0] != node)
    }

    /// Nothing comes or goes any more, and nothing waits.
    pub(super) fn is_over(&self) -> bool {
        !self.open[0] && !self.open[1]
    }
}
