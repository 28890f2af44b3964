//! Every message of an honest validator reaches every honest validator once, or a gap says that it will not.

use super::{Failures, is_in_trouble};
use crate::{
    Millis,
    ledger::{MessageId, Place, Published, Received, name},
    node::Node,
    validator::ValidatorNode,
    world::World,
};
use director_primitives::runtime_api::ValidatorStatus;
use std::collections::{BTreeMap, BTreeSet};

/// What is gone at everybody connected is given up after this time: see the planner's settings.
const GIVE_UP_MS: Millis = 6_000;

/// All of it.
pub(super) fn check(world: &World, failures: &mut Failures) {
    for ((n, process), received) in &world.ledger.received {
        let who = format!("v{n} (process {process})");
        let strange = received.strange.iter();
        failures
            .add(strange.map(|place| format!("{who} got what nobody published: {}", name(place))));
        failures.add(twice(received).map(|place| format!("{who} got twice {}", name(&place))));
        if world.validators[usize::from(*n)].is_strict {
            failures.add(disorder(received).map(|text| format!("{who} {text}")));
        }
    }
    let places = places(world);
    for validator in world.validators.iter().filter(|of| of.is_honest()) {
        if let Some(receiver) = Receiver::of(world, validator) {
            failures.add(receiver.lost(world, &places));
            failures.add(receiver.unfounded_gaps(world));
        }
    }
}

fn twice(received: &Received) -> impl Iterator<Item = Place> {
    received.sequences.iter().flat_map(|((origin, epoch, class), numbers)| {
        let mut seen = BTreeSet::new();
        let again = numbers.iter().filter(move |seq| !seen.insert(**seq));
        again.map(|seq| (*origin, *epoch, *class, *seq))
    })
}

/// Places where a process that wants strict order did not get it.
fn disorder(received: &Received) -> impl Iterator<Item = String> {
    received.sequences.iter().flat_map(|(sequence, numbers)| {
        let gaps = received.gaps.iter().filter(|(_, of, ..)| of == sequence);
        let mut gaps: Vec<_> = gaps.map(|(_, _, first, last)| (*first, *last)).collect();
        gaps.sort_unstable();
        let is_given_up = move |from: u64, to: u64| {
            // The first number that no gap so far covers.
            let covered = |next: u64, (first, last): &(u64, u64)| match *first <= next {
                true => next.max(last.saturating_add(1)),
                false => next,
            };
            gaps.iter().fold(from, covered) > to
        };
        numbers.windows(2).filter_map(move |pair| {
            let &[before, after] = pair else { return None };
            let is_next = after == before + 1;
            let is_fine = is_next || after > before && is_given_up(before + 1, after - 1);
            let (origin, epoch, class) = sequence;
            (!is_fine).then(|| {
                let place = name(&(*origin, *epoch, *class, after));
                format!("got {place} right after number {before}, although it wants strict order")
            })
        })
    })
}

/// Where each message went.
fn places(world: &World) -> BTreeMap<MessageId, Place> {
    world.ledger.places.iter().map(|(place, id)| (*id, *place)).collect()
}

/// A process that should have got messages.
struct Receiver<'a> {
    n: u8,
    process: u64,
    /// From then on.
    since: Millis,
    received: &'a Received,
}

impl<'a> Receiver<'a> {
    /// An authorized validator's process that lives at the end, if it ever was connected.
    fn of(world: &'a World, validator: &ValidatorNode) -> Option<Self> {
        static NOTHING: Received = Received::new();
        let (n, process) = (validator.n, validator.process_number);
        let is_authorized = world.chain.status(n) == Some(ValidatorStatus::Authorized);
        if validator.process.is_none() || !is_authorized {
            return None;
        }
        let since = *world.ledger.settled.get(&(n, process))?;
        let received = world.ledger.received.get(&(n, process)).unwrap_or(&NOTHING);
        Some(Self { n, process, since, received })
    }

    /// Whether it should have this message, or be told that it will not come.
    fn expects(&self, world: &World, message: &Published) -> bool {
        let origin = &world.validators[usize::from(message.origin)];
        let origin_lives = origin.process.is_some() && origin.process_number == message.process;
        let status = world.chain.status(message.origin);
        message.origin != self.n
            && message.at >= self.since
            && origin_lives
            && status == Some(ValidatorStatus::Authorized)
    }

    /// Whether it was told that this will not come, once it was said: that nothing will ever come is not for anybody to say.
    fn is_told(&self, place: &Place, published: Millis) -> bool {
        let (origin, epoch, class, seq) = *place;
        self.received.gaps.iter().any(|(at, of, first, last)| {
            *of == (origin, epoch, class) && (first..=last).contains(&&seq) && *at >= published
        })
    }

    /// Whether it got nothing that comes after that in its sequence.
    fn is_last(&self, (origin, epoch, class, seq): &Place) -> bool {
        let got = self.received.sequences.get(&(*origin, *epoch, *class));
        got.is_none_or(|numbers| numbers.iter().all(|number| number < seq))
    }

    fn lost(
        &self,
        world: &World,
        places: &BTreeMap<MessageId, Place>,
    ) -> impl Iterator<Item = String> {
        world.ledger.published.iter().filter_map(|(id, message)| {
            if !self.expects(world, message) || self.received.messages.contains_key(id) {
                return None;
            }
            let place = places.get(id);
            let is_excused = |place: &Place| {
                self.is_told(place, message.at)
                    || is_with_liars_alone(world, place)
                    // What all small logs have lost is told upon what comes after it, if not before.
                    || !world.scenario.log_holds_all && self.is_last(place)
            };
            if place.is_some_and(is_excused) {
                return None;
            }
            let (n, process, at) = (self.n, self.process, message.at);
            let (origin, class) = (message.origin, message.class);
            let place = place.map_or("never sent".into(), name);
            Some(format!(
                "v{n} (process {process}) never got what v{origin} published at {at} ({class:?}, {place})"
            ))
        })
    }

    /// Gaps in what honest validators said, although a director that nothing was wrong with had the message.
    fn unfounded_gaps(&self, world: &World) -> impl Iterator<Item = String> {
        let gaps = self.received.gaps.iter();
        let gaps = gaps.filter(|(_, (origin, ..), ..)| world.is_honest(origin));
        gaps.flat_map(move |(at, (origin, epoch, class), first, last)| {
            let range = (*origin, *epoch, *class, *first)..=(*origin, *epoch, *class, *last);
            world.ledger.holders.range(range).filter_map(move |(place, _)| {
                let holder = healthy_holder(world, place, *at, self.n)?;
                let (n, process) = (self.n, self.process);
                Some(format!(
                    "v{n} (process {process}) was told at {at} that {} is lost, but d{holder} had it",
                    name(place)
                ))
            })
        })
    }
}

/// Whether no honest director has a message, and one that does wrong told the origin that it has it: those that had it died, or the
/// connection on which the other one was to get it. An origin waits for two directors, and one of them may lie; not also the other fail.
fn is_with_liars_alone(world: &World, place: &Place) -> bool {
    let lives = |(n, process, _): &(u8, u64, Millis)| {
        let director = &world.directors[usize::from(*n)];
        director.process.is_some() && director.process_number == *process
    };
    let holders = world.ledger.holders.get(place);
    let is_gone = holders.is_none_or(|of| !of.iter().any(lives));
    let (origin, epoch, class, seq) = place;
    let confirmed = world.ledger.confirmed.get(&(*origin, *epoch));
    is_gone && confirmed.is_some_and(|to| to[class.index()] >= *seq)
}

/// An honest director with a message in its log at that moment, if neither it nor the validator was in trouble.
fn healthy_holder(world: &World, place: &Place, at: Millis, validator: u8) -> Option<u8> {
    if !world.scenario.log_holds_all || is_in_trouble(world, Node::Validator(validator), at) {
        return None;
    }
    let holders = world.ledger.holders.get(place)?;
    let is_healthy = |(n, process, since): &&(u8, u64, Millis)| {
        let director = &world.directors[usize::from(*n)];
        *since + GIVE_UP_MS <= at
            && director.is_honest()
            && director.process.is_some()
            && director.process_number == *process
            && !is_in_trouble(world, Node::Director(*n), at)
    };
    holders.iter().find(is_healthy).map(|(n, ..)| *n)
}
