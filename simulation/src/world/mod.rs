//! The world of a run: everybody in it, and what happens to them in which order.

mod directors;
mod faults;
mod validators;

use crate::{
    Clock, Event, Millis, NodeEvent, Report, Scenario, Trace,
    adversaries::{hiding, mischief, misdeed, two_misdeeds, with_doors_shut},
    chain::{Chain, FIRST_BLOCK},
    checks,
    director::DirectorNode,
    ledger::Ledger,
    network::Network,
    node::{MAX_DIRECTORS, Node},
    validator::ValidatorNode,
};
use director_primitives::PublicKey;
use rand::{Rng, SeedableRng, rngs::StdRng};

/// How often a core is told that time went by, in milliseconds.
fn tick_ms(node: Node) -> Millis {
    if node.is_director() { 50 } else { 100 }
}

/// A backlog of a flood may take longer than the quiet end: by so much a run is made longer at a time, and at most.
/// A director is ready 30 s after its start at the latest.
const LONGER_MS: Millis = 3_000;
const MOST_LONGER_MS: Millis = 45_000;

/// Streams of random numbers, so that what one part draws changes nothing for another.
#[derive(Clone, Copy)]
enum Stream {
    World = 1,
    Network = 2,
    Directors = 3,
    Validators = 4,
    Combined = 5,
}

fn stream(seed: u64, stream: Stream) -> StdRng {
    StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream as u64)
}

/// Everything.
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) clock: Clock,
    pub(crate) rng: StdRng,
    pub(crate) network: Network,
    pub(crate) chain: Chain,
    pub(crate) directors: Vec<DirectorNode>,
    pub(crate) validators: Vec<ValidatorNode>,
    pub(crate) ledger: Ledger,
    /// What went wrong while it ran.
    pub(crate) failures: Vec<String>,
    /// Bounds that were exceeded.
    pub(crate) failures_of_bounds: Vec<String>,
}

fn directors(scenario: &Scenario) -> Vec<DirectorNode> {
    let mut rng = stream(scenario.seed, Stream::Directors);
    let mut others = stream(scenario.seed, Stream::Combined);
    let (count, validators) = (scenario.directors, scenario.validators);
    let mut director = |n| {
        let is_byzantine = scenario.byzantine_directors.contains(&n);
        let first = is_byzantine.then(|| misdeed(&mut rng, n, count, validators));
        let misdeed = first.map(|first| match scenario.combining.contains(&n) {
            true => two_misdeeds(&mut others, first, n, count, validators),
            false => first,
        });
        let misdeed = misdeed.map(|misdeed| match scenario.hiders.get(&n) {
            Some(most) => hiding(*most),
            None => misdeed,
        });
        let misdeed = misdeed.map(|misdeed| match scenario.doormen.contains(&n) {
            true => with_doors_shut(misdeed),
            false => misdeed,
        });
        DirectorNode::new(n, misdeed)
    };
    (0..MAX_DIRECTORS).map(&mut director).collect()
}

/// Those of the first block, and one that may join.
fn validators(scenario: &Scenario) -> Vec<ValidatorNode> {
    let mut rng = stream(scenario.seed, Stream::Validators);
    let mut validator = |n| {
        let is_byzantine = scenario.byzantine_validators.contains(&n);
        let mischief = is_byzantine.then(|| mischief(&mut rng, n));
        ValidatorNode::new(n, scenario.strict.contains(&n), mischief)
    };
    (0..=scenario.validators).map(&mut validator).collect()
}

impl World {
    /// At the first moment of a scenario.
    pub(crate) fn new(scenario: &Scenario, trace: Trace) -> Self {
        let chain =
            Chain::new(scenario.chain.clone(), 0..scenario.directors, 0..scenario.validators);
        let mut world = Self {
            clock: Clock::new(trace),
            rng: stream(scenario.seed, Stream::World),
            network: Network::new(scenario.links.clone(), stream(scenario.seed, Stream::Network)),
            chain,
            directors: directors(scenario),
            validators: validators(scenario),
            ledger: Ledger::default(),
            failures: Vec::new(),
            failures_of_bounds: Vec::new(),
            scenario: scenario.clone(),
        };
        world.set_up();
        world
    }

    fn set_up(&mut self) {
        for director in &self.directors {
            if let Some(misdeed) = &director.misdeed {
                self.clock.trace.note(|| format!("d{} does wrong: {misdeed:?}", director.n));
            }
        }
        for validator in &self.validators {
            if let Some(mischief) = &validator.mischief {
                self.clock.trace.note(|| format!("v{} does wrong: {mischief:?}", validator.n));
            }
        }
        for n in 0..self.scenario.directors {
            let at = self.rng.random_range(0..300);
            self.clock.put(at, Event::Restart(Node::Director(n)));
        }
        for n in 0..self.scenario.validators {
            let at = self.rng.random_range(0..1_000);
            self.clock.put(at, Event::Restart(Node::Validator(n)));
            self.publish_later(n, 1_000);
        }
        self.clock.put(self.scenario.chain.block_ms, Event::Block);
        for (number, fault) in self.scenario.faults.clone().iter().enumerate() {
            self.clock.put(fault.at, Event::Begin(number));
            self.clock.put(fault.until, Event::End(number));
        }
    }

    /// Runs to the end, and on while something is under way, for a while.
    pub(crate) fn run(&mut self) {
        let mut end_at = self.scenario.end_at;
        loop {
            while let Some(event) = self.clock.next(end_at) {
                self.handle(event);
                self.hand_out();
            }
            if end_at >= self.scenario.end_at + MOST_LONGER_MS || checks::is_settled(self) {
                return;
            }
            end_at += LONGER_MS;
        }
    }

    /// What came of it.
    pub(crate) fn report(self) -> Report {
        checks::report(&self)
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Network(event) => self.network.handle(&mut self.clock, event),
            Event::Handle(Node::Director(n)) => self.handle_director(n),
            Event::Handle(Node::Validator(n)) => self.handle_validator(n),
            Event::Tell(node, process, event) => {
                if self.process_of(node) == Some(process) {
                    self.clock.tell(node, event);
                }
            }
            Event::Tick(node, process) => {
                if self.process_of(node) == Some(process) {
                    self.clock.tell(node, NodeEvent::Tick);
                    self.clock.put(self.clock.now + tick_ms(node), Event::Tick(node, process));
                }
            }
            Event::Block => self.block(),
            Event::Begin(number) => self.begin(number),
            Event::End(number) => self.end(number),
            Event::Publish(n) => self.publish_random(n),
            Event::Redial(n, peer, process) => self.redial(n, peer, process),
            Event::Restart(node) => self.restart(node),
        }
    }

    /// Puts what nodes were told into their inboxes.
    fn hand_out(&mut self) {
        while !self.clock.told.is_empty() {
            for (node, event) in std::mem::take(&mut self.clock.told) {
                let (inbox, backlog) = match node {
                    Node::Director(n) => match &mut self.directors[usize::from(n)].process {
                        Some(process) => (&mut process.inbox, &mut process.backlog),
                        None => continue,
                    },
                    Node::Validator(n) => match &mut self.validators[usize::from(n)].process {
                        Some(process) => (&mut process.inbox, &mut process.backlog),
                        None => continue,
                    },
                };
                if let Some(backlog) = backlog {
                    backlog.push(event);
                    continue;
                }
                if inbox.is_empty() {
                    self.clock.put(self.clock.now, Event::Handle(node));
                }
                inbox.push(event);
            }
        }
    }

    /// The number of a node's process, while it runs.
    pub(crate) fn process_of(&self, node: Node) -> Option<u64> {
        match node {
            Node::Director(n) => {
                let director = &self.directors[usize::from(n)];
                director.process.as_ref().map(|_| director.process_number)
            }
            Node::Validator(n) => {
                let validator = self.validators.get(usize::from(n))?;
                validator.process.as_ref().map(|_| validator.process_number)
            }
        }
    }

    fn block(&mut self) {
        let changed = self.chain.finalize();
        let number = self.chain.latest().number;
        self.clock.trace.note(|| format!("block {number} {changed:?}"));
        for change in &changed {
            self.check_change(change);
        }
        let nodes: Vec<_> = self.running().collect();
        for (node, process) in nodes {
            let at = self.clock.now + self.rng.random_range(0..=self.scenario.chain.spread_ms);
            self.clock.put(at, Event::Tell(node, process, NodeEvent::Finalized(number)));
        }
        self.clock.put(self.clock.now + self.scenario.chain.block_ms, Event::Block);
    }

    fn running(&self) -> impl Iterator<Item = (Node, u64)> {
        let directors = self.directors.iter().map(DirectorNode::node);
        let validators = self.validators.iter().map(ValidatorNode::node);
        directors.chain(validators).filter_map(|node| Some((node, self.process_of(node)?)))
    }

    /// A process begins, or begins anew.
    fn restart(&mut self, node: Node) {
        self.network.restart(node);
        match node {
            Node::Director(n) => self.start_director(n),
            Node::Validator(n) => self.start_validator(n),
        }
        let Some(process) = self.process_of(node) else { return };
        self.clock.trace.note(|| format!("start {node:?} process {process}"));
        let number = self.chain.latest().number;
        let at = self.clock.now + self.rng.random_range(20..300);
        self.clock.put(at, Event::Tell(node, process, NodeEvent::Finalized(number)));
        let at = self.clock.now + self.rng.random_range(1..=tick_ms(node));
        self.clock.put(at, Event::Tick(node, process));
    }

    /// Whether whoever has this peer key keeps to the rules.
    pub(crate) fn is_honest(&self, key: &PublicKey) -> bool {
        match Node::of(key) {
            Some(Node::Director(n)) => self.directors[usize::from(n)].is_honest(),
            Some(Node::Validator(n)) => {
                self.validators.get(usize::from(n)).is_some_and(ValidatorNode::is_honest)
            }
            None => false,
        }
    }

    /// When a block was finalized.
    pub(crate) fn time_of(&self, number: u64) -> Millis {
        (number - FIRST_BLOCK) * self.scenario.chain.block_ms
    }

    /// The checkpoint of a block, if it is one.
    pub(crate) fn checkpoint(&self, number: u64) -> Option<u64> {
        let interval = self.scenario.chain.checkpoint_interval;
        (number > FIRST_BLOCK && number.is_multiple_of(interval)).then(|| number / interval)
    }
}
