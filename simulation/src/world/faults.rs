//! Lets things go wrong, and right again.

use super::World;
use crate::{
    Event, Millis, NodeEvent,
    chain::Change,
    faults::FaultKind,
    node::{MAX_DIRECTORS, Node},
};
use director_service::director::Input;
use rand::Rng;

impl World {
    pub(super) fn begin(&mut self, number: usize) {
        let kind = self.scenario.faults[number].kind.clone();
        self.clock.trace.note(|| format!("begin {kind:?}"));
        match kind {
            FaultKind::Partition { side, one_way } => self.partition(&side, one_way, true),
            FaultKind::CutLink(a, b) => self.cut(a, b, true),
            FaultKind::Reset(a, b) => self.network.reset(&mut self.clock, a, b),
            FaultKind::Loss(a, b, of_10_000) => self.lose(a, b, of_10_000),
            FaultKind::Crash { node, silently, loses_disk } => {
                self.crash(node, silently, !loses_disk);
            }
            FaultKind::Drain(n) => self.put_director(n, Input::Drain),
            FaultKind::Freeze(node) => self.freeze(node),
            FaultKind::RemoveDirector(n) => self.chain.plan(0, Change::RemoveDirector(n)),
            FaultKind::AddDirector(n) => {
                self.chain.plan(0, Change::AddDirector(n));
                self.restart_within(Node::Director(n), 3_000);
            }
            FaultKind::Join(n) => {
                self.chain.plan(0, Change::Register(n));
                self.restart_within(Node::Validator(n), 3_000);
                self.publish_later(n, self.clock.now + 3_000);
            }
            FaultKind::Leave(n) => self.chain.plan(0, Change::Leave(n)),
        }
    }

    pub(super) fn end(&mut self, number: usize) {
        let kind = self.scenario.faults[number].kind.clone();
        self.clock.trace.note(|| format!("end {kind:?}"));
        match kind {
            FaultKind::Partition { side, one_way } => self.partition(&side, one_way, false),
            FaultKind::CutLink(a, b) => self.cut(a, b, false),
            FaultKind::Loss(a, b, _) => self.lose(a, b, 0),
            FaultKind::Crash { node, .. } => {
                if self.process_of(node).is_none() {
                    self.restart(node);
                }
            }
            FaultKind::Drain(n) => {
                // Whether it was done or not.
                self.crash(Node::Director(n), false, true);
                self.restart(Node::Director(n));
            }
            FaultKind::Freeze(node) => self.thaw(node),
            FaultKind::RemoveDirector(n) => self.chain.plan(0, Change::AddDirector(n)),
            FaultKind::Leave(n) => self.crash(Node::Validator(n), false, true),
            FaultKind::Reset(..) | FaultKind::AddDirector(_) | FaultKind::Join(_) => {}
        }
    }

    /// A director has handed its validators over, as far as they went: it stops.
    pub(super) fn drained(&mut self, n: u8, left: u32) {
        self.clock.trace.note(|| format!("d{n} is drained, {left} left"));
        self.crash(Node::Director(n), false, true);
    }

    fn restart_within(&mut self, node: Node, ms: Millis) {
        let at = self.clock.now + self.rng.random_range(0..=ms);
        self.clock.put(at, Event::Restart(node));
    }

    fn cut(&mut self, a: Node, b: Node, cut: bool) {
        self.network.cut(&mut self.clock, a, b, cut);
        self.network.cut(&mut self.clock, b, a, cut);
    }

    fn partition(&mut self, side: &[Node], one_way: bool, cut: bool) {
        let directors = (0..MAX_DIRECTORS).map(Node::Director);
        let validators = self.validators.iter().map(|of| of.node());
        let others: Vec<_> = directors.chain(validators).filter(|of| !side.contains(of)).collect();
        for a in side {
            for b in &others {
                self.network.cut(&mut self.clock, *a, *b, cut);
                if !one_way {
                    self.network.cut(&mut self.clock, *b, *a, cut);
                }
            }
        }
    }

    fn lose(&mut self, a: Node, b: Node, of_10_000: u32) {
        self.network.lose(a, b, of_10_000);
        self.network.lose(b, a, of_10_000);
    }

    fn crash(&mut self, node: Node, silently: bool, keeps_disk: bool) {
        if self.process_of(node).is_none() {
            return;
        }
        self.network.crash(&mut self.clock, node, silently);
        match node {
            Node::Director(n) => self.directors[usize::from(n)].stop(keeps_disk),
            Node::Validator(n) => self.validators[usize::from(n)].process = None,
        }
    }

    fn backlog(&mut self, node: Node) -> Option<&mut Option<Vec<NodeEvent>>> {
        Some(match node {
            Node::Director(n) => &mut self.directors[usize::from(n)].process.as_mut()?.backlog,
            Node::Validator(n) => {
                &mut self.validators.get_mut(usize::from(n))?.process.as_mut()?.backlog
            }
        })
    }

    fn freeze(&mut self, node: Node) {
        let Some(backlog) = self.backlog(node) else { return };
        backlog.get_or_insert_default();
        self.network.freeze(&mut self.clock, node, true);
    }

    /// A process goes on: it finds what has come meanwhile, and of the chain the newest block.
    fn thaw(&mut self, node: Node) {
        let Some(came) = self.backlog(node).and_then(Option::take) else { return };
        self.network.freeze(&mut self.clock, node, false);
        let is_block = |event: &NodeEvent| matches!(event, NodeEvent::Finalized(_));
        let is_tick = |event: &NodeEvent| matches!(event, NodeEvent::Tick);
        let newest = came.iter().rposition(is_block);
        for (at, event) in came.into_iter().enumerate() {
            if !is_tick(&event) && (!is_block(&event) || Some(at) == newest) {
                self.clock.tell(node, event);
            }
        }
        self.clock.tell(node, NodeEvent::Tick);
    }
}
