//! What goes wrong in a run, and when.

use crate::{Millis, node::Node};
use rand::{Rng, rngs::StdRng};

/// Something that goes wrong for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From then on, in milliseconds.
    pub at: Millis,
    /// Until then.
    pub until: Millis,
    /// What.
    pub kind: FaultKind,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// These cannot reach the others; with `one_way` they can hear them.
    Partition {
        /// The nodes of one side.
        side: Vec<Node>,
        /// Whether only what leaves the side is lost.
        one_way: bool,
    },
    /// Two nodes cannot reach each other.
    CutLink(Node, Node),
    /// A connection breaks and both ends are told. It may be made again at once.
    Reset(Node, Node),
    /// Of 10,000 messages between two nodes so many are lost.
    Loss(Node, Node, u32),
    /// A process is dead meanwhile.
    Crash {
        /// Whose.
        node: Node,
        /// Whether nobody is told.
        silently: bool,
        /// Whether what is on disk is lost too.
        loses_disk: bool,
    },
    /// An operator lets a director hand its validators over, and starts it anew.
    Drain(u8),
    /// A process stands still.
    Freeze(Node),
    /// Governance takes a director out, and in again.
    RemoveDirector(u8),
    /// Governance takes a new director in.
    AddDirector(u8),
    /// A validator registers and asks to be authorized.
    Join(u8),
    /// A validator leaves.
    Leave(u8),
}

impl FaultKind {
    /// Its name, for counts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Partition { .. } => "partition",
            Self::CutLink(..) => "cut",
            Self::Reset(..) => "reset",
            Self::Loss(..) => "loss",
            Self::Crash { .. } => "crash",
            Self::Drain(_) => "drain",
            Self::Freeze(_) => "freeze",
            Self::RemoveDirector(_) => "remove",
            Self::AddDirector(_) => "add",
            Self::Join(_) => "join",
            Self::Leave(_) => "leave",
        }
    }
}

/// What faults are drawn for.
pub(crate) struct Cast<'a> {
    /// Directors of the first block.
    pub(crate) directors: u8,
    /// Validators of the first block.
    pub(crate) validators: u8,
    /// Nodes that break the rules: they are not frozen, cut off or killed as well.
    pub(crate) byzantine: &'a [Node],
    /// Faults happen between these moments.
    pub(crate) from: Millis,
    /// And end before this.
    pub(crate) until: Millis,
}

impl Cast<'_> {
    fn director(&self, rng: &mut StdRng) -> Node {
        Node::Director(rng.random_range(0..self.directors))
    }

    fn validator(&self, rng: &mut StdRng) -> Node {
        Node::Validator(rng.random_range(0..self.validators))
    }

    fn node(&self, rng: &mut StdRng) -> Node {
        match rng.random_bool(0.6) {
            true => self.director(rng),
            false => self.validator(rng),
        }
    }

    /// Two nodes that may be connected.
    fn pair(&self, rng: &mut StdRng) -> (Node, Node) {
        let a = self.director(rng);
        loop {
            let b = self.node(rng);
            if a != b {
                return (a, b);
            }
        }
    }

    fn side(&self, rng: &mut StdRng) -> Vec<Node> {
        let directors = (0..self.directors).map(Node::Director);
        let validators = (0..self.validators).map(Node::Validator);
        match rng.random_range(0..3) {
            // One director or validator alone.
            0 => vec![self.node(rng)],
            // Some directors, but all validators can reach them: the mesh is divided.
            1 => directors.filter(|_| rng.random_bool(0.4)).collect(),
            _ => directors.chain(validators).filter(|_| rng.random_bool(0.4)).collect(),
        }
    }

    /// Faults of a run, by the time when they begin.
    pub(crate) fn draw(&self, rng: &mut StdRng) -> Vec<Fault> {
        let count = rng.random_range(0..=8);
        let mut faults: Vec<Fault> = Vec::new();
        while faults.len() < count {
            let at = rng.random_range(self.from..self.until);
            let lasts = match rng.random_range(0..3) {
                0 => rng.random_range(50..1_000),
                1 => rng.random_range(1_000..6_000),
                _ => rng.random_range(6_000..20_000),
            };
            let until = (at + lasts).min(self.until);
            let kind = self.kind(rng);
            if self.suits(&faults, &kind) {
                faults.push(Fault { at, until, kind });
            }
        }
        faults.sort_by_key(|fault| fault.at);
        faults
    }

    fn kind(&self, rng: &mut StdRng) -> FaultKind {
        match rng.random_range(0..17) {
            0..2 => FaultKind::Partition { side: self.side(rng), one_way: rng.random_bool(0.2) },
            2..4 => {
                let (a, b) = self.pair(rng);
                FaultKind::CutLink(a, b)
            }
            4..6 => {
                let (a, b) = self.pair(rng);
                FaultKind::Reset(a, b)
            }
            6..8 => {
                let (a, b) = self.pair(rng);
                FaultKind::Loss(a, b, rng.random_range(100..2_000))
            }
            8..11 => {
                let silently = rng.random_bool(0.3);
                let loses_disk = rng.random_bool(0.3);
                FaultKind::Crash { node: self.node(rng), silently, loses_disk }
            }
            11..13 => FaultKind::Freeze(self.node(rng)),
            13 => FaultKind::RemoveDirector(rng.random_range(0..self.directors)),
            14 => match rng.random_bool(0.5) {
                true => FaultKind::AddDirector(self.directors),
                false => FaultKind::Join(self.validators),
            },
            15 => FaultKind::Drain(rng.random_range(0..self.directors)),
            _ => FaultKind::Leave(rng.random_range(0..self.validators)),
        }
    }

    /// Whether a fault may be added: governance and membership change once for each node.
    fn suits(&self, faults: &[Fault], kind: &FaultKind) -> bool {
        let is_once = matches!(
            kind,
            FaultKind::RemoveDirector(_)
                | FaultKind::AddDirector(_)
                | FaultKind::Join(_)
                | FaultKind::Leave(_)
        );
        let is_there = faults.iter().any(|fault| fault.kind == *kind);
        let hits_byzantine = match kind {
            FaultKind::Crash { node, .. } | FaultKind::Freeze(node) => {
                self.byzantine.contains(node)
            }
            FaultKind::RemoveDirector(n) | FaultKind::Drain(n) => {
                self.byzantine.contains(&Node::Director(*n))
            }
            FaultKind::Leave(n) => self.byzantine.contains(&Node::Validator(*n)),
            _ => false,
        };
        let leaving = faults.iter().filter(|fault| matches!(fault.kind, FaultKind::Leave(_)));
        let is_too_many = matches!(kind, FaultKind::Leave(_)) && leaving.count() >= 2;
        !(is_once && is_there || hits_byzantine || is_too_many)
    }
}
