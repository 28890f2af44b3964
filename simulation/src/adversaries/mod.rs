//! Directors and validators that break the rules, one file a misdeed.
//!
//! A director that does wrong runs the honest core; what it sends passes through its [`Misdeed`]. A validator that
//! does wrong runs the honest client, so that it is connected and listens; what it publishes its [`Mischief`] makes.

mod claims;
mod combined;
mod doorman;
mod duplicator;
mod equivocator;
mod far_future;
mod flooder;
mod forger;
mod garbage;
mod hider;
mod reorderer;
mod shirker;
mod two_faced;
mod withholder;

use crate::{Millis, network::Payload, node::Node, scenario::pick};
use director_primitives::PublicKey;
use director_service::director::Frame;
use rand::{Rng, rngs::StdRng};
use std::fmt::Debug;

/// Something that a director does wrong.
pub(crate) trait Misdeed: Debug + Send {
    /// Its name, for counts.
    fn name(&self) -> &'static str;

    /// What is sent instead of this message to this peer. Nothing is changed while it waits for its moment.
    fn send(&mut self, rng: &mut StdRng, to: Node, payload: Payload) -> Vec<Payload>;

    /// What it sends of its own accord to a peer; asked now and then.
    fn idle(&mut self, _rng: &mut StdRng, _to: Node) -> Vec<Payload> {
        Vec::new()
    }

    /// How often it did it.
    fn count(&self) -> u64;
}

/// Something that a validator does wrong.
pub(crate) trait Mischief: Debug + Send {
    /// Its name, for counts.
    fn name(&self) -> &'static str;

    /// What it sends to which of the directors that it is connected to, now.
    fn act(&mut self, rng: &mut StdRng, now: &Moment<'_>) -> Vec<(Node, Payload)>;

    /// How often it did it.
    fn count(&self) -> u64;
}

/// What a validator knows when it does wrong.
pub(crate) struct Moment<'a> {
    /// The time.
    pub(crate) now: Millis,
    /// Newest checkpoint that it has heard of.
    pub(crate) checkpoint: u64,
    /// Directors that it is connected to; at least one.
    pub(crate) directors: &'a [Node],
}

/// What a seed draws for director `n` among `directors` and `validators`.
pub(crate) fn misdeed(rng: &mut StdRng, n: u8, directors: u8, validators: u8) -> Box<dyn Misdeed> {
    let victim = Node::Validator(rng.random_range(0..validators));
    match rng.random_range(0..7) {
        0 => {
            let mut from: Vec<_> = (0..validators).map(Node::Validator).collect();
            from.extend((0..directors).filter(|of| *of != n).map(Node::Director));
            from.retain(|_| rng.random_bool(0.6));
            Box::new(withholder::Withholder::new(victim, from))
        }
        1 => Box::new(duplicator::Duplicator::default()),
        2 => Box::new(forger::Forger::default()),
        3 => Box::new(reorderer::Reorderer::default()),
        4 => Box::new(claims::Liar::new(*pick(rng, &claims::Lie::ALL))),
        5 => Box::new(shirker::Shirker::new(rng.random_bool(0.5))),
        // Nobody but itself gets what this validator says.
        _ => {
            let mut from: Vec<_> = (0..validators).map(Node::Validator).collect();
            from.extend((0..directors).map(Node::Director));
            Box::new(withholder::Withholder::new(victim, from))
        }
    }
}

/// The same director does another wrong thing beside that: one of the two is a lie about what it has.
pub(crate) fn two_misdeeds(
    rng: &mut StdRng,
    first: Box<dyn Misdeed>,
    n: u8,
    directors: u8,
    validators: u8,
) -> Box<dyn Misdeed> {
    let second = match first.name() {
        "lie" => loop {
            let other = misdeed(rng, n, directors, validators);
            if matches!(other.name(), "withhold" | "shirk") {
                break other;
            }
        },
        _ => Box::new(claims::Liar::new(*pick(rng, &claims::Lie::ALL))),
    };
    Box::new(combined::Combined::new(first, second))
}

/// The same director lets validators in and out as it likes, beside that.
pub(crate) fn with_doors_shut(misdeed: Box<dyn Misdeed>) -> Box<dyn Misdeed> {
    Box::new(combined::Combined::new(misdeed, Box::new(doorman::Doorman::default())))
}

/// Hides so many messages of each sequence from everybody who comes.
pub(crate) fn hiding(most: u64) -> Box<dyn Misdeed> {
    Box::new(hider::Hider::new(most))
}

/// What a seed draws for validator `n`.
pub(crate) fn mischief(rng: &mut StdRng, n: u8) -> Box<dyn Mischief> {
    match rng.random_range(0..6) {
        0..2 => Box::new(equivocator::Equivocator::new(n)),
        2 => Box::new(two_faced::TwoFaced::new(n)),
        3 => Box::new(flooder::Flooder::new(n)),
        4 => Box::new(far_future::FarFuture::new(n)),
        _ => Box::new(garbage::Garbage::new(n)),
    }
}

/// The origin of an envelope.
fn origin(frame: &Frame) -> Option<PublicKey> {
    frame.first_chunk().map(|bytes| PublicKey::from_raw(*bytes))
}

/// An envelope with one bit of it turned.
fn altered(rng: &mut StdRng, frame: &Frame) -> Frame {
    let mut bytes = frame.to_vec();
    let at = rng.random_range(0..bytes.len());
    bytes[at] ^= 1 << rng.random_range(0..8);
    bytes.into()
}
